/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot.h: the boot that a recording is of. Keys of processes count from boot: what two boots tell of is never one process.
 *
 * A boot id has 16 bytes (PR_SEG_UUID); all 0: not stated.
 */
#ifndef PROCREC_SCHEMA_BOOT_H
#define PROCREC_SCHEMA_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "schema/recording.h"

bool pr_boot_id_is_stated(const uint8_t id[PR_SEG_UUID]);
/* 32 hexadecimal digits, with dashes or without. False: it is none, and *out is left alone. */
bool pr_boot_id_parse(const void *text, size_t n, uint8_t out[PR_SEG_UUID]);
/* As the kernel writes it: 4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f11 */
void pr_boot_id_put(struct pr_buf *b, const uint8_t id[PR_SEG_UUID]);
/* The same, or "(id not recorded)". */
void pr_boot_id_tell(struct pr_buf *b, const uint8_t id[PR_SEG_UUID]);
/* What a frame says of it, where it is a HOST frame; false: nothing. The frame's bytes are untrusted. */
bool pr_boot_id_of_frame(const uint8_t *frame, size_t size, uint8_t out[PR_SEG_UUID]);

/* Whether a frame names another boot than *boot (0: none yet), which becomes that of the frame. */
bool pr_boot_id_changes(uint8_t boot[PR_SEG_UUID], const uint8_t *frame, size_t size);

/* A boot in a directory: all its segments are one trace. */
struct pr_boot {
	struct pr_seg_header first; /* of its first readable segment */
	uint64_t segments; /* readable ones */
};

struct pr_boots {
	struct pr_boot *v; /* owned; oldest first */
	size_t n;
};

/* Those of a directory; of a file, its own. None in a directory without readable segments. */
int pr_boots_load(struct pr_boots *out, const char *path, struct pr_errinfo *ei);
void pr_boots_release(struct pr_boots *b);

/*
 * The one that is meant by 0 (the newest), -1 (the one before), -2, ...; 1 (the oldest), 2, ...: numbers of up to three digits; or by its id,
 * of which the first four digits or more do where no other begins so. PR_EUSAGE.
 */
int pr_boots_find(const struct pr_boots *b, const char *path, const char *text, size_t *out, struct pr_errinfo *ei);

/*
 * The same as what pr_trace_open_boot and pr_trace_open_since take: *out_of is a header of that boot in *room, or NULL where `text` is NULL:
 * nobody asked, so it is the newest, whichever that is when the trace is opened.
 */
int pr_boot_choose(const char *path, const char *text, struct pr_seg_header *room, const struct pr_seg_header **out_of, struct pr_errinfo *ei);

#endif

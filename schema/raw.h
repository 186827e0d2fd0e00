/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw.h: raw streams, plain concatenations of frames as other agents give them, into envelopes.
 *
 * A header that can't be true (less than 16 bytes, more than PR_FRAME_MAX, more than there is) ends the framing: it and
 * all behind it are kept as they are, in PR_ENV_RAW envelopes of at most PR_RAW_CHUNK bytes; nothing is dropped.
 */
#ifndef PROCREC_SCHEMA_RAW_H
#define PROCREC_SCHEMA_RAW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/meter.h"
#include "schema/segment.h"

struct pr_raw_result {
	uint64_t frames; /* framed ones */
	uint64_t bytes; /* in all */
	uint64_t unframed_at; /* byte at which the framing ended */
	uint64_t unframed; /* bytes from there on; 0: all was framed */
	uint32_t claimed; /* the size in the header there */
	bool mixed; /* HOST frames name more than one boot: keys of processes are then not unique */
};

#define PR_RAW_HEAD (64u << 10)

/* The first PR_RAW_HEAD bytes or more of the input, fewer where it has no more: what is to be known before anything is written. */
int pr_raw_read_head(int fd, const char *name, struct pr_buf *out, struct pr_errinfo *ei);
/* The boot id of the first HOST frame among the whole ones in the first PR_RAW_HEAD bytes; 0: none tells. */
void pr_raw_boot_id(const struct pr_buf *head, uint8_t out[PR_SEG_UUID]);

/*
 * Reads fd to its end into w, and tells the meter (may be NULL). 0 also when something was unframed: see out->unframed. head: what was read of
 * it before, taken over; NULL: nothing.
 */
int pr_raw_pack(int fd, const char *name, struct pr_buf *head, struct pr_seg_writer *w, const struct pr_meter *meter, struct pr_raw_result *out,
	struct pr_errinfo *ei);

#define PR_RAW_LEVEL 3 /* the smallest but for 3 %, in a fifth of the time of level 9 */

/*
 * Options of a segment made from frames (kind PR_SEG_PACKED). Its uuid comes from `names`, the bytes of the META envelopes
 * that the caller appends first: the same input gives the same file.
 */
void pr_raw_options(struct pr_seg_options *opt, const void *names, size_t n);

/* META envelopes: the recorded host's name, and the login name of a uid. */
void pr_raw_put_host(struct pr_buf *b, const char *hostname);
void pr_raw_put_user(struct pr_buf *b, uint32_t uid, const char *name);

#endif

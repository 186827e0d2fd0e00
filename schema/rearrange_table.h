/* SPDX-License-Identifier: BSD-2-Clause */
/* rearrange_table.h: which fields of which frames are predicted from what; shared by both directions. Part of the format. */
#ifndef PROCREC_SCHEMA_REARRANGE_TABLE_H
#define PROCREC_SCHEMA_REARRANGE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "schema/frame.h"

/*
 * A class is a kind of frame with a fixed part. The fixed part is cut into columns of 4 bytes, each predicted by the same
 * column of the frame of that class before it, except for `special` ones.
 */
struct pr_re_special {
	uint16_t off; /* in the frame; a multiple of 4 */
	uint8_t width; /* 4 or 8 */
	enum { PR_RE_KTIME, PR_RE_SAME } from; /* predicted by the frame's own common.ktime; or by the column at `arg` */
	uint16_t arg; /* a column of the same width that stands before this one in the list, or is not in it */
};

#define PR_RE_SPECIALS 8

struct pr_re_class {
	uint8_t op;
	uint16_t fixed; /* bytes; a multiple of 4 */
	struct pr_re_special special[PR_RE_SPECIALS]; /* ends with width 0 */
};

#define PR_RE_CLASSES 13 /* class 0 is everything else: no fixed part */
extern const struct pr_re_class pr_re_classes[PR_RE_CLASSES];

/* The class of a frame: by its op, if its envelope is plain and it is long enough for its fixed part; else 0. */
uint8_t pr_re_class_of(uint8_t env_flags, const uint8_t *frame, uint32_t size);

/* The special of class c at frame offset off, or NULL. */
const struct pr_re_special *pr_re_special_at(const struct pr_re_class *c, uint32_t off);

#endif

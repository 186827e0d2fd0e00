/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.h: frames made by user space: by the recorder (keyframe, clocks, counts), by pack and asm (names), by tests.
 *
 * pr_frame_begin ... fields and items ... pr_frame_end writes one frame at the end of a buffer; errors latch in the buffer.
 */
#ifndef PROCREC_SCHEMA_BUILD_H
#define PROCREC_SCHEMA_BUILD_H

#include "base/buf.h"
#include "base/cursor.h"
#include "schema/frame.h"

/* Writes a common header; returns the frame's offset in b, for pr_frame_end. */
size_t pr_frame_begin(struct pr_buf *b, uint8_t op, uint64_t ktime);
/* Sets the frame's size to all that was appended since begin. */
void pr_frame_end(struct pr_buf *b, size_t at);

/* The same inside an envelope, ready for pr_seg_writer_append. */
size_t pr_enveloped_begin(struct pr_buf *b, const struct pr_envelope *env, uint8_t op, uint64_t ktime);
void pr_enveloped_end(struct pr_buf *b, size_t at);

void pr_put_key(struct pr_buf *b, uint32_t pid, uint64_t ktime); /* 16 bytes */
/* Longer than 65535 bytes: cut, with PR_ITEM_CUT in the type. */
void pr_put_item(struct pr_buf *b, uint16_t type, const void *p, size_t n);

struct pr_item_view {
	uint16_t type; /* with PR_ITEM_DESC and PR_ITEM_CUT taken out */
	bool desc, cut;
	const uint8_t *p; /* borrowed */
	uint16_t len;
};

/* The next item; false at the end, and with c->failed set when an item passes the end. */
bool pr_item_next(struct pr_cursor *c, struct pr_item_view *out);

#endif

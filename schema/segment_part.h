/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_part.h: one file of a trace, read record by record. Used by segment_read.c only, which makes one trace of one or
 * more of them.
 */
#ifndef PROCREC_SCHEMA_SEGMENT_PART_H
#define PROCREC_SCHEMA_SEGMENT_PART_H

#include "base/buf.h"
#include "base/pool.h"
#include "schema/segment.h"

/* What reading needs besides a position; shared by the parts of a trace. */
struct pr_seg_scratch {
	struct LZ4F_dctx_s *dctx;
	struct pr_buf comp, stored, raw, scan, rec;
	struct pr_ahead *ahead; /* owned; NULL: blocks are read when they are asked for */
};

int pr_seg_scratch_init(struct pr_seg_scratch *s, struct pr_errinfo *ei);
void pr_seg_scratch_release(struct pr_seg_scratch *s);

/* From now on blocks are read ahead by the pool, which must outlive the scratch; NULL: no more. */
void pr_seg_scratch_set_pool(struct pr_seg_scratch *s, struct pr_pool *pool);

/* Of s->comp, whose link was checked, the block's envelopes as they were appended, into s->raw. NULL, or what is wrong. */
const char *pr_seg_scratch_expand(struct pr_seg_scratch *s, const struct pr_seg_block *d);

struct pr_seg_part {
	struct pr_source *src; /* owned */
	struct pr_seg_scratch *scratch; /* borrowed */
	struct pr_seg_header header;
	struct pr_seg_footer footer;
	bool sealed;
	uint64_t size, end; /* of the file; where blocks end: the footer, or the size of the file */
	uint64_t pos; /* of the next record */
	uint8_t link[PR_SEG_LINK]; /* expected in its prev */
	bool link_known; /* false behind damage: the next good record is taken as it is */
	uint64_t next_number, next_frame; /* expected of the next block */
	uint64_t last_ktime; /* largest ktime_max so far */
	uint64_t tail;
	bool growing; /* it may go on: what is no good at its end is not told yet, since more may come behind it */
	int (*on_record)(void *ctx, const uint8_t *rec, size_t size, uint64_t offset); /* may be NULL */
	void *ctx;
};

/* Takes src over, on failure too. */
int pr_seg_part_open(struct pr_seg_part *p, struct pr_source *src, struct pr_seg_scratch *scratch, struct pr_errinfo *ei);
void pr_seg_part_close(struct pr_seg_part *p);

/* As the functions of pr_seg_reader, with the numbers and offsets of this file. */
int pr_seg_part_next(struct pr_seg_part *r, struct pr_block *out, struct pr_seg_damage *out_damage, struct pr_errinfo *ei);
int pr_seg_part_at(struct pr_seg_part *r, uint64_t offset, struct pr_block *out, struct pr_errinfo *ei);
void pr_seg_part_seek(struct pr_seg_part *r, uint64_t offset, const uint8_t prev_link[PR_SEG_LINK], uint64_t frames_before);
void pr_seg_part_rewind(struct pr_seg_part *r);

/* Looks at the file again; *out_more: it has grown or was closed since. PR_EDATA: it is shorter than what was read of it. */
int pr_seg_part_refresh(struct pr_seg_part *r, bool *out_more, struct pr_errinfo *ei);

#endif

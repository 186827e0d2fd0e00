/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.h: single frames by their number, out of a few blocks that are kept decompressed. Which block holds which frame, the index
 * tells.
 */
#ifndef PROCREC_REPLAY_QUERY_FETCH_H
#define PROCREC_REPLAY_QUERY_FETCH_H

#include "base/err.h"
#include "schema/index.h"
#include "schema/trace.h"

#define PR_FETCH_BLOCKS 16

struct pr_held_block {
	bool used;
	uint64_t offset, first_seq, frames, last_use;
	struct pr_seg_block desc;
	uint8_t *raw; /* owned */
	uint32_t *at; /* owned: offset in raw of the envelope of each counted frame */
};

struct pr_fetch {
	struct pr_seg_reader *seg; /* borrowed */
	struct pr_index *index; /* borrowed */
	struct pr_held_block held[PR_FETCH_BLOCKS];
	uint64_t clock;
	uint64_t loads; /* blocks that were decompressed */
};

void pr_fetch_init(struct pr_fetch *fs, struct pr_seg_reader *seg, struct pr_index *index);
void pr_fetch_release(struct pr_fetch *fs);

/*
 * The counted frame `seq`. Its bytes are valid until PR_FETCH_BLOCKS - 1 other blocks were asked for. PR_ENOENT: no block has
 * it; PR_EDATA: the index names a block that is not there, or does not hold it.
 */
int pr_fetch_get(struct pr_fetch *fs, uint64_t seq, struct pr_frame *out, struct pr_errinfo *ei);

/*
 * The block at `offset` in a copy that is the caller's: *raw is replaced by its bytes, *it walks over them. For a walk in between of which other
 * blocks are asked for. PR_EDATA: there is none, or it is damaged.
 */
int pr_fetch_copy(struct pr_fetch *fs, uint64_t offset, struct pr_buf *raw, struct pr_frame_iter *it, struct pr_errinfo *ei);

/* All frames of the block at `offset`, in order. Non-zero of fn ends the walk. */
int pr_fetch_block(struct pr_fetch *fs, uint64_t offset, int (*fn)(void *ctx, const struct pr_frame *f), void *ctx, struct pr_errinfo *ei);

#endif

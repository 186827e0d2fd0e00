/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gaps.h: finds what is missing in the (cpu, stream) sequences of a stream of envelopes.
 *
 * Feed it every frame in order. It reports a gap when a number is jumped over, when the final STREAM_STATE frame knows of more
 * than was seen, and for each PR_OP_LOSS frame. PR_ENV_REPEAT frames are outside of the sequences.
 */
#ifndef PROCREC_SCHEMA_GAPS_H
#define PROCREC_SCHEMA_GAPS_H

#include "base/map.h"
#include "schema/trace.h"

#define PR_GAP_STREAMS_MAX 65536u /* (cpu, stream) pairs that are followed: a limit against crafted traces */

struct pr_gap_stream {
	uint64_t next;
	uint64_t ktime; /* of the last frame seen */
	bool known; /* `next` is expected */
	bool told; /* since pr_gaps_log, what the frames before that say of it does not matter any more */
};

/*
 * What must be kept of a part of a stream of frames, to find the gaps of the whole without reading the part again: its own gaps, and
 * where it stands towards what comes before.
 */
enum pr_gap_step {
	PR_STEP_TOUCH = 3, /* gaps are steps as well: of the numbers of pr_gap.kind. `next` is the first number of a stream that it has */
	PR_STEP_FORGET, /* damage: nothing is expected of any stream */
	PR_STEP_END, /* at the end, of each stream that it told of */
	PR_STEP_BEGIN, /* a frame that repeats state: streams without a row begin behind it */
	PR_STEP_STATE /* a row of that frame */
};

/* One that was asked for lately: most frames belong to a few pairs, which need no search. */
struct pr_gap_recent {
	uint64_t key;
	struct pr_gap_stream *st; /* borrowed of the map; NULL: none */
};

#define PR_GAP_RECENT 64u

struct pr_gaps {
	struct pr_map streams; /* (cpu, stream) -> struct pr_gap_stream *, owned */
	struct pr_gap_recent recent[PR_GAP_RECENT]; /* by the low bits of the key */
	struct pr_gap_stream untracked; /* stands in for all pairs above the limit; never known */
	uint64_t first_ktime; /* of the trace: where a stream that was never seen may have lost from */
	bool any;
	bool forgot; /* damage lies behind: a stream seen for the first time need not begin at 0 */
	int (*on_gap)(void *ctx, const struct pr_gap *g);
	void *ctx;
	bool at_touch; /* in on_gap: it lies before the first number of its stream since pr_gaps_log */
	bool log; /* streams are `told` now */
	int (*on_step)(void *ctx, enum pr_gap_step step, uint64_t stream, const struct pr_gap_stream *st, uint64_t seq); /* may be NULL */
};

void pr_gaps_init(struct pr_gaps *g, int (*on_gap)(void *ctx, const struct pr_gap *g), void *ctx);
void pr_gaps_release(struct pr_gaps *g);

/* 0, PR_ENOMEM, or what on_gap returned. */
int pr_gaps_frame(struct pr_gaps *g, const struct pr_frame *f);

/* From here on on_step is told TOUCH for each stream once; BEGIN and STATE always. */
void pr_gaps_log(struct pr_gaps *g);

/* Does one of the steps TOUCH to STATE again; `at` as it was told. Reports the gap that a TOUCH finds. 0, PR_ENOMEM, or what on_gap returned. */
int pr_gaps_redo(struct pr_gaps *g, enum pr_gap_step step, uint64_t stream, const struct pr_gap_stream *at, uint64_t seq);

/* (cpu, stream) as one number, as in on_step. */
static inline uint64_t pr_gap_stream_key(uint16_t cpu, uint8_t stream)
{
	return (uint64_t)cpu << 8 | stream;
}

/* Behind damage no number is expected: what is missing there is the damage's, not a second gap. */
void pr_gaps_forget(struct pr_gaps *g);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h: a trace as a stream of frames, whatever it is made of: the only way in which replay/ and the index see it.
 *
 * Damage does not end the stream: it is reported through `on_damage` at its place, and frames go on behind it. Gaps in
 * the (cpu, stream) sequences are found here as well, so that every user of a trace sees the same ones.
 */
#ifndef PROCREC_SCHEMA_TRACE_H
#define PROCREC_SCHEMA_TRACE_H

#include "base/err.h"
#include "schema/segment.h"

/* Frames that are known to be missing, at their place in the stream. */
struct pr_gap {
	enum { PR_GAP_SEQ, PR_GAP_DAMAGE, PR_GAP_LOSS } kind; /* lost before the ring; lost in the file; counted by PR_OP_LOSS */
	uint64_t before_seq; /* seq of the frame that it was noticed at: it lies before it (frames in all: it lies at the end) */
	uint16_t cpu; /* PR_GAP_SEQ; else PR_CPU_NONE */
	uint8_t stream; /* PR_GAP_SEQ, PR_GAP_LOSS */
	uint64_t count; /* frames missing; 0: unknown how many */
	uint64_t ktime_from, ktime_to; /* when the missing frames were emitted: between the neighbours on that stream */
	uint32_t reason; /* PR_GAP_LOSS: enum pr_loss_reason */
};

struct pr_trace;

struct pr_trace_events { /* any may be NULL; returning non-zero ends the reading with that code */
	int (*on_block)(void *ctx, const struct pr_block *b); /* before its frames */
	int (*on_damage)(void *ctx, const struct pr_seg_damage *d);
	int (*on_gap)(void *ctx, const struct pr_gap *g);
	void *ctx;
};

/*
 * Opens the segment at `path`; or, where that is a directory, all its segments of the newest boot as one trace: numbers go on
 * from segment to segment, and what is missing between two is damage.
 */
int pr_trace_open(struct pr_trace **out, const char *path, struct pr_errinfo *ei);
/*
 * The same for who needs only what was recorded from `since` (ktime) on, and the state at that time: of a directory, segments before that
 * are not opened. of: as in pr_trace_open_boot. *out_span: see recording.h; of a file, its header alone.
 */
struct pr_recording_span;
int pr_trace_open_since(struct pr_trace **out, const char *path, uint64_t since, const struct pr_seg_header *of, struct pr_recording_span *out_span,
	struct pr_errinfo *ei);
/* As pr_trace_open, of the boot that `of` belongs to (see pr_boots_load); NULL: the newest. Of a file there is but one. */
int pr_trace_open_boot(struct pr_trace **out, const char *path, const struct pr_seg_header *of, struct pr_errinfo *ei);
/* The same from memory or any other source (taken over). */
int pr_trace_open_source(struct pr_trace **out, struct pr_source *src, struct pr_errinfo *ei);
/* Of n that follow each other, as pr_seg_reader_new_list. */
int pr_trace_open_list(struct pr_trace **out, struct pr_source **src, size_t n, const char *name, struct pr_errinfo *ei);
void pr_trace_close(struct pr_trace *t);

/* As pr_seg_reader_set_pool. */
void pr_trace_set_pool(struct pr_trace *t, struct pr_pool *pool);

struct pr_trace_wait {
	int fd; /* readable when there may be more; -1: nothing tells, look again every now and then, as on any file system that does not tell */
	enum pr_file_writer writer; /* whether a recorder is there that may go on with it */
};

/*
 * Called when all that was written by now was read. Returns 0 to look again, PR_END to take what is there then for the end, or a failure, which
 * ends the reading with that code.
 */
typedef int pr_trace_wait_fn(void *ctx, const struct pr_trace_wait *w, struct pr_errinfo *ei);

/*
 * The same of a trace that is still being written: pr_trace_next goes on with what comes, from file to file in a directory, until the trace is
 * closed and nobody goes on with it. What it gives then is what it would have given afterwards, but that of files which were deleted meanwhile.
 * A recorder that has written nothing yet is waited for.
 */
int pr_trace_follow(struct pr_trace **out, const char *path, pr_trace_wait_fn *wait, void *ctx, struct pr_errinfo *ei);
/* Off: what is there now ends in PR_END, and more may come after it. On at first. */
void pr_trace_set_waiting(struct pr_trace *t, bool waiting);
/* pr_trace_rewind is called no more: files are closed when they were read, so that those which retention deletes take no room. */
void pr_trace_forward(struct pr_trace *t);

void pr_trace_set_events(struct pr_trace *t, const struct pr_trace_events *e);

/*
 * The next frame, META ones included (look at env_flags). 0, PR_END, or a failure. The frame's bytes are valid until the
 * next call. At PR_END the gaps that only the last STREAM_STATE frame shows have been reported.
 */
int pr_trace_next(struct pr_trace *t, struct pr_frame *out, struct pr_errinfo *ei);
void pr_trace_rewind(struct pr_trace *t);

/* The segments under it: for the index and for questions about the file. */
struct pr_seg_reader *pr_trace_segment(struct pr_trace *t);

struct pr_trace_state {
	uint64_t frames; /* counted so far: at PR_END, of the whole trace */
	uint64_t damages; /* damaged places so far */
	uint64_t gaps; /* so far; each damaged place is one */
	bool sealed;
	uint64_t tail_bytes; /* of an open end, known at PR_END */
	uint64_t segments; /* files that it is made of */
	uint64_t left_out; /* segments of other boots in the same directory, which are no part of it */
	uint64_t unreadable; /* segments of the directory that can't be read, and may be a part of it; each place of them is damage */
	bool boot_meant; /* which boot it is of was not left open: it was asked for, or the newest is followed */
	bool outlived; /* followed to its end: there, segments of a later boot begin, which are no part of it */
};
void pr_trace_get_state(const struct pr_trace *t, struct pr_trace_state *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index.h: the index beside a segment, trace.seg.idx. index.sql is its layout.
 *
 * It is derived: the same writer makes it while a trace is recorded, in `reindex`, and in private for a question about a
 * trace that has no usable one. So there is one code path for answers, and they can't differ.
 *
 * Order of frames does not matter. What each frame tells of an identity is a fact; facts of one identity are joined when it
 * ends, or else when all facts are sorted at the end, where the rows are written (sorted, so that the file is dense).
 */
#ifndef PROCREC_SCHEMA_INDEX_H
#define PROCREC_SCHEMA_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "schema/segment.h"
#include "schema/trace.h"

#define PR_INDEX_SUFFIX ".idx"
#define PR_INDEX_SHORT_NS (UINT64_C(1) << 29) /* images that live no longer are not in the table `long` */

struct sqlite3;

/*
 * Where the index of the trace at `path` is: beside it; of a directory of segments, too (there is one for all of them, made by
 * `procrec reindex DIR`, besides those of the segments). The caller frees it; NULL: out of memory.
 */
char *pr_index_path(const char *path);

/* ---- writer ------------------------------------------------------------------------------------------------------ */

struct pr_index_writer;

/*
 * path: of the index, written as path.tmp (mode 0600, a left-over one is replaced) and renamed when it is finished; NULL: a
 * private one that vanishes with its pr_index. The header is copied.
 */
int pr_index_writer_new(struct pr_index_writer **out, const char *path, const struct pr_seg_header *seg, struct pr_errinfo *ei);

/*
 * Takes a block in. Blocks come in the order of the file. The first failure is returned once; after it the writer
 * ignores what it is fed and fails in finish: the trace itself is not to suffer from its index.
 */
int pr_index_writer_block(struct pr_index_writer *w, const struct pr_block *b, struct pr_errinfo *ei);

/* What could not be read before the next block. */
int pr_index_writer_damage(struct pr_index_writer *w, const struct pr_seg_damage *d, struct pr_errinfo *ei);

/* The state of the segment that the index then belongs to: after its footer was written, or the end as it stands. */
struct pr_index_end {
	uint64_t file_size;
	uint64_t frames; /* counted ones */
	bool sealed;
};

/* Frames from the number `until` on are not taken in: before the first block. */
void pr_index_writer_until(struct pr_index_writer *w, uint64_t until);

/* Writes the rows and gives the file its name. */
int pr_index_writer_finish(struct pr_index_writer *w, const struct pr_index_end *end, struct pr_errinfo *ei);

void pr_index_writer_free(struct pr_index_writer *w); /* an unfinished index is removed; NULL is allowed */

/* ---- reader ------------------------------------------------------------------------------------------------------ */

struct pr_index;

/*
 * Opens the index at `path` for the segment that `t` reads. PR_ENOENT: there is none; PR_EDATA: it is not usable (stale,
 * unfinished, damaged, of another segment or version), with the reason in ei.
 */
int pr_index_open(struct pr_index **out, const char *path, struct pr_trace *t, struct pr_errinfo *ei);

/* Builds a private one from the frames: reads the whole trace, which is rewound before and after; its events are set to none. */
int pr_index_build(struct pr_index **out, struct pr_trace *t, struct pr_errinfo *ei);
/* The same of the frames 0 to until - 1 alone, as if no others had been recorded; it reads no further. */
int pr_index_build_until(struct pr_index **out, struct pr_trace *t, uint64_t until, struct pr_errinfo *ei);

/* Indexes of single segments that were not usable; those are read. */
struct pr_index_join_notes {
	size_t n_unusable;
	struct pr_errinfo first; /* why the first of them was not */
};

/*
 * Of a trace of several segments: opens the indexes beside them, which answer together as one of all would. A segment without a usable one
 * is read for it. PR_ENOENT: no segment has any; PR_EDATA: they can't be joined, with the reason in ei. `t` must outlive it. meter:
 * told when all frames must be read after all; may be NULL.
 */
int pr_index_join(struct pr_index **out, struct pr_trace *t, const struct pr_meter *meter, struct pr_index_join_notes *notes, struct pr_errinfo *ei);

/*
 * Builds the index at `path` from the frames, replacing what is there. *out_processes: how many rows (may be NULL).
 */
int pr_index_rebuild(const char *path, struct pr_trace *t, uint64_t *out_processes, struct pr_errinfo *ei);

void pr_index_close(struct pr_index *ix); /* NULL is allowed */

struct sqlite3 *pr_index_db(struct pr_index *ix); /* for `procrec sql`; read-only. Of joined ones: after pr_index_whole */
/* Joined ones become one of all, from the frames: for what takes all rows. Others are whole. */
int pr_index_whole(struct pr_index *ix, struct pr_errinfo *ei);

enum pr_proc_start { PR_START_UNSEEN, PR_START_CLONE, PR_START_EXEC, PR_START_SNAPSHOT };
enum pr_proc_end { PR_ENDED_UNSEEN, PR_ENDED_EXIT, PR_ENDED_EXEC };

struct pr_proc_key {
	uint32_t pid;
	uint64_t ktime;
};

struct pr_proc {
	struct pr_proc_key key;
	struct pr_proc_key parent; /* the value's parent key */
	bool has_parent; /* a frame tells the parent key */
	enum pr_proc_start start;
	bool first_exec; /* first exec after a clone */
	bool inferred; /* the parent key was found by walking tasks, or missed */
	bool conflict; /* frames disagree about parent or end */
	enum pr_proc_end end;
	uint64_t end_ktime; /* when the end was seen */
	uint32_t status; /* wait status, PR_ENDED_EXIT */
	bool has_seq, has_clone_seq, has_end_seq;
	uint64_t seq, clone_seq, end_seq; /* of the frames */
	uint64_t lead; /* frames before seq that its details need */
	bool has_pre;
	uint64_t pre_ktime; /* of the identity (same pid) that was cloned and became this image */
	bool embedded; /* this is that identity, taken out of the row of the image */
};

/* Called for each; non-zero ends the walk with that code. */
typedef int pr_proc_fn(void *ctx, const struct pr_proc *im);

/* 0 or PR_ENOENT. Every reader function returns PR_EDATA when the index turns out to be damaged. */
int pr_index_get(struct pr_index *ix, struct pr_proc_key key, struct pr_proc *out, struct pr_errinfo *ei);

/* The instances of a pid with ktime <= `upto`, newest first. Identities that became an image by exec come right behind it. */
int pr_index_pid(struct pr_index *ix, uint32_t pid, uint64_t upto, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);

/* Those whose parent key is `parent`, by (pid, ktime). */
int pr_index_children(struct pr_index *ix, struct pr_proc_key parent, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);

/* Images that start at or before T and end after it (or whose end was not seen), among those in the table `long`. */
int pr_index_long_at(struct pr_index *ix, uint64_t t, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);

/* All, by (pid, ktime). */
int pr_index_each(struct pr_index *ix, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);

struct pr_index_block {
	uint64_t number, offset, first_seq, frames;
};
/* The block that holds the frame; PR_ENOENT. */
int pr_index_block(struct pr_index *ix, uint64_t seq, struct pr_index_block *out, struct pr_errinfo *ei);
/* Blocks with frames of ktime from..to, in order. */
typedef int pr_index_block_fn(void *ctx, const struct pr_index_block *b);
int pr_index_blocks_at(struct pr_index *ix, uint64_t from, uint64_t to, pr_index_block_fn *fn, void *ctx, struct pr_errinfo *ei);

/* From the first ktime of a frame to the last, or somewhat later. PR_ENOENT: no frame has one. Not of joined ones. */
int pr_index_span(struct pr_index *ix, uint64_t *out_from, uint64_t *out_to, struct pr_errinfo *ei);

int pr_index_gaps(struct pr_index *ix, int (*fn)(void *ctx, const struct pr_gap *g), void *ctx, struct pr_errinfo *ei);
int pr_index_clocks(struct pr_index *ix, int (*fn)(void *ctx, uint64_t ktime, int64_t realtime), void *ctx, struct pr_errinfo *ei);
/* The name in force at frame `seq`, else the first that comes later; empty when there is none. is_host: uid is not looked at. */
int pr_index_name(struct pr_index *ix, bool is_host, uint32_t uid, uint64_t seq, struct pr_buf *out, struct pr_errinfo *ei);

struct pr_index_reparent {
	uint64_t seq;
	struct pr_proc_key from, to;
};
int pr_index_reparents(struct pr_index *ix, struct pr_proc_key key, int (*fn)(void *ctx, const struct pr_index_reparent *r),
	void *ctx, struct pr_errinfo *ei);

struct pr_index_meta {
	uint64_t base; /* ktime that the tables count from: of the first frame */
	uint64_t frames, blocks, gaps, processes;
	uint64_t block_span; /* the longest time that one block covers, ns */
	bool sealed;
	bool names_events; /* each execve, clone and exit frame is named by a row of its process: seq, clone_seq or end_seq */
};
const struct pr_index_meta *pr_index_meta(const struct pr_index *ix);

#endif

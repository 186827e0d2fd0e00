/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_joined.h: the indexes of the segments of a directory, asked as one. Inside of the index only.
 *
 * What a segment's own frames tell of an identity is added up over the segments, by the rules (index_facts.h) by which the writer adds up what the
 * frames of one tell. So the answers are those of one index of all. Frames that only repeat state are passed over, as they are when all
 * segments are read; where something is missing before a segment, what it repeats counts.
 */
#ifndef PROCREC_SCHEMA_INDEX_JOINED_H
#define PROCREC_SCHEMA_INDEX_JOINED_H

#include "schema/gaps.h"
#include "schema/index_priv.h"

/* One or more segments that follow each other, with one index. */
struct pr_unit {
	struct pr_index *ix; /* owned */
	size_t first, n; /* segments */
	bool whole; /* what it repeats counts */
	uint64_t seq_add, offset_add, block_add; /* from its numbers to those of all */
	uint64_t skip_frames, skip_blocks; /* at its beginning, passed over */
};

struct pr_old_key {
	uint32_t pid;
	uint8_t role; /* 0 process, 1 parent */
	uint64_t ktime;
	size_t unit;
};

struct pr_joined_name {
	uint64_t seq;
	bool is_host;
	uint32_t uid;
	size_t at, len; /* in `text` */
};

struct pr_joined {
	struct pr_trace *trace; /* borrowed */
	const struct pr_meter *meter; /* borrowed; NULL: none */
	uint64_t base;
	struct pr_unit *u; /* owned, n of them */
	size_t n;
	struct pr_old_key *old; /* owned; by (role, pid, ktime) */
	size_t n_old, cap_old;
	struct pr_gap *gaps; /* owned */
	size_t n_gaps, cap_gaps;
	struct pr_joined_clock {
		uint64_t ktime;
		int64_t realtime;
	} *clocks; /* owned */
	size_t n_clocks, cap_clocks;
	struct pr_joined_name *names; /* owned */
	size_t n_names, cap_names;
	struct pr_buf text;
	bool *mark; /* owned, n: units that a question is put to */
};

/* Sums up what the units tell of sequences, clocks, names and old keys. PR_END: they can't be joined, see ei. */
int pr_joined_load(struct pr_joined *j, struct pr_errinfo *ei);
void pr_joined_free(struct pr_joined *j); /* NULL is allowed */

/* What is about one identity, or several that are near each other: see pr_joined_gather. */
struct pr_facts_list {
	struct pr_facts *v; /* owned */
	size_t n, cap;
};
int pr_facts_push(struct pr_facts_list *l, const struct pr_facts *f);

/*
 * The rows of a pid with ktimes in lo..hi, relative to the base and by it, as an index of all segments would have them; right for those that are
 * PR_INDEX_SHORT_NS or more inside. `every`: all rows of the pid.
 */
int pr_joined_gather(struct pr_joined *j, uint32_t pid, uint64_t lo, uint64_t hi, bool every, struct pr_facts_list *out, struct pr_errinfo *ei);

/* Marks the units that may know the keys (role, pid, lo..hi). */
void pr_joined_mark(struct pr_joined *j, uint8_t role, uint32_t pid, uint64_t lo, uint64_t hi);

/* As the functions pr_index_* of the same names. */
int pr_joined_get(struct pr_joined *j, struct pr_proc_key key, struct pr_proc *out, struct pr_errinfo *ei);
int pr_joined_pid(struct pr_joined *j, uint32_t pid, uint64_t upto, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);
int pr_joined_children(struct pr_joined *j, struct pr_proc_key parent, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);
int pr_joined_long_at(struct pr_joined *j, uint64_t t, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei);
int pr_joined_block(struct pr_joined *j, uint64_t seq, struct pr_index_block *out, struct pr_errinfo *ei);
int pr_joined_blocks_at(struct pr_joined *j, uint64_t from, uint64_t to, pr_index_block_fn *fn, void *ctx, struct pr_errinfo *ei);
int pr_joined_gaps(struct pr_joined *j, int (*fn)(void *ctx, const struct pr_gap *g), void *ctx);
int pr_joined_clocks(struct pr_joined *j, int (*fn)(void *ctx, uint64_t ktime, int64_t realtime), void *ctx);
int pr_joined_name(struct pr_joined *j, bool is_host, uint32_t uid, uint64_t seq, struct pr_buf *out, struct pr_errinfo *ei);
int pr_joined_reparents(struct pr_joined *j, struct pr_proc_key key, int (*fn)(void *ctx, const struct pr_index_reparent *r), void *ctx,
	struct pr_errinfo *ei);
/* One index of all, from the frames; the caller's. */
int pr_joined_all(struct pr_joined *j, struct pr_index **out, struct pr_errinfo *ei);

#endif

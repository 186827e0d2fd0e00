/* SPDX-License-Identifier: BSD-2-Clause */
/* index_rows.h: the index as a database that is being written. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_ROWS_H
#define PROCREC_SCHEMA_INDEX_ROWS_H

#include <stdint.h>

#include "schema/gaps.h"
#include "schema/index_facts.h"

struct sqlite3;
struct pr_index_rows;

/* path NULL: a private database. The file must not exist or be empty. */
int pr_rows_new(struct pr_index_rows **out, const char *path, struct pr_errinfo *ei);
void pr_rows_free(struct pr_index_rows *r); /* closes the database; NULL is allowed */

/* ktime_min > ktime_max: none of its frames has a time. */
int pr_rows_block(struct pr_index_rows *r, const struct pr_block *b, uint64_t ktime_min, uint64_t ktime_max, struct pr_errinfo *ei);
int pr_rows_gap(struct pr_index_rows *r, const struct pr_gap *g, struct pr_errinfo *ei);
int pr_rows_clock(struct pr_index_rows *r, uint64_t seq, uint64_t ktime, int64_t realtime, struct pr_errinfo *ei);
/* uid < 0: the host's */
int pr_rows_name(struct pr_index_rows *r, uint64_t seq, int64_t uid, const void *p, size_t n, struct pr_errinfo *ei);
int pr_rows_reparent(struct pr_index_rows *r, uint64_t seq, const uint32_t pid[3], const int64_t kt[3], struct pr_errinfo *ei);

/* Of what joins the indexes of several segments. kind: of pr_gap.kind, else enum pr_gap_step with its stream and state. */
int pr_rows_step(struct pr_index_rows *r, int kind, uint64_t stream, const struct pr_gap_stream *st, const struct pr_gap *g, uint64_t seq,
	struct pr_errinfo *ei);
int pr_rows_lead(struct pr_index_rows *r, int kind, uint64_t pid, uint64_t time, struct pr_errinfo *ei);

/* Keys of the segment's own frames, relative to its base: those before `lo` are in the table `old`, none is behind hi. */
struct pr_rows_span {
	int64_t lo, hi;
	bool wild; /* times that no honest trace has: not to be joined */
};
struct pr_rows_span *pr_rows_span(struct pr_index_rows *r); /* lo is to be set before the next */

/* All facts, in any order of calls, sorted and joined by now: the rows of the processes. */
int pr_rows_images(struct pr_index_rows *r, struct pr_sorter *sorted, uint64_t *out_rows, struct pr_errinfo *ei);

/* Of those: how many frames of events none of them names. */
uint64_t pr_rows_folded(const struct pr_index_rows *r);

int pr_rows_meta_int(struct pr_index_rows *r, const char *name, int64_t value, struct pr_errinfo *ei);
int pr_rows_meta_blob(struct pr_index_rows *r, const char *name, const void *p, size_t n, struct pr_errinfo *ei);

/* Builds the secondary index, marks all as complete and commits. */
int pr_rows_commit(struct pr_index_rows *r, struct pr_errinfo *ei);

/* The database of a committed one, which is the caller's from then on. */
struct sqlite3 *pr_rows_take(struct pr_index_rows *r);

/* A failure of SQLite in words. `what`: the path, or "index". */
int pr_rows_error(struct sqlite3 *db, const char *what, int rc, struct pr_errinfo *ei);

/* The database of a private, finished writer; used by pr_index_build. */
struct sqlite3 *pr_index_writer_take(struct pr_index_writer *w);
/* Rows that a finished writer wrote. */
uint64_t pr_index_writer_processes(const struct pr_index_writer *w);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * functions.h: what SQL can ask of a trace beyond its index: functions that read the frames, and the documented views with
 * the text of the processes in them.
 */
#ifndef PROCREC_REPLAY_QUERY_FUNCTIONS_H
#define PROCREC_REPLAY_QUERY_FUNCTIONS_H

#include "replay/query/known.h"

struct sqlite3;
struct sqlite3_context;

struct pr_sql {
	struct pr_lineage *lineage; /* borrowed */
	struct pr_knowns knowns;
	struct pr_names names; /* of it the host's: the one that was asked for last */
	uint64_t steps, max_steps; /* in thousands of SQLite's virtual machine; 0: no limit */
	uint64_t loads; /* blocks read, as far as they were counted as steps */
	bool stopped; /* by that limit */
};

/*
 * Adds to the database of l's index: the table events; binary(pid, ktime), arguments, cwd, user, argv (a JSON array), exec_id, utc(ktime)
 * and ktime_of(time); the views processes, execs, exits with such columns; then takes away everything but reading. *s must outlive the
 * lineage's database, or pr_sql_release be called when no statement is left.
 */
int pr_sql_init(struct pr_sql *s, struct pr_lineage *l, uint64_t max_steps, struct pr_errinfo *ei);
void pr_sql_release(struct pr_sql *s);

/* What can be asked, and is documented: events, processes, execs, exits, gaps, blocks. NULL behind the last. */
const char *pr_sql_view(size_t i);
/* The columns of one of these, in their order, without a trace. Non-zero of fn ends the walk with that code. */
int pr_sql_columns(const char *view, int (*fn)(void *ctx, const char *name), void *ctx, struct pr_errinfo *ei);

/* ---- for events.c --------------------------------------------------------------------------------------------------- */

/* Text where it is valid UTF-8, else the bytes as they are. */
void pr_sql_result(struct sqlite3_context *c, struct pr_slice t);
/* A pr_column_time_fn; ctx: a struct pr_sql. */
bool pr_sql_time(const void *ctx, struct pr_buf *b, uint64_t ktime);
/* The host's name when p began; NULL: not known. Valid until the next call. */
int pr_sql_host(struct pr_sql *s, const struct pr_proc *p, struct pr_name **out, struct pr_errinfo *ei);

#endif

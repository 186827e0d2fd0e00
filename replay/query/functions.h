/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * functions.h: what SQL can ask of a trace beyond its index: functions that read the frames, and the documented views with
 * the text of the processes in them.
 */
#ifndef PROCREC_REPLAY_QUERY_FUNCTIONS_H
#define PROCREC_REPLAY_QUERY_FUNCTIONS_H

#include "replay/query/lineage.h"

struct pr_sql {
	struct pr_lineage *lineage; /* borrowed */
	struct pr_image *image; /* of the process that was asked for last; counted */
	struct pr_proc_key key;
	bool have, known;
	struct pr_proc proc; /* where known */
	uint64_t steps, max_steps; /* in thousands of SQLite's virtual machine; 0: no limit */
	bool stopped; /* by that limit */
};

/*
 * Adds to the database of l's index: binary(pid, ktime), arguments, cwd, user, argv (a JSON array), exec_id, and time(ktime);
 * the views processes, execs, exits with such columns; then takes away everything but reading. *s must outlive the lineage's
 * database, or pr_sql_release be called when no statement is left.
 */
int pr_sql_init(struct pr_sql *s, struct pr_lineage *l, uint64_t max_steps, struct pr_errinfo *ei);
void pr_sql_release(struct pr_sql *s);

#endif

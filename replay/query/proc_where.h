/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proc_where.h: --where EXPR over the processes of a lineage: as in where.h, asked of one image (or clone that ran nothing) at a time.
 *
 * Columns: those of events, as far as they have a meaning: type ('process'), seq, time (of the start), ktime, pid, exec_id, uid, user, name,
 * binary, arguments, argv, cwd, cap_permitted, cap_effective, cap_inheritable, ppid, pktime, snapshot, exit_code, exit_signal, exit_core,
 * status, parent_binary, parent_arguments, parent_uid, parent_user; event_ktime, ref and miss are NULL. And those of the view `processes` of `procrec sql`: how, certainty, cloned_ktime,
 * end_ktime, ended_by, duration, started, ended, start_time, end_time, clone_seq, end_seq, conflict. What is not known at the time that is
 * asked about is NULL.
 */
#ifndef PROCREC_REPLAY_QUERY_PROC_WHERE_H
#define PROCREC_REPLAY_QUERY_PROC_WHERE_H

#include "replay/query/lineage.h"

struct pr_proc_where;

/* PR_EUSAGE with SQLite's complaint. l: borrowed. */
int pr_proc_where_new(struct pr_proc_where **out, const char *option, const char *expr, struct pr_lineage *l, struct pr_errinfo *ei);
void pr_proc_where_free(struct pr_proc_where *w); /* NULL is allowed */

/*
 * at: the time that the lineage is asked about (UINT64_MAX: the end). PR_EUSAGE when the expression fails on these values; PR_EDATA when the
 * index turns out to be no good.
 */
int pr_proc_where_test(struct pr_proc_where *w, const struct pr_link *l, uint64_t at, bool *out, struct pr_errinfo *ei);

#endif

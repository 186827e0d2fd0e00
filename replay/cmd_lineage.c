/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_lineage.c: the views --ancestry and --gaps. */
#include "base/command.h"
#include "replay/answer.h"
#include "replay/lineage_views.h"

/* ---- --ancestry PID: the process, then upward ---------------------------------------------------------------------- */

static int ancestry(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct pr_link link;
	bool yes;
	uint32_t pid;
	int err = pr_answer_pid("ancestry", a->args->value, &pid, ei);

	if (!err)
		err = pr_answer_find(a, pid, &link, ei);
	for (uint64_t depth = 0; !err; depth++) {
		if (!pr_answer_first_time(a, link.proc.key)) {
			pr_note("%s: process %u is its own ancestor here: the trace is not an honest one", a->args->trace, link.proc.key.pid);
			a->doubtful = true;
			break;
		}
		a->doubtful |= link.gap;
		err = pr_answer_selects(a, &link, &yes, ei);
		if (!err && yes)
			err = pr_answer_show(a, &link, depth, ei);
		if (err || !pr_answer_check(a))
			break;
		err = pr_lineage_up(&a->lineage, &link, a->at, &link, ei);
	}
	return err == PR_END ? PR_OK : err;
}

int pr_view_ancestry(struct pr_replay_args *args)
{
	return pr_answer_run(args, ancestry);
}

/* ---- --gaps: what is missing ---------------------------------------------------------------------------------------- */

static int gaps(struct pr_answer *a, struct pr_errinfo *ei)
{
	const struct pr_lineage *l = &a->lineage;

	(void)ei;
	for (size_t i = 0; i < l->n_gaps; i++) {
		const struct pr_gap *g = &l->gaps[i];

		if (g->ktime_from > a->at || g->ktime_to < a->since)
			continue;
		if (a->args->json)
			pr_render_gap_json(&a->renderer, &a->out.buf, g);
		else
			pr_render_gap_text(&a->renderer, &a->out.buf, g);
		a->doubtful = true; /* data is missing: that is what the status says */
		if (!pr_answer_check(a))
			break;
	}
	return PR_OK;
}

int pr_view_gaps(struct pr_replay_args *args)
{
	const struct pr_selection *s = &args->sel;
	struct pr_errinfo ei;

	if (s->where || s->has_pid || s->exec_id)
		return pr_report(pr_fail(&ei, PR_EUSAGE, "replay: what is missing belongs to no process: --gaps takes --at, --since, --until and --until-frame; not --where, --pid, --exec-id"), &ei);
	return pr_answer_run(args, gaps);
}

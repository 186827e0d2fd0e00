/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_events.c: the view that `replay` shows by itself: lifecycle events, one a line, gaps in between at their places. */
#include <unistd.h>

#include "base/out.h"
#include "replay/commands.h"
#include "replay/filter.h"
#include "replay/following.h"
#include "replay/notes.h"
#include "replay/render/lines.h"
#include "replay/session.h"

struct events {
	struct pr_session s;
	struct pr_lines *lines;
	struct pr_out out;
	const struct pr_replay_args *args;
	struct pr_filter filter;
};

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct events *e = ctx;

	pr_notes_damage(e->args->trace, d);
	return PR_OK;
}

/* A gap is shown when it may lie in the time that was asked for. It is no matter of pids: any process may be missing in it. */
static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct events *e = ctx;

	if ((e->s.has_since && g->ktime_to < e->s.since) || (e->s.has_until && g->ktime_from > e->s.until))
		return PR_OK;
	pr_lines_gap(e->lines, g);
	return PR_OK;
}

static int run(struct events *e, struct pr_errinfo *ei)
{
	struct pr_applied a;
	struct pr_event_view v;
	bool shown;
	int err = PR_OK;

	while (!pr_following_stopped(e->args->following) && !(err = pr_session_next(&e->s, &a, ei))) {
		if (a.kind != PR_APPLIED_LIFECYCLE)
			continue;
		pr_event_view_make(&v, &a, &e->s.replayer.cache);
		err = pr_filter_test(&e->filter, &v, &shown, ei);
		if (err)
			return err;
		if (!shown)
			continue;
		if (!pr_lines_event(e->lines, &v)) {
			pr_following_stop(e->args->following);
			break; /* pr_out_close says why */
		}
	}
	return err < 0 ? err : PR_OK;
}

int pr_view_events(struct pr_replay_args *args)
{
	struct events e = {.args = args};
	struct pr_errinfo ei;
	int err, err_out;

	/*
	 * JSON says what an agent would have said, whose cache a clone clears above 3000 entries. A person who reads lines wants
	 * to know what ran: there the cache forgets nothing that lives, unless that limit was asked for.
	 */
	if (!args->json && !args->has_clone_limit)
		args->cache.max_clone_entries = args->cache.max_entries;
	pr_out_init(&e.out, STDOUT_FILENO);
	if (!args->following)
		args->meter = pr_term_meter_unseen(args->term, true, "reading", args->trace);
	else
		args->following->out = &e.out;
	err = pr_session_open(&e.s, args, true, NULL, &ei);
	if (err)
		return pr_report(err, &ei);
	err = pr_filter_init(&e.filter, &args->sel, &e.s, &ei);
	if (err) {
		pr_session_close(&e.s);
		return pr_report(err, &ei);
	}
	pr_trace_set_events(e.s.trace, &(struct pr_trace_events){.on_damage = on_damage, .on_gap = on_gap, .ctx = &e});
	pr_term_begin(args->term);
	e.lines = pr_lines_new(&e.s.timeline, args->json, &args->term->style, &e.out, e.s.pool);
	if (e.lines) {
		err = run(&e, &ei);
		pr_lines_flush(e.lines);
	} else {
		err = pr_fail(&ei, PR_ENOMEM, "out of memory");
	}
	pr_lines_free(e.lines);
	err_out = pr_out_close(&e.out, err ? NULL : &ei);
	err = err ? err : err_out;
	if (!err)
		err = pr_notes_read(e.s.trace, args->trace, e.s.held || pr_following_stopped(args->following), &ei);
	pr_filter_release(&e.filter);
	pr_session_close(&e.s);
	return pr_report(err, &ei);
}

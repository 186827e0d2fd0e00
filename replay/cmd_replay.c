/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_replay.c: options of `procrec replay`, and the choice of the view. A view is an entry of the table; its option, its place
 * in the help and what it shuts out follow from that.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/cache_options.h"
#include "replay/commands.h"
#include "replay/jobs.h"
#include "replay/following.h"
#include "replay/lineage_views.h"
#include "replay/views.h"

#define VIEWS_MAX 16
#define OPTIONS_MAX 40

static const struct pr_view views[] = {
	PR_LINEAGE_VIEWS
	{"cache", pr_view_cache, NULL, false, false, "what the refcounted cache of a live agent held"},
	{"frames", pr_view_frames, NULL, false, false, "every frame as it stands in the trace"},
	{"stats", pr_view_stats, NULL, false, false, "counts: frames by kind, misses, losses, time span"},
};
#define N_VIEWS (sizeof(views) / sizeof(views[0]))
_Static_assert(N_VIEWS <= VIEWS_MAX, "VIEWS_MAX");

/* What the parser fills, view by view. */
struct chosen {
	bool flag[VIEWS_MAX];
	const char *value[VIEWS_MAX];
	bool seen[VIEWS_MAX];
};

static size_t add_view_options(struct pr_option *o, struct chosen *c)
{
	for (size_t i = 0; i < N_VIEWS; i++) {
		const struct pr_view *v = &views[i];

		o[i] = (struct pr_option){.name = v->name, .arg = v->arg, .help = v->help, .seen = &c->seen[i]};
		o[i].type = !v->arg ? PR_OPT_FLAG : v->arg_optional ? PR_OPT_OPTSTR : PR_OPT_STR;
		o[i].value = v->arg ? (void *)&c->value[i] : &c->flag[i];
	}
	return N_VIEWS;
}

static size_t add_options(struct pr_option *o, size_t n, struct pr_replay_args *a)
{
	struct pr_term *term = a->term;
	struct pr_selection *s = &a->sel;
	struct pr_cache_settings *c = &a->cache;
	const struct pr_option rest[] = {
		{0, "json", PR_OPT_FLAG, &a->json, NULL, "one JSON object a line", NULL},
		{0, "at", PR_OPT_STR, &s->at, "TIME", "as it was at TIME: RFC 3339, HH:MM:SS, +1.5s, or ktime in ns", NULL},
		{0, "since", PR_OPT_STR, &s->since, "TIME", "only what happened at TIME or later", NULL},
		{0, "until", PR_OPT_STR, &s->until, "TIME", "only what happened at TIME or earlier", NULL},
		{0, "until-frame", PR_OPT_U64, &s->until_frame, "N", "only the frames 0 to N - 1", &s->has_until_frame},
		{0, "pid", PR_OPT_PID, &s->pid, "PID", "only this process id", &s->has_pid},
		{0, "exec-id", PR_OPT_STR, &s->exec_id, "ID", "only this process image", NULL},
		{0, "boot", PR_OPT_STR, &a->boot, "BOOT", "of a directory: 0 the newest boot, -1 the one before, 1 the oldest, or an id; all, in lineage views", NULL},
		{0, "where", PR_OPT_STR, &s->where, "EXPR", "only what EXPR, in SQL, is true for", NULL},
		PR_JOBS_OPTION(&a->jobs),
		{0, "follow", PR_OPT_OPTSTR, &a->follow, "stdin",
			"go on with what is being written until the trace is closed; =stdin: or standard input ends", NULL},
		{0, "no-index", PR_OPT_FLAG, &a->no_index, NULL, "answer from the frames alone", NULL},
		{0, "diff", PR_OPT_STR, &a->diff, "A..B", "with --cache: what changed between two points (frame numbers; times as @KTIME, +1.5s, ...)", NULL},
		PR_CACHE_OPTIONS(c, &a->has_clone_limit, &a->has_cache_limit),
		PR_TERM_ZONE(term),
		PR_TERM_COLOR(term),
		PR_TERM_WIDE(term),
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};

	_Static_assert(N_VIEWS + sizeof(rest) / sizeof(rest[0]) <= OPTIONS_MAX, "OPTIONS_MAX");
	memcpy(o + n, rest, sizeof(rest));
	return n;
}

bool pr_replay_is_view(const char *word)
{
	for (size_t i = 0; i < N_VIEWS; i++)
		if (!strcmp(views[i].name, word))
			return true;
	return false;
}

/* The view that was asked for; events where none was. */
static int choose(const struct chosen *c, const struct pr_view **out, struct pr_replay_args *a, struct pr_errinfo *ei)
{
	static const struct pr_view events = {"events", pr_view_events, NULL, false, false, NULL};

	*out = NULL;
	for (size_t i = 0; i < N_VIEWS; i++) {
		if (!c->seen[i])
			continue;
		if (*out)
			return pr_fail(ei, PR_EUSAGE, "replay: --%s and --%s are two views: ask for one at a time", (*out)->name,
				views[i].name);
		*out = &views[i];
		a->value = views[i].arg ? c->value[i] : NULL;
	}
	if (!*out)
		*out = &events;
	if (a->follow && (*out)->run != pr_view_events && (*out)->run != pr_view_frames)
		return pr_fail(ei, PR_EUSAGE, "replay: --follow shows events or --frames as they are written; --%s is a look at the whole", (*out)->name);
	if (a->follow && a->boot)
		return pr_fail(ei, PR_EUSAGE, "replay: --follow goes on with the newest boot; leave --boot out");
	if (a->boot && !strcmp(a->boot, "all") && !(*out)->lineage)
		return pr_fail(ei, PR_EUSAGE, "replay: --boot all is for the lineage views and --gaps; others show one boot at a time");
	if ((a->has_clone_limit || a->has_cache_limit) && (*out)->lineage)
		return pr_fail(ei, PR_EUSAGE, "replay: --%s is answered without the cache; leave --cache-max-... out", (*out)->name);
	if (a->diff && (*out)->run != pr_view_cache)
		return pr_fail(ei, PR_EUSAGE, "replay: --diff goes with --cache");
	if (a->diff && (a->sel.at || a->sel.has_until_frame))
		return pr_fail(ei, PR_EUSAGE, "replay: --diff A..B has its own two points; leave --at and --until-frame out");
	return PR_OK;
}

int pr_cmd_replay(struct pr_term *term, int argc, char **argv)
{
	struct pr_replay_args a = {.term = term, .cache = PR_CACHE_SETTINGS_DEFAULT};
	struct pr_option options[OPTIONS_MAX];
	struct chosen c = {0};
	const struct pr_usage usage = {"replay", "TRACE [VIEW] [SELECTION] [--json]",
		"Shows what was recorded: without a view, the events, one a line.", options, 1, 1, false};
	struct pr_following following;
	const struct pr_view *view;
	struct pr_errinfo ei;
	int n, err;

	add_options(options, add_view_options(options, &c), &a);
	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err)
		err = pr_jobs_check("replay", a.jobs, &ei);
	if (!err)
		err = choose(&c, &view, &a, &ei);
	if (!err && a.follow) {
		term->wish.no_pager = true; /* what comes is shown as it comes */
		err = pr_following_begin(&following, a.follow, argv[0], &ei);
		a.following = &following;
	}
	if (err)
		return pr_report(err, &ei);
	a.trace = argv[0];
	return view->run(&a);
}

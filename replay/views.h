/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * views.h: what `procrec replay TRACE` can show. Each view is one entry of a table; cmd_replay.c parses the options, picks
 * the view that was asked for, and runs it. A view opens the trace itself, prints to stdout, and returns the exit status.
 */
#ifndef PROCREC_REPLAY_VIEWS_H
#define PROCREC_REPLAY_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/term.h"
#include "replay/cache/settings.h"

/*
 * What every view takes. Times are as the user typed them (NULL: not given): pr_timeline_parse needs the trace to
 * understand them.
 */
struct pr_selection {
	const char *at, *since, *until;
	const char *exec_id, *where; /* NULL: not given */
	uint64_t until_frame, pid;
	bool has_until_frame, has_pid;
};

struct pr_following;

struct pr_replay_args {
	struct pr_term *term; /* borrowed; NULL: plain text in UTC, no progress */
	const char *trace; /* path */
	const struct pr_meter *meter; /* told while the frames are read; borrowed, NULL: nobody */
	const char *value; /* what followed the view's option, e.g. "4242" of --ancestry 4242; "" when left out; else NULL */
	const char *diff; /* --diff A..B, NULL: not given */
	bool json;
	uint64_t jobs; /* threads that work at it; 0: as many as make sense. See pr_pool_for */
	const char *follow; /* --follow[=MODE]: "" without MODE; NULL: not given */
	struct pr_following *following; /* with it; NULL: without. The view gives it its output */
	const char *boot; /* --boot, as typed; NULL: not given. pr_boots_find understands it, and the lineage views "all" */
	bool no_index; /* --no-index: answer from the frames even where there is an index */
	struct pr_selection sel;
	struct pr_cache_settings cache;
	bool has_clone_limit; /* --cache-max-clone-entries was given */
	bool has_cache_limit; /* another of --cache-max-... was */
};

typedef int pr_view_fn(struct pr_replay_args *a);

struct pr_view {
	const char *name; /* of its option, without the dashes */
	pr_view_fn *run; /* returns an exit status (enum pr_exit) */
	const char *arg; /* name of the option's value in the help, NULL: it takes none */
	bool arg_optional; /* --tree, --tree=PID */
	bool lineage; /* of processes, whatever the boot: takes --boot all */
	const char *help;
};

pr_view_fn pr_view_events, pr_view_cache, pr_view_stats, pr_view_frames;

#endif

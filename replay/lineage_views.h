/* SPDX-License-Identifier: BSD-2-Clause */
/* lineage_views.h: the views that answer questions about lineage, for the table of cmd_replay.c. */
#ifndef PROCREC_REPLAY_LINEAGE_VIEWS_H
#define PROCREC_REPLAY_LINEAGE_VIEWS_H

#include "replay/views.h"

pr_view_fn pr_view_ancestry, pr_view_descendants, pr_view_tree, pr_view_why, pr_view_gaps;

/* struct pr_view initialisers, each ending in a comma */
/* clang-format off */
#define PR_LINEAGE_VIEWS \
	{"ancestry", pr_view_ancestry, "PID", false, true, "who started it, up to the first process"}, \
	{"descendants", pr_view_descendants, "PID", false, true, "what it started, and what that started"}, \
	{"tree", pr_view_tree, "PID", true, true, "the same as a drawing; all without PID; what lived with --at TIME"}, \
	{"why", pr_view_why, "PID", false, true, "its story in sentences"}, \
	{"gaps", pr_view_gaps, NULL, false, true, "what is missing in the trace, and where"},
/* clang-format on */

#endif

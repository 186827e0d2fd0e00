/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * freezer.h: when the history of a rotation is frozen: asked for by a signal, or by a trigger, which a storm of events must not turn into
 * a full disk. Of the writing thread alone.
 */
#ifndef PROCREC_RECORDER_FREEZER_H
#define PROCREC_RECORDER_FREEZER_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/trigger.h"
#include "schema/freeze.h"

#define PR_FREEZES_TOLD 16 /* sets that the summary names; more are counted */
#define PR_FREEZE_WHY 160

struct pr_freeze_options {
	const char *trigger; /* EXPR; NULL: none. Borrowed until pr_freezer_new() returns */
	uint64_t every_ns; /* a trigger freezes once in this time at most */
	uint64_t limit; /* frozen sets that may lie in the directory */
};

struct pr_freezer_state {
	uint64_t n; /* sets made */
	struct {
		struct pr_frozen_set set;
		char why[PR_FREEZE_WHY];
	} made[PR_FREEZES_TOLD]; /* the first ones */
	uint64_t early; /* events that met the trigger too early after one that froze */
	uint64_t refused; /* times that nothing could be frozen */
	char refusal[256]; /* why, the first time */
	uint64_t trigger_failed; /* events for which the expression failed */
	char trouble[256]; /* with the trigger; empty: none */
};

struct pr_freezer;

/* PR_EUSAGE: the trigger is no expression. dir is copied. */
int pr_freezer_new(struct pr_freezer **out, const char *dir, const struct pr_freeze_options *opt, struct pr_errinfo *ei);
void pr_freezer_free(struct pr_freezer *z); /* NULL is allowed */

/* Looks at a block that was written. now: CLOCK_BOOTTIME ns. */
void pr_freezer_block(struct pr_freezer *z, const struct pr_block *b, uint64_t now);
/* By a signal: at any time. */
void pr_freezer_ask(struct pr_freezer *z, const char *why);

/* Is the history to be frozen now? What there is no room for is noted, and forgotten. */
bool pr_freezer_due(struct pr_freezer *z);
/* Freezes all segments of the directory but the one with the series number `but` (UINT64_MAX: none). A failure is noted. */
void pr_freezer_run(struct pr_freezer *z, uint64_t but);

void pr_freezer_get_state(const struct pr_freezer *z, struct pr_freezer_state *out);

#endif

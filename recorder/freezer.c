/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/freezer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pr_freezer {
	char *dir; /* owned */
	struct pr_trigger *trigger; /* owned; NULL: none */
	uint64_t every_ns, limit;
	bool triggered; /* ever, then: */
	uint64_t last_ns;
	bool wanted;
	char why[PR_FREEZE_WHY]; /* wanted: what asked for it */
	struct pr_freezer_state st;
};

int pr_freezer_new(struct pr_freezer **out, const char *dir, const struct pr_freeze_options *opt, struct pr_errinfo *ei)
{
	struct pr_freezer *z = calloc(1, sizeof(*z));
	int err = PR_OK;

	if (!z || !(z->dir = strdup(dir))) {
		free(z);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	z->every_ns = opt->every_ns;
	z->limit = opt->limit;
	if (opt->trigger)
		err = pr_trigger_new(&z->trigger, opt->trigger, ei);
	if (err) {
		pr_freezer_free(z);
		return err;
	}
	*out = z;
	return PR_OK;
}

void pr_freezer_free(struct pr_freezer *z)
{
	if (!z)
		return;
	pr_trigger_free(z->trigger);
	free(z->dir);
	free(z);
}

void pr_freezer_ask(struct pr_freezer *z, const char *why)
{
	if (!z->wanted)
		snprintf(z->why, sizeof(z->why), "%s", why);
	z->wanted = true;
}

void pr_freezer_block(struct pr_freezer *z, const struct pr_block *b, uint64_t now)
{
	char why[PR_FREEZE_WHY];

	if (!z->trigger || !pr_trigger_block(z->trigger, b, why, sizeof(why)))
		return;
	if (z->triggered && now - z->last_ns < z->every_ns) {
		z->st.early++;
		return;
	}
	z->triggered = true;
	z->last_ns = now;
	pr_freezer_ask(z, why);
}

static void refuse(struct pr_freezer *z, const struct pr_errinfo *ei)
{
	if (!z->st.refused++)
		snprintf(z->st.refusal, sizeof(z->st.refusal), "%.*s", (int)sizeof(z->st.refusal) - 1, ei->msg);
	z->wanted = false;
}

bool pr_freezer_due(struct pr_freezer *z)
{
	struct pr_errinfo ei;

	if (z->wanted && pr_freeze_check(z->dir, z->limit, &ei))
		refuse(z, &ei);
	return z->wanted;
}

void pr_freezer_run(struct pr_freezer *z, uint64_t but)
{
	char line[PR_FREEZE_WHY + 64], when[32];
	time_t now = time(NULL);
	struct pr_frozen_set set;
	struct pr_errinfo ei;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(line, sizeof(line), "%s %s\n", when, z->why);
	if (pr_freeze(z->dir, but, line, &set, &ei)) {
		refuse(z, &ei);
		return;
	}
	if (z->st.n < PR_FREEZES_TOLD) {
		z->st.made[z->st.n].set = set;
		memcpy(z->st.made[z->st.n].why, z->why, sizeof(z->why));
	}
	z->st.n++;
	z->wanted = false;
}

void pr_freezer_get_state(const struct pr_freezer *z, struct pr_freezer_state *out)
{
	const char *trouble = z->trigger ? pr_trigger_trouble(z->trigger, &out->trigger_failed) : NULL;
	uint64_t failed = trouble ? out->trigger_failed : 0;

	*out = z->st;
	out->trigger_failed = failed;
	snprintf(out->trouble, sizeof(out->trouble), "%.*s", (int)sizeof(out->trouble) - 1, trouble ? trouble : "");
}

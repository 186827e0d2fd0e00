/* SPDX-License-Identifier: BSD-2-Clause */
#include "ext/traces.h"

#include <string.h>

static void close_slot(struct pr_traces_slot *s)
{
	pr_inner_close(s->in);
	*s = (struct pr_traces_slot){0};
}

/* The one that has the path, else a free one, else the one that was used longest ago; NULL: all are in use. */
static struct pr_traces_slot *slot_for(struct pr_traces *t, const char *path)
{
	struct pr_traces_slot *best = NULL;

	for (size_t i = 0; i < PR_TRACES_MAX; i++) {
		struct pr_traces_slot *s = &t->slots[i];

		if (s->in && !strcmp(pr_inner_path(s->in), path))
			return s;
		if (!s->users && (!best || (best->in && (!s->in || s->last_use < best->last_use))))
			best = s;
	}
	return best;
}

int pr_traces_enter(struct pr_traces *t, const char *path, struct pr_inner **out, struct pr_errinfo *ei)
{
	struct pr_traces_slot *s = slot_for(t, path);
	int err;

	if (!s)
		return pr_fail(ei, PR_ELIMIT, "%s: more than %d traces in one statement", path, PR_TRACES_MAX);
	if (!s->users && s->in && (strcmp(pr_inner_path(s->in), path) || !pr_inner_is_current(s->in)))
		close_slot(s);
	if (!s->in) {
		err = pr_inner_open(&s->in, path, ei);
		if (err)
			return err;
	}
	s->users++;
	s->last_use = ++t->clock;
	*out = s->in;
	return PR_OK;
}

void pr_traces_leave(struct pr_traces *t, struct pr_inner *in)
{
	for (size_t i = 0; i < PR_TRACES_MAX; i++) {
		struct pr_traces_slot *s = &t->slots[i];

		if (s->in != in || --s->users)
			continue;
		if (!pr_inner_is_current(in))
			close_slot(s);
	}
}

void pr_traces_close(struct pr_traces *t)
{
	for (size_t i = 0; i < PR_TRACES_MAX; i++)
		close_slot(&t->slots[i]);
}

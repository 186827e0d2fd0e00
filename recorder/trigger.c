/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "replay/cache/where.h"

#define BINARY_MAX 60 /* bytes of it that are told */

struct pr_trigger {
	struct pr_where *where; /* owned */
	struct pr_replayer replayer;
	bool given_up;
	uint64_t failed;
	struct pr_errinfo ei; /* of the first failure */
};

int pr_trigger_new(struct pr_trigger **out, const char *expr, struct pr_errinfo *ei)
{
	struct pr_cache_settings settings = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_trigger *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = pr_where_new(&t->where, "--trigger", expr, NULL, NULL, ei);
	if (err) {
		free(t);
		return err;
	}
	settings.max_clone_entries = settings.max_entries; /* nothing that lives is forgotten, whatever an agent would do */
	pr_replayer_init(&t->replayer, &settings, NULL);
	*out = t;
	return PR_OK;
}

void pr_trigger_free(struct pr_trigger *t)
{
	if (!t)
		return;
	pr_where_free(t->where);
	pr_replayer_release(&t->replayer);
	free(t);
}

static void tell(const struct pr_event_view *v, char *why, size_t size)
{
	struct pr_buf b = PR_BUF_INIT, scratch = PR_BUF_INIT;
	struct pr_slice s = v->entry ? pr_image_binary(v->entry->image, &scratch) : (struct pr_slice){NULL, 0};

	pr_buf_printf(&b, "%s of process %u, ktime %llu", pr_op_name(v->applied->event->op), v->applied->id.pid,
		(unsigned long long)v->applied->event->ktime);
	if (s.n) {
		pr_buf_str(&b, ": ");
		pr_text_escape(&b, s.p, s.n < BINARY_MAX ? s.n : BINARY_MAX);
	}
	snprintf(why, size, "%.*s", pr_buf_failed(&b) ? 0 : (int)b.len, b.data ? (const char *)b.data : "");
	pr_buf_release(&b);
	pr_buf_release(&scratch);
}

static bool is_event(const struct pr_applied *a)
{
	return a->kind == PR_APPLIED_LIFECYCLE && !(a->event->op == PR_OP_EXECVE && a->event->execve.flags & PR_EXEC_PROCFS);
}

static bool holds(struct pr_trigger *t, const struct pr_event_view *v)
{
	struct pr_errinfo ei;
	bool yes = false;

	if (!pr_where_test(t->where, v, &yes, &ei))
		return yes;
	if (!t->failed++)
		t->ei = ei;
	return false;
}

bool pr_trigger_block(struct pr_trigger *t, const struct pr_block *b, char *why, size_t size)
{
	struct pr_frame_iter it;
	struct pr_applied a;
	struct pr_event_view v;
	struct pr_frame f;
	bool found = false;

	if (b->desc.flags & PR_SEG_BLOCK_REPEAT || t->given_up)
		return false;
	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f)) {
		if (pr_replayer_apply(&t->replayer, &f, &a, &t->ei)) {
			t->given_up = true;
			return found;
		}
		if (found || !is_event(&a)) /* one is enough; the cache needs them all */
			continue;
		pr_event_view_make(&v, &a, &t->replayer.cache);
		found = holds(t, &v);
		if (found)
			tell(&v, why, size);
	}
	return found;
}

const char *pr_trigger_trouble(const struct pr_trigger *t, uint64_t *out_events)
{
	*out_events = t->failed;
	return t->failed || t->given_up ? t->ei.msg : NULL;
}

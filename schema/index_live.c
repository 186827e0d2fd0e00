/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_live.h"

#include <stdlib.h>

#define OPEN_MAX 131072u /* identities in memory; when more live, what is known so far goes to the sorter */

static int stage(struct pr_live *l, const struct pr_facts *f, struct pr_errinfo *ei)
{
	return pr_sorter_add(l->sorter, f, ei);
}

/* Everything in memory goes to the sorter; what frames to come tell of the same identities joins it there. */
int pr_live_end_all(struct pr_live *l, struct pr_errinfo *ei)
{
	struct pr_map_slot *s;
	size_t pos = 0;
	int err = PR_OK;

	while (!err && (s = pr_map_each(&l->open, &pos)))
		err = stage(l, &l->slots[s->v.u], ei);
	pr_map_release(&l->open);
	l->n_slots = l->n_free = 0;
	return err;
}

static bool grow_slots(struct pr_live *l)
{
	size_t cap = l->cap_slots ? l->cap_slots * 2 : 1024;
	struct pr_facts *s = realloc(l->slots, cap * sizeof(*s));
	uint32_t *f;

	if (!s)
		return false;
	l->slots = s;
	f = realloc(l->free_slots, cap * sizeof(*f));
	if (!f)
		return false;
	l->free_slots = f;
	l->cap_slots = cap;
	return true;
}

static struct pr_facts *find(struct pr_live *l, uint32_t pid, int64_t kt)
{
	struct pr_map_slot *s = pr_map_get(&l->open, pid, (uint64_t)kt);

	return s ? &l->slots[s->v.u] : NULL;
}

static void forget(struct pr_live *l, uint32_t pid, int64_t kt)
{
	struct pr_map_slot *s = pr_map_get(&l->open, pid, (uint64_t)kt);

	l->free_slots[l->n_free++] = (uint32_t)s->v.u;
	pr_map_del(&l->open, pid, (uint64_t)kt);
}

/* Adds facts of an identity that goes on living. */
int pr_live_keep(struct pr_live *l, const struct pr_facts *f, struct pr_errinfo *ei)
{
	struct pr_facts *old = find(l, f->pid, f->kt), embedded;
	struct pr_map_slot *s;

	if (old && f->embedded)
		return stage(l, f, ei);
	if (old) {
		if (old->embedded) {
			embedded = pr_facts_extract(old);
			pr_facts_join(old, f);
			return stage(l, &embedded, ei);
		}
		pr_facts_join(old, f);
		return PR_OK;
	}
	if (l->open.len >= OPEN_MAX) {
		int err = pr_live_end_all(l, ei);

		if (err)
			return err;
	}
	if (!l->n_free && l->n_slots == l->cap_slots && !grow_slots(l))
		return pr_fail(ei, PR_ENOMEM, "index: out of memory");
	s = pr_map_put(&l->open, f->pid, (uint64_t)f->kt, NULL);
	if (!s)
		return pr_fail(ei, PR_ENOMEM, "index: out of memory");
	s->v.u = l->n_free ? l->free_slots[--l->n_free] : l->n_slots++;
	l->slots[s->v.u] = *f;
	return PR_OK;
}

/* Adds the end of an identity; it need not have been seen before. */
int pr_live_end(struct pr_live *l, const struct pr_facts *f, struct pr_errinfo *ei)
{
	struct pr_facts *old = find(l, f->pid, f->kt);
	int err;

	if (!old)
		return stage(l, f, ei);
	/* An end does not touch what is embedded. */
	pr_facts_join(old, f);
	err = stage(l, old, ei);
	forget(l, f->pid, f->kt);
	return err;
}

int pr_live_replace(struct pr_live *l, struct pr_facts *x, int64_t old_kt, struct pr_errinfo *ei)
{
	struct pr_facts *old = find(l, x->pid, old_kt);
	struct pr_facts e = {.pid = x->pid, .kt = old_kt, .e = PR_ENDED_EXEC, .e_kt = x->kt, .e_seq = x->x_seq, .repeat = x->repeat};

	if (old && pr_facts_embeddable(x, old) && !find(l, x->pid, x->kt)) {
		pr_facts_embed(x, old);
		forget(l, x->pid, old_kt);
		return PR_OK;
	}
	return pr_live_end(l, &e, ei);
}

void pr_live_release(struct pr_live *l)
{
	pr_sorter_free(l->sorter);
	pr_map_release(&l->open);
	free(l->slots);
	free(l->free_slots);
	*l = (struct pr_live){0};
}

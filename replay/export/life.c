/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.c: the memory of a walk. A life is counted by: being open or referred to by the map as `seen` (one), its grave (the same
 * one), each child. Creators begin before their children, so the links have no cycle.
 */
#include "replay/export/walk.h"

#include <stdlib.h>

struct pr_life *pr_life_find(const struct pr_walk *w, struct pr_id id)
{
	struct pr_map_slot *s = pr_map_get(&w->lives, id.pid, id.ktime);

	return s ? s->v.p : NULL;
}

int pr_life_add_id(struct pr_walk *w, struct pr_life *l, struct pr_id id)
{
	struct pr_map_slot *s;

	if (l->n_ids == l->cap_ids) {
		uint32_t cap = l->cap_ids ? l->cap_ids * 2 : 2;
		struct pr_id *p = realloc(l->ids, cap * sizeof(*p));

		if (!p)
			return PR_ENOMEM;
		l->ids = p;
		l->cap_ids = cap;
	}
	s = pr_map_put(&w->lives, id.pid, id.ktime, NULL);
	if (!s)
		return PR_ENOMEM;
	s->v.p = l;
	l->ids[l->n_ids++] = id;
	return PR_OK;
}

struct pr_life *pr_life_new(struct pr_walk *w, struct pr_id id)
{
	struct pr_life *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->first = l->now.id = id;
	l->now.from = id.ktime;
	l->certainty = l->now.certainty = PR_LIFE_UNKNOWN;
	l->serial = w->n_serials++;
	if (pr_life_add_id(w, l, id)) {
		free(l->ids);
		free(l);
		return NULL;
	}
	return l;
}

static void free_life(struct pr_walk *w, struct pr_life *l)
{
	for (uint32_t i = 0; i < l->n_ids; i++)
		if (pr_life_find(w, l->ids[i]) == l)
			pr_map_del(&w->lives, l->ids[i].pid, l->ids[i].ktime);
	if (l->now.image)
		pr_image_unref(l->now.image);
	if (l->creator_image)
		pr_image_unref(l->creator_image);
	free(l->ids);
	free(l);
}

/* A loop, not a recursion: the last child of a long chain takes the whole chain with it. */
void pr_life_unref(struct pr_walk *w, struct pr_life *l)
{
	while (l && --l->refs == 0) {
		struct pr_life *creator = l->creator;

		free_life(w, l);
		l = creator;
	}
}

static bool is_before(struct pr_id a, struct pr_id b)
{
	return a.ktime != b.ktime ? a.ktime < b.ktime : a.pid < b.pid;
}

static void unlink_creator(struct pr_walk *w, struct pr_life *l)
{
	struct pr_life *old = l->creator;

	if (l->creator_image)
		pr_image_unref(l->creator_image);
	l->creator = NULL;
	l->creator_image = NULL;
	l->certainty = PR_LIFE_UNKNOWN;
	pr_life_unref(w, old);
}

int pr_life_set_creator(struct pr_walk *w, struct pr_life *l, struct pr_id key, enum pr_life_certainty c)
{
	struct pr_life *creator = NULL;

	if (key.pid) {
		creator = pr_life_find(w, key);
		if (!creator)
			creator = pr_life_new(w, key);
		if (!creator)
			return PR_ENOMEM;
		creator->refs++;
	}
	l->refs++; /* it may be its own creator, as far as its frame goes */
	unlink_creator(w, l);
	l->creator_id = key;
	if (creator && !is_before(creator->first, l->first)) {
		if (creator != l)
			pr_life_unref(w, creator);
		else
			l->refs--;
		l->refs--;
		return PR_OK;
	}
	l->refs--;
	l->creator = creator;
	l->certainty = c;
	if (creator && creator->now.image)
		l->creator_image = pr_image_ref(creator->now.image);
	return PR_OK;
}

void pr_life_bury(struct pr_walk *w, struct pr_life *l)
{
	struct pr_life **grave = &w->graves[w->n_buried++ % PR_WALK_GRAVES];
	struct pr_life *old = *grave;

	*grave = l; /* with the reference of having been open */
	pr_life_unref(w, old);
}

void pr_life_release_all(struct pr_walk *w)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	for (size_t i = 0; i < PR_WALK_GRAVES; i++) {
		pr_life_unref(w, w->graves[i]);
		w->graves[i] = NULL;
	}
	for (size_t i = 0; i < PR_WALK_DISPLACED; i++) {
		struct pr_life *l = w->displaced[i];

		if (l && !l->is_over)
			pr_life_unref(w, l);
		pr_life_unref(w, l);
	}
	while ((s = pr_map_each(&w->by_pid, &pos))) /* left open by a walk that ended early */
		pr_life_unref(w, s->v.p);
	pr_map_release(&w->lives);
	pr_map_release(&w->by_pid);
}

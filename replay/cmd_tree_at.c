/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_tree_at.c: --tree at a moment: what lived then, below its creator, or where that had ended, below the nearest creator's creator that
 * lived.
 */
#include <stdlib.h>

#include "replay/lineage_views.h"
#include "replay/tree_walk.h"

struct living {
	struct pr_links v; /* by (pid, ktime) */
	size_t *parent; /* index of the one that it hangs below; itself: a root */
	size_t *first, *sibling; /* lists of children, oldest first; SIZE_MAX ends */
};

static size_t find_living(const struct pr_links *v, struct pr_proc_key k)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct pr_proc_key *m = &v->v[mid].proc.key;

		if (m->pid < k.pid || (m->pid == k.pid && m->ktime < k.ktime))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < v->n && v->v[lo].proc.key.pid == k.pid && v->v[lo].proc.key.ktime == k.ktime ? lo : SIZE_MAX;
}

#define CLIMB_MAX 100000u

/* The one that lives among the identity and what it became by execs until then; SIZE_MAX: none. */
static int find_successor(struct pr_answer *a, const struct living *lv, struct pr_link from, size_t *out, struct pr_errinfo *ei)
{
	int err = PR_OK;

	*out = find_living(&lv->v, from.proc.key);
	for (unsigned n = 0; n < CLIMB_MAX && *out == SIZE_MAX; n++) {
		struct pr_proc_key next = {from.proc.key.pid, from.proc.end_ktime};

		if (!from.known || from.proc.end != PR_ENDED_EXEC || next.ktime > a->at)
			break;
		err = pr_lineage_get(&a->lineage, next, UINT64_MAX, &from, ei);
		if (err)
			break;
		*out = find_living(&lv->v, next);
	}
	return err;
}

/* The nearest creator that lives, or the image that it has become since. */
static int place(struct pr_answer *a, struct living *lv, size_t i, struct pr_errinfo *ei)
{
	struct pr_link at = lv->v.v[i];
	int err = PR_OK;

	lv->parent[i] = i;
	for (unsigned n = 0; n < CLIMB_MAX && !err; n++) {
		size_t k;

		err = pr_lineage_up(&a->lineage, &at, UINT64_MAX, &at, ei);
		if (err)
			return err == PR_END ? PR_OK : err;
		err = find_successor(a, lv, at, &k, ei);
		if (k != SIZE_MAX && k != i) { /* itself: an earlier image of it */
			lv->parent[i] = k;
			return err;
		}
	}
	return err;
}

static int place_all(struct pr_answer *a, struct living *lv, struct pr_errinfo *ei)
{
	size_t n = lv->v.n;
	int err = PR_OK;

	lv->parent = calloc(3 * n + 1, sizeof(size_t));
	if (!lv->parent)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	lv->first = lv->parent + n;
	lv->sibling = lv->first + n;
	for (size_t i = 0; i < n; i++)
		lv->first[i] = lv->sibling[i] = SIZE_MAX;
	for (size_t i = 0; !err && i < n; i++)
		err = place(a, lv, i, ei);
	return err;
}

/* What is selected is kept, and what it hangs below. */
static int mark(struct pr_tree_walk *w, const struct living *lv, struct pr_errinfo *ei)
{
	int err = PR_OK;

	for (size_t i = 0; !err && i < lv->v.n; i++) {
		bool yes;
		size_t k = i;

		err = pr_answer_selects(w->a, &lv->v.v[i], &yes, ei);
		if (err || !yes)
			continue;
		err = pr_tree_keep(w, lv->v.v[i].proc.key, PR_TREE_MATCH, ei);
		while (!err && lv->parent[k] != k) {
			struct pr_proc_key up = lv->v.v[k = lv->parent[k]].proc.key;

			if (pr_map_get(&w->kept, up.pid, up.ktime))
				break;
			err = pr_tree_keep(w, up, PR_TREE_ON_THE_WAY, ei);
		}
	}
	w->pass = PR_TREE_KEPT;
	return err;
}

static void list_children(const struct pr_tree_walk *w, struct living *lv)
{
	for (size_t i = lv->v.n; i-- > 0;) {
		if (lv->parent[i] == i || !pr_tree_kept(w, lv->v.v[i].proc.key))
			continue;
		lv->sibling[i] = lv->first[lv->parent[i]];
		lv->first[lv->parent[i]] = i;
	}
}

/* The children of a living one as links, in a level. */
static int push_living(struct pr_tree_walk *w, const struct living *lv, size_t i, struct pr_errinfo *ei)
{
	struct pr_links *kids;
	size_t n = 0;
	int err = pr_tree_push(w, ei);

	if (err)
		return err;
	kids = &w->levels[w->n - 1].kids;
	for (size_t k = lv->first[i]; k != SIZE_MAX; k = lv->sibling[k])
		n++;
	kids->v = calloc(n + 1, sizeof(*kids->v));
	if (!kids->v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	kids->cap = n + 1;
	for (size_t k = lv->first[i]; k != SIZE_MAX; k = lv->sibling[k])
		kids->v[kids->n++] = lv->v.v[k];
	return PR_OK;
}

static int show_living(struct pr_tree_walk *w, const struct living *lv, size_t root, struct pr_errinfo *ei)
{
	int err = pr_tree_push(w, ei);
	size_t i = root;

	for (;;) {
		if (!err && pr_answer_first_time(w->a, lv->v.v[i].proc.key)) {
			w->a->doubtful |= lv->v.v[i].gap;
			err = pr_tree_show(w, &lv->v.v[i], ei);
			if (!err)
				err = push_living(w, lv, i, ei);
		}
		if (err || !pr_answer_check(w->a))
			break;
		while (w->n > 1 && w->levels[w->n - 1].next == w->levels[w->n - 1].kids.n)
			pr_tree_pop(w);
		if (w->n <= 1)
			break;
		i = find_living(&lv->v, w->levels[w->n - 1].kids.v[w->levels[w->n - 1].next++].proc.key);
	}
	while (w->n)
		pr_tree_pop(w);
	return err;
}

int pr_tree_at(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct living lv = {0};
	struct pr_tree_walk w = {.a = a, .tree = true};
	struct pr_link root;
	uint32_t pid = 0;
	bool one = a->args->value[0] != 0;
	int err = one ? pr_answer_pid("tree", a->args->value, &pid, ei) : PR_OK;

	if (!err && one)
		err = pr_answer_find(a, pid, &root, ei);
	if (!err)
		err = pr_lineage_alive(&a->lineage, a->at, &lv.v, ei);
	if (!err)
		err = place_all(a, &lv, ei);
	if (!err && one && find_living(&lv.v, root.proc.key) == SIZE_MAX)
		err = pr_fail(ei, PR_ENOENT, "%s: process %u had ended by that time", a->args->trace, pid);
	if (!err && a->selective)
		err = mark(&w, &lv, ei);
	if (!err)
		list_children(&w, &lv);
	for (size_t i = 0; !err && i < lv.v.n; i++)
		if ((one ? i == find_living(&lv.v, root.proc.key) : lv.parent[i] == i) && pr_tree_kept(&w, lv.v.v[i].proc.key))
			err = show_living(&w, &lv, i, ei);
	if (!err && pr_lineage_gap_in(&a->lineage, 0, a->at, UINT32_MAX))
		a->doubtful = true;
	free(lv.parent);
	pr_links_release(&lv.v);
	pr_tree_release(&w);
	return err;
}


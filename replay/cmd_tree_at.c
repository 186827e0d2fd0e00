/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_tree_at.c: --tree at a moment: what lived then, below its creator, or where that had ended, below the nearest creator's creator that
 * lived.
 */
#include <stdlib.h>

#include "base/command.h"
#include "base/room.h"
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

/* The one that lives among the identity and what it became by execs until then; SIZE_MAX: none. What an image became is younger. */
static int find_successor(struct pr_answer *a, const struct living *lv, struct pr_link from, size_t *out, struct pr_errinfo *ei)
{
	int err = PR_OK;

	*out = find_living(&lv->v, from.proc.key);
	while (*out == SIZE_MAX) {
		struct pr_proc_key next = {from.proc.key.pid, from.proc.end_ktime};

		if (!from.known || from.proc.end != PR_ENDED_EXEC || next.ktime > a->at || next.ktime <= from.proc.key.ktime)
			break;
		err = pr_lineage_get(&a->lineage, next, UINT64_MAX, &from, ei);
		if (err)
			break;
		*out = find_living(&lv->v, next);
	}
	return err;
}

/* ---- below whom each hangs ------------------------------------------------------------------------------------------ */

#define NOBODY UINT64_MAX
#define ON_THE_WAY (UINT64_MAX - 1)

/*
 * Climbs from all that live. Each identity is looked at once, however many hang below it: where it led to is kept, as the number of
 * who lives or NOBODY. ON_THE_WAY: this climb came by, so that meeting it again is a circle.
 */
struct climb {
	struct pr_answer *a;
	struct living *lv;
	struct pr_map led_to;
	struct step {
		struct pr_proc_key key;
		bool self; /* an earlier image of the one that the climb began with */
	} *steps; /* of this climb; owned */
	size_t n, cap;
	struct pr_errinfo *ei;
};

/* *out: where it leads to, as far as that is known. */
static int come_by(struct climb *c, struct pr_proc_key key, size_t from, bool *out_is_new, uint64_t *out)
{
	struct step *p = pr_room(c->steps, c->n, &c->cap, sizeof(*p));
	struct pr_map_slot *s;

	if (!p)
		return pr_fail(c->ei, PR_ENOMEM, "out of memory");
	c->steps = p;
	s = pr_map_put(&c->led_to, key.pid, key.ktime, out_is_new);
	if (!s)
		return pr_fail(c->ei, PR_ENOMEM, "out of memory");
	*out = *out_is_new ? NOBODY : s->v.u;
	if (*out == ON_THE_WAY) {
		pr_note("%s: process %u is its own ancestor here: the trace is not an honest one", c->a->args->trace, key.pid);
		c->a->doubtful = true;
		*out = NOBODY;
	} else if (*out_is_new || *out == from) {
		p[c->n++] = (struct step){key, *out == from};
		s->v.u = ON_THE_WAY;
	}
	return PR_OK;
}

/* *out: the nearest creator that lives, or the image that it has become since; or NOBODY. */
static int climb_from(struct climb *c, size_t i, uint64_t *out)
{
	struct pr_link at = c->lv->v.v[i];
	bool self = true;
	int err = PR_OK;

	*out = NOBODY;
	while (!err) {
		struct pr_proc_key below = at.proc.key;
		bool is_new;

		err = pr_lineage_up(&c->a->lineage, &at, UINT64_MAX, &at, c->ei);
		if (!err)
			err = come_by(c, at.proc.key, i, &is_new, out);
		if (err)
			break;
		if (is_new) {
			size_t k = SIZE_MAX;
			bool became = at.proc.key.pid == below.pid && at.proc.end == PR_ENDED_EXEC && at.proc.end_ktime == below.ktime;

			/* What it has become was looked at a step ago. */
			if (became)
				k = self ? i : SIZE_MAX;
			else
				err = find_successor(c->a, c->lv, at, &k, c->ei);
			*out = k == SIZE_MAX ? NOBODY : k;
			c->steps[c->n - 1].self = *out == i;
		}
		self = *out == i;
		if (!self && (!is_new || *out != NOBODY))
			break;
	}
	return err == PR_END ? PR_OK : err;
}

static int place(struct climb *c, size_t i)
{
	uint64_t to;
	int err;

	c->n = 0;
	err = climb_from(c, i, &to);
	if (to == i)
		to = NOBODY;
	for (size_t k = 0; k < c->n; k++) {
		struct pr_map_slot *s = pr_map_get(&c->led_to, c->steps[k].key.pid, c->steps[k].key.ktime);

		s->v.u = c->steps[k].self ? i : to;
	}
	c->lv->parent[i] = to == NOBODY ? i : to;
	return err;
}

/* Who hangs below each other in a circle would be shown by nobody: it is cut at one of them, which becomes a root. */
static void cut_circles(struct pr_answer *a, struct living *lv)
{
	size_t *seen = lv->first; /* the number + 1 of the walk that came by; not in use yet */

	for (size_t i = 0; i < lv->v.n; i++) {
		size_t k = i;

		while (!seen[k]) {
			seen[k] = i + 1;
			k = lv->parent[k];
		}
		if (seen[k] != i + 1 || lv->parent[k] == k)
			continue;
		pr_note("%s: process %u is its own ancestor here: the trace is not an honest one", a->args->trace, lv->v.v[k].proc.key.pid);
		a->doubtful = true;
		lv->parent[k] = k;
	}
}

static int place_all(struct pr_answer *a, struct living *lv, struct pr_errinfo *ei)
{
	struct climb c = {.a = a, .lv = lv, .ei = ei};
	size_t n = lv->v.n;
	int err = PR_OK;

	lv->parent = calloc(3 * n + 1, sizeof(size_t));
	if (!lv->parent)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	lv->first = lv->parent + n;
	lv->sibling = lv->first + n;
	for (size_t i = 0; !err && i < n; i++)
		err = place(&c, i);
	cut_circles(a, lv);
	for (size_t i = 0; i < n; i++)
		lv->first[i] = lv->sibling[i] = SIZE_MAX;
	pr_map_release(&c.led_to);
	free(c.steps);
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
	if (!err && one && find_living(&lv.v, root.proc.key) == SIZE_MAX)
		err = pr_fail(ei, PR_ENOENT, "%s: process %u had ended by that time", a->args->trace, pid);
	if (!err)
		err = place_all(a, &lv, ei);
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


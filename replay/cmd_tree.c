/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_tree.c: the views --descendants and --tree, depth first, without recursion. */
#include <stdlib.h>
#include <string.h>

#include "replay/lineage_views.h"
#include "replay/tree_walk.h"

/* Takes out those that are not kept. */
static void drop_others(const struct pr_tree_walk *w, struct pr_links *kids)
{
	size_t n = 0;

	for (size_t i = 0; i < kids->n; i++)
		if (pr_tree_kept(w, kids->v[i].proc.key))
			kids->v[n++] = kids->v[i];
	kids->n = n;
}

/* The one that is visited, and those that it stands below, as far as they are not kept yet. */
static int mark(struct pr_tree_walk *w, const struct pr_link *l, const struct pr_link *root, struct pr_errinfo *ei)
{
	int err = pr_tree_keep(w, l->proc.key, PR_TREE_MATCH, ei);

	for (size_t i = w->n - 1; !err && i-- > 0;) {
		const struct pr_tree_level *lv = &w->levels[i];
		struct pr_proc_key up = i ? lv->kids.v[lv->next - 1].proc.key : root->proc.key;

		if (pr_map_get(&w->kept, up.pid, up.ktime))
			break;
		err = pr_tree_keep(w, up, PR_TREE_ON_THE_WAY, ei);
	}
	return err;
}

static int show(struct pr_tree_walk *w, const struct pr_link *l, const struct pr_link *root, struct pr_errinfo *ei)
{
	bool yes = pr_answer_in_time(w->a, &l->proc) || !l->known;
	int err = PR_OK;

	if (w->pass == PR_TREE_KEPT)
		return pr_tree_show(w, l, ei);
	if (yes && w->pass != PR_TREE_ALL)
		err = pr_answer_selects(w->a, l, &yes, ei);
	if (err || !yes)
		return err;
	return w->pass == PR_TREE_MARK ? mark(w, l, root, ei) : pr_tree_show(w, l, ei);
}

/* Shows l, and puts its children on top of the stack. */
static int visit(struct pr_tree_walk *w, struct pr_link l, const struct pr_link *root, struct pr_errinfo *ei)
{
	int err;

	if (!pr_answer_first_time(w->a, l.proc.key))
		return PR_OK;
	w->a->doubtful |= l.gap;
	err = show(w, &l, root, ei);
	if (!err)
		err = pr_tree_push(w, ei);
	if (!err)
		err = pr_lineage_children(&w->a->lineage, l.proc.key, w->a->at, &w->levels[w->n - 1].kids, ei);
	if (!err)
		drop_others(w, &w->levels[w->n - 1].kids);
	return err;
}

static int go_down(struct pr_tree_walk *w, const struct pr_link *root, struct pr_errinfo *ei)
{
	int err = pr_tree_push(w, ei); /* level 0 holds the root alone */

	if (!err)
		err = visit(w, *root, root, ei);
	while (!err && w->n > 1) {
		struct pr_tree_level *top = &w->levels[w->n - 1];

		if (top->next == top->kids.n) {
			pr_tree_pop(w);
			continue;
		}
		if (!pr_answer_check(w->a))
			break;
		err = visit(w, top->kids.v[top->next++], root, ei);
	}
	while (w->n)
		pr_tree_pop(w);
	return err;
}

typedef int walk_fn(struct pr_tree_walk *w, void *ctx, struct pr_errinfo *ei);

/* Walks as often as what is to be shown needs. */
static int in_passes(struct pr_tree_walk *w, walk_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	int err;

	if (!w->a->selective || !w->tree) {
		w->pass = w->a->selective ? PR_TREE_EACH : PR_TREE_ALL;
		return fn(w, ctx, ei);
	}
	w->pass = PR_TREE_MARK;
	err = fn(w, ctx, ei);
	pr_map_release(&w->a->seen);
	w->pass = PR_TREE_KEPT;
	return err ? err : fn(w, ctx, ei);
}

/* ---- from one process ------------------------------------------------------------------------------------------------ */

/*
 * The first image of the process: what an earlier image of it created belongs to it as well. Each is older than the one it became; a trace that
 * says otherwise could lead round in a circle.
 */
static int first_image(struct pr_answer *a, struct pr_link *l, struct pr_errinfo *ei)
{
	struct pr_link up = *l;
	uint32_t pid = l->proc.key.pid;
	int err = PR_OK;

	while (!err && up.has_parent && up.parent.pid == pid && up.parent.ktime < up.proc.key.ktime) {
		err = pr_lineage_up(&a->lineage, &up, a->at, &up, ei);
		if (!err && up.known)
			*l = up;
	}
	return err == PR_END ? PR_OK : err;
}

static int below(struct pr_tree_walk *w, void *root, struct pr_errinfo *ei)
{
	return pr_tree_kept(w, ((struct pr_link *)root)->proc.key) ? go_down(w, root, ei) : PR_OK;
}

static int below_pid(struct pr_answer *a, const char *view, bool tree, struct pr_errinfo *ei)
{
	struct pr_tree_walk w = {.a = a, .tree = tree};
	struct pr_link root;
	uint32_t pid;
	int err = pr_answer_pid(view, a->args->value, &pid, ei);

	if (!err)
		err = pr_answer_find(a, pid, &root, ei);
	if (!err)
		err = first_image(a, &root, ei);
	if (!err)
		err = in_passes(&w, below, &root, ei);
	pr_tree_release(&w);
	return err;
}

static int descendants(struct pr_answer *a, struct pr_errinfo *ei)
{
	return below_pid(a, "descendants", false, ei);
}

int pr_view_descendants(struct pr_replay_args *args)
{
	return pr_answer_run(args, descendants);
}

/* ---- the whole history: from all that have no parent in the trace ---------------------------------------------------- */

struct roots {
	struct pr_answer *a;
	const struct pr_tree_walk *w;
	struct pr_links v;
	struct pr_map unknown; /* parents that no frame tells of: each is a root once */
	struct pr_errinfo *ei;
};

static int add_root(struct roots *r, const struct pr_link *l)
{
	if (!pr_tree_kept(r->w, l->proc.key))
		return PR_OK;
	if (r->v.n == r->v.cap) {
		size_t cap = r->v.cap ? r->v.cap * 2 : 64;
		struct pr_link *p = realloc(r->v.v, cap * sizeof(*p));

		if (!p)
			return pr_fail(r->ei, PR_ENOMEM, "out of memory");
		r->v.v = p;
		r->v.cap = cap;
	}
	r->v.v[r->v.n++] = *l;
	return PR_OK;
}

static int maybe_root(void *ctx, const struct pr_proc *p)
{
	struct roots *r = ctx;
	struct pr_lineage *l = &r->a->lineage;
	struct pr_link link, up;
	bool is_new;
	int err = pr_lineage_get(l, p->key, r->a->at, &link, r->ei);

	if (err || p->key.ktime > r->a->at)
		return err;
	err = pr_lineage_up(l, &link, r->a->at, &up, r->ei);
	if (err == PR_END)
		return add_root(r, &link);
	if (err || up.known)
		return err;
	if (!pr_map_put(&r->unknown, up.proc.key.pid, up.proc.key.ktime, &is_new))
		return pr_fail(r->ei, PR_ENOMEM, "out of memory");
	return is_new ? add_root(r, &up) : PR_OK;
}

/* What goes in a circle has no root: one of the circle stands for it. */
static int maybe_circle(void *ctx, const struct pr_proc *p)
{
	struct roots *r = ctx;
	struct pr_link link;
	int err;

	if (p->key.ktime > r->a->at || pr_map_get(&r->a->seen, p->key.pid, p->key.ktime) ||
		pr_map_get(&r->a->seen, p->parent.pid, p->parent.ktime))
		return PR_OK;
	err = pr_lineage_get(&r->a->lineage, p->key, r->a->at, &link, r->ei);
	return err ? err : add_root(r, &link);
}

static int by_start(const void *pa, const void *pb)
{
	const struct pr_proc_key *a = &((const struct pr_link *)pa)->proc.key, *b = &((const struct pr_link *)pb)->proc.key;

	if (a->ktime != b->ktime)
		return a->ktime < b->ktime ? -1 : 1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static int show_roots(struct roots *r, struct pr_tree_walk *w)
{
	int err = PR_OK;

	if (r->v.n)
		qsort(r->v.v, r->v.n, sizeof(*r->v.v), by_start);
	for (size_t i = 0; !err && i < r->v.n; i++)
		if (!pr_map_get(&r->a->seen, r->v.v[i].proc.key.pid, r->v.v[i].proc.key.ktime))
			err = go_down(w, &r->v.v[i], r->ei);
	r->v.n = 0;
	return err;
}

static int all_roots(struct pr_tree_walk *w, void *ctx, struct pr_errinfo *ei)
{
	struct roots r = {.a = w->a, .w = w, .ei = ei};
	int err = pr_index_each(w->a->lineage.index, maybe_root, &r, ei);

	(void)ctx;
	if (!err)
		err = show_roots(&r, w);
	if (!err)
		err = pr_index_each(w->a->lineage.index, maybe_circle, &r, ei);
	if (!err)
		err = show_roots(&r, w);
	pr_links_release(&r.v);
	pr_map_release(&r.unknown);
	return err;
}

static int all_trees(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct pr_tree_walk w = {.a = a, .tree = true};
	int err = in_passes(&w, all_roots, NULL, ei);

	pr_tree_release(&w);
	return err;
}

static int tree(struct pr_answer *a, struct pr_errinfo *ei)
{
	int err = a->args->value[0] ? PR_OK : pr_answer_only_exec_id(a, ei);

	if (err)
		return err;
	if (a->has_at)
		return pr_tree_at(a, ei);
	return a->args->value[0] ? below_pid(a, "tree", true, ei) : all_trees(a, ei);
}

int pr_view_tree(struct pr_replay_args *args)
{
	return pr_answer_run(args, tree);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_tree.c: the views --descendants and --tree, depth first, without recursion.
 *
 * --tree with --at shows what lived then: below its creator, or where that had ended, below the nearest creator's creator
 * that lived.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/answer.h"
#include "replay/lineage_views.h"

#define INDENT_MAX 48 /* levels that are drawn; deeper ones are numbered */

struct level {
	struct pr_links kids;
	size_t next;
	bool shown; /* the process that these are the children of */
};

struct walk {
	struct pr_answer *a;
	struct level *levels; /* owned */
	size_t n, cap;
	bool tree; /* draw it */
};

static int push_level(struct walk *w, struct pr_errinfo *ei)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct level *p = realloc(w->levels, cap * sizeof(*p));

		if (!p)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		w->levels = p;
		w->cap = cap;
	}
	w->levels[w->n++] = (struct level){0};
	return PR_OK;
}

static void release_walk(struct walk *w)
{
	while (w->n)
		pr_links_release(&w->levels[--w->n].kids);
	free(w->levels);
}

/* The lines to the left of a node whose ancestors are the levels up to `depth`. */
static void draw(const struct walk *w, struct pr_buf *b, size_t depth)
{
	for (size_t i = 1; i < depth && i < INDENT_MAX; i++) {
		const struct level *lv = &w->levels[i];
		bool more = lv->next < lv->kids.n;

		if (i + 1 == depth || i + 1 == INDENT_MAX)
			pr_buf_str(b, more ? "\u251c\u2500 " : "\u2514\u2500 ");
		else
			pr_buf_str(b, more ? "\u2502  " : "   ");
	}
	if (depth > INDENT_MAX)
		pr_buf_printf(b, "(level %zu) ", depth);
}

static int show_node(struct walk *w, const struct pr_link *l, struct pr_errinfo *ei)
{
	struct pr_answer *a = w->a;
	struct pr_process_view v = {.link = l, .depth = w->n - 1};
	struct pr_image *image;
	size_t from;
	int err;

	if (!w->tree || a->args->json)
		return pr_answer_show(a, l, w->n - 1, ei);
	err = pr_answer_load(a, l, &image, ei);
	if (err)
		return err;
	v.image = image;
	from = a->out.buf.len;
	draw(w, &a->out.buf, w->n);
	pr_paint(&a->out.buf, a->renderer.style, PR_ROLE_MINOR, from);
	pr_render_process_node(&a->renderer, &a->out.buf, from, &v);
	pr_buf_u8(&a->out.buf, '\n');
	if (image)
		pr_image_unref(image);
	return PR_OK;
}

/* Shows l, and puts its children on top of the stack. */
static int visit(struct walk *w, struct pr_link l, struct pr_errinfo *ei)
{
	int err;

	if (!pr_answer_first_time(w->a, l.proc.key))
		return PR_OK;
	w->a->doubtful |= l.gap;
	err = pr_answer_in_time(w->a, &l.proc) || !l.known ? show_node(w, &l, ei) : PR_OK;
	if (!err)
		err = push_level(w, ei);
	if (!err)
		err = pr_lineage_children(&w->a->lineage, l.proc.key, w->a->at, &w->levels[w->n - 1].kids, ei);
	return err;
}

static int go_down(struct walk *w, const struct pr_link *root, struct pr_errinfo *ei)
{
	int err = push_level(w, ei); /* level 0 holds the root alone */

	if (!err)
		err = visit(w, *root, ei);
	while (!err && w->n > 1) {
		struct level *top = &w->levels[w->n - 1];

		if (top->next == top->kids.n) {
			pr_links_release(&top->kids);
			w->n--;
			continue;
		}
		if (!pr_answer_check(w->a))
			return PR_OK;
		err = visit(w, top->kids.v[top->next++], ei);
	}
	while (w->n)
		pr_links_release(&w->levels[--w->n].kids);
	return err;
}

/* ---- from one process ------------------------------------------------------------------------------------------------ */

/* The first image of the process: what an earlier image of it created belongs to it as well. */
static int first_image(struct pr_answer *a, struct pr_link *l, struct pr_errinfo *ei)
{
	struct pr_link up = *l;
	uint32_t pid = l->proc.key.pid;
	int err = PR_OK;

	for (uint64_t i = 0; !err && up.has_parent && up.parent.pid == pid && i < UINT32_MAX; i++) {
		err = pr_lineage_up(&a->lineage, &up, a->at, &up, ei);
		if (!err && up.known)
			*l = up;
	}
	return err == PR_END ? PR_OK : err;
}

static int below_pid(struct pr_answer *a, const char *view, bool tree, struct pr_errinfo *ei)
{
	struct walk w = {.a = a, .tree = tree};
	struct pr_link root;
	uint32_t pid;
	int err = pr_answer_pid(view, a->args->value, &pid, ei);

	if (!err)
		err = pr_answer_find(a, pid, &root, ei);
	if (!err)
		err = first_image(a, &root, ei);
	if (!err)
		err = go_down(&w, &root, ei);
	release_walk(&w);
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
	struct pr_links v;
	struct pr_map unknown; /* parents that no frame tells of: each is a root once */
	struct pr_errinfo *ei;
};

static int add_root(struct roots *r, const struct pr_link *l)
{
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

static int show_roots(struct roots *r, struct walk *w)
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

static int all_trees(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct roots r = {.a = a, .ei = ei};
	struct walk w = {.a = a, .tree = true};
	int err = pr_index_each(a->lineage.index, maybe_root, &r, ei);

	if (!err)
		err = show_roots(&r, &w);
	if (!err)
		err = pr_index_each(a->lineage.index, maybe_circle, &r, ei);
	if (!err)
		err = show_roots(&r, &w);
	release_walk(&w);
	pr_links_release(&r.v);
	pr_map_release(&r.unknown);
	return err;
}

/* ---- at a time: what lived ------------------------------------------------------------------------------------------- */

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
	for (size_t i = n; i-- > 0;) {
		if (lv->parent[i] == i)
			continue;
		lv->sibling[i] = lv->first[lv->parent[i]];
		lv->first[lv->parent[i]] = i;
	}
	return err;
}

/* The children of a living one as links, in a level. */
static int push_living(struct walk *w, const struct living *lv, size_t i, struct pr_errinfo *ei)
{
	struct pr_links *kids;
	size_t n = 0;
	int err = push_level(w, ei);

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

static int show_living(struct walk *w, const struct living *lv, size_t root, struct pr_errinfo *ei)
{
	int err = push_level(w, ei);
	size_t i = root;

	for (;;) {
		if (!err && pr_answer_first_time(w->a, lv->v.v[i].proc.key)) {
			w->a->doubtful |= lv->v.v[i].gap;
			err = show_node(w, &lv->v.v[i], ei);
			if (!err)
				err = push_living(w, lv, i, ei);
		}
		if (err || !pr_answer_check(w->a))
			break;
		while (w->n > 1 && w->levels[w->n - 1].next == w->levels[w->n - 1].kids.n)
			pr_links_release(&w->levels[--w->n].kids);
		if (w->n <= 1)
			break;
		i = find_living(&lv->v, w->levels[w->n - 1].kids.v[w->levels[w->n - 1].next++].proc.key);
	}
	while (w->n)
		pr_links_release(&w->levels[--w->n].kids);
	return err;
}

static int tree_at(struct pr_answer *a, struct pr_errinfo *ei)
{
	struct living lv = {0};
	struct walk w = {.a = a, .tree = true};
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
	if (!err && one)
		err = show_living(&w, &lv, find_living(&lv.v, root.proc.key), ei);
	for (size_t i = 0; !err && !one && i < lv.v.n; i++)
		if (lv.parent[i] == i)
			err = show_living(&w, &lv, i, ei);
	if (!err && pr_lineage_gap_in(&a->lineage, 0, a->at, UINT32_MAX))
		a->doubtful = true;
	free(lv.parent);
	pr_links_release(&lv.v);
	release_walk(&w);
	return err;
}

static int tree(struct pr_answer *a, struct pr_errinfo *ei)
{
	if (a->has_at)
		return tree_at(a, ei);
	return a->args->value[0] ? below_pid(a, "tree", true, ei) : all_trees(a, ei);
}

int pr_view_tree(struct pr_replay_args *args)
{
	return pr_answer_run(args, tree);
}

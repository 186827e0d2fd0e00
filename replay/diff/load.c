/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c: a trace becomes a tree of processes. */
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/text.h"
#include "replay/diff/diff.h"
#include "replay/notes.h"

static int add_node(struct pr_diff_side *s, struct pr_diff_node n)
{
	struct pr_diff_node *v = pr_room(s->nodes, s->n_nodes, &s->cap_nodes, sizeof(*v));

	if (!v)
		return PR_ENOMEM;
	s->nodes = v;
	n.image = n.last_image = n.match = PR_DIFF_NONE;
	v[s->n_nodes++] = n;
	return PR_OK;
}

static int on_begin(void *ctx, struct pr_life *l, uint64_t when)
{
	struct pr_diff_side *s = ctx;

	(void)when;
	if (l->mark)
		return PR_OK;
	l->mark = s->n_nodes;
	return add_node(s, (struct pr_diff_node){.first = l->first});
}

static int on_image(void *ctx, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_diff_side *s = ctx;
	struct pr_diff_node *n = &s->nodes[l->mark];
	struct pr_diff_image *v;

	if (!l->mark || (!l->is_over && im->number == 0 && im->start == PR_LIFE_CLONE)) /* between clone and exec */
		return PR_OK;
	v = pr_room(s->images, s->n_images, &s->cap_images, sizeof(*v));
	if (!v)
		return PR_ENOMEM;
	s->images = v;
	v[s->n_images] = (struct pr_diff_image){im->image ? pr_image_ref(im->image) : NULL, im->id, im->start == PR_LIFE_CLONE,
		im->start == PR_LIFE_EXEC, PR_DIFF_NONE};
	if (n->n_images++)
		v[n->last_image].next = (uint32_t)s->n_images;
	else
		n->image = (uint32_t)s->n_images;
	n->last_image = (uint32_t)s->n_images++;
	return PR_OK;
}

static int on_life(void *ctx, struct pr_life *l)
{
	struct pr_diff_side *s = ctx;
	struct pr_diff_node *n = &s->nodes[l->mark];

	if (!l->mark)
		return PR_OK;
	n->creator = l->creator ? (uint32_t)l->creator->mark : 0;
	n->end = l->end;
	n->status = l->status;
	n->duration_ns = l->end_ktime > l->first.ktime ? l->end_ktime - l->first.ktime : 0;
	return PR_OK;
}

static int on_own(void *ctx, const struct pr_event *ev)
{
	struct pr_diff_side *s = ctx;
	struct pr_own_item it;
	struct pr_slice left;
	uint64_t v;

	if (ev->op != PR_OP_RECORDER || s->root_pid)
		return PR_OK;
	left = ev->own.items;
	while (pr_own_item_next(&left, &it))
		if (it.type == PR_ITEM_ROOT_PID && pr_own_item_number(&it, &v) && v <= UINT32_MAX)
			s->root_pid = (uint32_t)v;
	return PR_OK;
}

/* ---- the tree ------------------------------------------------------------------------------------------------------- */

static int by_creator(const void *a, const void *b, void *ctx)
{
	const struct pr_diff_side *s = ctx;
	const struct pr_diff_node *x = &s->nodes[*(const uint32_t *)a], *y = &s->nodes[*(const uint32_t *)b];

	if (x->creator != y->creator)
		return x->creator < y->creator ? -1 : 1;
	if (x->first.ktime != y->first.ktime)
		return x->first.ktime < y->first.ktime ? -1 : 1;
	return pr_id_compare(x->first, y->first);
}

static int make_kids(struct pr_diff_side *s)
{
	size_t n = s->n_nodes - 1;

	s->kids = malloc((2 * n + 1) * sizeof(*s->kids)); /* behind them: the selected roots */
	s->order = malloc((n + 1) * sizeof(*s->order));
	if (!s->kids || !s->order)
		return PR_ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->kids[i] = (uint32_t)i + 1;
	qsort_r(s->kids, n, sizeof(*s->kids), by_creator, s);
	for (size_t i = 0; i < n; i++) {
		struct pr_diff_node *c = &s->nodes[s->nodes[s->kids[i]].creator];

		if (!c->n_kids++)
			c->kids = (uint32_t)i;
	}
	return PR_OK;
}

static bool is_named(const struct pr_diff_side *s, const struct pr_diff_node *n, const char *name)
{
	struct pr_buf scratch = PR_BUF_INIT;
	bool found = false;

	for (uint32_t i = n->image; !found && i != PR_DIFF_NONE; i = s->images[i].next) {
		struct pr_slice b = pr_life_binary(s->images[i].im, &scratch);
		const uint8_t *base = b.n ? memrchr(b.p, '/', b.n) : NULL;
		size_t skip = base && !strchr(name, '/') ? (size_t)(base - b.p) + 1 : 0;

		found = !s->images[i].is_fork && b.n - skip == strlen(name) && !memcmp(b.p + skip, name, b.n - skip);
	}
	pr_buf_release(&scratch);
	return found;
}

/* Puts what is below `top` into `order`, each before its children, children in order. Keeps a stack in `stack`. */
static void put_order(struct pr_diff_side *s, uint32_t top, uint32_t *stack)
{
	size_t n = 0;

	stack[n++] = top;
	while (n) {
		struct pr_diff_node *p = &s->nodes[stack[--n]];

		s->order[s->n_order++] = stack[n];
		for (uint32_t k = p->n_kids; k-- > 0;) {
			s->nodes[s->kids[p->kids + k]].depth = p->depth + 1;
			stack[n++] = s->kids[p->kids + k];
		}
	}
}

/* The first with that pid; or the uppermost with that name, which `order` of all gives first. */
static size_t pick_roots(struct pr_diff_side *s, const char *root, bool by_pid, uint64_t pid)
{
	uint32_t *roots = s->kids + s->n_nodes - 1;
	size_t n = 0;

	for (size_t i = 1; i < s->n_order; i++) {
		struct pr_diff_node *p = &s->nodes[s->order[i]];
		bool inside = p->creator && s->nodes[p->creator].match == 0;

		if (inside) {
			p->match = 0;
		} else if (by_pid ? p->first.pid == pid && !n : is_named(s, p, root)) {
			p->match = 0;
			roots[n++] = s->order[i];
		}
	}
	for (size_t i = 1; i < s->n_nodes; i++)
		s->nodes[i].match = PR_DIFF_NONE;
	return n;
}

/* The recorded command began as a copy of the recorder, which is none of the command's. */
static void drop_recorder(struct pr_diff_side *s, struct pr_diff_node *n)
{
	if (n->n_images < 2 || s->images[n->image].is_exec)
		return;
	n->image = s->images[n->image].next;
	n->n_images--;
}

static int select_root(struct pr_diff_side *s, const char *path, const char *root, struct pr_errinfo *ei)
{
	uint32_t *stack = malloc((s->n_nodes + 1) * sizeof(*stack));
	uint64_t pid = s->root_pid;
	bool by_pid = root ? pr_parse_u64(root, false, &pid) : pid != 0;
	size_t n;
	int err = PR_OK;

	if (!stack)
		return PR_ENOMEM;
	put_order(s, 0, stack);
	if (root || pid) {
		n = pick_roots(s, root, by_pid, pid);
		if (!n && root)
			err = pr_fail(ei, PR_ENOENT, "%s: there is no process '%s' (--root takes a pid, or the name or path of a program)", path, root);
		if (n) {
			s->nodes[0].kids = (uint32_t)s->n_nodes - 1;
			s->nodes[0].n_kids = (uint32_t)n;
			s->n_order = 0;
			put_order(s, 0, stack);
			if (!root)
				drop_recorder(s, &s->nodes[s->order[1]]);
		}
	}
	free(stack);
	for (size_t i = 1; !err && i < s->n_order; i++)
		if (!pr_map_put(&s->pids, s->nodes[s->order[i]].first.pid, 0, NULL))
			err = PR_ENOMEM;
	for (size_t i = s->n_order; i-- > 0;) {
		struct pr_diff_node *p = &s->nodes[s->order[i]];

		p->size++;
		for (uint32_t k = 0; k < p->n_kids; k++)
			p->size += s->nodes[s->kids[p->kids + k]].size;
	}
	return err;
}

int pr_diff_load(struct pr_diff_side *s, const struct pr_diff_source *src, struct pr_errinfo *ei)
{
	const struct pr_walk_sink sink = {.begin = on_begin, .image = on_image, .life = on_life, .own = on_own, .ctx = s};
	struct pr_replay_args args = {.trace = src->path, .boot = src->boot, .meter = src->meter, .cache = PR_CACHE_SETTINGS_DEFAULT};
	struct pr_walk *w = calloc(1, sizeof(*w));
	int err = w ? pr_walk_open(w, &args, NULL, &sink, ei) : PR_ENOMEM, missing = PR_OK;

	if (!err) {
		err = add_node(s, (struct pr_diff_node){0});
		if (!err)
			err = pr_walk_run(w, ei);
		if (!err || err == PR_END) {
			err = PR_OK;
			pr_notes_boot(w->session.trace, src->path, src->boot_note);
			missing = pr_notes_whole(w->session.trace, src->path, false, ei);
			s->host = pr_name_ref(w->session.replayer.names.host);
		}
		pr_walk_close(w);
	}
	free(w);
	if (!err)
		err = make_kids(s);
	if (!err)
		err = select_root(s, src->path, src->root, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "%s: out of memory for its processes", src->path);
	if (err)
		pr_diff_side_release(s);
	return err ? err : missing;
}

void pr_diff_side_release(struct pr_diff_side *s)
{
	for (size_t i = 0; i < s->n_images; i++)
		if (s->images[i].im)
			pr_image_unref(s->images[i].im);
	free(s->nodes);
	free(s->images);
	free(s->kids);
	free(s->order);
	pr_map_release(&s->pids);
	pr_map_release(&s->masked);
	pr_buf_release(&s->masked_text);
	pr_name_unref(s->host);
	*s = (struct pr_diff_side){0};
}

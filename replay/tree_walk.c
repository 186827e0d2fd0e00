/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/tree_walk.h"

#include <stdlib.h>

#include "base/room.h"

#define INDENT_MAX 48 /* levels that are drawn; deeper ones are numbered */

int pr_tree_push(struct pr_tree_walk *w, struct pr_errinfo *ei)
{
	struct pr_tree_level *p = pr_room(w->levels, w->n, &w->cap, sizeof(*p));

	if (!p)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->levels = p;
	p[w->n++] = (struct pr_tree_level){0};
	return PR_OK;
}

void pr_tree_pop(struct pr_tree_walk *w)
{
	pr_links_release(&w->levels[--w->n].kids);
}

void pr_tree_release(struct pr_tree_walk *w)
{
	while (w->n)
		pr_tree_pop(w);
	free(w->levels);
	pr_map_release(&w->kept);
}

unsigned pr_tree_kept(const struct pr_tree_walk *w, struct pr_proc_key key)
{
	struct pr_map_slot *s;

	if (w->pass != PR_TREE_KEPT)
		return PR_TREE_MATCH;
	s = pr_map_get(&w->kept, key.pid, key.ktime);
	return s ? (unsigned)s->v.u : 0;
}

int pr_tree_keep(struct pr_tree_walk *w, struct pr_proc_key key, unsigned as, struct pr_errinfo *ei)
{
	struct pr_map_slot *s = pr_map_put(&w->kept, key.pid, key.ktime, NULL);

	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (s->v.u < as)
		s->v.u = as;
	return PR_OK;
}

/* The lines to the left of a node whose ancestors are the levels up to `depth`. */
static void draw(const struct pr_tree_walk *w, struct pr_buf *b, size_t depth)
{
	for (size_t i = 1; i < depth && i < INDENT_MAX; i++) {
		const struct pr_tree_level *lv = &w->levels[i];
		bool more = lv->next < lv->kids.n;

		if (i + 1 == depth || i + 1 == INDENT_MAX)
			pr_buf_str(b, more ? "\u251c\u2500 " : "\u2514\u2500 ");
		else
			pr_buf_str(b, more ? "\u2502  " : "   ");
	}
	if (depth > INDENT_MAX)
		pr_buf_printf(b, "(level %zu) ", depth);
}

int pr_tree_show(struct pr_tree_walk *w, const struct pr_link *l, struct pr_errinfo *ei)
{
	struct pr_answer *a = w->a;
	struct pr_process_view v;
	size_t from;
	int err = pr_answer_load(a, l, w->n - 1, &v, ei);

	if (err)
		return err;
	if (w->pass == PR_TREE_KEPT)
		v.part = pr_tree_kept(w, l->proc.key) == PR_TREE_MATCH ? PR_PART_SELECTED : PR_PART_ON_THE_WAY;
	if (a->args->json) {
		pr_render_process_json(&a->renderer, &a->out.buf, &v);
	} else if (!w->tree) {
		pr_render_process_text(&a->renderer, &a->out.buf, &v);
	} else {
		from = a->out.buf.len;
		draw(w, &a->out.buf, w->n);
		pr_paint(&a->out.buf, a->renderer.style, PR_ROLE_MINOR, from);
		pr_render_process_node(&a->renderer, &a->out.buf, from, &v);
		pr_buf_u8(&a->out.buf, '\n');
	}
	pr_answer_unload(&v);
	return PR_OK;
}

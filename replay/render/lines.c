/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/render/lines.h"

#include <stdlib.h>

#define BATCH_LINES 512u
#define BATCH_BYTES (1u << 20) /* of images that are pinned, and text: closes a batch early, so that what is held stays bounded */

struct line {
	struct pr_event_line event; /* entry and parent: those beside, or NULL */
	struct pr_entry entry, parent; /* as they were: images pinned, host names counted */
	size_t gap; /* bytes of the batch's text: a gap's line, and no event */
};

/* Lines that one task renders. */
struct batch {
	struct pr_task task;
	struct pr_renderer renderer;
	bool json;
	struct line *line; /* owned, BATCH_LINES of them */
	size_t n, bytes;
	struct pr_buf text; /* gaps, rendered already */
	struct pr_buf out;
};

struct pr_lines {
	struct pr_renderer renderer; /* of this thread */
	const struct pr_timeline *timeline;
	bool json;
	struct pr_out *out;
	struct pr_pool *pool; /* NULL: all is rendered at once */
	size_t batch_lines; /* of the batch that is filled: the first ones are small, so that small traces are done in parallel too */
	size_t n, first, used; /* batches; the oldest that was put; how many were: the one behind them is filled */
	struct batch batch[];
};

static void render(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e, bool json)
{
	if (json)
		pr_render_event_json(r, b, e);
	else
		pr_render_event_text(r, b, e);
}

static void run(struct pr_task *t)
{
	struct batch *b = (struct batch *)t; /* its first member */
	size_t text = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct line *l = &b->line[i];

		if (l->gap) {
			pr_buf_append(&b->out, b->text.data + text, l->gap);
			text += l->gap;
		} else {
			render(&b->renderer, &b->out, &l->event, b->json);
		}
	}
}

struct pr_lines *pr_lines_new(const struct pr_timeline *tl, bool json, const struct pr_style *style, struct pr_out *out, struct pr_pool *pool)
{
	size_t n = pool ? pr_pool_jobs(pool) + 2u : 0;
	struct pr_lines *l = calloc(1, sizeof(*l) + n * sizeof(l->batch[0]));

	if (!l)
		return NULL;
	l->timeline = tl;
	l->json = json;
	l->out = out;
	l->pool = pool;
	l->batch_lines = 1;
	pr_renderer_init(&l->renderer, tl);
	l->renderer.style = style;
	for (; l->n < n; l->n++) {
		struct batch *b = &l->batch[l->n];

		b->task.run = run;
		b->json = json;
		pr_renderer_init(&b->renderer, NULL);
		b->renderer.zone = tl->zone;
		b->renderer.style = style;
		b->line = malloc(BATCH_LINES * sizeof(*b->line));
		if (!b->line) {
			l->n++;
			pr_lines_free(l);
			return NULL;
		}
	}
	return l;
}

static void hold(struct pr_entry *to, const struct pr_entry *from)
{
	*to = *from;
	pr_image_pin(to->image);
	pr_name_ref(to->host);
}

static void let_go(const struct pr_entry *e)
{
	if (!e)
		return;
	pr_image_unpin(e->image);
	pr_name_unref(e->host);
}

/* Empties it for new lines. */
static void clear(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->line[i].gap)
			continue;
		let_go(b->line[i].event.entry);
		let_go(b->line[i].event.parent);
	}
	b->n = b->bytes = 0;
	pr_buf_clear(&b->text);
	pr_buf_clear(&b->out);
}

void pr_lines_free(struct pr_lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		struct batch *b = &l->batch[i];

		if (l->pool)
			pr_pool_drop(l->pool, &b->task);
		clear(b);
		pr_renderer_release(&b->renderer);
		pr_buf_release(&b->text);
		pr_buf_release(&b->out);
		free(b->line);
	}
	pr_renderer_release(&l->renderer);
	free(l);
}

/* Writes the oldest batch out, waiting for it. */
static void take_oldest(struct pr_lines *l)
{
	struct batch *b = &l->batch[l->first];

	pr_pool_wait(l->pool, &b->task);
	pr_out_put(l->out, &b->out);
	clear(b);
	l->first = (l->first + 1) % l->n;
	l->used--;
}

/* Gives the batch that is filled to the pool; there is an empty one behind it then. */
static void put(struct pr_lines *l)
{
	struct batch *b = &l->batch[(l->first + l->used) % l->n];

	if (!b->n)
		return;
	b->out.failed |= b->text.failed;
	pr_pool_put(l->pool, &b->task);
	l->used++;
	if (l->used == l->n)
		take_oldest(l);
	if (l->batch_lines < BATCH_LINES)
		l->batch_lines *= 2;
}

/* A line was added that holds so many bytes. */
static bool added(struct pr_lines *l, struct batch *b, size_t bytes)
{
	b->n++;
	b->bytes += bytes;
	if (b->n >= l->batch_lines || b->bytes >= BATCH_BYTES)
		put(l);
	return !l->out->sys_errno;
}

bool pr_lines_event(struct pr_lines *l, const struct pr_event_view *v)
{
	struct pr_event_line e;
	struct batch *b;
	struct line *line;
	size_t bytes = 0;

	pr_event_line_make(&e, v, l->timeline);
	if (!l->pool) {
		render(&l->renderer, &l->out->buf, &e, l->json);
		return pr_out_check(l->out);
	}
	b = &l->batch[(l->first + l->used) % l->n];
	line = &b->line[b->n];
	line->gap = 0;
	line->event = e;
	if (e.entry) {
		hold(&line->entry, e.entry);
		line->event.entry = &line->entry;
		bytes += e.entry->image->size;
	}
	if (e.parent) {
		hold(&line->parent, e.parent);
		line->event.parent = &line->parent;
		bytes += e.parent->image->size;
	}
	return added(l, b, bytes);
}

bool pr_lines_gap(struct pr_lines *l, const struct pr_gap *g)
{
	struct batch *b = l->pool ? &l->batch[(l->first + l->used) % l->n] : NULL;
	struct pr_buf *to = b ? &b->text : &l->out->buf;
	size_t before = to->len;

	if (l->json)
		pr_render_gap_json(&l->renderer, to, g);
	else
		pr_render_gap_text(&l->renderer, to, g);
	if (!b)
		return pr_out_check(l->out);
	if (to->len == before) /* no memory: it is known at the end */
		return !l->out->sys_errno;
	b->line[b->n].gap = to->len - before;
	return added(l, b, to->len - before);
}

void pr_lines_flush(struct pr_lines *l)
{
	if (!l->pool)
		return;
	put(l);
	while (l->used)
		take_oldest(l);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/ahead.h"

#include <stdlib.h>

#include "schema/segment_part.h"

#define BLOCK_MAX (1u << 20) /* larger ones, which hold one long frame, are left to the reader: what is held stays bounded */

struct slot {
	struct pr_task task;
	struct pr_seg_scratch scratch; /* its own: comp as read, raw as expanded */
	uint8_t head[PR_SEG_BLOCK_SIZE];
	struct pr_seg_block desc;
	uint64_t offset;
	bool good;
};

struct pr_ahead {
	struct pr_pool *pool;
	struct pr_source *src;
	uint64_t next; /* offset of what is to be read next */
	size_t n, first, used, window; /* slots: in all, the oldest, how many are in use, how many may be */
	bool lent; /* the oldest was given out: to be taken back at the next call */
	struct slot slot[];
};

static void expand(struct pr_task *t)
{
	struct slot *s = (struct slot *)t; /* its first member */

	s->good = pr_seg_block_link_ok(&s->desc, s->head, s->scratch.comp.data) && !pr_seg_scratch_expand(&s->scratch, &s->desc);
}

struct pr_ahead *pr_ahead_new(struct pr_pool *pool)
{
	size_t n = pr_pool_jobs(pool) + 2;
	struct pr_ahead *a = pool ? calloc(1, sizeof(*a) + n * sizeof(a->slot[0])) : NULL;

	if (!a)
		return NULL;
	a->pool = pool;
	for (; a->n < n; a->n++) {
		a->slot[a->n].task.run = expand;
		if (pr_seg_scratch_init(&a->slot[a->n].scratch, NULL)) {
			pr_ahead_free(a);
			return NULL;
		}
	}
	return a;
}

static void take_back(struct pr_ahead *a)
{
	a->first = (a->first + 1) % a->n;
	a->used--;
	a->lent = false;
}

static void drop_all(struct pr_ahead *a)
{
	if (a->used > (a->lent ? 1u : 0u))
		a->window = 0; /* it was for nothing */
	while (a->used) {
		pr_pool_drop(a->pool, &a->slot[a->first].task);
		take_back(a);
	}
}

void pr_ahead_free(struct pr_ahead *a)
{
	if (!a)
		return;
	drop_all(a);
	for (size_t i = 0; i < a->n; i++)
		pr_seg_scratch_release(&a->slot[i].scratch);
	free(a);
}

static bool read_whole(struct pr_source *src, uint64_t off, void *p, size_t n)
{
	size_t got;

	return !src->ops->read_at(src, off, p, n, &got, NULL) && got == n;
}

/* False: no block stands there, or none for here. */
static bool read_slot(struct pr_ahead *a, struct slot *s, const uint8_t uuid[PR_SEG_UUID], uint64_t end)
{
	struct pr_buf *comp = &s->scratch.comp;

	if (end < PR_SEG_BLOCK_SIZE || a->next > end - PR_SEG_BLOCK_SIZE || !read_whole(a->src, a->next, s->head, sizeof(s->head)) ||
		!pr_seg_block_decode(&s->desc, s->head, uuid))
		return false;
	if (s->desc.raw_size > BLOCK_MAX || s->desc.comp_size > BLOCK_MAX || s->desc.stored_size > BLOCK_MAX)
		return false;
	s->offset = a->next;
	pr_buf_clear(comp);
	return pr_buf_grow(comp, s->desc.comp_size) && read_whole(a->src, a->next + PR_SEG_BLOCK_SIZE, comp->data, s->desc.comp_size);
}

static void read_on(struct pr_ahead *a, const uint8_t uuid[PR_SEG_UUID], uint64_t end)
{
	while (a->used < a->window) {
		struct slot *s = &a->slot[(a->first + a->used) % a->n];

		if (!read_slot(a, s, uuid, end))
			return;
		a->next += PR_SEG_BLOCK_SIZE + s->desc.comp_size;
		a->used++;
		pr_pool_put(a->pool, &s->task);
	}
}

bool pr_ahead_next(struct pr_ahead *a, struct pr_source *src, const uint8_t uuid[PR_SEG_UUID], uint64_t pos, uint64_t end, struct pr_block *out)
{
	struct slot *s;

	if (a->lent)
		take_back(a);
	if (a->src != src || pos != (a->used ? a->slot[a->first].offset : a->next)) {
		drop_all(a);
		a->src = src;
		a->next = pos;
	}
	read_on(a, uuid, end);
	if (a->window < a->n)
		a->window++; /* not at once: who looks at the beginning alone pays for no more */
	if (!a->used)
		return false;
	s = &a->slot[a->first];
	pr_pool_wait(a->pool, &s->task);
	if (!s->good) {
		drop_all(a);
		return false;
	}
	a->lent = true;
	*out = (struct pr_block){.desc = s->desc, .offset = s->offset, .raw = s->scratch.raw.data};
	return true;
}

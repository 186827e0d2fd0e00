/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/cache.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 1024
#define QUEUE_MIN 64
#define FETCH_STEP 2
#define DROP_AHEAD 8

struct pr_entry_chunk {
	struct pr_entry_chunk *next;
	struct pr_entry entries[CHUNK_ENTRIES];
};

void pr_cache_init(struct pr_cache *c, const struct pr_cache_settings *settings, const struct pr_observer *observer)
{
	*c = (struct pr_cache){.settings = settings, .observer = observer, .map = PR_MAP_INIT};
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

/* An unused one: its first bytes link it, and it has no image. */
static void put_free(struct pr_cache *c, struct pr_entry *e)
{
	memcpy(e, &c->free_entries, sizeof(c->free_entries));
	e->image = NULL;
	c->free_entries = e;
}

static struct pr_entry *entry_new(struct pr_cache *c)
{
	struct pr_entry *e = c->free_entries;
	struct pr_entry_chunk *chunk;

	if (!e) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = c->chunks;
		c->chunks = chunk;
		c->bytes += sizeof(*chunk);
		for (size_t i = CHUNK_ENTRIES; i-- > 0;)
			put_free(c, &chunk->entries[i]);
		e = c->free_entries;
	}
	memcpy(&c->free_entries, e, sizeof(c->free_entries));
	return e;
}

static void entry_free(struct pr_cache *c, struct pr_entry *e)
{
	c->bytes -= pr_image_unref(e->image);
	pr_name_unref(e->host);
	put_free(c, e);
}

/*
 * In the order of memory, which is about that of making: the map's own order is none, and each entry and image would be fetched
 * from afar.
 */
static void drop_entries(struct pr_cache *c)
{
	for (struct pr_entry_chunk *chunk = c->chunks; chunk; chunk = chunk->next)
		for (size_t i = CHUNK_ENTRIES; i-- > 0;) {
			if (i >= DROP_AHEAD)
				__builtin_prefetch(chunk->entries[i - DROP_AHEAD].image);
			if (chunk->entries[i].image)
				entry_free(c, &chunk->entries[i]);
		}
	pr_map_release(&c->map);
}

void pr_cache_release(struct pr_cache *c)
{
	drop_entries(c);
	while (c->chunks) {
		struct pr_entry_chunk *chunk = c->chunks;

		c->chunks = chunk->next;
		free(chunk);
	}
	free(c->queue);
	pr_cache_init(c, c->settings, c->observer);
}

struct pr_entry *pr_cache_lookup(const struct pr_cache *c, struct pr_id id)
{
	struct pr_map_slot *s = pr_map_get(&c->map, id.pid, id.ktime);

	return s ? s->v.p : NULL;
}

/* ---- the queue ---------------------------------------------------------------------------------------------------- */

static struct pr_expiry *queue_at(const struct pr_cache *c, size_t i)
{
	return &c->queue[(c->queue_head + i) & (c->queue_cap - 1)];
}

const struct pr_expiry *pr_cache_queued(const struct pr_cache *c, size_t i)
{
	return queue_at(c, i);
}

static int queue_push(struct pr_cache *c, uint64_t time, struct pr_id id)
{
	size_t cap = c->queue_cap ? c->queue_cap * 2 : QUEUE_MIN;
	struct pr_expiry *q;

	if (c->queue_len == c->queue_cap) {
		q = malloc(cap * sizeof(*q));
		if (!q)
			return PR_ENOMEM;
		for (size_t i = 0; i < c->queue_len; i++)
			q[i] = *queue_at(c, i);
		free(c->queue);
		c->bytes += (cap - c->queue_cap) * sizeof(*q);
		c->queue = q;
		c->queue_head = 0;
		c->queue_cap = cap;
	}
	*queue_at(c, c->queue_len++) = (struct pr_expiry){time, id};
	PR_OBSERVE(c->observer, queued, id, time);
	return PR_OK;
}

/* ---- the primitives ----------------------------------------------------------------------------------------------- */

int pr_cache_add(struct pr_cache *c, struct pr_id id, struct pr_id parent, struct pr_image *image, struct pr_name *host)
{
	bool is_new;
	struct pr_map_slot *s = pr_map_put(&c->map, id.pid, id.ktime, &is_new);
	struct pr_entry *e;

	if (image->refs == 1) /* an image is counted when its first entry comes */
		c->bytes += image->size;
	if (s && !is_new) {
		c->bytes -= pr_image_unref(image);
		PR_OBSERVE(c->observer, add_dropped, s->v.p);
		return PR_OK;
	}
	e = s ? entry_new(c) : NULL;
	if (!e) {
		if (s)
			pr_map_del(&c->map, id.pid, id.ktime);
		c->bytes -= pr_image_unref(image);
		return PR_ENOMEM;
	}
	*e = (struct pr_entry){.id = id, .parent = parent, .ref = 1, .image = image, .host = pr_name_ref(host)};
	s->v.p = e;
	PR_OBSERVE(c->observer, added, e);
	return PR_OK;
}

void pr_cache_inc_found(struct pr_cache *c, struct pr_id id, struct pr_entry *e)
{
	if (e)
		e->ref++;
	PR_OBSERVE(c->observer, inc, id, e);
}

void pr_cache_inc(struct pr_cache *c, struct pr_id id)
{
	pr_cache_inc_found(c, id, pr_cache_lookup(c, id));
}

int pr_cache_dec(struct pr_cache *c, struct pr_id id, uint64_t now)
{
	return pr_cache_dec_found(c, id, pr_cache_lookup(c, id), now);
}

int pr_cache_dec_found(struct pr_cache *c, struct pr_id id, struct pr_entry *e, uint64_t now)
{
	if (e)
		e->ref--;
	PR_OBSERVE(c->observer, dec, id, e);
	return e && e->ref == 0 ? queue_push(c, now, id) : PR_OK;
}

/*
 * What expires was not touched for a minute: its memory is cold. While one goes, the places of those behind it are fetched: the
 * slot, then the entry, then the image.
 */
static void fetch_ahead(const struct pr_cache *c)
{
	const struct pr_expiry *q;
	const struct pr_entry *e;

	if (c->queue_len <= 3 * FETCH_STEP)
		return;
	q = queue_at(c, 3 * FETCH_STEP);
	pr_map_prefetch(&c->map, q->id.pid, q->id.ktime);
	e = pr_cache_lookup(c, queue_at(c, 2 * FETCH_STEP)->id);
	__builtin_prefetch(e);
	e = pr_cache_lookup(c, queue_at(c, FETCH_STEP)->id);
	if (e)
		__builtin_prefetch(e->image);
}

void pr_cache_clear_expired(struct pr_cache *c, uint64_t now)
{
	int64_t limit = (int64_t)(now - c->settings->max_age_ns);

	while (c->queue_len && (int64_t)queue_at(c, 0)->time <= limit) {
		struct pr_expiry head = *queue_at(c, 0);
		struct pr_entry *e = pr_cache_lookup(c, head.id);

		fetch_ahead(c);
		PR_OBSERVE(c->observer, expired, head.id, head.time, e);
		if (e) { /* whatever its count is by now */
			pr_map_del(&c->map, head.id.pid, head.id.ktime);
			entry_free(c, e);
		}
		c->queue_head = (c->queue_head + 1) & (c->queue_cap - 1);
		c->queue_len--;
	}
	PR_OBSERVE(c->observer, expiry_done, limit);
}

void pr_cache_clear(struct pr_cache *c)
{
	PR_OBSERVE(c->observer, cleared, (uint64_t)c->map.len);
	drop_entries(c);
}

/* ---- reading it out ----------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	return pr_id_compare((*(struct pr_entry *const *)a)->id, (*(struct pr_entry *const *)b)->id);
}

int pr_cache_sorted(const struct pr_cache *c, struct pr_entry ***out, size_t *out_n)
{
	struct pr_entry **v;
	struct pr_map_slot *s;
	size_t pos = 0, n = 0;

	*out = NULL;
	*out_n = 0;
	if (!c->map.len)
		return PR_OK;
	v = malloc(c->map.len * sizeof(struct pr_entry *));
	if (!v)
		return PR_ENOMEM;
	while ((s = pr_map_each(&c->map, &pos)))
		v[n++] = s->v.p;
	qsort(v, n, sizeof(struct pr_entry *), by_id); /* keys are unique: no ties */
	*out = v;
	*out_n = n;
	return PR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* datamap.c: the rules of "data" and "take". Times are compared as signed numbers, and differences wrap: the reference's do. */
#include "replay/cache/datamap.h"

#include <stdlib.h>

void pr_datamap_init(struct pr_datamap *m, const struct pr_cache_settings *settings, const struct pr_observer *observer)
{
	*m = (struct pr_datamap){.settings = settings, .observer = observer, .map = PR_MAP_INIT};
}

void pr_data_item_free(struct pr_data_item *item)
{
	if (!item)
		return;
	pr_buf_release(&item->bytes);
	free(item);
}

/* Out of the map and the list; the caller frees it. */
static void detach(struct pr_datamap *m, struct pr_data_item *item)
{
	pr_map_del(&m->map, item->id_pid, item->id_time);
	*(item->prev ? &item->prev->next : &m->first) = item->next;
	*(item->next ? &item->next->prev : &m->last) = item->prev;
	m->bytes -= item->bytes.len;
}

static void drop(struct pr_datamap *m, struct pr_data_item *item)
{
	PR_OBSERVE(m->observer, data_dropped, item);
	detach(m, item);
	pr_data_item_free(item);
}

void pr_datamap_release(struct pr_datamap *m)
{
	while (m->first) {
		struct pr_data_item *item = m->first;

		detach(m, item);
		pr_data_item_free(item);
	}
	pr_map_release(&m->map);
}

/* Makes room for a new id of time id_time. */
static void make_room(struct pr_datamap *m, uint64_t id_time, uint64_t now)
{
	uint64_t age = m->settings->max_age_ns;
	struct pr_data_item *item, *next;

	if (m->map.len < m->settings->max_data)
		return;
	if (!m->was_cleared || (int64_t)m->cleared_at < (int64_t)(now - age)) {
		for (item = m->first; item; item = next) {
			next = item->next;
			if ((int64_t)item->id_time < (int64_t)(id_time - age))
				drop(m, item);
		}
		m->was_cleared = true;
		m->cleared_at = now;
	}
	if (m->map.len < m->settings->max_data)
		return;
	while (m->first)
		drop(m, m->first);
}

static struct pr_data_item *insert(struct pr_datamap *m, const struct pr_data *d)
{
	struct pr_data_item *item = calloc(1, sizeof(*item));
	struct pr_map_slot *s = item ? pr_map_put(&m->map, d->id_pid, d->id_time, NULL) : NULL;

	if (!s) {
		free(item);
		return NULL;
	}
	s->v.p = item;
	item->id_pid = d->id_pid;
	item->id_time = d->id_time;
	item->prev = m->last;
	*(m->last ? &m->last->next : &m->first) = item;
	m->last = item;
	return item;
}

static int append(struct pr_datamap *m, struct pr_data_item *item, struct pr_slice bytes)
{
	item->len += bytes.n;
	if (!item->over_limit && (item->len > m->settings->max_item_bytes ||
			m->bytes + bytes.n > m->settings->max_data_bytes)) {
		item->over_limit = true;
		m->bytes -= item->bytes.len;
		pr_buf_release(&item->bytes);
	}
	if (item->over_limit)
		return PR_OK;
	pr_buf_append(&item->bytes, bytes.p, bytes.n);
	m->bytes += bytes.n;
	return pr_buf_failed(&item->bytes) ? PR_ENOMEM : PR_OK;
}

int pr_datamap_add(struct pr_datamap *m, const struct pr_data *d, uint64_t now)
{
	struct pr_map_slot *s = pr_map_get(&m->map, d->id_pid, d->id_time);
	struct pr_data_item *item;
	int err;

	if (s)
		return append(m, s->v.p, d->payload);
	make_room(m, d->id_time, now);
	item = insert(m, d);
	if (!item)
		return PR_ENOMEM;
	err = append(m, item, d->payload);
	PR_OBSERVE(m->observer, data_added, item);
	return err;
}

struct pr_data_item *pr_datamap_take(struct pr_datamap *m, const struct pr_desc *d)
{
	struct pr_map_slot *s = pr_map_get(&m->map, d->id_pid, d->id_time);
	struct pr_data_item *item = s ? s->v.p : NULL;
	bool whole = item && item->len == pr_desc_sent(d), ok = whole && !item->over_limit;

	if (item)
		detach(m, item);
	m->misses += !whole;
	m->over_limit += whole && !ok;
	PR_OBSERVE(m->observer, data_taken, d, item, ok);
	if (ok)
		return item;
	pr_data_item_free(item);
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* view.h: a lifecycle event with what the cache holds of it: what is shown of it, and what expressions ask. */
#ifndef PROCREC_REPLAY_CACHE_VIEW_H
#define PROCREC_REPLAY_CACHE_VIEW_H

#include "replay/cache/cache.h"
#include "replay/cache/replayer.h"

/*
 * A lifecycle event, as the cache has its process right after the frame was applied (entry NULL: a miss; parent NULL: not in
 * the cache).
 */
struct pr_event_view {
	const struct pr_applied *applied;
	const struct pr_entry *entry, *parent;
};

/* Looks entry and parent up. */
static inline void pr_event_view_make(struct pr_event_view *v, const struct pr_applied *a, const struct pr_cache *c)
{
	v->applied = a;
	v->entry = pr_cache_lookup(c, a->id);
	v->parent = v->entry ? pr_cache_lookup(c, v->entry->parent) : NULL;
}

#endif

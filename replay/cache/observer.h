/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observer.h: what the cache tells about itself while it works. The auditor and the tests listen here, so that no rule
 * stands in two places. Every function may be NULL; entries and items are borrowed for the call.
 */
#ifndef PROCREC_REPLAY_CACHE_OBSERVER_H
#define PROCREC_REPLAY_CACHE_OBSERVER_H

#include "replay/decode/decode.h"

struct pr_entry;
struct pr_data_item;

struct pr_observer {
	void *ctx;
	void (*added)(void *ctx, const struct pr_entry *e);
	/* add found the key: the old value stays, the new one and its count are dropped */
	void (*add_dropped)(void *ctx, const struct pr_entry *old);
	/* after the count changed; e NULL: the key is not there, nothing happened */
	void (*inc)(void *ctx, struct pr_id id, const struct pr_entry *e);
	void (*dec)(void *ctx, struct pr_id id, const struct pr_entry *e);
	void (*queued)(void *ctx, struct pr_id id, uint64_t time);
	/* the queue's head is popped; e: the entry that goes with it, NULL: it was gone already */
	void (*expired)(void *ctx, struct pr_id id, uint64_t time, const struct pr_entry *e);
	/* clear_expired is done: what is still queued with a time up to `limit` (signed) is held back by the head */
	void (*expiry_done)(void *ctx, int64_t limit);
	/* clear() is about to drop this many entries */
	void (*cleared)(void *ctx, uint64_t entries);
	void (*clone_dropped)(void *ctx, struct pr_id id, struct pr_id parent);
	/* a new id was stored */
	void (*data_added)(void *ctx, const struct pr_data_item *item);
	void (*data_dropped)(void *ctx, const struct pr_data_item *item);
	/* item: what was removed, NULL: the id is not there; ok: its bytes are given out */
	void (*data_taken)(void *ctx, const struct pr_desc *d, const struct pr_data_item *item, bool ok);
};

/* Calls a function of an observer that may be NULL. */
#define PR_OBSERVE(obs, fn, ...) ((obs) && (obs)->fn ? (obs)->fn((obs)->ctx, __VA_ARGS__) : (void)0)

#endif

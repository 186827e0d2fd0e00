/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h: the refcounted process cache and its primitives, exactly the reference's. What calls them for which frame is
 * in replayer.h.
 *
 * Times are unsigned on the wire and compared as signed 64-bit numbers; differences wrap.
 */
#ifndef PROCREC_REPLAY_CACHE_CACHE_H
#define PROCREC_REPLAY_CACHE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "replay/cache/image.h"
#include "replay/cache/observer.h"
#include "replay/cache/settings.h"
#include "replay/names.h"

struct pr_entry {
	struct pr_id id, parent;
	int64_t ref;
	struct pr_image *image; /* counted */
	struct pr_name *host; /* counted: the host name that exec_id was made with; NULL: empty */
};

/* One queued expiry. */
struct pr_expiry {
	uint64_t time;
	struct pr_id id;
};

struct pr_cache {
	const struct pr_cache_settings *settings; /* borrowed */
	const struct pr_observer *observer; /* borrowed; may be NULL */
	struct pr_map map; /* (pid, ktime) -> struct pr_entry * */
	struct pr_expiry *queue; /* owned ring of queue_cap places, a power of two */
	size_t queue_head, queue_len, queue_cap;
	struct pr_entry_chunk *chunks; /* owned: where entries live */
	void *free_entries; /* list of unused ones */
	uint64_t bytes; /* of entries, images and queue */
};

void pr_cache_init(struct pr_cache *c, const struct pr_cache_settings *settings, const struct pr_observer *observer);
void pr_cache_release(struct pr_cache *c); /* it is empty afterwards, and usable */

/* The entry, or NULL. Valid until it expires or the cache is cleared. */
struct pr_entry *pr_cache_lookup(const struct pr_cache *c, struct pr_id id);

/*
 * The value becomes the entry, with count 1. If the key is there, the old one stays. Takes a reference to host, and takes the
 * image over, also when it is dropped or an error is returned. PR_ENOMEM.
 */
int pr_cache_add(struct pr_cache *c, struct pr_id id, struct pr_id parent, struct pr_image *image, struct pr_name *host);

void pr_cache_inc(struct pr_cache *c, struct pr_id id);
int pr_cache_dec(struct pr_cache *c, struct pr_id id, uint64_t now); /* PR_ENOMEM: the queue could not grow */

/* The same for who looked id up already: e is what pr_cache_lookup gives now, NULL included. */
void pr_cache_inc_found(struct pr_cache *c, struct pr_id id, struct pr_entry *e);
int pr_cache_dec_found(struct pr_cache *c, struct pr_id id, struct pr_entry *e, uint64_t now);

void pr_cache_clear_expired(struct pr_cache *c, uint64_t now);
void pr_cache_clear(struct pr_cache *c);

/* The i-th of the queue from its head; i < queue_len. */
const struct pr_expiry *pr_cache_queued(const struct pr_cache *c, size_t i);

/*
 * All entries in the order of (pid, ktime): an array of map.len pointers that the caller frees; NULL with *out_n = 0 when
 * the cache is empty. PR_ENOMEM.
 */
int pr_cache_sorted(const struct pr_cache *c, struct pr_entry ***out, size_t *out_n);

#endif

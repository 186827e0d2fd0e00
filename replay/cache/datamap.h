/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * datamap.h: bytes that came in data frames, until an exec takes them.
 */
#ifndef PROCREC_REPLAY_CACHE_DATAMAP_H
#define PROCREC_REPLAY_CACHE_DATAMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "replay/cache/observer.h"
#include "replay/cache/settings.h"
#include "replay/decode/decode.h"

struct pr_data_item {
	uint64_t id_pid, id_time;
	uint64_t len; /* bytes that came */
	struct pr_buf bytes; /* they, unless over_limit */
	bool over_limit; /* a limit of ours was passed: the bytes are dropped, the length goes on counting */
	struct pr_data_item *prev, *next; /* by age in the map */
};

struct pr_datamap {
	const struct pr_cache_settings *settings; /* borrowed */
	const struct pr_observer *observer; /* borrowed; may be NULL */
	struct pr_map map;
	struct pr_data_item *first, *last; /* owned */
	bool was_cleared;
	uint64_t cleared_at; /* ktime of the last clearing by age */
	uint64_t bytes; /* held for all items */
	uint64_t misses; /* takes of what was not there or not of the right length */
	uint64_t over_limit; /* takes of items that had lost their bytes to a limit of ours */
};

void pr_datamap_init(struct pr_datamap *m, const struct pr_cache_settings *settings, const struct pr_observer *observer);
void pr_datamap_release(struct pr_datamap *m);

/* A data frame; now: its ktime. PR_ENOMEM. */
int pr_datamap_add(struct pr_datamap *m, const struct pr_data *d, uint64_t now);

/*
 * Removes the id. Returns the item, for pr_data_item_free, when its bytes are what the desc says; else NULL: the bytes are
 * missing.
 */
struct pr_data_item *pr_datamap_take(struct pr_datamap *m, const struct pr_desc *d);
void pr_data_item_free(struct pr_data_item *item); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.h: a hash map from a pair of 64-bit numbers to one 64-bit value or pointer.
 *
 * Open addressing, linear probing, deletion by shifting back (no tombstones: cost does not grow with history). The hash
 * is keyed with a secret drawn per process, so that crafted keys cannot make it slow; nothing may depend on the order of
 * iteration, which differs from run to run: sort before anything is shown.
 */
#ifndef PROCREC_BASE_MAP_H
#define PROCREC_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pr_map_slot {
	uint64_t k0, k1;
	union {
		uint64_t u;
		void *p;
	} v;
	bool used;
};

struct pr_map {
	struct pr_map_slot *slots; /* owned; a power of two, or NULL when empty */
	size_t mask;
	size_t len;
};

#define PR_MAP_INIT ((struct pr_map){NULL, 0, 0})

/* Frees the slots; the values are the caller's. The map is empty and usable afterwards. */
void pr_map_release(struct pr_map *m);

/* The slot of the key, or NULL. Valid until the next put or del. */
struct pr_map_slot *pr_map_get(const struct pr_map *m, uint64_t k0, uint64_t k1);

/* Starts to load the place of the key into the CPU's cache: for a caller that will ask for it a little later. */
void pr_map_prefetch(const struct pr_map *m, uint64_t k0, uint64_t k1);

/*
 * The slot of the key, made with v.u = 0 if it was not there (*out_new tells; may be NULL). NULL when memory runs out: the
 * map is then unchanged. Valid until the next put or del.
 */
struct pr_map_slot *pr_map_put(struct pr_map *m, uint64_t k0, uint64_t k1, bool *out_new);

/* Removes the key; false if it was not there. */
bool pr_map_del(struct pr_map *m, uint64_t k0, uint64_t k1);

/* Iteration in no particular order: start with *pos = 0; NULL at the end. No put or del in between. */
struct pr_map_slot *pr_map_each(const struct pr_map *m, size_t *pos);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.h: the limits of the cache, by name. The defaults are the reference's. */
#ifndef PROCREC_REPLAY_CACHE_SETTINGS_H
#define PROCREC_REPLAY_CACHE_SETTINGS_H

#include <stdint.h>

struct pr_cache_settings {
	uint64_t max_age_ns; /* expiry of entries, age of data, and pause between two clearings of the data map */
	uint64_t max_entries; /* more than that after an execve: clear() */
	uint64_t max_clone_entries; /* more than that after a clone: clear() */
	uint64_t max_data; /* ids in the data map */
	/*
	 * Not the reference's: bounds for hostile input, far above what a kernel lets a process have. Data that would pass
	 * the first two keeps its place in the map and its length, but not its bytes: a take then gives nothing, and is
	 * counted (data_over_limit). A cache that would need more than the last is given up with an error.
	 */
	uint64_t max_item_bytes; /* of one id: the kernel takes 6 MiB of arguments at most */
	uint64_t max_data_bytes; /* of all ids */
	uint64_t max_bytes; /* of entries, images, queue and data together */
};

/* clang-format off */
#define PR_CACHE_SETTINGS_DEFAULT ((struct pr_cache_settings){ \
	.max_age_ns = 60000000000u, .max_entries = 4194304, .max_clone_entries = 3000, .max_data = 4096, \
	.max_item_bytes = 8u << 20, .max_data_bytes = 256u << 20, .max_bytes = (uint64_t)8 << 30})
/* clang-format on */

#endif

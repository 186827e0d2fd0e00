/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_options.h: the command-line options of the cache's settings, for every command that replays. */
#ifndef PROCREC_REPLAY_CACHE_OPTIONS_H
#define PROCREC_REPLAY_CACHE_OPTIONS_H

#include "base/opts.h"
#include "replay/cache/settings.h"

/*
 * Entries of a struct pr_option table; c: struct pr_cache_settings *; clone_seen: bool *, set by --cache-max-clone-entries, or NULL;
 * other_seen: bool *, set by each of the others, or NULL.
 */
/* clang-format off */
#define PR_CACHE_OPTIONS(c, clone_seen, other_seen) \
	{0, "cache-max-age", PR_OPT_SPAN, &(c)->max_age_ns, "SPAN", "age at which queued entries expire (60s)", other_seen}, \
	{0, "cache-max-entries", PR_OPT_U64, &(c)->max_entries, "N", "entries that an execve may leave (4194304)", other_seen}, \
	{0, "cache-max-clone-entries", PR_OPT_U64, &(c)->max_clone_entries, "N", "entries that a clone may leave (3000)", clone_seen}, \
	{0, "cache-max-data", PR_OPT_U64, &(c)->max_data, "N", "ids in the data map (4096)", other_seen}, \
	{0, "cache-max-data-bytes", PR_OPT_SIZE, &(c)->max_data_bytes, "SIZE", "bytes in the data map (256M)", other_seen}, \
	{0, "cache-max-bytes", PR_OPT_SIZE, &(c)->max_bytes, "SIZE", "memory of the whole cache; more is an error (8G)", other_seen}
/* clang-format on */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* zone.h: the time zone that times are shown and typed in: UTC unless the user asks for another. */
#ifndef PROCREC_BASE_ZONE_H
#define PROCREC_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct pr_zone {
	enum { PR_ZONE_UTC, PR_ZONE_FIXED, PR_ZONE_SYSTEM } kind;
	int32_t offset_s; /* PR_ZONE_FIXED: seconds east of Greenwich */
};

/*
 * "utc", "local" (as TZ and the system say), "+02:00", or a name of the zone database ("Europe/Berlin"), which then is the zone of
 * this process. PR_EUSAGE says what is wrong. Only here the environment is asked.
 */
int pr_zone_parse(struct pr_zone *out, const char *text, struct pr_errinfo *ei);

/* Seconds east of Greenwich at the moment `unix_s` (seconds since 1970 UTC), in whole minutes. z NULL: UTC. */
int32_t pr_zone_offset(const struct pr_zone *z, int64_t unix_s);

/*
 * The moment at which clocks of the zone show the local time `local_s` (seconds since 1970 as if it were UTC): of two, the earlier;
 * where the clock jumped over it, the time that it would have been.
 */
int64_t pr_zone_moment(const struct pr_zone *z, int64_t local_s);

static inline bool pr_zone_is_utc(const struct pr_zone *z)
{
	return !z || z->kind == PR_ZONE_UTC;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DATABASE "/usr/share/zoneinfo"
#define S_PER_DAY 86400

static bool two_digits(const char *s, unsigned max, unsigned *out)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*out = (unsigned)((s[0] - '0') * 10 + s[1] - '0');
	return *out <= max;
}

/* "+02:00", "-0530" */
static bool parse_offset(const char *s, int32_t *out)
{
	unsigned h, m;
	int sign = s[0] == '-' ? -1 : 1;

	if ((s[0] != '+' && s[0] != '-') || !two_digits(s + 1, 23, &h))
		return false;
	s += s[3] == ':' ? 4 : 3;
	if (!two_digits(s, 59, &m) || s[2])
		return false;
	*out = sign * (int32_t)(h * 3600 + m * 60);
	return true;
}

/* libc takes a name that it doesn't know for UTC, silently: so it is looked for here first. */
static int use_database(const char *name, struct pr_errinfo *ei)
{
	const char *dir = getenv("TZDIR");
	char path[512];
	struct stat st;

	if (!*name || strchr("+-/", name[0]) || strstr(name, "..") || strlen(name) > 255)
		return pr_fail(ei, PR_EUSAGE, "--tz: '%s' is not a time zone; use utc, local, an offset such as +02:00, or a name such as Europe/Berlin",
			name);
	snprintf(path, sizeof(path), "%s/%s", dir && *dir ? dir : DATABASE, name);
	if (stat(path, &st) || !S_ISREG(st.st_mode) || access(path, R_OK))
		return pr_fail(ei, PR_EUSAGE, "--tz: there is no time zone '%s' in %s; use utc, local, an offset such as +02:00, or a name such as "
			"Europe/Berlin (package tzdata)", name, dir && *dir ? dir : DATABASE);
	if (setenv("TZ", name, 1))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	return PR_OK;
}

int pr_zone_parse(struct pr_zone *out, const char *text, struct pr_errinfo *ei)
{
	struct pr_zone z = {PR_ZONE_UTC, 0};
	int err = PR_OK;

	if (!strcasecmp(text, "utc") || !strcmp(text, "Z")) {
		*out = z;
		return PR_OK;
	}
	if (parse_offset(text, &z.offset_s)) {
		z.kind = PR_ZONE_FIXED;
	} else {
		z.kind = PR_ZONE_SYSTEM;
		if (strcasecmp(text, "local"))
			err = use_database(text, ei);
		tzset();
	}
	if (!err)
		*out = z;
	return err;
}

int32_t pr_zone_offset(const struct pr_zone *z, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;
	long minutes;

	if (pr_zone_is_utc(z))
		return 0;
	if (z->kind == PR_ZONE_FIXED)
		return z->offset_s;
	if (!localtime_r(&t, &tm))
		return 0;
	minutes = tm.tm_gmtoff / 60; /* seconds, as before 1900 in places, can't be written: the time shown is of this offset */
	return (int32_t)minutes * 60;
}

int64_t pr_zone_moment(const struct pr_zone *z, int64_t local_s)
{
	int64_t before = pr_zone_offset(z, local_s - S_PER_DAY), after = pr_zone_offset(z, local_s + S_PER_DAY);

	if (pr_zone_offset(z, local_s - before) != before && pr_zone_offset(z, local_s - after) == after)
		return local_s - after;
	return local_s - before;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* timeline.c: clock readings of the trace, and times as people write them. No clock and no locale is asked. */
#include "replay/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "replay/decode/decode.h"

#define NS_PER_S 1000000000
#define S_PER_DAY 86400
#define EARLY_NS ((int64_t)3600 * NS_PER_S) /* how far before the start an HH:MM:SS may lie */

void pr_timeline_init(struct pr_timeline *tl)
{
	*tl = (struct pr_timeline){0};
}

void pr_timeline_release(struct pr_timeline *tl)
{
	free(tl->readings);
	pr_timeline_init(tl);
}

/* Number of readings at or before ktime. */
static size_t readings_until(const struct pr_timeline *tl, uint64_t ktime)
{
	size_t lo = 0, hi = tl->n, mid;

	if (hi && tl->readings[hi - 1].ktime <= ktime) /* the common case: events come after what was read last */
		return hi;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (tl->readings[mid].ktime <= ktime)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int pr_timeline_add(struct pr_timeline *tl, uint64_t ktime, int64_t realtime)
{
	size_t i = readings_until(tl, ktime);

	if ((i && tl->readings[i - 1].ktime == ktime) || tl->n >= PR_TIMELINE_READINGS_MAX)
		return PR_OK;
	if (i < tl->n && tl->disorder++ >= PR_TIMELINE_DISORDER_MAX)
		return PR_OK;
	if (tl->n == tl->cap) {
		size_t cap = tl->cap ? tl->cap * 2 : 16;
		struct pr_clock_reading *r = realloc(tl->readings, cap * sizeof(*r));

		if (!r)
			return PR_ENOMEM;
		tl->readings = r;
		tl->cap = cap;
	}
	memmove(tl->readings + i + 1, tl->readings + i, (tl->n - i) * sizeof(*tl->readings));
	tl->readings[i] = (struct pr_clock_reading){ktime, realtime};
	tl->n++;
	return PR_OK;
}

enum scan { SCAN_START, SCAN_FIRST_READING, SCAN_ALL };

static bool is_enough(const struct pr_timeline *tl, enum scan how)
{
	return how != SCAN_ALL && tl->has_start && (how == SCAN_START || tl->n);
}

static int scan(struct pr_timeline *tl, struct pr_trace *t, enum scan how, struct pr_errinfo *ei)
{
	struct pr_frame f;
	struct pr_event e;
	int err = PR_OK;

	pr_trace_rewind(t);
	while (!err && !is_enough(tl, how)) {
		err = pr_trace_next(t, &f, ei);
		if (err)
			break;
		if (f.env_flags & PR_ENV_RAW)
			continue;
		if (!tl->has_start && !(f.env_flags & PR_ENV_META)) {
			tl->start = f.ktime;
			tl->has_start = true;
		}
		if (f.op == PR_OP_CLOCK && !pr_decode(f.data, f.size, &e, NULL) &&
			pr_timeline_add(tl, e.ktime, e.own.realtime))
			err = pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	pr_trace_rewind(t);
	return err < 0 ? err : PR_OK;
}

int pr_timeline_scan(struct pr_timeline *tl, struct pr_trace *t, bool all, struct pr_errinfo *ei)
{
	return scan(tl, t, all ? SCAN_ALL : SCAN_FIRST_READING, ei);
}

int pr_timeline_scan_start(struct pr_timeline *tl, struct pr_trace *t, struct pr_errinfo *ei)
{
	return scan(tl, t, SCAN_START, ei);
}

bool pr_timeline_real(const struct pr_timeline *tl, uint64_t ktime, int64_t *out_realtime)
{
	const struct pr_clock_reading *r;
	size_t i;

	if (!tl->n)
		return false;
	i = readings_until(tl, ktime);
	r = &tl->readings[i ? i - 1 : 0];
	*out_realtime = (int64_t)((uint64_t)r->realtime + (ktime - r->ktime)); /* wraps: a hostile reading overflows nothing */
	return true;
}

/* The ktime of a wall-clock time: by the last reading that was taken at or before it, else the first. */
static uint64_t ktime_of(const struct pr_timeline *tl, int64_t realtime)
{
	const struct pr_clock_reading *r = &tl->readings[0];
	uint64_t delta;

	for (size_t i = 1; i < tl->n; i++)
		if (tl->readings[i].realtime <= realtime)
			r = &tl->readings[i];
	delta = (uint64_t)realtime - (uint64_t)r->realtime;
	if (realtime < r->realtime && (uint64_t)r->realtime - (uint64_t)realtime > r->ktime)
		return 0; /* before the boot */
	return r->ktime + delta;
}

/* ---- writing times ------------------------------------------------------------------------------------------------ */

/* Days since 1970-01-01 to the proleptic Gregorian calendar, and back; March is the first month of the year in here. */
static void civil_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int64_t)yoe + era * 400 + (*month <= 2);
}

static int64_t days_of_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void put_digits(char *p, uint64_t v, unsigned n)
{
	while (n--) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void pr_time_utc(struct pr_buf *b, int64_t realtime)
{
	char s[] = "0000-00-00T00:00:00.000000000Z";
	int64_t sec = realtime / NS_PER_S, ns = realtime % NS_PER_S, days, year;
	unsigned month, day, tod;

	if (ns < 0) {
		ns += NS_PER_S;
		sec--;
	}
	days = sec / S_PER_DAY - (sec % S_PER_DAY < 0);
	tod = (unsigned)(sec - days * S_PER_DAY);
	civil_of_days(days, &year, &month, &day); /* 64 bits of ns reach from 1677 to 2262: four digits */
	put_digits(s, (uint64_t)year, 4);
	put_digits(s + 5, month, 2);
	put_digits(s + 8, day, 2);
	put_digits(s + 11, tod / 3600, 2);
	put_digits(s + 14, tod / 60 % 60, 2);
	put_digits(s + 17, tod % 60, 2);
	put_digits(s + 20, (uint64_t)ns, 9);
	pr_buf_append(b, s, sizeof(s) - 1);
}

void pr_time_in_zone(struct pr_buf *b, const struct pr_zone *zone, int64_t realtime)
{
	int64_t offset, local, sec = realtime / NS_PER_S - (realtime % NS_PER_S < 0);
	unsigned minutes;

	if (pr_zone_is_utc(zone)) {
		pr_time_utc(b, realtime);
		return;
	}
	offset = pr_zone_offset(zone, sec);
	if (__builtin_add_overflow(realtime, offset * NS_PER_S, &local)) { /* at the ends of what 64 bits hold */
		offset = 0;
		local = realtime;
	}
	pr_time_utc(b, local);
	b->len -= b->len > 0; /* the Z */
	minutes = (unsigned)(offset < 0 ? -offset : offset) / 60;
	pr_buf_printf(b, "%c%02u:%02u", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void pr_time_seconds(struct pr_buf *b, uint64_t ns)
{
	char s[] = ".000000000";

	pr_buf_u64_dec(b, ns / NS_PER_S);
	put_digits(s + 1, ns % NS_PER_S, 9);
	pr_buf_append(b, s, sizeof(s) - 1);
}

void pr_timeline_show(const struct pr_timeline *tl, struct pr_buf *b, uint64_t ktime)
{
	int64_t realtime;

	if (pr_timeline_real(tl, ktime, &realtime))
		pr_time_in_zone(b, tl->zone, realtime);
	else
		pr_time_seconds(b, ktime);
}

/* ---- times as bytes ------------------------------------------------------------------------------------------------- */

#define NARROW_READINGS_MAX 4096

/* Like memcmp: the time of the ktime to the text. */
static int compare(const struct pr_timeline *tl, uint64_t ktime, const void *text, size_t n, struct pr_buf *scratch)
{
	int64_t realtime = 0;
	int d;

	pr_buf_clear(scratch);
	pr_timeline_real(tl, ktime, &realtime);
	pr_time_utc(scratch, realtime);
	d = memcmp(scratch->data, text, scratch->len < n ? scratch->len : n);
	return d ? d : scratch->len < n ? -1 : scratch->len > n;
}

/* The ktimes for which reading i counts, within from..to. False: none, or in them time wraps. */
static bool reach_of(const struct pr_timeline *tl, size_t i, uint64_t from, uint64_t to, uint64_t *a, uint64_t *b, bool *wraps)
{
	int64_t ra = 0, rb = 0;

	*a = i && tl->readings[i].ktime > from ? tl->readings[i].ktime : from;
	*b = i + 1 < tl->n && tl->readings[i + 1].ktime <= to ? tl->readings[i + 1].ktime - 1 : to;
	if (*a > *b || (i + 1 < tl->n && tl->readings[i + 1].ktime == 0))
		return false;
	pr_timeline_real(tl, *a, &ra);
	pr_timeline_real(tl, *b, &rb);
	*wraps |= (__int128)rb - ra != (__int128)*b - *a;
	return !*wraps;
}

bool pr_timeline_narrow(const struct pr_timeline *tl, const void *text, size_t n, bool before, uint64_t *from, uint64_t *to)
{
	struct pr_buf scratch = PR_BUF_INIT;
	bool wraps = false, found = false;
	uint64_t a, b, at = 0;

	if (!tl->n || tl->n > NARROW_READINGS_MAX || !pr_buf_grow(&scratch, 64))
		return true;
	/* From the side that is looked for; all readings are looked at, since a clock may have been set. */
	for (size_t k = 0; k < tl->n; k++) {
		size_t i = before ? tl->n - 1 - k : k;

		if (!reach_of(tl, i, *from, *to, &a, &b, &wraps) || found)
			continue;
		if (before ? compare(tl, a, text, n, &scratch) > 0 : compare(tl, b, text, n, &scratch) < 0)
			continue;
		while (a < b) { /* the last that is not behind the text, or the first that is not in front of it */
			uint64_t mid = a + (b - a) / 2 + before;
			int d = compare(tl, mid, text, n, &scratch);

			if (before && d <= 0)
				a = mid;
			else if (before)
				b = mid - 1;
			else if (d >= 0)
				b = mid;
			else
				a = mid + 1;
		}
		found = true;
		at = a;
	}
	pr_buf_release(&scratch);
	if (found && !wraps)
		*(before ? to : from) = at;
	return found || wraps;
}

/* ---- reading times ------------------------------------------------------------------------------------------------ */

/* Exactly n digits; moves *s. */
static bool take_digits(const char **s, unsigned n, unsigned *out)
{
	unsigned v = 0;

	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (unsigned)(**s - '0');
	}
	*out = v;
	return true;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* HH:MM:SS[.fraction]; a leap second is the second after. */
static bool take_time_of_day(const char **s, int64_t *out_ns)
{
	unsigned h, m, sec;
	int64_t frac = 0, unit = NS_PER_S / 10;

	if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m) || !take_char(s, ':') ||
		!take_digits(s, 2, &sec) || h > 23 || m > 59 || sec > 60)
		return false;
	if (take_char(s, '.')) {
		if (**s < '0' || **s > '9')
			return false;
		for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
			frac += (**s - '0') * unit; /* below a ns: unit is 0 */
	}
	*out_ns = (int64_t)(h * 3600 + m * 60 + sec) * NS_PER_S + frac;
	return true;
}

static bool take_offset(const char **s, int64_t *out_ns)
{
	unsigned h, m;
	bool minus = **s == '-';

	*out_ns = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (!(take_char(s, '+') || take_char(s, '-')) || !take_digits(s, 2, &h) || !take_char(s, ':') ||
		!take_digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*out_ns = (int64_t)(h * 60 + m) * 60 * NS_PER_S * (minus ? -1 : 1);
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool parse_rfc3339(const char *s, int64_t *out_realtime)
{
	unsigned year, month, day;
	int64_t tod, offset, ns;

	if (!take_digits(&s, 4, &year) || !take_char(&s, '-') || !take_digits(&s, 2, &month) || !take_char(&s, '-') ||
		!take_digits(&s, 2, &day) || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
		!(take_char(&s, 'T') || take_char(&s, 't') || take_char(&s, ' ')) || !take_time_of_day(&s, &tod) ||
		!take_offset(&s, &offset) || *s)
		return false;
	if (__builtin_mul_overflow(days_of_civil(year, month, day), (int64_t)S_PER_DAY * NS_PER_S, &ns) ||
		__builtin_add_overflow(ns, tod - offset, &ns))
		return false;
	*out_realtime = ns;
	return true;
}

bool pr_timeline_wants_clock(const char *text)
{
	return strchr(text, ':') != NULL;
}

/* The first moment with this time of day that is not more than an hour before the start. */
static int64_t day_time(const struct pr_timeline *tl, int64_t tod)
{
	int64_t start = tl->readings[0].realtime, sec, day;
	__int128 from, at = 0;

	if (tl->has_start)
		pr_timeline_real(tl, tl->start, &start);
	from = (__int128)start - EARLY_NS;
	sec = (int64_t)(from / NS_PER_S - (from % NS_PER_S < 0));
	day = sec + pr_zone_offset(tl->zone, sec);
	day = day / S_PER_DAY - (day % S_PER_DAY < 0);
	/* The day before as well: where a clock was put back over midnight, its last hour comes twice. */
	for (int64_t d = day - 1; d <= day + 2; d++) {
		at = (__int128)pr_zone_moment(tl->zone, d * S_PER_DAY + tod / NS_PER_S) * NS_PER_S + tod % NS_PER_S;
		if (at >= from)
			break;
	}
	return at > INT64_MAX ? INT64_MAX : at < INT64_MIN ? INT64_MIN : (int64_t)at;
}

static int not_a_time(const struct pr_timeline *tl, const char *what, const char *text, struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_EUSAGE, "%s: '%s' is not a time; use 2026-11-25T13:00:00Z, 13:00:00 (%s), +1.5s or a ktime in ns", what, text,
		pr_zone_is_utc(tl->zone) ? "UTC" : "in the zone of --tz");
}

static int parse_wall(const struct pr_timeline *tl, const char *what, const char *text, uint64_t *out_ktime,
	struct pr_errinfo *ei)
{
	const char *s = text;
	int64_t realtime, tod;
	bool is_day_time = take_time_of_day(&s, &tod) && !*s;

	if (!is_day_time && !parse_rfc3339(text, &realtime))
		return not_a_time(tl, what, text, ei);
	if (!tl->n)
		return pr_fail(ei, PR_EUSAGE,
			"%s: '%s' can't be placed: the trace has no clock reading; use +1.5s (from its start) or a ktime in ns", what,
			text);
	*out_ktime = ktime_of(tl, is_day_time ? day_time(tl, tod) : realtime);
	return PR_OK;
}

int pr_timeline_parse(const struct pr_timeline *tl, const char *what, const char *text, uint64_t *out_ktime,
	struct pr_errinfo *ei)
{
	uint64_t span;

	if (pr_timeline_wants_clock(text))
		return parse_wall(tl, what, text, out_ktime, ei);
	if (text[0] == '+' && pr_parse_span(text + 1, &span)) {
		*out_ktime = tl->start > UINT64_MAX - span ? UINT64_MAX : tl->start + span;
		return PR_OK;
	}
	if (pr_parse_u64(text, false, out_ktime))
		return PR_OK;
	return not_a_time(tl, what, text, ei);
}

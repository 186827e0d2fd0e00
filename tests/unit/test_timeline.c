/* SPDX-License-Identifier: BSD-2-Clause */
/* Times: the clock readings of a trace, and what users type. */
#include "tests/unit/unit.h"

#include "replay/timeline.h"

#define S ((int64_t)1000000000)
#define NOON ((int64_t)1795608000 * S) /* 2026-11-25T12:00:00Z */

static void expect_utc(int64_t realtime, const char *want)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_time_utc(&b, realtime);
	pr_buf_u8(&b, 0);
	assert_string_equal((char *)b.data, want);
	pr_buf_release(&b);
}

static void utc(void **state)
{
	(void)state;
	expect_utc(0, "1970-01-01T00:00:00.000000000Z");
	expect_utc(-1, "1969-12-31T23:59:59.999999999Z");
	expect_utc(NOON + 123456789, "2026-11-25T12:00:00.123456789Z");
	expect_utc(951782400 * S, "2000-02-29T00:00:00.000000000Z");
	expect_utc(951868800 * S - 1, "2000-02-29T23:59:59.999999999Z");
	expect_utc(1709251199 * S, "2024-02-29T23:59:59.000000000Z");
	expect_utc(1735689599 * S, "2024-12-31T23:59:59.000000000Z");
	expect_utc(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
	expect_utc(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
}

static void readings(void **state)
{
	struct pr_timeline tl;
	int64_t t = 0;

	(void)state;
	pr_timeline_init(&tl);
	assert_false(pr_timeline_real(&tl, 5, &t));
	assert_int_equal(pr_timeline_add(&tl, 1000, 50000), 0);
	assert_int_equal(pr_timeline_add(&tl, 3000, 72000), 0);
	assert_int_equal(pr_timeline_add(&tl, 2000, 61000), 0); /* out of order */
	assert_int_equal(pr_timeline_add(&tl, 2000, 1), 0); /* of two with one ktime the first counts */
	assert_int_equal(tl.n, 3);
	assert_true(pr_timeline_real(&tl, 999, &t));
	assert_int_equal(t, 49999); /* before the first: by the first */
	assert_true(pr_timeline_real(&tl, 1999, &t));
	assert_int_equal(t, 50999);
	assert_true(pr_timeline_real(&tl, 2000, &t));
	assert_int_equal(t, 61000);
	assert_true(pr_timeline_real(&tl, 2999, &t));
	assert_int_equal(t, 61999);
	assert_true(pr_timeline_real(&tl, 9000, &t));
	assert_int_equal(t, 78000);
	pr_timeline_release(&tl);
}

static uint64_t parse(const struct pr_timeline *tl, const char *text)
{
	struct pr_errinfo ei;
	uint64_t k = 0;
	int err = pr_timeline_parse(tl, "--at", text, &k, &ei);

	if (err) {
		assert_int_equal(err, PR_EUSAGE);
		assert_non_null(strstr(ei.msg, "--at"));
		assert_non_null(strstr(ei.msg, text));
		return UINT64_MAX - 1;
	}
	return k;
}
#define BAD (UINT64_MAX - 1)

static void parsing(void **state)
{
	struct pr_timeline tl;
	uint64_t start = 500 * (uint64_t)S;

	(void)state;
	pr_timeline_init(&tl);
	tl.has_start = true;
	tl.start = start;
	assert_int_equal(parse(&tl, "123"), 123);
	assert_int_equal(parse(&tl, "+1.5s"), start + 1500000000);
	assert_int_equal(parse(&tl, "+10ms"), start + 10000000);
	assert_int_equal(parse(&tl, "12:00:00"), BAD); /* no clock */
	assert_int_equal(parse(&tl, "2026-11-25T12:00:00Z"), BAD);
	pr_timeline_add(&tl, start, NOON);
	assert_int_equal(parse(&tl, "2026-11-25T12:00:00Z"), start);
	assert_int_equal(parse(&tl, "2026-11-25t12:00:01.000000005z"), start + (uint64_t)S + 5);
	assert_int_equal(parse(&tl, "2026-11-25 13:00:00+01:00"), start);
	assert_int_equal(parse(&tl, "2026-11-25T09:30:00-02:30"), start);
	assert_int_equal(parse(&tl, "2026-11-25T11:59:59.999999999Z"), start - 1);
	assert_int_equal(parse(&tl, "1990-01-01T00:00:00Z"), 0); /* before the boot */
	assert_int_equal(parse(&tl, "12:00:00.25"), start + 250000000);
	assert_int_equal(parse(&tl, "12:00:00.1234567899"), start + 123456789);
	assert_int_equal(parse(&tl, "11:59:00"), start - 60 * (uint64_t)S); /* an hour before the start is still today */
	assert_int_equal(parse(&tl, "11:00:00"), 0); /* 2026-11-25T11:00:00Z, before the boot */
	assert_int_equal(parse(&tl, "10:59:59"), start + 82799 * (uint64_t)S); /* the next morning */
	assert_int_equal(parse(&tl, "00:10:00"), start + 43800 * (uint64_t)S);
	pr_timeline_release(&tl);
}

static void bad_times(void **state)
{
	static const char *const bad[] = {"", "x", "-5", "+", "+x", "1.5", "12:00", "24:00:00", "12:60:00", "12:00:61", "12:00:00.", "1:00:00",
		"2026-11-25", "2026-11-25T12:00:00", "2026-13-25T12:00:00Z", "2026-00-25T12:00:00Z", "2026-11-31T12:00:00Z",
		"2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2026-11-25T12:00:00Zx", "2026-11-25T12:00:00+1:00", "2026-11-25T12:00:00+24:00",
		"2263-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "99999999999999999999"};
	struct pr_timeline tl;

	(void)state;
	pr_timeline_init(&tl);
	pr_timeline_add(&tl, 5, NOON);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(&tl, bad[i]), BAD);
	pr_timeline_release(&tl);
}

/* Readings that no clock gave: nothing overflows, and their number is bounded. */
static void hostile_readings(void **state)
{
	static const int64_t real[] = {INT64_MIN, INT64_MAX, 0, -1};
	static const uint64_t ktimes[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63};
	struct pr_timeline tl;
	int64_t t;

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		struct pr_buf b = PR_BUF_INIT;

		pr_timeline_init(&tl);
		tl.has_start = true;
		tl.start = ktimes[i / 4];
		pr_timeline_add(&tl, ktimes[i % 4], real[i / 4]);
		for (size_t k = 0; k < 4; k++) {
			assert_true(pr_timeline_real(&tl, ktimes[k], &t));
			pr_timeline_show(&tl, &b, ktimes[k]);
		}
		parse(&tl, "12:00:00");
		parse(&tl, "2026-11-25T12:00:00Z");
		parse(&tl, "+5000000h");
		pr_timeline_release(&tl);
		pr_buf_release(&b);
	}
	pr_timeline_init(&tl);
	for (uint64_t i = 0; i < 20000; i++)
		pr_timeline_add(&tl, 1000000 - i, 0);
	assert_int_equal(tl.n, PR_TIMELINE_DISORDER_MAX + 1);
	pr_timeline_release(&tl);
}

static void seconds(void **state)
{
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	pr_time_seconds(&b, 12000000345u);
	pr_buf_u8(&b, ' ');
	pr_time_seconds(&b, 7);
	pr_buf_u8(&b, ' ');
	pr_time_seconds(&b, UINT64_MAX);
	pr_buf_u8(&b, 0);
	assert_string_equal((char *)b.data, "12.000000345 0.000000007 18446744073.709551615");
	pr_buf_release(&b);
}

/* By trying each ktime. */
static void check_narrow(const struct pr_timeline *tl, const char *text, uint64_t from, uint64_t to)
{
	uint64_t first = to + 1, last = from, a = from, b = to;
	bool any_after = false, any_before = false;

	for (uint64_t k = from; k <= to; k++) {
		struct pr_buf s = PR_BUF_INIT;
		int64_t real;

		assert_true(pr_timeline_real(tl, k, &real));
		pr_time_utc(&s, real);
		pr_buf_u8(&s, 0);
		if (strcmp((char *)s.data, text) >= 0 && !any_after) {
			any_after = true;
			first = k;
		}
		if (strcmp((char *)s.data, text) <= 0) {
			any_before = true;
			last = k;
		}
		pr_buf_release(&s);
	}
	assert_int_equal(pr_timeline_narrow(tl, text, strlen(text), false, &a, &b), any_after);
	assert_int_equal(a, any_after ? first : from);
	assert_int_equal(b, to);
	a = from;
	assert_int_equal(pr_timeline_narrow(tl, text, strlen(text), true, &a, &b), any_before);
	assert_int_equal(a, from);
	assert_int_equal(b, any_before ? last : to);
}

static void narrowing(void **state)
{
	static const char *const texts[] = {"2026-11-25T12:00:00.000000000Z", "2026-11-25T12:00:00.00000001", "2026-11-25T12:00:00.000000039Z",
		"2026-11-25T12:00:00.000000040Zx", "2026-11-25T12:00:00.000000061Z", "2026-11-25T11:59:59.999999999Z", "2026", "3", "", "x"};
	struct pr_timeline tl;
	uint64_t a = 5, b = UINT64_MAX;

	(void)state;
	pr_timeline_init(&tl);
	assert_true(pr_timeline_narrow(&tl, "2026", 4, false, &a, &b)); /* no reading: nothing is known */
	/* The clock goes on, is put forward, back, and stands behind the first moment again. */
	assert_int_equal(pr_timeline_add(&tl, 100, NOON), 0);
	assert_int_equal(pr_timeline_add(&tl, 120, NOON + 50), 0);
	assert_int_equal(pr_timeline_add(&tl, 130, NOON + 10), 0);
	assert_int_equal(pr_timeline_add(&tl, 150, NOON - 20), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		check_narrow(&tl, texts[i], 80, 190);
		check_narrow(&tl, texts[i], 0, 99);
		check_narrow(&tl, texts[i], 121, 129);
		check_narrow(&tl, texts[i], 131, 160);
	}
	/* Where time wraps the whole range is left. */
	assert_true(pr_timeline_narrow(&tl, "2300", 4, false, &a, &b) && a == 5 && b == UINT64_MAX);
	assert_true(pr_timeline_narrow(&tl, "1", 1, true, &a, &b) && a == 5 && b == UINT64_MAX);
	pr_timeline_release(&tl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utc),
		cmocka_unit_test(readings),
		cmocka_unit_test(parsing),
		cmocka_unit_test(narrowing),
		cmocka_unit_test(bad_times),
		cmocka_unit_test(hostile_readings),
		cmocka_unit_test(seconds),
	};

	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The data map: the reference's known values, its clearings, takes, and our own limits. */
#include "tests/unit/fx.h"

#define MINUTE ((uint64_t)60 * 1000000000u)

static void put(struct pr_datamap *m, uint64_t pid, uint64_t time, const char *bytes, uint64_t now)
{
	struct pr_data d = {pid, time, {(const uint8_t *)bytes, strlen(bytes)}};

	assert_int_equal(pr_datamap_add(m, &d, now), 0);
}

static void fill(struct pr_datamap *m, uint64_t first, unsigned n, uint64_t time, uint64_t now)
{
	for (unsigned i = 0; i < n; i++)
		put(m, first + i, time, "x", now);
}

/* The bytes that a take gives; false: none. */
static bool take(struct pr_datamap *m, uint64_t pid, uint64_t time, uint32_t size, uint32_t leftover, const char *want)
{
	struct pr_desc d = {.size = size, .leftover = leftover, .id_pid = pid, .id_time = time};
	struct pr_data_item *item = pr_datamap_take(m, &d);
	bool ok = item != NULL;

	if (item)
		fx_is((struct pr_slice){item->bytes.data, item->bytes.len}, want);
	pr_data_item_free(item);
	return ok;
}

static void known_values(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;
	uint64_t t = 1000 * MINUTE;

	(void)state;
	pr_datamap_init(&m, &s, NULL);
	fill(&m, 0, 4096, t, t);
	assert_int_equal(m.map.len, 4096);
	put(&m, 5000, t + MINUTE + 1, "x", t + MINUTE + 1);
	assert_int_equal(m.map.len, 1);
	fill(&m, 10000, 4096, t + MINUTE + 2, t + MINUTE + 2);
	assert_int_equal(m.map.len, 1);
	pr_datamap_release(&m);
}

/* An id of exactly the age stays; then nothing is old enough, and all go. */
static void drop_all_where_nothing_is_old(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;
	uint64_t t = 1000 * MINUTE;

	(void)state;
	s.max_data = 4;
	pr_datamap_init(&m, &s, NULL);
	fill(&m, 0, 2, t, t);
	fill(&m, 10, 2, t + 5, t);
	put(&m, 20, t + MINUTE, "x", t); /* the first two are not older than a minute */
	assert_int_equal(m.map.len, 1);
	assert_true(m.was_cleared);
	assert_int_equal(m.cleared_at, t);
	pr_datamap_release(&m);
}

static void old_ones_go_others_stay(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;
	uint64_t t = 1000 * MINUTE;

	(void)state;
	s.max_data = 4;
	pr_datamap_init(&m, &s, NULL);
	put(&m, 1, t, "old", t);
	put(&m, 2, t + 2, "young", t);
	put(&m, 3, t, "old", t);
	put(&m, 4, t + 1, "edge", t);
	put(&m, 5, t + 1 + MINUTE, "new", t + 9);
	assert_int_equal(m.map.len, 3);
	assert_true(take(&m, 2, t + 2, 5, 0, "young"));
	assert_true(take(&m, 4, t + 1, 4, 0, "edge"));
	assert_true(take(&m, 5, t + 1 + MINUTE, 3, 0, "new"));
	assert_false(take(&m, 1, t, 3, 0, ""));
	pr_datamap_release(&m);
}

/* The next clearing by age comes only after the pause; in between everything is dropped. */
static void clearing_waits(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;
	uint64_t t = 1000 * MINUTE;

	(void)state;
	s.max_data = 2;
	pr_datamap_init(&m, &s, NULL);
	for (int late = 0; late < 2; late++) {
		pr_datamap_release(&m);
		pr_datamap_init(&m, &s, NULL);
		fill(&m, 0, 2, t, t);
		put(&m, 3, t + 2 * MINUTE, "x", t); /* clears by age at t */
		assert_int_equal(m.map.len, 1);
		put(&m, 4, t + 9 * MINUTE, "y", t);
		put(&m, 5, t + 9 * MINUTE, "z", t + MINUTE + (uint64_t)late); /* at t + 1 min: not more than a minute */
		assert_int_equal(m.map.len, late ? 2 : 1); /* id 3 is old, id 4 is not */
		assert_int_equal(m.cleared_at, late ? t + MINUTE + 1 : t);
	}
	pr_datamap_release(&m);
}

static void chunks_are_appended(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;

	(void)state;
	pr_datamap_init(&m, &s, NULL);
	put(&m, 1, 10, "ab", 0);
	put(&m, 1, 11, "other time", 0);
	put(&m, 2, 10, "other pid", 0);
	put(&m, 1, 10, "", 0);
	put(&m, 1, 10, "cd", 0);
	assert_int_equal(m.map.len, 3);
	assert_int_equal(m.bytes, 4 + 10 + 9);
	assert_true(take(&m, 1, 10, 7, 3, "abcd"));
	assert_int_equal(m.bytes, 10 + 9);
	assert_int_equal(m.misses, 0);
	assert_false(take(&m, 1, 10, 7, 3, ""));
	assert_int_equal(m.misses, 1);
	assert_false(take(&m, 2, 10, 8, 0, "")); /* too short a claim: and it is gone */
	assert_int_equal(m.misses, 2);
	assert_int_equal(m.map.len, 1);
	put(&m, 3, 3, "", 0); /* nothing sent, and nothing expected, is no miss */
	assert_true(take(&m, 3, 3, 5, 5, ""));
	put(&m, 3, 3, "x", 0);
	assert_false(take(&m, 3, 3, 0, 0xffffffff - 1, "")); /* wraps: 2 */
	put(&m, 3, 3, "xy", 0);
	assert_true(take(&m, 3, 3, 0, 0xffffffff - 1, "xy"));
	assert_int_equal(m.misses, 3);
	pr_datamap_release(&m);
	assert_int_equal(m.bytes, 0);
}

/* A map that is full takes further chunks of the ids that it has. */
static void appending_needs_no_room(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;

	(void)state;
	s.max_data = 2;
	pr_datamap_init(&m, &s, NULL);
	put(&m, 1, 1, "a", 0);
	put(&m, 2, 1, "b", 0);
	put(&m, 1, 1, "c", 0);
	assert_int_equal(m.map.len, 2);
	assert_true(take(&m, 1, 1, 2, 0, "ac"));
	pr_datamap_release(&m);
}

/* Past our own limits the bytes go, the place in the map and the length stay. */
static void own_limits(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_datamap m;

	(void)state;
	s.max_item_bytes = 4;
	s.max_data_bytes = 7;
	pr_datamap_init(&m, &s, NULL);
	put(&m, 1, 1, "abcd", 0);
	put(&m, 2, 1, "abc", 0);
	assert_int_equal(m.bytes, 7);
	put(&m, 3, 1, "x", 0); /* of all ids */
	assert_int_equal(m.bytes, 7);
	put(&m, 1, 1, "e", 0); /* of one id */
	assert_int_equal(m.bytes, 3);
	assert_int_equal(m.map.len, 3);
	put(&m, 1, 1, "fgh", 0);
	assert_false(take(&m, 1, 1, 8, 0, ""));
	assert_false(take(&m, 3, 1, 1, 0, ""));
	assert_int_equal(m.misses, 0);
	assert_int_equal(m.over_limit, 2);
	assert_true(take(&m, 2, 1, 3, 0, "abc"));
	assert_int_equal(m.map.len, 0);
	assert_int_equal(m.bytes, 0);
	pr_datamap_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(drop_all_where_nothing_is_old),
		cmocka_unit_test(old_ones_go_others_stay),
		cmocka_unit_test(clearing_waits),
		cmocka_unit_test(chunks_are_appended),
		cmocka_unit_test(appending_needs_no_room),
		cmocka_unit_test(own_limits),
	};

	return cmocka_run_group_tests_name("datamap", tests, NULL, NULL);
}

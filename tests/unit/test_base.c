/* SPDX-License-Identifier: BSD-2-Clause */
/* base/: text, JSON, numbers, maps, options. */
#include "tests/unit/unit.h"

#include "base/json.h"
#include "base/map.h"
#include "base/opts.h"
#include "base/text.h"

static void expect(struct pr_buf *b, const char *want)
{
	pr_buf_u8(b, 0);
	assert_false(pr_buf_failed(b));
	assert_string_equal((const char *)b->data, want);
	pr_buf_release(b);
}

#define ESCAPED(in, want) \
	do { \
		struct pr_buf b_ = PR_BUF_INIT; \
		pr_text_escape(&b_, in, sizeof(in) - 1); \
		expect(&b_, want); \
	} while (0)

static void text_is_harmless(void **state)
{
	(void)state;
	ESCAPED("plain", "plain");
	ESCAPED("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	ESCAPED("a\nb\tc\rd", "a\\nb\\tc\\rd");
	ESCAPED("\x1b[31mred", "\\x1b[31mred");
	ESCAPED("back\\slash", "back\\\\slash");
	ESCAPED("nul\0nul", "nul\\x00nul");
	ESCAPED("\xe2\x80\xae" "bidi", "\\u{202e}bidi");
	ESCAPED("\xc2\x9b" "c1", "\\u{9b}c1"); /* an 8-bit CSI, which some terminals obey */
	ESCAPED("\xff\xfe", "\\xff\\xfe");
	ESCAPED("\xc0\xaf", "\\xc0\\xaf"); /* overlong */
	ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	ESCAPED("\xe2\x82", "\\xe2\\x82"); /* cut off */
	ESCAPED("\x7f", "\\x7f");
}

#define QUOTED(in, want) \
	do { \
		struct pr_buf b_ = PR_BUF_INIT; \
		struct pr_json j_ = pr_json_make(&b_); \
		pr_json_object(&j_, NULL); \
		pr_json_bytes(&j_, "k", in, sizeof(in) - 1); \
		pr_json_object_end(&j_); \
		expect(&b_, want); \
	} while (0)

static void json_is_valid_and_reversible(void **state)
{
	(void)state;
	QUOTED("", "{\"k\":\"\"}");
	QUOTED("a\"b\\c", "{\"k\":\"a\\\"b\\\\c\"}");
	QUOTED("\b\f\n\r\t\x01\x7f", "{\"k\":\"\\b\\f\\n\\r\\t\\u0001\\u007f\"}");
	QUOTED("\xe2\x80\xa8\xe2\x80\xae", "{\"k\":\"\\u2028\\u202e\"}");
	QUOTED("\xf3\xa0\x80\x81", "{\"k\":\"\\udb40\\udc01\"}"); /* a tag character, as a surrogate pair */
	QUOTED("h\xc3\xa9", "{\"k\":\"h\xc3\xa9\"}");
	QUOTED("a\xff" "b", "{\"k\":\"a\xef\xbf\xbd" "b\",\"k_b64\":\"Yf9i\"}");
	/* One U+FFFD for a maximal subpart, one for each byte that begins nothing. */
	QUOTED("\xe2\x82" "x\xff\xff", "{\"k\":\"\xef\xbf\xbd" "x\xef\xbf\xbd\xef\xbf\xbd\",\"k_b64\":\"4oJ4//8=\"}");
}

static void json_commas(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_json j = pr_json_make(&b);

	(void)state;
	pr_json_object(&j, NULL);
	pr_json_u64(&j, "a", UINT64_MAX);
	pr_json_array(&j, "b");
	pr_json_s64(&j, NULL, INT64_MIN);
	pr_json_null(&j, NULL);
	pr_json_object(&j, NULL);
	pr_json_object_end(&j);
	pr_json_array_end(&j);
	pr_json_bool(&j, "c", false);
	pr_json_object_end(&j);
	pr_json_newline(&j);
	expect(&b, "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,null,{}],\"c\":false}\n");
}

static void base64(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"test_host:123456789:1234", "dGVzdF9ob3N0OjEyMzQ1Njc4OToxMjM0"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pr_buf b = PR_BUF_INIT;

		pr_base64(&b, cases[i].in, strlen(cases[i].in));
		expect(&b, cases[i].out);
	}
}

static void numbers(void **state)
{
	uint64_t v = 42;

	(void)state;
	assert_true(pr_parse_u64("18446744073709551615", false, &v) && v == UINT64_MAX);
	assert_true(pr_parse_u64("0x1F", true, &v) && v == 31);
	v = 42;
	assert_false(pr_parse_u64("18446744073709551616", false, &v));
	assert_false(pr_parse_u64("", false, &v));
	assert_false(pr_parse_u64("-1", false, &v));
	assert_false(pr_parse_u64("1 ", false, &v));
	assert_false(pr_parse_u64("0x1f", false, &v));
	assert_false(pr_parse_u64("0x", true, &v));
	assert_int_equal(v, 42);
	assert_true(pr_parse_size("16M", &v) && v == 16u << 20);
	assert_true(pr_parse_size("2KiB", &v) && v == 2048);
	assert_false(pr_parse_size("16X", &v));
	assert_false(pr_parse_size("99999999999999G", &v));
	assert_true(pr_parse_span("1.5s", &v) && v == 1500000000);
	assert_true(pr_parse_span("3", &v) && v == 3000000000);
	assert_true(pr_parse_span("100ms", &v) && v == 100000000);
	assert_true(pr_parse_span("2m", &v) && v == 120000000000);
	assert_false(pr_parse_span("3 s", &v));
	assert_false(pr_parse_span("999999999999d", &v));
}

static void sizes_for_people(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {(1u << 20) - 1, "1023.9 KiB"},
		{1u << 20, "1.0 MiB"}, {UINT64_MAX, "15.9 EiB"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pr_buf b = PR_BUF_INIT;

		pr_text_size(&b, cases[i].n);
		expect(&b, cases[i].text);
	}
}

/* Against a plain table, with many deletions: they shift slots back. */
static void map_agrees_with_a_table(void **state)
{
	static uint64_t value[512];
	static bool there[512];
	struct pr_map m = PR_MAP_INIT;
	uint64_t seed = 1;
	size_t len = 0, pos = 0, seen = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t r = unit_random(&seed), k = r % 512;
		struct pr_map_slot *s = pr_map_get(&m, k, k * k);
		bool fresh;

		assert_int_equal(s != NULL, there[k]);
		if (s)
			assert_int_equal(s->v.u, value[k]);
		if (r >> 40 & 1) {
			s = pr_map_put(&m, k, k * k, &fresh);
			assert_non_null(s);
			assert_int_equal(fresh, !there[k]);
			s->v.u = value[k] = r;
			len += !there[k];
			there[k] = true;
		} else {
			assert_int_equal(pr_map_del(&m, k, k * k), there[k]);
			len -= there[k];
			there[k] = false;
		}
		assert_int_equal(m.len, len);
	}
	while (pr_map_each(&m, &pos))
		seen++;
	assert_int_equal(seen, len);
	pr_map_release(&m);
}

/* As large as tables get that are aligned and in huge pages, and beyond. */
static void a_large_map_keeps_all(void **state)
{
	struct pr_map m = PR_MAP_INIT;
	const uint64_t n = 150000;
	bool fresh;

	(void)state;
	for (uint64_t k = 0; k < n; k++) {
		struct pr_map_slot *s = pr_map_put(&m, k, ~k, &fresh);

		assert_non_null(s);
		assert_true(fresh);
		assert_int_equal(s->v.u, 0);
		s->v.u = k * k;
	}
	for (uint64_t k = 0; k < n; k += 2)
		assert_true(pr_map_del(&m, k, ~k));
	for (uint64_t k = 0; k < n; k++) {
		struct pr_map_slot *s = pr_map_get(&m, k, ~k);

		assert_int_equal(s != NULL, k % 2);
		assert_true(!s || s->v.u == k * k);
	}
	assert_int_equal(m.len, n / 2);
	pr_map_release(&m);
}

struct got {
	bool flag, seen;
	const char *str, *opt;
	uint64_t n, size, span;
	struct pr_strlist list;
};

static int parse(struct got *g, const char *const *words, int *out_n, char *argv[16], struct pr_errinfo *ei)
{
	const struct pr_option options[] = {
		{'f', "flag", PR_OPT_FLAG, &g->flag, NULL, "", &g->seen},
		{'s', "string", PR_OPT_STR, &g->str, "S", "", NULL},
		{0, "number", PR_OPT_U64, &g->n, "N", "", NULL},
		{0, "size", PR_OPT_SIZE, &g->size, "SIZE", "", NULL},
		{0, "span", PR_OPT_SPAN, &g->span, "SPAN", "", NULL},
		{'l', "list", PR_OPT_LIST, &g->list, "X", "", NULL},
		{0, "maybe", PR_OPT_OPTSTR, &g->opt, "X", "", NULL},
		{0},
	};
	const struct pr_usage u = {"test", "A [B]", "", options, 1, 2, false};
	int n = 1;

	*g = (struct got){0};
	argv[0] = (char *)"test";
	for (; words[n - 1]; n++)
		argv[n] = (char *)words[n - 1];
	argv[n] = NULL;
	return pr_opts_parse(&u, n, argv, out_n, ei);
}

#define PARSE(...) parse(&g, (const char *const[]){__VA_ARGS__, NULL}, &n, argv, &ei)

static void options(void **state)
{
	struct pr_errinfo ei;
	char *argv[16];
	struct got g;
	int n;

	(void)state;
	assert_int_equal(PARSE("a", "--flag", "-sX", "--number=7", "--size", "2K", "b"), 0);
	assert_int_equal(n, 2);
	assert_string_equal(argv[0], "a");
	assert_string_equal(argv[1], "b");
	assert_true(g.flag && g.seen && g.n == 7 && g.size == 2048);
	assert_string_equal(g.str, "X");
	assert_int_equal(PARSE("-l", "1", "--list=2", "a", "--maybe"), 0);
	assert_int_equal(g.list.n, 2);
	assert_string_equal(g.list.v[1], "2");
	assert_string_equal(g.opt, "");
	pr_strlist_release(&g.list);
	assert_int_equal(PARSE("--maybe=x", "--", "--flag"), 0);
	assert_string_equal(argv[0], "--flag");
	assert_false(g.flag);
	assert_int_equal(PARSE("--num=3", "a"), 0); /* a prefix that only one option has */
	assert_int_equal(PARSE("--s=3", "a"), PR_EUSAGE); /* string, size, span */
	assert_non_null(strstr(ei.msg, "ambiguous"));
	assert_int_equal(PARSE("--strng=3", "a"), PR_EUSAGE);
	assert_non_null(strstr(ei.msg, "did you mean '--string'"));
	assert_int_equal(PARSE("--number=x", "a"), PR_EUSAGE);
	assert_int_equal(PARSE("--flag=1", "a"), PR_EUSAGE);
	assert_int_equal(PARSE("a", "--number"), PR_EUSAGE);
	assert_int_equal(PARSE("--flag"), PR_EUSAGE);
	assert_int_equal(PARSE("a", "b", "c"), PR_EUSAGE);
	assert_non_null(strstr(ei.msg, "'c'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_harmless),
		cmocka_unit_test(json_is_valid_and_reversible),
		cmocka_unit_test(json_commas),
		cmocka_unit_test(base64),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes_for_people),
		cmocka_unit_test(map_agrees_with_a_table),
		cmocka_unit_test(a_large_map_keeps_all),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

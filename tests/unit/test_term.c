/* SPDX-License-Identifier: BSD-2-Clause */
/* Terminal manners that need no terminal: roles and widths of text, time zones, progress, words that are nearly right. */
#include "tests/unit/unit.h"

#include <time.h>

#include "base/progress.h"
#include "base/term.h"
#include "schema/source.h"

static void expect(struct pr_buf *b, const char *want)
{
	pr_buf_u8(b, 0);
	assert_string_equal((char *)b->data, want);
	pr_buf_clear(b);
}

static struct pr_style styled(bool color, unsigned columns)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	if (!utf8)
		fail_msg("this machine has no locale C.UTF-8 (package libc-bin)");
	return (struct pr_style){color, columns, utf8};
}

static void painting(void **state)
{
	struct pr_style on = styled(true, 0), off = styled(false, 0);
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	pr_buf_str(&b, "a b c");
	pr_paint(&b, &on, PR_ROLE_LOSS, 2);
	expect(&b, "a \033[1;37;41mb c\033[0m");
	for (int r = 0; r < PR_ROLES; r++) {
		size_t n;

		pr_paint_str(&b, &on, (enum pr_role)r, "text");
		n = b.len;
		assert_int_equal(pr_style_width(&on, b.data, n), 4);
		assert_true(r == PR_ROLE_PLAIN ? n == 4 : n > 8 && !memcmp(b.data + n - 4, "\033[0m", 4));
		pr_buf_clear(&b);
		pr_paint_str(&b, &off, (enum pr_role)r, "text");
		pr_paint_str(&b, NULL, (enum pr_role)r, "more");
		expect(&b, "textmore");
	}
	pr_paint(&b, &on, PR_ROLE_LOSS, b.len); /* nothing gets no colour */
	assert_int_equal(b.len, 0);
	pr_buf_release(&b);
	freelocale(on.widths);
	freelocale(off.widths);
}

static void widths(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} known[] = {{"", 0}, {"abc", 3}, {"\u00e9", 1}, {"e\u0301", 1}, {"\u6f22\u5b57", 4}, {"\U0001f427", 2}, {"\ud55c\uad6d", 4}, {"\u2026", 1},
		{"\xff\xfe", 2}, {"\xe6\xbc", 2}, {"\033[1mx\033[0m", 1}, {"\033[1;37;41m\u6f22\033[0m!", 3}, {"\u251c\u2500 ", 3}};
	struct pr_style s = styled(false, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(pr_style_width(&s, known[i].text, strlen(known[i].text)), known[i].width);
		/* Without tables it is never taken for less. */
		assert_true(pr_style_width(NULL, known[i].text, strlen(known[i].text)) >= known[i].width);
	}
	freelocale(s.widths);
}

static void fit(unsigned columns, const char *line, const char *want)
{
	struct pr_style s = styled(false, columns);
	struct pr_buf b = PR_BUF_INIT;

	pr_buf_str(&b, "before\n");
	pr_buf_str(&b, line);
	pr_style_fit(&s, &b, 7);
	pr_buf_u8(&b, 0);
	assert_string_equal((char *)b.data + 7, want);
	pr_buf_release(&b);
	freelocale(s.widths);
}

static void fitting(void **state)
{
	(void)state;
	fit(0, "whatever", "whatever");
	fit(8, "whatever", "whatever");
	fit(7, "whatever", "whatev\u2026");
	fit(1, "whatever", "\u2026");
	fit(4, "\u6f22\u5b57", "\u6f22\u5b57");
	fit(3, "\u6f22\u5b57", "\u6f22\u2026");
	fit(4, "\u6f22\u5b57\u6f22", "\u6f22\u2026"); /* half of a character has no place */
	fit(3, "e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301");
	fit(2, "e\u0301e\u0301e\u0301", "e\u0301\u2026"); /* what combines stays with its letter */
	fit(3, "ab\xff\xff\xff", "ab\u2026");
	fit(5, "\033[1mabc\033[0mdef", "\033[1mabc\033[0md\u2026");
	fit(3, "\033[1mabc\033[0mdef", "\033[1mab\u2026\033[0m"); /* a colour ends with its line */
	fit(3, "\033[1mabc\033[0m", "\033[1mabc\033[0m");
}

/* Random lines: what is left fits, is a beginning, and is the longest one that does. */
static void fitting_random(void **state)
{
	static const char *const parts[] = {"a", "\u00e9", "\u6f22", "e\u0301", "\xff", "\U0001f427", "\033[1mb\033[0m", " "};
	struct pr_buf line = PR_BUF_INIT, cut = PR_BUF_INIT;
	uint64_t rnd = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct pr_style s = styled(false, (unsigned)(unit_random(&rnd) % 12 + 1));
		size_t n = unit_random(&rnd) % 14, same = 0, w;

		pr_buf_clear(&line);
		for (size_t k = 0; k < n; k++)
			pr_buf_str(&line, parts[unit_random(&rnd) % 8]);
		pr_buf_clear(&cut);
		pr_buf_append(&cut, line.data, line.len);
		pr_style_fit(&s, &cut, 0);
		w = pr_style_width(&s, line.data, line.len);
		assert_true(pr_style_width(&s, cut.data, cut.len) <= s.columns);
		while (same < line.len && same < cut.len && line.data[same] == cut.data[same])
			same++;
		if (w <= s.columns)
			assert_true(cut.len == line.len && same == line.len);
		else
			assert_true(pr_style_width(&s, cut.data, cut.len) + 1 >= s.columns);
		freelocale(s.widths);
	}
	pr_buf_release(&line);
	pr_buf_release(&cut);
}

static void fitting_tails(void **state)
{
	static const char command[] = "/usr/bin/cc -c a-file-with-a-long-name.c";
	struct pr_style s = styled(false, 80);
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	pr_buf_printf(&b, "%-40s%s", "head", command); /* 80 columns: all of it */
	pr_style_fit_tail(&s, &b, 0, 40);
	assert_int_equal(b.len, 80);
	pr_buf_clear(&b);
	pr_buf_printf(&b, "%-45s%s", "head", command); /* room for 35: cut in its line */
	pr_style_fit_tail(&s, &b, 0, 45);
	assert_int_equal(pr_style_width(&s, b.data, b.len), 80);
	assert_null(memchr(b.data, '\n', b.len));
	pr_buf_clear(&b);
	pr_buf_printf(&b, "%-60s%s", "head", command); /* room for 20: a line of its own, whole */
	pr_style_fit_tail(&s, &b, 0, 60);
	assert_int_equal(b.len, 60 + 9 + strlen(command));
	assert_memory_equal(b.data + 60, "\n        /usr", 13);
	pr_buf_clear(&b);
	pr_buf_printf(&b, "%-60s%s%s%s", "head", command, command, command); /* that is cut, too */
	pr_style_fit_tail(&s, &b, 0, 60);
	assert_int_equal(pr_style_width(&s, b.data + 61, b.len - 61), 80);
	pr_buf_release(&b);
	freelocale(s.widths);
}

/* ---- options ----------------------------------------------------------------------------------------------------------- */

static int parse(struct pr_term *t, const char *option, struct pr_errinfo *ei)
{
	const struct pr_option options[] = {PR_TERM_COLOR(t), PR_TERM_PAGER(t), PR_TERM_WIDE(t), PR_TERM_ZONE(t), PR_TERM_QUIET(t), {0}};
	const struct pr_usage u = {"test", "", "", options, 0, 1, false};
	char *argv[] = {(char *)"test", (char *)option, NULL};
	int n;

	return pr_term_parse(t, &u, 2, argv, &n, ei);
}

static void wishes(void **state)
{
	static const struct {
		bool tty, dumb, no_color;
		const char *option;
		bool color;
	} cases[] = {
		{false, true, false, "x", false}, {true, false, false, "x", true}, {true, true, false, "x", false}, {true, false, true, "x", false},
		{false, true, false, "--color", true}, {true, true, true, "--color=always", true}, {true, false, false, "--color=never", false},
		{true, false, true, "--color=auto", false}, {false, true, false, "--color=auto", false},
	};
	struct pr_errinfo ei;
	struct pr_term t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pr_term_init_plain(&t);
		t.out_tty = cases[i].tty;
		t.out_dumb = cases[i].dumb;
		t.no_color = cases[i].no_color;
		t.out_columns = 99;
		assert_int_equal(parse(&t, cases[i].option, &ei), 0);
		assert_int_equal(t.style.color, cases[i].color);
		assert_int_equal(t.style.columns, cases[i].tty ? 99 : 0);
	}
	pr_term_init_plain(&t);
	assert_int_equal(parse(&t, "--color=sometimes", &ei), PR_EUSAGE);
	t.out_tty = true;
	assert_int_equal(parse(&t, "--wide", &ei), PR_EUSAGE); /* the colour is still not one */
	pr_term_init_plain(&t);
	t.out_tty = true;
	t.out_columns = 99;
	assert_int_equal(parse(&t, "--wide", &ei), 0);
	assert_int_equal(t.style.columns, 0);
	assert_null(pr_term_meter(&t, "reading", "x")); /* no terminal behind stderr */
	t.err_dumb = false;
	assert_non_null(pr_term_meter(&t, "reading", "x"));
	assert_int_equal(parse(&t, "-q", &ei), 0);
	assert_null(pr_term_meter(&t, "reading", "x"));
}

/* ---- zones ------------------------------------------------------------------------------------------------------------- */

static void zones(void **state)
{
	static const struct {
		const char *text;
		int32_t offset;
	} fixed[] = {{"utc", 0}, {"UTC", 0}, {"Z", 0}, {"+02:00", 7200}, {"-03:30", -12600}, {"+0545", 20700}, {"+00:00", 0}, {"-23:59", -86340}};
	static const char *const bad[] = {"", "+", "+2", "+02:60", "+24:00", "02:00", "+02:00x", "../UTC", "/etc/localtime", "No/Such", "Europe"};
	struct pr_errinfo ei;
	struct pr_zone z;

	(void)state;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		assert_int_equal(pr_zone_parse(&z, fixed[i].text, &ei), 0);
		assert_int_equal(pr_zone_offset(&z, 1700000000), fixed[i].offset);
		assert_int_equal(pr_zone_moment(&z, 1700000000), 1700000000 - fixed[i].offset);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pr_zone_parse(&z, bad[i], &ei), PR_EUSAGE);
		assert_non_null(strstr(ei.msg, "--tz"));
	}
	assert_true(pr_zone_is_utc(NULL));
	assert_int_equal(pr_zone_offset(NULL, 5), 0);
}

#define SPRING 1774746000 /* 2026-03-29T01:00:00Z: 02:00 becomes 03:00 in Berlin */
#define AUTUMN 1792890000 /* 2026-10-25T01:00:00Z: 03:00 becomes 02:00 */

static void zones_with_summer(void **state)
{
	struct pr_errinfo ei;
	struct pr_zone z;

	(void)state;
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK))
		skip();
	assert_int_equal(pr_zone_parse(&z, "Europe/Berlin", &ei), 0);
	assert_int_equal(pr_zone_offset(&z, SPRING - 1), 3600);
	assert_int_equal(pr_zone_offset(&z, SPRING), 7200);
	assert_int_equal(pr_zone_offset(&z, AUTUMN - 1), 7200);
	assert_int_equal(pr_zone_offset(&z, AUTUMN), 3600);
	/* Wherever the clock shows a time once, that is the moment; where twice, the earlier. */
	for (int64_t t = SPRING - 7200; t < SPRING + 7200; t += 600)
		assert_int_equal(pr_zone_moment(&z, t + pr_zone_offset(&z, t)), t);
	for (int64_t t = AUTUMN - 7200; t < AUTUMN + 10800; t += 600)
		assert_int_equal(pr_zone_moment(&z, t + pr_zone_offset(&z, t)), t >= AUTUMN && t < AUTUMN + 3600 ? t - 3600 : t);
	assert_int_equal(pr_zone_moment(&z, SPRING + 3600 + 1800), SPRING + 1800); /* 02:30, which there is not: the time that it would have been */
	unsetenv("TZ");
	tzset();
}

/* ---- progress ---------------------------------------------------------------------------------------------------------- */

static void progress_text(void **state)
{
	struct pr_progress p = {.verb = "indexing", .path = "a.seg", .style = styled(false, 0)};
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	pr_progress_text(&b, &p, 0, 2048);
	expect(&b, "indexing a.seg: 0 % of 2.0 KiB");
	pr_progress_text(&b, &p, 860, 2048);
	expect(&b, "indexing a.seg: 41 % of 2.0 KiB");
	pr_progress_text(&b, &p, 4096, 2048); /* it has grown meanwhile */
	expect(&b, "indexing a.seg: 100 % of 2.0 KiB");
	pr_progress_text(&b, &p, UINT64_MAX - 1, UINT64_MAX);
	expect(&b, "indexing a.seg: 100 % of 15.9 EiB");
	pr_progress_text(&b, &p, 3000, 0);
	expect(&b, "indexing a.seg: 2.9 KiB");
	p.unit = "processes";
	pr_progress_text(&b, &p, 600, 1200);
	expect(&b, "indexing a.seg: 50 % of 1200 processes");
	pr_progress_text(&b, &p, 600, 0);
	expect(&b, "indexing a.seg: 600 processes");
	p.unit = NULL;
	p.path = "\033[31m/a/very/long/path/to/a/trace.seg";
	pr_progress_text(&b, &p, 1, 2048);
	expect(&b, "indexing \\x1b[31m/a/very/long/path/to/a/trace.seg: 0 % of 2.0 KiB");
	for (unsigned n = 2; n < 90; n++) {
		p.style.columns = n;
		pr_progress_text(&b, &p, 1024, 2048);
		assert_true(pr_style_width(&p.style, b.data, b.len) < n); /* the last column may wrap */
		if (n > 40)
			assert_non_null(memmem(b.data, b.len, "50 % of 2.0 KiB", 15));
		pr_buf_clear(&b);
	}
	freelocale(p.style.widths);
	pr_buf_release(&b);
}

struct told {
	uint64_t done, total, times;
};

static void on_meter(void *ctx, uint64_t done, uint64_t total)
{
	struct told *t = ctx;

	assert_true(done > t->done && done <= total);
	*t = (struct told){done, total, t->times + 1};
}

/* The reader tells of each block how far that is, and comes to the end. */
static void meter_of_a_segment(void **state)
{
	struct pr_buf in = PR_BUF_INIT, seg;
	struct told told = {0};
	const struct pr_meter m = {on_meter, &told};
	struct pr_seg_reader *r;
	struct pr_seg_damage d;
	struct pr_block b;
	uint64_t blocks = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .seq = i};
		size_t at = pr_enveloped_begin(&in, &env, PR_OP_CLOCK, i);

		pr_buf_u64(&in, i);
		pr_enveloped_end(&in, at);
	}
	seg = unit_segment(&in, 4096);
	assert_int_equal(pr_seg_reader_new(&r, pr_source_memory(seg.data, seg.len), NULL), 0);
	pr_seg_reader_set_meter(r, &m);
	while (!pr_seg_reader_next(r, &b, &d, NULL))
		blocks++;
	assert_true(blocks > 5 && told.times == blocks);
	assert_int_equal(told.total, seg.len);
	assert_true(told.done > told.total / 2);
	pr_seg_reader_free(r);
	pr_buf_release(&in);
	pr_buf_release(&seg);
}

/* ---- words that are nearly right --------------------------------------------------------------------------------------- */

static void nearest(void **state)
{
	static const char *const words[] = {"ancestry", "tree", "tz", "gaps", "why", "where", "json", "no-index", "no-pager", "sql", NULL};
	static const struct {
		const char *typed, *meant;
	} cases[] = {{"ancestry", "ancestry"}, {"ancstry", "ancestry"}, {"ancesrty", "ancestry"}, {"ancetsyr", "ancestry"}, {"tere", "tree"}, {"treee", "tree"},
		{"jsno", "json"}, {"gasp", "gaps"}, {"wher", "where"}, {"wyh", "why"}, {"sq", "sql"}, {"no-inedx", "no-index"}, {"nopager", "no-pager"},
		{"xyz", NULL}, {"ls", NULL}, {"q", NULL}, {"cat", NULL}, {"descendants", NULL}, {"", NULL}};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = pr_nearest(cases[i].typed, words);

		if (!cases[i].meant != !got || (got && strcmp(got, cases[i].meant)))
			fail_msg("'%s' gives %s", cases[i].typed, got ? got : "nothing");
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_null(pr_nearest(longest, words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(painting),
		cmocka_unit_test(widths),
		cmocka_unit_test(fitting),
		cmocka_unit_test(fitting_random),
		cmocka_unit_test(fitting_tails),
		cmocka_unit_test(wishes),
		cmocka_unit_test(zones),
		cmocka_unit_test(zones_with_summer),
		cmocka_unit_test(progress_text),
		cmocka_unit_test(meter_of_a_segment),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

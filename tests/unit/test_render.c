/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of text and JSON: what they say, and that nothing in a frame makes them harmful or invalid. */
#include "tests/unit/fx.h"

#include "base/text.h"
#include "replay/render/render.h"

struct fixture {
	struct pr_timeline tl;
	struct pr_renderer render;
	struct pr_replayer r;
	struct pr_buf in, out;
};

static void begin(struct fixture *f)
{
	pr_timeline_init(&f->tl);
	pr_renderer_init(&f->render, &f->tl);
	fx_init(&f->r);
	f->in = f->out = PR_BUF_INIT;
}

static void end(struct fixture *f)
{
	pr_timeline_release(&f->tl);
	pr_renderer_release(&f->render);
	pr_replayer_release(&f->r);
	pr_buf_release(&f->in);
	pr_buf_release(&f->out);
}

/* Feeds f->in; f->out is the line of its last frame. */
static void line(struct fixture *f, bool json)
{
	struct pr_applied a = fx_feed(&f->r, &f->in);
	struct pr_event_line e;
	struct pr_event_view v;

	pr_event_view_make(&v, &a, &f->r.cache);
	pr_event_line_make(&e, &v, &f->tl);
	pr_buf_clear(&f->out);
	(json ? pr_render_event_json : pr_render_event_text)(&f->render, &f->out, &e);
	assert_false(pr_buf_failed(&f->out));
}

static void expect(const struct fixture *f, const char *want)
{
	fx_is((struct pr_slice){f->out.data, f->out.len}, want);
}

static void text_lines(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	fx_execve(&f.in, (struct fx){.id = KEY(4242, 1500000000), .parent = KEY(7, 1), .flags = PR_EXEC_CLONE, .strings = "/bin/ls\0-l\0a b\0/w", .n = 17});
	line(&f, false);
	expect(&f, "       1.500000000    4242       7 execve /bin/ls -l \"a b\"\n");
	fx_clone(&f.in, KEY(4243, 1600000000), KEY(4242, 1500000000), 1600000000);
	line(&f, false);
	expect(&f, "       1.600000000    4243    4242 clone  /bin/ls\n");
	fx_exit(&f.in, KEY(4243, 1600000000), 1700000000, 11 | 0x80);
	line(&f, false);
	expect(&f, "       1.700000000    4243    4242 exit   signal 11 (SIGSEGV), core dumped  /bin/ls\n");
	fx_exit(&f.in, KEY(4242, 1500000000), 1800000000, 3 << 8);
	line(&f, false);
	expect(&f, "       1.800000000    4242       7 exit   code 3  /bin/ls\n");
	fx_exit(&f.in, KEY(1, 1), 1900000000, 64);
	line(&f, false);
	expect(&f, "       1.900000000       1       - exit   signal 64  (not in the cache)\n");
	fx_execve(&f.in, (struct fx){.id = KEY(5, 2), .parent = KEY(1, 1), .flags = PR_EXEC_PROCFS, .strings = "/sbin/init\0", .n = 11});
	pr_timeline_add(&f.tl, 1, 1795608000000000000);
	line(&f, false);
	expect(&f, "2026-11-25T12:00:00.000000001Z       5       1 alive  /sbin/init\n");
	end(&f);
}

static void json_lines(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	fx_host(&f.in, "h");
	fx_user(&f.in, 7, "al\xff");
	fx_execve(&f.in, (struct fx){.id = KEY(1, 2), .uid = 7, .permitted = 1, .flags = PR_EXEC_CLONE, .strings = "/a\0x\0\xfe\0/w", .n = 9});
	line(&f, true);
	expect(&f, "{\"type\":\"execve\",\"seq\":2,\"time\":null,\"ktime\":2,\"pid\":1,\"exec_id\":\"aDoyOjE=\",\"uid\":7,"
		   "\"user\":\"al\xef\xbf\xbd\",\"user_b64\":\"YWz/\",\"binary\":\"/a\",\"arguments\":\"x \xef\xbf\xbd\",\"arguments_b64\":\"eCD+\","
		   "\"argv\":[null,\"x\",\"\xef\xbf\xbd\"],\"argv_b64\":[null,null,\"/g==\"],\"cwd\":\"/w\","
		   "\"cap\":{\"permitted\":\"CAP_CHOWN\",\"effective\":\"\",\"inheritable\":\"\"},\"parent\":null}\n");
	fx_clone(&f.in, KEY(3, 3), KEY(1, 2), 5);
	pr_timeline_add(&f.tl, 5, 5);
	line(&f, true);
	pr_buf_u8(&f.out, 0);
	assert_non_null(strstr((char *)f.out.data, "\"seq\":3,\"time\":\"1970-01-01T00:00:00.000000005Z\",\"ktime\":3,\"pid\":3,"));
	assert_non_null(strstr((char *)f.out.data, "\"parent\":{\"pid\":1,\"ktime\":2,\"exec_id\":\"aDoyOjE=\",\"uid\":7,"));
	fx_exit(&f.in, KEY(3, 3), 6, 0x3ff89);
	line(&f, true);
	pr_buf_u8(&f.out, 0);
	assert_non_null(strstr((char *)f.out.data, ",\"exit\":{\"code\":255,\"signal\":9,\"core\":true,\"status\":262025}}\n"));
	fx_exit(&f.in, KEY(9, 9), 6, 0);
	line(&f, true);
	expect(&f, "{\"type\":\"exit\",\"seq\":5,\"time\":\"1970-01-01T00:00:00.000000006Z\",\"ktime\":9,\"pid\":9,\"miss\":true}\n");
	end(&f);
}

/* One line, valid UTF-8, and no code point that a terminal must not see. */
static void expect_harmless(const struct pr_buf *b)
{
	size_t i = 0, k, bad;
	uint32_t cp;

	assert_true(b->len > 0);
	assert_int_equal(b->data[b->len - 1], '\n');
	for (; i < b->len - 1; i += k) {
		k = pr_utf8_next(b->data + i, b->len - i, &cp, &bad);
		assert_true(k > 0);
		assert_false(pr_text_unsafe(cp));
	}
}

static void hostile_strings(void **state)
{
	static const char *const nasty[] = {"\x1b[31m", "\xe2\x80\xae", "\xc2\x9b", "\xe2\x80\xa8", "\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\n", "\r", "\"",
		"\\", " ", "/", "\x7f", "\xf3\xa0\x81\x81", "\xef\xbb\xbf", "\xe2\x82", "\xc0\xaf", "a", "\xe6\xbc\xa2", "\xf0\x9f\x90\xa7"};
	uint64_t seed = 42;
	struct fixture f;

	(void)state;
	begin(&f);
	for (uint32_t round = 0; round < 3000; round++) {
		struct pr_buf s = PR_BUF_INIT;
		static const uint32_t flags[] = {0, PR_EXEC_PROCFS, PR_EXEC_ROOT_CWD, PR_EXEC_CLONE};
		struct pr_id id = KEY(10 + round, 10);

		for (uint64_t n = unit_random(&seed) % 40; n; n--) {
			uint64_t pick = unit_random(&seed) % 24;

			if (pick < 21)
				pr_buf_str(&s, nasty[pick]);
			else
				pr_buf_u8(&s, pick == 21 ? 0 : (uint8_t)unit_random(&seed));
		}
		if (round % 10 == 0) {
			size_t at = pr_frame_begin(&f.in, PR_OP_USER_NAME, 0);

			pr_buf_u64(&f.in, 0);
			pr_buf_append(&f.in, s.data, s.len);
			pr_frame_end(&f.in, at);
		}
		fx_execve(&f.in, (struct fx){.id = id, .parent = KEY(9 + round, 10), .flags = flags[round % 4], .strings = s.data, .n = s.len});
		line(&f, true);
		expect_harmless(&f.out);
		pr_buf_clear(&f.out);
		pr_render_entry_text(&f.render, &f.out, pr_cache_lookup(&f.r.cache, id));
		expect_harmless(&f.out);
		pr_buf_clear(&f.out);
		pr_render_entry_json(&f.render, &f.out, pr_cache_lookup(&f.r.cache, id));
		expect_harmless(&f.out);
		fx_exit(&f.in, id, 20, (uint32_t)unit_random(&seed));
		line(&f, false);
		expect_harmless(&f.out);
		pr_buf_release(&s);
	}
	end(&f);
}

/* The texts of capability sets are kept by a hash: sets that share a place do not share a text. */
static void capability_memory(void **state)
{
	struct fixture f;
	uint64_t seed = 7;

	(void)state;
	begin(&f);
	for (int i = 0; i < 2000; i++) {
		uint64_t bits = unit_random(&seed);
		struct pr_buf want = PR_BUF_INIT;
		struct pr_slice got = pr_render_caps(&f.render, bits);

		pr_text_caps(&want, bits);
		assert_int_equal(got.n, want.len);
		assert_memory_equal(got.p, want.data, want.len);
		pr_buf_release(&want);
	}
	end(&f);
}

static void gaps(void **state)
{
	struct pr_gap g = {.kind = PR_GAP_SEQ, .before_seq = 9, .cpu = 1, .stream = PR_STREAM_EXEC, .count = 12, .ktime_from = 1000000000, .ktime_to = 2000000000};
	struct fixture f;

	(void)state;
	begin(&f);
	pr_render_gap_text(&f.render, &f.out, &g);
	expect(&f, "-- gap: 12 frames of the exec stream lost on cpu 1, after 1.000000000, before 2.000000000 --\n");
	pr_buf_clear(&f.out);
	pr_render_gap_json(&f.render, &f.out, &g);
	expect(&f, "{\"type\":\"gap\",\"seq\":9,\"kind\":\"sequence\",\"count\":12,\"stream\":\"exec\",\"cpu\":1,\"ktime_from\":1000000000,\"time_from\":null,"
		   "\"ktime_to\":2000000000,\"time_to\":null}\n");
	g = (struct pr_gap){.kind = PR_GAP_DAMAGE, .cpu = PR_CPU_NONE, .ktime_to = UINT64_MAX};
	pr_buf_clear(&f.out);
	pr_render_gap_text(&f.render, &f.out, &g);
	expect(&f, "-- gap: an unknown number of frames lost in damaged bytes --\n");
	pr_buf_clear(&f.out);
	pr_render_gap_json(&f.render, &f.out, &g);
	expect(&f, "{\"type\":\"gap\",\"seq\":0,\"kind\":\"damage\",\"count\":null,\"stream\":null,\"cpu\":null,\"ktime_from\":null,\"time_from\":null,"
		   "\"ktime_to\":null,\"time_to\":null}\n");
	g = (struct pr_gap){.kind = PR_GAP_LOSS, .cpu = PR_CPU_NONE, .stream = PR_STREAM_CLONE, .count = 1, .ktime_to = UINT64_MAX, .reason = PR_LOSS_MAP_FULL};
	pr_buf_clear(&f.out);
	pr_render_gap_text(&f.render, &f.out, &g);
	expect(&f, "-- gap: 1 frame of the clone stream never recorded (map_full) --\n");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(hostile_strings),
		cmocka_unit_test(capability_memory),
		cmocka_unit_test(gaps),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder: known values, odd places, and sizes that lie. */
#include "tests/unit/fx.h"

#include "base/text.h"

/* One execve with these bytes behind its fixed part shows this. */
static void expect_text(uint32_t flags, const char *bytes, size_t n, const char *binary, const char *arguments, const char *cwd)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	fx_init(&r);
	fx_execve(&b, (struct fx){.id = KEY(7, 70), .parent = KEY(1, 1), .flags = flags, .strings = bytes, .n = n});
	assert_int_equal(fx_feed(&r, &b).kind, PR_APPLIED_LIFECYCLE);
	fx_text(&r, KEY(7, 70), binary, arguments, cwd);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}
#define EXPECT(flags, bytes, binary, arguments, cwd) expect_text(flags, bytes, sizeof(bytes) - 1, binary, arguments, cwd)

static void known_exec_only(void **state)
{
	static const char strings[] = "/usr/bin/ls\0-l\0/root/one more thing\0/root";
	struct pr_buf b = PR_BUF_INIT, text = PR_BUF_INIT;
	const struct pr_entry *e;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	fx_host(&b, "test_host");
	fx_user(&b, 0, "root");
	fx_execve(&b, (struct fx){.id = KEY(1234, 123456789), .parent = KEY(1, 1), .cleanup = KEY(1234, 5), .strings = strings,
				  .n = sizeof(strings) - 1, .permitted = 0x11, .effective = 0x33, .inheritable = 0x22});
	fx_feed(&r, &b);
	fx_text(&r, KEY(1234, 123456789), "/usr/bin/ls", "-l \"/root/one more thing\"", "/root");
	fx_parent(&r, KEY(1234, 123456789), KEY(1234, 5));
	e = pr_cache_lookup(&r.cache, KEY(1234, 123456789));
	fx_is(pr_image_user(e->image), "root");
	pr_text_caps(&text, e->image->permitted);
	fx_is((struct pr_slice){text.data, text.len}, "CAP_CHOWN CAP_FSETID");
	pr_buf_clear(&text);
	pr_text_caps(&text, e->image->effective);
	fx_is((struct pr_slice){text.data, text.len}, "CAP_CHOWN DAC_OVERRIDE CAP_FSETID CAP_KILL");
	pr_buf_clear(&text);
	pr_text_caps(&text, e->image->inheritable);
	fx_is((struct pr_slice){text.data, text.len}, "DAC_OVERRIDE CAP_KILL");
	pr_buf_clear(&text);
	pr_text_exec_id(&text, (struct pr_slice){e->host->bytes, e->host->len}, e->id);
	fx_is((struct pr_slice){text.data, text.len}, "dGVzdF9ob3N0OjEyMzQ1Njc4OToxMjM0");
	pr_buf_release(&text);
	pr_buf_release(&b);
	pr_replayer_release(&r);
}

static void known_long_filename(void **state)
{
	static const char rest[] = "-l\0/root/one more thing";
	struct pr_buf b = PR_BUF_INIT, strings = PR_BUF_INIT;
	char as[256], binary[258] = "/";
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	memset(as, 'a', 255);
	memset(binary + 1, 'a', 255);
	fx_desc(&strings, 256, 1, 77, 9);
	pr_buf_append(&strings, rest, sizeof(rest) - 1);
	fx_data(&b, 77, 9, as, 255, 1);
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_DATA_FILENAME | PR_EXEC_ROOT_CWD | PR_EXEC_CLONE,
				  .strings = strings.data, .n = strings.len});
	fx_feed(&r, &b);
	fx_text(&r, KEY(2, 20), binary, "-l \"/root/one more thing\"", "/");
	fx_parent(&r, KEY(2, 20), KEY(1, 1));
	assert_int_equal(r.data.map.len, 0);
	assert_int_equal(r.data.misses, 0);
	pr_buf_release(&strings);
	pr_buf_release(&b);
	pr_replayer_release(&r);
}

static void known_long_arguments(void **state)
{
	struct pr_buf b = PR_BUF_INIT, strings = PR_BUF_INIT;
	char as[1024], bs[1024], want[2048];
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	memset(as, 'a', 1023);
	as[1023] = '\0';
	memset(bs, 'b', 1023);
	memset(want, 'a', 1023);
	want[1023] = ' ';
	memset(want + 1024, 'b', 1023);
	want[2047] = '\0';
	pr_buf_append(&strings, "/usr/bin/ls", 12);
	fx_desc(&strings, 2047, 0, 77, 9);
	pr_buf_str(&strings, "/root");
	fx_data(&b, 77, 9, as, 1024, 1);
	fx_data(&b, 77, 9, bs, 1023, 1);
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_DATA_ARGS | PR_EXEC_PROCFS,
				  .strings = strings.data, .n = strings.len});
	fx_feed(&r, &b);
	fx_text(&r, KEY(2, 20), "/usr/bin/ls", want, "/root");
	fx_parent(&r, KEY(2, 20), KEY(1, 1));
	pr_buf_release(&strings);
	pr_buf_release(&b);
	pr_replayer_release(&r);
}

static void known_without_arguments(void **state)
{
	(void)state;
	EXPECT(PR_EXEC_ERROR_PATH_COMPONENTS, "/usr/bin/ls\0/root", "/usr/bin/ls", "", "/root");
	EXPECT(0, "/usr/bin/ls\0", "/usr/bin/ls", "", "");
}

static void known_size_mismatch(void **state)
{
	struct pr_buf b = PR_BUF_INIT, strings = PR_BUF_INIT;
	struct pr_replayer r;
	char as[255];

	(void)state;
	fx_init(&r);
	memset(as, 'a', sizeof(as));
	fx_desc(&strings, 255, 1, 77, 9);
	fx_data(&b, 77, 9, as, 255, 1);
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_DATA_FILENAME, .strings = strings.data, .n = strings.len});
	fx_feed(&r, &b);
	fx_text(&r, KEY(2, 20), "enomem", "", "");
	assert_int_equal(r.data.map.len, 0);
	assert_int_equal(r.data.misses, 1);
	pr_buf_release(&strings);
	pr_buf_release(&b);
	pr_replayer_release(&r);
}

static void last_nul_separates(void **state)
{
	(void)state;
	EXPECT(0, "/a\0x\0y\0/w", "/a", "x y", "/w");
	EXPECT(0, "/a\0x\0y\0", "/a", "x y", "");
	EXPECT(0, "/a\0\0/w", "/a", "", "/w");
	EXPECT(0, "/a\0x\0\0/w", "/a", "x ", "/w"); /* an empty last argument */
	EXPECT(0, "/a\0/w", "/a", "", "/w"); /* no NUL at all: it is all cwd */
	EXPECT(0, "/a", "/a", "", "");
	EXPECT(0, "a", "a", "", "");
	EXPECT(0, "", "enomem", "", "");
}

static void flags_of_the_cwd(void **state)
{
	(void)state;
	EXPECT(PR_EXEC_NO_CWD_SUPPORT, "/a\0x\0y", "/a", "x y", "");
	EXPECT(PR_EXEC_ERROR_CWD, "/a\0x\0y", "/a", "x y", "");
	EXPECT(PR_EXEC_ROOT_CWD, "/a\0x\0y", "/a", "x y", "/");
	EXPECT(PR_EXEC_ROOT_CWD | PR_EXEC_PROCFS, "a\0x", "/a", "x", "/");
	EXPECT(PR_EXEC_PROCFS, "/a\0x\0 \t/w \n\v\f\r", "/a", "x", "/w");
	EXPECT(PR_EXEC_PROCFS, "/a\0x\0 \t\n", "/a", "x", "");
	EXPECT(0, "/a\0x\0 /w ", "/a", "x", " /w ");
	EXPECT(PR_EXEC_NO_CWD_SUPPORT, "/a\0x\0", "/a", "x ", "");
}

static void relative_filenames(void **state)
{
	(void)state;
	EXPECT(0, "a\0x\0/w", "/w/a", "x", "/w");
	EXPECT(0, "a\0x\0/", "/a", "x", "/");
	EXPECT(0, "./a\0x\0/w/", "/w/./a", "x", "/w/");
	EXPECT(0, "a\0x\0", "a", "x", "");
	EXPECT(0, "\0x\0/w", "enomem", "x", "/w");
	EXPECT(PR_EXEC_ERROR_FILENAME, "x\0y\0/w", "enomem", "x y", "/w"); /* nothing is skipped */
	EXPECT(PR_EXEC_ERROR_ARGS, "/a\0x\0/w", "/a", "x", "/w");
}

static void argument_rule(void **state)
{
	(void)state;
	EXPECT(PR_EXEC_ROOT_CWD, "/a\0a b\0c\td\0e\nf\0g", "/a", "\"a b\" \"c\\td\" \"e\\nf\" g", "/");
	EXPECT(PR_EXEC_ROOT_CWD, "/a\0q\"\\\0q\"\\ ", "/a", "q\"\\ \"q\\\"\\\\ \"", "/"); /* escaped only where quoted */
	EXPECT(PR_EXEC_ROOT_CWD, "/a\0\r\v\0\0z\0", "/a", "\r\v  z ", "/");
	EXPECT(PR_EXEC_ROOT_CWD, "/a\0\0", "/a", " ", "/"); /* two empty arguments */
}

static void descriptors_too_short(void **state)
{
	char half[31] = {0}, rest[64] = "/a";
	struct pr_buf s = PR_BUF_INIT;

	(void)state;
	expect_text(PR_EXEC_DATA_FILENAME, half, 31, "enomem", "enomem", "enomem");
	expect_text(PR_EXEC_DATA_FILENAME, half, 0, "enomem", "enomem", "enomem");
	expect_text(PR_EXEC_DATA_FILENAME | PR_EXEC_ROOT_CWD, half, 31, "enomem", "enomem", "enomem");
	expect_text(PR_EXEC_DATA_ARGS, rest, 3 + 31, "/a", "enomem", "enomem");
	expect_text(PR_EXEC_DATA_ARGS | PR_EXEC_ROOT_CWD, "a", 2, "a", "enomem", "enomem"); /* as it stands: not joined */
	expect_text(PR_EXEC_DATA_ARGS, "", 1, "", "enomem", "enomem"); /* empty stays empty here */
	expect_text(PR_EXEC_DATA_ARGS, rest, 3 + 32, "/a", "", "");
	fx_desc(&s, 0, 0, 1, 1);
	expect_text(PR_EXEC_DATA_FILENAME | PR_EXEC_ERROR_FILENAME, (char *)s.data, s.len, "enomem", "", "");
	pr_buf_release(&s);
}

static void data_arguments_end_before_the_cwd(void **state)
{
	struct pr_buf s = PR_BUF_INIT;

	(void)state;
	pr_buf_append(&s, "/a", 3);
	fx_desc(&s, 0, 0, 1, 1);
	pr_buf_append(&s, "/w\0x", 4);
	expect_text(PR_EXEC_DATA_ARGS | PR_EXEC_NO_CWD_SUPPORT, (char *)s.data, s.len - 2, "/a", "", "/w");
	expect_text(PR_EXEC_DATA_ARGS | PR_EXEC_ROOT_CWD, (char *)s.data, s.len - 2, "/a", "", "/");
	pr_buf_release(&s);
}

/* n = process.size - 56 decides first: above 1592, and below 56 where it wraps, all three are enomem. */
static void sizes_of_process(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	char strings[1593];
	struct pr_replayer r;

	(void)state;
	memset(strings, 'x', sizeof(strings));
	memcpy(strings, "/a", 3);
	fx_init(&r);
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 1592});
	fx_execve(&b, (struct fx){.id = KEY(3, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 1593});
	fx_execve(&b, (struct fx){.id = KEY(4, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 4, .size = 55});
	fx_execve(&b, (struct fx){.id = KEY(5, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 4, .size = 56});
	fx_execve(&b, (struct fx){.id = KEY(6, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 4, .size = 0xffffffff});
	fx_execve(&b, (struct fx){.id = KEY(7, 20), .flags = PR_EXEC_PROCFS, .strings = strings, .n = 4, .size = 59});
	fx_execve(&b, (struct fx){.id = KEY(9, 20), .flags = PR_EXEC_DATA_ARGS, .strings = strings, .n = 1593}); /* decided by its size alone */
	fx_feed(&r, &b);
	assert_int_equal(pr_image_raw_cwd(pr_cache_lookup(&r.cache, KEY(2, 20))->image).n, 1589);
	fx_text(&r, KEY(3, 20), "enomem", "enomem", "enomem");
	fx_text(&r, KEY(4, 20), "enomem", "enomem", "enomem");
	fx_text(&r, KEY(5, 20), "enomem", "", "");
	fx_text(&r, KEY(6, 20), "enomem", "enomem", "enomem");
	fx_text(&r, KEY(7, 20), "/a", "", ""); /* what the frame has beyond process.size is ignored */
	fx_text(&r, KEY(9, 20), "enomem", "enomem", "enomem");
	assert_int_equal(r.malformed, 0);
	fx_execve(&b, (struct fx){.id = KEY(8, 20), .strings = strings, .n = 4, .size = 61}); /* claims one byte too many */
	assert_int_equal(fx_feed(&r, &b).kind, PR_APPLIED_MALFORMED);
	assert_null(pr_cache_lookup(&r.cache, KEY(8, 20)));
	assert_int_equal(r.malformed, 1);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void keys_have_an_order(void **state)
{
	static const struct pr_id in_order[] = {{0, 5}, {2, 0}, {2, 1}, {2, UINT64_MAX}, {3, 0}, {0x80000000, 1}, {UINT32_MAX, 0}};

	(void)state;
	for (int i = 0; i < 7; i++) {
		for (int k = 0; k < 7; k++) {
			assert_int_equal(pr_id_compare(in_order[i], in_order[k]), (i > k) - (i < k));
			assert_int_equal(pr_id_equal(in_order[i], in_order[k]), i == k);
		}
	}
}

static void parent_keys(void **state)
{
	struct pr_execve e = {.parent = KEY(1, 10), .cleanup = KEY(2, 20)};

	(void)state;
	assert_int_equal(pr_execve_parent(&e).pid, 2);
	e.flags = PR_EXEC_CLONE;
	assert_int_equal(pr_execve_parent(&e).pid, 1);
	e.flags = 0;
	e.cleanup.ktime = 0;
	assert_int_equal(pr_execve_parent(&e).pid, 1);
	e.cleanup = KEY(0, 1);
	assert_int_equal(pr_execve_parent(&e).pid, 0);
}

static void capabilities(void **state)
{
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	pr_text_caps(&b, 0);
	assert_int_equal(b.len, 0);
	pr_text_caps(&b, (uint64_t)1 << 40 | 1);
	fx_is((struct pr_slice){b.data, b.len}, "CAP_CHOWN CAP_CHECKPOINT_RESTORE");
	pr_buf_clear(&b);
	pr_text_caps(&b, (uint64_t)1 << 41 | (uint64_t)1 << 63); /* no names */
	assert_int_equal(b.len, 0);
	pr_text_caps(&b, UINT64_MAX);
	assert_int_equal(b.data[b.len - 1], 'E');
	for (size_t i = 0, spaces = 0; i <= b.len; i++) {
		if (i == b.len)
			assert_int_equal(spaces, 40);
		else
			spaces += b.data[i] == ' ';
	}
	pr_buf_release(&b);
}

/* Every well-formed frame that there is, cut at every length, says malformed or decodes, and reads nothing outside. */
static void cut_everywhere(void **state)
{
	static const char strings[] = "/usr/bin/ls\0-l\0/root";
	struct pr_buf b = PR_BUF_INIT, s = PR_BUF_INIT;
	static const struct {
		uint8_t op;
		uint32_t fixed;
	} own[] = {{PR_OP_EXEC_INFO, 64}, {PR_OP_CLONE_INFO, 56}, {PR_OP_EXIT_INFO, 48}, {PR_OP_REPARENT, 64}, {PR_OP_EXEC_FAIL, 40},
		{PR_OP_HOST, 16}, {PR_OP_USER_NAME, 24}, {PR_OP_CLOCK, 40}, {PR_OP_STREAM_STATE, 24}, {PR_OP_LOSS, 40}, {PR_OP_KEYFRAME, 24},
		{PR_OP_RECORDER, 16}, {PR_OP_ORIGIN, 48}, {PR_OP_ENDED, 48}, {PR_OP_EXECVE, 376}, {PR_OP_CLONE, 56}, {PR_OP_EXIT, 40}, {PR_OP_DATA, 32}};
	struct pr_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		for (uint32_t n = 0; n < own[i].fixed; n++) {
			uint8_t *p = calloc(1, n ? n : 1);
			const char *why = NULL;

			if (n >= 16) {
				p[0] = own[i].op;
				pr_put_u32(p + 4, n);
			}
			assert_int_equal(pr_decode(p, n, &ev, &why), PR_EFORMAT);
			assert_non_null(why);
			free(p);
		}
	}
	fx_desc(&s, 3, 0, 1, 1);
	pr_buf_append(&s, strings, sizeof(strings) - 1);
	for (uint32_t flags = 0; flags < 4; flags++) {
		for (size_t claim = 0; claim < s.len + 3; claim++) {
			struct pr_replayer r;
			uint32_t f = (flags & 1 ? PR_EXEC_DATA_FILENAME : 0) | (flags & 2 ? PR_EXEC_DATA_ARGS : 0);

			fx_init(&r);
			fx_execve(&b, (struct fx){.id = KEY(2, 20), .flags = f, .strings = s.data, .n = s.len, .size = (uint32_t)(56 + claim)});
			assert_int_equal(fx_feed(&r, &b).kind, claim > s.len ? PR_APPLIED_MALFORMED : PR_APPLIED_LIFECYCLE);
			pr_replayer_release(&r);
		}
	}
	pr_buf_release(&s);
	pr_buf_release(&b);
}

static void sizes_that_lie(void **state)
{
	uint8_t frame[64] = {PR_OP_EXIT};
	struct pr_event ev;

	(void)state;
	pr_put_u32(frame + 4, 40);
	assert_int_equal(pr_decode(frame, 40, &ev, NULL), 0);
	assert_int_equal(pr_decode(frame, 41, &ev, NULL), PR_EFORMAT);
	assert_int_equal(pr_decode(frame, 39, &ev, NULL), PR_EFORMAT);
	pr_put_u32(frame + 4, 64); /* longer than its fixed part is fine */
	assert_int_equal(pr_decode(frame, 64, &ev, NULL), 0);
	frame[0] = 99;
	assert_int_equal(pr_decode(frame, 64, &ev, NULL), PR_ENOENT);
	frame[0] = 25;
	assert_int_equal(pr_decode(frame, 64, &ev, NULL), PR_ENOENT);
	assert_string_equal(pr_op_name(25), "cgroup");
	assert_null(pr_op_name(99));
}

static void data_payload_limit(void **state)
{
	uint8_t *frame = calloc(1, 32 + 32737);
	struct pr_event ev;

	(void)state;
	frame[0] = PR_OP_DATA;
	pr_put_u32(frame + 4, 32 + 32736);
	assert_int_equal(pr_decode(frame, 32 + 32736, &ev, NULL), 0);
	assert_int_equal(ev.data.payload.n, 32736);
	pr_put_u32(frame + 4, 32 + 32737);
	assert_int_equal(pr_decode(frame, 32 + 32737, &ev, NULL), PR_EFORMAT);
	free(frame);
}

static void items(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_own_item it;
	struct pr_event ev;

	(void)state;
	fx_exec_info(&b, KEY(2, 20), 5, "sh");
	assert_int_equal(pr_decode(b.data, b.len, &ev, NULL), 0);
	assert_true(pr_own_item_next(&ev.own.items, &it));
	assert_int_equal(it.type, PR_ITEM_ARGV0);
	fx_is(it.bytes, "sh");
	assert_false(pr_own_item_next(&ev.own.items, &it));
	for (size_t n = 65; n < b.len; n++) { /* cut inside the item */
		pr_put_u32(b.data + 4, (uint32_t)n);
		assert_int_equal(pr_decode(b.data, n, &ev, NULL), PR_EFORMAT);
	}
	pr_put_u32(b.data + 4, 64);
	assert_int_equal(pr_decode(b.data, 64, &ev, NULL), 0);
	pr_put_u16(b.data + 64, PR_ITEM_ARGV0 | PR_ITEM_DESC); /* a descriptor has 32 bytes */
	pr_put_u32(b.data + 4, (uint32_t)b.len);
	assert_int_equal(pr_decode(b.data, b.len, &ev, NULL), PR_EFORMAT);
	pr_buf_release(&b);
}

static void exact_arguments(void **state)
{
	static const char strings[] = "/a\0x\0\0y\0/w";
	struct pr_buf b = PR_BUF_INIT;
	const struct pr_image *im;
	struct pr_replayer r;
	struct pr_slice arg;
	size_t pos = 0;

	(void)state;
	fx_init(&r);
	fx_exec_info(&b, KEY(2, 20), 5, "-sh");
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .strings = strings, .n = sizeof(strings) - 1});
	fx_execve(&b, (struct fx){.id = KEY(2, 30), .strings = strings, .n = 3}); /* the announcement is used up */
	fx_exec_info(&b, KEY(3, 20), 1, "e");
	fx_execve(&b, (struct fx){.id = KEY(3, 20), .strings = strings, .n = 3});
	fx_exec_info(&b, KEY(4, 20), 1, "e");
	fx_execve(&b, (struct fx){.id = KEY(4, 21), .strings = strings, .n = 3}); /* meant for another */
	fx_exec_info(&b, KEY(6, 20), 1, "replaced");
	fx_exec_info(&b, KEY(6, 20), 1, NULL);
	fx_execve(&b, (struct fx){.id = KEY(6, 20), .strings = strings, .n = 3});
	fx_exec_info(&b, KEY(5, 20), 1, "e");
	fx_execve(&b, (struct fx){.id = KEY(5, 20), .size = 3000}); /* oversized: what its argument was is not known */
	fx_feed(&r, &b);
	im = pr_cache_lookup(&r.cache, KEY(2, 20))->image;
	assert_true(im->has_argv0);
	fx_is(pr_image_argv0(im), "-sh");
	assert_true(pr_image_next_arg(im, &pos, &arg));
	fx_is(arg, "x");
	assert_true(pr_image_next_arg(im, &pos, &arg));
	fx_is(arg, "");
	assert_true(pr_image_next_arg(im, &pos, &arg));
	fx_is(arg, "y");
	assert_false(pr_image_next_arg(im, &pos, &arg));
	im = pr_cache_lookup(&r.cache, KEY(2, 30))->image;
	assert_false(im->has_argv0);
	pos = 0;
	assert_false(pr_image_next_arg(im, &pos, &arg));
	im = pr_cache_lookup(&r.cache, KEY(3, 20))->image; /* one argument, and it is empty */
	pos = 0;
	assert_true(pr_image_next_arg(im, &pos, &arg));
	fx_is(arg, "");
	assert_false(pr_image_next_arg(im, &pos, &arg));
	assert_false(pr_cache_lookup(&r.cache, KEY(4, 21))->image->has_argv0);
	im = pr_cache_lookup(&r.cache, KEY(6, 20))->image;
	assert_false(im->has_argv0);
	fx_is(pr_image_argv0(im), "");
	im = pr_cache_lookup(&r.cache, KEY(5, 20))->image;
	assert_true(im->has_argv0);
	pos = 0;
	assert_false(pr_image_next_arg(im, &pos, &arg));
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void long_host_names(void **state)
{
	struct pr_buf b = PR_BUF_INIT, want = PR_BUF_INIT, text = PR_BUF_INIT;
	char host[300];

	(void)state;
	memset(host, 'h', sizeof(host));
	for (size_t n = 90; n < sizeof(host); n += 7) {
		pr_buf_clear(&b);
		pr_buf_clear(&want);
		pr_buf_clear(&text);
		pr_text_exec_id(&b, (struct pr_slice){(uint8_t *)host, n}, KEY(0xffffffff, UINT64_MAX));
		pr_buf_append(&text, host, n);
		pr_buf_str(&text, ":18446744073709551615:4294967295");
		pr_base64(&want, text.data, text.len);
		assert_int_equal(b.len, want.len);
		assert_memory_equal(b.data, want.data, b.len);
	}
	pr_buf_release(&b);
	pr_buf_release(&want);
	pr_buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_exec_only),
		cmocka_unit_test(known_long_filename),
		cmocka_unit_test(known_long_arguments),
		cmocka_unit_test(known_without_arguments),
		cmocka_unit_test(known_size_mismatch),
		cmocka_unit_test(last_nul_separates),
		cmocka_unit_test(flags_of_the_cwd),
		cmocka_unit_test(relative_filenames),
		cmocka_unit_test(argument_rule),
		cmocka_unit_test(descriptors_too_short),
		cmocka_unit_test(data_arguments_end_before_the_cwd),
		cmocka_unit_test(sizes_of_process),
		cmocka_unit_test(keys_have_an_order),
		cmocka_unit_test(parent_keys),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(sizes_that_lie),
		cmocka_unit_test(data_payload_limit),
		cmocka_unit_test(items),
		cmocka_unit_test(exact_arguments),
		cmocka_unit_test(long_host_names),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}

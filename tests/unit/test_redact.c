/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets in lists of arguments, and frames whose strings get other lengths. */
#include "tests/unit/fx.h"

#include "redact/redact.h"
#include "redact/rewrite.h"

static const uint8_t key[PR_REDACT_KEY] = "a key for the tests";

static struct pr_slice slice(const void *p, size_t n)
{
	return (struct pr_slice){p, n};
}

/* in, n bytes; `want` with every mark shortened to # */
static void redacted(const char *program, const char *in, size_t n, const char *want, size_t want_n)
{
	struct pr_redact *r;
	struct pr_buf out = PR_BUF_INIT, shortened = PR_BUF_INIT;
	struct pr_errinfo ei;

	assert_int_equal(pr_redact_new(&r, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), key, &ei), 0);
	for (int round = 0; round < 2; round++) { /* the second knows what is clean */
		pr_buf_clear(&out);
		pr_buf_clear(&shortened);
		assert_int_equal(pr_redact_args(r, slice(program, strlen(program)), slice(in, n), &out), 0);
		for (size_t i = 0; i < out.len; i++) {
			pr_buf_u8(&shortened, out.data[i] == '[' ? '#' : out.data[i]);
			if (out.data[i] == '[')
				i += sizeof("REDACTED:01234567]") - 1;
		}
		assert_int_equal(shortened.len, want_n);
		if (want_n)
			assert_memory_equal(shortened.data, want, want_n);
	}
	pr_redact_free(r);
	pr_buf_release(&out);
	pr_buf_release(&shortened);
}
#define REDACTED(program, in, want) redacted(program, in, sizeof(in) - 1, want, sizeof(want) - 1)

static void test_default_rules(void **state)
{
	(void)state;
	REDACTED("x", "", "");
	REDACTED("x", "\0\0", "\0\0");
	REDACTED("x", "-l\0file", "-l\0file");
	REDACTED("x", "--password=s3", "--password=#");
	REDACTED("x", "--db-Password=s3\0y", "--db-Password=#\0y");
	REDACTED("x", "--password\0s3\0y", "--password\0#\0y");
	REDACTED("x", "--password\0\0y", "--password\0\0y");
	REDACTED("x", "--password-file=/etc/x", "--password-file=/etc/x");
	REDACTED("x", "--bypass=1", "--bypass=1");
	REDACTED("/usr/bin/mysql", "-ps3\0-uroot", "-p#\0-uroot");
	REDACTED("/usr/bin/cc", "-pipe\0-pg", "-pipe\0-pg");
	REDACTED("/usr/bin/curl", "-u\0bob:x\0http://h/", "-u\0#\0http://h/");
	REDACTED("x", "https://bob:pw@h/p", "https://bob:#@h/p");
	REDACTED("x", "https://0123456789abcdef0@h/p", "https://#@h/p");
	REDACTED("x", "http://h:80/p@q", "http://h:80/p@q");
	REDACTED("x", "-c\0A_TOKEN=x B=y z", "-c\0A_TOKEN=# B=y z");
	REDACTED("x", "-c\0cmd --token 'a b' c", "-c\0cmd --token '#' c");
	REDACTED("x", "{\"password\": \"a b\", \"x\": \"y\"}", "{\"password\": \"#\", \"x\": \"y\"}");
	REDACTED("x", "Authorization: Basic abc", "Authorization: Basic #");
	REDACTED("x", "AKIAIOSFODNN7EXAMPLE", "#");
	REDACTED("x", "-i\0ghp_abcdefghijklmnopqrstuvwxyz0123456789", "-i\0#");
	REDACTED("x", "a\xff=token=\xfe", "a\xff=token=#");
	REDACTED("x", "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "#");
}

/* A program that is given a whole command: the rules of that one's program hold, from its name on. */
static void test_programs_that_run_others(void **state)
{
	(void)state;
	REDACTED("/usr/bin/sudo", "-u\0bob\0mysql\0-ps3\0-u\0bob", "-u\0bob\0mysql\0-p#\0-u\0bob");
	REDACTED("env", "A=1\0timeout\0005\0/usr/bin/curl\0-u\0bob:x", "A=1\0timeout\0005\0/usr/bin/curl\0-u\0#");
	REDACTED("sudo", "-p\0mysqldump\0-ps3", "-p\0mysqldump\0-p#");
	REDACTED("procrec", "record\0-o\0t.seg\0--\0sshpass\0-p\0s3\0ssh", "record\0-o\0t.seg\0--\0sshpass\0-p\0#\0ssh");
	REDACTED("echo", "mysql\0-ps3", "mysql\0-ps3");
}

/* No text makes the default rules slow: the time grows with its length, not with the square of it. */
static void test_long_arguments(void **state)
{
	static const char *const units[] = {"x", "-", " -", "a://", "a://b:c", "eyJ", "eyJaaaaaaaaaa.", "\"", "'", "=", "token=", " --password '", "_a"};
	struct pr_redact *r;
	struct pr_buf in = PR_BUF_INIT, out = PR_BUF_INIT;
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_redact_new(&r, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), key, &ei), 0);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		pr_buf_clear(&in);
		pr_buf_clear(&out);
		while (in.len < 150000) /* squared, it would be hours */
			pr_buf_str(&in, units[i]);
		assert_int_equal(pr_redact_args(r, slice("x", 1), slice(in.data, in.len), &out), 0);
	}
	pr_redact_free(r);
	pr_buf_release(&in);
	pr_buf_release(&out);
}

/* Rules of one's own: behind the default ones, with references, and each part of the label tells its text. */
static void test_added_rules(void **state)
{
	static const char more[] = "arg ^colour:(.*)$\narg ^(.)(.)\\2\\1$\n";
	struct pr_redact *r;
	struct pr_redact_label a, b, c;
	struct pr_buf out = PR_BUF_INIT;
	struct pr_errinfo ei;
	uint8_t other[PR_REDACT_KEY] = {0};

	(void)state;
	assert_int_equal(pr_redact_new(&r, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), key, &ei), 0);
	pr_redact_label(r, &a);
	assert_int_equal(pr_redact_args(r, slice("x", 1), slice("colour:red", 10), &out), 0);
	assert_int_equal(pr_redact_count(r), 0);
	assert_int_equal(pr_redact_add(r, "more", more, sizeof(more) - 1, &ei), 0);
	pr_redact_label(r, &b);
	assert_int_equal(pr_redact_args(r, slice("x", 1), slice("colour:red\0abba\0--token=x", 25), &out), 0);
	assert_int_equal(pr_redact_count(r), 3);
	pr_redact_free(r);
	assert_string_equal(a.key_id, b.key_id);
	assert_int_equal(strlen(a.rules), 64);
	assert_int_equal(strlen(b.rules), 129);
	assert_memory_equal(a.rules, b.rules, 64);
	assert_int_equal(pr_redact_new(&r, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), other, &ei), 0);
	pr_redact_label(r, &c);
	assert_string_equal(a.rules, c.rules);
	assert_string_not_equal(a.key_id, c.key_id);
	pr_redact_free(r);
	pr_buf_release(&out);
}

static void test_same_secret_same_mark(void **state)
{
	struct pr_redact *r;
	struct pr_buf out = PR_BUF_INIT, again = PR_BUF_INIT;
	const char in[] = "--password=hunter2\0--token=\"hunter2\"\0--secret=other";
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_redact_new(&r, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), key, &ei), 0);
	assert_int_equal(pr_redact_args(r, slice(NULL, 0), slice(in, sizeof(in) - 1), &out), 0);
	assert_int_equal(pr_redact_count(r), 3);
	assert_memory_equal(out.data + 11, out.data + 11 + 20 + 9, 18);
	assert_int_not_equal(memcmp(out.data + 11, out.data + out.len - 19, 19), 0);
	assert_int_equal(pr_redact_args(r, slice(NULL, 0), slice(out.data, out.len), &again), 0);
	assert_int_equal(again.len, out.len);
	assert_memory_equal(again.data, out.data, out.len);
	pr_redact_free(r);
	pr_buf_release(&out);
	pr_buf_release(&again);
}

static void test_bad_rules(void **state)
{
	static const char *const bad[] = {"foo x", "arg", "arg (", "arg in=( x", "next/i", "wrap", "wrap ["};
	struct pr_redact *r;
	struct pr_errinfo ei;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pr_redact_new(&r, "file", bad[i], strlen(bad[i]), key, &ei), PR_EUSAGE);
		assert_non_null(strstr(ei.msg, "file: line 1"));
	}
}

/* ---- frames --------------------------------------------------------------------------------------------------------- */

struct sink {
	struct pr_buf frames;
	uint64_t next; /* the envelopes come out in the order of their seq */
};

static int emit(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct sink *s = ctx;

	(void)ei;
	assert_int_equal(env->seq, s->next++);
	assert_int_equal(env->size, pr_get_u32(frame + 4));
	pr_buf_append(&s->frames, frame, env->size);
	return PR_OK;
}

/* Each byte b of an argument list becomes `grow` times b; NULs stay. */
static unsigned grow;
static int stretch(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	(void)ctx;
	(void)program;
	for (size_t i = 0; i < args.n; i++)
		for (unsigned k = 0; k < (args.p[i] ? grow : 1); k++)
			pr_buf_u8(out, args.p[i]);
	return PR_OK;
}

static void feed(struct pr_rewrite *w, const struct pr_buf *frames)
{
	struct pr_errinfo ei;
	uint64_t seq = 0;

	for (size_t at = 0; at < frames->len; seq++) {
		struct pr_envelope env = {.cpu = 1, .stream = PR_STREAM_EXEC, .size = pr_get_u32(frames->data + at + 4), .seq = seq};
		uint8_t *copy = malloc(env.size);

		memcpy(copy, frames->data + at, env.size);
		at += env.size;
		assert_int_equal(pr_rewrite_frame(w, &env, copy, env.size, &ei), 0);
		free(copy);
	}
	assert_int_equal(pr_rewrite_end(w, &ei), 0);
}

static void put_exec_with_data(struct pr_buf *b, size_t n, size_t chunk)
{
	struct pr_buf s = PR_BUF_INIT;
	char *args = malloc(n);

	memset(args, 'a', n);
	args[n / 2] = 0;
	for (size_t at = 0; at < n; at += chunk)
		fx_data(b, 7, 70, args + at, n - at < chunk ? n - at : chunk, 100);
	fx_exec_info(b, KEY(7, 100), (uint32_t)n + 1, "argv0");
	pr_buf_append(&s, "/bin/x", 7);
	fx_desc(&s, (uint32_t)n, 0, 7, 70);
	pr_buf_str(&s, "/cwd");
	fx_execve(b, (struct fx){.id = KEY(7, 100), .parent = KEY(1, 1), .flags = PR_EXEC_CLONE | PR_EXEC_DATA_ARGS, .strings = s.data, .n = s.len});
	free(args);
	pr_buf_release(&s);
}

/* Arguments of n bytes in chunks become `g` times as long: what the replayer makes of the frames. */
static void through(size_t n, size_t chunk, unsigned g, size_t want)
{
	struct sink sink = {0};
	struct pr_rewrite w;
	struct pr_replayer r;
	struct pr_buf b = PR_BUF_INIT;
	const struct pr_entry *e;

	grow = g;
	pr_rewrite_init(&w, &(struct pr_rewrite_ops){.args = stretch, .emit = emit, .ctx = &sink});
	put_exec_with_data(&b, n, chunk);
	feed(&w, &b);
	fx_init(&r);
	fx_feed(&r, &sink.frames);
	e = pr_cache_lookup(&r.cache, KEY(7, 100));
	assert_non_null(e);
	assert_int_equal(pr_image_args(e->image).n, want);
	fx_is(pr_image_cwd(e->image), "/cwd");
	assert_int_equal(w.n_held + w.held_bytes, 0);
	pr_replayer_release(&r);
	pr_rewrite_release(&w);
	pr_buf_release(&b);
	pr_buf_release(&sink.frames);
}

static void test_data_that_grows(void **state)
{
	(void)state;
	through(100, 30, 1, 100);
	through(100, 30, 3, 298);
	through(100, 30, 0, 1);
	through(40000, PR_DATA_PAYLOAD_MAX, 1, 40000);
	through(40000, PR_DATA_PAYLOAD_MAX, 2, 2 * PR_DATA_PAYLOAD_MAX); /* cut: two frames hold no more */
	through(65000, 1000, 30, 30u * 65000 - 29);
}

static void test_inline_that_grows(void **state)
{
	struct sink sink = {0};
	struct pr_rewrite w;
	struct pr_replayer r;
	struct pr_buf b = PR_BUF_INIT;
	char strings[] = "/bin/x\0aaaa\0bbbb\0/cwd";
	const struct pr_entry *e;

	(void)state;
	for (grow = 0; grow < 400; grow += 33) {
		size_t want = 8 * grow + 1, room = PR_EXEC_STRINGS_MAX - (sizeof("/bin/x") + sizeof("/cwd") - 1 + 1);

		sink.next = 0;
		pr_rewrite_init(&w, &(struct pr_rewrite_ops){.args = stretch, .emit = emit, .ctx = &sink});
		fx_exec_info(&b, KEY(7, 100), 10, "argv0");
		fx_execve(&b, (struct fx){.id = KEY(7, 100), .parent = KEY(1, 1), .flags = PR_EXEC_CLONE, .strings = strings, .n = sizeof(strings) - 1});
		feed(&w, &b);
		fx_init(&r);
		fx_feed(&r, &sink.frames);
		e = pr_cache_lookup(&r.cache, KEY(7, 100));
		assert_int_equal(pr_image_args(e->image).n, want < room ? want : room);
		fx_is(pr_image_filename(e->image), "/bin/x");
		fx_is(pr_image_cwd(e->image), "/cwd");
		assert_int_equal(w.cut, want > room);
		pr_replayer_release(&r);
		pr_rewrite_release(&w);
		pr_buf_clear(&b);
	}
	pr_buf_release(&b);
	pr_buf_release(&sink.frames);
}

static size_t payload(const struct pr_buf *frames)
{
	size_t n = 0;

	for (size_t at = 0; at < frames->len; at += pr_get_u32(frames->data + at + 4))
		if (frames->data[at] == PR_OP_DATA)
			n += pr_get_u32(frames->data + at + 4) - sizeof(struct pr_msg_data);
	return n;
}

/* Of data of which any frame is missing, or the frame that refers to it, no byte is left; of whole data beside it every one. */
static void test_parts_of_lists(void **state)
{
	enum { CHUNKS = 5 };

	(void)state;
	grow = 1;
	for (int missing = 0; missing <= CHUNKS + 1; missing++) { /* a data frame; the exec; nothing */
		struct sink sink = {0};
		struct pr_rewrite w;
		struct pr_buf all = PR_BUF_INIT, b = PR_BUF_INIT;
		int n = 0;

		pr_rewrite_init(&w, &(struct pr_rewrite_ops){.args = stretch, .emit = emit, .ctx = &sink});
		put_exec_with_data(&all, 100, 100 / CHUNKS);
		for (size_t at = 0; at < all.len; n++) {
			uint32_t size = pr_get_u32(all.data + at + 4);

			if (n != (missing < CHUNKS ? missing : missing == CHUNKS ? CHUNKS + 1 : -1))
				pr_buf_append(&b, all.data + at, size);
			at += size;
		}
		fx_clone(&b, KEY(8, 200), KEY(7, 100), 200);
		feed(&w, &b);
		assert_int_equal(sink.next, CHUNKS + (missing == CHUNKS + 1 ? 3 : 2));
		assert_int_equal(payload(&sink.frames), missing == CHUNKS + 1 ? 100 : 0);
		assert_int_equal(w.blanked, missing == CHUNKS + 1 ? 0 : missing == CHUNKS ? CHUNKS : CHUNKS - 1);
		pr_rewrite_release(&w);
		pr_buf_release(&all);
		pr_buf_release(&b);
		pr_buf_release(&sink.frames);
	}
}

/* Without operations frames come out as they went in; random bytes do no harm. */
static void test_nothing_to_do(void **state)
{
	struct sink sink = {0};
	struct pr_rewrite w;
	struct pr_buf b = PR_BUF_INIT;
	uint64_t rnd = 42;

	(void)state;
	pr_rewrite_init(&w, &(struct pr_rewrite_ops){.emit = emit, .ctx = &sink});
	put_exec_with_data(&b, 5000, 999);
	fx_clone(&b, KEY(8, 200), KEY(7, 100), 200);
	fx_data(&b, 9, 90, "orphan", 6, 300);
	fx_host(&b, "host");
	fx_user(&b, 5, "user");
	fx_exec_info(&b, KEY(9, 300), 1, "no exec follows");
	fx_exit(&b, KEY(7, 100), 300, 9);
	feed(&w, &b);
	assert_int_equal(sink.frames.len, b.len);
	assert_memory_equal(sink.frames.data, b.data, b.len);
	assert_int_equal(w.blanked, 0);
	pr_rewrite_release(&w);

	for (int round = 0; round < 2000; round++) {
		size_t at = 0, i;

		sink.next = 0;
		pr_buf_clear(&sink.frames);
		pr_rewrite_init(&w, &(struct pr_rewrite_ops){.args = stretch, .emit = emit, .ctx = &sink});
		grow = (unsigned)(unit_random(&rnd) % 3);
		pr_buf_clear(&b);
		put_exec_with_data(&b, 60, 25);
		fx_exec_info(&b, KEY(9, 300), 1, "a");
		for (i = 0; i < 3; i++) { /* bytes changed, sizes of frames not */
			size_t where = unit_random(&rnd) % b.len;

			for (at = 0; at + pr_get_u32(b.data + at + 4) <= where; at += pr_get_u32(b.data + at + 4))
				;
			if (where - at < 4 || where - at >= 8)
				b.data[where] = (uint8_t)unit_random(&rnd);
		}
		feed(&w, &b);
		pr_rewrite_release(&w);
	}
	pr_buf_release(&b);
	pr_buf_release(&sink.frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_rules),
		cmocka_unit_test(test_programs_that_run_others),
		cmocka_unit_test(test_long_arguments),
		cmocka_unit_test(test_added_rules),
		cmocka_unit_test(test_same_secret_same_mark),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_data_that_grows),
		cmocka_unit_test(test_inline_that_grows),
		cmocka_unit_test(test_parts_of_lists),
		cmocka_unit_test(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

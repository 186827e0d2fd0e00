/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments that are replaced when an image is made (export --redact). */
#include "tests/unit/fx.h"

#include <stdio.h>

static const struct pr_id init_key = {1, 1};

struct changer {
	int calls, fail_at, cut_at; /* which call fails, and which runs out of room; from 1 */
	char programs[64]; /* that it was told, each with a | behind it */
};

/* Puts "<arguments>" in their place. */
static int change(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	struct changer *c = ctx;
	size_t at = strlen(c->programs);

	snprintf(c->programs + at, sizeof(c->programs) - at, "%.*s|", (int)program.n, program.n && program.p ? (const char *)program.p : "");
	assert_true(args.n > 0 && (program.p || !program.n));
	c->calls++;
	pr_buf_u8(out, '<');
	pr_buf_append(out, args.p, args.n);
	pr_buf_u8(out, '>');
	out->failed |= c->calls == c->cut_at;
	return c->calls == c->fail_at ? PR_ENOMEM : PR_OK;
}

/* What the exec of /bin/x with these arguments and this argv[0] comes to; the image's bytes stay in r. */
static int apply_changed(struct pr_replayer *r, struct changer *c, const char *strings, size_t n, const char *argv0)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_applied a;
	struct pr_errinfo ei;
	int err;

	fx_init(r);
	r->args = change;
	r->args_ctx = c;
	fx_exec_info(&b, KEY(3, 30), 0, argv0);
	fx_feed(r, &b);
	fx_execve(&b, (struct fx){.id = KEY(3, 30), .parent = init_key, .strings = strings, .n = n});
	err = pr_replayer_apply(r, &(struct pr_frame){.seq = 1, .data = b.data, .size = (uint32_t)b.len, .op = b.data[0]}, &a, &ei);
	pr_buf_release(&b);
	return err;
}

static void check_changed(const char *strings, size_t n, const char *argv0, const char *programs, const char *want, size_t want_n)
{
	const struct pr_image *im;
	struct changer c = {0};
	struct pr_replayer r;

	assert_int_equal(apply_changed(&r, &c, strings, n, argv0), 0);
	im = pr_cache_lookup(&r.cache, KEY(3, 30))->image;
	assert_string_equal(c.programs, programs);
	assert_int_equal(im->filename_len + im->args_len + im->cwd_len + im->argv0_len, want_n);
	assert_memory_equal(im->bytes, want, want_n);
	pr_replayer_release(&r);
}

static void other_arguments(void **state)
{
	static const char full[] = "/bin/x\0one\0two\0/", bare[] = "/bin/x\0/";
	struct changer bad[] = {{.fail_at = 1}, {.fail_at = 2}, {.cut_at = 1}, {.cut_at = 2}};
	struct pr_replayer r;

	(void)state;
	check_changed(full, sizeof(full) - 1, "zero", "/bin/x||", "/bin/x<one\0two>/<zero>", 22);
	check_changed(full, sizeof(full) - 1, NULL, "/bin/x|", "/bin/x<one\0two>/", 16);
	check_changed(bare, sizeof(bare) - 1, "zero", "|", "/bin/x/<zero>", 13);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(apply_changed(&r, &bad[i], full, sizeof(full) - 1, "zero"), PR_ENOMEM);
		assert_int_equal(bad[i].calls, bad[i].fail_at == 1 ? 1 : 2); /* nothing is asked behind a failure */
		pr_replayer_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_arguments),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}

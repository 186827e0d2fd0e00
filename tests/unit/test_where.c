/* SPDX-License-Identifier: BSD-2-Clause */
/* --where: what an expression sees of an event and of an entry, and what it may not do. */
#include "tests/unit/fx.h"

#include "replay/cache/where.h"
#include "replay/timeline.h"

struct fixture {
	struct pr_timeline tl;
	struct pr_replayer r;
	struct pr_applied last;
	struct pr_event_view v;
};

static bool show_time(const void *ctx, struct pr_buf *b, uint64_t ktime)
{
	int64_t realtime;

	if (!pr_timeline_real(ctx, ktime, &realtime))
		return false;
	pr_time_utc(b, realtime);
	return true;
}

static void begin(struct fixture *f)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_timeline_init(&f->tl);
	pr_timeline_add(&f->tl, 1000, 1795608000000000000);
	fx_init(&f->r);
	fx_host(&b, "h");
	fx_user(&b, 7, "alice");
	fx_execve(&b, (struct fx){.id = KEY(2, 1000), .parent = KEY(1, 1), .flags = PR_EXEC_PROCFS, .uid = 7, .strings = "/bin/sh\0-c\0a b\0/w", .n = 17});
	fx_clone(&b, KEY(3, 2000), KEY(2, 1000), 2000);
	fx_exit(&b, KEY(3, 2000), 3000, 5 << 8);
	f->last = fx_feed(&f->r, &b);
	pr_event_view_make(&f->v, &f->last, &f->r.cache);
	pr_buf_release(&b);
}

static void end(struct fixture *f)
{
	pr_timeline_release(&f->tl);
	pr_replayer_release(&f->r);
}

/* 1, 0, or the (negative) error. */
static int ask(struct fixture *f, const char *expr)
{
	struct pr_where *w = NULL;
	struct pr_errinfo ei;
	bool yes = false;
	int err = pr_where_new(&w, "--where", expr, show_time, &f->tl, &ei);

	if (!err)
		err = pr_where_test(w, &f->v, &yes, &ei);
	if (err)
		assert_non_null(strstr(ei.msg, "--where"));
	pr_where_free(w);
	return err ? err : yes;
}

static void columns_of_an_exit(void **state)
{
	static const char *const yes[] = {"type = 'exit'", "seq = 4", "time = '2026-11-25T12:00:00.000002000Z'", "ktime = 2000", "event_ktime = 3000",
		"pid = 3", "exec_id = 'aDoyMDAwOjM='", "uid = 7 AND user = 'alice'", "name = 'sh'", "binary LIKE '%/sh'", "arguments = '-c \"a b\"'",
		"cwd = '/w'", "ppid = 2 AND pktime = 1000", "ref = 0", "NOT miss", "NOT snapshot", "exit_code = 5", "exit_signal = 0", "NOT exit_core",
		"status = 1280", "parent_binary = '/bin/sh'", "parent_arguments IS NOT NULL", "parent_uid = 7", "argv = '[null,\"-c\",\"a b\"]'", "cap_permitted = '' AND cap_effective = '' AND cap_inheritable = ''", "parent_user = 'alice'", "1", "0.5", "'1'",
		"pid IN (1, 3)", "length(binary) > 3 -- a comment", "PID = 3"};
	static const char *const no[] = {"0", "NULL", "''", "pid = 4", "exit_signal", "0 -- = 1"};
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (ask(&f, yes[i]) != 1)
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (ask(&f, no[i]) != 0)
			fail_msg("%s", no[i]);
	end(&f);
}

static void columns_of_others(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct fixture f;

	(void)state;
	begin(&f);
	f.v = (struct pr_event_view){NULL, pr_cache_lookup(&f.r.cache, KEY(2, 1000)), NULL};
	assert_int_equal(ask(&f, "type = 'entry' AND seq IS NULL AND time IS NULL AND exit_code IS NULL AND parent_binary IS NULL"), 1);
	assert_int_equal(ask(&f, "pid = 2 AND ref = 1 AND snapshot IS NULL"), 1);
	fx_exit(&b, KEY(9, 9), 3000, 0);
	f.last = fx_feed(&f.r, &b);
	pr_event_view_make(&f.v, &f.last, &f.r.cache);
	assert_int_equal(ask(&f, "miss AND pid = 9 AND binary IS NULL AND uid IS NULL AND ref IS NULL AND ppid IS NULL"), 1);
	fx_execve(&b, (struct fx){.id = KEY(4, 4000), .parent = KEY(2, 1000), .flags = PR_EXEC_PROCFS, .strings = "\xff/x\0", .n = 4});
	f.last = fx_feed(&f.r, &b);
	pr_event_view_make(&f.v, &f.last, &f.r.cache);
	assert_int_equal(ask(&f, "snapshot AND typeof(binary) = 'blob' AND name = 'x' AND exit_code IS NULL"), 1);
	pr_buf_release(&b);
	end(&f);
}

static void what_is_refused(void **state)
{
	static const char *const bad[] = {"", "nope = 1", "pid =", "1; SELECT 1", "1) FROM x; --", "pid, uid", "load_extension('x')", "random()",
		"(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c)", "(SELECT 1); DROP TABLE x", "abs(-9223372036854775807 - 1)",
		"zeroblob(100000000)"};
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int got = ask(&f, bad[i]);

		if (got >= 0)
			fail_msg("%s: %d", bad[i], got);
	}
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_an_exit),
		cmocka_unit_test(columns_of_others),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Frozen sets of a directory of segments, and the trigger that asks for them. */
#include "schema/freeze.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "recorder/freezer.h"
#include "recorder/trigger.h"
#include "tests/unit/fx.h"

/* ---- sets -------------------------------------------------------------------------------------------------------- */

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool is_there(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !lstat(path, &st);
}

static void remove_all(const char *dir)
{
	char command[600];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void sets(void **state)
{
	char dir[] = "/tmp/procrec-freeze-XXXXXX", path[512];
	struct pr_frozen_set set;
	struct pr_errinfo ei;
	struct stat a, b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pr_freeze(dir, UINT64_MAX, "x\n", &set, &ei), PR_ENOENT);
	assert_false(is_there(dir, "frozen-000000") || is_there(dir, "frozen-000000.part"));
	put_file(dir, "000000000007.seg", "seven");
	put_file(dir, "000000000007.seg.idx", "index");
	put_file(dir, "000000000008.seg", "eight!");
	put_file(dir, "000000000009.seg.part", "begun");
	put_file(dir, "recorder.lock", "pid 1");
	put_file(dir, "frozen-00000", "no set");
	put_file(dir, "frozen-000x01", "no set");
	assert_int_equal(pr_freeze_check(dir, 1, &ei), 0);
	assert_int_equal(pr_freeze(dir, UINT64_MAX, "because\n", &set, &ei), 0);
	assert_int_equal(set.number, 0);
	assert_int_equal(set.segments, 2);
	assert_int_equal(set.bytes, 11);
	assert_true(is_there(dir, "frozen-000000/000000000007.seg") && is_there(dir, "frozen-000000/000000000007.seg.idx") &&
		    is_there(dir, "frozen-000000/000000000008.seg") && is_there(dir, "frozen-000000/why"));
	assert_false(is_there(dir, "frozen-000000/recorder.lock") || is_there(dir, "frozen-000000/000000000009.seg.part"));
	snprintf(path, sizeof(path), "%s/000000000007.seg", dir);
	assert_int_equal(stat(path, &a), 0);
	snprintf(path, sizeof(path), "%s/frozen-000000/000000000007.seg", dir);
	assert_int_equal(stat(path, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	/* the next one: without one segment, over what a killed recorder left behind */
	snprintf(path, sizeof(path), "%s/frozen-000001.part", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(path, "000000000001.seg", "left");
	assert_int_equal(pr_freeze(dir, 8, "again\n", &set, &ei), 0);
	assert_int_equal(set.number, 1);
	assert_int_equal(set.segments, 1);
	assert_false(is_there(dir, "frozen-000001.part") || is_there(dir, "frozen-000001/000000000001.seg") ||
		     is_there(dir, "frozen-000001/000000000008.seg"));
	assert_int_equal(pr_freeze_check(dir, 3, &ei), 0);
	assert_int_equal(pr_freeze_check(dir, 2, &ei), PR_EBUSY);
	assert_non_null(strstr(ei.msg, "2 frozen sets"));
	assert_int_equal(pr_freeze_check("/nowhere", 2, &ei), PR_EIO);
	remove_all(dir);
}

/* ---- the trigger ------------------------------------------------------------------------------------------------- */

static void put(struct pr_buf *out, const struct pr_buf *frames)
{
	for (size_t at = 0; at < frames->len; at += pr_get_u32(frames->data + at + 4)) {
		uint32_t size = pr_get_u32(frames->data + at + 4);

		pr_buf_u32(out, 0);
		pr_buf_u32(out, size);
		pr_buf_u64(out, 0);
		pr_buf_append(out, frames->data + at, size);
	}
}

static bool ask(struct pr_trigger *t, const struct pr_buf *frames, uint32_t flags, char why[PR_FREEZE_WHY])
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_block block;
	bool yes;

	put(&b, frames);
	block = (struct pr_block){.desc.raw_size = (uint32_t)b.len, .desc.flags = flags, .raw = b.data};
	yes = pr_trigger_block(t, &block, why, PR_FREEZE_WHY);
	pr_buf_release(&b);
	return yes;
}

static const char strings[] = "/tmp/a\nb\0-x\0/";

static void triggers(void **state)
{
	static const struct {
		const char *expr;
		bool snapshot, exec, end; /* holds for the block of it */
	} cases[] = {{"exit_signal = 11", false, false, true}, {"binary LIKE '/tmp/%'", false, true, true}, {"type = 'execve'", false, true, false},
		{"uid = 7 AND type = 'exit' AND binary LIKE '%/a%'", false, false, true}, {"arguments = '-x'", false, true, true},
		{"parent_binary IS NOT NULL", false, true, true}, {"1", false, true, true}, {"0", false, false, false},
		{"snapshot", false, false, false}, {"miss", false, false, false}};
	char why[PR_FREEZE_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pr_buf b = PR_BUF_INIT;
		struct pr_trigger *t;
		struct pr_errinfo ei;

		assert_int_equal(pr_trigger_new(&t, cases[i].expr, &ei), 0);
		fx_execve(&b, (struct fx){.id = KEY(2, 100), .flags = PR_EXEC_PROCFS, .strings = "/tmp/init\0\0/", .n = 12});
		assert_int_equal(ask(t, &b, 0, why), cases[i].snapshot);
		assert_false(ask(t, &b, PR_SEG_BLOCK_REPEAT, why));
		pr_buf_clear(&b);
		fx_execve(&b, (struct fx){.id = KEY(3, 200), .parent = KEY(2, 100), .flags = PR_EXEC_EXECVE | PR_EXEC_CLONE, .uid = 7,
					  .strings = strings, .n = sizeof(strings) - 1});
		assert_int_equal(ask(t, &b, 0, why), cases[i].exec);
		if (cases[i].exec)
			assert_string_equal(why, "execve of process 3, ktime 200: /tmp/a\\nb");
		pr_buf_clear(&b);
		fx_exit(&b, KEY(3, 200), 300, 11);
		assert_int_equal(ask(t, &b, 0, why), cases[i].end);
		if (cases[i].end)
			assert_string_equal(why, "exit of process 3, ktime 300: /tmp/a\\nb");
		pr_trigger_free(t);
		pr_buf_release(&b);
	}
}

static void bad_triggers(void **state)
{
	static const char *const bad[] = {"", "no such", "seq = 1", "time > ''", "1, 2", "1; SELECT 2", "load_extension('x')", "random()", "(SELECT 1",
		"pid FROM x"};
	struct pr_buf b = PR_BUF_INIT;
	char why[PR_FREEZE_WHY];
	struct pr_trigger *t;
	struct pr_errinfo ei;
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pr_trigger_new(&t, bad[i], &ei), PR_EUSAGE);
		assert_non_null(strstr(ei.msg, "--trigger"));
	}
	/* one that fails for some events holds for none of these, and says so */
	assert_int_equal(pr_trigger_new(&t, "json_extract(binary, '$') OR 1", &ei), 0);
	fx_exit(&b, KEY(3, 200), 300, 11);
	assert_true(ask(t, &b, 0, why)); /* a miss: NULL */
	assert_null(pr_trigger_trouble(t, &n));
	pr_buf_clear(&b);
	fx_execve(&b, (struct fx){.id = KEY(3, 400), .flags = PR_EXEC_EXECVE, .strings = strings, .n = sizeof(strings) - 1});
	fx_execve(&b, (struct fx){.id = KEY(4, 400), .flags = PR_EXEC_EXECVE, .strings = strings, .n = sizeof(strings) - 1});
	assert_false(ask(t, &b, 0, why));
	assert_non_null(strstr(pr_trigger_trouble(t, &n), "JSON"));
	assert_int_equal(n, 2);
	pr_trigger_free(t);
	pr_buf_release(&b);
}

/* Often, but not too often; and no more often than there may be sets. */
static void policy(void **state)
{
	char dir[] = "/tmp/procrec-freeze-XXXXXX";
	const struct pr_freeze_options opt = {"type = 'exit'", 1000, 2};
	struct pr_buf b = PR_BUF_INIT, env = PR_BUF_INIT;
	struct pr_freezer_state st;
	struct pr_freezer *z;
	struct pr_errinfo ei;
	struct pr_block block;

	(void)state;
	assert_non_null(mkdtemp(dir));
	put_file(dir, "000000000000.seg", "zero");
	assert_int_equal(pr_freezer_new(&z, dir, &opt, &ei), 0);
	fx_exit(&b, KEY(3, 200), 300, 11);
	put(&env, &b);
	block = (struct pr_block){.desc.raw_size = (uint32_t)env.len, .raw = env.data};
	assert_false(pr_freezer_due(z));
	for (uint64_t now = 5000; now < 5010; now++)
		pr_freezer_block(z, &block, now);
	assert_true(pr_freezer_due(z));
	pr_freezer_run(z, UINT64_MAX);
	assert_false(pr_freezer_due(z));
	pr_freezer_get_state(z, &st);
	assert_int_equal(st.n, 1);
	assert_int_equal(st.early, 9);
	assert_int_equal(st.made[0].set.segments, 1);
	assert_non_null(strstr(st.made[0].why, "process 3"));
	pr_freezer_block(z, &block, 6000);
	assert_true(pr_freezer_due(z));
	pr_freezer_run(z, 0); /* there is no other segment */
	pr_freezer_ask(z, "SIGUSR1"); /* is not held back */
	assert_true(pr_freezer_due(z));
	pr_freezer_run(z, UINT64_MAX);
	pr_freezer_ask(z, "SIGUSR1");
	assert_false(pr_freezer_due(z));
	pr_freezer_get_state(z, &st);
	assert_int_equal(st.n, 2);
	assert_int_equal(st.refused, 2);
	assert_non_null(strstr(st.refusal, "nothing to freeze"));
	assert_string_equal(st.made[1].why, "SIGUSR1");
	pr_freezer_free(z);
	pr_buf_release(&b);
	pr_buf_release(&env);
	remove_all(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(triggers),
		cmocka_unit_test(bad_triggers),
		cmocka_unit_test(policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

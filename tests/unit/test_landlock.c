/* SPDX-License-Identifier: BSD-2-Clause */
/* What the words of a command line open, and nothing else. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/landlock.h"
#include "schema/index_rows.h"

static char here[64], there[64], file[128], link_there[128], target[128], other[128];

static bool can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd >= 0 && !close(fd);
}

static bool make(const char *path)
{
	return can_open(path, O_WRONLY | O_CREAT | O_EXCL);
}

/* In a process of its own, confined to what `word` names: 0 refused, 1 can, 2 there is no Landlock. */
static int confined(const char *word, bool writes, const char *path, int flags)
{
	char *argv[] = {(char *)"command", (char *)"--json", (char *)word};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (!pr_landlock_enter(argv, 3, writes))
			_exit(2);
		if (can_open(path, flags))
			_exit(1);
		_exit(errno == EACCES ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void skip_without(void)
{
	if (confined(file, false, file, O_RDONLY) == 2)
		skip();
}

static void named_files_are_read(void **state)
{
	char word[256];

	(void)state;
	skip_without();
	assert_int_equal(confined(file, false, file, O_RDONLY), 1);
	snprintf(word, sizeof(word), "--output=%s", file);
	assert_int_equal(confined(word, false, file, O_RDONLY), 1);
	snprintf(word, sizeof(word), "-o%s", file);
	assert_int_equal(confined(word, false, file, O_RDONLY), 1);
	assert_int_equal(confined(here, false, file, O_RDONLY), 1);
	assert_int_equal(confined(file, false, "/dev/null", O_RDWR), 1);
	assert_int_equal(confined(file, false, "/proc/self/status", O_RDONLY), 1);
}

static void links_lead_where_they_lead(void **state)
{
	(void)state;
	skip_without();
	assert_int_equal(confined(link_there, false, target, O_RDONLY), 1);
	assert_int_equal(confined(here, false, link_there, O_RDONLY), 1);
	assert_int_equal(confined(here, false, other, O_RDONLY), 0);
}

static void other_files_are_refused(void **state)
{
	(void)state;
	skip_without();
	assert_int_equal(confined(file, true, "/etc/passwd", O_RDONLY), 0);
	assert_int_equal(confined(file, true, other, O_RDONLY), 0);
	assert_int_equal(confined(file, true, "/proc/1/status", O_RDONLY), 0);
	assert_int_equal(confined("", true, other, O_RDONLY), 0);
	assert_int_equal(confined("--", true, other, O_RDONLY), 0);
	assert_int_equal(confined("-", true, other, O_RDONLY), 0);
}

static void only_some_commands_write(void **state)
{
	char made[160];

	(void)state;
	skip_without();
	snprintf(made, sizeof(made), "%s.new", file);
	assert_int_equal(confined(file, false, made, O_WRONLY | O_CREAT), 0);
	assert_int_equal(confined(file, false, file, O_RDWR), 0);
	assert_int_equal(confined(file, true, made, O_WRONLY | O_CREAT), 1);
	assert_int_equal(confined(file, true, file, O_RDWR | O_TRUNC), 1);
	snprintf(made, sizeof(made), "%s.new", target);
	assert_int_equal(confined(file, true, made, O_WRONLY | O_CREAT), 0);
	snprintf(made, sizeof(made), "%s.new", file);
	unlink(made);
}

static int setup(void **state)
{
	(void)state;
	snprintf(here, sizeof(here), "/tmp/procrec-landlock-XXXXXX");
	snprintf(there, sizeof(there), "/tmp/procrec-landlock-XXXXXX");
	if (!mkdtemp(here) || !mkdtemp(there))
		return -1;
	snprintf(file, sizeof(file), "%s/t.seg", here);
	snprintf(link_there, sizeof(link_there), "%s/link.seg", here);
	snprintf(target, sizeof(target), "%s/target.seg", there);
	snprintf(other, sizeof(other), "%s/other", there);
	return !make(file) || !make(target) || !make(other) || symlink(target, link_there);
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(link_there);
	unlink(target);
	unlink(other);
	return rmdir(here) | rmdir(there);
}

#define IMAGES 400000 /* their index is more than SQLite sorts in its cache */

static int write_images(struct pr_index_rows *r, struct pr_errinfo *ei)
{
	struct pr_sorter *s = pr_sorter_new(here);
	uint64_t rows = 0;
	int err = s ? PR_OK : PR_ENOMEM;

	for (uint32_t i = 1; !err && i <= IMAGES; i++)
		err = pr_sorter_add(s, &(struct pr_facts){.pid = i, .kt = i * 1000000ll, .x = 1, .x_ppid = i / 2, .x_seq = i}, ei);
	err = err ? err : pr_sorter_sort(s, ei);
	err = err ? err : pr_rows_images(r, s, &rows, ei);
	pr_sorter_free(s);
	return err ? err : rows == IMAGES ? PR_OK : PR_EDATA;
}

/* A large one can go to no temporary file but one beside it. path NULL: a private one. 0: it could be written. */
static int large_index(const char *path)
{
	static const uint8_t name[65000];
	struct pr_index_rows *r;
	struct pr_errinfo ei;
	int err = pr_rows_new(&r, path, &ei);

	for (uint64_t i = 0; !err && i < 1200; i++)
		err = pr_rows_name(r, i, (int64_t)i, name, sizeof(name), &ei);
	err = err ? err : write_images(r, &ei);
	if (!err)
		err = pr_rows_commit(r, &ei);
	if (err)
		fprintf(stderr, "%s\n", ei.msg);
	return err != PR_OK;
}

static void check_large_index(const char *path)
{
	char *argv[] = {file};
	pid_t pid;
	int status;

	skip_without();
	pid = fork();
	if (pid == 0)
		_exit(pr_landlock_enter(argv, 1, path != NULL) ? large_index(path) : 2);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_private_index_needs_no_file(void **state)
{
	(void)state;
	check_large_index(NULL);
}

static void an_index_needs_no_other_folder(void **state)
{
	char path[sizeof(file) + 4];

	(void)state;
	snprintf(path, sizeof(path), "%s.idx", file);
	check_large_index(path);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_files_are_read),
		cmocka_unit_test(links_lead_where_they_lead),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(only_some_commands_write),
		cmocka_unit_test(a_private_index_needs_no_file),
		cmocka_unit_test(an_index_needs_no_other_folder),
	};

	return cmocka_run_group_tests_name("landlock", tests, setup, teardown);
}

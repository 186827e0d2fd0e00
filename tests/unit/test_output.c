/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that commands write: the old one stays until the new one is whole, and nothing else is left beside it. */
#include "tests/unit/rig.h"

#include "replay/output.h"

static char scratch[64];
static char *path;

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* "": there is none. */
static void assert_holds(const char *text)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");

	if (f) {
		got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
		fclose(f);
	}
	assert_string_equal(got, text);
}

static size_t files(void)
{
	struct pr_dir_names names;
	size_t n = 0;

	assert_int_equal(pr_dir_list(scratch, "", &names, NULL), 0);
	for (size_t i = 0; i < names.n; i++)
		n += names.v[i][0] != '.';
	pr_dir_release(&names);
	return n;
}

static void write_new(struct pr_output *o, bool force)
{
	struct pr_errinfo ei;

	assert_int_equal(pr_output_create(o, "test", "/nowhere", path, force, &ei), 0);
	assert_int_equal(write(o->fd, "new", 3), 3);
}

static void a_new_file(void **state)
{
	struct pr_output o;
	struct stat st;

	(void)state;
	for (int force = 0; force < 2; force++) {
		write_new(&o, force);
		assert_int_equal(pr_output_end(&o, false, NULL), 0);
		assert_int_equal(files(), 0);
		write_new(&o, force);
		assert_int_equal(pr_output_end(&o, true, NULL), 0);
		assert_holds("new");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(pr_output_end(&o, false, NULL), 0); /* it is over */
		assert_holds("new");
		unlink(path);
	}
}

static void an_old_file(void **state)
{
	struct pr_errinfo ei;
	struct pr_output o;
	struct stat st;

	(void)state;
	put("old");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(pr_output_create(&o, "test", "/nowhere", path, false, &ei), PR_EBUSY);
	assert_int_equal(pr_output_end(&o, true, NULL), 0);
	assert_holds("old");
	write_new(&o, true);
	assert_holds("old");
	assert_int_equal(pr_output_end(&o, false, NULL), 0);
	assert_holds("old");
	assert_int_equal(files(), 1);
	write_new(&o, true);
	assert_int_equal(pr_output_end(&o, true, NULL), 0);
	assert_holds("new");
	assert_int_equal(files(), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	unlink(path);
}

/* By somebody else, while it is written: nobody is told that it is there. */
static void a_name_that_was_taken(void **state)
{
	struct pr_errinfo ei;
	struct pr_output o;

	(void)state;
	put("old");
	write_new(&o, true);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pr_output_end(&o, true, &ei), PR_EIO);
	assert_non_null(strstr(ei.msg, path));
	assert_int_equal(files(), 1);
	rmdir(path);
}

static void what_is_no_file(void **state)
{
	char target[96];
	struct pr_errinfo ei;
	struct pr_output o;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", scratch);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(pr_output_create(&o, "test", "/nowhere", path, true, &ei), PR_EBUSY);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pr_output_create(&o, "test", "/nowhere", path, true, &ei), PR_EBUSY);
	rmdir(path);
	assert_int_equal(files(), 0);
}

static int make_scratch(void **state)
{
	(void)state;
	if (!rig_scratch(scratch, "procrec-output"))
		return -1;
	path = rig_path(scratch, "file");
	return 0;
}

static int remove_scratch(void **state)
{
	(void)state;
	free(path);
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file),
		cmocka_unit_test(an_old_file),
		cmocka_unit_test(a_name_that_was_taken),
		cmocka_unit_test(what_is_no_file),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* test_procfs.c: recorder/procfs.c on made-up trees, and the frames that recorder/process_frame.c makes of them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/process_frame.h"
#include "recorder/procfs.h"

#define PID 4242u

struct tree {
	char root[64];
	int fd;
};

static void put_file(struct tree *t, const char *name, const void *p, size_t n)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", t->root, PID, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static void put_link(struct tree *t, const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u/%s", t->root, PID, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char path[128];

	strcpy(t->root, "/tmp/procrec-unit-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	snprintf(path, sizeof(path), "%s/%u", t->root, PID);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(pr_procfs_open(t->root, &t->fd, NULL), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"stat", "cmdline", "exe", "cwd"};
	struct tree *t = *state;
	char path[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%u/%s", t->root, PID, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/%u", t->root, PID);
	rmdir(path);
	rmdir(t->root);
	close(t->fd);
	free(t);
	return 0;
}

#define REST " S 7 42 41 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 100 200 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 " \
	     "0 0 0 0 0 0 140737488350000 140737488350100 0 0 0\n"

static void stat_names(void **state)
{
	static const char *const names[] = {"sh", "tmux: server", "a) S 1 1 (b", ")", "", "((", "x\ny", "kworker/0:1-events_power_efficient"};
	struct tree *t = *state;
	struct pr_proc_stat st;
	char text[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "%u (%s)" REST, PID, names[i]);
		put_file(t, "stat", text, strlen(text));
		assert_true(pr_procfs_stat(t->fd, PID, &st));
		assert_string_equal(st.comm, names[i]);
		assert_int_equal(st.state, 'S');
		assert_int_equal(st.ppid, 7);
		assert_int_equal(st.pgid, 42);
		assert_int_equal(st.sid, 41);
		assert_int_equal(st.start_ticks, 987654);
		assert_int_equal(st.arg_start, 140737488350000);
	}
	assert_false(pr_procfs_stat(t->fd, PID + 1, &st));
}

static void stat_malformed(void **state)
{
	static const char *const texts[] = {"", "4242", "4242 (", "4242 (sh", "4242 (sh)", "4242 )sh( S 1", "4242 (sh)S 1", "4242 (sh) "};
	struct pr_proc_stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(pr_procfs_parse_stat(texts[i], strlen(texts[i]), &st));
	assert_true(pr_procfs_parse_stat("1 (sh) S 5", 10, &st));
	assert_int_equal(st.ppid, 5);
	assert_int_equal(st.start_ticks, 0);
}

static void split_one(const char *bytes, size_t n, uint32_t argc, const char *argv0, const char *rest, size_t rest_len)
{
	struct pr_args_view v;

	pr_procfs_split((const uint8_t *)bytes, n, &v);
	assert_int_equal(v.argc, argc);
	assert_int_equal(v.argv0_len, strlen(argv0));
	assert_memory_equal(v.argv0 ? v.argv0 : (const uint8_t *)"", argv0, strlen(argv0));
	assert_int_equal(v.rest_len, rest_len);
	if (rest_len)
		assert_memory_equal(v.rest, rest, rest_len);
}

static void split(void **state)
{
	struct pr_args_view v;

	(void)state;
	split_one("", 0, 0, "", "", 0);
	split_one("ls\0", 3, 1, "ls", "", 0);
	split_one("ls\0-l\0/\0", 8, 3, "ls", "-l\0/", 4);
	split_one("\0\0", 2, 2, "", "", 0);
	split_one("\0\0\0", 3, 3, "", "\0", 1);
	split_one("a\0\0b\0\0", 6, 4, "a", "\0b\0", 3);
	split_one("sshd: root@pts/0", 16, 1, "sshd: root@pts/0", "", 0);
	split_one("x\0y", 3, 2, "x", "y", 1);
	pr_procfs_split((const uint8_t *)"a\0b\0\0", 5, &v);
	assert_int_equal(v.rest_bytes, 3);
}

static void image(void **state)
{
	struct tree *t = *state;
	struct pr_proc_image img;

	pr_proc_image_init(&img);
	put_file(t, "cmdline", "a\0b\0", 4);
	put_link(t, "exe", "/opt/x y (deleted)");
	put_link(t, "cwd", "/gone (deleted) (deleted)");
	pr_procfs_image(t->fd, PID, &img);
	assert_true(img.has_cmdline && img.has_exe && img.has_cwd);
	assert_int_equal(img.cmdline.len, 4);
	assert_int_equal(img.exe.len, strlen("/opt/x y"));
	assert_memory_equal(img.cwd.data, "/gone (deleted)", img.cwd.len);
	assert_int_equal(img.cwd.len, strlen("/gone (deleted)"));
	pr_procfs_image(t->fd, PID + 1, &img);
	assert_false(img.has_cmdline || img.has_exe || img.has_cwd);
	pr_proc_image_release(&img);
}

/* A file whose name really ends so, which is there: it keeps its name. */
static void not_deleted(void **state)
{
	struct tree *t = *state;
	struct pr_proc_image img;
	char path[128];

	pr_proc_image_init(&img);
	snprintf(path, sizeof(path), "%s/x (deleted)", t->root);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	put_link(t, "exe", path);
	pr_procfs_image(t->fd, PID, &img);
	unlink(path);
	assert_int_equal(img.exe.len, strlen(path));
	assert_true(img.exe_ino != 0);
	pr_proc_image_release(&img);
}

/* ---- frames ------------------------------------------------------------------------------------------------------- */

struct made {
	struct pr_frames f;
	const uint8_t *exec; /* the execve frame */
	const uint8_t *strings;
	size_t n;
	uint32_t flags;
	unsigned data_frames;
};

static void make(struct made *m, const struct pr_snap *snap, const struct pr_proc_image *img)
{
	size_t off = 0;

	memset(m, 0, sizeof(*m));
	pr_process_frame(&m->f, 1000, snap, "/cg", img);
	assert_false(pr_buf_failed(&m->f.buf));
	while (off < m->f.buf.len) {
		const uint8_t *env = m->f.buf.data + off, *frame = env + PR_ENVELOPE_SIZE;
		uint32_t size = pr_get_u32(env + 4);

		assert_int_equal(pr_get_u16(env), PR_CPU_NONE);
		assert_int_equal(size, pr_get_u32(frame + 4));
		m->data_frames += frame[0] == PR_OP_DATA;
		if (frame[0] == PR_OP_EXECVE)
			m->exec = frame;
		off += PR_ENVELOPE_SIZE + size;
	}
	assert_int_equal(off, m->f.buf.len);
	assert_non_null(m->exec);
	m->n = pr_get_u32(m->exec + PR_EXECVE_FIXED) - PR_PROCESS_FIXED;
	assert_int_equal(pr_get_u32(m->exec + 4), sizeof(struct pr_msg_execve) + m->n);
	m->strings = m->exec + sizeof(struct pr_msg_execve);
	m->flags = pr_get_u32(m->exec + PR_EXECVE_FIXED + offsetof(struct pr_process, flags));
	assert_true(m->n <= PR_EXEC_STRINGS_MAX);
	assert_true(m->flags & PR_EXEC_PROCFS);
}

static void set(struct pr_proc_image *img, const char *exe, const char *cmdline, size_t n, const char *cwd)
{
	pr_buf_clear(&img->exe);
	pr_buf_clear(&img->cmdline);
	pr_buf_clear(&img->cwd);
	img->has_exe = img->has_cmdline = img->has_cwd = true;
	pr_buf_str(&img->exe, exe);
	pr_buf_append(&img->cmdline, cmdline, n);
	pr_buf_str(&img->cwd, cwd);
}

static void check_strings(const struct pr_proc_image *img, const char *want, size_t n, uint32_t flags)
{
	struct pr_snap snap = {.key = {PID, 0, 77}, .cgroup_len = 3};
	struct made m;

	make(&m, &snap, img);
	assert_int_equal(m.n, n);
	assert_memory_equal(m.strings, want, n);
	assert_int_equal(m.flags, PR_EXEC_PROCFS | flags);
	pr_frames_release(&m.f);
}

static void frames(void **state)
{
	struct pr_proc_image img;

	(void)state;
	pr_proc_image_init(&img);
	set(&img, "/bin/ls", "ls\0-l\0a b\0", 10, "/root");
	check_strings(&img, "/bin/ls\0-l\0a b\0/root", 20, 0);
	set(&img, "/bin/ls", "ls\0", 3, "/root");
	check_strings(&img, "/bin/ls\0/root", 13, 0);
	set(&img, "/bin/ls", "ls\0-l\0", 6, "/");
	check_strings(&img, "/bin/ls\0-l", 10, PR_EXEC_ROOT_CWD);
	set(&img, "/bin/ls", "ls\0\0", 4, "/root");
	check_strings(&img, "/bin/ls\0\0/root", 14, 0);
	set(&img, "/bin/ls", "ls\0a\0\0", 6, "/");
	check_strings(&img, "/bin/ls\0a\0", 10, PR_EXEC_ROOT_CWD);
	img.has_cwd = false;
	check_strings(&img, "/bin/ls\0a\0", 10, PR_EXEC_ERROR_CWD);
	img.has_exe = false;
	check_strings(&img, "a\0", 2, PR_EXEC_ERROR_CWD | PR_EXEC_ERROR_FILENAME);
	pr_buf_clear(&img.cmdline); /* a zombie */
	check_strings(&img, "", 0, PR_EXEC_ERROR_CWD | PR_EXEC_ERROR_FILENAME | PR_EXEC_ERROR_ARGS);
	check_strings(NULL, "", 0, PR_EXEC_ERROR_CWD | PR_EXEC_ERROR_FILENAME | PR_EXEC_ERROR_ARGS);
	pr_proc_image_release(&img);
}

/* At each limit and one beyond: inline, else in data frames; the frame never passes its largest size. */
static void limits(void **state)
{
	struct pr_snap snap = {.key = {PID, 0, 77}};
	static char exe[5000], cwd[5000], args[200000];
	struct pr_proc_image img;
	struct made m;

	(void)state;
	pr_proc_image_init(&img);
	for (unsigned i = 0; i < 8; i++) {
		size_t exe_len = i & 1 ? 256 : 255, cwd_len = i & 2 ? 257 : 256, args_len = i & 4 ? 1025 : 1024;

		memset(exe, 'e', sizeof(exe));
		memset(cwd, 'c', sizeof(cwd));
		memset(args, 'a', sizeof(args));
		exe[exe_len] = cwd[cwd_len] = args[2 + args_len] = args[1] = 0;
		set(&img, exe, args, args_len + 3, cwd);
		make(&m, &snap, &img);
		assert_int_equal(m.flags & PR_EXEC_DATA_FILENAME, i & 1 ? PR_EXEC_DATA_FILENAME : 0);
		assert_int_equal(m.flags & PR_EXEC_ERROR_PATH_COMPONENTS, i & 2 ? PR_EXEC_ERROR_PATH_COMPONENTS : 0);
		assert_int_equal(m.flags & PR_EXEC_DATA_ARGS, i & 4 ? PR_EXEC_DATA_ARGS : 0);
		assert_int_equal(m.data_frames, (i & 1) + (i >> 2 & 1));
		pr_frames_release(&m.f);
	}
	memset(args, 0, sizeof(args)); /* 100,000 empty arguments behind an argv[0] of 70,000 bytes */
	memset(args, 'z', 70000);
	set(&img, "/x", args, 70001 + 100000, "/");
	make(&m, &snap, &img);
	assert_int_equal(m.data_frames, (99999 + 32735) / 32736 + (70000 + 32735) / 32736);
	pr_frames_release(&m.f);
	pr_proc_image_release(&img);
}

static void kernel_thread(void **state)
{
	struct pr_snap snap = {.key = {2, 0, 5}, .flags = PR_SNAP_KTHREAD, .comm = "kthreadd", .creds = {.euid = 3, .permitted = 9, .effective = 9}};
	struct made m;

	(void)state;
	make(&m, &snap, NULL);
	assert_int_equal(m.flags, PR_EXEC_PROCFS);
	assert_int_equal(m.n, 9);
	assert_memory_equal(m.strings, "kthreadd", 9);
	assert_int_equal(pr_get_u32(m.exec + PR_EXECVE_FIXED + offsetof(struct pr_process, uid)), 0);
	assert_int_equal(pr_get_u64(m.exec + offsetof(struct pr_msg_execve, creds.permitted)), 0);
	pr_frames_release(&m.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stat_names, setup, teardown),
		cmocka_unit_test(stat_malformed),
		cmocka_unit_test(split),
		cmocka_unit_test_setup_teardown(image, setup, teardown),
		cmocka_unit_test_setup_teardown(not_deleted, setup, teardown),
		cmocka_unit_test(frames),
		cmocka_unit_test(limits),
		cmocka_unit_test(kernel_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

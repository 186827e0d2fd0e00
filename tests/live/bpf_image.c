/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf_image.c: cases of what an exec runs and as whom: descriptors, deleted files, credentials, threads, chains,
 * failures. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

static int act_fd(void *arg)
{
	int how = *(int *)arg, fd, from;
	char *argv[] = {"by fd", "1", NULL}, buf[65536];
	ssize_t n;

	if (how == 0) {
		fd = (int)syscall(SYS_memfd_create, "a name", 0);
		from = open(self_path, O_RDONLY);
		while ((n = read(from, buf, sizeof(buf))) > 0)
			if (write(fd, buf, (size_t)n) != n)
				return 90;
		close(from);
	} else {
		fd = open(how == 2 ? scratch : self_path, O_PATH | O_CLOEXEC);
		if (dup2(fd, 77) != 77)
			return 91;
		fd = 77;
	}
	syscall(SYS_execveat, fd, how == 2 ? "link" : "", argv, quick,
		how == 2 ? 0 : 0x1000 /* AT_EMPTY_PATH */);
	return errno;
}

static void case_fds(void)
{
	struct frames f = {0};
	struct exec_seen x;
	char link[64];
	int how, status;
	pid_t pid;

	snprintf(link, sizeof(link), "%s/link", scratch);
	CHECK(!symlink(self_path, link));
	for (how = 0; how < 3; how++) {
		pid = run_actor(&f, act_fd, &how, &status);
		CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
		CHECK((x.m.process.flags & (PR_EXEC_EXECVE | PR_EXEC_EXECVEAT)) == PR_EXEC_EXECVEAT);
		CHECK(x.filename.n > 8 && !memcmp(x.filename.p, "/dev/fd/", 8) && is(x.argv0, "by fd"));
		CHECK(is(x.exe, how == 0 ? "/memfd:a name" : self_path));
		CHECK(how == 0 ? x.m.process.i_nlink == 0 : x.m.process.i_nlink >= 1);
		CHECK(how < 2 || is(x.filename, "/dev/fd/77/link"));
		frames_clear(&f);
	}
}

static const char *copy_self(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	static char path[128], cmd[4400];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	snprintf(cmd, sizeof(cmd), "cp %s %s", self_path, path);
	CHECK(!system(cmd) && !chown(path, uid, gid) && !chmod(path, mode));
	return path;
}

struct who {
	const char *path;
	uid_t uid;
	gid_t gid;
};

static int act_as(void *arg)
{
	struct who *w = arg;
	char *argv[] = {"as", NULL};

	if (chdir("/") || setresgid(w->gid, w->gid, w->gid) || setresuid(w->uid, w->uid, w->uid))
		return 90;
	execve(w->path, argv, quick);
	return errno;
}

static void try_as(const char *path, uid_t uid, gid_t gid, uint32_t bits, uid_t euid, gid_t egid)
{
	struct who w = {path, uid, gid};
	struct frames f = {0};
	struct exec_seen x;
	int status;
	pid_t pid = run_actor(&f, act_as, &w, &status);

	CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(x.m.process.secureexec == bits);
	CHECK(x.m.creds.uid == uid && x.m.creds.euid == euid && x.m.creds.gid == gid && x.m.creds.egid == egid);
	CHECK(x.m.creds.suid == euid && x.m.creds.fsuid == euid && x.m.process.uid == euid);
	CHECK(euid ? !(bits & PR_SECURE_FILECAPS) == !x.m.creds.permitted : x.m.creds.permitted != 0);
	frames_clear(&f);
}

static void case_setid(void)
{
	static const uint32_t caps[5] = {
		0x02000001, 1u << 10, 0, 0, 0}; /* VFS_CAP_REVISION_2, effective; NET_BIND_SERVICE */
	const char *p;

	try_as(copy_self("plain", 0, 0, 0755), 1234, 1235, 0, 1234, 1235);
	try_as(copy_self("suid", 0, 0, 04755), 1234, 1235, PR_SECURE_SETUID | PR_SECURE_SETUID_ROOT, 0, 1235);
	try_as(copy_self("suid", 77, 0, 04755), 1234, 1235, PR_SECURE_SETUID, 77, 1235);
	try_as(copy_self("suid", 0, 77, 02755), 1234, 1235, PR_SECURE_SETGID, 1234, 77);
	try_as(copy_self("suid", 0, 0, 06755), 1234, 1235,
		PR_SECURE_SETUID | PR_SECURE_SETUID_ROOT | PR_SECURE_SETGID | PR_SECURE_SETGID_ROOT, 0, 0);
	try_as(copy_self("suid", 0, 0, 04755), 0, 0, 0, 0, 0);
	p = copy_self("caps", 0, 0, 0755);
	if (!syscall(SYS_setxattr, p, "security.capability", caps, sizeof(caps), 0))
		try_as(p, 1234, 1235, PR_SECURE_FILECAPS, 1234, 1235);
	else
		printf("    note: no file capabilities on /tmp here\n");
}

static int act_deleted(void *arg)
{
	char *argv[] = {"gone", NULL};
	int fd = open(arg, O_RDONLY);

	if (unlink(arg))
		return 90;
	syscall(SYS_execveat, fd, "", argv, quick, 0x1000);
	return errno;
}

static void case_deleted(void)
{
	char path[128];
	struct frames f = {0};
	struct exec_seen x;
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s", copy_self("gone", 0, 0, 0755));
	pid = run_actor(&f, act_deleted, path, &status);
	CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(is(x.exe, path) && x.m.process.i_nlink == 0 && x.m.process.i_ino);
	frames_clear(&f);
}

static void *thread_exec(void *arg)
{
	return (void *)(intptr_t)act_exec(arg);
}

static int act_thread(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_exec, arg))
		return 90;
	pthread_join(t, NULL);
	return 91;
}

static void case_thread(void)
{
	char *argv[] = {"t", "from a thread", NULL};
	struct plan p = {.path = self_path, .argv = argv, .cwd = "/"};
	struct frames f = {0};
	struct exec_seen x;
	int status;
	pid_t pid = run_actor(&f, act_thread, &p, &status);

	CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(x.info.tid != (uint32_t)pid && x.info.tid > 0 && x.m.process.tid == (uint32_t)pid);
	CHECK(is(x.args, "from a thread") && (x.m.process.flags & PR_EXEC_CLONE));
	CHECK(frames_count(&f, PR_OP_EXIT, (uint32_t)pid) == 1 && frames_count(&f, PR_OP_CLONE, x.info.tid) == 0);
	frames_clear(&f);
}

static int act_chain(void *arg)
{
	char *argv[] = {"chain", NULL}, *env[] = {"BPF_CASES_EXIT=7", NULL};

	(void)arg;
	execle("/bin/sh", "sh", "-c", "exec /bin/sh -c 'exec \"$0\"' \"$0\"", self_path, NULL, env);
	(void)argv;
	return 90;
}

static void case_chain(void)
{
	struct frames f = {0};
	struct exec_seen a, b, c;
	int status;
	pid_t pid = run_actor(&f, act_chain, NULL, &status);

	CHECK(WEXITSTATUS(status) == 7);
	CHECK(exec_find(&f, (uint32_t)pid, 0, &a) && exec_find(&f, (uint32_t)pid, 1, &b) &&
		exec_find(&f, (uint32_t)pid, 2, &c));
	CHECK((a.m.process.flags & PR_EXEC_CLONE) && !((b.m.process.flags | c.m.process.flags) & PR_EXEC_CLONE));
	CHECK(b.m.cleanup.ktime == a.m.process.ktime && c.m.cleanup.ktime == b.m.process.ktime);
	CHECK(!memcmp(&a.m.parent, &c.m.parent, sizeof(a.m.parent)));
	frames_clear(&f);
}

static size_t put_item(char *to, int type, const char *p, size_t n)
{
	char head[] = {(char)type, (char)(type >> 8), (char)n, (char)(n >> 8)};

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), p, n);
	return sizeof(head) + n;
}

/* The items that a failed exec is to have: want, n bytes. */
static void check_fail(int (*act)(void *arg), const char *path, char **argv, int error, const char *want, size_t n)
{
	struct plan p = {.path = path, .argv = argv, .cwd = "/"};
	struct frames f = {0};
	int status;
	pid_t pid = run_actor(&f, act, &p, &status);
	const struct frame *fr = frames_find(&f, PR_OP_EXEC_FAIL, (uint32_t)pid, 0);
	struct pr_exec_fail m;

	CHECK(WEXITSTATUS(status) == error && frames_count(&f, PR_OP_EXECVE, (uint32_t)pid) == 0);
	CHECK(fr);
	if (!fr)
		return;
	memcpy(&m, fr->b.p, sizeof(m));
	CHECK(m.error == error && m.tid == (uint32_t)pid);
	CHECK(fr->b.n == sizeof(m) + n && !memcmp(fr->b.p + sizeof(m), want, n));
	frames_clear(&f);
}

static void try_fail(const char *path, int error)
{
	char want[512], *argv[] = {"nope", "a", "", "b", NULL};
	size_t n = put_item(want, PR_ITEM_FILENAME, path, strlen(path));

	n += put_item(want + n, PR_ITEM_ARGV0, "nope", 4);
	n += put_item(want + n, PR_ITEM_ARGS, "a\0\0b", 4);
	check_fail(act_exec, path, argv, error, want, n);
}

/* Arguments that are "absent" stand on a page of a file that was mapped and never looked at. */
static int act_exec_absent(void *arg)
{
	struct plan *p = arg;
	char path[64], *page;
	int fd;

	snprintf(path, sizeof(path), "%s/absent", scratch);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || write(fd, "absent", 7) != 7)
		return 99;
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		return 99;
	for (int i = 0; p->argv[i]; i++)
		if (!strcmp(p->argv[i], "absent"))
			p->argv[i] = page;
	execve(p->path, p->argv, environ);
	return errno;
}

/*
 * What could not be read is marked, wherever in the list it stands; never left out as if it had not been there. An empty path fails
 * before any kernel reads the arguments itself.
 */
static void try_absent(char **argv, const char *argv0, const char *args, size_t args_len)
{
	char want[512];
	size_t n = put_item(want, PR_ITEM_FILENAME, "", 0);

	n += put_item(want + n, PR_ITEM_ARGV0 | (*argv0 ? 0 : PR_ITEM_CUT), argv0, strlen(argv0));
	n += put_item(want + n, PR_ITEM_ARGS | PR_ITEM_CUT, args, args_len);
	check_fail(act_exec_absent, "", argv, ENOENT, want, n);
}

static void case_fail(void)
{
	try_fail("/no/such/file", ENOENT);
	try_fail("/tmp", EACCES);
	try_fail(put_file("noexec", "x", 0600), EACCES);
	try_fail(put_file("garbage", "garbage", 0755), ENOEXEC);
	try_absent((char *[]){"absent", "absent", NULL}, "", "", 0);
	try_absent((char *[]){"nope", "absent", "b", NULL}, "nope", "", 0);
	try_absent((char *[]){"nope", "a", "", "absent", NULL}, "nope", "a\0", 2);
}

const struct bpf_case image_cases[] = {
	{"exec: by descriptor", case_fds},
	{"exec: deleted file", case_deleted},
	{"exec: setuid, setgid, capabilities", case_setid},
	{"exec: from a thread", case_thread},
	{"exec: chain in one process", case_chain},
	{"exec: failures", case_fail},
	{NULL, NULL},
};

/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf_exec.c: cases of exec: argument lists, names, folders, scripts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

char *const quick[] = {"BPF_CASES_EXIT=0", NULL};

static volatile unsigned int touched;

bool is(struct bytes b, const char *s)
{
	return b.p && b.n == strlen(s) && !memcmp(b.p, s, b.n);
}

int act_exec(void *arg)
{
	struct plan *p = arg;
	int i;

	if (p->cwd && chdir(p->cwd))
		return 99;
	for (i = 0; p->argv[i];
		i++) /* a failed exec's strings are seen only where they are in memory: so have them there */
		touched += p->argv[i][0];
	execve(p->path, p->argv, quick);
	return errno;
}

/* argv[1..], NUL-separated, without the last NUL. */
static struct bytes joined(char **argv)
{
	struct bytes b = {0};
	size_t room = 1;
	int i;

	for (i = 1; argv[0] && argv[i]; i++)
		room += strlen(argv[i]) + 1;
	b.p = malloc(room);
	for (i = 1; argv[0] && argv[i]; i++) {
		if (i > 1)
			b.p[b.n++] = 0;
		memcpy(b.p + b.n, argv[i], strlen(argv[i]));
		b.n += strlen(argv[i]);
	}
	return b;
}

static int count(char **argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

static void check_argv(const struct exec_seen *x, char **argv)
{
	struct bytes want = joined(argv);
	int argc = count(argv);

	CHECK(x->info.argc == (uint32_t)argc);
	CHECK(x->info.envc == 1);
	CHECK(x->args.n == want.n && !memcmp(x->args.p, want.p, want.n));
	CHECK(x->info.args_bytes == (argc > 1 ? want.n + 1 : 0));
	CHECK(argc == 0 ? !x->argv0.p || !x->argv0.n : is(x->argv0, argv[0]));
	free(want.p);
}

static void try_argv(char **argv, const char *cwd)
{
	struct plan p = {.path = self_path, .argv = argv, .cwd = cwd};
	struct frames f = {0};
	struct exec_seen x;
	int status;
	pid_t pid = run_actor(&f, act_exec, &p, &status);
	const struct frame *fr;

	CHECK(status == 0);
	CHECK(frames_count(&f, PR_OP_EXECVE, (uint32_t)pid) == 1 && frames_count(&f, PR_OP_EXIT, (uint32_t)pid) == 1);
	if (exec_find(&f, (uint32_t)pid, 0, &x)) {
		check_argv(&x, argv);
		CHECK(is(x.filename, self_path));
		CHECK(is(x.cwd, cwd));
		CHECK((x.m.process.flags & ~(PR_EXEC_DATA_ARGS | PR_EXEC_ROOT_CWD | PR_EXEC_NEEDS_AUID)) ==
			(PR_EXEC_EXECVE | PR_EXEC_CLONE));
		CHECK(!x.interp.p && !x.exe.p && !x.long_cwd.p);
		fr = frames_find(&f, PR_OP_CLONE, (uint32_t)pid, 0);
		CHECK(fr && !memcmp(&x.m.parent, fr->b.p + 16, sizeof(x.m.parent)) &&
			x.m.parent.pid == (uint32_t)getpid());
		CHECK(fr && !memcmp(&x.m.cleanup.ktime, fr->b.p + 48, 8) && x.m.cleanup.pid == (uint32_t)pid);
	} else {
		CHECK(!"an exec frame");
	}
	frames_clear(&f);
}

static char *filled(size_t n, char c)
{
	char *s = malloc(n + 1);

	memset(s, c, n);
	s[n] = 0;
	return s;
}

static void case_sizes(void)
{
	static const size_t sizes[] = {0, 1, 2, 254, 255, 256, 257, 258, 1021, 1022, 1023, 1024, 1025, 1026, 32734,
		32735, 32736, 32737, 32738, 65471, 65472, 65473, 131071};
	char *argv[4] = {"a0", NULL, NULL, NULL};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		argv[1] = filled(sizes[i], 'x');
		argv[2] = NULL;
		try_argv(argv, i & 1 ? "/" : "/tmp");
		if (sizes[i] > 2) { /* the same total in two */
			argv[1][sizes[i] / 2] = 0;
			argv[2] = argv[1] + sizes[i] / 2 + 1;
			try_argv(argv, "/proc");
		}
		free(argv[1]);
	}
}

static void case_empty(void)
{
	static char *lists[][6] = {{"a"}, {""}, {"a", ""}, {"", ""}, {"a", "", ""}, {"a", "", "b"}, {"a", "b", ""},
		{"a", "", "", ""}, {"a", "\n\t \"\\'"}, {"a", "\xff\xfe\x01"}, {"other name", "-x"}};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		try_argv(lists[i], "/");
		try_argv(lists[i], "/tmp");
	}
}

static void case_argc0(void)
{
	char *none[] = {NULL};
	struct plan p = {.path = self_path, .argv = none};
	struct frames f = {0};
	struct exec_seen x;
	pid_t pid = run_actor(&f, act_exec, &p, NULL);

	CHECK(exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK((x.info.argc == 1 || (old_argc0 && x.info.argc == 0)) && x.args.n == 0 && x.info.args_bytes == 0);
	CHECK(!x.argv0.p || x.argv0.n == 0);
	frames_clear(&f);
}

static void case_argv0(void)
{
	static const size_t sizes[] = {1, 255, 256, 4094, 4095, 4096, 4097, 8190, 32736, 32737, 131071};
	char *argv[3] = {NULL, "arg", NULL};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		argv[0] = filled(sizes[i], 'z');
		try_argv(argv, "/");
		free(argv[0]);
	}
}

static void case_many(void)
{
	size_t i, n = 200000;
	char **argv = calloc(n + 1, sizeof(*argv)), num[16];

	argv[0] = "many";
	for (i = 1; i < n; i++) {
		snprintf(num, sizeof(num), i % 7 ? "%zu" : "", i % 10);
		argv[i] = strdup(num);
	}
	try_argv(argv, "/tmp");
	argv[20] = NULL;
	try_argv(argv, "/tmp");
	for (i = 0; i < 15; i++) /* just under 2 MiB in all */
		argv[i + 1] = filled(131071, (char)('a' + i));
	argv[16] = filled(120000, 'p');
	argv[17] = NULL;
	try_argv(argv, "/tmp");
}

static void case_unlimited(void)
{
	struct rlimit was, more = {RLIM_INFINITY, RLIM_INFINITY};
	char *argv[48] = {"u"};
	int i;

	getrlimit(RLIMIT_STACK, &was);
	if (setrlimit(RLIMIT_STACK, &more))
		return;
	for (i = 1; i < 46; i++)
		argv[i] = filled(131071, (char)('a' + i % 26));
	try_argv(argv, "/tmp"); /* 5.6 MiB: the kernel's limit is 6 */
	setrlimit(RLIMIT_STACK, &was);
}

static void case_filenames(void)
{
	static const size_t sizes[] = {253, 254, 255, 256, 257, 258, 1024, 4094, 4095};
	char *argv[] = {"f", "x", NULL};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct frames f = {0};
		struct exec_seen x;
		char *path = filled(sizes[i], '/');
		struct plan p = {.path = path, .argv = argv, .cwd = "/tmp"};
		int status;
		pid_t pid;

		if (sizes[i] < strlen(self_path))
			continue;
		memcpy(path + sizes[i] - strlen(self_path), self_path, strlen(self_path));
		pid = run_actor(&f, act_exec, &p, &status);
		CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
		CHECK(is(x.filename, path) && is(x.args, "x") && is(x.cwd, "/tmp") && !x.exe.p);
		frames_clear(&f);
		free(path);
	}
}

/* A folder `levels` deep whose names have `len` bytes each; the process goes there and execs by a relative path. */
struct deep {
	int levels, len;
	bool gone;
	char *path; /* out: shared memory */
};

static int act_deep(void *arg)
{
	struct deep *d = arg;
	char *name = filled((size_t)d->len, 'd'), *argv[] = {"deep", "1", NULL}, top[] = "/tmp/bpf_cases_deep.XXXXXX";
	int i;

	if (!mkdtemp(top) || chdir(top))
		return 90;
	for (i = 0; i < d->levels; i++)
		if (mkdir(name, 0700) || chdir(name))
			return 91;
	if (syscall(SYS_getcwd, d->path, 8192) < 0)
		return 92;
	if (d->gone) {
		if (rmdir(d->path))
			return 93;
	} else if (symlink(self_path, "prog")) {
		return 94;
	}
	execve(d->gone ? self_path : "./prog", argv, quick);
	return 95;
}

/* Not by rm(1): busybox's gives up on paths of this length. */
static void rm_deep(const struct deep *d)
{
	char *name = filled((size_t)d->len, 'd'), top[64];
	int depth = 0, bad;

	snprintf(top, sizeof(top), "%.27s", d->path); /* "/tmp/bpf_cases_deep.XXXXXX", and a slash */
	*strchr(top + 5, '/') = 0;
	bad = chdir(top);
	while (!bad && !chdir(name))
		depth++;
	unlink("prog");
	while (!bad && depth-- > 0)
		bad = chdir("..") || rmdir(name);
	CHECK(!bad && !chdir("/") && !rmdir(top));
	free(name);
}

static void case_cwd(void)
{
	static struct deep plans[] = {{1, 8, false, NULL}, {150, 1, false, NULL}, {150, 20, false, NULL},
		{1, 255, false, NULL}, {1, 227, false, NULL}, {1, 228, false, NULL}, {1, 229, false, NULL},
		{1, 230, false, NULL}, {15, 255, false, NULL}, {2000, 1, false, NULL}, {3, 10, true, NULL},
		{20, 100, true, NULL}};
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		struct deep *d = &plans[i];
		struct frames f = {0};
		struct exec_seen x;
		size_t len;
		int status;
		pid_t pid;

		d->path = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		pid = run_actor(&f, act_deep, d, &status);
		CHECK(WEXITSTATUS(status) == 0);
		if (status)
			continue;
		len = strlen(d->path);
		CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
		if (len <= PR_CWD_INLINE_MAX) {
			CHECK(is(x.cwd, d->path) && !x.long_cwd.p &&
				!(x.m.process.flags & PR_EXEC_ERROR_PATH_COMPONENTS));
		} else {
			CHECK(x.cwd.n == PR_CWD_INLINE_MAX && is(x.cwd, d->path + len - PR_CWD_INLINE_MAX));
			CHECK(is(x.long_cwd, d->path) && (x.m.process.flags & PR_EXEC_ERROR_PATH_COMPONENTS));
		}
		CHECK(is(x.args, "1") && is(x.filename, d->gone ? self_path : "./prog"));
		CHECK(d->gone ? !x.exe.p : is(x.exe, self_path));
		frames_clear(&f);
		rm_deep(d);
	}
}

const char *put_file(const char *name, const char *text, mode_t mode)
{
	static char path[8][128];
	static int at;
	char *p = path[at++ & 7];
	int fd;

	snprintf(p, 128, "%s/%s", scratch, name);
	unlink(p);
	fd = open(p, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	chmod(p, mode);
	return p;
}

static void case_scripts(void)
{
	char line[8192], inner[128];
	char *argv[] = {"ignored", "x", NULL}, want[8600];
	struct frames f = {0};
	struct exec_seen x;
	struct plan p = {.argv = argv, .cwd = "/tmp"};
	int status;
	pid_t pid;

	snprintf(line, sizeof(line), "#!%s -o\n", self_path);
	snprintf(inner, sizeof(inner), "%s", put_file("inner", line, 0755));
	p.path = inner;
	pid = run_actor(&f, act_exec, &p, &status);
	if (strlen(self_path) > 100) /* BINPRM_BUF_SIZE */
		return;
	snprintf(want, sizeof(want), "-o%c%s%cx", 0, inner, 0);
	CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(is(x.filename, inner) && is(x.interp, self_path) && is(x.exe, self_path) && is(x.argv0, self_path));
	CHECK(x.args.n == 3 + strlen(inner) + 2 && !memcmp(x.args.p, want, 3) &&
		!memcmp(x.args.p + 3, inner, strlen(inner)));
	CHECK(x.info.argc == 4 && is(x.cwd, "/tmp"));
	frames_clear(&f);

	snprintf(line, sizeof(line), "#!%s\n", inner);
	p.path = put_file("outer", line, 0755);
	pid = run_actor(&f, act_exec, &p, &status);
	CHECK(status == 0 && exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(is(x.filename, p.path) && is(x.interp, self_path) && is(x.exe, self_path) && x.info.argc == 5);
	frames_clear(&f);
}

const struct bpf_case exec_cases[] = {
	{"exec: argument sizes", case_sizes},
	{"exec: empty and odd arguments", case_empty},
	{"exec: argc 0", case_argc0},
	{"exec: sizes of argv[0]", case_argv0},
	{"exec: 200,000 arguments, 2 MiB", case_many},
	{"exec: unlimited stack", case_unlimited},
	{"exec: sizes of the filename", case_filenames},
	{"exec: cwd deep, long, deleted; relative path", case_cwd},
	{"exec: scripts", case_scripts},
	{NULL, NULL},
};

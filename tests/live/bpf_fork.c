/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf_fork.c: cases of clone and exit. */
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

/* What actors tell the checks. */
static volatile struct {
	uint32_t a, b;
} * told;

static void untell(void)
{
	if (!told)
		told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	told->a = told->b = 0;
}

static struct pr_msg_clone clone_of(const struct frames *f, uint32_t pid, struct pr_clone_info *out_info)
{
	const struct frame *fr = frames_find(f, PR_OP_CLONE, pid, 0), *info = frames_find(f, PR_OP_CLONE_INFO, pid, 0);
	struct pr_msg_clone m = {0};

	memset(out_info, 0, sizeof(*out_info));
	CHECK(fr && info && info + 1 == fr && frames_count(f, PR_OP_CLONE, pid) == 1);
	if (!fr || !info)
		return m;
	memcpy(&m, fr->b.p, sizeof(m));
	memcpy(out_info, info->b.p, sizeof(*out_info));
	CHECK(out_info->key.ktime == m.ktime && out_info->key.pid == m.tgid);
	return m;
}

static struct pr_msg_exit exit_of(const struct frames *f, uint32_t pid)
{
	const struct frame *fr = frames_find(f, PR_OP_EXIT, pid, 0);
	struct pr_msg_exit m = {0};

	CHECK(fr && frames_count(f, PR_OP_EXIT, pid) == 1);
	if (fr)
		memcpy(&m, fr->b.p, sizeof(m));
	return m;
}

/* ---- exit statuses ---- */

static int act_status(void *arg)
{
	struct rlimit core = {0, 0};
	int how = *(int *)arg;

	if (how < 256)
		_exit(how);
	if (how >= 512) {
		core.rlim_cur = core.rlim_max = 1 << 20;
		if (chdir("/tmp"))
			_exit(1);
	}
	setrlimit(RLIMIT_CORE, &core);
	signal(how & 255, SIG_DFL);
	raise(how & 255);
	_exit(1);
}

static void case_status(void)
{
	static const int how[] = {
		0, 1, 127, 255, 256 + SIGKILL, 256 + SIGTERM, 256 + SIGSEGV, 512 + SIGABRT, 512 + SIGQUIT};
	size_t i;

	for (i = 0; i < sizeof(how) / sizeof(*how); i++) {
		struct frames f = {0};
		struct pr_clone_info info;
		struct pr_msg_clone c;
		struct pr_msg_exit x;
		int status, h = how[i];
		pid_t pid = run_actor(&f, act_status, &h, &status);

		c = clone_of(&f, (uint32_t)pid, &info);
		x = exit_of(&f, (uint32_t)pid);
		CHECK(x.code == (uint32_t)status && x.tid == (uint32_t)pid && x.current.ktime == c.ktime);
		CHECK(c.parent.pid == (uint32_t)getpid() && info.creator_tid == (uint32_t)getpid() &&
			info.ppid == (uint32_t)getpid());
		CHECK((info.clone_flags & 255) == SIGCHLD && info.sid == (uint32_t)getsid(0) &&
			info.pgid == (uint32_t)getpgrp());
		CHECK(frames_count(&f, PR_OP_EXIT_INFO, (uint32_t)pid) == 0);
		if (how[i] >= 512 && !WCOREDUMP(status))
			printf("    note: no core is dumped here\n");
		frames_clear(&f);
	}
	if (system("rm -f /tmp/core /tmp/core.*"))
		CHECK(!"clean up");
}

/* ---- threads ---- */

static void *sleep_then_exit(void *arg)
{
	usleep(20000);
	_exit((int)(intptr_t)arg);
}

static void *linger(void *arg)
{
	(void)arg;
	usleep(20000);
	told->a = (uint32_t)syscall(SYS_gettid);
	return NULL;
}

static int act_leader_first(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, arg ? sleep_then_exit : linger, arg);
	syscall(SYS_exit, 0); /* this thread alone */
	return 1;
}

static void *spin_exit(void *arg)
{
	pthread_barrier_wait(arg);
	return NULL;
}

static int act_race(void *arg)
{
	pthread_barrier_t bar;
	pthread_t t;
	int i;

	(void)arg;
	pthread_barrier_init(&bar, NULL, 17);
	for (i = 0; i < 16; i++)
		pthread_create(&t, NULL, spin_exit, &bar);
	pthread_barrier_wait(&bar);
	syscall(SYS_exit, 5); /* this thread alone */
	return 0;
}

static void case_threads(void)
{
	struct pr_clone_info info;
	struct frames f = {0};
	int status, i;
	pid_t pid;

	untell();
	pid = run_actor(&f, act_leader_first, NULL, &status);
	clone_of(&f, (uint32_t)pid, &info);
	CHECK(exit_of(&f, (uint32_t)pid).tid == told->a && exit_of(&f, (uint32_t)pid).code == (uint32_t)status);
	frames_clear(&f);
	pid = run_actor(&f, act_leader_first, (void *)(intptr_t)42, &status);
	CHECK(WEXITSTATUS(status) == 42 && exit_of(&f, (uint32_t)pid).code == (uint32_t)status);
	frames_clear(&f);
	for (i = 0; i < 50; i++) {
		pid = run_actor(&f, act_race, NULL, &status);
		clone_of(&f, (uint32_t)pid, &info);
		CHECK(exit_of(&f, (uint32_t)pid).code == (uint32_t)status);
		frames_clear(&f);
	}
}

static void *thread_forks(void *arg)
{
	pid_t pid;

	(void)arg;
	told->a = (uint32_t)syscall(SYS_gettid);
	pid = fork();
	if (!pid)
		_exit(0);
	told->b = (uint32_t)pid;
	waitpid(pid, NULL, 0);
	return NULL;
}

static int act_thread_forks(void *arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, thread_forks, NULL);
	pthread_join(t, NULL);
	return 0;
}

static void case_thread_forks(void)
{
	struct pr_clone_info info;
	struct frames f = {0};
	struct pr_msg_clone c;
	pid_t pid;

	untell();
	pid = run_actor(&f, act_thread_forks, NULL, NULL);
	c = clone_of(&f, told->b, &info);
	CHECK(c.parent.pid == (uint32_t)pid && info.creator_tid == told->a && info.ppid == (uint32_t)pid);
	CHECK(frames_count(&f, PR_OP_CLONE, told->a) == 0);
	frames_clear(&f);
}

/* ---- kinds of clone ---- */

static int act_vfork(void *arg)
{
	char *argv[] = {"v", NULL}, *env[] = {"BPF_CASES_EXIT=3", NULL};
	pid_t pid = vfork();

	(void)arg;
	if (!pid) {
		execve(self_path, argv, env);
		_exit(9);
	}
	told->a = (uint32_t)pid;
	waitpid(pid, NULL, 0);
	return 0;
}

static void case_vfork(void)
{
	struct pr_clone_info info;
	struct frames f = {0};
	struct exec_seen x;
	struct pr_msg_clone c;

	untell();
	run_actor(&f, act_vfork, NULL, NULL);
	c = clone_of(&f, told->a, &info);
	CHECK((info.clone_flags & CLONE_VFORK) && exec_find(&f, told->a, 0, &x) && x.m.cleanup.ktime == c.ktime);
	CHECK(frames_find(&f, PR_OP_CLONE, told->a, 0) < frames_find(&f, PR_OP_EXECVE, told->a, 0));
	CHECK(frames_find(&f, PR_OP_EXECVE, told->a, 0) < frames_find(&f, PR_OP_EXIT, told->a, 0));
	CHECK(exit_of(&f, told->a).code == 3 << 8);
	frames_clear(&f);
}

static int act_clone_parent(void *arg)
{
	struct clone_args a = {.flags = CLONE_PARENT, .exit_signal = 0};
	long pid;

	(void)arg;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		_exit(4);
	told->a = (uint32_t)pid;
	told->b = (uint32_t)getpid();
	return 0;
}

static void case_clone_parent(void)
{
	struct pr_clone_info info;
	struct frames f = {0};
	struct pr_msg_clone c;
	int status = 0;

	untell();
	run_actor(&f, act_clone_parent, NULL, NULL);
	waitpid((pid_t)told->a, &status, __WALL);
	frames_take(&f);
	c = clone_of(&f, told->a, &info);
	CHECK(c.parent.pid == told->b && info.creator_tid == told->b && info.ppid == (uint32_t)getpid());
	CHECK((info.clone_flags & CLONE_PARENT) && exit_of(&f, told->a).code == (uint32_t)status);
	CHECK(frames_count(&f, PR_OP_EXIT_INFO, told->a) == 1); /* the kernel's parent is not the creator */
	frames_clear(&f);
}

static int act_pidns(void *arg)
{
	struct clone_args a = {.flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD};
	char *argv[] = {"ns", NULL}, *env[] = {"BPF_CASES_EXIT=0", NULL};
	long pid;

	(void)arg;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid) {
		execve(self_path, argv, env);
		_exit(9);
	}
	if (pid < 0)
		return 1;
	told->a = (uint32_t)pid;
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

static uint32_t ns_of_self(const char *name)
{
	char path[64], link[64] = "";

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	if (readlink(path, link, sizeof(link) - 1) < 0 || !strchr(link, '['))
		return 0;
	return (uint32_t)strtoul(strchr(link, '[') + 1, NULL, 10);
}

static void case_pidns(void)
{
	struct pr_clone_info info;
	struct frames f = {0};
	struct exec_seen x;
	struct pr_msg_clone c;

	untell();
	run_actor(&f, act_pidns, NULL, NULL);
	if (!told->a) {
		printf("    note: no pid namespaces here\n");
		return;
	}
	c = clone_of(&f, told->a, &info);
	CHECK(c.nspid == 1 && exec_find(&f, told->a, 0, &x) && x.m.process.nspid == 1);
	CHECK(x.m.ns.pid != ns_of_self("pid") && x.m.ns.pid == x.m.ns.pid_for_children &&
		x.m.ns.mnt != ns_of_self("mnt"));
	CHECK(x.m.ns.uts == ns_of_self("uts") && x.m.ns.ipc == ns_of_self("ipc") && x.m.ns.net == ns_of_self("net"));
	CHECK(x.m.ns.cgroup == ns_of_self("cgroup") && x.m.ns.user == ns_of_self("user") &&
		x.m.kube.net_ns == x.m.ns.net);
	CHECK(x.m.ns.time == ns_of_self("time") && x.m.ns.time_for_children == ns_of_self("time_for_children"));
	frames_clear(&f);
}

/* ---- sessions ---- */

static int act_session(void *arg)
{
	char *argv[] = {"s", NULL}, *env[] = {"BPF_CASES_EXIT=0", NULL};

	(void)arg;
	if (setsid() < 0)
		return 90;
	execve(self_path, argv, env);
	return 91;
}

static void case_session(void)
{
	struct frames f = {0};
	struct exec_seen x;
	pid_t pid = run_actor(&f, act_session, NULL, NULL);

	CHECK(exec_find(&f, (uint32_t)pid, 0, &x));
	CHECK(x.info.sid == (uint32_t)pid && x.info.pgid == (uint32_t)pid && x.info.tty == 0 &&
		x.info.ppid == (uint32_t)getpid());
	frames_clear(&f);
}

const struct bpf_case fork_cases[] = {
	{"exit: codes, signals, cores", case_status},
	{"exit: leader first, all at once", case_threads},
	{"fork: by a thread", case_thread_forks},
	{"fork: vfork", case_vfork},
	{"fork: CLONE_PARENT", case_clone_parent},
	{"fork: pid namespace, ten namespaces", case_pidns},
	{"fork: session", case_session},
	{NULL, NULL},
};

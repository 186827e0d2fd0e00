/* SPDX-License-Identifier: BSD-2-Clause */
/* The sandbox: what parsing needs goes on, everything else is refused. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sandbox.h"

/* Each returns true when the system lets it happen. */
static bool can_read(void)
{
	char c;
	int fd = open("/proc/self/status", O_RDONLY);

	return fd >= 0 && read(fd, &c, 1) == 1 && !close(fd);
}

static bool can_map(void)
{
	void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && !munmap(p, 1 << 20);
}

static bool can_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno != EPERM;
}

static bool can_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool can_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

/* The call that a filter can't look into. */
static bool can_clone3(void)
{
	uint64_t args[8] = {[4] = SIGCHLD};
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static void *set_true(void *arg)
{
	*(bool *)arg = true;
	return NULL;
}

static bool can_start_a_thread(void)
{
	bool ran = false;
	pthread_t t;

	return !pthread_create(&t, NULL, set_true, &ran) && !pthread_join(t, NULL) && ran;
}

static void *fork_there(void *arg)
{
	*(bool *)arg = can_fork();
	return NULL;
}

static bool a_thread_can_fork(void)
{
	bool can = false;
	pthread_t t;

	return pthread_create(&t, NULL, fork_there, &can) || pthread_join(t, NULL) || can;
}

static bool can_connect(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool can_signal(void)
{
	return !kill(getppid(), 0);
}

static bool can_trace(void)
{
	return !ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static bool can_gain(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

/* 0: refused, 1: can, 2: this build or system has no sandbox. */
static int confined(bool (*can)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (!pr_sandbox_enter())
			_exit(2);
		_exit(can());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void parsing_goes_on(void **state)
{
	(void)state;
	if (confined(can_read) == 2)
		skip();
	assert_int_equal(confined(can_read), 1);
	assert_int_equal(confined(can_map), 1);
	assert_int_equal(confined(can_start_a_thread), 1);
}

static void the_rest_is_refused(void **state)
{
	static bool (*const refused[])(void) = {
		can_exec, can_fork, can_vfork, can_clone3, a_thread_can_fork, can_connect, can_signal, can_trace, can_gain};

	(void)state;
	if (confined(can_read) == 2)
		skip();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(confined(refused[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing_goes_on),
		cmocka_unit_test(the_rest_is_refused),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}

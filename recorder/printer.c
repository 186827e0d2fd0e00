/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "recorder/rights.h"

#define LOOK_NS 100000000L /* between two looks at it */
#define PATIENCE 20 /* looks at which it has not moved */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static _Noreturn void print(const struct pr_printer_options *o, int go_fd, int end_fd)
{
	const char *argv[8] = {"procrec", "replay", "--follow=stdin"};
	char when[32];
	size_t k = 3;
	ssize_t n;
	char go;

	do
		n = read(go_fd, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1 || dup2(end_fd, STDIN_FILENO) < 0)
		_exit(0);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (pr_rights_no_new_privs(NULL) || pr_rights_drop(PR_RIGHTS_KEEP_READ, NULL))
		_exit(4);
	if (o->fd >= 0 && fcntl(o->fd, F_SETFD, 0))
		_exit(4);
	if (o->json)
		argv[k++] = "--json";
	snprintf(when, sizeof(when), "--color=%s", o->color ? o->color : "");
	if (o->color)
		argv[k++] = when;
	argv[k++] = "--";
	argv[k++] = o->path;
	execv("/proc/self/exe", (char *const *)argv);
	_exit(4);
}

int pr_printer_hold(struct pr_printer *p, const struct pr_printer_options *o, struct pr_errinfo *ei)
{
	int go[2], end[2];

	*p = (struct pr_printer){.go_fd = -1, .end_fd = -1};
	if (pipe2(go, O_CLOEXEC))
		return pr_fail_errno(ei, "cannot make a pipe");
	if (pipe2(end, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return pr_fail_errno(ei, "cannot make a pipe");
	}
	p->pid = fork();
	if (p->pid == 0) {
		close(go[1]);
		close(end[1]);
		print(o, go[0], end[0]);
	}
	close(go[0]);
	close(end[0]);
	p->go_fd = go[1];
	p->end_fd = end[1];
	if (p->pid > 0)
		return PR_OK;
	p->pid = 0;
	close_fd(&p->go_fd);
	close_fd(&p->end_fd);
	return pr_fail_errno(ei, "cannot fork");
}

void pr_printer_release(struct pr_printer *p)
{
	if (p->pid && write(p->go_fd, "g", 1) == 1)
		close_fd(&p->go_fd);
}

bool pr_printer_lives(struct pr_printer *p)
{
	if (p->pid && waitpid(p->pid, NULL, WNOHANG))
		p->pid = 0;
	return p->pid;
}

/* Its CPU time moves when it does, whatever it waits for otherwise. */
static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool pr_printer_finish(struct pr_printer *p)
{
	const struct timespec look = {0, LOOK_NS};
	uint64_t before = 0, now;
	int sig, signals = 0;
	clockid_t clock;
	sigset_t mask;

	close_fd(&p->go_fd);
	close_fd(&p->end_fd);
	if (!p->pid || clock_getcpuclockid(p->pid, &clock))
		return true;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	for (int still = 0; still < PATIENCE; before = now) {
		if (waitpid(p->pid, NULL, WNOHANG))
			return true;
		sig = sigtimedwait(&mask, NULL, &look);
		if (sig > 0 && sig != SIGCHLD)
			kill(p->pid, signals++ ? SIGKILL : SIGTERM);
		now = cpu_ns(clock);
		still = now == before ? still + 1 : 0;
	}
	return false;
}

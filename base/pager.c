/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/out.h"

#define DEFAULT_PAGER "less"

/* Who to wait for when a signal ends this process: handlers are told nothing else. */
static volatile pid_t waited_for;

static const int fatal_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

/* The terminal belongs to the pager until that ends: first the end of its input, then its own end, then ours. */
static void on_fatal(int sig)
{
	int saved = errno, status;

	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	wait_for(waited_for, &status);
	errno = saved;
	signal(sig, SIG_DFL);
	raise(sig);
}

static void handle_signals(void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler}, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++) {
		/* What was to be ignored stays so (nohup); SIGPIPE is, in this program, for other outputs. */
		if (handler == SIG_DFL || sigaction(fatal_signals[i], NULL, &old) || old.sa_handler != SIG_IGN || fatal_signals[i] == SIGPIPE)
			sigaction(fatal_signals[i], &sa, NULL);
	}
	if (handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

/* ---- the child ----------------------------------------------------------------------------------------------------- */

/* Without a pager its input is shown as it comes: an answer must not be lost over that. */
static void copy_through(void)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || pr_write_all(STDOUT_FILENO, chunk, (size_t)n))
			break;
	}
	_exit(0);
}

/* sudo may allow this program and no other: then less must not give a shell. */
static void secure(void)
{
	const char *uid = getenv("SUDO_UID");

	if (!geteuid() && uid && strcmp(uid, "0"))
		setenv("LESSSECURE", "1", 1);
}

static void become_pager(const char *pager)
{
	setenv("LESS", "FRX", 0);
	setenv("LESSCHARSET", "utf-8", 0); /* whatever the locale: traces are shown in UTF-8 */
	setenv("LV", "-c", 0);
	secure();
	if (strpbrk(pager, "|&;<>()$`\\\"' \t\n*?[#~=%"))
		execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
	else
		execlp(pager, pager, (char *)NULL);
	if (strcmp(pager, DEFAULT_PAGER))
		fprintf(stderr, "procrec: the pager '%s' cannot be started: %m\n", pager);
	copy_through();
}

static void child(const char *pager, const int pipe_fds[2])
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	signal(SIGPIPE, SIG_DFL);
	if (dup2(pipe_fds[0], STDIN_FILENO) < 0)
		_exit(127);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (p.revents & POLLIN)
		become_pager(pager);
	_exit(0); /* nothing was written */
}

/* ---- the parent ---------------------------------------------------------------------------------------------------- */

static const char *wanted(void)
{
	const char *pager = getenv("PROCREC_PAGER");

	pager = pager ? pager : getenv("PAGER");
	pager = pager ? pager : DEFAULT_PAGER;
	return *pager && strcmp(pager, "cat") ? pager : NULL;
}

void pr_pager_prepare(struct pr_pager *p)
{
	const char *pager = wanted();
	int fds[2];

	*p = (struct pr_pager){.fd = -1, .saved = {-1, -1}};
	if (!pager || pipe2(fds, O_CLOEXEC))
		return;
	fflush(NULL);
	p->pid = fork();
	if (!p->pid)
		child(pager, fds);
	close(fds[0]);
	if (p->pid > 0) {
		p->fd = fds[1];
		return;
	}
	close(fds[1]);
	p->pid = 0;
}

void pr_pager_use(struct pr_pager *p)
{
	if (p->pid <= 0 || p->used)
		return;
	fflush(stdout);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		int *saved = &p->saved[fd - STDOUT_FILENO];

		*saved = isatty(fd) ? fcntl(fd, F_DUPFD_CLOEXEC, 10) : -1;
		if (*saved >= 0)
			dup2(p->fd, fd);
	}
	close(p->fd); /* what ends the pager's input is the end of stdout and stderr */
	p->fd = -1;
	waited_for = p->pid;
	handle_signals(on_fatal);
	p->used = true;
}

bool pr_pager_finish(struct pr_pager *p)
{
	int status = 0;

	if (p->pid <= 0)
		return true;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		int *saved = &p->saved[fd - STDOUT_FILENO];

		if (*saved >= 0) {
			dup2(*saved, fd); /* closes this end of the pipe */
			close(*saved);
			*saved = -1;
		}
	}
	if (p->fd >= 0)
		close(p->fd);
	wait_for(p->pid, &status);
	if (p->used)
		handle_signals(SIG_DFL);
	p->pid = 0;
	return !(p->used && WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127));
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Runs in the holder: only async-signal-safe calls. */
static _Noreturn void hold(char *const argv[], const sigset_t *mask, int go_fd, int error_fd)
{
	char go;
	ssize_t n;
	int err;

	do
		n = read(go_fd, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0); /* the recorder is gone or gave up */
	signal(SIGPIPE, SIG_DFL); /* procrec ignores it; CMD must not inherit that */
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	n = write(error_fd, &err, sizeof(err));
	_exit(n > 0 && err == ENOENT ? PR_CHILD_NOT_FOUND : PR_CHILD_NOT_RUN);
}

int pr_child_hold(struct pr_child *c, char *const argv[], const sigset_t *mask, struct pr_errinfo *ei)
{
	int go[2], error[2];

	*c = (struct pr_child){.go_fd = -1, .error_fd = -1};
	if (pipe2(go, O_CLOEXEC))
		return pr_fail_errno(ei, "cannot make a pipe");
	if (pipe2(error, O_CLOEXEC | O_NONBLOCK)) {
		close(go[0]);
		close(go[1]);
		return pr_fail_errno(ei, "cannot make a pipe");
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		close(error[0]);
		hold(argv, mask, go[0], error[1]);
	}
	close(go[0]);
	close(error[1]);
	c->go_fd = go[1];
	c->error_fd = error[0];
	if (c->pid > 0)
		return PR_OK;
	c->pid = 0;
	pr_child_dismiss(c);
	return pr_fail_errno(ei, "cannot fork");
}

int pr_child_release(struct pr_child *c, struct pr_errinfo *ei)
{
	ssize_t n = write(c->go_fd, "g", 1);

	if (n != 1)
		return pr_fail_errno(ei, "the process that was to become the command is gone");
	close_fd(&c->go_fd);
	return PR_OK;
}

bool pr_child_poll(struct pr_child *c)
{
	int status, err;

	if (!c->pid || c->done)
		return c->done;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	c->done = true;
	c->wait_status = status;
	if (c->error_fd >= 0 && read(c->error_fd, &err, sizeof(err)) == sizeof(err))
		c->exec_errno = err;
	return true;
}

void pr_child_dismiss(struct pr_child *c)
{
	bool held = c->pid && c->go_fd >= 0 && !c->done;

	close_fd(&c->go_fd); /* the holder reads the end of the pipe, and ends */
	close_fd(&c->error_fd);
	if (held && waitpid(c->pid, &c->wait_status, 0) == c->pid)
		c->done = true;
}

int pr_child_exit_status(const struct pr_child *c)
{
	if (c->exec_errno)
		return c->exec_errno == ENOENT ? PR_CHILD_NOT_FOUND : PR_CHILD_NOT_RUN;
	if (WIFSIGNALED(c->wait_status))
		return 128 + WTERMSIG(c->wait_status);
	return WEXITSTATUS(c->wait_status);
}

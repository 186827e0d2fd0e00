/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/following.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"

#define TOLD_MS 2000 /* between two looks where the system tells of changes: of those that it does not tell of */
#define UNTOLD_MS 250 /* where it does not */

/* A handler can reach nothing else. */
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* No SA_RESTART: a write that waits for its reader goes on all the same, and then a second signal ends it. */
static void handle(int sig)
{
	struct sigaction old, act = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(sig, &act, NULL);
}

int pr_following_begin(struct pr_following *f, const char *mode, const char *path, struct pr_errinfo *ei)
{
	*f = (struct pr_following){.path = path, .until_stdin = !strcmp(mode, "stdin")};
	if (*mode && !f->until_stdin)
		return pr_fail(ei, PR_EUSAGE, "replay: --follow: '%s' is not a way to follow; there is --follow and --follow=stdin", mode);
	handle(SIGINT);
	handle(SIGTERM);
	return PR_OK;
}

void pr_following_stop(struct pr_following *f)
{
	if (f)
		f->stopped = true;
}

bool pr_following_stopped(struct pr_following *f)
{
	if (f && interrupted)
		f->stopped = true;
	return f && f->stopped;
}

/* People wait for what can't come; but a recorder may go on with it (record --resume, a directory). */
static void tell_writer(struct pr_following *f, enum pr_file_writer w)
{
	if (w == PR_WRITER_NONE && !f->orphaned)
		pr_note("%s: no recorder is writing it any more, and it was not closed; waiting for one to go on with it (Ctrl-C ends this)",
			f->path);
	else if (w != PR_WRITER_NONE && f->orphaned)
		pr_note("%s: a recorder goes on with it", f->path);
	f->orphaned = w == PR_WRITER_NONE;
}

/* A signal between the last look at the flag and the wait must not be slept through. */
static int wait_unless_interrupted(struct pollfd *p, nfds_t n, int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	sigset_t mask, old;
	int got = -1;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &old);
	if (!interrupted)
		got = ppoll(p, n, &t, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return got;
}

static bool has_ended(int fd)
{
	char c[256];
	ssize_t n = read(fd, c, sizeof(c));

	return !n || (n < 0 && errno != EINTR && errno != EAGAIN);
}

int pr_following_wait(void *following, const struct pr_trace_wait *w, struct pr_errinfo *ei)
{
	struct pr_following *f = following;
	struct pollfd p[] = {
		{.fd = w->fd, .events = POLLIN},
		{.fd = f->out ? f->out->fd : -1}, /* only whether its reader is gone */
		{.fd = f->until_stdin ? STDIN_FILENO : -1, .events = POLLIN},
	};

	(void)ei;
	if (f->out && !pr_out_flush(f->out))
		f->stopped = true; /* pr_out_close says why */
	if (!f->until_stdin)
		tell_writer(f, w->writer);
	if (pr_following_stopped(f))
		return PR_END;
	if (wait_unless_interrupted(p, sizeof(p) / sizeof(p[0]), w->fd < 0 ? UNTOLD_MS : TOLD_MS) > 0) {
		if (p[1].revents)
			f->stopped = true;
		if (p[2].revents && has_ended(STDIN_FILENO))
			return PR_END;
	}
	return pr_following_stopped(f) ? PR_END : PR_OK;
}

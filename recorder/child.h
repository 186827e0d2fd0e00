/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h: CMD: forked early and held back, so that it keeps every right that the recorder later drops, and let go
 * once the recording runs.
 */
#ifndef PROCREC_RECORDER_CHILD_H
#define PROCREC_RECORDER_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define PR_CHILD_NOT_FOUND 127 /* as shells have it */
#define PR_CHILD_NOT_RUN 126

struct pr_child {
	pid_t pid; /* 0: none */
	int go_fd, error_fd; /* -1: closed */
	bool done;
	int wait_status; /* once done */
	int exec_errno; /* once done: why CMD could not be run; 0: it ran */
};

/* Forks the holder of CMD (argv, NULL-terminated). It will run with the signal mask *mask. */
int pr_child_hold(struct pr_child *c, char *const argv[], const sigset_t *mask, struct pr_errinfo *ei);

/* Lets CMD run. */
int pr_child_release(struct pr_child *c, struct pr_errinfo *ei);

/* Looks whether it has ended, without waiting. */
bool pr_child_poll(struct pr_child *c);

/* Ends a holder that was never released, and closes what is open. Never touches a CMD that runs. */
void pr_child_dismiss(struct pr_child *c);

/* What a shell would make of it: the exit code, 128 + signal, 127 not found, 126 not runnable. */
int pr_child_exit_status(const struct pr_child *c);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager.h: long answers on a terminal go through the user's pager, as with git.
 *
 * A command knows only when it has parsed its options whether it wants the pager, and by then it is in the sandbox, which lets
 * nobody start programs. So a child is made beforehand that waits for bytes on a pipe: with the first byte it becomes the pager;
 * where none comes, it ends. The parent only has to point its output at the pipe.
 */
#ifndef PROCREC_BASE_PAGER_H
#define PROCREC_BASE_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

struct pr_pager {
	pid_t pid; /* of the child; 0: there is none */
	int fd; /* the pipe to it */
	int saved[2]; /* stdout and stderr as they were; -1: not redirected */
	bool used;
};

/*
 * Makes the child, for $PROCREC_PAGER, $PAGER or less. Where that is empty or "cat", or it can't be made, there is none, and
 * the other calls do nothing. To be called before pr_sandbox_enter, where stdout is a terminal.
 */
void pr_pager_prepare(struct pr_pager *p);

/*
 * From here on stdout, and stderr where that is a terminal, go to the pager. When the user quits it, the process ends by SIGPIPE at its
 * next write; an interrupt ends the output and leaves the pager to the user. p must stay where it is until pr_pager_finish.
 */
void pr_pager_use(struct pr_pager *p);

/* Ends the output and waits until the user has quit the pager. False: it could not be started, so that nothing was shown. */
bool pr_pager_finish(struct pr_pager *p);

#endif

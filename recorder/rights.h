/* SPDX-License-Identifier: BSD-2-Clause */
/* rights.h: giving up what is not needed any more. Capabilities belong to a thread: each one calls this for itself. */
#ifndef PROCREC_RECORDER_RIGHTS_H
#define PROCREC_RECORDER_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define PR_RIGHTS_KEEP_KILL 0x1u /* to pass signals on to a CMD that changed its user */
#define PR_RIGHTS_KEEP_READ 0x4u /* to read a trace whoever it was given to */
#define PR_RIGHTS_KEEP_BPF 0x2u /* kernels before 5.19 ask for it at each read of a counter */

/* No program that this thread (or one that it starts) execs can gain rights. Cannot be undone. */
int pr_rights_no_new_privs(struct pr_errinfo *ei);

/* Drops every capability but those of `keep`, from the effective, permitted and inheritable set. Cannot be undone. */
int pr_rights_drop(unsigned keep, struct pr_errinfo *ei);

/* The same for the effective set alone: a try, which pr_rights_restore() takes back. */
int pr_rights_suspend(unsigned keep, struct pr_errinfo *ei);
int pr_rights_restore(struct pr_errinfo *ei);

struct pr_rights_user {
	uid_t uid;
	gid_t gid;
};

/*
 * Who may make files in the folder of `path` without capabilities: the one that is wanted where he may, else the folder's
 * owner.
 */
void pr_rights_choose_user(struct pr_rights_user *out, const char *path, bool wanted, uid_t uid, gid_t gid);

/* From now on the file system takes this thread for that user (setfsuid). Before the rights are dropped. */
void pr_rights_file_user(const struct pr_rights_user *user);

#endif

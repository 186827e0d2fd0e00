/* SPDX-License-Identifier: BSD-2-Clause */
/* no_rights.h: recorder/rights.h for tests that write as whom they are. Included once in a program. */
#ifndef PROCREC_TESTS_NO_RIGHTS_H
#define PROCREC_TESTS_NO_RIGHTS_H

#include <unistd.h>

#include "recorder/rights.h"

/* Who may write is not what is tested here, and a build without BPF has no libcap. */
int pr_rights_drop(unsigned keep, struct pr_errinfo *ei)
{
	(void)keep;
	(void)ei;
	return PR_OK;
}

void pr_rights_choose_user(struct pr_rights_user *out, const char *path, bool wanted, uid_t uid, gid_t gid)
{
	(void)path;
	(void)wanted;
	(void)uid;
	(void)gid;
	*out = (struct pr_rights_user){getuid(), getgid()};
}

void pr_rights_file_user(const struct pr_rights_user *user)
{
	(void)user;
}

#endif

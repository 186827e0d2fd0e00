/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/rights.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CAP_BPF
#define CAP_BPF 39
#endif

int pr_rights_no_new_privs(struct pr_errinfo *ei)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? pr_fail_errno(ei, "cannot set no_new_privs") : PR_OK;
}

/* In the sets of `flags`, keeps what is there already and named by `keep`. */
static int reduce(unsigned keep, bool for_good, struct pr_errinfo *ei)
{
	static const struct {
		unsigned bit;
		cap_value_t cap[2]; /* kernels before 5.8 know the second one instead */
		int n;
	} kept[] = {
		{PR_RIGHTS_KEEP_KILL, {CAP_KILL}, 1},
		{PR_RIGHTS_KEEP_READ, {CAP_DAC_READ_SEARCH}, 1},
		{PR_RIGHTS_KEEP_BPF, {CAP_BPF, CAP_SYS_ADMIN}, 2},
	};
	cap_t now = cap_get_proc(), next = cap_init();
	cap_flag_value_t has;
	int err = PR_OK;

	if (!now || !next)
		err = pr_fail_errno(ei, "cannot read the capabilities");
	for (size_t i = 0; !err && i < sizeof(kept) / sizeof(kept[0]); i++) {
		for (int k = 0; (keep & kept[i].bit) && k < kept[i].n; k++) {
			if (cap_get_flag(now, kept[i].cap[k], CAP_PERMITTED, &has) || has != CAP_SET)
				continue;
			cap_set_flag(next, CAP_PERMITTED, 1, &kept[i].cap[k], CAP_SET);
			cap_set_flag(next, CAP_EFFECTIVE, 1, &kept[i].cap[k], CAP_SET);
			break;
		}
	}
	if (!err && !for_good) {
		/* Only the effective set shrinks: the permitted one stays as it is. */
		for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++)
			if (!cap_get_flag(now, c, CAP_PERMITTED, &has))
				cap_set_flag(next, CAP_PERMITTED, 1, &c, has);
	}
	if (!err && cap_set_proc(next))
		err = pr_fail_errno(ei, "cannot drop capabilities");
	cap_free(now);
	cap_free(next);
	return err;
}

int pr_rights_drop(unsigned keep, struct pr_errinfo *ei)
{
	return reduce(keep, true, ei);
}

int pr_rights_suspend(unsigned keep, struct pr_errinfo *ei)
{
	return reduce(keep, false, ei);
}

int pr_rights_restore(struct pr_errinfo *ei)
{
	cap_t now = cap_get_proc();
	int err = PR_OK;

	if (!now || cap_fill(now, CAP_EFFECTIVE, CAP_PERMITTED) || cap_set_proc(now))
		err = pr_fail_errno(ei, "cannot take the capabilities back");
	cap_free(now);
	return err;
}

static bool may_write(const struct stat *st, uid_t uid, gid_t gid)
{
	mode_t need = S_IWOTH | S_IXOTH;

	if (st->st_uid == uid)
		need <<= 6;
	else if (st->st_gid == gid)
		need <<= 3;
	return (st->st_mode & need) == need;
}

void pr_rights_choose_user(struct pr_rights_user *out, const char *path, bool wanted, uid_t uid, gid_t gid)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char dir[4096];

	*out = (struct pr_rights_user){geteuid(), getegid()};
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	if (stat(dir, &st))
		return;
	if (wanted && may_write(&st, uid, gid))
		*out = (struct pr_rights_user){uid, gid};
	else if (!may_write(&st, out->uid, out->gid))
		*out = (struct pr_rights_user){st.st_uid, st.st_gid};
}

void pr_rights_file_user(const struct pr_rights_user *user)
{
	/* They return the old id and no error; what was not granted shows when a file is made. */
	setfsgid(user->gid);
	setfsuid(user->uid);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/users.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

void pr_users_init(struct pr_users *u)
{
	u->seen = PR_MAP_INIT;
}

void pr_users_release(struct pr_users *u)
{
	pr_map_release(&u->seen);
}

bool pr_users_first(struct pr_users *u, uint32_t uid)
{
	bool is_new;

	if (pr_map_get(&u->seen, uid, 0))
		return false;
	return pr_map_put(&u->seen, uid, 0, &is_new) && is_new;
}

bool pr_users_name(uint32_t uid, char out[PR_USER_NAME_MAX])
{
	struct passwd pw, *found = NULL;
	char buf[8192];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) || !found || !*found->pw_name)
		return false;
	snprintf(out, PR_USER_NAME_MAX, "%s", found->pw_name);
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* users.h: the login names of the uids that a recording meets, each looked up once. */
#ifndef PROCREC_RECORDER_USERS_H
#define PROCREC_RECORDER_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

#define PR_USER_NAME_MAX 256

struct pr_users {
	struct pr_map seen;
};

void pr_users_init(struct pr_users *u);
void pr_users_release(struct pr_users *u);

/* True the first time that it is asked about this uid. */
bool pr_users_first(struct pr_users *u, uint32_t uid);

/* The name from the machine's user database (which may ask the network); false: it has none. */
bool pr_users_name(uint32_t uid, char out[PR_USER_NAME_MAX]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h: the names that a trace brings along: its host's, and those of user ids. Never those of the replaying machine.
 *
 * A name is shared and counted: what was rendered under an old name keeps it when a later frame brings a new one.
 */
#ifndef PROCREC_REPLAY_NAMES_H
#define PROCREC_REPLAY_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"

struct pr_name {
	uint32_t refs;
	uint32_t len;
	uint8_t bytes[]; /* as they came: any bytes */
};

/* NULL is allowed in both. */
struct pr_name *pr_name_ref(struct pr_name *n);
void pr_name_unref(struct pr_name *n);

#define PR_NAMES_BYTES_MAX (64u << 20) /* of all names together: more is PR_ELIMIT */

struct pr_names {
	struct pr_map users; /* uid -> struct pr_name *, owned */
	struct pr_name *host; /* owned; NULL: not known */
	uint64_t bytes;
};

void pr_names_init(struct pr_names *n);
void pr_names_release(struct pr_names *n);

/* A later name replaces an earlier one. PR_ENOMEM, PR_ELIMIT. */
int pr_names_set_user(struct pr_names *n, uint32_t uid, const void *p, size_t len, struct pr_errinfo *ei);
int pr_names_set_host(struct pr_names *n, const void *p, size_t len, struct pr_errinfo *ei);

/* Borrowed until the next set; NULL: unknown. */
struct pr_name *pr_names_user(const struct pr_names *n, uint32_t uid);

#endif

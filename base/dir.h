/* SPDX-License-Identifier: BSD-2-Clause */
/* dir.h: the names in a directory, in an order that does not depend on the file system. */
#ifndef PROCREC_BASE_DIR_H
#define PROCREC_BASE_DIR_H

#include <stddef.h>

#include "base/err.h"

struct pr_dir_names {
	char **v; /* owned, and so is each */
	size_t n;
};

/* The names that end in `suffix`, sorted by their bytes. PR_EIO, PR_ENOMEM. */
int pr_dir_list(const char *path, const char *suffix, struct pr_dir_names *out, struct pr_errinfo *ei);
void pr_dir_release(struct pr_dir_names *n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/pieces.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

#define PIECES_MAX 1000

int pr_pieces_create(const char *path, bool first, bool force, char **io_name, int *out_fd, struct pr_errinfo *ei)
{
	int err = PR_EBUSY;

	for (int i = first ? 0 : 1; err == PR_EBUSY && i <= PIECES_MAX; i++) {
		free(*io_name);
		if ((i ? asprintf(io_name, "%s.%d", path, i) : asprintf(io_name, "%s", path)) < 0) {
			*io_name = NULL;
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		}
		err = pr_file_create(*io_name, force && first, out_fd, ei);
		if (first)
			break;
	}
	return err;
}

int pr_pieces_commit(int fd, const char *name, struct pr_errinfo *ei)
{
	if (pr_file_commit(fd) || pr_file_commit_name(name))
		return pr_fail_errno(ei, "%s: cannot commit it to the disk", name);
	return PR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* pieces.h: the files of a recording into one file: PATH, and where that can't be gone on with, PATH.1, PATH.2 and so on. */
#ifndef PROCREC_RECORDER_PIECES_H
#define PROCREC_RECORDER_PIECES_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Creates the next file: `path` itself when `first`, replaced if it exists and `force` is set; else the first of PATH.1 and so on that is
 * free. *io_name is freed and set to its name (owned by the caller; NULL on PR_ENOMEM), *out_fd is the caller's. PR_EBUSY: it exists, or
 * there are a thousand of them.
 */
int pr_pieces_create(const char *path, bool first, bool force, char **io_name, int *out_fd, struct pr_errinfo *ei);

/* From now on the file is there after a power cut, with what was written into it. */
int pr_pieces_commit(int fd, const char *name, struct pr_errinfo *ei);

#endif

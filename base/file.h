/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h: creating the files that procrec writes. */
#ifndef PROCREC_BASE_FILE_H
#define PROCREC_BASE_FILE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Creates `path` for writing (and reading), mode 0600, never through a symbolic link and never over an existing file: PR_EBUSY
 * with a sentence that names --force. With `force` an existing regular file is unlinked first, so that readers of
 * the old one keep it whole. *out_fd is the caller's.
 */
int pr_file_create(const char *path, bool force, int *out_fd, struct pr_errinfo *ei);

/* Opens for reading: "-" is standard input (a duplicate of it). *out_fd is the caller's. */
int pr_file_open_input(const char *path, int *out_fd, struct pr_errinfo *ei);

#endif

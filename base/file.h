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

/*
 * fdatasync(): what was written is on the disk. 0, or -1 with errno: that of fdatasync, or EROFS where the filesystem was made read-only
 * under an open file, as ext4 is after an error: fdatasync then says 0 and writes nothing. What has no disk (a pipe) is done at once.
 */
int pr_file_commit(int fd);

/* The same for the name of the new file `path` in its folder. A folder that may not be opened for reading is left to the kernel. */
int pr_file_commit_name(const char *path);

/*
 * Says that this process writes the file: others see it (pr_file_writer), and nobody else can claim it, until fd and its duplicates are closed,
 * by the end of the process at the latest. fd is open for writing. False with errno EAGAIN: somebody else has claimed it; or with another one:
 * there is no telling on that file system.
 */
bool pr_file_claim(int fd);

enum pr_file_writer { PR_WRITER_NONE, PR_WRITER_THERE, PR_WRITER_UNKNOWN };

/* Whether somebody on this machine has claimed the file. fd is open for reading; nothing is claimed, or kept from being claimed. */
enum pr_file_writer pr_file_writer(int fd);

/*
 * Lets this process open as many files as the system allows it (the hard limit): a directory's segments and their indexes are open all at once.
 * Where that cannot be, opening one too many says so. Processes that it starts inherit this.
 */
void pr_file_allow_many(void);

/* Opens for reading: "-" is standard input (a duplicate of it). *out_fd is the caller's. */
int pr_file_open_input(const char *path, int *out_fd, struct pr_errinfo *ei);

#endif

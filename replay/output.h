/* SPDX-License-Identifier: BSD-2-Clause */
/* output.h: the files that offline commands write. What a command reads is evidence: nothing it writes may take its place. */
#ifndef PROCREC_REPLAY_OUTPUT_H
#define PROCREC_REPLAY_OUTPUT_H

#include "base/err.h"

#include <stdbool.h>

/*
 * pr_file_create of what `command` makes from `input`: a file, a directory of segments, or "-" for standard input. PR_EUSAGE, whatever `force` says and
 * with nothing touched, where `path` is the input itself, under any name, or would be taken for a segment of that directory.
 * *out_fd is the caller's.
 */
int pr_output_create(const char *command, const char *input, const char *path, bool force, int *out_fd, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* output.h: the files that offline commands write. What a command reads is evidence: nothing it writes may take its place. */
#ifndef PROCREC_REPLAY_OUTPUT_H
#define PROCREC_REPLAY_OUTPUT_H

#include "base/err.h"

#include <stdbool.h>
#include <string.h>

struct pr_output {
	int fd; /* to be written; -1: there is none */
	const char *path; /* borrowed */
	char *temp; /* owned: its name until it takes the place of another file; NULL: it has its own */
};

#define PR_OUTPUT_NONE {.fd = -1}

/* Of the value of -o; NULL: it was not given. */
static inline bool pr_output_is_stdout(const char *path)
{
	return !path || !strcmp(path, "-");
}

/*
 * Creates what `command` makes from `input`: a file, a directory of segments, or "-" for standard input. As pr_file_create, but a file that is
 * there and may be replaced (`force`) stays as it is until pr_output_end. PR_EUSAGE, whatever `force` says and with nothing touched,
 * where `path` is the input itself, under any name, or would be taken for a segment of that directory; and where it is "-": who can write
 * to standard output asks pr_output_is_stdout first. path: borrowed until the end.
 */
int pr_output_create(struct pr_output *o, const char *command, const char *input, const char *path, bool force, struct pr_errinfo *ei);

/*
 * Closes it. keep: it takes its name; else it goes, and what had that name before is still there, as it is on failure. Of PR_OUTPUT_NONE: PR_OK,
 * and nothing happens.
 */
int pr_output_end(struct pr_output *o, bool keep, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "schema/recording.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Of a directory that is read: whether a file at `path` would be one of its segments. */
static int is_segment_of(const struct stat *input, const char *path, bool *out, struct pr_errinfo *ei)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	struct stat st;

	if (!dir)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	*out = pr_recording_is_name(name) && !stat(dir, &st) && is_same(&st, input);
	free(dir);
	return PR_OK;
}

int pr_output_create(const char *command, const char *input, const char *path, bool force, int *out_fd, struct pr_errinfo *ei)
{
	struct stat in, old;
	bool clash = false;

	if (!(strcmp(input, "-") ? stat(input, &in) : fstat(STDIN_FILENO, &in))) {
		int err = is_segment_of(&in, path, &clash, ei);

		if (err)
			return err;
		if (clash)
			return pr_fail(ei, PR_EUSAGE, "%s: %s would be taken for a segment of %s: give it another name", command, path, input);
		if (!stat(path, &old) && is_same(&in, &old))
			return pr_fail(ei, PR_EUSAGE, "%s: %s is the input itself: what is written needs another name", command, path);
	}
	return pr_file_create(path, force, out_fd, ei);
}

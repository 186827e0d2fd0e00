/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

static int check_input(const char *command, const char *input, const char *path, struct pr_errinfo *ei)
{
	struct stat in, old;
	bool clash = false;
	int err;

	if (strcmp(input, "-") ? stat(input, &in) : fstat(STDIN_FILENO, &in))
		return PR_OK;
	err = is_segment_of(&in, path, &clash, ei);
	if (err)
		return err;
	if (clash)
		return pr_fail(ei, PR_EUSAGE, "%s: %s would be taken for a segment of %s: give it another name", command, path, input);
	if (!stat(path, &old) && is_same(&in, &old))
		return pr_fail(ei, PR_EUSAGE, "%s: %s is the input itself: what is written needs another name", command, path);
	return PR_OK;
}

/* Under another name in the same folder: only there a rename is one step. */
static int create_beside(struct pr_output *o, struct pr_errinfo *ei)
{
	if (asprintf(&o->temp, "%s.XXXXXX", o->path) < 0) {
		o->temp = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	o->fd = mkostemp(o->temp, O_CLOEXEC);
	if (o->fd >= 0)
		return PR_OK;
	free(o->temp);
	o->temp = NULL;
	return pr_fail_errno(ei, "%s: cannot create a file beside it, to replace it with", o->path);
}

int pr_output_create(struct pr_output *o, const char *command, const char *input, const char *path, bool force, struct pr_errinfo *ei)
{
	int err = check_input(command, input, path, ei);
	struct stat old;

	*o = (struct pr_output){.fd = -1, .path = path};
	if (err)
		return err;
	if (pr_output_is_stdout(path))
		return pr_fail(ei, PR_EUSAGE, "%s: standard output is not a place for this; give a file, or ./- for one of that name", command);
	if (force && !lstat(path, &old) && S_ISREG(old.st_mode))
		return create_beside(o, ei);
	return pr_file_create(path, force, &o->fd, ei);
}

int pr_output_end(struct pr_output *o, bool keep, struct pr_errinfo *ei)
{
	const char *name = o->temp ? o->temp : o->path;
	int err = PR_OK;

	if (o->fd < 0)
		return PR_OK;
	if (close(o->fd) && keep)
		err = pr_fail_errno(ei, "%s: cannot be written", o->path);
	if (keep && !err && o->temp && rename(o->temp, o->path))
		err = pr_fail_errno(ei, "%s: cannot replace it", o->path);
	if (!keep || err)
		unlink(name);
	free(o->temp);
	*o = (struct pr_output)PR_OUTPUT_NONE;
	return err;
}

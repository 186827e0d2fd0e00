/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h: a trace that is still being written: where it goes on when its end was reached. Used by trace.c only.
 *
 * It never waits: it looks, and gives a descriptor on which a caller can wait for the next look.
 */
#ifndef PROCREC_SCHEMA_FOLLOW_H
#define PROCREC_SCHEMA_FOLLOW_H

#include "base/err.h"
#include "schema/recording.h"
#include "schema/segment.h"

struct pr_follow;

/* path: a segment or a directory. PR_ENOMEM. */
int pr_follow_new(struct pr_follow **out, const char *path, bool is_dir, struct pr_errinfo *ei);
void pr_follow_free(struct pr_follow *f); /* NULL is allowed */

/* The trace was opened; its last file has this series number. */
void pr_follow_begin(struct pr_follow *f, const struct pr_seg_reader *r, uint64_t last_series);

enum pr_follow_step {
	PR_FOLLOW_MORE, /* there is more to read */
	PR_FOLLOW_WAIT, /* nothing yet */
	PR_FOLLOW_CLOSED, /* it is closed and nobody goes on with it */
	PR_FOLLOW_OTHER /* what goes on in its directory is another trace: of a later boot */
};

/*
 * At the end of what was written: takes in what came since. With `last`, what is there now is the end. PR_EDATA: the file was cut; PR_EIO.
 */
int pr_follow_look(struct pr_follow *f, struct pr_seg_reader *r, bool last, enum pr_follow_step *out, struct pr_errinfo *ei);

/* Somebody has claimed it for writing; PR_WRITER_UNKNOWN where there is no telling. Before there is a reader too (r NULL). */
enum pr_file_writer pr_follow_writer(struct pr_follow *f, const struct pr_seg_reader *r);

/* Readable when something may have changed since the last look; -1: look again every now and then. On some file systems it says nothing. */
int pr_follow_fd(const struct pr_follow *f);

#endif

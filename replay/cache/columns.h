/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * columns.h: the columns of an event, or of an entry of the cache: the one table that --where, --trigger and the events of SQL stand on.
 *
 * type ('execve', 'clone', 'exit', 'entry'), seq, time (as in JSON), ktime, event_ktime, pid, exec_id, uid, user, name (the last part of
 * binary), binary, arguments, argv (a JSON array), cwd, cap_permitted, cap_effective, cap_inheritable, ppid, pktime, ref, miss, snapshot,
 * exit_code, exit_signal, exit_core, status, parent_binary, parent_arguments, parent_uid, parent_user. What does not apply is null.
 */
#ifndef PROCREC_REPLAY_CACHE_COLUMNS_H
#define PROCREC_REPLAY_CACHE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "replay/cache/view.h"

#define PR_COLUMNS_MAX 64 /* a bit for each */

/* What a column needs of the view. */
enum pr_column_of {
	PR_COLUMN_EVENT, /* the frame alone */
	PR_COLUMN_TRACE, /* the frame's place in a trace that is whole: not while recording */
	PR_COLUMN_PROCESS, /* entry */
	PR_COLUMN_LINK, /* entry, of that not the image */
	PR_COLUMN_HOST, /* the same, and the host in it */
	PR_COLUMN_PARENT, /* parent */
	PR_COLUMN_CACHE /* what only an agent's cache knows of entry */
};

struct pr_value {
	enum { PR_VALUE_NULL, PR_VALUE_INT, PR_VALUE_BYTES } type;
	int64_t i;
	struct pr_slice s; /* any bytes; valid until the next value */
};

/* Appends the wall-clock time of a ktime, as JSON shows it. False: it is not known. */
typedef bool pr_column_time_fn(const void *ctx, struct pr_buf *b, uint64_t ktime);

/* What values are made with. */
struct pr_columns {
	pr_column_time_fn *time; /* NULL: there are no columns of PR_COLUMN_TRACE */
	const void *ctx;
	struct pr_buf scratch;
};

size_t pr_columns_count(void);
const char *pr_column_name(size_t i);
enum pr_column_of pr_column_of(size_t i);

/* v->applied NULL: an entry. PR_ENOMEM. */
int pr_column_get(struct pr_columns *c, size_t i, const struct pr_event_view *v, struct pr_value *out);

/* Appends the exact arguments as a JSON array; argv[0] is null where the recording does not tell it. */
void pr_argv_json(struct pr_buf *b, const struct pr_image *im);

#endif

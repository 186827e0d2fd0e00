/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * where.h: --where EXPR and --trigger EXPR: an SQL expression that is asked of one event, or one entry of the cache, at a time.
 *
 * Columns: type ('execve', 'clone', 'exit', 'entry'), seq, time (as in JSON), ktime, event_ktime, pid, exec_id, uid, user, name (the
 * last part of binary), binary, arguments, cwd, ppid, pktime, ref, miss, snapshot, exit_code, exit_signal, exit_core, status,
 * parent_binary, parent_arguments, parent_uid, parent_user. What does not apply is NULL. Bytes that are not valid UTF-8 are a BLOB.
 */
#ifndef PROCREC_REPLAY_CACHE_WHERE_H
#define PROCREC_REPLAY_CACHE_WHERE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/buf.h"
#include "replay/cache/view.h"

struct pr_where;

/* Appends the wall-clock time of a ktime, as JSON shows it. False: it is not known. */
typedef bool pr_where_time_fn(const void *ctx, struct pr_buf *b, uint64_t ktime);

/*
 * PR_EUSAGE with SQLite's complaint when it is no expression. It can neither write nor read anything but the columns. option: that it was
 * given with, for messages; borrowed. time NULL: the columns seq and time do not exist, as while recording.
 */
int pr_where_new(struct pr_where **out, const char *option, const char *expr, pr_where_time_fn *time, const void *ctx, struct pr_errinfo *ei);
void pr_where_free(struct pr_where *w); /* NULL is allowed */

/* v->applied NULL: an entry. PR_EUSAGE when the expression fails on these values. */
int pr_where_test(struct pr_where *w, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * where.h: --where EXPR and --trigger EXPR: an SQL expression that is asked of one event, or one entry of the cache, at a time.
 *
 * Columns: those of columns.h. Bytes that are not valid UTF-8 are a BLOB.
 */
#ifndef PROCREC_REPLAY_CACHE_WHERE_H
#define PROCREC_REPLAY_CACHE_WHERE_H

#include <stdbool.h>

#include "base/err.h"
#include "replay/cache/columns.h"

struct pr_where;

/*
 * PR_EUSAGE with SQLite's complaint when it is no expression. It can neither write nor read anything but the columns. option: that it was
 * given with, for messages; borrowed. time NULL: the columns seq and time do not exist, as while recording.
 */
int pr_where_new(struct pr_where **out, const char *option, const char *expr, pr_column_time_fn *time, const void *ctx, struct pr_errinfo *ei);
void pr_where_free(struct pr_where *w); /* NULL is allowed */

/* v->applied NULL: an entry. PR_EUSAGE when the expression fails on these values. */
int pr_where_test(struct pr_where *w, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei);

#endif

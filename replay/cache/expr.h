/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expr.h: an SQL expression that is asked of one row at a time. What the columns are, and of what a row is made, its users tell: events and
 * entries of the cache (where.h), processes of a lineage (query/proc_where.h).
 */
#ifndef PROCREC_REPLAY_CACHE_EXPR_H
#define PROCREC_REPLAY_CACHE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "replay/decode/decode.h"

#define PR_EXPR_COLUMNS_MAX 64

struct pr_expr;

/*
 * Binds the column of `row` as value number i, by one of the functions below, whose result it returns; or nothing, and returns 0: NULL. A
 * negative result is a failure of its own (enum pr_err), which pr_expr_test returns.
 */
typedef int pr_expr_bind_fn(struct pr_expr *x, int i, void *row);

struct pr_expr_column {
	const char *name;
	pr_expr_bind_fn *bind; /* called where the expression mentions the name */
};

int pr_expr_u64(struct pr_expr *x, int i, uint64_t v);
int pr_expr_i64(struct pr_expr *x, int i, int64_t v);
int pr_expr_word(struct pr_expr *x, int i, const char *s); /* static */
/* Bytes that are not valid UTF-8 are a BLOB. Copied. */
int pr_expr_slice(struct pr_expr *x, int i, struct pr_slice s);
int pr_expr_file_name(struct pr_expr *x, int i, struct pr_slice path); /* the last part of a path */
/* A buffer, emptied; and what was put into it, as a value. */
struct pr_buf *pr_expr_scratch(struct pr_expr *x);
int pr_expr_from_scratch(struct pr_expr *x, int i);

/*
 * PR_EUSAGE with SQLite's complaint when it is no expression. It can neither write nor read anything but the columns. option: that it was
 * given with, for messages; it and the columns (at most PR_EXPR_COLUMNS_MAX) are borrowed.
 */
int pr_expr_new(struct pr_expr **out, const char *option, const char *expr, const struct pr_expr_column *columns, size_t n, struct pr_errinfo *ei);
void pr_expr_free(struct pr_expr *x); /* NULL is allowed */

/* Whether it is true. PR_EUSAGE when the expression fails on these values. */
int pr_expr_test(struct pr_expr *x, void *row, bool *out, struct pr_errinfo *ei);

#endif

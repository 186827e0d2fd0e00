/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inner.h: a trace that answers SQL, as procrec-sql(1) has it, for the extension.
 *
 * The extension talks to the SQLite that loaded it through a table of pointers; the index is read by the SQLite that procrec is linked with.
 * They may be two, so nothing of either passes this line: queries go in as text, values come out as what they are.
 */
#ifndef PROCREC_EXT_INNER_H
#define PROCREC_EXT_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Name of the i-th view that there is; NULL behind the last. */
const char *pr_inner_view(size_t i);
/* Its columns, in their order. Non-zero of fn ends the walk with that code. */
int pr_inner_columns(const char *view, int (*fn)(void *ctx, const char *name), void *ctx, struct pr_errinfo *ei);

struct pr_inner; /* an open trace */

int pr_inner_open(struct pr_inner **out, const char *path, struct pr_errinfo *ei);
void pr_inner_close(struct pr_inner *in); /* NULL is allowed; no query of it may be left */
/* False: the file at its path is not the one that was opened, as it was then; or it is a folder, of which that cannot be told. */
bool pr_inner_is_current(const struct pr_inner *in);
const char *pr_inner_path(const struct pr_inner *in);

struct pr_query;

/* Prepares. PR_EUSAGE. */
int pr_query_new(struct pr_query **out, struct pr_inner *in, const char *sql, struct pr_errinfo *ei);
void pr_query_free(struct pr_query *q); /* NULL is allowed */
/* Back to the start, with other values; the limit of steps starts anew. */
void pr_query_reset(struct pr_query *q);
void pr_query_bind_int(struct pr_query *q, int i, int64_t v); /* i from 1 */
int pr_query_bind_text(struct pr_query *q, int i, const void *p, size_t n); /* copied; PR_ENOMEM */
/* 0: there is a row; PR_END. */
int pr_query_next(struct pr_query *q, struct pr_errinfo *ei);

struct pr_cell {
	enum { PR_CELL_NULL, PR_CELL_INT, PR_CELL_REAL, PR_CELL_TEXT, PR_CELL_BLOB } type;
	int64_t i;
	double r;
	const void *p; /* valid until the next row */
	size_t n;
};
/* i from 0. */
struct pr_cell pr_query_cell(struct pr_query *q, int i);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/expr.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define STEPS_UNIT 10000 /* virtual machine instructions between two looks at the limit */
#define STEPS_MAX 10000 /* units for one row: a second or so */
#define LENGTH_MAX (64 << 20) /* of any string that the expression makes */

struct pr_expr {
	sqlite3 *db;
	sqlite3_stmt *st;
	const char *option; /* borrowed */
	const struct pr_expr_column *columns; /* borrowed */
	size_t n_columns;
	uint64_t wanted; /* bit i: the expression mentions column i */
	unsigned steps;
	struct pr_buf scratch;
};

int pr_expr_u64(struct pr_expr *x, int i, uint64_t v)
{
	return sqlite3_bind_int64(x->st, i, (int64_t)v);
}

int pr_expr_i64(struct pr_expr *x, int i, int64_t v)
{
	return sqlite3_bind_int64(x->st, i, v);
}

int pr_expr_word(struct pr_expr *x, int i, const char *s)
{
	return sqlite3_bind_text(x->st, i, s, -1, SQLITE_STATIC);
}

int pr_expr_slice(struct pr_expr *x, int i, struct pr_slice s)
{
	if (pr_utf8_valid(s.p, s.n))
		return sqlite3_bind_text64(x->st, i, s.n ? (const char *)s.p : "", s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	return sqlite3_bind_blob64(x->st, i, s.p, s.n, SQLITE_TRANSIENT);
}

struct pr_buf *pr_expr_scratch(struct pr_expr *x)
{
	pr_buf_clear(&x->scratch);
	return &x->scratch;
}

int pr_expr_from_scratch(struct pr_expr *x, int i)
{
	if (pr_buf_failed(&x->scratch))
		return SQLITE_NOMEM;
	return pr_expr_slice(x, i, (struct pr_slice){x->scratch.data, x->scratch.len});
}

int pr_expr_file_name(struct pr_expr *x, int i, struct pr_slice path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return pr_expr_slice(x, i, slash ? (struct pr_slice){slash + 1, path.n - (size_t)(slash + 1 - path.p)} : path);
}

/* An expression over the columns, with functions: nothing else. */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *db, const char *trigger)
{
	(void)ctx;
	(void)a;
	(void)db;
	(void)trigger;
	if (action == SQLITE_FUNCTION)
		return !strcmp(b, "load_extension") || !strcmp(b, "random") || !strcmp(b, "randomblob") ? SQLITE_DENY : SQLITE_OK;
	return action == SQLITE_SELECT || action == SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

static int on_steps(void *ctx)
{
	struct pr_expr *x = ctx;

	return ++x->steps > STEPS_MAX;
}

/* SELECT (EXPR) FROM (SELECT ?1 AS type, ?2 AS pid, ...): the columns are parameters. */
static int prepare(struct pr_expr *x, const char *expr, struct pr_errinfo *ei)
{
	struct pr_buf sql = PR_BUF_INIT;
	const char *tail = NULL;
	int rc = SQLITE_NOMEM;

	pr_buf_str(&sql, "SELECT (");
	pr_buf_str(&sql, expr);
	pr_buf_str(&sql, "\n) FROM (SELECT "); /* a line of its own: the expression may end in a comment */
	for (size_t i = 0; i < x->n_columns; i++) {
		pr_buf_printf(&sql, "%s?%zu AS %s", i ? "," : "", i + 1, x->columns[i].name);
		if (strcasestr(expr, x->columns[i].name))
			x->wanted |= (uint64_t)1 << i;
	}
	pr_buf_append(&sql, ")", 2); /* with its NUL */
	if (!pr_buf_failed(&sql))
		rc = sqlite3_prepare_v2(x->db, (char *)sql.data, -1, &x->st, &tail);
	if (rc == SQLITE_OK && (!x->st || *tail || sqlite3_column_count(x->st) != 1))
		rc = pr_fail(ei, PR_EUSAGE, "%s: '%s' is not one expression", x->option, expr);
	else if (rc != SQLITE_OK)
		rc = pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EUSAGE, "%s: '%s': %s", x->option, expr, sqlite3_errmsg(x->db));
	pr_buf_release(&sql);
	return rc;
}

int pr_expr_new(struct pr_expr **out, const char *option, const char *expr, const struct pr_expr_column *columns, size_t n, struct pr_errinfo *ei)
{
	struct pr_expr *x = calloc(1, sizeof(*x));
	int err;

	if (!x)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	*x = (struct pr_expr){.option = option, .columns = columns, .n_columns = n};
	if (n > PR_EXPR_COLUMNS_MAX || sqlite3_open_v2(":memory:", &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		pr_expr_free(x);
		return pr_fail(ei, PR_ENOMEM, "%s: out of memory", option);
	}
	sqlite3_limit(x->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_set_authorizer(x->db, authorize, NULL);
	sqlite3_progress_handler(x->db, STEPS_UNIT, on_steps, x);
	err = prepare(x, expr, ei);
	if (err) {
		pr_expr_free(x);
		return err;
	}
	*out = x;
	return PR_OK;
}

void pr_expr_free(struct pr_expr *x)
{
	if (!x)
		return;
	sqlite3_finalize(x->st);
	sqlite3_close(x->db);
	pr_buf_release(&x->scratch);
	free(x);
}

int pr_expr_test(struct pr_expr *x, void *row, bool *out, struct pr_errinfo *ei)
{
	int rc = SQLITE_OK;

	x->steps = 0;
	sqlite3_clear_bindings(x->st);
	for (size_t i = 0; i < x->n_columns && rc == SQLITE_OK; i++)
		if (x->wanted >> i & 1)
			rc = x->columns[i].bind(x, (int)i + 1, row);
	if (rc < 0)
		return rc;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(x->st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_double(x->st, 0) != 0;
	else
		pr_fail(ei, PR_EUSAGE, "%s: %s", x->option, sqlite3_errmsg(x->db));
	sqlite3_reset(x->st);
	return rc == SQLITE_ROW ? PR_OK : PR_EUSAGE;
}

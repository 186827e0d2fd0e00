/* SPDX-License-Identifier: BSD-2-Clause */
#include "ext/inner.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replay/query/functions.h"

#define MAX_STEPS 20000000 /* thousands, of one scan: as `procrec sql` */

struct pr_inner {
	struct pr_lineage lineage;
	struct pr_sql sql;
	struct stat st;
	bool has_st;
	char path[];
};

struct pr_query {
	struct pr_inner *in;
	sqlite3_stmt *st;
};

const char *pr_inner_view(size_t i)
{
	return pr_sql_view(i);
}

int pr_inner_columns(const char *view, int (*fn)(void *ctx, const char *name), void *ctx, struct pr_errinfo *ei)
{
	return pr_sql_columns(view, fn, ctx, ei);
}

int pr_inner_open(struct pr_inner **out, const char *path, struct pr_errinfo *ei)
{
	struct pr_inner *in = calloc(1, sizeof(*in) + strlen(path) + 1);
	int err;

	if (!in)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	strcpy(in->path, path);
	in->has_st = !stat(path, &in->st) && S_ISREG(in->st.st_mode);
	err = pr_lineage_open(&in->lineage, path, &(struct pr_lineage_options){0}, ei);
	if (err) {
		free(in);
		return err;
	}
	err = pr_sql_init(&in->sql, &in->lineage, MAX_STEPS, ei);
	if (err) {
		pr_inner_close(in);
		return err;
	}
	*out = in;
	return PR_OK;
}

void pr_inner_close(struct pr_inner *in)
{
	if (!in)
		return;
	pr_sql_release(&in->sql);
	pr_lineage_close(&in->lineage);
	free(in);
}

bool pr_inner_is_current(const struct pr_inner *in)
{
	struct stat st;

	return in->has_st && !stat(in->path, &st) && st.st_dev == in->st.st_dev && st.st_ino == in->st.st_ino && st.st_size == in->st.st_size &&
	       st.st_mtim.tv_sec == in->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == in->st.st_mtim.tv_nsec;
}

const char *pr_inner_path(const struct pr_inner *in)
{
	return in->path;
}

static int fail(struct pr_inner *in, int rc, struct pr_errinfo *ei)
{
	bool corrupt = (rc & 0xff) == SQLITE_CORRUPT;

	if (in->sql.stopped)
		return pr_fail(ei, PR_ELIMIT, "stopped after %d million steps in one scan", MAX_STEPS / 1000);
	return pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : corrupt ? PR_EDATA : PR_EUSAGE, "%s%s", sqlite3_errmsg(pr_index_db(in->lineage.index)),
		corrupt && !in->lineage.is_private ? "; 'procrec reindex' makes an index of what can be read" : "");
}

int pr_query_new(struct pr_query **out, struct pr_inner *in, const char *sql, struct pr_errinfo *ei)
{
	struct pr_query *q = calloc(1, sizeof(*q));
	int rc;

	if (!q)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	q->in = in;
	rc = sqlite3_prepare_v2(pr_index_db(in->lineage.index), sql, -1, &q->st, NULL);
	if (rc) {
		free(q);
		return fail(in, rc, ei);
	}
	*out = q;
	return PR_OK;
}

void pr_query_free(struct pr_query *q)
{
	if (!q)
		return;
	sqlite3_finalize(q->st);
	free(q);
}

void pr_query_reset(struct pr_query *q)
{
	sqlite3_reset(q->st);
	sqlite3_clear_bindings(q->st);
	q->in->sql.steps = 0;
	q->in->sql.stopped = false;
}

void pr_query_bind_int(struct pr_query *q, int i, int64_t v)
{
	sqlite3_bind_int64(q->st, i, v);
}

int pr_query_bind_text(struct pr_query *q, int i, const void *p, size_t n)
{
	return sqlite3_bind_text64(q->st, i, p, n, SQLITE_TRANSIENT, SQLITE_UTF8) ? PR_ENOMEM : PR_OK;
}

int pr_query_next(struct pr_query *q, struct pr_errinfo *ei)
{
	int rc = sqlite3_step(q->st);

	return rc == SQLITE_ROW ? PR_OK : rc == SQLITE_DONE ? PR_END : fail(q->in, rc, ei);
}

struct pr_cell pr_query_cell(struct pr_query *q, int i)
{
	struct pr_cell c = {.type = PR_CELL_NULL};

	switch (sqlite3_column_type(q->st, i)) {
	case SQLITE_INTEGER:
		c.type = PR_CELL_INT;
		c.i = sqlite3_column_int64(q->st, i);
		break;
	case SQLITE_FLOAT:
		c.type = PR_CELL_REAL;
		c.r = sqlite3_column_double(q->st, i);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB:
		c.type = sqlite3_column_type(q->st, i) == SQLITE_TEXT ? PR_CELL_TEXT : PR_CELL_BLOB;
		c.p = sqlite3_column_blob(q->st, i);
		c.n = (size_t)sqlite3_column_bytes(q->st, i);
		break;
	default:
		break;
	}
	return c;
}

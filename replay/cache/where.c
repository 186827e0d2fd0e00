/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/where.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "replay/decode/text.h"

#define STEPS_UNIT 10000 /* virtual machine instructions between two looks at the limit */
#define STEPS_MAX 10000 /* units for one event: a second or so */
#define LENGTH_MAX (64 << 20) /* of any string that the expression makes */

struct pr_where {
	sqlite3 *db;
	sqlite3_stmt *st;
	const char *option; /* borrowed */
	pr_where_time_fn *time; /* NULL: the trace is still made */
	const void *ctx;
	uint64_t wanted; /* bit i: the expression mentions column i */
	unsigned steps;
	struct pr_buf scratch;
};

/* What a column is made of. */
struct row {
	const struct pr_event_view *v;
	const struct pr_event *ev; /* NULL: an entry of the cache */
	const struct pr_entry *e; /* NULL: a miss */
	struct pr_id id;
};

typedef int bind_fn(struct pr_where *w, int i, const struct row *r);

static int bind_u64(struct pr_where *w, int i, uint64_t v)
{
	return sqlite3_bind_int64(w->st, i, (int64_t)v);
}

/* The bytes must live until the statement was run; what is in the scratch buffer is copied. */
static int bind_slice(struct pr_where *w, int i, struct pr_slice s)
{
	if (pr_utf8_valid(s.p, s.n))
		return sqlite3_bind_text64(w->st, i, s.n ? (const char *)s.p : "", s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	return sqlite3_bind_blob64(w->st, i, s.p, s.n, SQLITE_TRANSIENT);
}

static int bind_scratch(struct pr_where *w, int i)
{
	if (pr_buf_failed(&w->scratch))
		return SQLITE_NOMEM;
	return bind_slice(w, i, (struct pr_slice){w->scratch.data, w->scratch.len});
}

static int bind_type(struct pr_where *w, int i, const struct row *r)
{
	const char *s = r->ev ? pr_op_name(r->ev->op) : "entry";

	return sqlite3_bind_text(w->st, i, s, -1, SQLITE_STATIC);
}

static int bind_seq(struct pr_where *w, int i, const struct row *r)
{
	return r->ev ? bind_u64(w, i, r->v->applied->seq) : SQLITE_OK;
}

static int bind_time(struct pr_where *w, int i, const struct row *r)
{
	pr_buf_clear(&w->scratch);
	if (!r->ev || !w->time(w->ctx, &w->scratch, r->ev->ktime))
		return SQLITE_OK;
	return bind_scratch(w, i);
}

static int bind_ktime(struct pr_where *w, int i, const struct row *r)
{
	return bind_u64(w, i, r->id.ktime);
}

static int bind_event_ktime(struct pr_where *w, int i, const struct row *r)
{
	return r->ev ? bind_u64(w, i, r->ev->ktime) : SQLITE_OK;
}

static int bind_pid(struct pr_where *w, int i, const struct row *r)
{
	return bind_u64(w, i, r->id.pid);
}

static int bind_exec_id(struct pr_where *w, int i, const struct row *r)
{
	if (!r->e)
		return SQLITE_OK;
	pr_buf_clear(&w->scratch);
	pr_text_exec_id(&w->scratch, r->e->host ? (struct pr_slice){r->e->host->bytes, r->e->host->len} : (struct pr_slice){NULL, 0}, r->id);
	return bind_scratch(w, i);
}

static int bind_uid(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_u64(w, i, r->e->image->uid) : SQLITE_OK;
}

static int bind_user(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_slice(w, i, pr_image_user(r->e->image)) : SQLITE_OK;
}

static int bind_name(struct pr_where *w, int i, const struct row *r)
{
	struct pr_slice s;
	const uint8_t *slash;

	if (!r->e)
		return SQLITE_OK;
	s = pr_image_binary(r->e->image, &w->scratch);
	slash = s.n ? memrchr(s.p, '/', s.n) : NULL;
	return bind_slice(w, i, slash ? (struct pr_slice){slash + 1, s.n - (size_t)(slash + 1 - s.p)} : s);
}

static int bind_binary(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_slice(w, i, pr_image_binary(r->e->image, &w->scratch)) : SQLITE_OK;
}

static int bind_arguments(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_slice(w, i, pr_image_arguments(r->e->image, &w->scratch)) : SQLITE_OK;
}

static int bind_cwd(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_slice(w, i, pr_image_cwd(r->e->image)) : SQLITE_OK;
}

static int bind_ppid(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_u64(w, i, r->e->parent.pid) : SQLITE_OK;
}

static int bind_pktime(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? bind_u64(w, i, r->e->parent.ktime) : SQLITE_OK;
}

static int bind_ref(struct pr_where *w, int i, const struct row *r)
{
	return r->e ? sqlite3_bind_int64(w->st, i, r->e->ref) : SQLITE_OK;
}

static int bind_miss(struct pr_where *w, int i, const struct row *r)
{
	return sqlite3_bind_int(w->st, i, !r->e);
}

static int bind_snapshot(struct pr_where *w, int i, const struct row *r)
{
	return r->ev ? sqlite3_bind_int(w->st, i, r->ev->op == PR_OP_EXECVE && (r->ev->execve.flags & PR_EXEC_PROCFS)) : SQLITE_OK;
}

static bool is_exit(const struct row *r)
{
	return r->ev && r->ev->op == PR_OP_EXIT;
}

static int bind_exit_code(struct pr_where *w, int i, const struct row *r)
{
	return is_exit(r) ? bind_u64(w, i, pr_status_code(r->ev->exit.status)) : SQLITE_OK;
}

static int bind_exit_signal(struct pr_where *w, int i, const struct row *r)
{
	return is_exit(r) ? bind_u64(w, i, pr_status_signal(r->ev->exit.status)) : SQLITE_OK;
}

static int bind_exit_core(struct pr_where *w, int i, const struct row *r)
{
	return is_exit(r) ? bind_u64(w, i, pr_status_core(r->ev->exit.status)) : SQLITE_OK;
}

static int bind_status(struct pr_where *w, int i, const struct row *r)
{
	return is_exit(r) ? bind_u64(w, i, r->ev->exit.status) : SQLITE_OK;
}

static int bind_parent_binary(struct pr_where *w, int i, const struct row *r)
{
	return r->v->parent ? bind_slice(w, i, pr_image_binary(r->v->parent->image, &w->scratch)) : SQLITE_OK;
}

static int bind_parent_arguments(struct pr_where *w, int i, const struct row *r)
{
	return r->v->parent ? bind_slice(w, i, pr_image_arguments(r->v->parent->image, &w->scratch)) : SQLITE_OK;
}

static int bind_parent_uid(struct pr_where *w, int i, const struct row *r)
{
	return r->v->parent ? bind_u64(w, i, r->v->parent->image->uid) : SQLITE_OK;
}

static int bind_parent_user(struct pr_where *w, int i, const struct row *r)
{
	return r->v->parent ? bind_slice(w, i, pr_image_user(r->v->parent->image)) : SQLITE_OK;
}

static const struct {
	const char *name;
	bind_fn *bind;
	bool of_trace; /* of one that is whole */
} columns[] = {
	{"type", bind_type, false},
	{"seq", bind_seq, true},
	{"time", bind_time, true},
	{"ktime", bind_ktime, false},
	{"event_ktime", bind_event_ktime, false},
	{"pid", bind_pid, false},
	{"exec_id", bind_exec_id, false},
	{"uid", bind_uid, false},
	{"user", bind_user, false},
	{"name", bind_name, false},
	{"binary", bind_binary, false},
	{"arguments", bind_arguments, false},
	{"cwd", bind_cwd, false},
	{"ppid", bind_ppid, false},
	{"pktime", bind_pktime, false},
	{"ref", bind_ref, false},
	{"miss", bind_miss, false},
	{"snapshot", bind_snapshot, false},
	{"exit_code", bind_exit_code, false},
	{"exit_signal", bind_exit_signal, false},
	{"exit_core", bind_exit_core, false},
	{"status", bind_status, false},
	{"parent_binary", bind_parent_binary, false},
	{"parent_arguments", bind_parent_arguments, false},
	{"parent_uid", bind_parent_uid, false},
	{"parent_user", bind_parent_user, false},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))
_Static_assert(N_COLUMNS <= 64, "a bit for each column");

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
	struct pr_where *w = ctx;

	return ++w->steps > STEPS_MAX;
}

/* SELECT (EXPR) FROM (SELECT ?1 AS type, ?2 AS seq, ...): the columns are parameters. */
static int prepare(struct pr_where *w, const char *expr, struct pr_errinfo *ei)
{
	struct pr_buf sql = PR_BUF_INIT;
	const char *tail = NULL, *sep = "";
	int rc = SQLITE_NOMEM;

	pr_buf_str(&sql, "SELECT (");
	pr_buf_str(&sql, expr);
	pr_buf_str(&sql, "\n) FROM (SELECT "); /* a line of its own: the expression may end in a comment */
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (columns[i].of_trace && !w->time)
			continue;
		pr_buf_printf(&sql, "%s?%zu AS %s", sep, i + 1, columns[i].name);
		sep = ",";
		if (strcasestr(expr, columns[i].name))
			w->wanted |= (uint64_t)1 << i;
	}
	pr_buf_append(&sql, ")", 2); /* with its NUL */
	if (!pr_buf_failed(&sql))
		rc = sqlite3_prepare_v2(w->db, (char *)sql.data, -1, &w->st, &tail);
	if (rc == SQLITE_OK && (!w->st || *tail || sqlite3_column_count(w->st) != 1))
		rc = pr_fail(ei, PR_EUSAGE, "%s: '%s' is not one expression", w->option, expr);
	else if (rc != SQLITE_OK)
		rc = pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EUSAGE, "%s: '%s': %s", w->option, expr, sqlite3_errmsg(w->db));
	pr_buf_release(&sql);
	return rc;
}

int pr_where_new(struct pr_where **out, const char *option, const char *expr, pr_where_time_fn *time, const void *ctx, struct pr_errinfo *ei)
{
	struct pr_where *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->option = option;
	w->time = time;
	w->ctx = ctx;
	if (sqlite3_open_v2(":memory:", &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		pr_where_free(w);
		return pr_fail(ei, PR_ENOMEM, "%s: out of memory", option);
	}
	sqlite3_limit(w->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_set_authorizer(w->db, authorize, NULL);
	sqlite3_progress_handler(w->db, STEPS_UNIT, on_steps, w);
	err = prepare(w, expr, ei);
	if (err) {
		pr_where_free(w);
		return err;
	}
	*out = w;
	return PR_OK;
}

void pr_where_free(struct pr_where *w)
{
	if (!w)
		return;
	sqlite3_finalize(w->st);
	sqlite3_close(w->db);
	pr_buf_release(&w->scratch);
	free(w);
}

int pr_where_test(struct pr_where *w, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei)
{
	struct row r = {v, v->applied ? v->applied->event : NULL, v->entry, v->applied ? v->applied->id : v->entry->id};
	int rc = SQLITE_OK;

	w->steps = 0;
	sqlite3_clear_bindings(w->st);
	for (size_t i = 0; i < N_COLUMNS && rc == SQLITE_OK; i++)
		if (w->wanted >> i & 1)
			rc = columns[i].bind(w, (int)i + 1, &r);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(w->st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_double(w->st, 0) != 0;
	else
		pr_fail(ei, PR_EUSAGE, "%s: %s", w->option, sqlite3_errmsg(w->db));
	sqlite3_reset(w->st);
	return rc == SQLITE_ROW ? PR_OK : PR_EUSAGE;
}

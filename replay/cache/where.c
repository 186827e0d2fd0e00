/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/where.h"

#include <stdlib.h>
#include <string.h>

#include "replay/cache/expr.h"
#include "replay/decode/text.h"

struct pr_where {
	struct pr_expr *expr; /* owned */
	pr_where_time_fn *time; /* NULL: the trace is still made */
	const void *ctx;
};

/* What a column is made of. */
struct row {
	const struct pr_where *w;
	const struct pr_event_view *v;
	const struct pr_event *ev; /* NULL: an entry of the cache */
	const struct pr_entry *e; /* NULL: a miss */
	struct pr_id id;
};

static int bind_type(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;
	const char *s = r->ev ? pr_op_name(r->ev->op) : "entry";

	return pr_expr_word(x, i, s);
}

static int bind_seq(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->ev ? pr_expr_u64(x, i, r->v->applied->seq) : PR_OK;
}

static int bind_time(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	if (!r->ev || !r->w->time(r->w->ctx, pr_expr_scratch(x), r->ev->ktime))
		return PR_OK;
	return pr_expr_from_scratch(x, i);
}

static int bind_ktime(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return pr_expr_u64(x, i, r->id.ktime);
}

static int bind_event_ktime(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->ev ? pr_expr_u64(x, i, r->ev->ktime) : PR_OK;
}

static int bind_pid(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return pr_expr_u64(x, i, r->id.pid);
}

static int bind_exec_id(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	if (!r->e)
		return PR_OK;
	pr_text_exec_id(pr_expr_scratch(x), r->e->host ? (struct pr_slice){r->e->host->bytes, r->e->host->len} : (struct pr_slice){NULL, 0}, r->id);
	return pr_expr_from_scratch(x, i);
}

static int bind_uid(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_u64(x, i, r->e->image->uid) : PR_OK;
}

static int bind_user(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_slice(x, i, pr_image_user(r->e->image)) : PR_OK;
}

static int bind_name(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_file_name(x, i, pr_image_binary(r->e->image, pr_expr_scratch(x))) : PR_OK;
}

static int bind_binary(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_slice(x, i, pr_image_binary(r->e->image, pr_expr_scratch(x))) : PR_OK;
}

static int bind_arguments(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_slice(x, i, pr_image_arguments(r->e->image, pr_expr_scratch(x))) : PR_OK;
}

static int bind_cwd(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_slice(x, i, pr_image_cwd(r->e->image)) : PR_OK;
}

static int bind_ppid(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_u64(x, i, r->e->parent.pid) : PR_OK;
}

static int bind_pktime(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_u64(x, i, r->e->parent.ktime) : PR_OK;
}

static int bind_ref(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->e ? pr_expr_i64(x, i, r->e->ref) : PR_OK;
}

static int bind_miss(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return pr_expr_u64(x, i, !r->e);
}

static int bind_snapshot(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->ev ? pr_expr_u64(x, i, r->ev->op == PR_OP_EXECVE && (r->ev->execve.flags & PR_EXEC_PROCFS)) : PR_OK;
}

static bool is_exit(const struct row *r)
{
	return r->ev && r->ev->op == PR_OP_EXIT;
}

static int bind_exit_code(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return is_exit(r) ? pr_expr_u64(x, i, pr_status_code(r->ev->exit.status)) : PR_OK;
}

static int bind_exit_signal(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return is_exit(r) ? pr_expr_u64(x, i, pr_status_signal(r->ev->exit.status)) : PR_OK;
}

static int bind_exit_core(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return is_exit(r) ? pr_expr_u64(x, i, pr_status_core(r->ev->exit.status)) : PR_OK;
}

static int bind_status(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return is_exit(r) ? pr_expr_u64(x, i, r->ev->exit.status) : PR_OK;
}

static int bind_parent_binary(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->v->parent ? pr_expr_slice(x, i, pr_image_binary(r->v->parent->image, pr_expr_scratch(x))) : PR_OK;
}

static int bind_parent_arguments(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->v->parent ? pr_expr_slice(x, i, pr_image_arguments(r->v->parent->image, pr_expr_scratch(x))) : PR_OK;
}

static int bind_parent_uid(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->v->parent ? pr_expr_u64(x, i, r->v->parent->image->uid) : PR_OK;
}

static int bind_parent_user(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->v->parent ? pr_expr_slice(x, i, pr_image_user(r->v->parent->image)) : PR_OK;
}

static const struct pr_expr_column columns[] = {
	{"seq", bind_seq},
	{"time", bind_time},
	{"type", bind_type},
	{"ktime", bind_ktime},
	{"event_ktime", bind_event_ktime},
	{"pid", bind_pid},
	{"exec_id", bind_exec_id},
	{"uid", bind_uid},
	{"user", bind_user},
	{"name", bind_name},
	{"binary", bind_binary},
	{"arguments", bind_arguments},
	{"cwd", bind_cwd},
	{"ppid", bind_ppid},
	{"pktime", bind_pktime},
	{"ref", bind_ref},
	{"miss", bind_miss},
	{"snapshot", bind_snapshot},
	{"exit_code", bind_exit_code},
	{"exit_signal", bind_exit_signal},
	{"exit_core", bind_exit_core},
	{"status", bind_status},
	{"parent_binary", bind_parent_binary},
	{"parent_arguments", bind_parent_arguments},
	{"parent_uid", bind_parent_uid},
	{"parent_user", bind_parent_user},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))
_Static_assert(N_COLUMNS <= PR_EXPR_COLUMNS_MAX, "PR_EXPR_COLUMNS_MAX");
#define N_OF_TRACE 2 /* the first ones: of a trace that is whole */

int pr_where_new(struct pr_where **out, const char *option, const char *expr, pr_where_time_fn *time, const void *ctx, struct pr_errinfo *ei)
{
	struct pr_where *w = calloc(1, sizeof(*w));
	size_t left_out = time ? 0 : N_OF_TRACE;
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->time = time;
	w->ctx = ctx;
	err = pr_expr_new(&w->expr, option, expr, columns + left_out, N_COLUMNS - left_out, ei);
	if (err)
		free(w);
	else
		*out = w;
	return err;
}

void pr_where_free(struct pr_where *w)
{
	if (!w)
		return;
	pr_expr_free(w->expr);
	free(w);
}

int pr_where_test(struct pr_where *w, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei)
{
	struct row r = {w, v, v->applied ? v->applied->event : NULL, v->entry, v->applied ? v->applied->id : v->entry->id};

	return pr_expr_test(w->expr, &r, out, ei);
}

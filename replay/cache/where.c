/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/where.h"

#include <stdlib.h>

#include "replay/cache/expr.h"

struct pr_where {
	struct pr_expr *expr; /* owned */
	struct pr_columns columns;
	struct pr_expr_column of_expr[PR_EXPR_COLUMNS_MAX]; /* those of columns.h that there are, */
	uint8_t map[PR_EXPR_COLUMNS_MAX]; /* and which they are */
	size_t n;
};
_Static_assert(PR_COLUMNS_MAX <= PR_EXPR_COLUMNS_MAX, "PR_COLUMNS_MAX");

struct row {
	struct pr_where *w;
	const struct pr_event_view *v;
};

static int bind(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;
	struct pr_value value;
	int err = pr_column_get(&r->w->columns, r->w->map[i - 1], r->v, &value);

	if (err || value.type == PR_VALUE_NULL)
		return err;
	return value.type == PR_VALUE_INT ? pr_expr_i64(x, i, value.i) : pr_expr_slice(x, i, value.s);
}

int pr_where_new(struct pr_where **out, const char *option, const char *expr, pr_column_time_fn *time, const void *ctx, struct pr_errinfo *ei)
{
	struct pr_where *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->columns = (struct pr_columns){.time = time, .ctx = ctx, .scratch = PR_BUF_INIT};
	for (size_t i = 0; i < pr_columns_count(); i++) {
		if (pr_column_of(i) == PR_COLUMN_TRACE && !time)
			continue;
		w->map[w->n] = (uint8_t)i;
		w->of_expr[w->n++] = (struct pr_expr_column){pr_column_name(i), bind};
	}
	err = pr_expr_new(&w->expr, option, expr, w->of_expr, w->n, ei);
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
	pr_buf_release(&w->columns.scratch);
	free(w);
}

int pr_where_test(struct pr_where *w, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei)
{
	struct row r = {w, v};
	int err = pr_expr_test(w->expr, &r, out, ei);

	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory") : err;
}

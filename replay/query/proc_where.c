/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/proc_where.h"

#include <stdlib.h>

#include "replay/cache/columns.h"
#include "replay/cache/expr.h"
#include "replay/decode/text.h"

struct pr_proc_where {
	struct pr_expr *expr; /* owned */
	struct pr_lineage *lineage; /* borrowed */
};

/* What a process was: looked up when a column first asks for it. */
struct person {
	struct pr_link link; /* where looked_up and there is one */
	struct pr_image *image; /* counted; NULL: not known */
	bool looked_up, has_image;
};

struct row {
	struct pr_lineage *l;
	const struct pr_link *link;
	uint64_t at;
	struct person self, parent;
	struct pr_errinfo *ei;
};

static int load(struct row *r, struct person *p)
{
	int err = PR_OK;

	if (!p->has_image && p->link.known)
		err = pr_details_image(&r->l->details, &p->link.proc, &p->image, r->ei);
	p->has_image = true;
	return err == PR_ENOENT ? PR_OK : err;
}

/* *out NULL: not known. */
static int self_image(struct row *r, const struct pr_image **out)
{
	int err;

	if (!r->self.looked_up)
		r->self.link = *r->link;
	r->self.looked_up = true;
	err = load(r, &r->self);
	*out = r->self.image;
	return err;
}

static int parent_image(struct row *r, const struct pr_image **out)
{
	int err = PR_OK;

	if (!r->parent.looked_up && r->link->has_parent)
		err = pr_lineage_up(r->l, r->link, r->at, &r->parent.link, r->ei);
	r->parent.looked_up = true;
	if (!err)
		err = load(r, &r->parent);
	*out = r->parent.image;
	return err;
}

/* ---- what the frames say ------------------------------------------------------------------------------------------ */

typedef int image_fn(struct row *r, const struct pr_image **out);

static int bind_uid_of(struct pr_expr *x, int i, struct row *r, image_fn *whose)
{
	const struct pr_image *im;
	int err = whose(r, &im);

	return err || !im ? err : pr_expr_u64(x, i, im->uid);
}

static int bind_user_of(struct pr_expr *x, int i, struct row *r, image_fn *whose)
{
	const struct pr_image *im;
	int err = whose(r, &im);

	return err || !im ? err : pr_expr_slice(x, i, pr_image_user(im));
}

static int bind_binary_of(struct pr_expr *x, int i, struct row *r, image_fn *whose)
{
	const struct pr_image *im;
	int err = whose(r, &im);

	return err || !im || !im->filename_len ? err : pr_expr_slice(x, i, pr_image_binary(im, pr_expr_scratch(x)));
}

static int bind_arguments_of(struct pr_expr *x, int i, struct row *r, image_fn *whose)
{
	const struct pr_image *im;
	int err = whose(r, &im);

	return err || !im || im->enomem ? err : pr_expr_slice(x, i, pr_image_arguments(im, pr_expr_scratch(x)));
}

static int bind_uid(struct pr_expr *x, int i, void *row)
{
	return bind_uid_of(x, i, row, self_image);
}

static int bind_user(struct pr_expr *x, int i, void *row)
{
	return bind_user_of(x, i, row, self_image);
}

static int bind_binary(struct pr_expr *x, int i, void *row)
{
	return bind_binary_of(x, i, row, self_image);
}

static int bind_arguments(struct pr_expr *x, int i, void *row)
{
	return bind_arguments_of(x, i, row, self_image);
}

static int bind_parent_uid(struct pr_expr *x, int i, void *row)
{
	return bind_uid_of(x, i, row, parent_image);
}

static int bind_parent_user(struct pr_expr *x, int i, void *row)
{
	return bind_user_of(x, i, row, parent_image);
}

static int bind_parent_binary(struct pr_expr *x, int i, void *row)
{
	return bind_binary_of(x, i, row, parent_image);
}

static int bind_parent_arguments(struct pr_expr *x, int i, void *row)
{
	return bind_arguments_of(x, i, row, parent_image);
}

static int bind_name(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	return err || !im || !im->filename_len ? err : pr_expr_file_name(x, i, pr_image_binary(im, pr_expr_scratch(x)));
}

static int bind_cwd(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	return err || !im || im->enomem ? err : pr_expr_slice(x, i, pr_image_cwd(im));
}

static int bind_argv(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	if (err || !im || im->enomem)
		return err;
	pr_argv_json(pr_expr_scratch(x), im);
	return pr_expr_from_scratch(x, i);
}

static int bind_caps(struct pr_expr *x, int i, uint64_t bits)
{
	pr_text_caps(pr_expr_scratch(x), bits);
	return pr_expr_from_scratch(x, i);
}

static int bind_cap_permitted(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	return err || !im ? err : bind_caps(x, i, im->permitted);
}

static int bind_cap_effective(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	return err || !im ? err : bind_caps(x, i, im->effective);
}

static int bind_cap_inheritable(struct pr_expr *x, int i, void *row)
{
	const struct pr_image *im;
	int err = self_image(row, &im);

	return err || !im ? err : bind_caps(x, i, im->inheritable);
}

/* ---- what the index says ------------------------------------------------------------------------------------------ */

static const struct pr_proc *proc_of(const void *row)
{
	return &((const struct row *)row)->link->proc;
}

static bool is_known(const void *row)
{
	return ((const struct row *)row)->link->known;
}

static int bind_null(struct pr_expr *x, int i, void *row)
{
	(void)x, (void)i, (void)row;
	return PR_OK;
}

static int bind_type(struct pr_expr *x, int i, void *row)
{
	(void)row;
	return pr_expr_word(x, i, "process");
}

static int bind_seq(struct pr_expr *x, int i, void *row)
{
	const struct pr_proc *p = proc_of(row);

	return is_known(row) && p->has_seq && p->start ? pr_expr_u64(x, i, p->seq) : PR_OK;
}

static int bind_clone_seq(struct pr_expr *x, int i, void *row)
{
	const struct pr_proc *p = proc_of(row);

	return is_known(row) && p->has_clone_seq ? pr_expr_u64(x, i, p->clone_seq) : PR_OK;
}

static int bind_end_seq(struct pr_expr *x, int i, void *row)
{
	const struct pr_proc *p = proc_of(row);

	return is_known(row) && p->end && p->has_end_seq ? pr_expr_u64(x, i, p->end_seq) : PR_OK;
}

static int bind_pid(struct pr_expr *x, int i, void *row)
{
	return pr_expr_u64(x, i, proc_of(row)->key.pid);
}

static int bind_ktime(struct pr_expr *x, int i, void *row)
{
	return pr_expr_u64(x, i, proc_of(row)->key.ktime);
}

static int bind_exec_id(struct pr_expr *x, int i, void *row)
{
	struct row *r = row;
	struct pr_proc_key k = r->link->proc.key;
	struct pr_buf host = PR_BUF_INIT;
	int err = pr_details_host(&r->l->details, &r->link->proc, &host, r->ei);

	if (!err)
		pr_text_exec_id(pr_expr_scratch(x), (struct pr_slice){host.data, host.len}, (struct pr_id){k.pid, k.ktime});
	pr_buf_release(&host);
	return err ? err : pr_expr_from_scratch(x, i);
}

static int bind_ppid(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->link->has_parent ? pr_expr_u64(x, i, r->link->parent.pid) : PR_OK;
}

static int bind_pktime(struct pr_expr *x, int i, void *row)
{
	const struct row *r = row;

	return r->link->has_parent ? pr_expr_u64(x, i, r->link->parent.ktime) : PR_OK;
}

static int bind_how(struct pr_expr *x, int i, void *row)
{
	return pr_expr_word(x, i, pr_link_how(((struct row *)row)->link));
}

static int bind_certainty(struct pr_expr *x, int i, void *row)
{
	return pr_expr_word(x, i, pr_certainty_name(((struct row *)row)->link->certainty));
}

static int bind_snapshot(struct pr_expr *x, int i, void *row)
{
	return is_known(row) ? pr_expr_u64(x, i, proc_of(row)->start == PR_START_SNAPSHOT) : PR_OK;
}

static int bind_conflict(struct pr_expr *x, int i, void *row)
{
	return is_known(row) ? pr_expr_u64(x, i, proc_of(row)->conflict) : PR_OK;
}

static int bind_cloned_ktime(struct pr_expr *x, int i, void *row)
{
	const struct pr_proc *p = proc_of(row);

	return is_known(row) && p->has_pre ? pr_expr_u64(x, i, p->pre_ktime) : PR_OK;
}

/* ---- its end ------------------------------------------------------------------------------------------------------ */

static bool has_end(const void *row)
{
	return is_known(row) && proc_of(row)->end;
}

static bool has_exit(const void *row)
{
	return is_known(row) && proc_of(row)->end == PR_ENDED_EXIT;
}

static int bind_end_ktime(struct pr_expr *x, int i, void *row)
{
	return has_end(row) ? pr_expr_u64(x, i, proc_of(row)->end_ktime) : PR_OK;
}

static int bind_duration(struct pr_expr *x, int i, void *row)
{
	return has_end(row) ? pr_expr_i64(x, i, (int64_t)(proc_of(row)->end_ktime - proc_of(row)->key.ktime)) : PR_OK;
}

static int bind_ended_by(struct pr_expr *x, int i, void *row)
{
	return has_end(row) ? pr_expr_word(x, i, has_exit(row) ? "exit" : "exec") : PR_OK;
}

static int bind_exit_code(struct pr_expr *x, int i, void *row)
{
	return has_exit(row) ? pr_expr_u64(x, i, pr_status_code(proc_of(row)->status)) : PR_OK;
}

static int bind_exit_signal(struct pr_expr *x, int i, void *row)
{
	return has_exit(row) ? pr_expr_u64(x, i, pr_status_signal(proc_of(row)->status)) : PR_OK;
}

static int bind_exit_core(struct pr_expr *x, int i, void *row)
{
	return has_exit(row) ? pr_expr_u64(x, i, pr_status_core(proc_of(row)->status)) : PR_OK;
}

static int bind_status(struct pr_expr *x, int i, void *row)
{
	return has_exit(row) ? pr_expr_u64(x, i, proc_of(row)->status) : PR_OK;
}

/* ---- wall-clock times --------------------------------------------------------------------------------------------- */

static int bind_text_time(struct pr_expr *x, int i, struct row *r, uint64_t ktime)
{
	int64_t real;

	if (!pr_timeline_real(&r->l->timeline, ktime, &real))
		return PR_OK;
	pr_time_utc(pr_expr_scratch(x), real);
	return pr_expr_from_scratch(x, i);
}

static int bind_number_time(struct pr_expr *x, int i, struct row *r, uint64_t ktime)
{
	int64_t real;

	return pr_timeline_real(&r->l->timeline, ktime, &real) ? pr_expr_i64(x, i, real) : PR_OK;
}

static int bind_start_time(struct pr_expr *x, int i, void *row)
{
	return bind_text_time(x, i, row, proc_of(row)->key.ktime);
}

static int bind_end_time(struct pr_expr *x, int i, void *row)
{
	return has_end(row) ? bind_text_time(x, i, row, proc_of(row)->end_ktime) : PR_OK;
}

static int bind_started(struct pr_expr *x, int i, void *row)
{
	return bind_number_time(x, i, row, proc_of(row)->key.ktime);
}

static int bind_ended(struct pr_expr *x, int i, void *row)
{
	return has_end(row) ? bind_number_time(x, i, row, proc_of(row)->end_ktime) : PR_OK;
}

static const struct pr_expr_column columns[] = {
	{"type", bind_type},
	{"seq", bind_seq},
	{"time", bind_start_time},
	{"ktime", bind_ktime},
	{"event_ktime", bind_null},
	{"pid", bind_pid},
	{"exec_id", bind_exec_id},
	{"uid", bind_uid},
	{"user", bind_user},
	{"name", bind_name},
	{"binary", bind_binary},
	{"arguments", bind_arguments},
	{"argv", bind_argv},
	{"cwd", bind_cwd},
	{"cap_permitted", bind_cap_permitted},
	{"cap_effective", bind_cap_effective},
	{"cap_inheritable", bind_cap_inheritable},
	{"ppid", bind_ppid},
	{"pktime", bind_pktime},
	{"ref", bind_null},
	{"miss", bind_null},
	{"snapshot", bind_snapshot},
	{"exit_code", bind_exit_code},
	{"exit_signal", bind_exit_signal},
	{"exit_core", bind_exit_core},
	{"status", bind_status},
	{"parent_binary", bind_parent_binary},
	{"parent_arguments", bind_parent_arguments},
	{"parent_uid", bind_parent_uid},
	{"parent_user", bind_parent_user},
	{"how", bind_how},
	{"certainty", bind_certainty},
	{"cloned_ktime", bind_cloned_ktime},
	{"end_ktime", bind_end_ktime},
	{"ended_by", bind_ended_by},
	{"duration", bind_duration},
	{"started", bind_started},
	{"ended", bind_ended},
	{"start_time", bind_start_time},
	{"end_time", bind_end_time},
	{"clone_seq", bind_clone_seq},
	{"end_seq", bind_end_seq},
	{"conflict", bind_conflict},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))
_Static_assert(N_COLUMNS <= PR_EXPR_COLUMNS_MAX, "PR_EXPR_COLUMNS_MAX");

int pr_proc_where_new(struct pr_proc_where **out, const char *option, const char *expr, struct pr_lineage *l, struct pr_errinfo *ei)
{
	struct pr_proc_where *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->lineage = l;
	err = pr_expr_new(&w->expr, option, expr, columns, N_COLUMNS, ei);
	if (err)
		free(w);
	else
		*out = w;
	return err;
}

void pr_proc_where_free(struct pr_proc_where *w)
{
	if (!w)
		return;
	pr_expr_free(w->expr);
	free(w);
}

int pr_proc_where_test(struct pr_proc_where *w, const struct pr_link *l, uint64_t at, bool *out, struct pr_errinfo *ei)
{
	struct row r = {.l = w->lineage, .link = l, .at = at, .ei = ei};
	int err = pr_expr_test(w->expr, &r, out, ei);

	if (r.self.image)
		pr_image_unref(r.self.image);
	if (r.parent.image)
		pr_image_unref(r.parent.image);
	return err;
}

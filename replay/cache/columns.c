/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/columns.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "replay/decode/text.h"

/* What a value is made of. */
struct row {
	const struct pr_event_view *v;
	const struct pr_event *ev; /* NULL: an entry of the cache */
	const struct pr_entry *e; /* NULL: a miss */
	struct pr_id id;
};

/* Leaves *out as it is, which is null, where the column does not apply. */
typedef void value_fn(struct pr_columns *c, const struct row *r, struct pr_value *out);

static void put_int(struct pr_value *out, uint64_t v)
{
	*out = (struct pr_value){.type = PR_VALUE_INT, .i = (int64_t)v};
}

static void put_bytes(struct pr_value *out, struct pr_slice s)
{
	*out = (struct pr_value){.type = PR_VALUE_BYTES, .s = s};
}

static void put_scratch(struct pr_columns *c, struct pr_value *out)
{
	put_bytes(out, (struct pr_slice){c->scratch.data, c->scratch.len});
}

/* ---- of the frame -------------------------------------------------------------------------------------------------- */

static void get_type(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	const char *s = r->ev ? pr_op_name(r->ev->op) : "entry";

	(void)c;
	put_bytes(out, (struct pr_slice){(const uint8_t *)s, strlen(s)});
}

static void get_seq(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (r->ev)
		put_int(out, r->v->applied->seq);
}

static void get_time(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	if (r->ev && c->time(c->ctx, &c->scratch, r->ev->ktime))
		put_scratch(c, out);
}

static void get_ktime(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->id.ktime);
}

static void get_event_ktime(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (r->ev)
		put_int(out, r->ev->ktime);
}

static void get_pid(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->id.pid);
}

static void get_snapshot(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (r->ev)
		put_int(out, r->ev->op == PR_OP_EXECVE && (r->ev->execve.flags & PR_EXEC_PROCFS));
}

static bool is_exit(const struct row *r)
{
	return r->ev && r->ev->op == PR_OP_EXIT;
}

static void get_exit_code(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (is_exit(r))
		put_int(out, pr_status_code(r->ev->exit.status));
}

static void get_exit_signal(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (is_exit(r))
		put_int(out, pr_status_signal(r->ev->exit.status));
}

static void get_exit_core(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (is_exit(r))
		put_int(out, pr_status_core(r->ev->exit.status));
}

static void get_status(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	if (is_exit(r))
		put_int(out, r->ev->exit.status);
}

/* ---- of the process: called with an entry only --------------------------------------------------------------------- */

static void get_exec_id(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	const struct pr_name *host = r->e->host;

	pr_text_exec_id(&c->scratch, host ? (struct pr_slice){host->bytes, host->len} : (struct pr_slice){NULL, 0}, r->id);
	put_scratch(c, out);
}

static void get_uid(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->e->image->uid);
}

static void get_user(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_bytes(out, pr_image_user(r->e->image));
}

static void get_name(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	struct pr_slice s = pr_image_binary(r->e->image, &c->scratch);
	const uint8_t *slash = s.n ? memrchr(s.p, '/', s.n) : NULL;

	put_bytes(out, slash ? (struct pr_slice){slash + 1, s.n - (size_t)(slash + 1 - s.p)} : s);
}

static void get_binary(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	put_bytes(out, pr_image_binary(r->e->image, &c->scratch));
}

static void get_arguments(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	put_bytes(out, pr_image_arguments(r->e->image, &c->scratch));
}

void pr_argv_json(struct pr_buf *b, const struct pr_image *im)
{
	struct pr_json j = pr_json_make(b);
	struct pr_slice arg = pr_image_argv0(im);
	size_t pos = 0;

	pr_json_array(&j, NULL);
	if (im->has_argv0)
		pr_json_bytes_element(&j, arg.p, arg.n);
	else
		pr_json_null(&j, NULL);
	while (!im->enomem && pr_image_next_arg(im, &pos, &arg))
		pr_json_bytes_element(&j, arg.p, arg.n);
	pr_json_array_end(&j);
}

static void get_argv(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	pr_argv_json(&c->scratch, r->e->image);
	put_scratch(c, out);
}

static void get_cwd(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_bytes(out, pr_image_cwd(r->e->image));
}

static void get_cap_permitted(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	pr_text_caps(&c->scratch, r->e->image->permitted);
	put_scratch(c, out);
}

static void get_cap_effective(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	pr_text_caps(&c->scratch, r->e->image->effective);
	put_scratch(c, out);
}

static void get_cap_inheritable(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	pr_text_caps(&c->scratch, r->e->image->inheritable);
	put_scratch(c, out);
}

static void get_ppid(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->e->parent.pid);
}

static void get_pktime(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->e->parent.ktime);
}

static void get_ref(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	*out = (struct pr_value){.type = PR_VALUE_INT, .i = r->e->ref};
}

static void get_miss(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, !r->e);
}

/* ---- of its parent: called with one only --------------------------------------------------------------------------- */

static void get_parent_binary(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	put_bytes(out, pr_image_binary(r->v->parent->image, &c->scratch));
}

static void get_parent_arguments(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	put_bytes(out, pr_image_arguments(r->v->parent->image, &c->scratch));
}

static void get_parent_uid(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_int(out, r->v->parent->image->uid);
}

static void get_parent_user(struct pr_columns *c, const struct row *r, struct pr_value *out)
{
	(void)c;
	put_bytes(out, pr_image_user(r->v->parent->image));
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	value_fn *get;
	enum pr_column_of of;
	bool always; /* even of a miss */
} columns[] = {
	{"type", get_type, PR_COLUMN_EVENT, true},
	{"seq", get_seq, PR_COLUMN_TRACE, true},
	{"time", get_time, PR_COLUMN_TRACE, true},
	{"ktime", get_ktime, PR_COLUMN_EVENT, true},
	{"event_ktime", get_event_ktime, PR_COLUMN_EVENT, true},
	{"pid", get_pid, PR_COLUMN_EVENT, true},
	{"exec_id", get_exec_id, PR_COLUMN_HOST, false},
	{"uid", get_uid, PR_COLUMN_PROCESS, false},
	{"user", get_user, PR_COLUMN_PROCESS, false},
	{"name", get_name, PR_COLUMN_PROCESS, false},
	{"binary", get_binary, PR_COLUMN_PROCESS, false},
	{"arguments", get_arguments, PR_COLUMN_PROCESS, false},
	{"argv", get_argv, PR_COLUMN_PROCESS, false},
	{"cwd", get_cwd, PR_COLUMN_PROCESS, false},
	{"cap_permitted", get_cap_permitted, PR_COLUMN_PROCESS, false},
	{"cap_effective", get_cap_effective, PR_COLUMN_PROCESS, false},
	{"cap_inheritable", get_cap_inheritable, PR_COLUMN_PROCESS, false},
	{"ppid", get_ppid, PR_COLUMN_LINK, false},
	{"pktime", get_pktime, PR_COLUMN_LINK, false},
	{"ref", get_ref, PR_COLUMN_CACHE, false},
	{"miss", get_miss, PR_COLUMN_CACHE, true},
	{"snapshot", get_snapshot, PR_COLUMN_EVENT, true},
	{"exit_code", get_exit_code, PR_COLUMN_EVENT, true},
	{"exit_signal", get_exit_signal, PR_COLUMN_EVENT, true},
	{"exit_core", get_exit_core, PR_COLUMN_EVENT, true},
	{"status", get_status, PR_COLUMN_EVENT, true},
	{"parent_binary", get_parent_binary, PR_COLUMN_PARENT, false},
	{"parent_arguments", get_parent_arguments, PR_COLUMN_PARENT, false},
	{"parent_uid", get_parent_uid, PR_COLUMN_PARENT, false},
	{"parent_user", get_parent_user, PR_COLUMN_PARENT, false},
};
_Static_assert(sizeof(columns) / sizeof(columns[0]) <= PR_COLUMNS_MAX, "PR_COLUMNS_MAX");

size_t pr_columns_count(void)
{
	return sizeof(columns) / sizeof(columns[0]);
}

const char *pr_column_name(size_t i)
{
	return columns[i].name;
}

enum pr_column_of pr_column_of(size_t i)
{
	return columns[i].of;
}

int pr_column_get(struct pr_columns *c, size_t i, const struct pr_event_view *v, struct pr_value *out)
{
	struct row r = {v, v->applied ? v->applied->event : NULL, v->entry, v->applied ? v->applied->id : v->entry->id};

	*out = (struct pr_value){.type = PR_VALUE_NULL};
	if (!columns[i].always && !(columns[i].of == PR_COLUMN_PARENT ? v->parent : v->entry))
		return PR_OK;
	pr_buf_clear(&c->scratch);
	columns[i].get(c, &r, out);
	return pr_buf_failed(&c->scratch) ? PR_ENOMEM : PR_OK;
}

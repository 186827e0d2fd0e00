/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/functions.h"

#include <sqlite3.h>

#include "base/json.h"
#include "base/text.h"
#include "replay/decode/text.h"

#define STEPS_UNIT 1000 /* virtual machine instructions between two looks at the limit */

/* Loads the process into s. False: the result of the function is set already. */
static bool load(struct pr_sql *s, sqlite3_context *c, sqlite3_value **v)
{
	struct pr_proc_key key = {(uint32_t)sqlite3_value_int64(v[0]), (uint64_t)sqlite3_value_int64(v[1])};
	struct pr_errinfo ei;
	int err;

	if (s->have && s->key.pid == key.pid && s->key.ktime == key.ktime)
		return s->known;
	if (s->image)
		pr_image_unref(s->image);
	s->image = NULL;
	s->have = true;
	s->key = key;
	err = pr_index_get(s->lineage->index, key, &s->proc, &ei);
	s->known = !err;
	if (!err)
		err = pr_details_image(&s->lineage->details, &s->proc, &s->image, &ei);
	if (err && err != PR_ENOENT) {
		s->have = s->known = false;
		sqlite3_result_error(c, ei.msg, -1);
	}
	return s->known;
}

/* Text where it is valid UTF-8, else the bytes as they are. */
static void result(sqlite3_context *c, struct pr_slice t)
{
	if (pr_utf8_valid(t.p, t.n))
		sqlite3_result_text64(c, t.n ? (const char *)t.p : "", t.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_blob64(c, t.p, t.n, SQLITE_TRANSIENT);
}

static void result_buf(sqlite3_context *c, struct pr_buf *b)
{
	if (pr_buf_failed(b))
		sqlite3_result_error_nomem(c);
	else
		result(c, (struct pr_slice){b->data, b->len});
	pr_buf_release(b);
}

static void fn_binary(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (load(s, c, v) && s->image)
		result(c, pr_image_binary(s->image, &b));
	pr_buf_release(&b);
}

static void fn_arguments(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (load(s, c, v) && s->image)
		result(c, pr_image_arguments(s->image, &b));
	pr_buf_release(&b);
}

static void fn_cwd(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);

	(void)n;
	if (load(s, c, v) && s->image)
		result(c, pr_image_cwd(s->image));
}

static void fn_user(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);

	(void)n;
	if (load(s, c, v) && s->image)
		result(c, pr_image_user(s->image));
}

static void fn_uid(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);

	(void)n;
	if (load(s, c, v) && s->image)
		sqlite3_result_int64(c, s->image->uid);
}

static void fn_argv(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_json j = pr_json_make(&b);
	struct pr_slice arg;
	size_t pos = 0;

	(void)n;
	if (!load(s, c, v) || !s->image)
		return;
	pr_json_array(&j, NULL);
	arg = pr_image_argv0(s->image);
	if (s->image->has_argv0)
		pr_json_bytes_element(&j, arg.p, arg.n);
	else
		pr_json_null(&j, NULL);
	while (!s->image->enomem && pr_image_next_arg(s->image, &pos, &arg))
		pr_json_bytes_element(&j, arg.p, arg.n);
	pr_json_array_end(&j);
	result_buf(c, &b);
}

static void fn_exec_id(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	struct pr_buf b = PR_BUF_INIT, host = PR_BUF_INIT;
	struct pr_errinfo ei;

	(void)n;
	if (!load(s, c, v))
		return;
	if (pr_details_host(&s->lineage->details, &s->proc, &host, &ei)) {
		sqlite3_result_error(c, ei.msg, -1);
	} else {
		pr_text_exec_id(&b, (struct pr_slice){host.data, host.len}, (struct pr_id){s->key.pid, s->key.ktime});
		result_buf(c, &b);
	}
	pr_buf_release(&host);
}

static void fn_time(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	struct pr_buf b = PR_BUF_INIT;
	int64_t real;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL ||
		!pr_timeline_real(&s->lineage->timeline, (uint64_t)sqlite3_value_int64(v[0]), &real))
		return;
	pr_time_utc(&b, real);
	result_buf(c, &b);
}

static const struct {
	const char *name;
	int args;
	void (*fn)(sqlite3_context *c, int n, sqlite3_value **v);
} functions[] = {
	{"binary", 2, fn_binary},
	{"arguments", 2, fn_arguments},
	{"cwd", 2, fn_cwd},
	{"user", 2, fn_user},
	{"uid", 2, fn_uid},
	{"argv", 2, fn_argv},
	{"exec_id", 2, fn_exec_id},
	{"utc", 1, fn_time},
};

#define TEXT_COLUMNS "uid(pid, ktime) AS uid, user(pid, ktime) AS user, binary(pid, ktime) AS binary, arguments(pid, ktime) AS arguments, " \
	"cwd(pid, ktime) AS cwd, argv(pid, ktime) AS argv, exec_id(pid, ktime) AS exec_id"

static const char views[] =
	"PRAGMA query_only=OFF; PRAGMA temp_store=MEMORY;"
	"CREATE TEMP VIEW processes AS SELECT *, utc(ktime) AS start_time, utc(end_ktime) AS end_time, " TEXT_COLUMNS " FROM main.processes;"
	"CREATE TEMP VIEW execs AS SELECT *, utc(ktime) AS time, " TEXT_COLUMNS " FROM main.execs;"
	"CREATE TEMP VIEW exits AS SELECT *, utc(end_ktime) AS time, binary(pid, ktime) AS binary FROM main.exits;"
	"PRAGMA query_only=ON;";

/* Nothing but reading: no pragma, no other database, no change. */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *db, const char *trigger)
{
	(void)ctx, (void)a, (void)b, (void)db, (void)trigger;
	return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION || action == SQLITE_RECURSIVE ? SQLITE_OK :
															     SQLITE_DENY;
}

static int on_step(void *ctx)
{
	struct pr_sql *s = ctx;

	s->stopped = s->max_steps && ++s->steps > s->max_steps;
	return s->stopped;
}

int pr_sql_init(struct pr_sql *s, struct pr_lineage *l, uint64_t max_steps, struct pr_errinfo *ei)
{
	sqlite3 *db = pr_index_db(l->index);
	int rc = SQLITE_OK;

	*s = (struct pr_sql){.lineage = l, .max_steps = max_steps};
	for (size_t i = 0; !rc && i < sizeof(functions) / sizeof(functions[0]); i++)
		rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args, SQLITE_UTF8 | SQLITE_INNOCUOUS, s,
			functions[i].fn, NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(db, views, NULL, NULL, NULL);
	if (rc)
		return pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EDATA, "index: %s", sqlite3_errmsg(db));
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_set_authorizer(db, authorize, NULL);
	sqlite3_progress_handler(db, STEPS_UNIT, on_step, s);
	return PR_OK;
}

void pr_sql_release(struct pr_sql *s)
{
	if (s->image)
		pr_image_unref(s->image);
	s->image = NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/functions.h"

#include <sqlite3.h>

#include "base/text.h"
#include "replay/cache/columns.h"
#include "replay/decode/text.h"
#include "replay/query/events.h"
#include "schema/index_sql.h"

#define STEPS_UNIT 1000 /* virtual machine instructions between two looks at the limit */
#define BLOCK_STEPS 10 /* units that a block stands for which had to be read: about the time that it takes */

/* The process; NULL: no frame tells of it, or the result of the function is set to a failure already. */
static const struct pr_known *load(struct pr_sql *s, sqlite3_context *c, sqlite3_value **v)
{
	struct pr_proc_key key = {(uint32_t)sqlite3_value_int64(v[0]), (uint64_t)sqlite3_value_int64(v[1])};
	const struct pr_known *k;
	struct pr_errinfo ei;

	if (pr_knowns_get(&s->knowns, key, &k, &ei)) {
		sqlite3_result_error(c, ei.msg, -1);
		return NULL;
	}
	return k->known ? k : NULL;
}

/* What it does not tell, where the reference has the word "enomem", is NULL, as in the lineage views. */
static const struct pr_image *load_image(struct pr_sql *s, sqlite3_context *c, sqlite3_value **v)
{
	const struct pr_known *k = load(s, c, v);

	return k ? k->image : NULL;
}

void pr_sql_result(struct sqlite3_context *c, struct pr_slice t)
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
		pr_sql_result(c, (struct pr_slice){b->data, b->len});
	pr_buf_release(b);
}

static void fn_binary(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (im && im->filename_len)
		pr_sql_result(c, pr_image_binary(im, &b));
	pr_buf_release(&b);
}

static void fn_arguments(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (im && !im->enomem)
		pr_sql_result(c, pr_image_arguments(im, &b));
	pr_buf_release(&b);
}

static void fn_cwd(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);

	(void)n;
	if (im && !im->enomem)
		pr_sql_result(c, pr_image_cwd(im));
}

static void fn_user(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);

	(void)n;
	if (im)
		pr_sql_result(c, pr_image_user(im));
}

static void fn_uid(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);

	(void)n;
	if (im)
		sqlite3_result_int64(c, im->uid);
}

static void fn_argv(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct pr_image *im = load_image(sqlite3_user_data(c), c, v);
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (!im || im->enomem)
		return;
	pr_argv_json(&b, im);
	result_buf(c, &b);
}

int pr_sql_host(struct pr_sql *s, const struct pr_proc *p, struct pr_name **out, struct pr_errinfo *ei)
{
	struct pr_buf host = PR_BUF_INIT;
	int err = pr_details_host(&s->lineage->details, p, &host, ei);

	if (!err)
		err = pr_names_set_host(&s->names, host.data, host.len, ei);
	*out = err ? NULL : s->names.host;
	pr_buf_release(&host);
	return err;
}

static void fn_exec_id(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	const struct pr_known *k = load(s, c, v);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_name *host;
	struct pr_errinfo ei;

	(void)n;
	if (!k)
		return;
	if (pr_sql_host(s, &k->proc, &host, &ei)) {
		sqlite3_result_error(c, ei.msg, -1);
		return;
	}
	pr_text_exec_id(&b, (struct pr_slice){host->bytes, host->len}, (struct pr_id){k->key.pid, k->key.ktime});
	result_buf(c, &b);
}

bool pr_sql_time(const void *ctx, struct pr_buf *b, uint64_t ktime)
{
	const struct pr_sql *s = ctx;
	int64_t real;

	if (!pr_timeline_real(&s->lineage->timeline, ktime, &real))
		return false;
	pr_time_utc(b, real);
	return true;
}

static void fn_utc(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_buf b = PR_BUF_INIT;

	(void)n;
	if (sqlite3_value_type(v[0]) != SQLITE_NULL && pr_sql_time(sqlite3_user_data(c), &b, (uint64_t)sqlite3_value_int64(v[0])))
		result_buf(c, &b);
}

static void fn_ktime_of(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pr_sql *s = sqlite3_user_data(c);
	const char *text = (const char *)sqlite3_value_text(v[0]);
	struct pr_errinfo ei;
	uint64_t ktime;

	(void)n;
	if (!text)
		return;
	if (pr_timeline_parse(&s->lineage->timeline, "ktime_of", text, &ktime, &ei))
		sqlite3_result_error(c, ei.msg, -1);
	else
		sqlite3_result_int64(c, (int64_t)ktime);
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
	{"utc", 1, fn_utc},
	{"ktime_of", 1, fn_ktime_of},
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
	uint64_t loads = s->lineage ? s->lineage->frames.loads : 0;

	s->steps += BLOCK_STEPS * (loads - s->loads);
	s->loads = loads;
	s->stopped = s->max_steps && ++s->steps > s->max_steps;
	return s->stopped;
}

/* Everything that a query may name. Returns SQLite's code. */
static int define(sqlite3 *db, struct pr_sql *s)
{
	int rc = pr_events_define(db, s);

	for (size_t i = 0; !rc && i < sizeof(functions) / sizeof(functions[0]); i++)
		rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args, SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC, s,
			functions[i].fn, NULL, NULL, NULL);
	return rc ? rc : sqlite3_exec(db, views, NULL, NULL, NULL);
}

int pr_sql_init(struct pr_sql *s, struct pr_lineage *l, uint64_t max_steps, struct pr_errinfo *ei)
{
	sqlite3 *db;
	int rc = pr_index_whole(l->index, ei);

	if (rc)
		return rc;
	db = pr_index_db(l->index);
	*s = (struct pr_sql){.lineage = l, .max_steps = max_steps};
	pr_knowns_init(&s->knowns, l);
	pr_names_init(&s->names);
	rc = define(db, s);
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
	pr_knowns_release(&s->knowns);
	pr_names_release(&s->names);
}

const char *pr_sql_view(size_t i)
{
	static const char *const names[] = {"events", "processes", "execs", "exits", "gaps", "blocks", NULL};

	return names[i];
}

int pr_sql_columns(const char *view, int (*fn)(void *ctx, const char *name), void *ctx, struct pr_errinfo *ei)
{
	struct pr_sql s = {0};
	struct pr_buf query = PR_BUF_INIT;
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL), err = PR_OK;

	pr_buf_printf(&query, "SELECT * FROM %s", view);
	pr_buf_u8(&query, 0);
	if (!rc)
		rc = pr_buf_failed(&query) ? SQLITE_NOMEM : sqlite3_exec(db, pr_index_sql, NULL, NULL, NULL);
	if (!rc)
		rc = define(db, &s);
	if (!rc)
		rc = sqlite3_prepare_v2(db, (char *)query.data, -1, &st, NULL);
	if (rc)
		err = pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EDATA, "%s: %s", view, sqlite3_errstr(rc));
	for (int i = 0; !err && i < sqlite3_column_count(st); i++)
		err = fn(ctx, sqlite3_column_name(st, i));
	sqlite3_finalize(st);
	sqlite3_close(db);
	pr_buf_release(&query);
	return err;
}

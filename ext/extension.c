/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extension.c: traces as tables of any SQLite: procrec_events('trace.seg') and its like, and CREATE VIRTUAL TABLE ... USING procrec('trace.seg', view).
 *
 * A table has the columns of the view of that name in procrec-sql(1), and hands on to it which columns are wanted and which rows. Nothing is
 * written; what is opened is the file that is named, and its index. Only this file talks to the SQLite that loaded the extension.
 */
#include <sqlite3ext.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ext/traces.h"

SQLITE_EXTENSION_INIT1

#define VERSION_MIN 3031000 /* SQLITE_VTAB_DIRECTONLY */
#define COLUMNS_MAX 62 /* of a view: each has its bit in colUsed */
#define CONSTRAINTS_MAX 16 /* that are handed on */
#define NO_TRACE -1 /* as the number of a plan */

int sqlite3_procrec_init(sqlite3 *db, char **out_error, const sqlite3_api_routines *api);

enum key { KEY_NONE, KEY_INT, KEY_TEXT };

struct table {
	sqlite3_vtab base;
	struct pr_traces *traces; /* borrowed: the module's */
	const char *view; /* static */
	char *path; /* owned; NULL: the argument of a function */
	int n; /* columns of the view; behind them a function has its argument */
	char *names[COLUMNS_MAX]; /* owned */
	uint8_t keys[COLUMNS_MAX]; /* enum key: a condition on it is handed on */
	uint64_t primary; /* bits of the columns that tell rows apart; 0: the place in the table does */
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct pr_inner *in; /* used; NULL: none yet */
	struct pr_query *query; /* owned */
	char *sql; /* owned: of query */
	sqlite3_int64 row;
	bool done;
};

static int fail(sqlite3_vtab *base, int err, const struct pr_errinfo *ei)
{
	sqlite3_free(base->zErrMsg);
	base->zErrMsg = sqlite3_mprintf("procrec: %s", ei->msg);
	return err == PR_ENOMEM ? SQLITE_NOMEM : err == PR_EDATA ? SQLITE_CORRUPT : SQLITE_ERROR;
}

static int no_memory(struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_ENOMEM, "out of memory");
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

/* What is handed on: for these there is an index. In a table of the view's: NULL stands for the others. */
static enum key key_of(const char *column)
{
	static const char *const ints[] = {"seq", "pid", "ktime", "event_ktime", "ppid", "pktime", "number"};

	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
		if (!strcmp(column, ints[i]))
			return KEY_INT;
	return strcmp(column, "time") ? KEY_NONE : KEY_TEXT;
}

static const char *primary_of(const char *view)
{
	static const struct {
		const char *view, *columns;
	} keys[] = {{"events", "seq"}, {"processes", "pid ktime"}, {"execs", "pid ktime"}, {"exits", "pid ktime"}, {"blocks", "number"}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].view, view))
			return keys[i].columns;
	return "";
}

static bool is_word_of(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static int add_column(void *ctx, const char *name)
{
	struct table *t = ctx;

	if (t->n == COLUMNS_MAX)
		return PR_ELIMIT;
	t->names[t->n] = strdup(name);
	if (!t->names[t->n])
		return PR_ENOMEM;
	if (is_word_of(primary_of(t->view), name))
		t->primary |= (uint64_t)1 << t->n;
	t->keys[t->n++] = (uint8_t)key_of(name);
	return PR_OK;
}

static void put_names(const struct table *t, struct pr_buf *b, uint64_t which, const char *other)
{
	const char *comma = "";

	for (int i = 0; i < t->n; i++) {
		if (which >> i & 1)
			pr_buf_printf(b, "%s\"%s\"", comma, t->names[i]);
		else if (other)
			pr_buf_printf(b, "%s%s", comma, other);
		else
			continue;
		comma = ",";
	}
}

static int declare(sqlite3 *db, const struct table *t)
{
	struct pr_buf sql = PR_BUF_INIT;
	int rc = SQLITE_NOMEM;

	pr_buf_str(&sql, "CREATE TABLE t(");
	put_names(t, &sql, UINT64_MAX, NULL);
	if (!t->path)
		pr_buf_str(&sql, ", trace HIDDEN");
	if (t->primary) {
		pr_buf_str(&sql, ", PRIMARY KEY(");
		put_names(t, &sql, t->primary, NULL);
		pr_buf_str(&sql, ")) WITHOUT ROWID");
	} else {
		pr_buf_str(&sql, ")");
	}
	pr_buf_u8(&sql, 0);
	if (!pr_buf_failed(&sql))
		rc = sqlite3_declare_vtab(db, (const char *)sql.data);
	pr_buf_release(&sql);
	/* Not from the views and triggers of a database that somebody else has made: it would choose which files are read. */
	return rc ? rc : sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
}

static int disconnect(sqlite3_vtab *base)
{
	struct table *t = (struct table *)base;

	for (int i = 0; i < t->n; i++)
		free(t->names[i]);
	free(t->path);
	free(t);
	return SQLITE_OK;
}

/* Takes path over. */
static int make_table(sqlite3 *db, struct pr_traces *traces, const char *view, char *path, sqlite3_vtab **out, struct pr_errinfo *ei)
{
	struct table *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		free(path);
		return no_memory(ei);
	}
	*t = (struct table){.traces = traces, .view = view, .path = path};
	err = pr_inner_columns(view, add_column, t, ei);
	if (err == PR_ENOMEM)
		no_memory(ei);
	if (!err && declare(db, t))
		err = pr_fail(ei, PR_EUSAGE, "%s", sqlite3_errmsg(db));
	if (err)
		disconnect(&t->base);
	else
		*out = &t->base;
	return err;
}

/* procrec_NAME: the table of the view NAME. */
static int connect_function(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **out_error)
{
	struct pr_errinfo ei;
	int err = PR_EUSAGE;

	(void)argc;
	pr_fail(&ei, PR_EUSAGE, "there is no view %s", argv[0]);
	for (size_t i = 0; pr_inner_view(i); i++)
		if (!sqlite3_stricmp(argv[0] + strlen("procrec_"), pr_inner_view(i)))
			err = make_table(db, aux, pr_inner_view(i), NULL, out, &ei);
	if (err)
		*out_error = sqlite3_mprintf("procrec: %s", ei.msg);
	return err == PR_ENOMEM ? SQLITE_NOMEM : err ? SQLITE_ERROR : SQLITE_OK;
}

/* An argument as it stood between the commas: 'quoted', "quoted" or plain. The caller frees it; NULL: out of memory. */
static char *unquote(const char *s)
{
	size_t n = strlen(s), k = 0;
	char *out, quote;

	while (n && strchr(" \t\r\n", *s)) {
		s++;
		n--;
	}
	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	out = strndup(s, n);
	if (!out || n < 2 || (*out != '\'' && *out != '"') || out[n - 1] != *out)
		return out;
	quote = *out;
	for (size_t i = 1; i + 1 < n; i++) {
		out[k++] = out[i];
		if (out[i] == quote)
			i++; /* doubled */
	}
	out[k] = 0;
	return out;
}

static int parse(sqlite3 *db, struct pr_traces *traces, int argc, const char *const *argv, sqlite3_vtab **out, struct pr_errinfo *ei)
{
	char *path = argc > 3 ? unquote(argv[3]) : NULL, *name = argc > 4 ? unquote(argv[4]) : NULL;
	const char *view = name ? NULL : pr_inner_view(0);
	int err = PR_OK;

	for (size_t i = 0; name && pr_inner_view(i); i++)
		if (!sqlite3_stricmp(name, pr_inner_view(i)))
			view = pr_inner_view(i);
	if (argc < 4 || argc > 5 || !path || !*path)
		err = pr_fail(ei, PR_EUSAGE, "wants a trace, and a view if it is not events: USING procrec('trace.seg', processes)");
	else if (!view)
		err = pr_fail(ei, PR_EUSAGE, "there is no view '%s': events, processes, execs, exits, gaps or blocks", name);
	free(name);
	if (!err)
		return make_table(db, traces, view, path, out, ei);
	free(path);
	return err;
}

static int connect_table(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **out_error)
{
	struct pr_errinfo ei;
	int err = parse(db, aux, argc, argv, out, &ei);

	if (err)
		*out_error = sqlite3_mprintf("procrec: %s", ei.msg);
	return err == PR_ENOMEM ? SQLITE_NOMEM : err ? SQLITE_ERROR : SQLITE_OK;
}

/* As connecting, but a trace that cannot be read is refused at once. */
static int create_table(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **out_error)
{
	struct pr_errinfo ei;
	struct pr_inner *in;
	int rc = connect_table(db, aux, argc, argv, out, out_error);

	if (rc)
		return rc;
	if (!pr_traces_enter(aux, ((struct table *)*out)->path, &in, &ei)) {
		pr_traces_leave(aux, in);
		return SQLITE_OK;
	}
	disconnect(*out);
	*out_error = sqlite3_mprintf("procrec: %s", ei.msg);
	return SQLITE_ERROR;
}

/* ---- plans: a plan is the query that the view is asked, in lines: what and from where; conditions; order ------------ */

static const char *operator_of(unsigned char op)
{
	static const char *const operators[256] = {[SQLITE_INDEX_CONSTRAINT_EQ] = "=", [SQLITE_INDEX_CONSTRAINT_GT] = ">",
		[SQLITE_INDEX_CONSTRAINT_GE] = ">=", [SQLITE_INDEX_CONSTRAINT_LT] = "<", [SQLITE_INDEX_CONSTRAINT_LE] = "<="};

	return operators[op];
}

static enum key key_at(const struct table *t, sqlite3_index_info *info, int i)
{
	int column = info->aConstraint[i].iColumn;

	if (!info->aConstraint[i].usable || column < 0 || column >= t->n || !operator_of(info->aConstraint[i].op))
		return KEY_NONE;
	return t->keys[column] == KEY_TEXT && sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") ? KEY_NONE : t->keys[column];
}

/*
 * The argument of a function. SQLITE_CONSTRAINT: it is the value of a table that stands behind this one; another order has to be found. Without
 * any the plan is one that nobody takes who has another, as for the parts of an OR, and that says so when it is taken.
 */
static int take_argument(const struct table *t, sqlite3_index_info *info)
{
	int rc = SQLITE_OK;

	if (t->path)
		return SQLITE_OK;
	for (int i = 0; i < info->nConstraint; i++) {
		if (info->aConstraint[i].iColumn != t->n || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
			continue;
		rc = SQLITE_CONSTRAINT;
		if (!info->aConstraint[i].usable)
			continue;
		info->aConstraintUsage[i].argvIndex = 1;
		info->aConstraintUsage[i].omit = 1;
		return SQLITE_OK;
	}
	info->idxNum = NO_TRACE;
	info->estimatedCost = 1e30;
	return rc;
}

/* Conditions of the plan; the bits of info->idxNum say which of them are on texts. */
static void put_conditions(struct table *t, sqlite3_index_info *info, struct pr_buf *b)
{
	int n = 0, first = t->path ? 1 : 2;

	for (int i = 0; i < info->nConstraint && n < CONSTRAINTS_MAX; i++) {
		enum key key = key_at(t, info, i);
		const char *name, *op = operator_of(info->aConstraint[i].op);

		if (key == KEY_NONE)
			continue;
		name = t->names[info->aConstraint[i].iColumn];
		pr_buf_printf(b, "%s \"%s\" %s ?%d", n ? " AND" : "WHERE", name, op, n + 1);
		info->idxNum |= (key == KEY_TEXT) << n;
		info->aConstraintUsage[i].argvIndex = first + n++; /* not omitted: SQLite looks at the rows again */
		info->estimatedCost *= op[0] != '=' ? 0.3 : !strcmp(name, "seq") ? 0.00001 : !strcmp(name, "pid") || !strcmp(name, "ppid") ? 0.001 : 0.5;
	}
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	struct pr_buf b = PR_BUF_INIT;
	int rc;

	info->idxNum = 0;
	info->estimatedCost = 1e6;
	rc = take_argument(t, info);
	if (rc || info->idxNum == NO_TRACE)
		return rc;
	pr_buf_str(&b, "SELECT ");
	put_names(t, &b, info->colUsed | t->primary, "NULL");
	pr_buf_printf(&b, " FROM \"%s\"\n", t->view);
	put_conditions(t, info, &b);
	pr_buf_str(&b, "\n");
	if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn >= 0 && info->aOrderBy[0].iColumn < t->n && !info->aOrderBy[0].desc &&
		!strcmp(t->names[info->aOrderBy[0].iColumn], "seq") && !strcmp(t->view, "events")) {
		pr_buf_str(&b, "ORDER BY seq");
		info->orderByConsumed = 1;
	}
	pr_buf_u8(&b, 0);
	info->estimatedRows = (sqlite3_int64)info->estimatedCost + 1;
	info->estimatedCost += 10;
	info->idxStr = pr_buf_failed(&b) ? NULL : sqlite3_mprintf("%s", (const char *)b.data);
	info->needToFreeIdxStr = 1;
	pr_buf_release(&b);
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = calloc(1, sizeof(*c));

	(void)base;
	if (!c)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static void leave(struct cursor *c)
{
	pr_query_free(c->query);
	c->query = NULL;
	if (c->in)
		pr_traces_leave(((struct table *)c->base.pVtab)->traces, c->in);
	c->in = NULL;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	leave(c);
	free(c->sql);
	free(c);
	return SQLITE_OK;
}

/* c->in is the trace at the path. */
static int enter(struct cursor *c, const char *path, struct pr_errinfo *ei)
{
	struct table *t = (struct table *)c->base.pVtab;

	if (!path)
		return pr_fail(ei, PR_EUSAGE, "the trace's name is null");
	if (c->in && !strcmp(pr_inner_path(c->in), path))
		return PR_OK;
	leave(c);
	return pr_traces_enter(t->traces, path, &c->in, ei);
}

/* c->query is prepared, without values. Does the plan serve for these? Else its conditions are left out, and SQLite's own look at the rows is enough. */
static int prepare(struct cursor *c, const char *plan, bool fits, struct pr_errinfo *ei)
{
	const char *conditions = strchr(plan, '\n') + 1, *order = strchr(conditions, '\n') + 1;
	struct pr_buf b = PR_BUF_INIT;
	int err = PR_OK;

	pr_buf_append(&b, plan, (size_t)(conditions - plan));
	pr_buf_str(&b, fits ? conditions : order);
	pr_buf_u8(&b, 0);
	if (pr_buf_failed(&b)) {
		err = no_memory(ei);
	} else if (!c->query || strcmp(c->sql, (char *)b.data)) {
		pr_query_free(c->query);
		c->query = NULL;
		free(c->sql);
		c->sql = strdup((char *)b.data);
		err = c->sql ? pr_query_new(&c->query, c->in, c->sql, ei) : no_memory(ei);
	}
	pr_buf_release(&b);
	if (!err)
		pr_query_reset(c->query);
	return err;
}

static int bind(struct cursor *c, int texts, int argc, sqlite3_value **argv, struct pr_errinfo *ei)
{
	for (int i = 0; i < argc; i++) {
		const void *p;

		if (!(texts >> i & 1)) {
			pr_query_bind_int(c->query, i + 1, sqlite3_value_int64(argv[i]));
			continue;
		}
		p = sqlite3_value_text(argv[i]);
		if (!p || pr_query_bind_text(c->query, i + 1, p, (size_t)sqlite3_value_bytes(argv[i])))
			return no_memory(ei);
	}
	return PR_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;
	struct pr_errinfo ei;
	int err = pr_query_next(c->query, &ei);

	c->row++;
	c->done = err != PR_OK;
	if (err < 0 && strncmp(ei.msg, pr_inner_path(c->in), strlen(pr_inner_path(c->in))))
		pr_context(&ei, err, "%s", pr_inner_path(c->in));
	return err < 0 ? fail(base->pVtab, err, &ei) : SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int texts, const char *plan, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	const char *path = t->path;
	bool fits = true, never = false;
	struct pr_errinfo ei;
	int err;

	c->row = 0;
	c->done = true;
	if (texts == NO_TRACE) {
		err = pr_fail(&ei, PR_EUSAGE, "which trace? Write procrec_%s('trace.seg')", t->view);
		return fail(base->pVtab, err, &ei);
	}
	if (!path) {
		path = (const char *)sqlite3_value_text(argv[0]);
		argc--;
		argv++;
	}
	for (int i = 0; i < argc; i++) {
		int type = sqlite3_value_type(argv[i]);

		never |= type == SQLITE_NULL;
		fits &= type == (texts >> i & 1 ? SQLITE_TEXT : SQLITE_INTEGER);
	}
	err = enter(c, path, &ei);
	if (!err && !never)
		err = prepare(c, plan, fits, &ei);
	if (!err && !never && fits)
		err = bind(c, texts, argc, argv, &ei);
	if (err)
		return fail(base->pVtab, err, &ei);
	return never ? SQLITE_OK : next_row(base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->done;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = ((struct cursor *)base)->row;
	return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *out, int i)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct pr_cell v;

	if (i >= t->n) {
		sqlite3_result_text(out, pr_inner_path(c->in), -1, SQLITE_TRANSIENT);
		return SQLITE_OK;
	}
	v = pr_query_cell(c->query, i);
	switch (v.type) {
	case PR_CELL_INT:
		sqlite3_result_int64(out, v.i);
		break;
	case PR_CELL_REAL:
		sqlite3_result_double(out, v.r);
		break;
	case PR_CELL_TEXT:
		sqlite3_result_text64(out, v.n ? v.p : "", v.n, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case PR_CELL_BLOB:
		sqlite3_result_blob64(out, v.p, v.n, SQLITE_TRANSIENT);
		break;
	default:
		break;
	}
	return SQLITE_OK;
}

/* ---- the extension -------------------------------------------------------------------------------------------------- */

#define READING .xBestIndex = best_index, .xDisconnect = disconnect, .xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, \
	.xNext = next_row, .xEof = at_end, .xColumn = column, .xRowid = row_id

static const sqlite3_module table_module = {.xCreate = create_table, .xConnect = connect_table, .xDestroy = disconnect, READING};
static const sqlite3_module function_module = {.xConnect = connect_function, READING};

static void leave_module(void *ctx)
{
	struct pr_traces *t = ctx;

	if (--t->refs)
		return;
	pr_traces_close(t);
	free(t);
}

int sqlite3_procrec_init(sqlite3 *db, char **out_error, const sqlite3_api_routines *api)
{
	struct pr_traces *t;
	int rc;

	SQLITE_EXTENSION_INIT2(api);
	if (sqlite3_libversion_number() < VERSION_MIN) {
		*out_error = sqlite3_mprintf("procrec: SQLite %s is too old: 3.31 is needed", sqlite3_libversion());
		return SQLITE_ERROR;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return SQLITE_NOMEM;
	t->refs = 2; /* one is of this function */
	rc = sqlite3_create_module_v2(db, "procrec", &table_module, t, leave_module); /* which is called on failure as well */
	for (size_t i = 0; !rc && pr_inner_view(i); i++) {
		char *name = sqlite3_mprintf("procrec_%s", pr_inner_view(i));

		t->refs += name != NULL;
		rc = name ? sqlite3_create_module_v2(db, name, &function_module, t, leave_module) : SQLITE_NOMEM;
		sqlite3_free(name);
	}
	leave_module(t);
	return rc;
}

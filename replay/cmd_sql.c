/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_sql.c: SQL over the events and processes of a trace: read-only, bounded, the answer as text, JSON or CSV. */
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "replay/boot_option.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/query/functions.h"
#include "schema/boot.h"

#define DEFAULT_MILLION_STEPS 20000 /* some minutes */

struct sql_args {
	struct pr_term *term;
	const char *trace, *query, *boot;
	bool json, csv, no_header, no_index;
	uint64_t million_steps;
};

struct printer {
	const struct sql_args *args;
	struct pr_out out;
	uint64_t rows;
};

static struct pr_slice column(sqlite3_stmt *st, int i)
{
	const void *p = sqlite3_column_blob(st, i); /* before its size: the order that SQLite asks for */

	return (struct pr_slice){p, (size_t)sqlite3_column_bytes(st, i)};
}

static void json_value(struct pr_json *j, sqlite3_stmt *st, int i)
{
	const char *key = sqlite3_column_name(st, i);
	struct pr_slice s;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		pr_json_s64(j, key, sqlite3_column_int64(st, i));
		return;
	case SQLITE_NULL:
		pr_json_null(j, key);
		return;
	case SQLITE_FLOAT:
		s = (struct pr_slice){sqlite3_column_text(st, i), (size_t)sqlite3_column_bytes(st, i)};
		if (s.n && memchr("0123456789", s.p[s.p[0] == '-' && s.n > 1], 10)) {
			pr_json_key(j, key);
			pr_buf_append(j->out, s.p, s.n);
		} else {
			pr_json_null(j, key); /* infinity */
		}
		return;
	default:
		s = column(st, i);
		pr_json_bytes(j, key, s.p, s.n);
	}
}

static void json_row(struct printer *p, sqlite3_stmt *st)
{
	struct pr_json j = pr_json_make(&p->out.buf);

	pr_json_object(&j, NULL);
	for (int i = 0; i < sqlite3_column_count(st); i++)
		json_value(&j, st, i);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

/* RFC 4180: quoted where it has to be, quotes doubled, bytes as they are. */
static void csv_field(struct pr_buf *b, struct pr_slice s)
{
	bool quote = false;

	for (size_t i = 0; i < s.n; i++)
		quote |= s.p[i] == '"' || s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == '\r';
	if (!quote) {
		pr_buf_append(b, s.p, s.n);
		return;
	}
	pr_buf_u8(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			pr_buf_u8(b, '"');
		pr_buf_u8(b, s.p[i]);
	}
	pr_buf_u8(b, '"');
}

static void put_field(struct printer *p, int i, struct pr_slice s)
{
	struct pr_buf *b = &p->out.buf;

	if (i)
		pr_buf_u8(b, p->args->csv ? ',' : '\t');
	if (p->args->csv)
		csv_field(b, s);
	else
		pr_text_escape_lossy(b, s.p, s.n);
}

static void end_line(struct printer *p)
{
	pr_buf_str(&p->out.buf, p->args->csv ? "\r\n" : "\n");
}

static void header(struct printer *p, sqlite3_stmt *st)
{
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		const char *name = sqlite3_column_name(st, i);

		put_field(p, i, (struct pr_slice){(const uint8_t *)name, name ? strlen(name) : 0});
	}
	end_line(p);
}

static void row(struct printer *p, sqlite3_stmt *st)
{
	if (p->args->json) {
		json_row(p, st);
		return;
	}
	for (int i = 0; i < sqlite3_column_count(st); i++)
		put_field(p, i, column(st, i));
	end_line(p);
}

static enum pr_err failure(const struct pr_sql *s, int rc)
{
	if (s->stopped)
		return PR_ELIMIT;
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
		return PR_EDATA;
	case SQLITE_IOERR:
		return PR_EIO;
	case SQLITE_NOMEM:
		return PR_ENOMEM;
	default:
		return PR_EUSAGE;
	}
}

static int run(struct printer *p, struct pr_sql *s, struct pr_errinfo *ei)
{
	sqlite3 *db = pr_index_db(s->lineage->index);
	sqlite3_stmt *st = NULL;
	const char *rest = NULL;
	int rc = sqlite3_prepare_v2(db, p->args->query, -1, &st, &rest), err;

	if (rc || !st) {
		pr_fail(ei, PR_EUSAGE, "sql: %s", rc ? sqlite3_errmsg(db) : "there is no statement");
		return PR_EUSAGE;
	}
	if (rest && rest[strspn(rest, " \t\r\n;")]) {
		sqlite3_finalize(st);
		return pr_fail(ei, PR_EUSAGE, "sql: more than one statement");
	}
	if (!p->args->json && !p->args->no_header)
		header(p, st);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row(p, st);
		p->rows++;
		if (!pr_out_check(&p->out)) {
			rc = SQLITE_DONE; /* pr_out_close says why */
			break;
		}
	}
	err = rc == SQLITE_DONE ? PR_OK : failure(s, rc);
	if (err == PR_ELIMIT)
		pr_fail(ei, err, "sql: stopped after %llu million steps; --max-steps raises the limit", (unsigned long long)p->args->million_steps);
	else if (err)
		pr_fail(ei, err, "sql: %s%s", sqlite3_errmsg(db),
			err == PR_EDATA && !s->lineage->is_private ? "; --no-index answers from what can be read" : "");
	sqlite3_finalize(st);
	return err;
}

static int open_lineage(const struct sql_args *args, struct pr_lineage *l, struct pr_errinfo *ei)
{
	struct pr_lineage_options opt = {.no_index = args->no_index, .meter = pr_term_meter(args->term, "reading", args->trace)};
	struct pr_boots boots = {0};
	size_t i;
	int err = args->boot ? pr_boots_load(&boots, args->trace, ei) : PR_OK;

	if (!err && args->boot) {
		err = pr_boots_find(&boots, args->trace, args->boot, &i, ei);
		opt.boot = err || i + 1 == boots.n ? NULL : &boots.v[i].first;
	}
	if (!err)
		err = pr_lineage_open(l, args->trace, &opt, ei);
	if (!err && !args->boot)
		pr_notes_boot(l->trace, args->trace, PR_NOTES_BOOT);
	pr_boots_release(&boots);
	return err;
}

static int ask(const struct sql_args *args, struct pr_errinfo *ei)
{
	struct printer p = {.args = args};
	struct pr_lineage l;
	struct pr_sql s;
	int err = open_lineage(args, &l, ei), err_out;

	if (err)
		return err;
	if (l.has_note)
		pr_notes_index(&l.note);
	pr_term_out(args->term, &p.out);
	err = pr_sql_init(&s, &l, args->million_steps * 1000, ei);
	if (!err)
		err = run(&p, &s, ei);
	err_out = pr_out_close(&p.out, err ? NULL : ei);
	pr_sql_release(&s);
	pr_lineage_close(&l);
	return err ? err : err_out;
}

int pr_cmd_sql(struct pr_term *term, int argc, char **argv)
{
	struct sql_args a = {.term = term, .million_steps = DEFAULT_MILLION_STEPS};
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &a.json, NULL, "one JSON object a line", NULL},
		{0, "csv", PR_OPT_FLAG, &a.csv, NULL, "comma-separated, RFC 4180", NULL},
		{0, "no-header", PR_OPT_FLAG, &a.no_header, NULL, "no line with the names of the columns", NULL},
		PR_BOOT_OPTION(&a.boot),
		{0, "no-index", PR_OPT_FLAG, &a.no_index, NULL, "answer from the frames alone", NULL},
		{0, "max-steps", PR_OPT_U64, &a.million_steps, "N", "stop after N million steps (20000); 0: no limit", NULL},
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"sql", "TRACE 'SELECT ...'",
		"Asks a trace in SQL. Tables to ask: events, processes, execs, exits, gaps, blocks. Nothing can be changed.", options, 2, 2, false};
	struct pr_errinfo ei;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (!err && a.json && a.csv)
		err = pr_fail(&ei, PR_EUSAGE, "sql: --json and --csv exclude each other");
	if (err)
		return pr_report(err, &ei);
	a.trace = argv[0];
	a.query = argv[1];
	return pr_report(ask(&a, &ei), &ei);
}

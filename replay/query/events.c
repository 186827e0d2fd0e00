/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/events.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/text.h"

#define PID_EVENTS_MAX 65536u /* of one pid: with more, and with an index that does not name all, the trace is read through */

struct table {
	sqlite3_vtab base;
	struct pr_sql *s; /* borrowed */
	size_t n;
	uint8_t map[PR_COLUMNS_MAX]; /* column of the table to that of columns.h */
};

/* Both included; empty where from > to. */
struct range {
	int64_t from, to;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct pr_sql *s; /* borrowed */
	struct pr_columns columns;
	struct range seq, ktime;
	bool has_pid, empty, done;
	uint32_t pid;
	/* Either the frames that are named here, in their order; or those of the blocks that the statement gives. */
	uint64_t *seqs; /* owned */
	size_t n_seqs, cap_seqs, at_seq;
	bool by_seqs;
	sqlite3_stmt *blocks; /* owned */
	struct pr_buf raw; /* of the block in hand */
	struct pr_frame_iter it;
	bool in_block;
	/* The row. */
	struct pr_event event;
	struct pr_applied applied;
};

static int fail(sqlite3_vtab_cursor *base, int err, const struct pr_errinfo *ei)
{
	sqlite3_free(base->pVtab->zErrMsg);
	base->pVtab->zErrMsg = sqlite3_mprintf("%s", ei->msg);
	return err == PR_ENOMEM ? SQLITE_NOMEM : err == PR_EIO ? SQLITE_IOERR : err == PR_EDATA ? SQLITE_CORRUPT : SQLITE_ERROR;
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

static int connect_table(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **out_error)
{
	struct table *t = sqlite3_malloc(sizeof(*t));
	struct pr_buf sql = PR_BUF_INIT;
	int rc = SQLITE_NOMEM;

	(void)argc, (void)argv;
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct table){.s = aux};
	for (size_t i = 0; i < pr_columns_count(); i++) {
		if (pr_column_of(i) == PR_COLUMN_CACHE)
			continue;
		pr_buf_printf(&sql, "%s\"%s\"", t->n ? ", " : "CREATE TABLE events(", pr_column_name(i));
		t->map[t->n++] = (uint8_t)i;
	}
	pr_buf_append(&sql, ")", 2); /* with its NUL */
	if (!pr_buf_failed(&sql))
		rc = sqlite3_declare_vtab(db, (const char *)sql.data);
	pr_buf_release(&sql);
	if (rc == SQLITE_OK)
		rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
	if (rc == SQLITE_OK)
		*out = &t->base;
	else
		sqlite3_free(t);
	if (rc != SQLITE_OK && rc != SQLITE_NOMEM)
		*out_error = sqlite3_mprintf("%s", sqlite3_errmsg(db));
	return rc;
}

static int disconnect(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct table *t = (struct table *)base;
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*c = (struct cursor){.s = t->s, .columns = {.time = pr_sql_time, .ctx = t->s, .scratch = PR_BUF_INIT}, .raw = PR_BUF_INIT};
	*out = &c->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	sqlite3_finalize(c->blocks);
	pr_buf_release(&c->raw);
	pr_buf_release(&c->columns.scratch);
	free(c->seqs);
	sqlite3_free(c);
	return SQLITE_OK;
}

/* ---- what narrows a search ------------------------------------------------------------------------------------------ */

/* A plan is a string of pairs: one of these letters, and the operator. The values come in the same order. */
static const struct {
	const char *column;
	char letter;
} keys[] = {{"seq", 's'}, {"event_ktime", 'k'}, {"time", 't'}, {"pid", 'p'}};

static char key_of(const struct table *t, int column)
{
	for (size_t i = 0; column >= 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].column, pr_column_name(t->map[column])))
			return keys[i].letter;
	return 0;
}

static char operator_of(unsigned char op)
{
	static const char operators[256] = {[SQLITE_INDEX_CONSTRAINT_EQ] = '=', [SQLITE_INDEX_CONSTRAINT_IS] = '=',
		[SQLITE_INDEX_CONSTRAINT_GT] = '>', [SQLITE_INDEX_CONSTRAINT_GE] = 'g', [SQLITE_INDEX_CONSTRAINT_LT] = '<',
		[SQLITE_INDEX_CONSTRAINT_LE] = 'l'};

	return operators[op];
}

/* How much of the trace is left by it: a guess that only has to rank one plan before another. */
static double share_of(char key, char op)
{
	if (key == 'p')
		return op == '=' ? 0.0001 : 1;
	return op == '=' ? 0.00001 : 0.2;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct table *t = (const struct table *)base;
	double rows = t->s->lineage ? (double)pr_index_meta(t->s->lineage->index)->frames : 0;
	char *plan = sqlite3_malloc(2 * info->nConstraint + 1);
	int n = 0;

	if (!plan)
		return SQLITE_NOMEM;
	for (int i = 0; i < info->nConstraint; i++) {
		char key = key_of(t, info->aConstraint[i].iColumn), op = operator_of(info->aConstraint[i].op);

		if (!info->aConstraint[i].usable || !key || !op || (key == 'p' && op != '='))
			continue;
		if (key == 't' && sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY"))
			continue;
		plan[2 * n] = key;
		plan[2 * n + 1] = op;
		info->aConstraintUsage[i].argvIndex = ++n; /* not omitted: SQLite looks at the rows again */
		rows *= share_of(key, op);
		if (key == 's' && op == '=')
			info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
	}
	plan[2 * n] = 0;
	info->idxStr = plan;
	info->needToFreeIdxStr = 1;
	info->estimatedRows = (sqlite3_int64)rows + 1;
	info->estimatedCost = rows + 10;
	info->orderByConsumed = info->nOrderBy == 1 && !info->aOrderBy[0].desc && key_of(t, info->aOrderBy[0].iColumn) == 's';
	return SQLITE_OK;
}

static void narrow(struct range *r, char op, int64_t v)
{
	if ((op == '>' && v == INT64_MAX) || (op == '<' && v == INT64_MIN)) {
		*r = (struct range){1, 0};
		return;
	}
	if (op == '=' || op == 'g' || op == '>')
		r->from = v + (op == '>') > r->from ? v + (op == '>') : r->from;
	if (op == '=' || op == 'l' || op == '<')
		r->to = v - (op == '<') < r->to ? v - (op == '<') : r->to;
}

/* The ktimes of a time as text, between the first and the last of the trace. */
static int narrow_time(struct cursor *c, char op, sqlite3_value *v, struct pr_errinfo *ei)
{
	const void *text = sqlite3_value_text(v);
	size_t n = (size_t)sqlite3_value_bytes(v);
	uint64_t from, to;
	int err = pr_index_span(c->s->lineage->index, &from, &to, ei);

	if (err || to > INT64_MAX)
		return err == PR_ENOENT ? PR_OK : err;
	if (op != '<' && op != 'l')
		c->empty |= !pr_timeline_narrow(&c->s->lineage->timeline, text, n, false, &from, &to);
	if (!c->empty && op != '>' && op != 'g')
		c->empty |= !pr_timeline_narrow(&c->s->lineage->timeline, text, n, true, &from, &to);
	narrow(&c->ktime, 'g', (int64_t)from);
	narrow(&c->ktime, 'l', (int64_t)to);
	return PR_OK;
}

static int apply(struct cursor *c, char key, char op, sqlite3_value *v, struct pr_errinfo *ei)
{
	int type = sqlite3_value_type(v);

	if (type == SQLITE_NULL) { /* equals nothing; no key of an event is null but its time */
		c->empty |= key != 't';
		return PR_OK;
	}
	if (key == 't')
		return type == SQLITE_TEXT ? narrow_time(c, op, v, ei) : PR_OK;
	if (type != SQLITE_INTEGER)
		return PR_OK;
	if (key == 's' || key == 'k') {
		narrow(key == 's' ? &c->seq : &c->ktime, op, sqlite3_value_int64(v));
		return PR_OK;
	}
	c->empty |= sqlite3_value_int64(v) < 0 || sqlite3_value_int64(v) > UINT32_MAX || (c->has_pid && c->pid != sqlite3_value_int64(v));
	c->has_pid = true;
	c->pid = (uint32_t)sqlite3_value_int64(v);
	return PR_OK;
}

/* ---- the frames of one pid ------------------------------------------------------------------------------------------ */

static int add_seq(struct cursor *c, bool has, uint64_t seq)
{
	uint64_t *p;

	if (!has)
		return PR_OK;
	if (c->n_seqs == PID_EVENTS_MAX)
		return PR_END;
	p = pr_room(c->seqs, c->n_seqs, &c->cap_seqs, sizeof(*p));
	if (!p)
		return PR_ENOMEM;
	c->seqs = p;
	p[c->n_seqs++] = seq;
	return PR_OK;
}

static int add_proc(void *ctx, const struct pr_proc *p)
{
	int err = add_seq(ctx, p->has_seq, p->seq);

	if (!err)
		err = add_seq(ctx, p->has_clone_seq, p->clone_seq);
	return err ? err : add_seq(ctx, p->end == PR_ENDED_EXIT && p->has_end_seq, p->end_seq);
}

static int by_number(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

/* PR_END: there are too many. */
static int find_pid(struct cursor *c, struct pr_errinfo *ei)
{
	size_t n = 0;
	int err = pr_index_pid(c->s->lineage->index, c->pid, UINT64_MAX, add_proc, c, ei);

	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	if (err)
		return err;
	if (c->n_seqs)
		qsort(c->seqs, c->n_seqs, sizeof(*c->seqs), by_number);
	for (size_t i = 0; i < c->n_seqs; i++)
		if (!n || c->seqs[n - 1] != c->seqs[i])
			c->seqs[n++] = c->seqs[i];
	c->n_seqs = n;
	return PR_OK;
}

/* ---- the blocks that can hold the rows ------------------------------------------------------------------------------ */

/* ?1, ?2: seq from, to; ?3, ?4: event_ktime from, to; ?5: where blocks that reach it may begin. A ktime above 2^63 is a negative number there. */
#define SEQ_FITS "first_seq + 0 BETWEEN coalesce((SELECT max(first_seq) FROM block WHERE first_seq <= ?1), ?1) AND ?2"
static const char blocks_by_seq[] = "SELECT \"offset\" FROM block WHERE "
	"first_seq BETWEEN coalesce((SELECT max(first_seq) FROM block WHERE first_seq <= ?1), ?1) AND ?2 "
	"AND (kmin > kmax OR (kmin <= ?4 AND kmax >= ?3)) ORDER BY first_seq, number";
static const char blocks_by_ktime[] = "SELECT \"offset\" FROM block WHERE kmin BETWEEN ?5 AND ?4 AND kmax >= ?3 AND " SEQ_FITS
	" ORDER BY +first_seq, number";

static int find_blocks(struct cursor *c, struct pr_errinfo *ei)
{
	sqlite3 *db = pr_index_db(c->s->lineage->index);
	uint64_t span = pr_index_meta(c->s->lineage->index)->block_span;
	bool by_ktime = c->ktime.from > INT64_MIN && c->ktime.to < INT64_MAX && span <= INT64_MAX;
	int64_t begin = c->ktime.from;
	int rc;

	if (by_ktime && __builtin_sub_overflow(c->ktime.from, (int64_t)span, &begin))
		begin = INT64_MIN;
	sqlite3_finalize(c->blocks);
	c->blocks = NULL;
	rc = sqlite3_prepare_v2(db, by_ktime ? blocks_by_ktime : blocks_by_seq, -1, &c->blocks, NULL);
	if (rc)
		return pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EDATA, "index: %s", sqlite3_errmsg(db));
	sqlite3_bind_int64(c->blocks, 1, c->seq.from);
	sqlite3_bind_int64(c->blocks, 2, c->seq.to);
	sqlite3_bind_int64(c->blocks, 3, c->ktime.from);
	sqlite3_bind_int64(c->blocks, 4, c->ktime.to);
	if (by_ktime)
		sqlite3_bind_int64(c->blocks, 5, begin);
	return PR_OK;
}

/* PR_END behind the last. */
static int next_block(struct cursor *c, struct pr_errinfo *ei)
{
	struct pr_lineage *l = c->s->lineage;
	int rc = sqlite3_step(c->blocks), err;

	if (rc == SQLITE_DONE)
		return PR_END;
	if (rc != SQLITE_ROW)
		return pr_fail(ei, rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EDATA, "index: %s", sqlite3_errmsg(pr_index_db(l->index)));
	err = pr_fetch_copy(&l->frames, (uint64_t)sqlite3_column_int64(c->blocks, 0), &c->raw, &c->it, ei);
	c->in_block = !err;
	return err;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static bool take(struct cursor *c, const struct pr_frame *f)
{
	static const uint8_t other = PR_ENV_RAW | PR_ENV_META | PR_ENV_CONT;
	const struct pr_event *ev = &c->event;

	if (f->env_flags & other || (f->op != PR_OP_EXECVE && f->op != PR_OP_CLONE && f->op != PR_OP_EXIT))
		return false;
	if ((int64_t)f->seq < c->seq.from || (int64_t)f->seq > c->seq.to)
		return false;
	if ((int64_t)f->ktime < c->ktime.from || (int64_t)f->ktime > c->ktime.to || pr_decode(f->data, f->size, &c->event, NULL))
		return false;
	c->applied = (struct pr_applied){.kind = PR_APPLIED_LIFECYCLE, .seq = f->seq, .event = ev};
	c->applied.id = ev->op == PR_OP_EXECVE ? ev->execve.id : ev->op == PR_OP_CLONE ? ev->clone.id : ev->exit.id;
	return !c->has_pid || c->applied.id.pid == c->pid;
}

/* The next frame that may be one of the rows; PR_END. */
static int next_frame(struct cursor *c, struct pr_frame *f, struct pr_errinfo *ei)
{
	int err;

	while (c->by_seqs) {
		if (c->at_seq == c->n_seqs)
			return PR_END;
		err = pr_fetch_get(&c->s->lineage->frames, c->seqs[c->at_seq++], f, ei);
		if (err != PR_ENOENT)
			return err;
	}
	while (!c->in_block || !pr_frame_iter_next(&c->it, f)) {
		c->in_block = false;
		err = next_block(c, ei);
		if (err)
			return err;
	}
	return PR_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;
	struct pr_errinfo ei;
	struct pr_frame f;
	int err;

	while (!(err = next_frame(c, &f, &ei)))
		if (take(c, &f))
			return SQLITE_OK;
	c->done = true;
	return err == PR_END ? SQLITE_OK : fail(base, err, &ei);
}

/* Chooses the way. */
static int begin(struct cursor *c, struct pr_errinfo *ei)
{
	int err = PR_END;

	if (c->seq.from == c->seq.to)
		err = add_seq(c, true, (uint64_t)c->seq.from);
	else if (c->has_pid && pr_index_meta(c->s->lineage->index)->names_events)
		err = find_pid(c, ei);
	c->by_seqs = !err;
	return err == PR_END ? find_blocks(c, ei) : err;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct pr_errinfo ei;
	int err = PR_OK;

	(void)number;
	c->seq = c->ktime = (struct range){INT64_MIN, INT64_MAX};
	c->seq.from = 0;
	c->has_pid = c->empty = c->done = c->in_block = false;
	c->n_seqs = c->at_seq = 0;
	for (int i = 0; !err && i < argc; i++)
		err = apply(c, plan[2 * i], plan[2 * i + 1], argv[i], &ei);
	if (!err && (c->empty || c->seq.from > c->seq.to || c->ktime.from > c->ktime.to)) {
		c->done = true;
		return SQLITE_OK;
	}
	if (!err)
		err = begin(c, &ei);
	return err ? fail(base, err, &ei) : next_row(base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->done;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)base)->applied.seq;
	return SQLITE_OK;
}

/* ---- values --------------------------------------------------------------------------------------------------------- */

/* The process and its parent, as far as the column needs them. The host's name is kept in s. */
static int look_up(struct cursor *c, enum pr_column_of of, struct pr_entry *e, struct pr_event_view *v, struct pr_errinfo *ei)
{
	struct pr_proc_key key = {c->applied.id.pid, c->applied.id.ktime};
	const struct pr_known *k;
	int err;

	if (of == PR_COLUMN_EVENT || of == PR_COLUMN_TRACE)
		return PR_OK;
	err = pr_knowns_get(&c->s->knowns, key, &k, ei);
	if (!err && of == PR_COLUMN_PARENT) {
		if (!k->known || !k->proc.has_parent)
			return PR_OK;
		key = k->proc.parent;
		err = pr_knowns_get(&c->s->knowns, key, &k, ei);
	}
	if (err || !k->known || (of == PR_COLUMN_LINK && !k->proc.has_parent) || (of != PR_COLUMN_LINK && of != PR_COLUMN_HOST && !k->image))
		return err;
	*e = (struct pr_entry){.id = {key.pid, key.ktime}, .parent = {k->proc.parent.pid, k->proc.parent.ktime}, .image = k->image};
	if (of == PR_COLUMN_HOST)
		err = pr_sql_host(c->s, &k->proc, &e->host, ei);
	*(of == PR_COLUMN_PARENT ? &v->parent : &v->entry) = e;
	return err;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *out, int i)
{
	struct cursor *c = (struct cursor *)base;
	size_t at = ((struct table *)base->pVtab)->map[i];
	struct pr_event_view v = {.applied = &c->applied};
	struct pr_value value;
	struct pr_errinfo ei;
	struct pr_entry e;
	int err = look_up(c, pr_column_of(at), &e, &v, &ei);

	if (err) {
		int rc = fail(base, err, &ei);

		sqlite3_result_error(out, ei.msg, -1);
		sqlite3_result_error_code(out, rc);
		return rc;
	}
	if (pr_column_get(&c->columns, at, &v, &value))
		return SQLITE_NOMEM;
	if (value.type == PR_VALUE_INT)
		sqlite3_result_int64(out, value.i);
	else if (value.type == PR_VALUE_BYTES)
		pr_sql_result(out, value.s);
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xConnect = connect_table, /* and no xCreate: the table is there by itself, under the module's name */
	.xBestIndex = best_index,
	.xDisconnect = disconnect,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter,
	.xNext = next_row,
	.xEof = at_end,
	.xColumn = column,
	.xRowid = row_id,
};

int pr_events_define(struct sqlite3 *db, struct pr_sql *s)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_create_module_v2(db, "events", &module, s, NULL);

	/* The table is made when it is first named: now, before an authorizer denies making any. */
	if (!rc)
		rc = sqlite3_prepare_v2(db, "SELECT seq FROM events", -1, &st, NULL);
	sqlite3_finalize(st);
	return rc;
}

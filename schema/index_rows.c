/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_rows.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/index_own.h"
#include "schema/index_row.h"
#include "schema/index_sql.h"
#include "schema/index_vfs.h"

enum stmt { INS_IMAGE, INS_LONG, INS_BLOCK, INS_GAP, INS_CLOCK, INS_NAME, INS_REPARENT, INS_META, INS_FACT, INS_OLD, INS_STEP, INS_LEAD, N_STMTS };

static const char *const stmt_sql[N_STMTS] = {
	[INS_IMAGE] = "INSERT INTO image VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	[INS_LONG] = "INSERT OR IGNORE INTO long VALUES(?,?,?)",
	/* A block that stands in the trace twice, which is damage, is found at its first place. */
	[INS_BLOCK] = "INSERT OR IGNORE INTO block VALUES(?,?,?,?,?,?)",
	[INS_GAP] = "INSERT INTO gap VALUES(NULL,?,?,?,?,?,?,?,?)",
	[INS_CLOCK] = "INSERT INTO clock VALUES(NULL,?,?,?)",
	[INS_NAME] = "INSERT INTO name VALUES(NULL,?,?,?)",
	[INS_REPARENT] = "INSERT OR IGNORE INTO reparent VALUES(?,?,?,?,?,?,?)",
	[INS_META] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
	[INS_FACT] = "INSERT INTO fact VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[INS_OLD] = "INSERT INTO old VALUES(?,?,?)",
	[INS_STEP] = "INSERT INTO step VALUES(NULL,?,?,?,?,?,?,?)",
	[INS_LEAD] = "INSERT OR IGNORE INTO lead VALUES(?,?,?)",
};

struct pr_index_rows {
	sqlite3 *db; /* owned */
	sqlite3_stmt *st[N_STMTS];
	struct pr_index_vfs *vfs; /* owned; NULL: private */
	const char *what; /* for messages */
	uint64_t n_images, n_folded;
	struct pr_facts *win; /* rows of one pid that are younger than PR_INDEX_SHORT_NS before the newest: not written yet */
	size_t n_win, cap_win;
	struct pr_own own; /* what own frames tell of each identity, as far back as rows of `win` need it */
	struct pr_map old; /* keys in the table `old` */
	struct pr_rows_span span;
};

#define WINDOW_MAX (1u << 20) /* only a crafted trace has more */

/* The errno of SQLite's failed call; 0: there was none, or it is not known. Of a disk that is full it keeps none. */
static int cause_of(struct sqlite3 *db, int rc)
{
	int cause = 0;

	if ((rc & 0xff) == SQLITE_FULL)
		return ENOSPC;
	if ((rc & 0xff) == SQLITE_CANTOPEN)
		return db ? sqlite3_system_errno(db) : 0;
	if ((rc & 0xff) != SQLITE_IOERR || !db || sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &cause))
		return 0;
	return cause;
}

int pr_rows_error(struct sqlite3 *db, const char *what, int rc, struct pr_errinfo *ei)
{
	enum pr_err code = rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EIO;
	int cause = cause_of(db, rc);

	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_ERROR)
		code = PR_EDATA;
	if (!cause)
		return pr_fail(ei, code, "%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	errno = cause;
	return pr_fail_errno(ei, "%s: %s", what, sqlite3_errstr(rc & 0xff));
}

static int fail(struct pr_index_rows *r, int rc, struct pr_errinfo *ei)
{
	return pr_rows_error(r->db, r->what, rc, ei);
}

static int exec(struct pr_index_rows *r, const char *sql, struct pr_errinfo *ei)
{
	int rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);

	return rc ? fail(r, rc, ei) : PR_OK;
}

static int prepare_all(struct pr_index_rows *r, struct pr_errinfo *ei)
{
	for (int i = 0; i < N_STMTS; i++) {
		int rc = sqlite3_prepare_v3(r->db, stmt_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &r->st[i], NULL);

		if (rc)
			return fail(r, rc, ei);
	}
	return PR_OK;
}

#define LATE "\n-- late:" /* parts index.sql in two */

static int exec_layout(struct pr_index_rows *r, bool late, struct pr_errinfo *ei)
{
	const char *cut = strstr(pr_index_sql, LATE);
	char *early;
	int err;

	if (late)
		return exec(r, cut, ei);
	early = strndup(pr_index_sql, (size_t)(cut - pr_index_sql));
	if (!early)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = exec(r, early, ei);
	free(early);
	return err;
}

/* Whether a database without a name can be in a file, as far as it outgrows its cache. The sandbox lets none be made. */
static bool may_spill(void)
{
	int fd = pr_spill_file(NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int open_private(struct pr_index_rows *r, struct pr_errinfo *ei)
{
	bool file = may_spill();
	int rc = sqlite3_open_v2(file ? "" : ":memory:", &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc)
		return fail(r, rc, ei);
	return exec(r, file ? "PRAGMA cache_size=-65536" : "PRAGMA temp_store=MEMORY", ei);
}

static int open_file(struct pr_index_rows *r, const char *path, struct pr_errinfo *ei)
{
	int reserve = PR_INDEX_RESERVE, rc;

	r->vfs = pr_index_vfs_new(path);
	if (!r->vfs)
		return pr_fail(ei, PR_EIO, "%s: SQLite cannot be started", r->what);
	rc = sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, pr_index_vfs_name(r->vfs));
	if (rc)
		return fail(r, rc, ei);
	sqlite3_file_control(r->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
	return exec(r, "PRAGMA cache_size=-4000", ei);
}

/* No journal and no syncs: what is not complete is thrown away anyway. */
static int open_db(struct pr_index_rows *r, const char *path, struct pr_errinfo *ei)
{
	static const char setup[] = "PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
				    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF;";
	int err = path ? open_file(r, path, ei) : open_private(r, ei);

	err = err ? err : exec(r, setup, ei);
	err = err ? err : exec(r, "BEGIN", ei);
	return err ? err : exec_layout(r, false, ei);
}

int pr_rows_new(struct pr_index_rows **out, const char *path, struct pr_errinfo *ei)
{
	struct pr_index_rows *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->what = path ? path : "index";
	err = open_db(r, path, ei);
	if (!err)
		err = prepare_all(r, ei);
	if (err) {
		pr_rows_free(r);
		return err;
	}
	*out = r;
	return PR_OK;
}

static void finalize_all(struct pr_index_rows *r)
{
	for (int i = 0; i < N_STMTS; i++) {
		sqlite3_finalize(r->st[i]);
		r->st[i] = NULL;
	}
}

void pr_rows_free(struct pr_index_rows *r)
{
	if (!r)
		return;
	finalize_all(r);
	sqlite3_close(r->db);
	pr_index_vfs_free(r->vfs);
	free(r->win);
	free(r->own.v);
	pr_map_release(&r->old);
	free(r);
}

struct sqlite3 *pr_rows_take(struct pr_index_rows *r)
{
	sqlite3 *db = r->db;

	finalize_all(r);
	r->db = NULL;
	return db;
}

static int run(struct pr_index_rows *r, enum stmt which, struct pr_errinfo *ei)
{
	int rc = sqlite3_step(r->st[which]);

	sqlite3_reset(r->st[which]);
	return rc == SQLITE_DONE ? PR_OK : fail(r, rc, ei);
}

static void bind_ktime(sqlite3_stmt *st, int col, uint64_t ktime, bool open)
{
	if (open)
		sqlite3_bind_null(st, col);
	else
		sqlite3_bind_int64(st, col, (int64_t)ktime);
}

int pr_rows_block(struct pr_index_rows *r, const struct pr_block *b, uint64_t ktime_min, uint64_t ktime_max, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_BLOCK];
	bool none = ktime_min > ktime_max;

	sqlite3_bind_int64(st, 1, (int64_t)b->desc.number);
	sqlite3_bind_int64(st, 2, (int64_t)b->offset);
	sqlite3_bind_int64(st, 3, (int64_t)b->desc.first_frame);
	sqlite3_bind_int64(st, 4, b->desc.frames);
	bind_ktime(st, 5, ktime_min, none);
	bind_ktime(st, 6, ktime_max, none);
	return run(r, INS_BLOCK, ei);
}

int pr_rows_gap(struct pr_index_rows *r, const struct pr_gap *g, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_GAP];

	sqlite3_bind_int64(st, 1, g->kind);
	sqlite3_bind_int64(st, 2, (int64_t)g->before_seq);
	sqlite3_bind_int64(st, 3, g->cpu);
	sqlite3_bind_int64(st, 4, g->stream);
	bind_ktime(st, 5, g->count, !g->count);
	bind_ktime(st, 6, g->ktime_from, !g->ktime_from);
	bind_ktime(st, 7, g->ktime_to, g->ktime_to == UINT64_MAX);
	sqlite3_bind_int64(st, 8, g->reason);
	return run(r, INS_GAP, ei);
}

int pr_rows_clock(struct pr_index_rows *r, uint64_t seq, uint64_t ktime, int64_t realtime, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_CLOCK];

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_int64(st, 2, (int64_t)ktime);
	sqlite3_bind_int64(st, 3, realtime);
	return run(r, INS_CLOCK, ei);
}

int pr_rows_name(struct pr_index_rows *r, uint64_t seq, int64_t uid, const void *p, size_t n, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_NAME];
	int err;

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	if (uid < 0)
		sqlite3_bind_null(st, 2);
	else
		sqlite3_bind_int64(st, 2, uid);
	sqlite3_bind_blob64(st, 3, n ? p : "", n, SQLITE_STATIC);
	err = run(r, INS_NAME, ei);
	sqlite3_clear_bindings(st);
	return err;
}

int pr_rows_reparent(struct pr_index_rows *r, uint64_t seq, const uint32_t pid[3], const int64_t kt[3], struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_REPARENT];

	sqlite3_bind_int64(st, 1, pid[0]);
	sqlite3_bind_int64(st, 2, kt[0]);
	sqlite3_bind_int64(st, 3, (int64_t)seq);
	for (int i = 1; i < 3; i++) {
		sqlite3_bind_int64(st, 2 * i + 2, pid[i]);
		sqlite3_bind_int64(st, 2 * i + 3, kt[i]);
	}
	return run(r, INS_REPARENT, ei);
}

static int meta(struct pr_index_rows *r, const char *name, struct pr_errinfo *ei)
{
	int err;

	sqlite3_bind_text(r->st[INS_META], 1, name, -1, SQLITE_STATIC);
	err = run(r, INS_META, ei);
	sqlite3_clear_bindings(r->st[INS_META]);
	return err;
}

int pr_rows_meta_int(struct pr_index_rows *r, const char *name, int64_t value, struct pr_errinfo *ei)
{
	sqlite3_bind_int64(r->st[INS_META], 2, value);
	return meta(r, name, ei);
}

int pr_rows_meta_blob(struct pr_index_rows *r, const char *name, const void *p, size_t n, struct pr_errinfo *ei)
{
	sqlite3_bind_blob64(r->st[INS_META], 2, p, n, SQLITE_STATIC);
	return meta(r, name, ei);
}

int pr_rows_step(struct pr_index_rows *r, int kind, uint64_t stream, const struct pr_gap_stream *at, const struct pr_gap *g, uint64_t seq,
	struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_STEP];
	const int64_t v[] = {kind, (int64_t)seq, (int64_t)stream, (int64_t)(g ? g->count : at->next), (int64_t)(g ? g->ktime_from : at->ktime),
		g ? (int64_t)g->ktime_to : 0, g ? g->reason : at->known};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		sqlite3_bind_int64(st, (int)i + 1, v[i]);
	return run(r, INS_STEP, ei);
}

int pr_rows_lead(struct pr_index_rows *r, int kind, uint64_t pid, uint64_t time, struct pr_errinfo *ei)
{
	sqlite3_bind_int64(r->st[INS_LEAD], 1, kind);
	sqlite3_bind_int64(r->st[INS_LEAD], 2, (int64_t)pid);
	sqlite3_bind_int64(r->st[INS_LEAD], 3, (int64_t)time);
	return run(r, INS_LEAD, ei);
}

struct pr_rows_span *pr_rows_span(struct pr_index_rows *r)
{
	return &r->span;
}

/* ---- rows of processes ------------------------------------------------------------------------------------------- */

/* The moment in (start, end] that divides by the largest power of two, as signed numbers. */
static int64_t backbone_node(int64_t start, int64_t end)
{
	uint64_t s = (uint64_t)start ^ (UINT64_C(1) << 63), e = (uint64_t)end ^ (UINT64_C(1) << 63);
	int h = 63 - __builtin_clzll(s ^ e);

	return (int64_t)((e >> h << h) ^ (UINT64_C(1) << 63));
}

static int insert_long(struct pr_index_rows *r, const struct pr_facts *f, bool only_repeat, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_LONG];
	int64_t dur = pr_minus(f->e_kt, f->kt);

	if (f->e && (f->e_kt <= f->kt || ((f->x || f->c) && !f->far && dur >= 0 && dur < (int64_t)PR_INDEX_SHORT_NS)))
		return PR_OK;
	sqlite3_bind_int64(st, 1, f->e ? backbone_node(f->kt, f->e_kt) : only_repeat ? PR_INDEX_NODE_REPEAT : 0);
	sqlite3_bind_int64(st, 2, f->pid);
	sqlite3_bind_int64(st, 3, f->kt);
	return run(r, INS_LONG, ei);
}

/* ---- writing rows ------------------------------------------------------------------------------------------------ */

static int insert_fact(struct pr_index_rows *r, const struct pr_facts *f, bool own, struct pr_errinfo *ei)
{
	pr_fact_bind(r->st[INS_FACT], f, own);
	return run(r, INS_FACT, ei);
}

/* A key that own frames name. */
static int note_key(struct pr_index_rows *r, int role, uint32_t pid, int64_t kt, struct pr_errinfo *ei)
{
	bool is_new;

	if (kt >= r->span.lo) {
		r->span.hi = kt > r->span.hi ? kt : r->span.hi;
		return PR_OK;
	}
	if (!pr_map_put(&r->old, pid | (uint64_t)role << 32, (uint64_t)kt, &is_new))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!is_new)
		return PR_OK;
	sqlite3_bind_int64(r->st[INS_OLD], 1, role);
	sqlite3_bind_int64(r->st[INS_OLD], 2, pid);
	sqlite3_bind_int64(r->st[INS_OLD], 3, kt);
	return run(r, INS_OLD, ei);
}

static int note_keys(struct pr_index_rows *r, const struct pr_facts *f, struct pr_errinfo *ei)
{
	int err = note_key(r, 0, f->pid, f->kt, ei);

	if (!err && f->x)
		err = note_key(r, 1, f->x_ppid, f->x_pkt, ei);
	if (!err && f->c)
		err = note_key(r, 1, f->c_ppid, f->c_pkt, ei);
	return err;
}

/* What the row does not tell of one of the identities in it: `all` facts of it, and own ones (NULL: there are none). */
static int insert_untold(struct pr_index_rows *r, const struct pr_facts *told, const struct pr_facts *all, const struct pr_facts *own,
	bool only_repeat, struct pr_errinfo *ei)
{
	const struct pr_facts none = {.pid = told->pid, .kt = told->kt};
	int err = PR_OK;

	if (!pr_facts_equal(told, all, false))
		err = insert_fact(r, all, false, ei);
	if (!err && !only_repeat && !(own && pr_facts_equal(told, own, true)))
		err = insert_fact(r, own ? own : &none, true, ei);
	if (!err && own)
		err = note_keys(r, own, ei);
	return err;
}

static int insert_image(struct pr_index_rows *r, const struct pr_facts *f, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = r->st[INS_IMAGE];
	struct pr_facts told[2], all[2] = {*f};
	const struct pr_facts *own[2];
	struct pr_row w;
	bool only_repeat;
	int n, err;

	if (f->embedded)
		all[1] = pr_facts_extract(&all[0]);
	pr_row_of_facts(&w, f);
	n = pr_row_to_facts(&w, told);
	own[0] = pr_own_find(&r->own, &told[0]);
	own[1] = n > 1 ? pr_own_find(&r->own, &told[1]) : NULL;
	only_repeat = !own[0] && !own[1];
	w.v[C_BITS] |= only_repeat ? PR_ROW_REPEAT : 0;
	for (int c = C_PID; c < C_END; c++) {
		if (w.null[c])
			sqlite3_bind_null(st, c);
		else
			sqlite3_bind_int64(st, c, w.v[c]);
	}
	err = run(r, INS_IMAGE, ei);
	for (int i = 0; !err && i < n; i++)
		err = insert_untold(r, &told[i], &all[i], own[i], only_repeat, ei);
	if (err)
		return err;
	r->n_images++;
	r->n_folded += f->folded;
	return insert_long(r, f, only_repeat, ei);
}

/* ---- the window: embedded identities are looked at again once all facts of the pid are known ---------------------- */

static int window_reserve(struct pr_index_rows *r, struct pr_errinfo *ei)
{
	size_t cap = r->cap_win ? r->cap_win * 2 : 64;
	struct pr_facts *p;

	if (r->n_win < r->cap_win)
		return PR_OK;
	if (cap > WINDOW_MAX)
		return pr_fail(ei, PR_ELIMIT, "index: more than %u images of one pid within half a second: not an honest trace", WINDOW_MAX);
	p = realloc(r->win, cap * sizeof(*p));
	if (!p)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->win = p;
	r->cap_win = cap;
	return PR_OK;
}

/* Puts an identity that was embedded by mistake among the rows of its pid. */
static int window_insert(struct pr_index_rows *r, struct pr_facts f, struct pr_errinfo *ei)
{
	size_t i;

	for (;;) {
		struct pr_facts again;
		int err = window_reserve(r, ei);

		if (err)
			return err;
		for (i = r->n_win; i && pr_facts_compare(&r->win[i - 1], &f) > 0; i--)
			;
		if (!i || !pr_facts_same(&r->win[i - 1], &f))
			break;
		if (!r->win[i - 1].embedded) {
			pr_facts_join(&r->win[i - 1], &f);
			return PR_OK;
		}
		again = pr_facts_extract(&r->win[i - 1]);
		pr_facts_join(&r->win[i - 1], &f);
		f = again;
	}
	memmove(&r->win[i + 1], &r->win[i], (r->n_win - i) * sizeof(f));
	r->win[i] = f;
	r->n_win++;
	return PR_OK;
}

/* Writes the rows that nothing to come can refer to: other pids', and those more than the span before `next`. */
static int window_flush(struct pr_index_rows *r, const struct pr_facts *next, struct pr_errinfo *ei)
{
	size_t done = 0;
	int err = PR_OK;

	while (!err && done < r->n_win) {
		const struct pr_facts *f = &r->win[done];

		if (next && f->pid == next->pid && f->kt >= pr_minus(next->kt, PR_INDEX_SHORT_NS))
			break;
		err = insert_image(r, f, ei);
		done++;
	}
	if (done)
		memmove(r->win, r->win + done, (r->n_win - done) * sizeof(*r->win));
	r->n_win -= done;
	return err;
}

/* All facts of one identity are in f. */
static int settle(struct pr_index_rows *r, struct pr_facts *f, struct pr_errinfo *ei)
{
	int err = window_flush(r, f, ei);

	pr_own_trim(&r->own, f);
	/* The embedded identity is found by being next to its image: nothing may stand between, nor be the same. */
	if (!err && f->embedded && r->n_win && r->win[r->n_win - 1].kt >= pr_minus(f->kt, f->pre))
		err = window_insert(r, pr_facts_extract(f), ei);
	if (!err && r->n_win && pr_facts_embeddable(f, &r->win[r->n_win - 1]))
		pr_facts_embed(f, &r->win[--r->n_win]);
	if (!err)
		err = window_reserve(r, ei);
	if (!err)
		r->win[r->n_win++] = *f;
	return err;
}

/* Joins b to a. What either had embedded becomes a row of its own: it may not be the one that the other tells of. */
static int join(struct pr_index_rows *r, struct pr_facts *a, struct pr_facts *b, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (a->embedded)
		err = window_insert(r, pr_facts_extract(a), ei);
	if (!err && b->embedded)
		err = window_insert(r, pr_facts_extract(b), ei);
	pr_facts_join(a, b);
	return err;
}

int pr_rows_images(struct pr_index_rows *r, struct pr_sorter *sorted, uint64_t *out_rows, struct pr_errinfo *ei)
{
	struct pr_facts cur, f;
	bool have = false;
	int err;

	while (!(err = pr_sorter_next(sorted, &f, ei))) {
		r->span.wild |= pr_facts_wild(&f);
		err = f.repeat ? PR_OK : pr_own_add(&r->own, f, ei);
		if (err)
			return err;
		if (have && pr_facts_same(&cur, &f)) {
			err = join(r, &cur, &f, ei);
		} else {
			err = have ? settle(r, &cur, ei) : PR_OK;
			cur = f;
			have = true;
		}
		if (err)
			return err;
	}
	if (err != PR_END)
		return err;
	err = have ? settle(r, &cur, ei) : PR_OK;
	if (!err)
		err = window_flush(r, NULL, ei);
	*out_rows = r->n_images;
	return err;
}

uint64_t pr_rows_folded(const struct pr_index_rows *r)
{
	return r->n_folded;
}

int pr_rows_commit(struct pr_index_rows *r, struct pr_errinfo *ei)
{
	int err = exec_layout(r, true, ei);

	if (!err)
		err = pr_rows_meta_int(r, "complete", 1, ei);
	return err ? err : exec(r, "COMMIT", ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_read.c: questions to an open index.
 */
#include "schema/index_priv.h"
#include "schema/index_joined.h"
#include "schema/index_rows.h"

#define IMAGE_COLUMNS "SELECT image.pid, image.kt, ppid, pd, bits, status, dur, seq, eseq, lead, pre, cseq FROM image "
#define FACT_COLUMNS "SELECT pid, kt, x, xppid, xpkt, xseq, xlead, c, cppid, cpkt, cseq, e, ekt, eseq, estatus, pre, flags FROM fact "

static const char *const stmt_sql[N_SELS] = {
	[SEL_GET] = IMAGE_COLUMNS "WHERE pid = ?1 AND kt >= ?2 ORDER BY kt LIMIT 1",
	[SEL_PID] = IMAGE_COLUMNS "WHERE pid = ?1 ORDER BY kt DESC",
	[SEL_CHILDREN] = IMAGE_COLUMNS "WHERE ppid = ?1 AND (kt - pd) >> 30 = ?2 >> 30 AND kt - pd = ?2 ORDER BY pid, kt",
	[SEL_LONG] = "SELECT pid, kt FROM long WHERE node = ?1 ORDER BY pid, kt",
	[SEL_EACH] = IMAGE_COLUMNS "ORDER BY pid, kt",
	[SEL_BLOCK] = "SELECT number, \"offset\", first_seq, frames FROM block WHERE first_seq <= ?1 ORDER BY first_seq DESC, number DESC LIMIT 1",
	[SEL_BLOCKS] = "SELECT number, \"offset\", first_seq, frames FROM block WHERE kmin BETWEEN ?1 - ?3 AND ?2 AND kmax >= ?1 "
		       "ORDER BY number",
	[SEL_SPAN] = "SELECT (SELECT min(kmin) FROM block), (SELECT max(kmin) FROM block)",
	[SEL_GAPS] = "SELECT kind, before_seq, cpu, stream, count, kfrom, kto, reason FROM gap ORDER BY id",
	[SEL_CLOCKS] = "SELECT ktime, realtime, seq FROM clock ORDER BY id",
	[SEL_NAME] = "SELECT name FROM name WHERE uid IS ?1 ORDER BY seq > ?2, CASE WHEN seq > ?2 THEN id ELSE -id END LIMIT 1",
	[SEL_RANGE] = IMAGE_COLUMNS "WHERE pid = ?1 AND kt BETWEEN ?2 AND ?3",
	[SEL_LONG_ROWS] = IMAGE_COLUMNS "JOIN long ON long.pid = image.pid AND long.kt = image.kt WHERE node = ?1",
	[SEL_FACTS] = FACT_COLUMNS "WHERE own = ?4 AND pid = ?1 AND kt BETWEEN ?2 AND ?3",
	[SEL_ALL_FACTS] = FACT_COLUMNS "WHERE own = ?1",
	[SEL_FACT_CHILDREN] = "SELECT pid, kt FROM fact WHERE own = ?3 AND x AND xppid = ?1 AND xpkt = ?2 "
			      "UNION ALL SELECT pid, kt FROM fact WHERE own = ?3 AND c AND cppid = ?1 AND cpkt = ?2",
	[SEL_OLD] = "SELECT role, pid, kt FROM old",
	[SEL_STEPS] = "SELECT kind, seq, stream, count, kfrom, kto, reason FROM step ORDER BY id",
	[SEL_LEADS] = "SELECT kind, pid, time FROM lead",
	[SEL_NAMES] = "SELECT seq, uid, name FROM name ORDER BY id",
	[SEL_REPARENTS] = "SELECT seq, opid, okt, npid, nkt FROM reparent WHERE pid = ?1 AND kt = ?2 ORDER BY seq",
};

static int fail(struct pr_index *ix, int rc, struct pr_errinfo *ei)
{
	return pr_rows_error(ix->db, ix->name, rc, ei);
}

static int unusable(struct pr_index *ix, const char *why, struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_EDATA, "%s: %s", ix->name, why);
}

sqlite3_stmt *pr_index_use(struct pr_index *ix, enum pr_index_stmt which, int *out_err, struct pr_errinfo *ei)
{
	int rc = SQLITE_OK;

	if (!ix->st[which])
		rc = sqlite3_prepare_v3(ix->db, stmt_sql[which], -1, SQLITE_PREPARE_PERSISTENT, &ix->st[which], NULL);
	if (rc) {
		*out_err = fail(ix, rc, ei);
		return NULL;
	}
	*out_err = PR_OK;
	sqlite3_reset(ix->st[which]);
	return ix->st[which];
}

static int64_t rel(const struct pr_index *ix, uint64_t ktime)
{
	return (int64_t)(ktime - ix->meta.base);
}

void pr_index_row(sqlite3_stmt *st, struct pr_row *w)
{
	for (int c = C_PID; c < C_END; c++) {
		w->v[c] = sqlite3_column_int64(st, c - C_PID);
		w->null[c] = sqlite3_column_type(st, c - C_PID) == SQLITE_NULL;
	}
}

static void read_image(const struct pr_index *ix, sqlite3_stmt *st, struct pr_proc *im)
{
	struct pr_row w;

	pr_index_row(st, &w);
	pr_row_to_proc(&w, ix->meta.base, im);
}

int pr_index_get(struct pr_index *ix, struct pr_proc_key key, struct pr_proc *out, struct pr_errinfo *ei)
{
	int err, rc;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_get(ix->joined, key, out, ei);
	st = pr_index_use(ix, SEL_GET, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, key.pid);
	sqlite3_bind_int64(st, 2, rel(ix, key.ktime));
	rc = sqlite3_step(st);
	err = rc == SQLITE_ROW ? PR_OK : rc == SQLITE_DONE ? PR_ENOENT : fail(ix, rc, ei);
	if (!err) {
		read_image(ix, st, out);
		if (out->has_pre && out->pre_ktime == key.ktime)
			*out = pr_proc_embedded(out);
		else if (out->key.ktime != key.ktime)
			err = PR_ENOENT;
	}
	sqlite3_reset(st);
	return err;
}

/* Walks the rows; fn may use the index itself, but not through the same statement. */
static int walk(struct pr_index *ix, sqlite3_stmt *st, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct pr_proc im;
	int rc, err = PR_OK;

	while (!err && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW) {
			err = fail(ix, rc, ei);
			break;
		}
		read_image(ix, st, &im);
		err = fn(ctx, &im);
	}
	sqlite3_reset(st);
	return err;
}

struct pid_walk {
	uint64_t upto;
	pr_proc_fn *fn;
	void *ctx;
};

static int pid_row(void *ctx, const struct pr_proc *im)
{
	struct pid_walk *w = ctx;
	struct pr_proc pre;
	int err = PR_OK;

	if (im->key.ktime <= w->upto)
		err = w->fn(w->ctx, im);
	if (err || !im->has_pre || im->pre_ktime > w->upto)
		return err;
	pre = pr_proc_embedded(im);
	return w->fn(w->ctx, &pre);
}

int pr_index_pid(struct pr_index *ix, uint32_t pid, uint64_t upto, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct pid_walk w = {upto, fn, ctx};
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_pid(ix->joined, pid, upto, fn, ctx, ei);
	st = pr_index_use(ix, SEL_PID, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, pid);
	return walk(ix, st, pid_row, &w, ei);
}

int pr_index_children(struct pr_index *ix, struct pr_proc_key parent, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_children(ix->joined, parent, fn, ctx, ei);
	st = pr_index_use(ix, SEL_CHILDREN, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, parent.pid);
	sqlite3_bind_int64(st, 2, rel(ix, parent.ktime));
	return walk(ix, st, fn, ctx, ei);
}

int pr_index_each(struct pr_index *ix, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	int err = pr_index_whole(ix, ei);
	sqlite3_stmt *st = err ? NULL : pr_index_use(ix, SEL_EACH, &err, ei);

	return st ? walk(ix, st, fn, ctx, ei) : err;
}

static int long_node(struct pr_index *ix, int64_t node, uint64_t t, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct pr_proc im;
	int err, rc;
	sqlite3_stmt *st = pr_index_use(ix, SEL_LONG, &err, ei);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, node);
	while (!err && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		struct pr_proc_key key = {(uint32_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1) + ix->meta.base};

		err = rc == SQLITE_ROW ? pr_index_get(ix, key, &im, ei) : fail(ix, rc, ei);
		if (err == PR_ENOENT)
			err = unusable(ix, "it is damaged", ei);
		if (!err && rel(ix, im.key.ktime) <= rel(ix, t) && (!im.end || rel(ix, im.end_ktime) > rel(ix, t)))
			err = fn(ctx, &im);
	}
	sqlite3_reset(st);
	return err;
}

int pr_index_long_at(struct pr_index *ix, uint64_t t, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	const uint64_t sign = UINT64_C(1) << 63;
	uint64_t u = (uint64_t)rel(ix, t) ^ sign;
	bool seen_open = false;
	int err;

	if (ix->joined)
		return pr_joined_long_at(ix->joined, t, fn, ctx, ei);
	err = long_node(ix, PR_INDEX_NODE_REPEAT, t, fn, ctx, ei);
	for (int k = 0; k < 64 && !err; k++) {
		int64_t node = (int64_t)((((u >> k) | 1) << k) ^ sign);

		seen_open |= !node; /* shares its number with those whose end was not seen */
		err = long_node(ix, node, t, fn, ctx, ei);
	}
	return err || seen_open ? err : long_node(ix, 0, t, fn, ctx, ei);
}

/* ---- blocks, gaps, clocks, names ---------------------------------------------------------------------------------- */

static struct pr_index_block read_block(sqlite3_stmt *st)
{
	return (struct pr_index_block){(uint64_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
		(uint64_t)sqlite3_column_int64(st, 2), (uint64_t)sqlite3_column_int64(st, 3)};
}

int pr_index_block(struct pr_index *ix, uint64_t seq, struct pr_index_block *out, struct pr_errinfo *ei)
{
	int err, rc;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_block(ix->joined, seq, out, ei);
	st = pr_index_use(ix, SEL_BLOCK, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = read_block(st);
	err = rc == SQLITE_ROW ? PR_OK : rc == SQLITE_DONE ? PR_ENOENT : fail(ix, rc, ei);
	sqlite3_reset(st);
	return !err && seq - out->first_seq >= out->frames ? PR_ENOENT : err;
}

int pr_index_step(struct pr_index *ix, sqlite3_stmt *st, struct pr_errinfo *ei)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return PR_OK;
	if (rc != SQLITE_DONE)
		fail(ix, rc, ei);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? PR_END : rc == SQLITE_NOMEM ? PR_ENOMEM : PR_EDATA;
}

static int ended(sqlite3_stmt *st, int err)
{
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

int pr_index_blocks_at(struct pr_index *ix, uint64_t from, uint64_t to, pr_index_block_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_blocks_at(ix->joined, from, to, fn, ctx, ei);
	st = pr_index_use(ix, SEL_BLOCKS, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, (int64_t)from);
	sqlite3_bind_int64(st, 2, (int64_t)to);
	sqlite3_bind_int64(st, 3, (int64_t)ix->meta.block_span);
	while (!(err = pr_index_step(ix, st, ei))) {
		struct pr_index_block b = read_block(st);

		err = fn(ctx, &b);
		if (err)
			break;
	}
	return ended(st, err);
}

int pr_index_span(struct pr_index *ix, uint64_t *out_from, uint64_t *out_to, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st = pr_index_use(ix, SEL_SPAN, &err, ei);
	int64_t first, last;

	if (!st)
		return err;
	err = pr_index_step(ix, st, ei);
	if (err)
		return err;
	first = sqlite3_column_int64(st, 0);
	last = sqlite3_column_int64(st, 1);
	err = sqlite3_column_type(st, 0) == SQLITE_NULL ? PR_ENOENT : PR_OK;
	sqlite3_reset(st);
	if (first < 0) { /* some are above 2^63, where numbers of SQLite end */
		*out_from = 0;
		*out_to = UINT64_MAX;
		return err;
	}
	*out_from = (uint64_t)first;
	*out_to = (uint64_t)last > UINT64_MAX - ix->meta.block_span ? UINT64_MAX : (uint64_t)last + ix->meta.block_span;
	return err;
}

uint64_t pr_index_u64(sqlite3_stmt *st, int col, uint64_t null)
{
	return sqlite3_column_type(st, col) == SQLITE_NULL ? null : (uint64_t)sqlite3_column_int64(st, col);
}

int pr_index_gaps(struct pr_index *ix, int (*fn)(void *ctx, const struct pr_gap *g), void *ctx, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_gaps(ix->joined, fn, ctx);
	st = pr_index_use(ix, SEL_GAPS, &err, ei);
	if (!st)
		return err;
	while (!(err = pr_index_step(ix, st, ei))) {
		struct pr_gap g = {.before_seq = pr_index_u64(st, 1, 0),
			.cpu = (uint16_t)pr_index_u64(st, 2, PR_CPU_NONE),
			.stream = (uint8_t)pr_index_u64(st, 3, 0),
			.count = pr_index_u64(st, 4, 0),
			.ktime_from = pr_index_u64(st, 5, 0),
			.ktime_to = pr_index_u64(st, 6, UINT64_MAX),
			.reason = (uint32_t)pr_index_u64(st, 7, 0)};

		g.kind = (int)(pr_index_u64(st, 0, 0) % 3);
		err = fn(ctx, &g);
		if (err)
			break;
	}
	return ended(st, err);
}

int pr_index_clocks(struct pr_index *ix, int (*fn)(void *ctx, uint64_t ktime, int64_t realtime), void *ctx, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_clocks(ix->joined, fn, ctx);
	st = pr_index_use(ix, SEL_CLOCKS, &err, ei);
	if (!st)
		return err;
	while (!(err = pr_index_step(ix, st, ei))) {
		err = fn(ctx, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1));
		if (err)
			break;
	}
	return ended(st, err);
}

int pr_index_name(struct pr_index *ix, bool is_host, uint32_t uid, uint64_t seq, struct pr_buf *out, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_name(ix->joined, is_host, uid, seq, out, ei);
	st = pr_index_use(ix, SEL_NAME, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_null(st, 1);
	if (!is_host)
		sqlite3_bind_int64(st, 1, uid);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	err = pr_index_step(ix, st, ei);
	if (!err)
		pr_buf_append(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	return ended(st, err);
}

int pr_index_reparents(struct pr_index *ix, struct pr_proc_key key, int (*fn)(void *ctx, const struct pr_index_reparent *r),
	void *ctx, struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st;

	if (ix->joined)
		return pr_joined_reparents(ix->joined, key, fn, ctx, ei);
	st = pr_index_use(ix, SEL_REPARENTS, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, key.pid);
	sqlite3_bind_int64(st, 2, rel(ix, key.ktime));
	while (!(err = pr_index_step(ix, st, ei))) {
		struct pr_index_reparent r = {.seq = pr_index_u64(st, 0, 0),
			.from = {(uint32_t)pr_index_u64(st, 1, 0), pr_index_u64(st, 2, 0) + ix->meta.base},
			.to = {(uint32_t)pr_index_u64(st, 3, 0), pr_index_u64(st, 4, 0) + ix->meta.base}};

		err = fn(ctx, &r);
		if (err)
			break;
	}
	return ended(st, err);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* index_joined.c: questions to the indexes of several segments. */
#include "schema/index_joined.h"

#include <stdlib.h>

#define SHORT PR_INDEX_SHORT_NS

static struct pr_proc proc_of(const struct pr_joined *j, const struct pr_facts *f)
{
	struct pr_row w;
	struct pr_proc p;

	pr_row_of_facts(&w, f);
	pr_row_to_proc(&w, j->base, &p);
	return p;
}

static int64_t rel(const struct pr_joined *j, uint64_t ktime)
{
	return (int64_t)(ktime - j->base);
}

/* ---- one identity, one pid ---------------------------------------------------------------------------------------- */

int pr_joined_get(struct pr_joined *j, struct pr_proc_key key, struct pr_proc *out, struct pr_errinfo *ei)
{
	struct pr_facts_list l = {0};
	int64_t kt = rel(j, key.ktime);
	int err = pr_joined_gather(j, key.pid, key.ktime - SHORT, key.ktime + SHORT, false, &l, ei);
	size_t i = 0;

	while (i < l.n && l.v[i].kt < kt)
		i++;
	if (!err && i == l.n)
		err = PR_ENOENT;
	if (!err) {
		*out = proc_of(j, &l.v[i]);
		if (out->has_pre && out->pre_ktime == key.ktime)
			*out = pr_proc_embedded(out);
		else if (out->key.ktime != key.ktime)
			err = PR_ENOENT;
	}
	free(l.v);
	return err;
}

int pr_joined_pid(struct pr_joined *j, uint32_t pid, uint64_t upto, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct pr_facts_list l = {0};
	int err = pr_joined_gather(j, pid, 0, 0, true, &l, ei);

	for (size_t i = l.n; !err && i-- > 0;) {
		struct pr_proc p = proc_of(j, &l.v[i]);

		if (p.key.ktime <= upto)
			err = fn(ctx, &p);
		if (err || !p.has_pre || p.pre_ktime > upto)
			continue;
		p = pr_proc_embedded(&p);
		err = fn(ctx, &p);
	}
	free(l.v);
	return err;
}

/* ---- sets of identities -------------------------------------------------------------------------------------------- */

/* Identities that may be in the answer, by their keys alone. */
static int push_key(struct pr_facts_list *l, uint32_t pid, int64_t kt)
{
	return pr_facts_push(l, &(struct pr_facts){.pid = pid, .kt = kt});
}

static int by_key(const void *a, const void *b)
{
	return pr_facts_compare(a, b);
}

static void sort_unique(struct pr_facts_list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_key);
	for (size_t i = 0; i < l->n; i++)
		if (!n || !pr_facts_same(&l->v[n - 1], &l->v[i]))
			l->v[n++] = l->v[i];
	l->n = n;
}

/* The row of each key, the one that embeds it where that is so. */
static int resolve(struct pr_joined *j, const struct pr_facts_list *keys, struct pr_facts_list *out, struct pr_errinfo *ei)
{
	struct pr_facts_list l = {0};
	int err = PR_OK;

	for (size_t i = 0; !err && i < keys->n; i++) {
		const struct pr_facts *k = &keys->v[i];
		uint64_t ktime = (uint64_t)k->kt + j->base;

		err = pr_joined_gather(j, k->pid, ktime - SHORT, ktime + SHORT, false, &l, ei);
		for (size_t r = 0; !err && r < l.n; r++) {
			const struct pr_facts *f = &l.v[r];

			if (f->kt == k->kt || (f->embedded && pr_minus(f->kt, f->pre) == k->kt))
				err = pr_facts_push(out, f);
		}
	}
	free(l.v);
	sort_unique(out);
	return err;
}

static int out_of_memory(int err, struct pr_errinfo *ei)
{
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory") : err;
}

static bool is_child(const struct pr_proc *p, struct pr_proc_key parent)
{
	return p->has_parent && p->parent.pid == parent.pid && p->parent.ktime == parent.ktime;
}

/* Both identities of a row. */
static int push_row(const struct pr_joined *j, const struct pr_unit *u, sqlite3_stmt *st, struct pr_facts_list *keys)
{
	uint64_t kt = u->ix->meta.base - j->base;
	struct pr_facts f[2];
	struct pr_row w;
	int n, err = PR_OK;

	pr_index_row(st, &w);
	if (!u->whole && w.v[C_BITS] & PR_ROW_REPEAT)
		return PR_OK;
	n = pr_row_to_facts(&w, f);
	for (int i = 0; !err && i < n; i++)
		err = push_key(keys, f[i].pid, (int64_t)((uint64_t)f[i].kt + kt));
	return err;
}

/* Keys of rows and facts of one unit that name the parent. */
static int unit_children(struct pr_joined *j, struct pr_unit *u, struct pr_proc_key parent, struct pr_facts_list *keys, struct pr_errinfo *ei)
{
	uint64_t base = u->ix->meta.base;
	int err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_CHILDREN, &err, ei);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, parent.pid);
	sqlite3_bind_int64(st, 2, (int64_t)(parent.ktime - base));
	while (!err && !(err = pr_index_step(u->ix, st, ei)))
		err = push_row(j, u, st, keys);
	sqlite3_reset(st);
	if (err != PR_END)
		return err;
	st = pr_index_use(u->ix, SEL_FACT_CHILDREN, &err, ei);
	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, parent.pid);
	sqlite3_bind_int64(st, 2, (int64_t)(parent.ktime - base));
	sqlite3_bind_int64(st, 3, !u->whole);
	while (!err && !(err = pr_index_step(u->ix, st, ei)))
		err = push_key(keys, (uint32_t)sqlite3_column_int64(st, 0), (int64_t)((uint64_t)sqlite3_column_int64(st, 1) + base - j->base));
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

int pr_joined_children(struct pr_joined *j, struct pr_proc_key parent, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct pr_facts_list keys = {0}, rows = {0};
	int err = PR_OK;

	pr_joined_mark(j, 1, parent.pid, parent.ktime, parent.ktime);
	for (size_t i = 0; !err && i < j->n; i++)
		if (j->mark[i])
			err = unit_children(j, &j->u[i], parent, &keys, ei);
	sort_unique(&keys);
	if (!err)
		err = resolve(j, &keys, &rows, ei);
	err = out_of_memory(err, ei);
	for (size_t i = 0; !err && i < rows.n; i++) {
		struct pr_proc p = proc_of(j, &rows.v[i]);

		if (is_child(&p, parent))
			err = fn(ctx, &p);
	}
	free(keys.v);
	free(rows.v);
	return err;
}

/* ---- who lived at T ------------------------------------------------------------------------------------------------ */

struct alive {
	struct pr_joined *j;
	struct pr_facts_list keys;
	struct pr_map ended; /* keys of those that some segment says had ended by then */
	int64_t t; /* relative to the base of all */
	struct pr_errinfo *ei;
};

static bool lives(const struct pr_facts *f, int64_t t)
{
	return f->kt <= t && (!f->e || f->e_kt > t);
}

static int alive_node(struct alive *a, struct pr_unit *u, int64_t node)
{
	int64_t t = (int64_t)((uint64_t)a->t + a->j->base - u->ix->meta.base);
	int err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_LONG_ROWS, &err, a->ei);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, node);
	while (!err && !(err = pr_index_step(u->ix, st, a->ei))) {
		struct pr_row w;
		struct pr_facts f[2];

		pr_index_row(st, &w);
		pr_row_to_facts(&w, f);
		if (lives(&f[0], t))
			err = push_row(a->j, u, st, &a->keys);
	}
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

/* As pr_index_long_at. */
static int alive_nodes(struct alive *a, struct pr_unit *u)
{
	const uint64_t sign = UINT64_C(1) << 63;
	uint64_t t = ((uint64_t)a->t + a->j->base - u->ix->meta.base) ^ sign;
	bool seen_open = false;
	int err = u->whole ? alive_node(a, u, PR_INDEX_NODE_REPEAT) : PR_OK;

	for (int k = 0; k < 64 && !err; k++) {
		int64_t node = (int64_t)((((t >> k) | 1) << k) ^ sign);

		seen_open |= !node;
		err = alive_node(a, u, node);
	}
	return err || seen_open ? err : alive_node(a, u, 0);
}

/* Facts that rows do not tell: few, so all of them. */
static int alive_facts(struct alive *a, struct pr_unit *u)
{
	uint64_t add = u->ix->meta.base - a->j->base;
	struct pr_facts f;
	int err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_ALL_FACTS, &err, a->ei);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, !u->whole);
	while (!err && !(err = pr_index_step(u->ix, st, a->ei))) {
		pr_fact_read(st, &f);
		f.kt = (int64_t)((uint64_t)f.kt + add);
		f.e_kt = (int64_t)((uint64_t)f.e_kt + add);
		if (lives(&f, a->t))
			err = push_key(&a->keys, f.pid, f.kt);
		else if (f.e && f.e_kt <= a->t && !pr_map_put(&a->ended, f.pid, (uint64_t)f.kt, NULL))
			err = PR_ENOMEM;
	}
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

/* A segment that began after T knows of nobody who lived then but those who are older than itself. */
static bool began_after(const struct alive *a, const struct pr_unit *u)
{
	int64_t t = (int64_t)((uint64_t)a->t + a->j->base - u->ix->meta.base);

	return !u->whole && (int64_t)u->ix->part.lo > t;
}

static int alive_keys(struct alive *a)
{
	struct pr_joined *j = a->j;
	size_t n = 0;
	int err = PR_OK;

	for (size_t i = 0; !err && i < j->n; i++) {
		err = alive_facts(a, &j->u[i]);
		if (!err && !began_after(a, &j->u[i]))
			err = alive_nodes(a, &j->u[i]);
	}
	for (size_t i = 0; !err && i < j->n_old; i++)
		if (!j->old[i].role && began_after(a, &j->u[j->old[i].unit]) && rel(j, j->old[i].ktime) <= a->t)
			err = push_key(&a->keys, j->old[i].pid, rel(j, j->old[i].ktime));
	sort_unique(&a->keys);
	for (size_t i = 0; i < a->keys.n; i++)
		if (!pr_map_get(&a->ended, a->keys.v[i].pid, (uint64_t)a->keys.v[i].kt))
			a->keys.v[n++] = a->keys.v[i];
	a->keys.n = n;
	return err;
}

int pr_joined_long_at(struct pr_joined *j, uint64_t t, pr_proc_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	struct alive a = {.j = j, .t = rel(j, t), .ei = ei};
	struct pr_facts_list rows = {0};
	int err = alive_keys(&a);

	if (!err)
		err = resolve(j, &a.keys, &rows, ei);
	err = out_of_memory(err, ei);
	for (size_t i = 0; !err && i < rows.n; i++) {
		struct pr_proc p = proc_of(j, &rows.v[i]);

		if (lives(&rows.v[i], a.t))
			err = fn(ctx, &p);
	}
	pr_map_release(&a.ended);
	free(a.keys.v);
	free(rows.v);
	return err;
}

/* ---- all rows ------------------------------------------------------------------------------------------------------ */

int pr_joined_all(struct pr_joined *j, struct pr_index **out, struct pr_errinfo *ei)
{
	int err;

	pr_seg_reader_set_meter(pr_trace_segment(j->trace), j->meter);
	err = pr_index_build(out, j->trace, ei);
	pr_seg_reader_set_meter(pr_trace_segment(j->trace), NULL);
	return err;
}

/* ---- blocks, gaps, clocks, names ---------------------------------------------------------------------------------- */

static void to_all(const struct pr_unit *u, struct pr_index_block *b)
{
	b->number += u->block_add;
	b->offset += u->offset_add;
	b->first_seq += u->seq_add;
}

int pr_joined_block(struct pr_joined *j, uint64_t seq, struct pr_index_block *out, struct pr_errinfo *ei)
{
	size_t i = j->n;
	int err;

	while (i && j->u[i - 1].seq_add + j->u[i - 1].skip_frames > seq)
		i--;
	if (!i)
		return PR_ENOENT;
	err = pr_index_block(j->u[i - 1].ix, seq - j->u[i - 1].seq_add, out, ei);
	if (!err && out->number < j->u[i - 1].skip_blocks)
		return PR_ENOENT;
	if (!err)
		to_all(&j->u[i - 1], out);
	return err;
}

struct block_walk {
	const struct pr_unit *u;
	pr_index_block_fn *fn;
	void *ctx;
};

static int one_block(void *ctx, const struct pr_index_block *b)
{
	struct block_walk *w = ctx;
	struct pr_index_block all = *b;

	if (b->number < w->u->skip_blocks)
		return PR_OK;
	to_all(w->u, &all);
	return w->fn(w->ctx, &all);
}

int pr_joined_blocks_at(struct pr_joined *j, uint64_t from, uint64_t to, pr_index_block_fn *fn, void *ctx, struct pr_errinfo *ei)
{
	int err = PR_OK;

	for (size_t i = 0; !err && i < j->n; i++) {
		struct block_walk w = {&j->u[i], fn, ctx};

		err = pr_index_blocks_at(j->u[i].ix, from, to, one_block, &w, ei);
	}
	return err;
}

int pr_joined_gaps(struct pr_joined *j, int (*fn)(void *ctx, const struct pr_gap *g), void *ctx)
{
	int err = PR_OK;

	for (size_t i = 0; !err && i < j->n_gaps; i++)
		err = fn(ctx, &j->gaps[i]);
	return err;
}

int pr_joined_clocks(struct pr_joined *j, int (*fn)(void *ctx, uint64_t ktime, int64_t realtime), void *ctx)
{
	int err = PR_OK;

	for (size_t i = 0; !err && i < j->n_clocks; i++)
		err = fn(ctx, j->clocks[i].ktime, j->clocks[i].realtime);
	return err;
}

int pr_joined_name(struct pr_joined *j, bool is_host, uint32_t uid, uint64_t seq, struct pr_buf *out, struct pr_errinfo *ei)
{
	const struct pr_joined_name *best = NULL;

	(void)ei;
	for (size_t i = 0; i < j->n_names; i++) {
		const struct pr_joined_name *n = &j->names[i];

		if (n->is_host != is_host || (!is_host && n->uid != uid))
			continue;
		if (n->seq <= seq || !best)
			best = n;
		if (n->seq > seq)
			break;
	}
	if (best)
		pr_buf_append(out, j->text.data + best->at, best->len);
	return PR_OK;
}

struct reparent_walk {
	const struct pr_unit *u;
	int (*fn)(void *ctx, const struct pr_index_reparent *r);
	void *ctx;
};

static int one_reparent(void *ctx, const struct pr_index_reparent *r)
{
	struct reparent_walk *w = ctx;
	struct pr_index_reparent all = *r;

	if (r->seq < w->u->skip_frames)
		return PR_OK;
	all.seq += w->u->seq_add;
	return w->fn(w->ctx, &all);
}

int pr_joined_reparents(struct pr_joined *j, struct pr_proc_key key, int (*fn)(void *ctx, const struct pr_index_reparent *r), void *ctx,
	struct pr_errinfo *ei)
{
	int err = PR_OK;

	for (size_t i = 0; !err && i < j->n; i++) {
		struct reparent_walk w = {&j->u[i], fn, ctx};

		err = pr_index_reparents(j->u[i].ix, key, one_reparent, &w, ei);
	}
	return err;
}

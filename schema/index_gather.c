/* SPDX-License-Identifier: BSD-2-Clause */
/* index_gather.c: what several segments tell of identities that are near each other, added up. */
#include <stdlib.h>

#include "base/room.h"
#include "schema/index_joined.h"

int pr_facts_push(struct pr_facts_list *l, const struct pr_facts *f)
{
	struct pr_facts *p = pr_room(l->v, l->n, &l->cap, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	l->v = p;
	l->v[l->n++] = *f;
	return PR_OK;
}

/* ---- who may know a key ------------------------------------------------------------------------------------------- */

static int compare_old(const struct pr_old_key *a, uint8_t role, uint32_t pid, uint64_t ktime)
{
	if (a->role != role)
		return a->role < role ? -1 : 1;
	if (a->pid != pid)
		return a->pid < pid ? -1 : 1;
	return a->ktime < ktime ? -1 : a->ktime > ktime;
}

static size_t first_old(const struct pr_joined *j, uint8_t role, uint32_t pid, uint64_t ktime)
{
	size_t lo = 0, hi = j->n_old;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare_old(&j->old[mid], role, pid, ktime) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void mark_old(struct pr_joined *j, uint8_t role, uint32_t pid, uint64_t lo, uint64_t hi)
{
	for (size_t i = first_old(j, role, pid, lo); i < j->n_old && j->old[i].role == role && j->old[i].pid == pid && j->old[i].ktime <= hi; i++)
		j->mark[j->old[i].unit] = true;
}

void pr_joined_mark(struct pr_joined *j, uint8_t role, uint32_t pid, uint64_t lo, uint64_t hi)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct pr_index *ix = j->u[i].ix;
		int64_t from = (int64_t)(lo - ix->meta.base), to = (int64_t)(hi - ix->meta.base);

		j->mark[i] = j->u[i].whole || (to >= (int64_t)ix->part.lo && from <= (int64_t)ix->part.hi);
	}
	if (lo <= hi) {
		mark_old(j, role, pid, lo, hi);
	} else { /* around 0 */
		mark_old(j, role, pid, lo, UINT64_MAX);
		mark_old(j, role, pid, 0, hi);
	}
}

/* ---- from one segment --------------------------------------------------------------------------------------------- */

static int64_t plus(int64_t a, uint64_t b)
{
	return (int64_t)((uint64_t)a + b);
}

static bool is_empty(const struct pr_facts *f)
{
	return !f->x && !f->c && !f->e;
}

struct span {
	uint32_t pid;
	int64_t lo, hi; /* relative to the segment's base */
};

static void bind_span(sqlite3_stmt *st, const struct span *s, bool embedding)
{
	int64_t hi = embedding && s->hi < INT64_MAX - (int64_t)PR_INDEX_SHORT_NS ? s->hi + (int64_t)PR_INDEX_SHORT_NS : s->hi;

	sqlite3_bind_int64(st, 1, s->pid);
	sqlite3_bind_int64(st, 2, s->lo);
	sqlite3_bind_int64(st, 3, hi);
}

static int take_facts(struct pr_unit *u, const struct span *s, struct pr_facts_list *out, struct pr_errinfo *ei)
{
	struct pr_facts f;
	int err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_FACTS, &err, ei);

	if (!st)
		return err;
	bind_span(st, s, false);
	sqlite3_bind_int64(st, 4, !u->whole);
	while (!(err = pr_index_step(u->ix, st, ei))) {
		pr_fact_read(st, &f);
		err = pr_facts_push(out, &f);
		if (err)
			break;
	}
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

static bool told(const struct pr_facts_list *l, size_t from, size_t to, int64_t kt)
{
	for (size_t i = from; i < to; i++)
		if (l->v[i].kt == kt)
			return true;
	return false;
}

/* Rows, where `fact` does not say it better: out[from..to) is what it said. */
static int take_rows(struct pr_unit *u, const struct span *s, size_t from, size_t to, struct pr_facts_list *out, struct pr_errinfo *ei)
{
	struct pr_facts f[2];
	struct pr_row w;
	int err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_RANGE, &err, ei);

	if (!st)
		return err;
	bind_span(st, s, true);
	while (!(err = pr_index_step(u->ix, st, ei))) {
		int n;

		pr_index_row(st, &w);
		if (!u->whole && w.v[C_BITS] & PR_ROW_REPEAT)
			continue;
		n = pr_row_to_facts(&w, f);
		for (int i = 0; !err && i < n; i++)
			if (f[i].kt >= s->lo && f[i].kt <= s->hi && !told(out, from, to, f[i].kt))
				err = pr_facts_push(out, &f[i]);
		if (err)
			break;
	}
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

/* To the numbers of all segments. */
static void rebase(const struct pr_joined *j, const struct pr_unit *u, struct pr_facts *f)
{
	uint64_t kt = u->ix->meta.base - j->base;

	f->kt = plus(f->kt, kt);
	f->x_pkt = plus(f->x_pkt, kt);
	f->c_pkt = plus(f->c_pkt, kt);
	f->e_kt = plus(f->e_kt, kt);
	f->x_seq += u->seq_add;
	f->c_seq += u->seq_add;
	f->e_seq += u->seq_add;
}

static int from_unit(const struct pr_joined *j, struct pr_unit *u, const struct span *s, struct pr_facts_list *out, struct pr_errinfo *ei)
{
	size_t from = out->n, to;
	int err = take_facts(u, s, out, ei);

	to = out->n;
	if (!err)
		err = take_rows(u, s, from, to, out, ei);
	for (size_t i = from; i < out->n; i++)
		rebase(j, u, &out->v[i]);
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory") : err;
}

/* ---- added up ------------------------------------------------------------------------------------------------------ */

static int by_kt(const void *a, const void *b)
{
	return pr_facts_compare(a, b);
}

/* As the writer does: facts of one identity are joined, and what was cloned and only became the next image is embedded in that. */
static void add_up(struct pr_facts_list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_kt);
	for (size_t i = 0; i < l->n; i++) {
		if (is_empty(&l->v[i]))
			continue;
		if (n && pr_facts_same(&l->v[n - 1], &l->v[i]))
			pr_facts_join(&l->v[n - 1], &l->v[i]);
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
	n = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct pr_facts f = l->v[i];

		if (n && pr_facts_embeddable(&f, &l->v[n - 1]))
			pr_facts_embed(&f, &l->v[--n]);
		l->v[n++] = f;
	}
	l->n = n;
}

int pr_joined_gather(struct pr_joined *j, uint32_t pid, uint64_t lo, uint64_t hi, bool every, struct pr_facts_list *out, struct pr_errinfo *ei)
{
	int err = PR_OK;

	out->n = 0;
	pr_joined_mark(j, 0, pid, lo, hi);
	for (size_t i = 0; !err && i < j->n; i++) {
		uint64_t base = j->u[i].ix->meta.base;
		struct span s = {pid, every ? INT64_MIN : (int64_t)(lo - base), every ? INT64_MAX : (int64_t)(hi - base)};

		if (every || j->mark[i])
			err = from_unit(j, &j->u[i], &s, out, ei);
	}
	if (!err)
		add_up(out);
	return err;
}

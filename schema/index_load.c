/* SPDX-License-Identifier: BSD-2-Clause */
/* index_load.c: what several segments tell of more than processes, in memory: it is little, and each answer needs it. */
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "schema/index_joined.h"

static int push_gap(struct pr_joined *j, const struct pr_gap *g)
{
	struct pr_gap *p = pr_room(j->gaps, j->n_gaps, &j->cap_gaps, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	j->gaps = p;
	p[j->n_gaps++] = *g;
	return PR_OK;
}

static int push_clock(struct pr_joined *j, struct pr_joined_clock c)
{
	struct pr_joined_clock *p = pr_room(j->clocks, j->n_clocks, &j->cap_clocks, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	j->clocks = p;
	p[j->n_clocks++] = c;
	return PR_OK;
}

static int push_name(struct pr_joined *j, struct pr_joined_name n)
{
	struct pr_joined_name *p = pr_room(j->names, j->n_names, &j->cap_names, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	j->names = p;
	p[j->n_names++] = n;
	return PR_OK;
}

static int push_old(struct pr_joined *j, struct pr_old_key k)
{
	struct pr_old_key *p = pr_room(j->old, j->n_old, &j->cap_old, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	j->old = p;
	p[j->n_old++] = k;
	return PR_OK;
}

/* ---- sequences ----------------------------------------------------------------------------------------------------- */

struct sequences {
	struct pr_joined *j;
	struct pr_gaps gaps;
	uint64_t read; /* counted frames so far, as far as they could be read */
	const char *why; /* they can't be joined */
};

static int on_gap(void *ctx, const struct pr_gap *g)
{
	return push_gap(((struct sequences *)ctx)->j, g);
}

/* What is missing before the unit. */
static int missing_before(struct sequences *s, const struct pr_unit *u)
{
	struct pr_seg_member m;
	struct pr_gap g = {.kind = PR_GAP_DAMAGE, .before_seq = s->read, .cpu = PR_CPU_NONE};

	pr_seg_reader_member(pr_trace_segment(s->j->trace), u->first, &m);
	if (!u->first || !m.before)
		return PR_OK;
	g.count = m.before->frames_known ? m.before->frames : 0;
	g.ktime_from = m.before->ktime_from;
	g.ktime_to = m.before->ktime_to;
	pr_gaps_forget(&s->gaps);
	return push_gap(s->j, &g);
}

static struct pr_gap gap_of(const struct pr_unit *u, sqlite3_stmt *st, int kind)
{
	uint64_t stream = (uint64_t)sqlite3_column_int64(st, 2);
	struct pr_gap g = {.before_seq = (uint64_t)sqlite3_column_int64(st, 1) + u->seq_add,
		.cpu = (uint16_t)(stream >> 8),
		.stream = (uint8_t)stream,
		.count = (uint64_t)sqlite3_column_int64(st, 3),
		.ktime_from = (uint64_t)sqlite3_column_int64(st, 4),
		.ktime_to = (uint64_t)sqlite3_column_int64(st, 5),
		.reason = (uint32_t)sqlite3_column_int64(st, 6)};

	g.kind = kind;
	return g;
}

static int one_step(struct sequences *s, const struct pr_unit *u, sqlite3_stmt *st, struct pr_errinfo *ei)
{
	int64_t kind = sqlite3_column_int64(st, 0);
	uint64_t seq = (uint64_t)sqlite3_column_int64(st, 1);
	struct pr_gap_stream at = {.next = (uint64_t)sqlite3_column_int64(st, 3),
		.ktime = (uint64_t)sqlite3_column_int64(st, 4),
		.known = sqlite3_column_int64(st, 6)};
	struct pr_gap g;

	if (kind < 0 || kind > PR_STEP_STATE)
		return pr_fail(ei, PR_EDATA, "%s: it is damaged", u->ix->name);
	if (kind >= PR_STEP_BEGIN && seq < u->skip_frames)
		return PR_OK;
	if (kind >= PR_STEP_TOUCH)
		return pr_gaps_redo(&s->gaps, (enum pr_gap_step)kind, (uint64_t)sqlite3_column_int64(st, 2), &at, seq + u->seq_add);
	g = gap_of(u, st, (int)kind);
	/* Noticed before any frame of it: as far as the one before could be read. */
	if (kind == PR_GAP_DAMAGE && seq == u->skip_frames && s->read != g.before_seq)
		s->why = "it begins with damage";
	return push_gap(s->j, &g);
}

static int load_steps(struct sequences *s, const struct pr_unit *u, struct pr_errinfo *ei)
{
	const struct pr_index_part *part = &u->ix->part;
	int err = missing_before(s, u);
	sqlite3_stmt *st;

	if (err)
		return err;
	if (!s->gaps.any && part->any) {
		s->gaps.any = true;
		s->gaps.first_ktime = part->first_ktime;
	}
	st = pr_index_use(u->ix, SEL_STEPS, &err, ei);
	while (!err && !(err = pr_index_step(u->ix, st, ei)))
		err = one_step(s, u, st, ei);
	sqlite3_reset(st);
	if (u->ix->meta.blocks > u->skip_blocks)
		s->read = part->read_frames + u->seq_add;
	if (s->gaps.streams.len >= PR_GAP_STREAMS_MAX)
		s->why = "there are too many sequences";
	if (err == PR_END && s->why)
		return pr_fail(ei, PR_END, "%s: it cannot be joined with others: %s", u->ix->name, s->why);
	return err == PR_END ? PR_OK : err;
}

static int load_sequences(struct pr_joined *j, struct pr_errinfo *ei)
{
	struct sequences s = {.j = j};
	int err = PR_OK;

	pr_gaps_init(&s.gaps, on_gap, &s);
	if (pr_seg_reader_header(pr_trace_segment(j->trace))->number)
		pr_gaps_forget(&s.gaps);
	for (size_t i = 0; !err && i < j->n; i++)
		err = load_steps(&s, &j->u[i], ei);
	pr_gaps_release(&s.gaps);
	return err;
}

/* ---- clocks, names, old keys -------------------------------------------------------------------------------------- */

static int one_clock(struct pr_joined *j, const struct pr_unit *u, size_t i, sqlite3_stmt *st)
{
	(void)i;
	if ((uint64_t)sqlite3_column_int64(st, 2) < u->skip_frames)
		return PR_OK;
	return push_clock(j, (struct pr_joined_clock){(uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)});
}

static int one_name(struct pr_joined *j, const struct pr_unit *u, size_t i, sqlite3_stmt *st)
{
	uint64_t seq = (uint64_t)sqlite3_column_int64(st, 0);
	struct pr_joined_name n = {.seq = seq + u->seq_add,
		.is_host = sqlite3_column_type(st, 1) == SQLITE_NULL,
		.uid = (uint32_t)sqlite3_column_int64(st, 1),
		.at = j->text.len,
		.len = (size_t)sqlite3_column_bytes(st, 2)};

	(void)i;
	if (seq < u->skip_frames)
		return PR_OK;
	pr_buf_append(&j->text, sqlite3_column_blob(st, 2), n.len);
	return pr_buf_failed(&j->text) ? PR_ENOMEM : push_name(j, n);
}

static int one_old(struct pr_joined *j, const struct pr_unit *u, size_t i, sqlite3_stmt *st)
{
	return push_old(j, (struct pr_old_key){.role = sqlite3_column_int64(st, 0) != 0,
		.pid = (uint32_t)sqlite3_column_int64(st, 1),
		.ktime = (uint64_t)sqlite3_column_int64(st, 2) + u->ix->meta.base,
		.unit = i});
}

static int load_rows(struct pr_joined *j, size_t i, enum pr_index_stmt which,
	int (*fn)(struct pr_joined *j, const struct pr_unit *u, size_t i, sqlite3_stmt *st), struct pr_errinfo *ei)
{
	int err;
	sqlite3_stmt *st = pr_index_use(j->u[i].ix, which, &err, ei);

	while (!err && !(err = pr_index_step(j->u[i].ix, st, ei)))
		err = fn(j, &j->u[i], i, st);
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

static int by_old(const void *pa, const void *pb)
{
	const struct pr_old_key *a = pa, *b = pb;

	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->ktime < b->ktime ? -1 : a->ktime > b->ktime;
}

int pr_joined_load(struct pr_joined *j, struct pr_errinfo *ei)
{
	int err = load_sequences(j, ei);

	for (size_t i = 0; !err && i < j->n; i++) {
		err = load_rows(j, i, SEL_CLOCKS, one_clock, ei);
		if (!err)
			err = load_rows(j, i, SEL_NAMES, one_name, ei);
		if (!err && !j->u[i].whole)
			err = load_rows(j, i, SEL_OLD, one_old, ei);
	}
	if (j->n_old)
		qsort(j->old, j->n_old, sizeof(*j->old), by_old);
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory") : err;
}

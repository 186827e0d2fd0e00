/* SPDX-License-Identifier: BSD-2-Clause */
/* index_join.c: opens the indexes of several segments, and finds out what they make together. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/index_joined.h"
#include "schema/index_lead.h"

/* ---- units --------------------------------------------------------------------------------------------------------- */

static void drop_units(struct pr_joined *j, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		pr_index_close(j->u[i].ix);
}

void pr_joined_free(struct pr_joined *j)
{
	if (!j)
		return;
	drop_units(j, 0, j->n);
	pr_buf_release(&j->text);
	free(j->u);
	free(j->old);
	free(j->gaps);
	free(j->clocks);
	free(j->names);
	free(j->mark);
	free(j);
}

static void place(const struct pr_joined *j, struct pr_unit *u)
{
	struct pr_seg_member m;

	pr_seg_reader_member(pr_trace_segment(j->trace), u->first, &m);
	u->whole = !u->first || m.before;
	u->offset_add = m.offset;
	u->block_add = m.block;
	u->seq_add = m.frame - m.repeat;
	u->skip_frames = u->whole ? 0 : u->ix->part.repeat_frames;
	u->skip_blocks = u->whole ? 0 : u->ix->part.repeat_blocks;
}

/* Segments first.. of them alone, read a second time. */
static int open_again(const struct pr_joined *j, size_t first, size_t n, struct pr_trace **out, struct pr_errinfo *ei)
{
	struct pr_source **src = calloc(n, sizeof(struct pr_source *));
	struct pr_seg_member m;
	bool ok = src != NULL;
	int err;

	for (size_t i = 0; ok && i < n; i++) {
		pr_seg_reader_member(pr_trace_segment(j->trace), first + i, &m);
		src[i] = pr_source_borrow(m.source);
		ok = src[i] != NULL;
	}
	if (ok) {
		err = pr_trace_open_list(out, src, n, NULL, ei);
	} else {
		for (size_t i = 0; src && i < n; i++)
			pr_source_close(src[i]);
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	free(src);
	return err;
}

/* An index of these segments alone, from their frames. */
static int build(const struct pr_joined *j, size_t first, size_t n, struct pr_unit *out, struct pr_errinfo *ei)
{
	struct pr_trace *t;
	int err = open_again(j, first, n, &t, ei);

	*out = (struct pr_unit){.first = first, .n = n};
	if (err)
		return err;
	err = pr_index_build(&out->ix, t, ei);
	pr_trace_close(t);
	if (!err)
		place(j, out);
	return err;
}

/* Does the index mean the same frames by repeated state as the reader of all does? */
static bool fits(const struct pr_joined *j, const struct pr_unit *u)
{
	struct pr_seg_member m;

	pr_seg_reader_member(pr_trace_segment(j->trace), u->first, &m);
	return u->whole || m.repeat == u->ix->part.repeat_frames;
}

/* The index beside a segment. PR_ENOENT, PR_EDATA: there is none to be used. */
static int open_beside(const struct pr_joined *j, size_t i, struct pr_unit *out, struct pr_errinfo *ei)
{
	struct pr_seg_member m;
	struct pr_trace *t;
	char *path;
	int err;

	*out = (struct pr_unit){.first = i, .n = 1};
	pr_seg_reader_member(pr_trace_segment(j->trace), i, &m);
	path = pr_index_path(m.name);
	if (!path)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = open_again(j, i, 1, &t, ei);
	if (!err) {
		err = pr_index_open(&out->ix, path, t, ei);
		pr_trace_close(t);
	}
	if (!err) {
		place(j, out);
		if (!fits(j, out)) {
			pr_index_close(out->ix);
			err = pr_fail(ei, PR_EDATA, "%s: it is older than the trace", path);
		}
	}
	free(path);
	return err;
}

/* ---- together ------------------------------------------------------------------------------------------------------ */

struct joining {
	struct pr_joined *j;
	struct pr_index_join_notes *notes;
	struct pr_errinfo *ei;
};

static int open_units(struct joining *w)
{
	struct pr_joined *j = w->j;
	size_t n = pr_seg_reader_segments(pr_trace_segment(j->trace));
	int err = PR_OK;

	j->u = calloc(n, sizeof(*j->u));
	j->mark = calloc(n, sizeof(*j->mark));
	if (!j->u || !j->mark)
		return pr_fail(w->ei, PR_ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < n; i++) {
		struct pr_errinfo why;
		struct pr_seg_member m;

		pr_seg_reader_member(pr_trace_segment(j->trace), i, &m);
		err = open_beside(j, i, &j->u[i], &why);
		if (err == PR_ENOENT || err == PR_EDATA) {
			/* The one that is being written has none yet. */
			if ((err == PR_EDATA || i + 1 < n || m.sealed) && !w->notes->n_unusable++)
				w->notes->first = why;
			err = build(j, i, 1, &j->u[i], w->ei);
		} else if (err) {
			*w->ei = why;
		}
		j->n += !err;
	}
	return err;
}

/* Segments a to b become one, which is built from their frames. */
static int unite(struct pr_joined *j, size_t a, size_t b, struct pr_errinfo *ei)
{
	const struct pr_unit *last = &j->u[b];
	struct pr_unit u;
	int err = build(j, j->u[a].first, last->first + last->n - j->u[a].first, &u, ei);

	if (err)
		return err;
	drop_units(j, a, b + 1);
	j->u[a] = u;
	memmove(&j->u[a + 1], &j->u[b + 1], (j->n - b - 1) * sizeof(*j->u));
	j->n -= b - a;
	return PR_OK;
}

static int check_units(const struct pr_joined *j, struct pr_errinfo *ei)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct pr_index *ix = j->u[i].ix;
		int64_t off = (int64_t)(ix->meta.base - j->base);

		if (ix->part.wild || !fits(j, &j->u[i]) || off >= PR_INDEX_WILD || off <= -PR_INDEX_WILD)
			return pr_fail(ei, PR_END, "%s: it cannot be joined with others", ix->name);
	}
	if (!j->u[0].ix->part.any || !j->u[0].ix->meta.base)
		return pr_fail(ei, PR_END, "%s: it has no frames", j->u[0].ix->name);
	return PR_OK;
}

/* ---- frames that belong to an execve in another segment ----------------------------------------------------------- */

struct waiting {
	struct pr_map data; /* id -> number of the unit that has it */
	bool has_info;
	uint32_t pid;
	uint64_t ktime;
	size_t unit; /* that has the info */
};

static int next_lead(const struct pr_unit *u, sqlite3_stmt *st, int *out_kind, uint64_t *out_pid, uint64_t *out_time, struct pr_errinfo *ei)
{
	int err = pr_index_step(u->ix, st, ei);

	if (err)
		return err;
	*out_kind = (int)(sqlite3_column_int64(st, 0) & 15);
	*out_pid = (uint64_t)sqlite3_column_int64(st, 1);
	*out_time = (uint64_t)sqlite3_column_int64(st, 2);
	return PR_OK;
}

/* *out_from: the first unit of those that hold what an execve in unit i needs; i where it needs none. */
static int look_back(const struct pr_joined *j, size_t i, const struct waiting *w, size_t *out_from, struct pr_errinfo *ei)
{
	struct pr_unit *u = &j->u[i];
	struct pr_map_slot *s;
	uint64_t pid, time;
	size_t pos = 0;
	int kind, err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_LEADS, &err, ei);

	*out_from = i;
	if (!st)
		return err;
	while (!(err = next_lead(u, st, &kind, &pid, &time, ei))) {
		s = kind == PR_LEAD_OVER || (kind == PR_LEAD_REPEATED && u->whole) ? pr_map_get(&w->data, pid, time) : NULL;
		if (s && s->v.u < *out_from)
			*out_from = s->v.u;
		if (w->has_info && kind == (u->whole ? PR_LEAD_EXEC_REPEATED : PR_LEAD_EXEC) && pid == w->pid && time == w->ktime &&
			w->unit < *out_from)
			*out_from = w->unit;
	}
	while ((s = pr_map_each(&w->data, &pos))) /* younger than what comes after it: not told by PR_LEAD_OVER */
		if (s->k1 >= u->ix->part.own_ktime && s->v.u < *out_from)
			*out_from = s->v.u;
	return err == PR_END ? PR_OK : err;
}

/* What waits at the end of unit i. */
static int look_on(const struct pr_joined *j, size_t i, struct waiting *w, struct pr_errinfo *ei)
{
	struct pr_unit *u = &j->u[i];
	uint64_t pid, time;
	int kind, err;
	sqlite3_stmt *st = pr_index_use(u->ix, SEL_LEADS, &err, ei);

	if (!st)
		return err;
	if (w->data.len + u->ix->part.lead_peak >= PR_LEAD_DATA_MAX)
		return pr_fail(ei, PR_END, "%s: more data waits than is kept", u->ix->name);
	if (u->whole ? u->ix->part.all_execs : u->ix->part.own_execs)
		w->has_info = false;
	while (!err && !(err = next_lead(u, st, &kind, &pid, &time, ei))) {
		if (kind == PR_LEAD_DATA || (kind == PR_LEAD_DATA_REPEATED && u->whole)) {
			struct pr_map_slot *s = pr_map_put(&w->data, pid, time, NULL);

			if (!s)
				err = pr_fail(ei, PR_ENOMEM, "out of memory");
			else
				s->v.u = i;
		} else if (kind == PR_LEAD_INFO || (kind == PR_LEAD_INFO_REPEATED && u->whole)) {
			w->has_info = true;
			w->pid = (uint32_t)pid;
			w->ktime = time;
			w->unit = i;
		}
	}
	sqlite3_reset(st);
	return err == PR_END ? PR_OK : err;
}

/* Segments between which an execve is torn from what belongs to it are looked at as one. *out_again: the units are others now. */
static int unite_torn(struct pr_joined *j, bool *out_again, struct pr_errinfo *ei)
{
	struct waiting w = {0};
	int err = PR_OK;

	*out_again = false;
	for (size_t i = 0; !err && i < j->n && !*out_again; i++) {
		size_t from;

		err = look_back(j, i, &w, &from, ei);
		*out_again = !err && from < i;
		if (*out_again)
			err = unite(j, from, i, ei);
		else if (!err)
			err = look_on(j, i, &w, ei);
	}
	pr_map_release(&w.data);
	return err;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int join(struct joining *w)
{
	struct pr_joined *j = w->j;
	bool again = true;
	int err = open_units(w);

	if (err)
		return err;
	j->base = j->u[0].ix->meta.base;
	while (!err && again) {
		err = check_units(j, w->ei);
		if (!err)
			err = unite_torn(j, &again, w->ei);
	}
	return err ? err : pr_joined_load(j, w->ei);
}

/* Without any, reading the frames of all at once is less work. */
static int any_beside(const struct pr_trace *t, bool *out, struct pr_errinfo *ei)
{
	const struct pr_seg_reader *seg = pr_trace_segment((struct pr_trace *)t);

	*out = false;
	for (size_t i = 0; !*out && i < pr_seg_reader_segments(seg); i++) {
		struct pr_seg_member m;
		char *path;

		pr_seg_reader_member(seg, i, &m);
		path = pr_index_path(m.name);
		if (!path)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		*out = !access(path, F_OK);
		free(path);
	}
	return PR_OK;
}

int pr_index_join(struct pr_index **out, struct pr_trace *t, const struct pr_meter *meter, struct pr_index_join_notes *notes, struct pr_errinfo *ei)
{
	struct joining w = {.notes = notes, .ei = ei};
	struct pr_index *ix;
	bool any;
	int err = any_beside(t, &any, ei);

	*notes = (struct pr_index_join_notes){0};
	if (err || !any)
		return err ? err : PR_ENOENT;
	ix = calloc(1, sizeof(*ix));
	w.j = calloc(1, sizeof(*w.j));
	if (!ix || !w.j) {
		free(ix);
		free(w.j);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	ix->joined = w.j;
	w.j->trace = t;
	w.j->meter = meter;
	err = join(&w);
	if (err) {
		pr_index_close(ix);
		return err == PR_END ? PR_EDATA : err;
	}
	ix->meta = (struct pr_index_meta){.base = w.j->base, .frames = w.j->u[0].ix->meta.frames};
	*out = ix;
	return PR_OK;
}

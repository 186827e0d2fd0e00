/* SPDX-License-Identifier: BSD-2-Clause */
/* lineage_open.c: a trace, and the index that questions about it stand on: the one beside it, or one of our own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "replay/query/lineage.h"

static int add_gap(void *ctx, const struct pr_gap *g)
{
	struct pr_lineage *l = ctx;
	struct pr_gap *p = pr_room(l->gaps, l->n_gaps, &l->cap_gaps, sizeof(*p));

	if (!p)
		return PR_ENOMEM;
	l->gaps = p;
	p[l->n_gaps++] = *g;
	return PR_OK;
}

static int add_clock(void *ctx, uint64_t ktime, int64_t realtime)
{
	return pr_timeline_add(ctx, ktime, realtime);
}

/* PR_ENOENT: there is none; PR_EDATA: it is not used, see l->note. */
static int open_beside(struct pr_lineage *l, const char *path, struct pr_errinfo *ei)
{
	char *idx = pr_index_path(path);
	int err;

	if (!idx)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = pr_index_open(&l->index, idx, l->trace, &l->note);
	free(idx);
	l->has_note = err == PR_EDATA;
	return err;
}

/* Those of the segments of a directory. PR_ENOENT: there is none; PR_EDATA: they are not used. */
static int open_joined(struct pr_lineage *l, const struct pr_lineage_options *o, struct pr_errinfo *ei)
{
	struct pr_index_join_notes notes;
	struct pr_errinfo why;
	int err = pr_index_join(&l->index, l->trace, o->meter, &notes, &why);
	const struct pr_errinfo *first = err ? &why : &notes.first;

	if (err == PR_ENOENT)
		return err;
	if (err && err != PR_EDATA) {
		*ei = why;
		return err;
	}
	/* The directory's own is not missed where those of the segments answer. */
	l->has_note = err || notes.n_unusable;
	if (!l->has_note)
		return PR_OK;
	l->note = *first;
	if (!err && notes.n_unusable > 1)
		snprintf(l->note.msg, sizeof(l->note.msg), "%.*s (and %zu more)", (int)sizeof(l->note.msg) - 40, first->msg, notes.n_unusable - 1);
	return err;
}

/* PR_ENOENT, PR_EDATA: no index that there is can be used. */
static int open_any(struct pr_lineage *l, const char *path, const struct pr_lineage_options *o, struct pr_errinfo *ei)
{
	struct pr_seg_reader *seg = pr_trace_segment(l->trace);
	struct pr_seg_member m;
	int err;

	if (pr_seg_reader_has_unreadable(seg))
		return PR_ENOENT;
	/* That of a directory is of its newest boot. */
	err = o->boot ? PR_ENOENT : open_beside(l, path, ei);
	pr_seg_reader_member(seg, 0, &m);
	if ((err != PR_ENOENT && err != PR_EDATA) || !strcmp(m.name, path))
		return err;
	if (pr_seg_reader_segments(seg) > 1)
		return open_joined(l, o, ei);
	/* A directory of a single segment is that segment. */
	return err == PR_ENOENT ? open_beside(l, m.name, ei) : err;
}

static int open_index(struct pr_lineage *l, const char *path, const struct pr_lineage_options *o, struct pr_errinfo *ei)
{
	bool no_index = o->no_index || o->has_until_frame; /* an index knows of all frames */
	int err = no_index ? PR_ENOENT : open_any(l, path, o, ei);

	if (err != PR_ENOENT && err != PR_EDATA)
		return err;
	l->is_private = true;
	pr_seg_reader_set_meter(pr_trace_segment(l->trace), o->meter);
	err = pr_index_build_until(&l->index, l->trace, o->has_until_frame ? o->until_frame : UINT64_MAX, ei);
	pr_seg_reader_set_meter(pr_trace_segment(l->trace), NULL); /* what is read from now on is little */
	return err;
}

static int load(struct pr_lineage *l, const char *path, const struct pr_lineage_options *o, struct pr_errinfo *ei)
{
	int err = pr_trace_open_boot(&l->trace, path, o->boot, ei);

	if (!err)
		err = open_index(l, path, o, ei);
	if (err)
		return err;
	l->timeline.has_start = pr_index_meta(l->index)->frames > 0;
	l->timeline.start = pr_index_meta(l->index)->base;
	err = pr_index_clocks(l->index, add_clock, &l->timeline, ei);
	if (!err && o->has_until_frame && !l->timeline.n) /* the first reading, wherever it stands: times are shown by it, as in events */
		err = pr_timeline_scan(&l->timeline, l->trace, false, ei);
	if (!err)
		err = pr_index_gaps(l->index, add_gap, l, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	return err;
}

int pr_lineage_open(struct pr_lineage *l, const char *path, const struct pr_lineage_options *o, struct pr_errinfo *ei)
{
	int err;

	*l = (struct pr_lineage){0};
	pr_timeline_init(&l->timeline);
	err = load(l, path, o, ei);
	if (err == PR_EDATA && !l->is_private) { /* the index broke while it was read */
		struct pr_lineage_options again = *o;
		struct pr_errinfo note = *ei;

		again.no_index = true;
		pr_lineage_close(l);
		err = pr_lineage_open(l, path, &again, ei);
		l->has_note = true;
		l->note = note;
		return err;
	}
	if (err) {
		pr_lineage_close(l);
		return err;
	}
	pr_fetch_init(&l->frames, pr_trace_segment(l->trace), l->index);
	pr_details_init(&l->details, &l->frames, l->index);
	return PR_OK;
}

void pr_lineage_close(struct pr_lineage *l)
{
	pr_details_release(&l->details);
	pr_fetch_release(&l->frames);
	pr_index_close(l->index);
	pr_trace_close(l->trace);
	pr_timeline_release(&l->timeline);
	free(l->gaps);
	l->gaps = NULL;
	l->index = NULL;
	l->trace = NULL;
}

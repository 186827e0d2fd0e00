/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c: segments -> blocks -> frames, with damage and gaps reported at their places.
 */
#include "schema/trace.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "schema/follow.h"
#include "schema/gaps.h"
#include "schema/recording.h"

struct follower {
	struct pr_follow *where; /* owned */
	pr_trace_wait_fn *wait;
	void *ctx;
	bool waiting;
	bool last; /* what is there now is the end */
};

struct pr_trace {
	struct pr_seg_reader *seg; /* owned */
	struct follower follower; /* where NULL: what is there is the trace */
	struct pr_trace_events ev;
	struct pr_gaps gaps;
	struct pr_frame_iter it;
	struct pr_block block;
	bool in_block;
	struct pr_trace_state st;
};

static int note_gap(void *ctx, const struct pr_gap *g)
{
	struct pr_trace *t = ctx;

	t->st.gaps++;
	return t->ev.on_gap ? t->ev.on_gap(t->ev.ctx, g) : PR_OK;
}

/* What a later segment does not hold of its sequences is in the ones before it, which need not be here. */
static void begin_gaps(struct pr_trace *t)
{
	if (pr_seg_reader_header(t->seg)->number)
		pr_gaps_forget(&t->gaps);
}

/* Takes seg over. */
static int make(struct pr_trace **out, struct pr_seg_reader *seg, uint64_t left_out, struct pr_errinfo *ei)
{
	struct pr_trace *t = calloc(1, sizeof(*t));

	if (!t) {
		pr_seg_reader_free(seg);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	t->seg = seg;
	pr_gaps_init(&t->gaps, note_gap, t);
	begin_gaps(t);
	t->st.sealed = pr_seg_reader_footer(t->seg) != NULL;
	t->st.segments = pr_seg_reader_segments(seg);
	t->st.left_out = left_out;
	*out = t;
	return PR_OK;
}

int pr_trace_open_source(struct pr_trace **out, struct pr_source *src, struct pr_errinfo *ei)
{
	struct pr_seg_reader *seg;
	int err = pr_seg_reader_new(&seg, src, ei);

	return err ? err : make(out, seg, 0, ei);
}

int pr_trace_open_list(struct pr_trace **out, struct pr_source **src, size_t n, const char *name, struct pr_errinfo *ei)
{
	struct pr_seg_reader *seg;
	int err = pr_seg_reader_new_list(&seg, src, n, name, ei);

	return err ? err : make(out, seg, 0, ei);
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int open_of(struct pr_trace **out, const char *path, uint64_t since, const struct pr_seg_header *of, struct pr_recording_span *out_span,
	struct pr_errinfo *ei)
{
	struct pr_seg_reader *seg;
	struct pr_source *src;
	int err;

	*out_span = (struct pr_recording_span){0};
	if (is_dir(path)) {
		err = pr_recording_open(&seg, path, since, of, out_span, ei);
		if (!err)
			err = make(out, seg, out_span->left_out, ei);
		if (!err) {
			(*out)->st.boot_meant = of;
			(*out)->st.unreadable = out_span->unreadable;
		}
		return err;
	}
	err = pr_source_file(&src, path, ei);
	if (!err)
		err = pr_trace_open_source(out, src, ei);
	if (!err)
		out_span->first = *pr_seg_reader_header((*out)->seg);
	return err;
}

int pr_trace_open_since(struct pr_trace **out, const char *path, uint64_t since, const struct pr_seg_header *of, struct pr_recording_span *out_span,
	struct pr_errinfo *ei)
{
	return open_of(out, path, since, of, out_span, ei);
}

int pr_trace_open(struct pr_trace **out, const char *path, struct pr_errinfo *ei)
{
	return pr_trace_open_boot(out, path, NULL, ei);
}

int pr_trace_open_boot(struct pr_trace **out, const char *path, const struct pr_seg_header *of, struct pr_errinfo *ei)
{
	struct pr_recording_span span;

	return open_of(out, path, 0, of, &span, ei);
}

/* ---- following --------------------------------------------------------------------------------------------------- */

static int open_now(struct pr_seg_reader **out, const char *path, bool dir, struct pr_recording_span *out_span, struct pr_errinfo *ei)
{
	struct pr_source *src;
	int err;

	if (dir)
		return pr_recording_open(out, path, 0, NULL, out_span, ei);
	err = pr_source_file(&src, path, ei);
	return err ? err : pr_seg_reader_new(out, src, ei);
}

/* A recorder that is there and has not written its first header yet is about to. */
static int open_when_begun(struct pr_seg_reader **out, const char *path, bool dir, const struct follower *f,
	struct pr_recording_span *out_span, struct pr_errinfo *ei)
{
	int err;

	for (;;) {
		struct pr_trace_wait w = {.fd = -1, .writer = pr_follow_writer(f->where, NULL)};

		err = open_now(out, path, dir, out_span, ei);
		if ((err != PR_EFORMAT && err != PR_ETRUNC) || w.writer != PR_WRITER_THERE || f->wait(f->ctx, &w, NULL))
			return err;
	}
}

int pr_trace_follow(struct pr_trace **out, const char *path, pr_trace_wait_fn *wait, void *ctx, struct pr_errinfo *ei)
{
	struct follower f = {.wait = wait, .ctx = ctx, .waiting = true};
	struct pr_recording_span span = {0};
	struct pr_seg_reader *seg;
	bool dir = is_dir(path);
	int err = pr_follow_new(&f.where, path, dir, ei);

	if (!err)
		err = open_when_begun(&seg, path, dir, &f, &span, ei);
	if (!err)
		err = make(out, seg, span.left_out, ei);
	if (err) {
		pr_follow_free(f.where);
		return err;
	}
	pr_seg_reader_growing(seg, true);
	pr_follow_begin(f.where, seg, span.last_series);
	(*out)->follower = f;
	(*out)->st.boot_meant = true;
	return PR_OK;
}

void pr_trace_set_waiting(struct pr_trace *t, bool waiting)
{
	t->follower.waiting = waiting;
}

void pr_trace_forward(struct pr_trace *t)
{
	pr_seg_reader_forward(t->seg);
}

/* At the end of what there is: 0 when there is more to read, PR_END at the end of the trace, or of what was there without waiting. */
static int at_end(struct pr_trace *t, struct pr_errinfo *ei)
{
	struct follower *f = &t->follower;
	enum pr_follow_step step;
	int err;

	for (;;) {
		struct pr_trace_wait w;

		err = pr_follow_look(f->where, t->seg, f->last, &step, ei);
		if (err)
			return err;
		t->st.sealed = pr_seg_reader_footer(t->seg) != NULL;
		t->st.segments = pr_seg_reader_segments(t->seg);
		t->st.outlived = step == PR_FOLLOW_OTHER;
		if (step == PR_FOLLOW_MORE)
			return PR_OK;
		if (step != PR_FOLLOW_WAIT || !f->waiting)
			return PR_END;
		w = (struct pr_trace_wait){pr_follow_fd(f->where), pr_follow_writer(f->where, t->seg)};
		err = f->wait(f->ctx, &w, ei);
		if (err < 0)
			return err;
		f->last = err == PR_END;
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

void pr_trace_close(struct pr_trace *t)
{
	if (!t)
		return;
	pr_follow_free(t->follower.where);
	pr_gaps_release(&t->gaps);
	pr_seg_reader_free(t->seg);
	free(t);
}

void pr_trace_set_pool(struct pr_trace *t, struct pr_pool *pool)
{
	pr_seg_reader_set_pool(t->seg, pool);
}

void pr_trace_set_events(struct pr_trace *t, const struct pr_trace_events *e)
{
	t->ev = e ? *e : (struct pr_trace_events){0};
}

void pr_trace_rewind(struct pr_trace *t)
{
	struct pr_trace_state old = t->st;

	pr_seg_reader_rewind(t->seg);
	pr_gaps_release(&t->gaps);
	begin_gaps(t);
	t->in_block = false;
	t->st = (struct pr_trace_state){.sealed = old.sealed, .segments = old.segments, .left_out = old.left_out,
		.unreadable = old.unreadable, .boot_meant = old.boot_meant};
}

struct pr_seg_reader *pr_trace_segment(struct pr_trace *t)
{
	return t->seg;
}

void pr_trace_get_state(const struct pr_trace *t, struct pr_trace_state *out)
{
	*out = t->st;
}

static int damaged(struct pr_trace *t, const struct pr_seg_damage *d)
{
	struct pr_gap g = {.kind = PR_GAP_DAMAGE,
		.before_seq = t->st.frames,
		.cpu = PR_CPU_NONE,
		.count = d->frames_known ? d->frames : 0,
		.ktime_from = d->ktime_from,
		.ktime_to = d->ktime_to};
	int err = PR_OK;

	t->st.damages++;
	pr_gaps_forget(&t->gaps);
	if (t->ev.on_damage)
		err = t->ev.on_damage(t->ev.ctx, d);
	return err ? err : note_gap(t, &g);
}

/* Moves on to the next good block; PR_END behind the last. */
static int next_block(struct pr_trace *t, struct pr_errinfo *ei)
{
	struct pr_seg_damage d;
	int err = pr_seg_reader_next(t->seg, &t->block, &d, ei);

	if (err == PR_EDATA)
		return damaged(t, &d);
	if (err == PR_END && t->follower.where) {
		err = at_end(t, ei);
		if (!err)
			return PR_OK; /* with no block yet */
	}
	if (err) {
		t->st.tail_bytes = pr_seg_reader_tail(t->seg);
		return err;
	}
	pr_frame_iter_init(&t->it, &t->block);
	t->in_block = true;
	return t->ev.on_block ? t->ev.on_block(t->ev.ctx, &t->block) : PR_OK;
}

/* A block whose link is right but whose envelopes do not add up was written so: what is left of it can't be read. */
static int end_block(struct pr_trace *t)
{
	struct pr_seg_damage d = {.from = t->block.offset,
		.to = t->block.offset + PR_SEG_BLOCK_SIZE + t->block.desc.comp_size,
		.ktime_from = t->block.desc.ktime_min,
		.ktime_to = t->block.desc.ktime_max,
		.why = "its envelopes pass the end of the block"};

	t->in_block = false;
	return t->it.damaged ? damaged(t, &d) : PR_OK;
}

int pr_trace_next(struct pr_trace *t, struct pr_frame *out, struct pr_errinfo *ei)
{
	int err;

	for (;;) {
		if (t->in_block && pr_frame_iter_next(&t->it, out))
			break;
		err = t->in_block ? end_block(t) : next_block(t, ei);
		if (err)
			return err;
	}
	err = pr_gaps_frame(&t->gaps, out);
	if (err)
		return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory") : err;
	t->st.frames = t->it.next_seq;
	return PR_OK;
}

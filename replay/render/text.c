/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c: lines for people. TIME PID PPID KIND WHAT; columns may grow, and are never cut but on a terminal. */
#include <string.h>

#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/render/render.h"

#define PID_WIDTH 7 /* pid_max has at most seven digits */
#define TIME_WIDTH 30 /* of a wall-clock time; seconds of ktime are padded to SECONDS_WIDTH */
#define SECONDS_WIDTH 18

static void pad_to(struct pr_buf *b, size_t at, size_t width)
{
	size_t n = b->len - at;

	if (n < width && pr_buf_grow(b, width - n)) {
		memmove(b->data + at + width - n, b->data + at, n);
		memset(b->data + at, ' ', width - n);
	}
}

static void put_time(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e)
{
	size_t at = b->len;

	if (e->has_time) {
		pr_time_in_zone(b, r->zone, e->time);
	} else {
		pr_time_seconds(b, e->ktime);
		pad_to(b, at, SECONDS_WIDTH);
	}
	pr_paint(b, r->style, PR_ROLE_MINOR, at);
}

static void put_binary(struct pr_renderer *r, struct pr_buf *b, const struct pr_image *im)
{
	struct pr_slice s = pr_image_binary(im, &r->scratch);
	size_t at = b->len;

	pr_text_escape(b, s.p, s.n);
	pr_paint(b, r->style, PR_ROLE_COMMAND, at);
}

static void put_command(struct pr_renderer *r, struct pr_buf *b, const struct pr_image *im)
{
	struct pr_slice s;

	put_binary(r, b, im);
	s = pr_image_arguments(im, &r->scratch);
	if (s.n || im->one_empty_arg)
		pr_buf_u8(b, ' ');
	pr_text_escape_lossy(b, s.p, s.n);
}

/* The kind's word, and whether all of the command line is shown. */
static const char *kind_of(const struct pr_event_line *e, bool *out_whole)
{
	*out_whole = false;
	switch (e->op) {
	case PR_OP_CLONE:
		return " clone  ";
	case PR_OP_EXIT:
		return " exit   ";
	default:
		*out_whole = true;
		return e->alive ? " alive  " : " execve ";
	}
}

void pr_render_event_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e)
{
	size_t from = b->len, at;
	bool whole;
	const char *kind = kind_of(e, &whole);

	put_time(r, b, e);
	pr_buf_u8(b, ' ');
	at = b->len;
	pr_render_padded(b, e->id.pid, PID_WIDTH);
	pr_paint(b, r->style, PR_ROLE_PID, at);
	pr_buf_u8(b, ' ');
	if (e->entry)
		pr_render_padded(b, e->entry->parent.pid, PID_WIDTH);
	else
		pr_buf_append(b, "      -", PID_WIDTH);
	pr_buf_append(b, kind, 8);
	at = b->len;
	if (e->op == PR_OP_EXIT) {
		pr_render_status(b, e->status);
		pr_paint(b, r->style, pr_status_role(e->status), at);
		pr_buf_append(b, "  ", 2);
	}
	at = b->len;
	if (!e->entry)
		pr_paint_str(b, r->style, PR_ROLE_DOUBT, "(not in the cache)");
	else if (whole)
		put_command(r, b, e->entry->image);
	else
		put_binary(r, b, e->entry->image);
	pr_style_fit_tail(r->style, b, from, at);
	pr_buf_u8(b, '\n');
}

static void put_span(struct pr_renderer *r, struct pr_buf *b, const struct pr_gap *g)
{
	if (g->ktime_from) {
		pr_buf_str(b, ", after ");
		pr_timeline_show(r->timeline, b, g->ktime_from);
	}
	if (g->ktime_to != UINT64_MAX) {
		pr_buf_str(b, ", before ");
		pr_timeline_show(r->timeline, b, g->ktime_to);
	}
}

/* Of a piece: what was missing where it was cut out. */
static const char *loss_of_piece(const struct pr_gap *g)
{
	if (g->kind != PR_GAP_LOSS)
		return NULL;
	if (g->reason == PR_LOSS_BEFORE)
		return " missing before this piece begins, so that its first state may lack them";
	return g->reason == PR_LOSS_RETENTION ? " deleted by retention before this piece was cut out" : NULL;
}

void pr_render_gap_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_gap *g)
{
	size_t from = b->len;

	pr_buf_str(b, "-- gap: ");
	if (g->count)
		pr_buf_u64_dec(b, g->count);
	else
		pr_buf_str(b, "an unknown number of");
	if (loss_of_piece(g)) {
		pr_buf_str(b, g->count == 1 ? " frame" : " frames");
		pr_buf_str(b, loss_of_piece(g));
		put_span(r, b, g);
		pr_buf_str(b, " --\n");
		return;
	}
	switch (g->kind) {
	case PR_GAP_SEQ:
		pr_buf_str(b, g->count == 1 ? " frame of the " : " frames of the ");
		pr_buf_str(b, pr_stream_name(g->stream));
		pr_buf_str(b, " stream lost");
		if (g->cpu != PR_CPU_NONE) {
			pr_buf_str(b, " on cpu ");
			pr_buf_u64_dec(b, g->cpu);
		}
		break;
	case PR_GAP_DAMAGE:
		pr_buf_str(b, g->count == 1 ? " frame lost in damaged bytes" : " frames lost in damaged bytes");
		break;
	case PR_GAP_LOSS:
		pr_buf_str(b, g->count == 1 ? " frame of the " : " frames of the ");
		pr_buf_str(b, pr_stream_name(g->stream));
		pr_buf_str(b, " stream never recorded (");
		pr_buf_str(b, pr_loss_name(g->reason));
		pr_buf_u8(b, ')');
		break;
	}
	put_span(r, b, g);
	pr_buf_str(b, " --");
	pr_paint(b, r->style, PR_ROLE_LOSS, from);
	pr_buf_u8(b, '\n');
}

void pr_render_entry_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_entry *e)
{
	struct pr_slice user = pr_image_user(e->image);
	size_t from = b->len, at = from;

	pr_render_padded(b, e->id.pid, PID_WIDTH);
	pr_paint(b, r->style, PR_ROLE_PID, at);
	pr_buf_u8(b, ' ');
	pr_render_padded(b, e->id.ktime, SECONDS_WIDTH);
	at = b->len;
	if (e->ref < 0)
		pr_buf_u8(b, '-');
	pr_buf_u64_dec(b, e->ref < 0 ? 0 - (uint64_t)e->ref : (uint64_t)e->ref);
	pad_to(b, at, 6);
	if (e->ref < 0)
		pr_paint(b, r->style, PR_ROLE_FAILED, at);
	pr_buf_u8(b, ' ');
	pr_render_padded(b, e->parent.pid, PID_WIDTH);
	pr_buf_u8(b, ' ');
	pr_render_padded(b, e->parent.ktime, SECONDS_WIDTH);
	pr_buf_u8(b, ' ');
	at = b->len;
	if (user.n)
		pr_text_escape(b, user.p, user.n);
	else
		pr_buf_u64_dec(b, e->image->uid);
	while (b->len - at < 8 && !b->failed)
		pr_buf_u8(b, ' ');
	pr_buf_u8(b, ' ');
	at = b->len;
	put_command(r, b, e->image);
	pr_style_fit_tail(r->style, b, from, at);
	pr_buf_u8(b, '\n');
}

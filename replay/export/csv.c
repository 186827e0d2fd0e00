/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csv.c: RFC 4180, one row an image of a process, with the line of names on top. What a process did between its clone and its first
 * exec has no row of its own: `cloned_ktime` of the image tells when it was cloned.
 *
 * A cell of text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a line end) gets a ' in front.
 */
#include <string.h>

#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/export/export.h"

static const char header[] =
	"process_id,exec_id,parent_exec_id,pid,ppid,how,certainty,cloned_ktime,start_ktime,end_ktime,start,end,duration_ns,ended_by,"
	"exit_code,exit_signal,uid,user,binary,command,argv,cwd,children,gap\r\n";

/* Ends the cell before; `quoted` ones must have their quotes doubled. */
static void next(struct pr_export *x)
{
	pr_buf_u8(&x->out.buf, ',');
}

static void put_quoted(struct pr_buf *out, const uint8_t *p, size_t n)
{
	pr_buf_u8(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			pr_buf_u8(out, '"');
		pr_buf_u8(out, p[i]);
	}
	pr_buf_u8(out, '"');
}

static void put_text(struct pr_export *x, struct pr_slice s)
{
	struct pr_buf b = PR_BUF_INIT;

	next(x);
	if (s.n && memchr("=+-@\t\r\n", s.p[0], 7))
		pr_buf_u8(&b, '\'');
	pr_text_escape_lossy(&b, s.p, s.n);
	put_quoted(&x->out.buf, b.data, b.len);
	x->out.buf.failed |= b.failed;
	pr_buf_release(&b);
}

static void put_argv(struct pr_export *x, const struct pr_image *im)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_json j = pr_json_make(&b);

	next(x);
	if (!im)
		return;
	pr_export_json_argv(x, &j, NULL, NULL, im, false);
	put_quoted(&x->out.buf, b.data, b.len);
	x->out.buf.failed |= b.failed;
	pr_buf_release(&b);
}

static void put_u64(struct pr_export *x, bool known, uint64_t v)
{
	next(x);
	if (known)
		pr_buf_u64_dec(&x->out.buf, v);
}

static void put_id(struct pr_export *x, bool known, struct pr_id id)
{
	if (known)
		pr_text_exec_id(&x->out.buf, pr_walk_host(&x->walk), id);
}

static void put_time(struct pr_export *x, bool known, uint64_t ktime)
{
	int64_t realtime;

	next(x);
	if (known && pr_timeline_real(&x->walk.session.timeline, ktime, &realtime))
		pr_time_utc(&x->out.buf, realtime);
}

static void put_str(struct pr_export *x, const char *s)
{
	next(x);
	pr_buf_str(&x->out.buf, s);
}

static void put_what(struct pr_export *x, const struct pr_image *im)
{
	static const struct pr_slice none = {(const uint8_t *)"", 0};

	put_u64(x, im, im ? im->uid : 0);
	put_text(x, im ? pr_image_user(im) : none);
	put_text(x, pr_export_binary(x, im));
	put_text(x, pr_export_command(x, im));
	put_argv(x, im);
	put_text(x, im ? pr_image_cwd(im) : none);
}

static int image(void *ctx, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_export *x = ctx;
	bool last = l->is_over, exited = last && l->end == PR_LIFE_EXIT, ended = !last || exited;
	uint64_t from = im->start == PR_LIFE_EXEC ? im->id.ktime : im->from;

	if (!last && im->number == 0 && im->start == PR_LIFE_CLONE)
		return PR_OK;
	put_id(x, true, l->first);
	next(x);
	put_id(x, true, im->id);
	next(x);
	put_id(x, im->parent.pid, im->parent);
	put_u64(x, true, im->id.pid);
	put_u64(x, l->creator_id.pid, l->creator_id.pid);
	put_str(x, pr_life_how(im));
	put_str(x, pr_life_certainty_name(im->certainty));
	put_u64(x, im->first_exec && l->first.ktime != im->id.ktime, l->first.ktime);
	put_u64(x, true, from);
	put_u64(x, ended, im->to);
	put_time(x, true, from);
	put_time(x, ended, im->to);
	put_u64(x, ended, im->to - from);
	put_str(x, pr_life_ended_by(l, im));
	put_u64(x, exited && !pr_status_signal(l->status), pr_status_code(l->status));
	put_u64(x, exited && pr_status_signal(l->status), pr_status_signal(l->status));
	put_what(x, im->image);
	put_u64(x, true, l->children);
	put_str(x, last && l->gap ? l->lost_exec ? "end+exec" : "end" : l->lost_exec ? "exec" : "");
	pr_buf_str(&x->out.buf, "\r\n");
	return pr_export_written(x);
}

static int open_(struct pr_export *x)
{
	pr_buf_str(&x->out.buf, header);
	return PR_OK;
}

const struct pr_export_format pr_export_csv = {
	.name = "csv",
	.about = "a table, one row a process image",
	.open = open_,
	.sink = {.image = image},
};

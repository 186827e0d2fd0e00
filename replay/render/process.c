/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/render/process.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "replay/decode/text.h"

#define PID_WIDTH 7
#define HOW_WIDTH 10
#define CERTAINTY_WIDTH 8
#define END_WIDTH 18

void pr_render_command(struct pr_renderer *r, struct pr_buf *b, const struct pr_image *image)
{
	struct pr_slice s;

	if (!image) {
		pr_buf_str(b, "(not known)");
		return;
	}
	s = pr_image_binary(image, &r->scratch);
	pr_text_escape(b, s.p, s.n);
	s = pr_image_arguments(image, &r->scratch);
	if (s.n || image->one_empty_arg)
		pr_buf_u8(b, ' ');
	pr_text_escape_lossy(b, s.p, s.n);
}

void pr_render_duration(struct pr_buf *b, uint64_t ns)
{
	if (ns < 1000)
		pr_buf_printf(b, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		pr_buf_printf(b, "%" PRIu64 " us", ns / 1000);
	else if (ns < 10000000000)
		pr_buf_printf(b, "%" PRIu64 ".%03" PRIu64 " s", ns / 1000000000, ns / 1000000 % 1000);
	else
		pr_buf_printf(b, "%" PRIu64 ".%01" PRIu64 " s", ns / 1000000000, ns / 100000000 % 10);
}

static void column(struct pr_buf *b, const char *text, size_t width)
{
	size_t n = strlen(text);

	pr_buf_str(b, text);
	for (; n < width; n++)
		pr_buf_u8(b, ' ');
	pr_buf_u8(b, ' ');
}

/* "0.412 s, code 0"; "0.001 s, exec"; "no end seen" */
static void put_end(struct pr_buf *b, const struct pr_link *l)
{
	const struct pr_proc *p = &l->proc;

	if (!l->known) {
		pr_buf_str(b, "-");
		return;
	}
	if (!p->end) {
		pr_buf_str(b, l->gap ? "end maybe lost" : "no end seen");
		return;
	}
	pr_render_duration(b, p->end_ktime - p->key.ktime);
	pr_buf_str(b, ", ");
	if (p->end == PR_ENDED_EXIT)
		pr_render_status(b, p->status);
	else
		pr_buf_str(b, "exec");
}

void pr_render_process_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	const struct pr_link *l = v->link;
	size_t at;

	pr_timeline_show(r->timeline, b, l->proc.key.ktime);
	pr_buf_u8(b, ' ');
	pr_render_padded(b, l->proc.key.pid, PID_WIDTH);
	pr_buf_u8(b, ' ');
	column(b, pr_link_how(l), HOW_WIDTH);
	column(b, pr_certainty_name(l->certainty), CERTAINTY_WIDTH);
	at = b->len;
	put_end(b, l);
	while (b->len - at < END_WIDTH && !b->failed)
		pr_buf_u8(b, ' ');
	pr_buf_u8(b, ' ');
	if (l->known)
		pr_render_command(r, b, v->image);
	else
		pr_buf_str(b, "(not in the trace)");
	pr_buf_u8(b, '\n');
}

void pr_render_process_node(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	const struct pr_link *l = v->link;

	pr_buf_u64_dec(b, l->proc.key.pid);
	pr_buf_u8(b, ' ');
	if (l->known)
		pr_render_command(r, b, v->image);
	else
		pr_buf_str(b, "(not in the trace)");
	pr_buf_str(b, "  [");
	pr_buf_str(b, pr_link_how(l));
	if (l->certainty != PR_CERTAIN_OBSERVED && strcmp(pr_certainty_name(l->certainty), pr_link_how(l))) {
		pr_buf_str(b, ", ");
		pr_buf_str(b, pr_certainty_name(l->certainty));
	}
	if (l->proc.end || l->gap) {
		pr_buf_str(b, ", ");
		put_end(b, l);
	}
	pr_buf_u8(b, ']');
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static void put_exec_id(struct pr_json *j, const char *key, struct pr_slice host, struct pr_proc_key k)
{
	pr_json_key(j, key);
	pr_buf_u8(j->out, '"');
	pr_text_exec_id(j->out, host, (struct pr_id){k.pid, k.ktime});
	pr_buf_u8(j->out, '"');
}

static void put_exit(struct pr_json *j, const struct pr_proc *p)
{
	if (p->end != PR_ENDED_EXIT) {
		pr_json_null(j, "exit");
		return;
	}
	pr_json_object(j, "exit");
	pr_json_u64(j, "code", pr_status_code(p->status));
	pr_json_u64(j, "signal", pr_status_signal(p->status));
	pr_json_bool(j, "core", pr_status_core(p->status));
	pr_json_u64(j, "status", p->status);
	pr_json_object_end(j);
}

static void put_no_image(struct pr_json *j)
{
	static const char *const keys[] = {"uid", "user", "binary", "arguments", "argv", "cwd", "cap"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		pr_json_null(j, keys[i]);
}

void pr_render_process_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	const struct pr_link *l = v->link;
	const struct pr_proc *p = &l->proc;
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "process");
	pr_json_u64(&j, "depth", v->depth);
	pr_json_u64(&j, "pid", p->key.pid);
	pr_json_u64(&j, "ktime", p->key.ktime);
	put_exec_id(&j, "exec_id", v->host, p->key);
	if (l->has_parent)
		put_exec_id(&j, "parent_exec_id", v->host, l->parent);
	else
		pr_json_null(&j, "parent_exec_id");
	pr_json_str(&j, "how", pr_link_how(l));
	pr_json_str(&j, "certainty", pr_certainty_name(l->certainty));
	pr_render_time_json(r->timeline, &j, "start", p->key.ktime);
	if (p->end)
		pr_render_time_json(r->timeline, &j, "end", p->end_ktime);
	else
		pr_json_null(&j, "end");
	put_exit(&j, p);
	if (v->image)
		pr_render_image_json(r, &j, v->image, true);
	else
		put_no_image(&j);
	if (p->end)
		pr_json_u64(&j, "end_ktime", p->end_ktime);
	else
		pr_json_null(&j, "end_ktime");
	if (p->end)
		pr_json_str(&j, "ended_by", p->end == PR_ENDED_EXIT ? "exit" : "exec");
	else
		pr_json_null(&j, "ended_by");
	if (p->has_seq && p->start)
		pr_json_u64(&j, "seq", p->seq);
	else
		pr_json_null(&j, "seq");
	pr_json_bool(&j, "gap", l->gap);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/render/process.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "replay/decode/text.h"
#include "schema/boot.h"

#define PID_WIDTH 7
#define HOW_WIDTH 10
#define CERTAINTY_WIDTH 8
#define END_WIDTH 18

void pr_render_program(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	size_t at = b->len;
	struct pr_slice s;

	if (!v->image) {
		pr_buf_str(b, "(not known)");
	} else if (!v->unknown) {
		s = pr_image_binary(v->image, &r->scratch);
		pr_text_escape(b, s.p, s.n);
		pr_paint(b, r->style, PR_ROLE_COMMAND, at);
	} else {
		pr_buf_str(b, v->comm.n ? "(unknown: " : "(unknown");
		pr_text_escape(b, v->comm.p, v->comm.n);
		pr_buf_u8(b, ')');
		pr_paint(b, r->style, PR_ROLE_DOUBT, at);
	}
}

void pr_render_command(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	struct pr_slice s;

	pr_render_program(r, b, v);
	if (!v->image)
		return;
	if (v->image->enomem) {
		if (v->image->enomem == PR_ENOMEM_ARGS)
			pr_paint_str(b, r->style, PR_ROLE_DOUBT, " (arguments unknown)");
		return;
	}
	s = pr_image_arguments(v->image, &r->scratch);
	if (s.n || v->image->one_empty_arg)
		pr_buf_u8(b, ' ');
	pr_text_escape_lossy(b, s.p, s.n);
}

void pr_render_duration(struct pr_buf *b, int64_t span)
{
	uint64_t ns = span < 0 ? 0 - (uint64_t)span : (uint64_t)span;

	if (span < 0)
		pr_buf_str(b, "-");
	if (ns < 1000)
		pr_buf_printf(b, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		pr_buf_printf(b, "%" PRIu64 " us", ns / 1000);
	else if (ns < 10000000000)
		pr_buf_printf(b, "%" PRIu64 ".%03" PRIu64 " s", ns / 1000000000, ns / 1000000 % 1000);
	else
		pr_buf_printf(b, "%" PRIu64 ".%01" PRIu64 " s", ns / 1000000000, ns / 100000000 % 10);
}

static void column(struct pr_buf *b, const struct pr_style *style, enum pr_role role, const char *text, size_t width)
{
	size_t n = strlen(text);

	pr_paint_str(b, style, role, text);
	for (; n < width; n++)
		pr_buf_u8(b, ' ');
	pr_buf_u8(b, ' ');
}

static enum pr_role certainty_role(const struct pr_link *l)
{
	return l->certainty == PR_CERTAIN_INFERRED || l->certainty == PR_CERTAIN_UNKNOWN ? PR_ROLE_DOUBT : PR_ROLE_PLAIN;
}

static enum pr_role end_role(const struct pr_link *l)
{
	if (!l->known || !l->proc.end)
		return l->known && l->gap ? PR_ROLE_LOSS : PR_ROLE_PLAIN;
	return l->proc.end == PR_ENDED_EXIT ? pr_status_role(l->proc.status) : PR_ROLE_PLAIN;
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
	pr_render_duration(b, (int64_t)(p->end_ktime - p->key.ktime));
	pr_buf_str(b, ", ");
	if (p->end == PR_ENDED_EXIT)
		pr_render_status(b, p->status);
	else
		pr_buf_str(b, "exec");
}

void pr_render_process_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v)
{
	const struct pr_link *l = v->link;
	size_t from = b->len, at = from, n;

	pr_timeline_show(r->timeline, b, l->proc.key.ktime);
	pr_paint(b, r->style, PR_ROLE_MINOR, at);
	pr_buf_u8(b, ' ');
	at = b->len;
	pr_render_padded(b, l->proc.key.pid, PID_WIDTH);
	pr_paint(b, r->style, PR_ROLE_PID, at);
	pr_buf_u8(b, ' ');
	column(b, r->style, PR_ROLE_PLAIN, pr_link_how(l), HOW_WIDTH);
	column(b, r->style, certainty_role(l), pr_certainty_name(l->certainty), CERTAINTY_WIDTH);
	at = b->len;
	put_end(b, l);
	n = b->len - at;
	pr_paint(b, r->style, end_role(l), at);
	for (; n < END_WIDTH; n++)
		pr_buf_u8(b, ' ');
	pr_buf_u8(b, ' ');
	at = b->len;
	if (l->known)
		pr_render_command(r, b, v);
	else
		pr_paint_str(b, r->style, PR_ROLE_DOUBT, "(not in the trace)");
	pr_style_fit_tail(r->style, b, from, at);
	pr_buf_u8(b, '\n');
}

/* "  [clone+exec, 0.412 s, code 0]" */
static void put_brackets(const struct pr_style *style, struct pr_buf *b, const struct pr_link *l)
{
	bool named = strcmp(pr_certainty_name(l->certainty), pr_link_how(l)); /* "unknown" and "snapshot" are both */
	size_t at;

	pr_buf_str(b, "  [");
	pr_paint_str(b, style, named ? PR_ROLE_PLAIN : certainty_role(l), pr_link_how(l));
	if (l->certainty != PR_CERTAIN_OBSERVED && named) {
		pr_buf_str(b, ", ");
		pr_paint_str(b, style, certainty_role(l), pr_certainty_name(l->certainty));
	}
	if (l->proc.end || l->gap) {
		pr_buf_str(b, ", ");
		at = b->len;
		put_end(b, l);
		pr_paint(b, style, end_role(l), at);
	}
	pr_buf_u8(b, ']');
}

void pr_render_process_node(struct pr_renderer *r, struct pr_buf *b, size_t from, const struct pr_process_view *v)
{
	const struct pr_link *l = v->link;
	const struct pr_style *style = r->style;
	struct pr_style head = style ? *style : (struct pr_style){0};
	bool selected = v->part != PR_PART_ON_THE_WAY;
	size_t at = b->len, width;

	if (!selected)
		r->style = NULL; /* one colour for all of it */
	pr_buf_u64_dec(b, l->proc.key.pid);
	pr_paint(b, r->style, PR_ROLE_PID, at);
	pr_buf_u8(b, ' ');
	if (l->known)
		pr_render_command(r, b, v);
	else
		pr_paint_str(b, r->style, PR_ROLE_DOUBT, "(not in the trace)");
	r->style = style;
	pr_buf_clear(&r->scratch);
	if (selected)
		put_brackets(style, &r->scratch, l);
	else
		pr_buf_str(&r->scratch, "  [on the way]");
	if (!selected)
		pr_paint(b, style, PR_ROLE_MINOR, at);
	if (head.columns) { /* what is known of it is never cut: the command before it makes room */
		width = pr_style_width(style, r->scratch.data, r->scratch.len);
		head.columns = head.columns > width + PR_STYLE_TAIL_MIN ? head.columns - (unsigned)width : PR_STYLE_TAIL_MIN;
		pr_style_fit(&head, b, from);
	}
	pr_buf_append(b, r->scratch.data, r->scratch.len);
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

void pr_render_boot_json(struct pr_json *j, const uint8_t id[PR_SEG_UUID])
{
	if (!pr_boot_id_is_stated(id)) {
		pr_json_null(j, "boot_id");
		return;
	}
	pr_json_key(j, "boot_id");
	pr_buf_u8(j->out, '"');
	pr_boot_id_put(j->out, id);
	pr_buf_u8(j->out, '"');
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
		pr_render_known_json(r, &j, v->image);
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
	pr_render_boot_json(&j, v->boot_id);
	if (v->image && v->unknown) {
		pr_json_str(&j, "binary_unknown", pr_unknown_name(v->unknown));
		if (v->comm.n)
			pr_json_bytes(&j, "comm", v->comm.p, v->comm.n);
		else
			pr_json_null(&j, "comm");
	}
	if (v->image && v->image->enomem)
		pr_json_str(&j, "arguments_unknown", pr_unknown_name(PR_MALFORMED));
	if (v->part)
		pr_json_bool(&j, "selected", v->part == PR_PART_SELECTED);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

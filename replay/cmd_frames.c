/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_frames.c: `replay --frames`: every frame as it stands in the trace, one a line: for those who look at decoders. */
#include <unistd.h>

#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/following.h"
#include "replay/notes.h"
#include "replay/render/render.h"
#include "replay/session.h"

struct frames {
	struct pr_session s;
	struct pr_renderer renderer;
	struct pr_out out;
	const struct pr_replay_args *args;
};

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct frames *f = ctx;

	pr_notes_damage(f->args->trace, d);
	return PR_OK;
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct frames *f = ctx;

	if (f->args->json)
		pr_render_gap_json(&f->renderer, &f->out.buf, g);
	else
		pr_render_gap_text(&f->renderer, &f->out.buf, g);
	return PR_OK;
}

/* The process that a frame is about, where it names one. */
static bool identity(const struct pr_applied *a, struct pr_id *out)
{
	if (a->kind == PR_APPLIED_LIFECYCLE) {
		*out = a->id;
		return true;
	}
	if (a->kind == PR_APPLIED_MALFORMED || !a->event)
		return false;
	switch (a->event->op) {
	case PR_OP_EXEC_INFO:
	case PR_OP_CLONE_INFO:
	case PR_OP_EXIT_INFO:
	case PR_OP_REPARENT:
	case PR_OP_EXEC_FAIL:
		*out = a->event->own.id;
		return true;
	case PR_OP_DATA: /* its id is the pid_tgid and a time of the exec's own */
		*out = (struct pr_id){(uint32_t)(a->event->data.id_pid >> 32), a->event->data.id_time};
		return true;
	default:
		return false;
	}
}

static void print_text(struct frames *v, const struct pr_frame *f, const struct pr_applied *a, const struct pr_id *id)
{
	const struct pr_style *style = v->renderer.style;
	struct pr_buf *b = &v->out.buf;
	const char *name = f->env_flags & PR_ENV_RAW ? "raw" : pr_op_name(f->op);
	size_t at;

	if (f->env_flags & (PR_ENV_META | PR_ENV_CONT))
		pr_buf_str(b, "       -");
	else
		pr_render_padded(b, f->seq, 8);
	pr_buf_u8(b, ' ');
	at = b->len;
	pr_timeline_show(&v->s.timeline, b, f->ktime);
	pr_paint(b, style, PR_ROLE_MINOR, at);
	if (f->cpu == PR_CPU_NONE)
		pr_buf_str(b, "   - ");
	else
		pr_buf_printf(b, " %3u ", f->cpu);
	pr_buf_printf(b, "%-5s %8llu ", pr_stream_name(f->stream), (unsigned long long)f->env_seq);
	if (name)
		pr_buf_printf(b, "%-13s %7u", name, f->size);
	else
		pr_buf_printf(b, "op %-10u %7u", f->op, f->size);
	if (id)
		pr_buf_printf(b, "  %u@%llu", id->pid, (unsigned long long)id->ktime);
	if (a->kind == PR_APPLIED_MALFORMED) {
		pr_buf_str(b, "  ");
		at = b->len;
		pr_buf_printf(b, "malformed: %s", a->why);
		pr_paint(b, style, PR_ROLE_LOSS, at);
	}
	pr_buf_u8(b, '\n');
}

static void print_json(struct frames *v, const struct pr_frame *f, const struct pr_applied *a, const struct pr_id *id)
{
	struct pr_json j = pr_json_make(&v->out.buf);
	const char *name = f->env_flags & PR_ENV_RAW ? NULL : pr_op_name(f->op);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "frame");
	if (f->env_flags & (PR_ENV_META | PR_ENV_CONT))
		pr_json_null(&j, "seq");
	else
		pr_json_u64(&j, "seq", f->seq);
	pr_render_time_json(&v->s.timeline, &j, "time", f->ktime);
	pr_json_u64(&j, "ktime", f->ktime);
	if (f->cpu == PR_CPU_NONE)
		pr_json_null(&j, "cpu");
	else
		pr_json_u64(&j, "cpu", f->cpu);
	pr_json_str(&j, "stream", pr_stream_name(f->stream));
	pr_json_u64(&j, "stream_seq", f->env_seq);
	pr_json_u64(&j, "block", f->block);
	pr_json_u64(&j, "op", f->op);
	if (name)
		pr_json_str(&j, "name", name);
	else
		pr_json_null(&j, "name");
	pr_json_u64(&j, "size", f->size);
	pr_json_bool(&j, "raw", f->env_flags & PR_ENV_RAW);
	pr_json_bool(&j, "meta", f->env_flags & PR_ENV_META);
	if (id) {
		pr_json_u64(&j, "pid", id->pid);
		pr_json_u64(&j, "id_ktime", id->ktime);
	}
	if (a->kind == PR_APPLIED_MALFORMED)
		pr_json_str(&j, "malformed", a->why);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

static int run(struct frames *v, struct pr_errinfo *ei)
{
	const struct pr_selection *sel = &v->args->sel;
	struct pr_applied a;
	struct pr_id id;
	int err = PR_OK;

	while (!pr_following_stopped(v->args->following) && !(err = pr_session_next(&v->s, &a, ei))) {
		const struct pr_frame *f = &v->s.frame;
		bool has_id = identity(&a, &id);

		if ((v->s.has_since && f->ktime < v->s.since) || (v->s.has_until && f->ktime > v->s.until))
			continue;
		if (sel->has_pid && !(has_id && id.pid == sel->pid))
			continue;
		(v->args->json ? print_json : print_text)(v, f, &a, has_id ? &id : NULL);
		if (!pr_out_check(&v->out)) {
			pr_following_stop(v->args->following);
			break; /* pr_out_close says why */
		}
	}
	return err < 0 ? err : PR_OK;
}

int pr_view_frames(struct pr_replay_args *args)
{
	struct frames v = {.args = args};
	struct pr_errinfo ei;
	int err, err_out;

	if (args->sel.exec_id || args->sel.where) {
		err = pr_fail(&ei, PR_EUSAGE, "replay: --frames takes no --exec-id and no --where");
		return pr_report(err, &ei);
	}
	pr_out_init(&v.out, STDOUT_FILENO);
	if (!args->following)
		args->meter = pr_term_meter_unseen(args->term, true, "reading", args->trace);
	else
		args->following->out = &v.out;
	err = pr_session_open(&v.s, args, true, NULL, &ei);
	if (err)
		return pr_report(err, &ei);
	pr_renderer_init(&v.renderer, &v.s.timeline);
	pr_term_begin(args->term);
	v.renderer.style = &args->term->style;
	pr_trace_set_events(v.s.trace, &(struct pr_trace_events){.on_damage = on_damage, .on_gap = on_gap, .ctx = &v});
	err = run(&v, &ei);
	err_out = pr_out_close(&v.out, err ? NULL : &ei);
	err = err ? err : err_out;
	if (!err)
		err = pr_notes_read(v.s.trace, args->trace, v.s.held || pr_following_stopped(args->following), &ei);
	pr_renderer_release(&v.renderer);
	pr_session_close(&v.s);
	return pr_report(err, &ei);
}

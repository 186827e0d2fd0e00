/* SPDX-License-Identifier: BSD-2-Clause */
/* answer_run.c: which boot is asked, with or without its index, and where the answer goes. */
#include <string.h>

#include "base/command.h"
#include "replay/answer.h"
#include "replay/notes.h"

#define HOLD_BYTES (32u << 20) /* an answer is kept back so long, to be able to start again without the index */

/* ---- what is asked for --------------------------------------------------------------------------------------------- */

static int parse_time(struct pr_answer *a, const char *what, const char *text, uint64_t *out, struct pr_errinfo *ei)
{
	return text ? pr_timeline_parse(&a->lineage.timeline, what, text, out, ei) : PR_OK;
}

static int parse_times(struct pr_answer *a, struct pr_errinfo *ei)
{
	const struct pr_selection *s = &a->args->sel;
	uint64_t until = UINT64_MAX;
	int err;

	a->at = UINT64_MAX;
	a->since = 0;
	a->has_at = s->at || s->has_until_frame;
	err = parse_time(a, "--at", s->at, &a->at, ei);
	if (!err)
		err = parse_time(a, "--since", s->since, &a->since, ei);
	if (!err)
		err = parse_time(a, "--until", s->until, &until, ei);
	if (until < a->at)
		a->at = until;
	return err;
}

static int take_selection(struct pr_answer *a, struct pr_errinfo *ei)
{
	const struct pr_selection *s = &a->args->sel;
	int err = parse_times(a, ei);

	if (!err && !a->at && a->boots.n > 1)
		return pr_fail(ei, PR_ENOENT, "%s: the machine had not booted by then", a->args->trace);
	if (!err && s->where)
		err = pr_proc_where_new(&a->where, "--where", s->where, &a->lineage, ei);
	a->selective = s->where || s->has_pid;
	return err;
}

/* ---- one boot ------------------------------------------------------------------------------------------------------ */

static void begin(struct pr_answer *a)
{
	struct pr_term *term = a->args->term;

	a->lineage.timeline.zone = &term->zone;
	pr_renderer_init(&a->renderer, &a->lineage.timeline);
	a->renderer.style = a->args->json ? NULL : &term->style;
	a->has_only = false;
	a->written = false;
	if (!a->has_out)
		pr_term_out(term, &a->out);
	a->has_out = true;
}

static void release(struct pr_answer *a)
{
	pr_proc_where_free(a->where);
	a->where = NULL;
	pr_renderer_release(&a->renderer);
	pr_map_release(&a->seen);
	pr_lineage_close(&a->lineage);
}

/* In front of the answer of each, where several are asked. */
static void head(struct pr_answer *a)
{
	const struct pr_boot *boot = pr_answer_boot(a);
	struct pr_buf *b = &a->out.buf;
	struct pr_json j = pr_json_make(b);
	size_t at = b->len;

	if (!a->args->json) {
		pr_buf_printf(b, "-- boot %zu of %zu: ", a->boot + 1, a->boots.n);
		pr_answer_put_boot(a, b);
		pr_buf_str(b, ", recorded from ");
		pr_timeline_show(&a->lineage.timeline, b, a->lineage.timeline.start);
		pr_buf_str(b, " --");
		pr_paint(b, a->renderer.style, PR_ROLE_HEADING, at);
		pr_buf_u8(b, '\n');
		return;
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "boot");
	pr_json_u64(&j, "number", a->boot + 1);
	pr_json_u64(&j, "of", a->boots.n);
	pr_render_boot_json(&j, boot->first.boot_id);
	pr_render_time_json(&a->lineage.timeline, &j, "start", a->lineage.timeline.start);
	pr_json_u64(&j, "start_ktime", a->lineage.timeline.start);
	pr_json_u64(&j, "segments", boot->segments);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

/* One attempt. *out_again: the index is to blame, and nothing was written yet. */
static int attempt(struct pr_answer *a, bool no_index, pr_answer_fn *fn, bool *out_again, struct pr_errinfo *ei)
{
	const struct pr_selection *s = &a->args->sel;
	const struct pr_lineage_options opt = {.no_index = no_index,
		.has_until_frame = s->has_until_frame,
		.until_frame = s->until_frame,
		.boot = a->boot + 1 < a->boots.n ? &pr_answer_boot(a)->first : NULL,
		.meter = pr_term_meter(a->args->term, "reading", a->args->trace)};
	size_t from;
	int err;

	*out_again = false;
	err = pr_lineage_open(&a->lineage, a->args->trace, &opt, ei);
	if (err)
		return err;
	begin(a);
	if (a->lineage.has_note)
		pr_notes_index(&a->lineage.note);
	from = a->out.buf.len;
	err = take_selection(a, ei);
	if (!err && a->all_boots)
		head(a);
	if (!err)
		err = fn(a, ei);
	*out_again = err == PR_EDATA && !a->lineage.is_private && !a->written;
	if ((*out_again || err == PR_ENOENT) && !a->written)
		a->out.buf.len = from;
	release(a);
	return err;
}

static int ask(struct pr_answer *a, size_t boot, pr_answer_fn *fn, struct pr_errinfo *ei)
{
	bool again, doubtful = a->doubtful;
	int err;

	a->boot = boot;
	if (a->has_out)
		pr_out_flush(&a->out);
	err = attempt(a, a->args->no_index, fn, &again, ei);
	if (again) {
		pr_note("%s; answering from the frames instead: 'procrec reindex' makes a new index", ei->msg);
		a->doubtful = doubtful;
		err = attempt(a, true, fn, &again, ei);
	}
	return err;
}

/* ---- which one ----------------------------------------------------------------------------------------------------- */

/* All, oldest first. PR_ENOENT: none has an answer. */
static int ask_all(struct pr_answer *a, pr_answer_fn *fn, struct pr_errinfo *ei)
{
	int res = PR_ENOENT, err = PR_OK;

	for (size_t i = 0; i < a->boots.n && (!err || err == PR_ENOENT); i++) {
		err = ask(a, i, fn, ei);
		res = err && err != PR_ENOENT ? err : !err ? PR_OK : res;
	}
	return res;
}

/* The newest that has an answer: what is asked for may have been before the last reboot. */
static int ask_newest(struct pr_answer *a, pr_answer_fn *fn, struct pr_errinfo *ei)
{
	struct pr_errinfo other;
	struct pr_buf id = PR_BUF_INIT;
	int err = ask(a, a->boots.n - 1, fn, ei);

	for (size_t i = a->boots.n - 1; err == PR_ENOENT && i-- > 0;) {
		int older = ask(a, i, fn, &other);

		if (older == PR_ENOENT)
			continue;
		err = older;
		*ei = other;
	}
	if (err == PR_ENOENT && a->boots.n > 1) {
		other = *ei;
		return pr_fail(ei, err, "%s: so it is in each of its %zu boots", other.msg, a->boots.n);
	}
	if (err || a->boots.n == 1)
		return err;
	pr_answer_put_boot(a, &id);
	pr_buf_u8(&id, 0);
	if (!pr_buf_failed(&id))
		pr_note("%s: this is of boot %s, number %zu of %zu. --boot picks another, or all", a->args->trace, (const char *)id.data, a->boot + 1,
			a->boots.n);
	pr_buf_release(&id);
	return PR_OK;
}

/* Opening it says why. */
static int nothing_there(const char *path, struct pr_errinfo *ei)
{
	struct pr_trace *t;
	int err = pr_trace_open(&t, path, ei);

	if (err)
		return err;
	pr_trace_close(t);
	return pr_fail(ei, PR_EBUSY, "%s: its first segment was written just now: ask again", path);
}

static int run(struct pr_answer *a, pr_answer_fn *fn, struct pr_errinfo *ei)
{
	const char *boot = a->args->boot;
	size_t i;
	int err = pr_boots_load(&a->boots, a->args->trace, ei);

	if (!err && !a->boots.n)
		err = nothing_there(a->args->trace, ei);
	if (err)
		return err;
	if (!boot)
		return ask_newest(a, fn, ei);
	a->all_boots = !strcmp(boot, "all");
	if (a->all_boots)
		return ask_all(a, fn, ei);
	err = pr_boots_find(&a->boots, a->args->trace, boot, &i, ei);
	return err ? err : ask(a, i, fn, ei);
}

int pr_answer_run(const struct pr_replay_args *args, pr_answer_fn *fn)
{
	struct pr_answer a = {.args = args};
	struct pr_errinfo ei;
	int err = run(&a, fn, &ei), err_out;

	if (a.has_out) {
		err_out = pr_out_close(&a.out, err ? NULL : &ei);
		err = err ? err : err_out;
	}
	pr_buf_release(&a.host);
	pr_buf_release(&a.comm);
	pr_boots_release(&a.boots);
	if (!err && a.doubtful)
		return PR_EXIT_NO;
	return pr_report(err, &ei);
}

bool pr_answer_check(struct pr_answer *a)
{
	if (!a->lineage.is_private && a->out.buf.len < HOLD_BYTES)
		return true;
	a->written = true;
	return pr_out_check(&a->out);
}

/* ---- the boot ------------------------------------------------------------------------------------------------------ */

const struct pr_boot *pr_answer_boot(const struct pr_answer *a)
{
	return &a->boots.v[a->boot];
}

void pr_answer_put_boot(const struct pr_answer *a, struct pr_buf *b)
{
	pr_boot_id_tell(b, pr_answer_boot(a)->first.boot_id);
}

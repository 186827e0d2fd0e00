/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_audit.c: `audit TRACE`: what a live agent's cache got wrong on these frames, and which frame caused it. */
#include <inttypes.h>
#include <unistd.h>

#include "base/json.h"
#include "base/out.h"
#include "replay/cache/audit.h"
#include "replay/cache_options.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/session.h"

struct audit {
	struct pr_session s;
	struct pr_auditor *auditor;
	struct pr_out out;
	const struct pr_replay_args *args;
	uint64_t counts[PR_FIND_KINDS], all;
};

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct audit *a = ctx;

	pr_notes_damage(a->args->trace, d);
	return PR_OK;
}

static const char *sentence(enum pr_finding_kind kind)
{
	static const char *const sentences[PR_FIND_KINDS] = {
		"the count went below zero",
		"evicted while referenced",
		"evicted while the process lived",
		"old enough to expire, but held back by a younger head of the queue",
		"leaked: references that nothing accounts for; it will never expire",
		"the identity was there already; the new value was dropped",
		"clone dropped: its parent is not in the cache",
		"the limit was passed: all entries were dropped",
		"data that no frame took",
		"data that is referred to is not there",
		"data is not as long as was sent",
		"malformed frame",
	};

	return sentences[kind];
}

static void print_text(struct pr_buf *b, const struct pr_style *style, const struct pr_finding *f)
{
	size_t at = b->len;

	pr_buf_printf(b, "frame %" PRIu64 ": ", f->seq);
	pr_paint(b, style, PR_ROLE_MINOR, at);
	at = b->len;
	if (f->has_id)
		pr_buf_printf(b, "%" PRIu32 "@%" PRIu64 ": ", f->id.pid, f->id.ktime);
	if (f->has_data)
		pr_buf_printf(b, "data %" PRIu64 "@%" PRIu64 ": ", f->data_pid, f->data_time);
	pr_paint(b, style, PR_ROLE_PID, at);
	pr_paint_str(b, style, PR_ROLE_FAILED, sentence(f->kind));
	switch (f->kind) {
	case PR_FIND_BELOW_ZERO:
	case PR_FIND_EVICTED_REFERENCED:
		pr_buf_printf(b, " (%" PRId64 ")", f->ref);
		break;
	case PR_FIND_LEAKED:
		pr_buf_printf(b, " (%" PRId64 ", %" PRId64 " accounted for)", f->ref, f->expected);
		break;
	case PR_FIND_CLONE_DROPPED:
		pr_buf_printf(b, " (%" PRIu32 "@%" PRIu64 ")", f->parent.pid, f->parent.ktime);
		break;
	case PR_FIND_CLEARED:
		pr_buf_printf(b, " (%" PRIu64 ")", f->entries);
		break;
	case PR_FIND_DATA_NEVER_TAKEN:
		pr_buf_printf(b, " (%" PRIu64 " bytes)", f->data_bytes);
		break;
	case PR_FIND_DATA_MISMATCH:
		pr_buf_printf(b, " (%" PRIu64 " bytes, %" PRIu64 " expected)", f->data_bytes, f->data_want);
		break;
	case PR_FIND_MALFORMED:
		pr_buf_printf(b, ": %s", f->why);
		break;
	default:
		break;
	}
	if (f->at != f->seq)
		pr_buf_printf(b, ", at frame %" PRIu64, f->at);
	pr_buf_u8(b, '\n');
}

static void put_id(struct pr_json *j, const char *pid, const char *ktime, struct pr_id id)
{
	pr_json_u64(j, pid, id.pid);
	pr_json_u64(j, ktime, id.ktime);
}

static void print_json(struct pr_buf *b, const struct pr_finding *f)
{
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "finding");
	pr_json_str(&j, "kind", pr_finding_name(f->kind));
	pr_json_u64(&j, "seq", f->seq);
	pr_json_u64(&j, "at", f->at);
	if (f->has_id)
		put_id(&j, "pid", "ktime", f->id);
	if (f->kind == PR_FIND_CLONE_DROPPED)
		put_id(&j, "ppid", "pktime", f->parent);
	if (f->kind == PR_FIND_BELOW_ZERO || f->kind == PR_FIND_EVICTED_REFERENCED || f->kind == PR_FIND_EVICTED_ALIVE ||
		f->kind == PR_FIND_LEAKED)
		pr_json_s64(&j, "ref", f->ref);
	if (f->kind == PR_FIND_LEAKED)
		pr_json_s64(&j, "accounted", f->expected);
	if (f->kind == PR_FIND_CLEARED)
		pr_json_u64(&j, "entries", f->entries);
	if (f->has_data) {
		pr_json_u64(&j, "data_pid", f->data_pid);
		pr_json_u64(&j, "data_time", f->data_time);
		pr_json_u64(&j, "bytes", f->data_bytes);
	}
	if (f->kind == PR_FIND_DATA_MISSING || f->kind == PR_FIND_DATA_MISMATCH)
		pr_json_u64(&j, "expected", f->data_want);
	if (f->why)
		pr_json_str(&j, "why", f->why);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

static void on_found(void *ctx, const struct pr_finding *f)
{
	struct audit *a = ctx;

	if (!a->all++)
		pr_term_begin(a->args->term);
	a->counts[f->kind]++;
	if (a->args->json)
		print_json(&a->out.buf, f);
	else
		print_text(&a->out.buf, &a->args->term->style, f);
	pr_out_check(&a->out);
}

static void print_summary(struct audit *a)
{
	struct pr_json j = pr_json_make(&a->out.buf);
	bool first = true;

	if (a->args->json) {
		pr_json_object(&j, NULL);
		pr_json_str(&j, "type", "summary");
		pr_json_u64(&j, "findings", a->all);
		for (int k = 0; k < PR_FIND_KINDS; k++)
			pr_json_u64(&j, pr_finding_name((enum pr_finding_kind)k), a->counts[k]);
		pr_json_u64(&j, "frames", a->s.replayer.frames);
		pr_json_object_end(&j);
		pr_json_newline(&j);
		return;
	}
	pr_buf_printf(&a->out.buf, "%" PRIu64 " finding%s in %" PRIu64 " frames", a->all, a->all == 1 ? "" : "s", a->s.replayer.frames);
	for (int k = 0; k < PR_FIND_KINDS; k++) {
		if (!a->counts[k])
			continue;
		pr_buf_printf(&a->out.buf, "%s%s %" PRIu64, first ? ": " : ", ", pr_finding_name((enum pr_finding_kind)k), a->counts[k]);
		first = false;
	}
	pr_buf_u8(&a->out.buf, '\n');
}

static int run(struct audit *a, struct pr_errinfo *ei)
{
	struct pr_applied ap;
	struct pr_frame f;
	int err;

	while (!(err = pr_trace_next(a->s.trace, &f, ei))) {
		pr_auditor_before(a->auditor, &f);
		err = pr_replayer_apply(&a->s.replayer, &f, &ap, ei);
		if (err)
			return err;
		pr_auditor_after(a->auditor, &ap);
	}
	if (err < 0)
		return err;
	err = pr_auditor_end(a->auditor, &a->s.replayer);
	return err ? pr_fail(ei, err, "out of memory") : PR_OK;
}

static int audit(const struct pr_replay_args *args, struct pr_errinfo *ei)
{
	struct audit a = {.args = args};
	int err, err_out;

	if (pr_auditor_new(&a.auditor, on_found, &a))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = pr_session_open(&a.s, args, false, pr_auditor_observer(a.auditor), ei);
	if (!err) {
		pr_trace_set_events(a.s.trace, &(struct pr_trace_events){.on_damage = on_damage, .ctx = &a});
		pr_out_init(&a.out, STDOUT_FILENO); /* findings may be rare: until there is one, the terminal is the progress's */
		err = run(&a, ei);
		pr_term_begin(args->term);
		if (!err)
			print_summary(&a);
		err_out = pr_out_close(&a.out, err ? NULL : ei);
		err = err ? err : err_out;
		if (!err)
			err = pr_notes_end(a.s.trace, args->trace, ei);
		pr_session_close(&a.s);
	}
	pr_auditor_free(a.auditor);
	if (!err && a.all)
		err = pr_fail(ei, PR_EDATA, "%s: %" PRIu64 " finding%s", args->trace, a.all, a.all == 1 ? "" : "s");
	return err;
}

int pr_cmd_audit(struct pr_term *term, int argc, char **argv)
{
	struct pr_replay_args a = {.term = term, .cache = PR_CACHE_SETTINGS_DEFAULT};
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &a.json, NULL, "one JSON object a line", NULL},
		PR_CACHE_OPTIONS(&a.cache, NULL, NULL),
		PR_TERM_COLOR(term),
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"audit", "TRACE [--json]",
		"Replays the refcounted cache and tells where it went wrong: counts below zero, early evictions, leaks, clones\n"
		"without a parent, data that was never taken. Exit status 1 when there are findings.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (!err) {
		a.trace = argv[0];
		a.meter = pr_term_meter(term, "reading", a.trace);
		err = audit(&a, &ei);
	}
	return pr_report(err, &ei);
}

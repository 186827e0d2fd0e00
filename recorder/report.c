/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/report.h"

#include <string.h>

#include "base/text.h"

static const char *const stream_names[PR_STREAM_COUNT] = {
	[PR_STREAM_EXEC] = "exec",
	[PR_STREAM_CLONE] = "clone",
	[PR_STREAM_EXIT] = "exit",
	[PR_STREAM_DATA] = "data",
	[PR_STREAM_FAIL] = "failed exec",
};

const char *pr_report_stream(unsigned stream)
{
	return stream < PR_STREAM_COUNT && stream_names[stream] ? stream_names[stream] : "other";
}

/* "1 exec", "2 execs" */
static void number(struct pr_buf *b, uint64_t n, const char *what)
{
	pr_buf_u64_dec(b, n);
	pr_buf_printf(b, " %s%s", what, n == 1 ? "" : "s");
}

static void seconds(struct pr_buf *b, uint64_t ns)
{
	uint64_t s = ns / 1000000000u;

	if (s < 60)
		pr_buf_printf(b, "%u.%u s", (unsigned)s, (unsigned)(ns / 100000000u % 10));
	else if (s < 3600)
		pr_buf_printf(b, "%u:%02u min", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		pr_buf_printf(b, "%u:%02u:%02u h", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

void pr_report_status(struct pr_buf *b, const struct pr_session_stats *s, const struct pr_style *style)
{
	size_t from = b->len, at;

	pr_buf_str(b, "recording ");
	seconds(b, s->elapsed_ns);
	if (pr_session_lost(s)) {
		pr_buf_str(b, "  ");
		at = b->len;
		pr_buf_str(b, "LOST ");
		pr_buf_u64_dec(b, pr_session_lost(s));
		pr_paint(b, style, PR_ROLE_LOSS, at);
	}
	if (s->spool.sink.gone.files) {
		pr_buf_str(b, "  ");
		at = b->len;
		pr_buf_str(b, "GONE ");
		pr_buf_u64_dec(b, s->spool.sink.gone.events);
		pr_paint(b, style, PR_ROLE_LOSS, at);
	}
	pr_buf_str(b, "  ");
	number(b, s->execs, "exec");
	pr_buf_str(b, "  ");
	number(b, s->clones, "clone");
	pr_buf_str(b, "  ");
	number(b, s->exits, "exit");
	pr_buf_str(b, "  ");
	pr_text_size(b, s->spool.sink.file_bytes);
	pr_buf_printf(b, "  ring %u%%", (unsigned)(s->ring_bytes ? s->ring_pending * 100 / s->ring_bytes : 0));
	pr_style_fit(style, b, from);
}

static void line(struct pr_buf *b)
{
	pr_buf_str(b, "procrec: ");
}

/* Each cause has its own remedy. How many: where there is more than one. */
static void causes(struct pr_buf *b, const struct pr_session_stats *s)
{
	uint64_t all = pr_session_lost(s), other = s->held_up + s->unwritten;
	const struct {
		uint64_t n;
		const char *why;
	} cause[] = {
		{all > other ? all - other : 0, "a larger --ring loses less"},
		{s->held_up, "the disk did not keep up: a larger --queue loses less"},
		{s->unwritten, "they could not be written"},
	};

	for (size_t i = 0; i < sizeof(cause) / sizeof(cause[0]); i++) {
		if (!cause[i].n)
			continue;
		pr_buf_str(b, "; ");
		if (cause[i].n != all)
			pr_buf_printf(b, "%llu: ", (unsigned long long)cause[i].n);
		pr_buf_str(b, cause[i].why);
	}
}

static void lost_lines(struct pr_buf *b, const struct pr_session_result *r, const struct pr_style *style)
{
	const struct pr_session_stats *s = &r->stats;
	const char *sep = " (";
	size_t at;

	line(b);
	if (r->uncounted) {
		pr_paint_str(b, style, PR_ROLE_LOSS, "LOST: what could not be written, and it could not be counted");
		pr_buf_u8(b, '\n');
		return;
	}
	if (!pr_session_lost(s)) {
		pr_paint_str(b, style, PR_ROLE_GOOD, "nothing lost");
		pr_buf_u8(b, '\n');
		return;
	}
	at = b->len;
	pr_buf_str(b, "LOST ");
	number(b, pr_session_lost(s), "event");
	pr_paint(b, style, PR_ROLE_LOSS, at);
	for (unsigned i = 0; i < PR_STREAM_COUNT; i++) {
		if (!s->lost[i])
			continue;
		pr_buf_printf(b, "%s%llu %s", sep, (unsigned long long)s->lost[i], pr_report_stream(i));
		sep = ", ";
	}
	for (unsigned i = 0; i < PR_STREAM_COUNT; i++) {
		if (!s->missed[i])
			continue;
		pr_buf_printf(b, "%s%llu %s skipped by the kernel", sep, (unsigned long long)s->missed[i], pr_report_stream(i));
		sep = ", ";
	}
	if (s->map_full)
		pr_buf_printf(b, "%s%llu processes too many for the map", sep, (unsigned long long)s->map_full);
	pr_buf_str(b, ")");
	causes(b, s);
	pr_buf_str(b, "\n");
}

static void gone_line(struct pr_buf *b, const struct pr_sink_gone *g, const struct pr_style *style)
{
	size_t at;

	line(b);
	at = b->len;
	pr_buf_str(b, "GONE ");
	number(b, g->events, "event");
	pr_paint(b, style, PR_ROLE_LOSS, at);
	pr_buf_str(b, ", written to ");
	if (g->files > 1 && !g->folder) {
		number(b, g->files, "file");
		pr_buf_str(b, ", the first in ");
	}
	pr_text_escape(b, g->name, strlen(g->name));
	pr_buf_str(b, g->deleted ? ", which was deleted\n" : ", which is not there any more (deleted, moved or replaced)\n");
}

static void events_line(struct pr_buf *b, const struct pr_session_stats *s)
{
	line(b);
	number(b, s->execs + s->clones + s->exits + s->fails, "event");
	pr_buf_str(b, " in ");
	seconds(b, s->elapsed_ns);
	pr_buf_str(b, ": ");
	number(b, s->execs, "exec");
	pr_buf_str(b, ", ");
	number(b, s->clones, "clone");
	pr_buf_str(b, ", ");
	number(b, s->exits, "exit");
	if (s->fails) {
		pr_buf_str(b, ", ");
		number(b, s->fails, "failed exec");
	}
	pr_buf_str(b, "; ");
	pr_buf_u64_dec(b, s->processes);
	pr_buf_str(b, " processes were alive at the start\n");
}

static void size_line(struct pr_buf *b, const struct pr_session_stats *s, const char *path)
{
	const struct pr_sink_state *sp = &s->spool.sink;

	line(b);
	pr_text_escape(b, path, strlen(path));
	pr_buf_str(b, ": ");
	pr_text_size(b, sp->file_bytes);
	if (sp->file_bytes) {
		pr_buf_str(b, " for ");
		pr_text_size(b, sp->raw_bytes);
		pr_buf_printf(b, " of frames (ratio %.1f)", (double)sp->raw_bytes / (double)sp->file_bytes);
	}
	if (sp->segments > 1) {
		pr_buf_str(b, ", ");
		number(b, sp->segments, "segment");
	}
	if (sp->deleted) {
		pr_buf_str(b, ", ");
		number(b, sp->deleted, "old one");
		pr_buf_str(b, " deleted");
	}
	if (sp->gone.files) {
		pr_buf_str(b, ", ");
		pr_buf_u64_dec(b, sp->gone.files);
		pr_buf_str(b, " not there any more");
	}
	pr_buf_str(b, "\n");
}

static void freeze_lines(struct pr_buf *b, const struct pr_freezer_state *z, const char *path)
{
	for (size_t i = 0; i < z->n && i < PR_FREEZES_TOLD; i++) {
		const struct pr_frozen_set *set = &z->made[i].set;

		line(b);
		pr_buf_str(b, "frozen: ");
		pr_text_escape(b, path, strlen(path));
		pr_buf_printf(b, "%s" PR_FREEZE_NAME ": ", *path && path[strlen(path) - 1] == '/' ? "" : "/", (unsigned long long)set->number);
		number(b, set->segments, "segment");
		pr_buf_str(b, ", ");
		pr_text_size(b, set->bytes);
		pr_buf_printf(b, ", for: %s\n", z->made[i].why);
	}
	if (z->n > PR_FREEZES_TOLD) {
		line(b);
		pr_buf_str(b, "and frozen ");
		number(b, z->n - PR_FREEZES_TOLD, "more time");
		pr_buf_str(b, "\n");
	}
	if (z->early) {
		line(b);
		pr_buf_str(b, "not frozen, too soon after the time before (--trigger-every): ");
		number(b, z->early, "time");
		pr_buf_str(b, "\n");
	}
	if (z->refused) {
		line(b);
		pr_buf_str(b, "could not be frozen: ");
		number(b, z->refused, "time");
		pr_buf_printf(b, ": %s\n", z->refusal);
	}
	if (*z->trouble) {
		line(b);
		pr_buf_str(b, "the trigger failed");
		if (z->trigger_failed) {
			pr_buf_str(b, " for ");
			number(b, z->trigger_failed, "event");
		}
		pr_buf_printf(b, ": %s\n", z->trouble);
	}
}

static void redacted_line(struct pr_buf *b, const struct pr_redactor_state *r)
{
	line(b);
	number(b, r->secrets, "secret");
	pr_buf_str(b, " replaced");
	if (r->cut) {
		pr_buf_str(b, "; ");
		number(b, r->cut, "list");
		pr_buf_str(b, " of arguments cut, because the marks made it longer than its frames");
	}
	if (r->blanked) {
		pr_buf_str(b, "; ");
		number(b, r->blanked, "frame");
		pr_buf_str(b, " of arguments emptied, because its rest was lost");
	}
	pr_buf_str(b, "\n");
}

/* Of files beside the trace. */
static void trouble_line(struct pr_buf *b, const struct pr_sink_trouble *t, const char *what, const char *but)
{
	if (!t->failed)
		return;
	line(b);
	number(b, t->failed, what);
	pr_buf_printf(b, " could not be written%s: ", t->failed > 1 ? ", the first" : "");
	pr_text_escape_lossy(b, t->why, strlen(t->why));
	pr_buf_printf(b, "; %s\n", but);
}

void pr_report_summary(struct pr_buf *b, const struct pr_session_result *r, const char *path, const struct pr_style *style)
{
	const struct pr_session_stats *s = &r->stats;
	const struct pr_sink_gone *gone = &s->spool.sink.gone;
	size_t at;

	events_line(b, s);
	if (r->uncounted || pr_session_lost(s) || !gone->files)
		lost_lines(b, r, style);
	if (gone->files)
		gone_line(b, gone, style);
	if (s->args_cut || s->reparent_cut) {
		line(b);
		at = b->len;
		pr_buf_printf(b, "cut short: %llu argument lists or paths, %llu reparentings", (unsigned long long)s->args_cut,
			(unsigned long long)s->reparent_cut);
		pr_paint(b, style, PR_ROLE_WARNING, at);
		pr_buf_u8(b, '\n');
	}
	if (!s->spool.sink.segments)
		return;
	if (path && !gone->all) {
		size_line(b, s, path);
		freeze_lines(b, &s->spool.sink.frozen, path);
	}
	if (r->redacted)
		redacted_line(b, &s->spool.redactor);
	if (!path)
		return;
	if (s->spool.sink.untold) {
		line(b);
		pr_buf_str(b, "the last old segment that made room is told of nowhere, as nothing could be written any more: verify will miss it\n");
	}
	trouble_line(b, &s->spool.sink.minisig, "minisign signature", "the trace is signed all the same");
	trouble_line(b, &s->spool.sink.index, "index file", "the trace is whole without it");
	if (gone->all)
		return;
	line(b);
	pr_buf_str(b, "look at it: procrec replay ");
	pr_text_escape(b, path, strlen(path));
	pr_buf_str(b, "\n");
}

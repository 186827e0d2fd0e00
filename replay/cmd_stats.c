/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_stats.c: `stats TRACE` and `replay TRACE --stats`: what is in a trace, in numbers. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/out.h"
#include "replay/boot_option.h"
#include "replay/cache_options.h"
#include "replay/commands.h"
#include "replay/jobs.h"
#include "replay/notes.h"
#include "replay/render/render.h"
#include "replay/session.h"

#define STREAMS 256
#define REASONS 5 /* those that pr_loss_name knows, unknown ones first */

struct stats {
	struct pr_session s;
	const struct pr_replay_args *args;
	uint64_t lost[STREAMS]; /* by stream: sequence numbers that never came */
	uint64_t never[REASONS]; /* by reason: counted, but never given a number */
	uint64_t damaged_frames;
	uint64_t gaps, damages;
	bool has_time;
	uint64_t first, last; /* ktime of lifecycle events */
};

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	struct stats *st = ctx;

	st->damages++;
	pr_notes_damage(st->args->trace, d);
	return PR_OK;
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct stats *st = ctx;

	st->gaps++;
	if (g->kind == PR_GAP_SEQ)
		st->lost[g->stream] += g->count;
	else if (g->kind == PR_GAP_LOSS && (g->reason == PR_LOSS_BEFORE || g->reason == PR_LOSS_RETENTION))
		; /* outside of this piece: counted as a gap alone */
	else if (g->kind == PR_GAP_LOSS)
		st->never[g->reason < REASONS ? g->reason : 0] += g->count;
	else
		st->damaged_frames += g->count;
	return PR_OK;
}

static int read_all(struct stats *st, struct pr_errinfo *ei)
{
	struct pr_applied a;
	int err;

	while (!(err = pr_session_next(&st->s, &a, ei))) {
		if (a.kind != PR_APPLIED_LIFECYCLE)
			continue;
		if (!st->has_time || a.event->ktime < st->first)
			st->first = a.event->ktime;
		if (!st->has_time || a.event->ktime > st->last)
			st->last = a.event->ktime;
		st->has_time = true;
	}
	return err < 0 ? err : PR_OK;
}

/* One printer for both forms: a row is a key and a number, under the title of its group. */
struct printer {
	struct pr_buf *b;
	struct pr_json j;
	bool json;
	const struct pr_style *style;
};

static void group(struct printer *p, const char *key)
{
	if (p->json) {
		pr_json_object(&p->j, key);
	} else {
		pr_paint_str(p->b, p->style, PR_ROLE_HEADING, key);
		pr_buf_u8(p->b, '\n');
	}
}

static void group_end(struct printer *p)
{
	if (p->json)
		pr_json_object_end(&p->j);
}

/* bad: what more than 0 of it is shown as. */
static void row_in(struct printer *p, enum pr_role bad, const char *key, uint64_t n)
{
	size_t at;

	if (p->json) {
		pr_json_u64(&p->j, key, n);
		return;
	}
	pr_buf_str(p->b, "  ");
	at = p->b->len;
	pr_buf_printf(p->b, "%-16s %12" PRIu64, key, n);
	if (n)
		pr_paint(p->b, p->style, bad, at);
	pr_buf_u8(p->b, '\n');
}

static void row(struct printer *p, const char *key, uint64_t n)
{
	row_in(p, PR_ROLE_PLAIN, key, n);
}

static void row_lost(struct printer *p, const char *key, uint64_t n)
{
	row_in(p, PR_ROLE_LOSS, key, n);
}

static void print_frames(struct printer *p, const struct pr_replayer *r)
{
	char other[16];

	group(p, "frames");
	row(p, "all", r->frames);
	for (unsigned op = 0; op < 256; op++) {
		const char *name = pr_op_name((uint8_t)op);

		if (!r->by_op[op])
			continue;
		snprintf(other, sizeof(other), "op_%u", op);
		row(p, name ? name : other, r->by_op[op]);
	}
	row_lost(p, "malformed", r->malformed);
	group_end(p);
}

static void print_cache(struct printer *p, const struct pr_replayer *r)
{
	group(p, "cache");
	row(p, "entries", r->cache.map.len);
	row(p, "queued", r->cache.queue_len);
	row(p, "data", r->data.map.len);
	row_in(p, PR_ROLE_WARNING, "clone_misses", r->clone_misses);
	row_in(p, PR_ROLE_WARNING, "data_misses", r->data.misses);
	row_in(p, PR_ROLE_WARNING, "data_over_limit", r->data.over_limit);
	group_end(p);
}

static void print_losses(struct printer *p, const struct stats *st)
{
	uint64_t unknown = 0;

	group(p, "lost");
	row_lost(p, "gaps", st->gaps);
	for (unsigned i = 0; i < STREAMS; i++) {
		const char *name = pr_stream_name((uint8_t)i);

		if (i < PR_STREAM_COUNT && name[0] != 'u')
			row_lost(p, name, st->lost[i]);
		else
			unknown += st->lost[i];
	}
	row_lost(p, "other", unknown);
	for (unsigned i = 1; i < REASONS; i++)
		row_lost(p, pr_loss_name(i), st->never[i]);
	row_lost(p, "damaged_places", st->damages);
	row_lost(p, "damaged_frames", st->damaged_frames);
	group_end(p);
}

static void print_time(struct printer *p, const struct stats *st)
{
	const struct pr_timeline *tl = &st->s.timeline;

	if (p->json) {
		pr_json_object(&p->j, "time");
		if (st->has_time) {
			pr_json_u64(&p->j, "first_ktime", st->first);
			pr_json_u64(&p->j, "last_ktime", st->last);
			pr_render_time_json(tl, &p->j, "first", st->first);
			pr_render_time_json(tl, &p->j, "last", st->last);
		}
		pr_json_object_end(&p->j);
		return;
	}
	if (!st->has_time)
		return;
	pr_paint_str(p->b, p->style, PR_ROLE_HEADING, "time");
	pr_buf_str(p->b, "\n  first            ");
	pr_timeline_show(tl, p->b, st->first);
	pr_buf_str(p->b, "\n  last             ");
	pr_timeline_show(tl, p->b, st->last);
	pr_buf_str(p->b, "\n  seconds          ");
	pr_time_seconds(p->b, st->last - st->first);
	pr_buf_u8(p->b, '\n');
}

static void print(const struct stats *st, struct pr_buf *b)
{
	struct printer p = {b, pr_json_make(b), st->args->json, &st->args->term->style};
	const struct pr_replayer *r = &st->s.replayer;

	if (p.json) {
		pr_json_object(&p.j, NULL);
		pr_json_str(&p.j, "type", "stats");
	}
	print_frames(&p, r);
	print_cache(&p, r);
	print_losses(&p, st);
	print_time(&p, st);
	if (p.json) {
		pr_json_object_end(&p.j);
		pr_json_newline(&p.j);
	}
}

int pr_view_stats(struct pr_replay_args *args)
{
	struct stats *st = calloc(1, sizeof(*st));
	struct pr_errinfo ei;
	struct pr_out out;
	int err, err_out;

	if (!st)
		return pr_report(pr_fail(&ei, PR_ENOMEM, "out of memory"), &ei);
	if (args->sel.since || args->sel.until || args->sel.has_pid || args->sel.exec_id || args->sel.where) {
		free(st);
		err = pr_fail(&ei, PR_EUSAGE, "replay: --stats counts all frames up to --at or --until-frame; it takes no other selection");
		return pr_report(err, &ei);
	}
	st->args = args;
	args->meter = pr_term_meter(args->term, "reading", args->trace);
	err = pr_session_open(&st->s, args, false, NULL, &ei); /* times are shown at the end: all readings are met by then */
	if (err) {
		free(st);
		return pr_report(err, &ei);
	}
	pr_trace_set_events(st->s.trace, &(struct pr_trace_events){.on_damage = on_damage, .on_gap = on_gap, .ctx = st});
	err = read_all(st, &ei);
	pr_term_out(args->term, &out);
	if (!err)
		print(st, &out.buf);
	err_out = pr_out_close(&out, err ? NULL : &ei);
	err = err ? err : err_out;
	if (!err)
		err = pr_notes_read(st->s.trace, args->trace, st->s.held, &ei);
	pr_session_close(&st->s);
	free(st);
	return pr_report(err, &ei);
}

int pr_cmd_stats(struct pr_term *term, int argc, char **argv)
{
	struct pr_replay_args a = {.term = term, .cache = PR_CACHE_SETTINGS_DEFAULT};
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &a.json, NULL, "one JSON object", NULL},
		PR_BOOT_OPTION(&a.boot),
		PR_JOBS_OPTION(&a.jobs),
		PR_CACHE_OPTIONS(&a.cache, NULL, NULL),
		PR_TERM_ZONE(term),
		PR_TERM_COLOR(term),
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"stats", "TRACE [--json] [--jobs N]",
		"Counts what is in a trace: frames by kind, misses of the cache, losses, time span.", options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (!err)
		err = pr_jobs_check("stats", a.jobs, &ei);
	if (err)
		return pr_report(err, &ei);
	a.trace = argv[0];
	return pr_view_stats(&a);
}

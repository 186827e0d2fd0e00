/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_cache.c: `replay --cache`: the cache at a point of the recording, and with --diff what changed between two. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/filter.h"
#include "replay/notes.h"
#include "replay/render/render.h"
#include "replay/session.h"

struct view {
	struct pr_session s;
	struct pr_renderer renderer;
	struct pr_out out;
	struct pr_filter filter;
	const struct pr_replay_args *args;
	struct pr_style style;
};

static const char header[] = "    PID              KTIME   REF    PPID             PKTIME USER     COMMAND\n";

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct view *v = ctx;

	pr_notes_damage(v->args->trace, d);
	return PR_OK;
}

/* ---- the cache ---------------------------------------------------------------------------------------------------- */

static void print_queue_text(struct pr_buf *b, const struct pr_cache *c)
{
	if (c->queue_len)
		pr_buf_str(b, "\nexpiry queue: time, pid, ktime\n");
	for (size_t i = 0; i < c->queue_len; i++) {
		const struct pr_expiry *q = pr_cache_queued(c, i);

		pr_buf_printf(b, "%18" PRIu64 " %7" PRIu32 " %18" PRIu64 "\n", q->time, q->id.pid, q->id.ktime);
	}
}

static void print_queue_json(struct pr_out *o, const struct pr_cache *c)
{
	for (size_t i = 0; i < c->queue_len; i++) {
		const struct pr_expiry *q = pr_cache_queued(c, i);
		struct pr_json j = pr_json_make(&o->buf);

		pr_json_object(&j, NULL);
		pr_json_str(&j, "type", "expiry");
		pr_json_u64(&j, "time", q->time);
		pr_json_u64(&j, "pid", q->id.pid);
		pr_json_u64(&j, "ktime", q->id.ktime);
		pr_json_object_end(&j);
		pr_json_newline(&j);
		if (!pr_out_check(o))
			return;
	}
}

static void print_summary(struct pr_buf *b, const struct pr_replayer *r, bool json)
{
	const struct {
		const char *key, *text;
		uint64_t n;
	} rows[] = {
		{"entries", "entries", r->cache.map.len},
		{"queued", "queued", r->cache.queue_len},
		{"data", "data", r->data.map.len},
		{"clone_misses", "clone misses", r->clone_misses},
		{"data_misses", "data misses", r->data.misses},
		{"malformed", "malformed", r->malformed},
		{"frames", "frames", r->frames},
	};
	struct pr_json j = pr_json_make(b);

	if (json) {
		pr_json_object(&j, NULL);
		pr_json_str(&j, "type", "summary");
	} else {
		pr_buf_u8(b, '\n');
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (json)
			pr_json_u64(&j, rows[i].key, rows[i].n);
		else
			pr_buf_printf(b, "%s%s %" PRIu64, i ? ", " : "", rows[i].text, rows[i].n);
	}
	if (json)
		pr_json_object_end(&j);
	pr_buf_u8(b, '\n');
}

/* An entry is a line, if the selection lets it through. */
static int print_entry(struct view *v, const struct pr_entry *e, struct pr_errinfo *ei)
{
	struct pr_event_view ev = {NULL, e, pr_cache_lookup(&v->s.replayer.cache, e->parent)};
	bool shown;
	int err = pr_filter_test(&v->filter, &ev, &shown, ei);

	if (err || !shown)
		return err;
	if (v->args->json)
		pr_render_entry_json(&v->renderer, &v->out.buf, e);
	else
		pr_render_entry_text(&v->renderer, &v->out.buf, e);
	return PR_OK;
}

static int print_cache(struct view *v, struct pr_errinfo *ei)
{
	const struct pr_cache *c = &v->s.replayer.cache;
	struct pr_entry **entries;
	size_t n;
	int err = pr_cache_sorted(c, &entries, &n);

	if (err)
		return pr_fail(ei, err, "out of memory");
	if (!v->args->json)
		pr_paint_str(&v->out.buf, &v->style, PR_ROLE_HEADING, header);
	for (size_t i = 0; i < n && !err && pr_out_check(&v->out); i++)
		err = print_entry(v, entries[i], ei);
	free(entries);
	if (err)
		return err;
	if (v->args->json)
		print_queue_json(&v->out, c);
	else
		print_queue_text(&v->out.buf, c);
	print_summary(&v->out.buf, &v->s.replayer, v->args->json);
	return PR_OK;
}

/* ---- the difference ----------------------------------------------------------------------------------------------- */

/* The entries at one point, sorted; their images and hosts are referenced, so that they outlive the cache's. */
struct snapshot {
	struct pr_entry *v;
	size_t n;
};

static int snapshot_take(struct snapshot *snap, const struct pr_cache *c, struct pr_errinfo *ei)
{
	struct pr_entry **sorted;
	int err = pr_cache_sorted(c, &sorted, &snap->n);

	snap->v = NULL;
	if (!err && snap->n) {
		snap->v = malloc(snap->n * sizeof(*snap->v));
		err = snap->v ? PR_OK : PR_ENOMEM;
	}
	if (err)
		snap->n = 0;
	for (size_t i = 0; i < snap->n; i++) {
		snap->v[i] = *sorted[i];
		pr_image_ref(snap->v[i].image);
		pr_name_ref(snap->v[i].host);
	}
	free(sorted);
	return err ? pr_fail(ei, err, "out of memory") : PR_OK;
}

static void snapshot_release(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n; i++) {
		pr_image_unref(snap->v[i].image);
		pr_name_unref(snap->v[i].host);
	}
	free(snap->v);
}

/* An entry that changed: first as it was, then as it is. Another image: it went away and came again in between. */
static bool is_same(const struct pr_entry *a, const struct pr_entry *b)
{
	return a->ref == b->ref && a->image == b->image && a->host == b->host && pr_id_equal(a->parent, b->parent);
}

/* In JSON the line is that of an entry with "change" behind its type; in text a sign stands in front. */
static void print_change(struct view *v, const char *change, const char *sign, enum pr_role role, const struct pr_entry *e)
{
	static const char type[] = "{\"type\":\"entry\"";
	struct pr_buf line = PR_BUF_INIT;

	if (!v->args->json) {
		pr_paint_str(&v->out.buf, &v->style, role, sign);
		pr_render_entry_text(&v->renderer, &v->out.buf, e);
	} else {
		pr_render_entry_json(&v->renderer, &line, e);
		pr_buf_str(&v->out.buf, "{\"type\":\"change\",\"change\":\"");
		pr_buf_str(&v->out.buf, change);
		pr_buf_u8(&v->out.buf, '"');
		if (!pr_buf_failed(&line))
			pr_buf_append(&v->out.buf, line.data + sizeof(type) - 1, line.len - (sizeof(type) - 1));
		pr_buf_release(&line);
	}
	pr_out_check(&v->out);
}

static uint64_t print_diff(struct view *v, const struct snapshot *a, const struct snapshot *b)
{
	size_t i = 0, k = 0;
	uint64_t changes = 0;
	int order;

	while (i < a->n || k < b->n) {
		order = i == a->n ? 1 : k == b->n ? -1 : pr_id_compare(a->v[i].id, b->v[k].id);
		if (order < 0) {
			print_change(v, "removed", "- ", PR_ROLE_REMOVED, &a->v[i++]);
		} else if (order > 0) {
			print_change(v, "added", "+ ", PR_ROLE_ADDED, &b->v[k++]);
		} else if (!is_same(&a->v[i], &b->v[k])) {
			print_change(v, "was", "< ", PR_ROLE_CHANGED, &a->v[i++]);
			print_change(v, "is", "> ", PR_ROLE_CHANGED, &b->v[k++]);
		} else {
			i++;
			k++;
			continue;
		}
		changes++;
	}
	return changes;
}

/* Reads on to the session's stop. */
static int advance(struct pr_session *s, struct pr_errinfo *ei)
{
	struct pr_applied a;
	int err;

	while (!(err = pr_session_next(s, &a, ei)))
		;
	return err < 0 ? err : PR_OK;
}

static int parse_points(const struct pr_session *s, const char *text, struct pr_point *a, struct pr_point *b,
	struct pr_errinfo *ei)
{
	const char *dots = strstr(text, "..");
	char *first = dots ? strndup(text, (size_t)(dots - text)) : NULL;
	int err;

	if (!dots)
		return pr_fail(ei, PR_EUSAGE, "--diff: '%s' is not A..B, such as 100..200 or +1s..+2s", text);
	if (!first)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = pr_session_point(s, "--diff", first, a, ei);
	if (!err)
		err = pr_session_point(s, "--diff", dots + 2, b, ei);
	free(first);
	if (!err && ((a->has_frame && b->has_frame && a->frame > b->frame) || (a->has_ktime && b->has_ktime && a->ktime > b->ktime)))
		err = pr_fail(ei, PR_EUSAGE, "--diff: %s: the first point lies behind the second", text);
	return err;
}

static int diff(struct view *v, struct pr_errinfo *ei)
{
	struct snapshot from = {NULL, 0}, to = {NULL, 0};
	struct pr_point a, b;
	uint64_t changes;
	int err = parse_points(&v->s, v->args->diff, &a, &b, ei);

	if (err)
		return err;
	v->s.stop = a;
	err = advance(&v->s, ei);
	if (!err)
		err = snapshot_take(&from, &v->s.replayer.cache, ei);
	v->s.stop = b;
	if (!err)
		err = advance(&v->s, ei);
	if (!err)
		err = snapshot_take(&to, &v->s.replayer.cache, ei);
	if (!err) {
		pr_term_begin(v->args->term);
		if (!v->args->json) {
			pr_buf_str(&v->out.buf, "  ");
			pr_paint_str(&v->out.buf, &v->style, PR_ROLE_HEADING, header);
		}
		changes = print_diff(v, &from, &to);
		if (v->args->json)
			pr_buf_printf(&v->out.buf, "{\"type\":\"summary\",\"changes\":%" PRIu64 ",\"before\":%zu,\"after\":%zu}\n", changes,
				from.n, to.n);
		else
			pr_buf_printf(&v->out.buf, "\n%" PRIu64 " changes, %zu entries before, %zu after\n", changes, from.n, to.n);
	}
	snapshot_release(&from);
	snapshot_release(&to);
	return err;
}

static int check_args(const struct pr_replay_args *args, struct pr_errinfo *ei)
{
	const struct pr_selection *sel = &args->sel;

	if (sel->since || sel->until)
		return pr_fail(ei, PR_EUSAGE, "replay: --cache shows one point of the recording: --at TIME or --until-frame N, not --since or --until");
	if (args->diff && (sel->has_pid || sel->exec_id || sel->where))
		return pr_fail(ei, PR_EUSAGE, "replay: --diff takes no --pid, --exec-id or --where");
	return PR_OK;
}

int pr_view_cache(struct pr_replay_args *args)
{
	struct view v = {.args = args};
	struct pr_errinfo ei;
	int err, err_out;

	err = check_args(args, &ei);
	args->meter = pr_term_meter(args->term, "reading", args->trace);
	if (!err)
		err = pr_session_open(&v.s, args, false, NULL, &ei);
	if (err)
		return pr_report(err, &ei);
	err = pr_filter_init(&v.filter, &args->sel, &v.s, &ei);
	if (err) {
		pr_session_close(&v.s);
		return pr_report(err, &ei);
	}
	pr_trace_set_events(v.s.trace, &(struct pr_trace_events){.on_damage = on_damage, .ctx = &v});
	pr_renderer_init(&v.renderer, &v.s.timeline);
	v.style = args->term->style;
	if (args->diff && v.style.columns > 2)
		v.style.columns -= 2; /* the sign in front */
	v.renderer.style = &v.style;
	pr_out_init(&v.out, STDOUT_FILENO);
	if (args->diff) {
		err = diff(&v, &ei);
	} else {
		err = advance(&v.s, &ei);
		pr_term_begin(args->term);
		if (!err)
			err = print_cache(&v, &ei);
	}
	err_out = pr_out_close(&v.out, err ? NULL : &ei);
	err = err ? err : err_out;
	if (!err)
		err = pr_notes_read(v.s.trace, args->trace, v.s.held, &ei);
	pr_filter_release(&v.filter);
	pr_renderer_release(&v.renderer);
	pr_session_close(&v.s);
	return pr_report(err, &ei);
}

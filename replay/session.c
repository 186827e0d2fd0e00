/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/session.h"

#include <string.h>

#include "base/text.h"
#include "replay/following.h"
#include "schema/boot.h"

/* True when one of the user's times can only be understood with all clock readings. */
static bool wants_clock(const struct pr_replay_args *a)
{
	const char *const texts[] = {a->sel.at, a->sel.since, a->sel.until, a->diff};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] && pr_timeline_wants_clock(texts[i]))
			return true;
	return false;
}

/* True when `start` is needed. */
static bool wants_start(const struct pr_replay_args *a)
{
	return a->sel.at || a->sel.since || a->sel.until || a->diff;
}

static int parse_selection(struct pr_session *s, const struct pr_selection *sel, struct pr_errinfo *ei)
{
	int err = PR_OK;

	s->stop.has_frame = sel->has_until_frame;
	s->stop.frame = sel->until_frame;
	if (sel->at) {
		s->stop.has_ktime = true;
		err = pr_timeline_parse(&s->typed, "--at", sel->at, &s->stop.ktime, ei);
	}
	if (!err && sel->since) {
		s->has_since = true;
		err = pr_timeline_parse(&s->typed, "--since", sel->since, &s->since, ei);
	}
	if (!err && sel->until) {
		s->has_until = true;
		err = pr_timeline_parse(&s->typed, "--until", sel->until, &s->until, ei);
	}
	return err;
}

static int open_boot(struct pr_session *s, const struct pr_replay_args *args, struct pr_errinfo *ei)
{
	const struct pr_seg_header *of;
	struct pr_seg_header room;
	int err = pr_boot_choose(args->trace, args->boot, &room, &of, ei);

	return err ? err : pr_trace_open_boot(&s->trace, args->trace, of, ei);
}

static int open_trace(struct pr_session *s, const struct pr_replay_args *args, struct pr_errinfo *ei)
{
	if (!args->following)
		return open_boot(s, args, ei);
	return pr_trace_follow(&s->trace, args->trace, pr_following_wait, args->following, ei);
}

/* Of what there is, all readings; a trace that is still being written is read as far as that, and to its first reading in any case. */
static int scan_clock(struct pr_session *s, const struct pr_replay_args *args, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (args->following) {
		err = pr_timeline_scan(&s->typed, s->trace, false, ei);
		s->follows = &args->sel;
		pr_trace_set_waiting(s->trace, false);
	}
	if (!err)
		err = pr_timeline_scan(&s->typed, s->trace, true, ei);
	pr_trace_set_waiting(s->trace, true);
	return err;
}

int pr_session_open(struct pr_session *s, const struct pr_replay_args *args, bool times, const struct pr_observer *observer,
	struct pr_errinfo *ei)
{
	int err;

	memset(s, 0, sizeof(*s));
	pr_timeline_init(&s->timeline);
	pr_timeline_init(&s->typed);
	if (args->term)
		s->timeline.zone = s->typed.zone = &args->term->zone;
	err = open_trace(s, args, ei);
	if (err)
		return err;
	/* What comes block by block as it is written is read as it comes. */
	s->pool = args->following ? NULL : pr_pool_for((unsigned)args->jobs);
	pr_trace_set_pool(s->trace, s->pool);
	pr_seg_reader_set_meter(pr_trace_segment(s->trace), args->meter);
	pr_replayer_init(&s->replayer, &args->cache, observer);
	if (wants_clock(args))
		err = scan_clock(s, args, ei);
	else if (wants_start(args))
		err = pr_timeline_scan_start(&s->typed, s->trace, ei);
	if (!err && times)
		err = pr_timeline_scan(&s->timeline, s->trace, false, ei);
	if (!err && pr_following_stopped(args->following))
		err = PR_END;
	if (!err)
		err = parse_selection(s, &args->sel, ei);
	if (err)
		pr_session_close(s);
	else if (args->following)
		pr_trace_forward(s->trace);
	return err;
}

void pr_session_close(struct pr_session *s)
{
	pr_replayer_release(&s->replayer);
	pr_timeline_release(&s->timeline);
	pr_timeline_release(&s->typed);
	pr_trace_close(s->trace);
	pr_pool_free(s->pool); /* behind the trace, which may be reading ahead */
	s->trace = NULL;
	s->pool = NULL;
}

static bool is_lifecycle(const struct pr_frame *f)
{
	return !(f->env_flags & (PR_ENV_RAW | PR_ENV_META)) &&
	       (f->op == PR_OP_EXECVE || f->op == PR_OP_CLONE || f->op == PR_OP_EXIT);
}

static bool is_behind(const struct pr_session *s, const struct pr_frame *f)
{
	struct pr_event ev;

	if (s->stop.has_frame && f->seq >= s->stop.frame && !(f->env_flags & (PR_ENV_META | PR_ENV_CONT)))
		return true;
	return s->stop.has_ktime && is_lifecycle(f) && f->ktime > s->stop.ktime && !pr_decode(f->data, f->size, &ev, NULL);
}

static int take_reading(struct pr_session *s, const struct pr_event *ev, struct pr_errinfo *ei)
{
	int err = pr_timeline_add(&s->timeline, ev->ktime, ev->own.realtime);

	if (!err && s->follows)
		err = pr_timeline_add(&s->typed, ev->ktime, ev->own.realtime);
	if (err)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	return s->follows ? parse_selection(s, s->follows, ei) : PR_OK;
}

int pr_session_next(struct pr_session *s, struct pr_applied *out, struct pr_errinfo *ei)
{
	int err = s->held ? PR_OK : pr_trace_next(s->trace, &s->frame, ei);

	if (err)
		return err;
	s->held = is_behind(s, &s->frame);
	if (s->held)
		return PR_END;
	err = pr_replayer_apply(&s->replayer, &s->frame, out, ei);
	if (!err && out->event && out->event->op == PR_OP_CLOCK)
		err = take_reading(s, out->event, ei);
	return err;
}

int pr_session_point(const struct pr_session *s, const char *what, const char *text, struct pr_point *out,
	struct pr_errinfo *ei)
{
	struct pr_point p = {0};
	int err;

	p.has_frame = pr_parse_u64(text, false, &p.frame);
	if (!p.has_frame) {
		p.has_ktime = true;
		err = pr_timeline_parse(&s->typed, what, text[0] == '@' ? text + 1 : text, &p.ktime, ei);
		if (err)
			return err;
	}
	*out = p;
	return PR_OK;
}

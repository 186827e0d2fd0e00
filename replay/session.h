/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h: one pass over a trace that rebuilds the cache frame by frame: what the views and the auditor stand on.
 */
#ifndef PROCREC_REPLAY_SESSION_H
#define PROCREC_REPLAY_SESSION_H

#include "base/err.h"
#include "replay/cache/replayer.h"
#include "replay/timeline.h"
#include "replay/views.h"
#include "schema/trace.h"

/* A point of the recording: the state after all frames before it. */
struct pr_point {
	bool has_frame, has_ktime; /* neither: the end */
	uint64_t frame; /* frames 0 to frame - 1 lie before it */
	uint64_t ktime; /* it lies before the first well-formed lifecycle frame that was emitted later than this */
};

struct pr_session {
	struct pr_pool *pool; /* owned; NULL: one job */
	struct pr_trace *trace; /* owned */
	struct pr_timeline timeline; /* what events are shown with: the first reading, and those met since */
	struct pr_timeline typed; /* what the user's times are understood with: all readings, where a time needs them */
	struct pr_replayer replayer;
	struct pr_point stop;
	bool has_since, has_until;
	uint64_t since, until; /* ktime, both included */
	const struct pr_selection *follows; /* the trace is still being written: times typed are looked at again with each reading; NULL: not so */
	bool held; /* `frame` was read and lies behind the last stop */
	struct pr_frame frame;
};

/*
 * Opens args->trace and understands the selection's times; stop is set by --until-frame and --at. With `times`, the first clock
 * reading is looked for, so that every event has its wall-clock time. The trace's events (pr_trace_set_events) are the caller's
 * to set, afterwards. With args->following, of a trace that is still being written; PR_END: stopped before there was a reading. On failure nothing is left to release. The session must not be moved.
 */
int pr_session_open(struct pr_session *s, const struct pr_replay_args *args, bool times, const struct pr_observer *observer,
	struct pr_errinfo *ei);
void pr_session_close(struct pr_session *s);

/* The next frame, applied. PR_END at s->stop or at the end of the trace (then s->held is false). */
int pr_session_next(struct pr_session *s, struct pr_applied *out, struct pr_errinfo *ei);

/* A frame number, or a time behind '@' (ktime), '+' or of the clock: the forms of --diff. */
int pr_session_point(const struct pr_session *s, const char *what, const char *text, struct pr_point *out,
	struct pr_errinfo *ei);

#endif

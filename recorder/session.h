/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h: one recording from its first system call to its last: open, attach, keyframe, loop, drain, seal.
 */
#ifndef PROCREC_RECORDER_SESSION_H
#define PROCREC_RECORDER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "recorder/capture.h"
#include "recorder/spool.h"

struct pr_session_stats {
	uint64_t frames; /* of the kernel side that are in the trace */
	uint64_t execs, clones, exits, fails, others; /* of these, by kind; `others` are data and procrec's own */
	uint64_t lost[PR_STREAM_COUNT]; /* frames that found no room in the ring, were never handed out, or could not be written */
	uint64_t held_up; /* of these, those that found no room in the ring while the queue was full */
	uint64_t unwritten; /* of these, those that could not be written */
	uint64_t missed[PR_STREAM_COUNT]; /* events for which the kernel skipped the program */
	uint64_t map_full; /* processes that the kernel-side map could not hold */
	uint64_t args_cut;
	uint64_t reparent_cut;
	uint64_t processes; /* alive at the start */
	uint64_t elapsed_ns; /* since everything was attached */
	uint64_t ring_pending, ring_bytes;
	struct pr_spool_state spool;
};

struct pr_session_options {
	struct pr_capture_options capture;
	struct pr_spool_options spool;
	bool resume; /* with capture.pin_dir: go on where a recorder that was killed stopped, if there was one */
	uint64_t sync_ns; /* between two syncs (or writes, with PR_SYNC_NONE) */
	uint64_t read_delay_ns; /* tests: the ring is read only once in this time, whatever its state */
	char *const *command; /* CMD, NULL-terminated; NULL: none */
	char *const *argv; /* procrec's own */
	const char *options_text; /* for the RECORDER frame */
	uint64_t status_ns; /* how often on_status is called; 0: never */
	void (*on_status)(void *arg, const struct pr_session_stats *stats);
	/* Writing failed (`stuck`: and can't go on yet; why), or goes on again after that (why NULL). May be NULL. */
	void (*on_trouble)(void *arg, const char *why, bool stuck);
	/* A set was frozen, or (refused) could not be. May be NULL. */
	void (*on_freeze)(void *arg, const struct pr_freezer_state *st, bool refused);
	/* What was written is not there any more: told once. May be NULL. */
	void (*on_gone)(void *arg, const struct pr_sink_gone *gone);
	/* Asked when a child process has ended: false ends the recording, unless there is a CMD. May be NULL. */
	bool (*is_wanted)(void *arg);
	/* The trace is there, and nothing in it yet. May be NULL. */
	void (*on_open)(void *arg);
	/* Everything is attached and the keyframe written: recording runs. May be NULL. */
	void (*on_start)(void *arg, const struct pr_session_stats *stats);
	void *arg;
};

struct pr_session_result {
	struct pr_session_stats stats;
	bool started; /* the trace exists */
	bool resumed; /* it did before */
	bool redacted; /* secrets were replaced */
	bool left_pinned; /* the capture goes on without us: pr_session_options.capture.pin_dir */
	bool uncounted; /* writing failed, and how much was lost by it could not be found out */
	bool ran; /* CMD was let go */
	int cmd_status; /* as a shell would pass it on */
	int cmd_errno; /* why CMD could not be run; 0: it ran */
	int end_signal; /* that ended the recording; 0: none */
	const char *flavour;
};

/* Frames (or events) that the trace lacks; 0: it is complete. */
static inline uint64_t pr_session_lost(const struct pr_session_stats *s)
{
	uint64_t n = s->map_full;

	for (int i = 0; i < PR_STREAM_COUNT; i++)
		n += s->lost[i] + s->missed[i];
	return n;
}

/* The trace is less than what was recorded, by loss or because somebody deleted of it. */
static inline bool pr_session_lacks(const struct pr_session_stats *s)
{
	return pr_session_lost(s) || s->spool.sink.gone.files;
}

/*
 * Records until the command ends, or without one until SIGINT, SIGTERM or SIGHUP. Those signals are blocked for the time being
 * and passed on to CMD (but for those that the terminal sent to CMD as well). With a rotation SIGUSR1 freezes the history. When writing fails, CMD is waited for all the same. The
 * process has given up its capabilities when this returns.
 */
int pr_session_run(const struct pr_session_options *opt, struct pr_session_result *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.h: from the ring into the spool: counts what passes, and puts the recorder's own frames (names of users, clocks,
 * losses) in front of what they belong to.
 */
#ifndef PROCREC_RECORDER_INTAKE_H
#define PROCREC_RECORDER_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "recorder/capture.h"
#include "recorder/frames.h"
#include "recorder/resume.h"
#include "recorder/session.h"
#include "recorder/spool.h"
#include "recorder/users.h"

struct pr_intake {
	struct pr_capture *cap; /* borrowed */
	struct pr_spool *spool; /* borrowed */
	struct pr_frames frames;
	struct pr_users users;
	struct pr_session_stats stats;
	uint64_t got[PR_STREAM_COUNT]; /* frames read, by stream */
	uint64_t clock_ns; /* of the last CLOCK frame */
	uint64_t loss_since_ns; /* of the last look at the losses */
	uint64_t missed[PR_STREAM_COUNT], map_full; /* told of in LOSS frames so far */
	const struct pr_resume *resume; /* frames that are in the trace already are left out; NULL: none. Borrowed */
	bool pass_known; /* those are put all the same: the spool leaves them out */
	bool hold; /* the ring's bytes are committed by pr_intake_release_ring() alone, when they are on disk */
	uint64_t ticked, committed; /* positions in the ring */
	bool held_up; /* since the last look at the losses the queue was full */
	uint64_t lost; /* in the ring, up to then */
	bool wait; /* for room in the queue, instead of leaving the ring to fill up */
	struct pr_errinfo *ei;
};

/* resume: NULL, or what the trace holds already: its counts are gone on with. */
void pr_intake_init(struct pr_intake *in, struct pr_capture *cap, struct pr_spool *spool, const struct pr_resume *resume);
void pr_intake_release(struct pr_intake *in);

/*
 * Moves what the ring holds now into the spool; *out_got: something came. When the spool is full the rest stays in the ring: the
 * kernel then counts what finds no room there.
 */
int pr_intake_read(struct pr_intake *in, uint64_t now, bool *out_got, struct pr_errinfo *ei);

/* After pr_capture_detach(): everything that is left, however long the spool takes. */
int pr_intake_drain(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei);

/* Everything that was put is to be written; with `hold`, what is written by now leaves the ring. */
int pr_intake_tick(struct pr_intake *in, struct pr_errinfo *ei);
void pr_intake_release_ring(struct pr_intake *in);

/* LOSS frames for what was lost without a sequence number since the last call. */
int pr_intake_losses(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei);

/* After the drain: last losses, and the STREAM_STATE frame that shows every gap up to the end. */
int pr_intake_final(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei);

/*
 * After the drain next == read + lost must hold. Should it not, the difference is loss all the same: the trace's gaps, which
 * follow from `next`, and the figures of the summary then agree.
 */
void pr_intake_settle(struct pr_intake *in, const struct pr_capture_counters *c);

/*
 * Writing failed: of all that was emitted, what is not among the frames that `there` tells of is lost. The figures of what was recorded are
 * then those of `there`.
 */
void pr_intake_unwritten(struct pr_intake *in, const struct pr_capture_counters *c, const struct pr_sink_state *there);

/* Moves the recorder's own frames into the spool; waits for room. */
int pr_intake_put_frames(struct pr_intake *in, struct pr_errinfo *ei);

void pr_intake_stats(struct pr_intake *in, uint64_t elapsed_ns, struct pr_session_stats *out);

#endif

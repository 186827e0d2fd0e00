/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut.h: the frames of some time of a recording, exactly as they were recorded, as a trace that stands alone.
 *
 * It begins with a keyframe made of the frames before, as a segment of a rotation does: what lived then, and the ancestors that it
 * refers to. Envelopes keep their numbers, so that gaps stay what they were. The recording may go on meanwhile, and retention
 * may delete what is being read.
 */
#ifndef PROCREC_REPLAY_DUMP_CUT_H
#define PROCREC_REPLAY_DUMP_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/meter.h"
#include "replay/timeline.h"

struct pr_cut_options {
	const char *trace; /* a segment or a directory of them */
	const char *boot; /* of a directory, as typed: see pr_boots_find; NULL: the newest, and a note says so */
	bool has_last;
	uint64_t last_ns; /* back from the newest frame */
	const char *since, *until; /* as users type times; NULL: from the beginning, to the end. Not with has_last: since */
	const struct pr_zone *zone; /* of these, and of the piece's timeline; borrowed, NULL: UTC */
	const struct pr_meter *meter; /* borrowed; NULL: nobody */
};

struct pr_cut {
	uint64_t frames; /* copied, META ones left out */
	uint64_t segments; /* that they came from */
	uint64_t alive; /* processes that the keyframe tells of, ancestors included; 0: the piece begins with one that was recorded */
	uint64_t since; /* ktime: what was asked for; 0: from the beginning */
	uint64_t from, to; /* ktime of the first and the last frame */
	uint64_t lost; /* places where frames are missing or damaged, in that time or before it where the first state may lack them */
	bool deleted; /* retention had deleted segments that may have held frames of the time before `from` */
	bool late; /* nothing was recorded yet at the beginning of the time */
	bool open; /* the newest segment was not closed */
	struct pr_timeline timeline; /* readings of the piece: pr_timeline_release */
};

/*
 * Writes to fd (empty) and seals. PR_ENOENT: no frame is of that time; fd holds nothing to keep then, as after other failures. *out is to
 * be released in any case.
 */
int pr_cut(const struct pr_cut_options *opt, int fd, struct pr_cut *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h: a trace as one HTML page that needs nothing else. collect.c gathers the processes of a walk in columns, emit.c
 * writes the page: strings of the trace stand in it as JSON only, in which no byte can end the script element, and the page's own
 * policy lets nothing run or load but the one script whose hash it names.
 *
 * A page holds all its processes: unlike the exports it needs memory for them.
 */
#ifndef PROCREC_REPLAY_REPORT_REPORT_H
#define PROCREC_REPLAY_REPORT_REPORT_H

#include "base/out.h"
#include "redact/redact.h"
#include "replay/export/walk.h"
#include "replay/report/words.h"

#define PR_REPORT_LIVES_MAX 2000000u /* more than browsers hold */

struct pr_report_life {
	struct pr_id first;
	uint64_t serial, creator; /* serials; creator UINT64_MAX: none that is shown */
	uint32_t ppid;
	uint64_t end;
	uint32_t status, n_images;
	uint8_t end_kind, certainty, flags; /* enum pr_life_end, enum pr_life_certainty, PR_REPORT_* */
	uint32_t children;
	uint64_t first_image; /* index in images */
	uint32_t up; /* position of the creator, when sorted; UINT32_MAX: none */
};

#define PR_REPORT_GAP 1u /* its end may be in a gap */
#define PR_REPORT_LOST_EXEC 2u
#define PR_REPORT_IDLE 4u /* it lived all along, and neither did anything of what lives below it */

struct pr_report_image {
	uint64_t serial; /* of its life */
	uint64_t ktime, from, busy_ns;
	uint32_t binary, argv, cwd, user; /* words, lists, words, users; UINT32_MAX: none */
	uint8_t how;
};

struct pr_report {
	struct pr_walk walk;
	struct pr_report_life *lives; /* owned; by (start, pid) once sorted */
	struct pr_report_image *images; /* owned; by (life, start) once sorted */
	struct pr_gap *gaps; /* owned */
	size_t n_lives, cap_lives, n_images, cap_images, n_gaps, cap_gaps;
	struct pr_words words, lists, users; /* a list: u32 numbers of words; a user: u32 uid and the name */
	struct pr_buf list, scratch;
	struct pr_buf command, system; /* of the recording: arguments with a NUL behind each; kernel and machine */
	struct pr_redact *redact; /* for `command`: arguments of processes come without secrets already; borrowed, NULL: it stays as it is */
	const char *path; /* of the trace; borrowed */
	uint64_t root_pid; /* of the command that was recorded; 0: none */
	struct pr_errinfo *ei;
};

extern const struct pr_walk_sink pr_report_sink; /* ctx: struct pr_report */

/* After the walk: sorts, links. PR_ENOMEM. */
int pr_report_settle(struct pr_report *r);

/* Writes the page. */
int pr_report_emit(struct pr_report *r, struct pr_out *out);

void pr_report_release(struct pr_report *r); /* not the walk */

#endif

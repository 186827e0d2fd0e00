/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extract.h: a part of a trace, or a trace with other strings in it, as a whole new trace.
 *
 * Kept of a subtree: each frame of its processes and of all their ancestors, the data that they refer to, host, clocks, user names. The
 * sequences are numbered anew, so that what was left out is no gap; what was one stays one, at its place, with its size.
 */
#ifndef PROCREC_REPLAY_EXTRACT_EXTRACT_H
#define PROCREC_REPLAY_EXTRACT_EXTRACT_H

#include "redact/redact.h"
#include "replay/views.h"

struct pr_anonymizer;

struct pr_extract_options {
	const char *trace;
	const char *boot; /* of a directory, as typed: see pr_boots_find; NULL: the newest, and a note says so */
	bool has_pid; /* else everything */
	uint64_t pid;
	const char *at; /* the newest process with that pid up to this time; NULL: of all */
	struct pr_term *term; /* whose time zone `at` is typed in; borrowed, NULL: UTC */
	struct pr_redact *redact; /* borrowed; NULL: arguments stay as they are */
	struct pr_anonymizer *anonymizer; /* borrowed; NULL: names stay as they are */
	const uint8_t *key; /* borrowed: of both; may be NULL without them */
	const struct pr_meter *meter; /* borrowed; NULL: none */
};

struct pr_extracted {
	uint64_t frames, frames_of; /* taken over, of so many */
	uint64_t processes; /* 0 without has_pid */
	uint64_t instances; /* of the pid */
	uint64_t blanked, cut; /* see struct pr_rewrite */
	bool open; /* the trace is not closed */
};

/* Writes to fd (empty). PR_ENOENT: no such process. PR_EDATA: written, but the trace is damaged, or frames are missing. */
int pr_extract(const struct pr_extract_options *opt, int fd, struct pr_extracted *out, struct pr_errinfo *ei);

/* ---- anonymize.c ---------------------------------------------------------------------------------------------------- */

/*
 * Replaces the names of the host and of people (users with uid 1000 and more, and folders in /home), machine, boot and container ids by
 * PREFIX-xxxxxxxx, wherever they stand alone in a string. The key makes the digits.
 */
int pr_anonymizer_new(struct pr_anonymizer **out, const uint8_t key[PR_REDACT_KEY]);
void pr_anonymizer_free(struct pr_anonymizer *a); /* NULL is allowed */
/* Learns the names that a HOST or USER_NAME frame tells: all of them come before the first string. */
int pr_anonymizer_learn(struct pr_anonymizer *a, const struct pr_event *ev);
/* which: as in rewrite.h. Lists of arguments may have NULs in them. */
int pr_anonymizer_string(struct pr_anonymizer *a, unsigned which, struct pr_slice in, struct pr_buf *out);

#endif

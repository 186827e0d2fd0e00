/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h: the last line of the terminal behind stderr, for what is shown only for a while.
 *
 * There is one such line in a process, as there is one terminal; so its state is one variable in here. Whoever writes to the
 * terminal hides it first: pr_note does, and pr_term_out.
 */
#ifndef PROCREC_BASE_PROGRESS_H
#define PROCREC_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/style.h"

/* Replaces the line by `text` (n bytes, no newline, printable) on stderr. Only where stderr is a terminal that can erase. */
void pr_line_show(const void *text, size_t n);
/* Erases it; nothing where there is none. */
void pr_line_hide(void);

#define PR_PROGRESS_AFTER_NS 1000000000u /* what takes less shows nothing */

/* How far a reading has come. */
struct pr_progress {
	const char *verb, *path; /* "indexing", "a.seg"; borrowed */
	const char *unit; /* of what is counted: "processes"; NULL: bytes */
	struct pr_style style; /* .columns: of the terminal; 0: nothing is cut */
	bool aside; /* the answer goes elsewhere than to the terminal: it goes on while that is written */
	bool off; /* for good */
	uint64_t next_ns; /* CLOCK_MONOTONIC when it is shown next; 0: not begun */
};

/* A pr_meter function; ctx is the struct pr_progress. Shows nothing in the first second, then five times a second at most. */
void pr_progress_at(void *ctx, uint64_t done, uint64_t total);

/* The text: "indexing a.seg: 42 % of 1.2 GiB", "comparing a.seg: 42 % of 1200 processes", with less of the path where there is no room. */
void pr_progress_text(struct pr_buf *b, const struct pr_progress *p, uint64_t done, uint64_t total);

#endif

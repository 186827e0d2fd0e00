/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timeline.h: ktime (CLOCK_BOOTTIME ns) and wall-clock time, by the clock readings of the trace (PR_OP_CLOCK) alone.
 *
 * The reading that counts for a ktime is the latest one taken at or before it, else the first. A trace without readings has
 * no wall-clock times.
 */
#ifndef PROCREC_REPLAY_TIMELINE_H
#define PROCREC_REPLAY_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "schema/trace.h"

struct pr_clock_reading {
	uint64_t ktime; /* CLOCK_BOOTTIME ns */
	int64_t realtime; /* ns since 1970 UTC */
};

#define PR_TIMELINE_READINGS_MAX (1u << 20) /* later ones are ignored */
#define PR_TIMELINE_DISORDER_MAX 4096u /* so many readings may come out of order; further such ones are ignored */

struct pr_timeline {
	struct pr_clock_reading *readings; /* owned; by ktime */
	size_t n, cap, disorder;
	bool has_start;
	uint64_t start; /* ktime of the first counted frame: what +1.5s counts from */
	const struct pr_zone *zone; /* borrowed; of times shown and typed. NULL: UTC */
};

void pr_timeline_init(struct pr_timeline *tl);
void pr_timeline_release(struct pr_timeline *tl);

/* Takes a reading in. Of two with one ktime the first counts. PR_ENOMEM. */
int pr_timeline_add(struct pr_timeline *tl, uint64_t ktime, int64_t realtime);

/*
 * Reads the trace from its start to find `start` and the readings, all of them or only the first; rewinds it before and
 * after. Set the trace's events (pr_trace_set_events) after this.
 */
int pr_timeline_scan(struct pr_timeline *tl, struct pr_trace *t, bool all, struct pr_errinfo *ei);

/* As pr_timeline_scan, for `start` alone: reads no further than the first frame. */
int pr_timeline_scan_start(struct pr_timeline *tl, struct pr_trace *t, struct pr_errinfo *ei);

/* Wall-clock time of a ktime; false when the trace has no reading. */
bool pr_timeline_real(const struct pr_timeline *tl, uint64_t ktime, int64_t *out_realtime);

/*
 * A TIME as users type it, to a ktime: RFC 3339 (2026-11-25T13:00:00.5Z, +01:00), HH:MM:SS[.fraction] in tl->zone (the first such
 * moment that is not more than an hour before the start), +1.5s (from the start), or ns of ktime. PR_EUSAGE says what is
 * wrong; `what` names the option for it.
 */
int pr_timeline_parse(const struct pr_timeline *tl, const char *what, const char *text, uint64_t *out_ktime,
	struct pr_errinfo *ei);

/* True for forms that need readings (all of them) to be understood. */
bool pr_timeline_wants_clock(const char *text);

/* 2026-11-25T13:00:00.123456789Z, for any 64-bit number of ns. */
void pr_time_utc(struct pr_buf *b, int64_t realtime);

/* The same in a zone: 2026-11-25T14:00:00.123456789+01:00; NULL: UTC. */
void pr_time_in_zone(struct pr_buf *b, const struct pr_zone *zone, int64_t realtime);

/* ns as seconds with nine digits: 12.000000345 */
void pr_time_seconds(struct pr_buf *b, uint64_t ns);

/*
 * Of the ktimes *from to *to, the part outside of which no time, as pr_time_utc writes it, is at or behind the text (before: at or in front
 * of it), as bytes compare. False: none is. Times that wrap, and very many readings, leave the range as it is.
 */
bool pr_timeline_narrow(const struct pr_timeline *tl, const void *text, size_t n, bool before, uint64_t *from, uint64_t *to);

/* For people: wall-clock time in tl->zone, or seconds of ktime where there is no reading. */
void pr_timeline_show(const struct pr_timeline *tl, struct pr_buf *b, uint64_t ktime);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit.h: finds what goes wrong in a cache that counts references: leaks and early evictions, each with the frame that
 * caused it. It listens to the cache (observer.h) and has none of the cache's rules in it.
 */
#ifndef PROCREC_REPLAY_CACHE_AUDIT_H
#define PROCREC_REPLAY_CACHE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "replay/cache/observer.h"
#include "replay/cache/replayer.h"

enum pr_finding_kind {
	PR_FIND_BELOW_ZERO, /* a count went below 0: one decrement too many */
	PR_FIND_EVICTED_REFERENCED, /* evicted although its count had risen again */
	PR_FIND_EVICTED_ALIVE, /* evicted although neither an exit nor an exec of it was seen */
	PR_FIND_HELD_BACK, /* old enough to expire, but behind a younger head of the queue */
	PR_FIND_LEAKED, /* at the end: more references than there is reason for; it will never expire */
	PR_FIND_ADD_DROPPED, /* the identity was there already: the new value was dropped, its parent counted twice */
	PR_FIND_CLONE_DROPPED, /* the parent is not in the cache */
	PR_FIND_CLEARED, /* all entries were dropped at once: the limit was passed */
	PR_FIND_DATA_NEVER_TAKEN, /* data frames that no frame referred to: dropped, or left at the end */
	PR_FIND_DATA_MISSING, /* a frame refers to data that is not there */
	PR_FIND_DATA_MISMATCH, /* it is there, but not as many bytes as were sent */
	PR_FIND_MALFORMED, /* a frame that can't be decoded */
	PR_FIND_KINDS
};

struct pr_finding {
	enum pr_finding_kind kind;
	uint64_t seq; /* of the frame that caused it */
	uint64_t at; /* seq of the frame at which it took effect; frames in all: at the end */
	bool has_id; /* then: */
	struct pr_id id;
	struct pr_id parent; /* CLONE_DROPPED */
	int64_t ref; /* BELOW_ZERO, EVICTED_*, LEAKED: the count */
	int64_t expected; /* LEAKED: the count that the cache's own entries account for */
	uint64_t entries; /* CLEARED */
	bool has_data; /* then: */
	uint64_t data_pid, data_time, data_bytes, data_want;
	const char *why; /* MALFORMED */
};

const char *pr_finding_name(enum pr_finding_kind kind);

struct pr_auditor;

/* found is called for each finding, in the order in which they show. PR_ENOMEM. */
int pr_auditor_new(struct pr_auditor **out, void (*found)(void *ctx, const struct pr_finding *f), void *ctx);
void pr_auditor_free(struct pr_auditor *a); /* NULL is allowed */

/* For pr_session_open or pr_replayer_init; lives as long as the auditor. */
const struct pr_observer *pr_auditor_observer(struct pr_auditor *a);

/* Before a frame is applied: its number and, where it is well-formed, its event. */
void pr_auditor_before(struct pr_auditor *a, const struct pr_frame *f);
/* After it was. */
void pr_auditor_after(struct pr_auditor *a, const struct pr_applied *ap);
/* At the end: what was leaked, what was never taken. PR_ENOMEM also when memory ran out before. */
int pr_auditor_end(struct pr_auditor *a, const struct pr_replayer *r);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redactor.h: secrets out of what is recorded, on the way from the queue to the disk: in the writing thread, before anything else sees it.
 *
 * So segments, their keyframes (made of the frames that were written) and the index are all made of redacted frames. Frames come out in the
 * order in which they went in, as many as went in, some of them later: those of an exec's data, and what stands behind them, wait for the
 * exec, because a secret may begin in one and end in the next.
 */
#ifndef PROCREC_RECORDER_REDACTOR_H
#define PROCREC_RECORDER_REDACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct pr_redact;
struct pr_redactor;
struct pr_resume;

/*
 * redact: borrowed, and used by this alone from now on. known: NULL, or what a trace that is gone on with holds: then the frames of the ring
 * are put from its beginning, so that those of one exec are redacted together, and those that are known are left out of what comes out.
 */
int pr_redactor_new(struct pr_redactor **out, struct pr_redact *redact, const struct pr_resume *known, struct pr_errinfo *ei);
void pr_redactor_free(struct pr_redactor *d); /* NULL is allowed */

/* n bytes of whole envelopes; what can go is appended to *out, whole envelopes as well. PR_ENOMEM. */
int pr_redactor_put(struct pr_redactor *d, const void *p, size_t n, struct pr_buf *out, struct pr_errinfo *ei);

/*
 * Everything so far is to be written, soon: what has waited since the call before the last one waits no longer, since what it waits for was
 * lost. Its content is then lost as well (state.blanked).
 */
int pr_redactor_tick(struct pr_redactor *d, struct pr_buf *out, struct pr_errinfo *ei);

/* The end, or a long silence: nothing waits any longer. */
int pr_redactor_flush(struct pr_redactor *d, struct pr_buf *out, struct pr_errinfo *ei);

bool pr_redactor_holds(const struct pr_redactor *d); /* something waits */

struct pr_redactor_state {
	uint64_t secrets; /* replaced */
	uint64_t cut; /* lists of arguments that had to be cut, because the marks made them longer than their frames */
	uint64_t blanked; /* frames whose content could not be understood, and was left out */
};
void pr_redactor_get_state(const struct pr_redactor *d, struct pr_redactor_state *out);

#endif

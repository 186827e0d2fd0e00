/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * following.h: waiting for a trace to go on: until there is more, a signal, the end of who reads the output, or that of standard input.
 */
#ifndef PROCREC_REPLAY_FOLLOWING_H
#define PROCREC_REPLAY_FOLLOWING_H

#include <stdbool.h>

#include "base/err.h"
#include "base/out.h"
#include "schema/trace.h"

struct pr_following {
	const char *path; /* of the trace; borrowed */
	struct pr_out *out; /* written out before each wait; borrowed. NULL: nothing is printed yet */
	bool until_stdin; /* what is there when standard input ends is the end */
	bool orphaned; /* it was said that nobody writes the trace */
	bool stopped; /* nothing more is wanted: interrupted, or nobody reads the output */
};

/*
 * --follow[=MODE]; path: of the trace. From now on the first SIGINT or SIGTERM (where they are not ignored) stops the following, a second one
 * ends the process. PR_EUSAGE: there is no such mode.
 */
int pr_following_begin(struct pr_following *f, const char *mode, const char *path, struct pr_errinfo *ei);

/* Of pr_trace_follow. */
int pr_following_wait(void *following, const struct pr_trace_wait *w, struct pr_errinfo *ei);

/* Nobody takes what is printed. f NULL: nothing is followed. */
void pr_following_stop(struct pr_following *f);

/* To be asked now and then while there is much to read. f NULL: nothing is followed, so nothing stops. */
bool pr_following_stopped(struct pr_following *f);

#endif

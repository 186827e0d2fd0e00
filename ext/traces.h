/* SPDX-License-Identifier: BSD-2-Clause */
/* traces.h: the traces that one connection has open: each once, however many tables and statements ask it. */
#ifndef PROCREC_EXT_TRACES_H
#define PROCREC_EXT_TRACES_H

#include "ext/inner.h"

#define PR_TRACES_MAX 16

struct pr_traces {
	unsigned refs; /* of the modules */
	uint64_t clock;
	struct pr_traces_slot {
		struct pr_inner *in; /* owned; NULL: free */
		unsigned users;
		uint64_t last_use;
	} slots[PR_TRACES_MAX];
};

/* Opened, or found open; for pr_traces_leave. A file that is in use by nobody else is looked at again, and opened anew when it has changed. */
int pr_traces_enter(struct pr_traces *t, const char *path, struct pr_inner **out, struct pr_errinfo *ei);
void pr_traces_leave(struct pr_traces *t, struct pr_inner *in);
void pr_traces_close(struct pr_traces *t); /* all of them: none may be in use */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.h: which events, or entries of the cache, the user's selection lets through. */
#ifndef PROCREC_REPLAY_FILTER_H
#define PROCREC_REPLAY_FILTER_H

#include <stdbool.h>

#include "replay/render/render.h"
#include "replay/session.h"
#include "replay/cache/where.h"

struct pr_filter {
	const struct pr_selection *sel; /* borrowed */
	const struct pr_session *session; /* borrowed: since, until, and the host name */
	struct pr_where *where; /* NULL: no --where */
	struct pr_buf scratch;
};

/* PR_EUSAGE: --where is no expression. Nothing is left to release then. */
int pr_filter_init(struct pr_filter *f, const struct pr_selection *sel, const struct pr_session *s, struct pr_errinfo *ei);
void pr_filter_release(struct pr_filter *f);

/* v->applied NULL: an entry. PR_EUSAGE when --where fails on its values. */
int pr_filter_test(struct pr_filter *f, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.h: events and gaps, one line each, to an output, in the order in which they are given; with a pool, rendered by its threads.
 *
 * Rendering is most of what a replay costs, and needs nothing but what an event has pinned: the image of its process and its parent's, which
 * never change. Replaying itself stays on one thread.
 */
#ifndef PROCREC_REPLAY_LINES_H
#define PROCREC_REPLAY_LINES_H

#include "base/out.h"
#include "base/pool.h"
#include "replay/render/render.h"

struct pr_lines;

/* All borrowed; style (of text) and pool may be NULL. NULL when memory runs out. */
struct pr_lines *pr_lines_new(const struct pr_timeline *tl, bool json, const struct pr_style *style, struct pr_out *out, struct pr_pool *pool);

/* What was not flushed is lost. NULL is allowed. */
void pr_lines_free(struct pr_lines *l);

/* False once writing failed: the caller should stop; pr_out_close says why. */
bool pr_lines_event(struct pr_lines *l, const struct pr_event_view *v);
bool pr_lines_gap(struct pr_lines *l, const struct pr_gap *g);

/* All that was given is in the output's buffer, or further. */
void pr_lines_flush(struct pr_lines *l);

#endif

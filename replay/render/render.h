/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * render.h: events, cache entries and gaps as lines of text or JSON. Appends to the caller's buffer; every byte that comes
 * from the trace is escaped. One renderer serves one output; it keeps what the next line is likely to need again.
 */
#ifndef PROCREC_REPLAY_RENDER_H
#define PROCREC_REPLAY_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/style.h"
#include "replay/cache/view.h"
#include "replay/timeline.h"
#include "schema/trace.h"

#define PR_RENDER_CAPS 64 /* power of two */

struct pr_renderer {
	const struct pr_timeline *timeline; /* borrowed */
	const struct pr_zone *zone; /* of the times of events; borrowed, NULL: UTC */
	const struct pr_style *style; /* of text; borrowed, NULL: plain, and nothing is cut */
	struct pr_buf scratch;
	struct pr_caps_text {
		uint64_t bits;
		bool known;
		struct pr_buf text;
	} caps[PR_RENDER_CAPS]; /* texts of capability sets that were met, by a hash of the set */
};

void pr_renderer_init(struct pr_renderer *r, const struct pr_timeline *timeline);
void pr_renderer_release(struct pr_renderer *r);

/* The text of a capability set; valid until the next call. */
struct pr_slice pr_render_caps(struct pr_renderer *r, uint64_t bits);

/* What a line says of an event: all of it by value but for the two, so that it may be rendered later than the next frame is applied. */
struct pr_event_line {
	const struct pr_entry *entry, *parent; /* as in view.h; of them id, the entry's parent, image and host are shown */
	uint64_t seq;
	struct pr_id id;
	uint64_t ktime; /* when it happened */
	bool has_time;
	int64_t time; /* the same on the clock, where the trace has a reading */
	uint32_t status; /* of an exit */
	uint8_t op;
	bool alive; /* an execve frame of what was running already */
};

void pr_event_line_make(struct pr_event_line *e, const struct pr_event_view *v, const struct pr_timeline *tl);

/* One line each, with its newline; with a style that has columns, long commands are cut. Those of events need no timeline. */
void pr_render_event_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e);
void pr_render_event_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e);
void pr_render_gap_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_gap *g);
void pr_render_gap_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_gap *g);
void pr_render_entry_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_entry *e);
void pr_render_entry_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_entry *e);

/* The members uid, user, binary, arguments and, with argv, argv; then cwd and cap. */
void pr_render_image_json(struct pr_renderer *r, struct pr_json *j, const struct pr_image *im, bool argv);
/* The same with argv, and null for what the trace does not tell, where the reference shows the word "enomem". */
void pr_render_known_json(struct pr_renderer *r, struct pr_json *j, const struct pr_image *im);

/* "code 0", "signal 9 (SIGKILL)", "signal 11 (SIGSEGV), core dumped" */
void pr_render_status(struct pr_buf *b, uint32_t status);
/* The role of what holds it. */
static inline enum pr_role pr_status_role(uint32_t status)
{
	return status ? PR_ROLE_FAILED : PR_ROLE_PLAIN;
}

/* "time":"...Z" or null, under that key. */
void pr_render_time_json(const struct pr_timeline *tl, struct pr_json *j, const char *key, uint64_t ktime);

const char *pr_stream_name(uint8_t stream); /* "exec", "clone", ...; "unknown" */
const char *pr_loss_name(uint32_t reason); /* "recursion", ...; "unknown" */

/* pid, right-aligned in `width` columns. */
void pr_render_padded(struct pr_buf *b, uint64_t v, unsigned width);

#endif

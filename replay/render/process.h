/* SPDX-License-Identifier: BSD-2-Clause */
/* process.h: a process of a lineage as a line of text or JSON. Every byte that comes from the trace is escaped. */
#ifndef PROCREC_REPLAY_RENDER_PROCESS_H
#define PROCREC_REPLAY_RENDER_PROCESS_H

#include "replay/query/lineage.h"
#include "replay/render/render.h"

/* Of a tree that a selection was made from. */
enum pr_part {
	PR_PART_ALL, /* none was made */
	PR_PART_SELECTED,
	PR_PART_ON_THE_WAY /* shown because it is an ancestor of what is selected */
};

struct pr_process_view {
	const struct pr_link *link;
	const struct pr_image *image; /* NULL: not known */
	struct pr_slice host;
	uint64_t depth;
	enum pr_part part;
	const uint8_t *boot_id; /* PR_SEG_UUID bytes, 0: not stated; borrowed */
};

/* One line: START PID HOW CERTAINTY END COMMAND */
void pr_render_process_text(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v);
/* One object of DESIGN section 7, with its newline. */
void pr_render_process_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v);
/* For a tree, without newline: PID COMMAND [what is to be known of it]; the line begins at `from`. */
void pr_render_process_node(struct pr_renderer *r, struct pr_buf *b, size_t from, const struct pr_process_view *v);

/* "boot_id":"4f0f7a3e-..." or null */
void pr_render_boot_json(struct pr_json *j, const uint8_t id[PR_SEG_UUID]);

/* "/usr/bin/gcc -c a.c"; "(not known)" */
void pr_render_command(struct pr_renderer *r, struct pr_buf *b, const struct pr_image *image);
/* "0.412 s" and such */
void pr_render_duration(struct pr_buf *b, uint64_t ns);

#endif

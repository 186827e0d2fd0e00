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
	struct pr_image *image; /* NULL: not known */
	enum pr_unknown unknown; /* with an image: whether its executable is known */
	struct pr_slice comm; /* where not: the kernel's name of the process; empty: not known either */
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

/*
 * What it runs: "/usr/bin/gcc -c a.c"; "(unknown: systemd) --user" where the executable is not known, but the kernel's name of it; "(unknown)";
 * "(not known)" without an image. The word that the reference has for what it can't show ("enomem") is not used.
 */
void pr_render_command(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v);
/* The same without arguments. */
void pr_render_program(struct pr_renderer *r, struct pr_buf *b, const struct pr_process_view *v);
/* "0.412 s" and such; what ends before it begins, as a trace that is not honest may tell it, "-0.412 s" */
void pr_render_duration(struct pr_buf *b, int64_t ns);

#endif

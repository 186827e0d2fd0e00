/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folded.c: folded stacks for flame graphs of process time: "init;bash;make;cc 1234", one line an image: the chain of those who
 * created each other, and the µs in which it lived without a child of its own. So the time of a process is not counted again in
 * its creators, and where processes run side by side their times add up, as samples of several CPUs do.
 */
#include <string.h>

#include "base/text.h"
#include "replay/export/export.h"

#define DEPTH_MAX 256u /* longer chains lose their upper part, and say so */

/* ';' parts the names, and a line is one stack. */
static void put_name(struct pr_export *x, const struct pr_image *im)
{
	struct pr_slice s = pr_export_name(x, im);
	struct pr_buf *b = &x->text, *out = &x->out.buf;

	pr_buf_clear(b);
	pr_text_escape(b, s.p, s.n);
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] == ';')
			pr_buf_str(out, "\\x3b");
		else
			pr_buf_u8(out, b->data[i]);
	}
}

/* With --tree the selected process is the root of the stacks. */
static bool has_creator(const struct pr_export *x, const struct pr_life *l)
{
	return l->creator && !(x->walk.has_tree && !l->creator->selected);
}

static int image(void *ctx, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_export *x = ctx;
	const struct pr_image *chain[DEPTH_MAX];
	uint64_t from = pr_export_clip(x, im->from), to = pr_export_clip(x, im->to), ns = to - from;
	const struct pr_life *at = l;
	size_t n = 0;

	if (ns <= im->busy_ns)
		return PR_OK;
	for (; has_creator(x, at) && n < DEPTH_MAX; at = at->creator)
		chain[n++] = at->creator_image;
	if (has_creator(x, at))
		pr_buf_str(&x->out.buf, "[...];");
	while (n) {
		put_name(x, chain[--n]);
		pr_buf_u8(&x->out.buf, ';');
	}
	put_name(x, im->image);
	pr_buf_u8(&x->out.buf, ' ');
	pr_buf_u64_dec(&x->out.buf, (ns - im->busy_ns + 500) / 1000);
	pr_buf_u8(&x->out.buf, '\n');
	return pr_export_written(x);
}

const struct pr_export_format pr_export_folded = {
	.name = "folded",
	.about = "stacks of commands with the time of each, for flame graphs",
	.sink = {.image = image},
};

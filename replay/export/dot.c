/* SPDX-License-Identifier: BSD-2-Clause */
/* dot.c: the tree of processes for Graphviz: a node a process, an edge from each creator. */
#include "base/text.h"
#include "replay/export/export.h"
#include "replay/render/render.h"

#define LABEL_MAX 48u

/* Inside of a quoted string; `text` is printable already, or holds our own line ends. */
static void put_quoted(struct pr_buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\')
			pr_buf_u8(out, '\\');
		pr_buf_u8(out, p[i]);
	}
}

/* The length of the longest part of at most `max` bytes that ends with a whole character. */
static size_t cut(const uint8_t *p, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max && (p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static void put_text(struct pr_export *x, struct pr_slice s, size_t max)
{
	struct pr_buf b = PR_BUF_INIT;
	size_t n;

	pr_text_escape_lossy(&b, s.p, s.n);
	n = cut(b.data, b.len, max);
	put_quoted(&x->out.buf, b.data, n);
	if (n < b.len)
		pr_buf_str(&x->out.buf, "\xe2\x80\xa6");
	x->out.buf.failed |= b.failed;
	pr_buf_release(&b);
}

static void put_span(struct pr_buf *out, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "\xc2\xb5s"}};
	size_t i = 0;

	while (i < 2 && ns < units[i].ns)
		i++;
	pr_buf_printf(out, "%llu.%03u %s", (unsigned long long)(ns / units[i].ns), (unsigned)(ns % units[i].ns / (units[i].ns / 1000)),
		units[i].name);
}

static void put_end(struct pr_export *x, const struct pr_life *l)
{
	struct pr_buf *out = &x->out.buf;

	pr_buf_str(out, "\\n");
	put_span(out, l->end_ktime - pr_export_clip(x, l->first.ktime));
	pr_buf_str(out, ", ");
	if (l->end == PR_LIFE_EXIT)
		pr_render_status(out, l->status);
	else
		pr_buf_str(out, l->gap || l->end == PR_LIFE_REUSED ? "end not seen" : "lives on");
}

static void placeholder(struct pr_export *x, struct pr_life *l)
{
	if (l->mark)
		return;
	l->mark = 1;
	pr_buf_printf(&x->out.buf, "\tp%llu [label=\"pid %u\\nnot in the trace\", style=dashed];\n", (unsigned long long)l->serial,
		l->first.pid);
}

static void edge(struct pr_export *x, const struct pr_life *l)
{
	struct pr_life *c = l->creator;

	if (!c || (c->seen && !c->selected))
		return;
	if (!c->seen)
		placeholder(x, c);
	pr_buf_printf(&x->out.buf, "\tp%llu -> p%llu", (unsigned long long)c->serial, (unsigned long long)l->serial);
	if (l->certainty == PR_LIFE_INFERRED)
		pr_buf_str(&x->out.buf, " [style=dashed]");
	pr_buf_str(&x->out.buf, ";\n");
}

static int life(void *ctx, struct pr_life *l)
{
	struct pr_export *x = ctx;
	struct pr_buf *out = &x->out.buf;
	bool failed = l->end == PR_LIFE_EXIT && l->status;

	pr_buf_printf(out, "\tp%llu [label=\"", (unsigned long long)l->serial);
	put_text(x, pr_export_name(x, l->now.image), LABEL_MAX);
	if (l->now.start == PR_LIFE_CLONE)
		pr_buf_str(out, " (fork)");
	pr_buf_printf(out, "\\npid %u", l->first.pid);
	put_end(x, l);
	pr_buf_str(out, "\", tooltip=\"");
	put_text(x, pr_export_command(x, l->now.image), 4096);
	pr_buf_str(out, failed ? "\", color=\"#b3261e\"];\n" : "\"];\n");
	edge(x, l);
	return pr_export_written(x);
}

static int gap(void *ctx, const struct pr_gap *g)
{
	struct pr_export *x = ctx;

	(void)g;
	x->gaps++;
	return PR_OK;
}

static int open_(struct pr_export *x)
{
	pr_buf_str(&x->out.buf, "digraph processes {\n\trankdir=LR;\n\tnode [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n"
				"\tedge [arrowsize=0.6];\n");
	return PR_OK;
}

static int close_(struct pr_export *x)
{
	if (x->gaps)
		pr_buf_printf(&x->out.buf, "\tlabel=\"frames are missing at %llu place%s: processes and ends may be missing here\";\n",
			(unsigned long long)x->gaps, x->gaps == 1 ? "" : "s");
	pr_buf_str(&x->out.buf, "}\n");
	return PR_OK;
}

const struct pr_export_format pr_export_dot = {
	.name = "dot",
	.about = "the tree of processes, for Graphviz",
	.open = open_,
	.close = close_,
	.sink = {.life = life, .gap = gap},
};

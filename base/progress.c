/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/out.h"
#include "base/text.h"

#define EVERY_NS 200000000u

static bool line_shown; /* of the one terminal: see the header */

void pr_line_show(const void *text, size_t n)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_buf_str(&b, "\r");
	pr_buf_append(&b, text, n);
	pr_buf_str(&b, "\033[K");
	if (!pr_buf_failed(&b) && !pr_write_all(STDERR_FILENO, b.data, b.len))
		line_shown = true;
	pr_buf_release(&b);
}

void pr_line_hide(void)
{
	if (line_shown && pr_write_all(STDERR_FILENO, "\r\033[K", 4))
		return; /* the terminal is gone */
	line_shown = false;
}

void pr_progress_text(struct pr_buf *b, const struct pr_progress *p, uint64_t done, uint64_t total)
{
	struct pr_style style = p->style, head;
	struct pr_buf tail = PR_BUF_INIT;
	size_t at = b->len;

	if (style.columns > 1)
		style.columns--; /* the last column may wrap */
	head = style;
	if (total)
		pr_buf_printf(&tail, ": %u %% of ", (unsigned)(done >= total ? 100 : (double)done * 100 / (double)total));
	else
		pr_buf_str(&tail, ": ");
	if (p->unit)
		pr_buf_printf(&tail, "%llu %s", (unsigned long long)(total ? total : done), p->unit);
	else
		pr_text_size(&tail, total ? total : done);
	head.columns = style.columns > tail.len ? style.columns - (unsigned)tail.len : 1;
	pr_buf_printf(b, "%s ", p->verb);
	pr_text_escape(b, p->path, strlen(p->path));
	if (style.columns)
		pr_style_fit(&head, b, at);
	pr_buf_append(b, tail.data, tail.len);
	if (style.columns)
		pr_style_fit(&style, b, at);
	pr_buf_release(&tail);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void pr_progress_at(void *ctx, uint64_t done, uint64_t total)
{
	struct pr_progress *p = ctx;
	struct pr_buf b = PR_BUF_INIT;
	uint64_t now;

	if (p->off)
		return;
	now = now_ns();
	if (!p->next_ns)
		p->next_ns = now + PR_PROGRESS_AFTER_NS;
	if (now < p->next_ns)
		return;
	p->next_ns = now + EVERY_NS;
	pr_progress_text(&b, p, done, total);
	if (!pr_buf_failed(&b))
		pr_line_show(b.data, b.len);
	pr_buf_release(&b);
}

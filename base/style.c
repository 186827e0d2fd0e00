/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/style.h"

#include <string.h>
#include <wchar.h>

#include "base/text.h"

#define ESC 0x1b
#define RESET "\033[0m"
#define ELLIPSIS "\u2026"

/*
 * For light and dark backgrounds alike: only the darker half of the eight colours as text, none of yellow, white, black and blue; what
 * must not be missed brings its own background.
 */
static const char *const codes[PR_ROLES] = {
	[PR_ROLE_HEADING] = "\033[1m",
	[PR_ROLE_MINOR] = "\033[2m",
	[PR_ROLE_PID] = "\033[36m",
	[PR_ROLE_COMMAND] = "\033[1m",
	[PR_ROLE_DOUBT] = "\033[30;43m",
	[PR_ROLE_LOSS] = "\033[1;37;41m",
	[PR_ROLE_FAILED] = "\033[31m",
	[PR_ROLE_GOOD] = "\033[32m",
	[PR_ROLE_WARNING] = "\033[35m",
	[PR_ROLE_ADDED] = "\033[32m",
	[PR_ROLE_REMOVED] = "\033[31m",
	[PR_ROLE_CHANGED] = "\033[36m",
};

void pr_paint(struct pr_buf *b, const struct pr_style *s, enum pr_role role, size_t from)
{
	size_t n, k;

	if (!s || !s->color || !codes[role] || b->len <= from)
		return;
	n = b->len - from;
	k = strlen(codes[role]);
	if (!pr_buf_grow(b, k))
		return;
	memmove(b->data + from + k, b->data + from, n);
	memcpy(b->data + from, codes[role], k);
	pr_buf_str(b, RESET);
}

void pr_paint_str(struct pr_buf *b, const struct pr_style *s, enum pr_role role, const char *text)
{
	size_t from = b->len;

	pr_buf_str(b, text);
	pr_paint(b, s, role, from);
}

/* What no table knows is taken for wide: a line that is cut too early is better than one that wraps. */
static unsigned estimated(uint32_t cp)
{
	return cp < 0x1100 ? 1 : 2;
}

static unsigned width_of(uint32_t cp)
{
	int w = wcwidth((wchar_t)cp);

	return w < 0 ? estimated(cp) : (unsigned)w;
}

/* A walk over a line: one step is a character, or a painted code, which has no width. */
struct step {
	size_t bytes;
	unsigned width;
	bool code, reset;
};

static struct step next(const uint8_t *p, size_t n, bool known)
{
	uint32_t cp;
	size_t bad, k;

	if (p[0] == ESC) {
		const uint8_t *end = memchr(p, 'm', n);

		k = end ? (size_t)(end - p) + 1 : n;
		return (struct step){k, 0, true, k == strlen(RESET) && !memcmp(p, RESET, k)};
	}
	if (p[0] < 0x80)
		return (struct step){1, 1, false, false};
	k = pr_utf8_next(p, n, &cp, &bad);
	if (!k)
		return (struct step){bad, (unsigned)bad, false, false};
	return (struct step){k, known ? width_of(cp) : estimated(cp), false, false};
}

/* Up to where it fits: the bytes that take at most `columns` (*out_fit), and whether the whole line takes no more than `limit`. */
static bool measure(const uint8_t *p, size_t n, size_t columns, size_t limit, bool known, size_t *out_fit, bool *out_open)
{
	bool open = false;
	size_t i = 0, width = 0;

	*out_fit = 0;
	*out_open = false;
	while (i < n) {
		struct step st = next(p + i, n - i, known);

		width += st.width;
		if (width > limit)
			return false;
		open = st.code ? !st.reset : open;
		i += st.bytes;
		if (width <= columns) {
			*out_fit = i;
			*out_open = open;
		}
	}
	return true;
}

void pr_style_fit(const struct pr_style *s, struct pr_buf *b, size_t from)
{
	size_t fit;
	bool open, whole;
	locale_t old;

	if (!s || !s->columns || b->len - from <= s->columns || pr_buf_failed(b)) /* nothing is wider than its bytes */
		return;
	old = s->widths ? uselocale(s->widths) : (locale_t)0;
	whole = measure(b->data + from, b->len - from, s->columns - 1, s->columns, s->widths, &fit, &open);
	if (s->widths)
		uselocale(old);
	if (whole)
		return;
	b->len = from + fit;
	pr_buf_str(b, ELLIPSIS);
	if (open)
		pr_buf_str(b, RESET);
}

void pr_style_fit_tail(const struct pr_style *s, struct pr_buf *b, size_t from, size_t tail)
{
	static const char below[] = "\n        ";
	const size_t k = sizeof(below) - 1;
	size_t head;

	if (!s || !s->columns || b->len - from <= s->columns || pr_buf_failed(b))
		return;
	head = pr_style_width(s, b->data + from, tail - from);
	if (head + PR_STYLE_TAIL_MIN <= s->columns || head + pr_style_width(s, b->data + tail, b->len - tail) <= s->columns) {
		pr_style_fit(s, b, from);
		return;
	}
	if (!pr_buf_grow(b, k))
		return;
	memmove(b->data + tail + k, b->data + tail, b->len - k - tail);
	memcpy(b->data + tail, below, k);
	pr_style_fit(s, b, tail + 1);
}

size_t pr_style_width(const struct pr_style *s, const void *p, size_t n)
{
	bool known = s && s->widths;
	locale_t old = known ? uselocale(s->widths) : (locale_t)0;
	const uint8_t *c = p;
	size_t width = 0;

	while (n) {
		struct step st = next(c, n, known);

		width += st.width;
		c += st.bytes;
		n -= st.bytes;
	}
	if (known)
		uselocale(old);
	return width;
}

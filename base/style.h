/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * style.h: how text looks on a terminal: roles instead of colours, and lines that fit.
 *
 * Text is written plain first and painted afterwards, so that columns are counted in plain text, and nothing of it depends on
 * whether there is colour. What comes from a trace is escaped before it gets here: the only ESC bytes in a line are painted ones.
 * Colour never carries a meaning alone: each role goes with words.
 */
#ifndef PROCREC_BASE_STYLE_H
#define PROCREC_BASE_STYLE_H

#include <locale.h>
#include <stdbool.h>

#include "base/buf.h"

enum pr_role {
	PR_ROLE_PLAIN,
	PR_ROLE_HEADING,
	PR_ROLE_MINOR, /* times, labels, the lines of a tree */
	PR_ROLE_PID,
	PR_ROLE_COMMAND, /* what ran */
	PR_ROLE_DOUBT, /* not observed: inferred, unknown */
	PR_ROLE_LOSS, /* what is missing or damaged */
	PR_ROLE_FAILED, /* ended by a signal or with a code that is not 0; an error */
	PR_ROLE_GOOD,
	PR_ROLE_WARNING,
	PR_ROLE_ADDED,
	PR_ROLE_REMOVED,
	PR_ROLE_CHANGED,
	PR_ROLES
};

struct pr_style {
	bool color;
	unsigned columns; /* lines of tables are cut to so many; 0: never */
	locale_t widths; /* that knows the widths of characters in UTF-8; (locale_t)0: they are estimated, rather too wide */
};

/* The bytes of b from `from` on get the look of the role. s NULL: plain. Roles don't nest. */
void pr_paint(struct pr_buf *b, const struct pr_style *s, enum pr_role role, size_t from);

/* Appends text in a role. */
void pr_paint_str(struct pr_buf *b, const struct pr_style *s, enum pr_role role, const char *text);

/* Cuts the line that begins at `from` (no newline yet) to s->columns, with an ellipsis at its end. s NULL: does nothing. */
void pr_style_fit(const struct pr_style *s, struct pr_buf *b, size_t from);

/*
 * For a line that ends in a long column, from `tail` on: where the line is too long it is cut, unless that would leave less than
 * PR_STYLE_TAIL_MIN columns of the tail: then that goes to a line of its own beneath, and is cut there.
 */
#define PR_STYLE_TAIL_MIN 32
void pr_style_fit_tail(const struct pr_style *s, struct pr_buf *b, size_t from, size_t tail);

/* Columns that the bytes take on a terminal: painted, in UTF-8; an invalid byte takes one. s NULL: widths are estimated. */
size_t pr_style_width(const struct pr_style *s, const void *p, size_t n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* lex.h: the words and strings of the text form, with their places. Internal to asm/. */
#ifndef PROCREC_REPLAY_ASM_LEX_H
#define PROCREC_REPLAY_ASM_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PR_LEX_WORD_MAX 1024 /* bytes of a word; strings have no such limit */

struct pr_lex {
	const char *name; /* of the input, for messages */
	const uint8_t *text;
	size_t n, pos;
	size_t line, line_start; /* of pos: from 1; and where that line begins */
	size_t limit; /* bytes that a string may have */
	struct pr_errinfo *ei;
};

/* A place in the text, for a message about something that was read already. */
struct pr_lex_place {
	size_t line, column; /* from 1; columns are bytes */
};

struct pr_lex pr_lex_make(const char *name, const void *text, size_t n, size_t limit, struct pr_errinfo *ei);
struct pr_lex_place pr_lex_here(const struct pr_lex *l);

/* "name:line:column: ..."; returns PR_EFORMAT. */
int pr_lex_fail(const struct pr_lex *l, struct pr_lex_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes blanks, line ends and comments. True when a token of the same statement follows: something not in column 1. */
bool pr_lex_more(struct pr_lex *l);
/* The same, and true unless the text ends: a statement begins. */
bool pr_lex_statement(struct pr_lex *l);

/* The byte at the position; 0 at the end. */
uint8_t pr_lex_peek(const struct pr_lex *l);
/* Passes c if it is there. */
bool pr_lex_accept(struct pr_lex *l, char c);

/* A name before `=`, or a statement's word: letters, digits, _ . : and -. Empty if there is none. PR_EFORMAT if too long. */
int pr_lex_name(struct pr_lex *l, char out[PR_LEX_WORD_MAX]);
/* A value without quotes: up to a blank or one of "[]{},". */
int pr_lex_word(struct pr_lex *l, char out[PR_LEX_WORD_MAX]);
/* "..."*N "..." and so on, appended to `out`. The position must be at a quote. */
int pr_lex_string(struct pr_lex *l, struct pr_buf *out);
/* Hexadecimal words, with blanks and line ends between them, appended to `out`. */
int pr_lex_hex(struct pr_lex *l, struct pr_buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/asm/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SHOW_MAX 40 /* bytes of the input that a message quotes */

struct pr_lex pr_lex_make(const char *name, const void *text, size_t n, size_t limit, struct pr_errinfo *ei)
{
	return (struct pr_lex){name, text, n, 0, 1, 0, limit, ei};
}

struct pr_lex_place pr_lex_here(const struct pr_lex *l)
{
	return (struct pr_lex_place){l->line, l->pos - l->line_start + 1};
}

int pr_lex_fail(const struct pr_lex *l, struct pr_lex_place at, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return pr_fail(l->ei, PR_EFORMAT, "%s:%zu:%zu: %s", l->name, at.line, at.column, what);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == ':' || c == '-';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void skip(struct pr_lex *l)
{
	/* A comment begins where a token could. */
	while (l->pos < l->n) {
		uint8_t c = l->text[l->pos];

		if (c == '\n') {
			l->line++;
			l->line_start = ++l->pos;
		} else if (is_blank(c)) {
			l->pos++;
		} else if (c == '#') {
			while (l->pos < l->n && l->text[l->pos] != '\n')
				l->pos++;
		} else {
			return;
		}
	}
}

bool pr_lex_more(struct pr_lex *l)
{
	skip(l);
	return l->pos < l->n && l->pos != l->line_start;
}

bool pr_lex_statement(struct pr_lex *l)
{
	skip(l);
	return l->pos < l->n;
}

uint8_t pr_lex_peek(const struct pr_lex *l)
{
	return l->pos < l->n ? l->text[l->pos] : 0;
}

bool pr_lex_accept(struct pr_lex *l, char c)
{
	if (l->pos >= l->n || l->text[l->pos] != (uint8_t)c)
		return false;
	l->pos++;
	return true;
}

static int take(struct pr_lex *l, size_t from, char out[PR_LEX_WORD_MAX])
{
	size_t k = l->pos - from;

	if (k >= PR_LEX_WORD_MAX)
		return pr_lex_fail(l, (struct pr_lex_place){l->line, from - l->line_start + 1},
			"a word of %zu bytes is too long; strings stand in quotes", k);
	memcpy(out, l->text + from, k);
	out[k] = 0;
	return PR_OK;
}

int pr_lex_name(struct pr_lex *l, char out[PR_LEX_WORD_MAX])
{
	size_t from = l->pos;

	while (l->pos < l->n && is_name(l->text[l->pos]))
		l->pos++;
	return take(l, from, out);
}

int pr_lex_word(struct pr_lex *l, char out[PR_LEX_WORD_MAX])
{
	size_t from = l->pos;

	for (; l->pos < l->n; l->pos++) {
		uint8_t c = l->text[l->pos];

		if (c <= ' ' || c == 0x7f || strchr("\"[]{},", c))
			break;
	}
	return take(l, from, out);
}

/* \u{HEX}: the UTF-8 of a code point. The position is behind the u. */
static int unicode(struct pr_lex *l, struct pr_lex_place at, struct pr_buf *out)
{
	uint32_t cp = 0;
	int digits = 0, d;

	if (!pr_lex_accept(l, '{'))
		return pr_lex_fail(l, at, "\\u needs braces: \\u{202e}");
	while ((d = hex_digit(pr_lex_peek(l))) >= 0 && digits < 7) {
		cp = cp << 4 | (uint32_t)d;
		digits++;
		l->pos++;
	}
	if (!digits || cp > 0x10ffff || !pr_lex_accept(l, '}'))
		return pr_lex_fail(l, at, "\\u{...} needs a code point in hexadecimal, 10ffff at most");
	if (cp < 0x80) {
		pr_buf_u8(out, (uint8_t)cp);
	} else if (cp < 0x800) {
		pr_buf_u8(out, (uint8_t)(0xc0 | cp >> 6));
		pr_buf_u8(out, (uint8_t)(0x80 | (cp & 63)));
	} else {
		if (cp < 0x10000) {
			pr_buf_u8(out, (uint8_t)(0xe0 | cp >> 12));
		} else {
			pr_buf_u8(out, (uint8_t)(0xf0 | cp >> 18));
			pr_buf_u8(out, (uint8_t)(0x80 | (cp >> 12 & 63)));
		}
		pr_buf_u8(out, (uint8_t)(0x80 | (cp >> 6 & 63)));
		pr_buf_u8(out, (uint8_t)(0x80 | (cp & 63)));
	}
	return PR_OK;
}

/* What stands behind a backslash, which was passed. */
static int escape(struct pr_lex *l, struct pr_lex_place at, struct pr_buf *out)
{
	static const char letters[] = "ntr0\\\"", values[] = "\n\t\r\0\\\"";
	uint8_t c = pr_lex_peek(l);
	const char *letter = c ? strchr(letters, c) : NULL;
	int hi, lo;

	if (letter) {
		pr_buf_u8(out, (uint8_t)values[letter - letters]);
		l->pos++;
		return PR_OK;
	}
	if (c == 'u') {
		l->pos++;
		return unicode(l, at, out);
	}
	if (c != 'x' || l->n - l->pos < 3)
		return pr_lex_fail(l, at, "unknown escape; there are \\n \\t \\r \\0 \\\\ \\\" \\xNN and \\u{HEX}");
	hi = hex_digit(l->text[l->pos + 1]);
	lo = hex_digit(l->text[l->pos + 2]);
	if (hi < 0 || lo < 0)
		return pr_lex_fail(l, at, "\\x needs two hexadecimal digits: \\x1b");
	pr_buf_u8(out, (uint8_t)(hi << 4 | lo));
	l->pos += 3;
	return PR_OK;
}

/* One "..."; the position is at its quote. */
static int quoted(struct pr_lex *l, struct pr_buf *out)
{
	struct pr_lex_place open = pr_lex_here(l), at;
	int err;

	l->pos++;
	for (;;) {
		uint8_t c = pr_lex_peek(l);

		at = pr_lex_here(l);
		if (l->pos >= l->n || c == '\n')
			return pr_lex_fail(l, open, "this string is not closed; a newline in it is written \\n");
		l->pos++;
		if (c == '"')
			return PR_OK;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return pr_lex_fail(l, at, "control byte in a string; write it as \\x%02x", c);
		if (c != '\\') {
			pr_buf_u8(out, c);
			continue;
		}
		err = escape(l, at, out);
		if (err)
			return err;
	}
}

/* *N behind a string whose `n` bytes end the buffer. */
static int repeat(struct pr_lex *l, struct pr_buf *out, size_t n)
{
	struct pr_lex_place at = pr_lex_here(l);
	char word[PR_LEX_WORD_MAX];
	uint64_t times;
	uint8_t *p;
	int err;

	l->pos++;
	err = pr_lex_word(l, word);
	if (err)
		return err;
	if (!pr_parse_u64(word, false, &times))
		return pr_lex_fail(l, at, "'*' needs a decimal number behind it: \"a\"*1023");
	if (n && times > l->limit / n)
		return pr_lex_fail(l, at, "longer than a frame can be (%zu bytes)", l->limit);
	if (!times || !n) {
		out->len -= n;
		return PR_OK;
	}
	p = pr_buf_grow(out, n * ((size_t)times - 1));
	if (!p)
		return pr_fail(l->ei, PR_ENOMEM, "out of memory");
	for (size_t i = n; p && i < n * (size_t)times; i++)
		out->data[out->len - n * (size_t)times + i] = out->data[out->len - n * (size_t)times + i - n];
	return PR_OK;
}

int pr_lex_string(struct pr_lex *l, struct pr_buf *out)
{
	size_t start = out->len, from;
	struct pr_lex_place at = pr_lex_here(l);
	int err;

	if (pr_lex_peek(l) != '"')
		return pr_lex_fail(l, at, "a string in double quotes is expected here");
	do {
		from = out->len;
		err = quoted(l, out);
		if (!err && pr_lex_peek(l) == '*')
			err = repeat(l, out, out->len - from);
		if (err)
			return err;
		if (out->failed)
			return pr_fail(l->ei, PR_ENOMEM, "out of memory");
		if (out->len - start > l->limit)
			return pr_lex_fail(l, at, "longer than a frame can be (%zu bytes)", l->limit);
	} while (pr_lex_more(l) && pr_lex_peek(l) == '"');
	return PR_OK;
}

/* Length of the hexadecimal word at the position; 0 when what stands there is a field or something else. */
static size_t hex_word(const struct pr_lex *l)
{
	size_t k = 0;

	while (l->pos + k < l->n && hex_digit(l->text[l->pos + k]) >= 0)
		k++;
	if (l->pos + k < l->n && (is_name(l->text[l->pos + k]) || l->text[l->pos + k] == '='))
		return 0;
	return k;
}

int pr_lex_hex(struct pr_lex *l, struct pr_buf *out)
{
	size_t k, start = out->len;

	while (pr_lex_more(l) && (k = hex_word(l)) > 0) {
		struct pr_lex_place at = pr_lex_here(l);

		if (k % 2)
			return pr_lex_fail(l, at, "'%.*s' has an odd number of digits; a byte has two", k > SHOW_MAX ? SHOW_MAX : (int)k,
				(const char *)l->text + l->pos);
		if (out->len - start + k / 2 > l->limit)
			return pr_lex_fail(l, at, "longer than a frame can be (%zu bytes)", l->limit);
		for (size_t i = 0; i < k; i += 2)
			pr_buf_u8(out, (uint8_t)(hex_digit(l->text[l->pos + i]) << 4 | hex_digit(l->text[l->pos + i + 1])));
		l->pos += k;
	}
	return out->failed ? pr_fail(l->ei, PR_ENOMEM, "out of memory") : PR_OK;
}

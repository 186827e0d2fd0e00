/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/asm/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "schema/frame.h"

#define PIECE_MAX 96 /* bytes of a string in one piece of canonical text */
#define RUN_MIN 24 /* so many equal bytes become "a"*N */
#define HEX_LINE 32 /* bytes of hex in one line */

/* ---- printing --------------------------------------------------------------------------------------------------- */

void pr_asm_flags_print(struct pr_buf *out, const struct pr_asm_name *names, uint64_t v)
{
	const char *sep = "";

	for (; names->name; names++) {
		if (names->value && (v & names->value) == names->value) {
			pr_buf_printf(out, "%s%s", sep, names->name);
			v &= ~names->value;
			sep = "|";
		}
	}
	if (v || !*sep)
		pr_buf_printf(out, v ? "%s0x%" PRIx64 : "%s0", sep, v);
}

static void print_wait(struct pr_buf *out, uint32_t v)
{
	uint32_t sig = v & 0x7f;

	if (!(v & ~0xff00u))
		pr_buf_printf(out, "exit:%u", v >> 8);
	else if (v < 0x100 && sig && sig != 0x7f)
		pr_buf_printf(out, "signal:%u%s", sig, v & 0x80 ? "+core" : "");
	else
		pr_buf_printf(out, "0x%x", v);
}

static int64_t sign_extend(uint64_t v, unsigned width)
{
	return width == 4 ? (int64_t)(int32_t)v : (int64_t)v;
}

static void print_id(struct pr_buf *out, const uint8_t *p)
{
	uint64_t pid = pr_get_u64(p);

	if (pid >> 32)
		pr_buf_printf(out, "%" PRIu64 ":%" PRIu64, pid >> 32, pid & 0xffffffff);
	else
		pr_buf_u64_dec(out, pid);
	pr_buf_printf(out, "@%" PRIu64, pr_get_u64(p + 8));
}

void pr_asm_value_print(struct pr_buf *out, const struct pr_asm_field *f, const uint8_t *frame)
{
	const uint8_t *p = frame + f->off;
	uint64_t v = f->width <= 8 ? pr_asm_get(p, f->width) : 0;
	const char *name = f->kind == PR_AK_ENUM ? pr_asm_name_of(f->names, v) : NULL;
	size_t n = f->width;

	switch (f->kind) {
	case PR_AK_FLAGS:
		pr_asm_flags_print(out, f->names, v);
		break;
	case PR_AK_WAIT:
		print_wait(out, (uint32_t)v);
		break;
	case PR_AK_KEY:
		pr_buf_printf(out, "%u@%" PRIu64, pr_get_u32(p), pr_get_u64(frame + f->off2));
		break;
	case PR_AK_ID:
		print_id(out, p);
		break;
	case PR_AK_CAPS:
		pr_buf_printf(out, "0x%" PRIx64 "/0x%" PRIx64 "/0x%" PRIx64, pr_get_u64(p), pr_get_u64(p + 8), pr_get_u64(p + 16));
		break;
	case PR_AK_CHARS:
		while (n && !p[n - 1])
			n--;
		pr_asm_string_print(out, p, n);
		break;
	case PR_AK_SIGNED:
		pr_buf_printf(out, "%" PRId64, sign_extend(v, f->width));
		break;
	case PR_AK_HEX:
		pr_buf_printf(out, "0x%" PRIx64, v);
		break;
	default:
		if (name || (f->kind == PR_AK_OPT && v == PR_UNKNOWN_U32))
			pr_buf_str(out, name ? name : "unset");
		else
			pr_buf_u64_dec(out, v);
	}
}

/* One piece: all of it is quoted, escaped and on one line. */
static void print_piece(struct pr_buf *out, const uint8_t *p, size_t n)
{
	size_t i = 0, k, bad;
	uint32_t cp = 0;

	pr_buf_u8(out, '"');
	while (i < n) {
		static const char raw[] = "\n\t\r\\\"", letters[] = "ntr\\\"";
		const char *c = p[i] ? strchr(raw, p[i]) : NULL;

		k = pr_utf8_next(p + i, n - i, &cp, &bad);
		if (c) {
			pr_buf_u8(out, '\\');
			pr_buf_u8(out, (uint8_t)letters[c - raw]);
		} else if (!p[i]) {
			pr_buf_str(out, "\\0");
		} else if (k && !pr_text_unsafe(cp)) {
			pr_buf_append(out, p + i, k);
			i += k;
			continue;
		} else if (k > 1) {
			pr_buf_printf(out, "\\u{%x}", cp);
			i += k - 1;
		} else {
			pr_buf_printf(out, "\\x%02x", p[i]);
		}
		i++;
	}
	pr_buf_u8(out, '"');
}

static size_t run_length(const uint8_t *p, size_t n)
{
	size_t k = 1;

	while (k < n && p[k] == p[0])
		k++;
	return k;
}

/* Bytes of the next literal piece: up to a long run, PIECE_MAX, or the end; UTF-8 sequences stay whole. */
static size_t piece_length(const uint8_t *p, size_t n)
{
	size_t i = 0, k, bad, run;
	uint32_t cp;

	while (i < n && i < PIECE_MAX) {
		run = run_length(p + i, n - i < RUN_MIN ? n - i : RUN_MIN);
		if (run >= RUN_MIN)
			break;
		k = pr_utf8_next(p + i, n - i, &cp, &bad);
		i += k ? k : 1;
	}
	return i;
}

void pr_asm_string_print(struct pr_buf *out, const uint8_t *p, size_t n)
{
	bool first = true, literal = false;

	if (!n)
		pr_buf_str(out, "\"\"");
	while (n) {
		size_t k = run_length(p, n);
		bool run = k >= RUN_MIN;

		if (!run)
			k = piece_length(p, n);
		if (!first)
			pr_buf_str(out, literal && !run ? "\n\t\t" : " ");
		print_piece(out, p, run ? 1 : k);
		if (run)
			pr_buf_printf(out, "*%zu", k);
		literal = !run;
		first = false;
		p += k;
		n -= k;
	}
}

void pr_asm_hex_print(struct pr_buf *out, const uint8_t *p, size_t n)
{
	bool lines = n > HEX_LINE;

	for (size_t i = 0; i < n; i += 4) {
		if (lines && i % HEX_LINE == 0)
			pr_buf_str(out, "\n\t\t");
		else if (i)
			pr_buf_u8(out, ' ');
		pr_hex(out, p + i, n - i < 4 ? n - i : 4);
	}
}

void pr_asm_desc_print(struct pr_buf *out, const uint8_t *p)
{
	const char *sep = "";

	pr_buf_str(out, "desc{");
	for (const struct pr_asm_field *f = pr_asm_desc; f->kind != PR_AK_END; f++) {
		if (f->dflt != PR_AD_ALWAYS && pr_asm_is_default(f, p, sizeof(struct pr_data_desc)))
			continue;
		pr_buf_printf(out, "%s%s=", sep, f->name);
		pr_asm_value_print(out, f, p);
		sep = " ";
	}
	pr_buf_u8(out, '}');
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

static bool fits(uint64_t v, unsigned width)
{
	return width >= 8 || v >> (8 * width) == 0;
}

/* Decimal or 0x, in `width` bytes. */
static bool parse_number(const char *s, unsigned width, uint64_t *out)
{
	return pr_parse_u64(s, true, out) && fits(*out, width);
}

static bool parse_signed(const char *s, unsigned width, uint64_t *out)
{
	bool minus = *s == '-';
	uint64_t v, max = width == 4 ? INT32_MAX : INT64_MAX;

	if (!pr_parse_u64(s + minus, !minus, &v) || v > max + minus)
		return false;
	*out = minus ? 0 - v : v;
	return true;
}

static bool parse_flags(char *s, const struct pr_asm_name *names, unsigned width, uint64_t *out)
{
	uint64_t v = 0, one;
	char *next;

	for (; s; s = next) {
		next = strchr(s, '|');
		if (next)
			*next++ = 0;
		if (!pr_asm_value_of(names, s, &one) && !parse_number(s, width, &one))
			return false;
		v |= one;
	}
	*out = v;
	return true;
}

static bool parse_wait(char *s, uint64_t *out)
{
	char *plus = strchr(s, '+');
	bool core = plus && !strcmp(plus, "+core");

	if (!strncmp(s, "exit:", 5)) {
		if (!pr_parse_u64(s + 5, false, out) || *out > 255)
			return false;
		*out <<= 8;
		return true;
	}
	if (strncmp(s, "signal:", 7))
		return parse_number(s, 4, out);
	if (plus && !core)
		return false;
	if (core)
		*plus = 0;
	if (!pr_parse_u64(s + 7, false, out) || *out < 1 || *out > 126)
		return false;
	*out |= core ? 0x80 : 0;
	return true;
}

/* Splits at the first c: returns what follows it, or NULL. */
static char *split(char *s, char c)
{
	char *p = strchr(s, c);

	if (p)
		*p++ = 0;
	return p;
}

static bool parse_key(char *s, const struct pr_asm_field *f, uint8_t *frame)
{
	char *at = split(s, '@');
	uint64_t pid, ktime = 0;

	if (!at || !parse_number(s, 4, &pid) || !parse_number(at, 8, &ktime))
		return false;
	pr_put_u32(frame + f->off, (uint32_t)pid);
	pr_put_u64(frame + f->off2, ktime);
	return true;
}

static bool parse_id(char *s, uint8_t *p)
{
	char *at = split(s, '@'), *colon = split(s, ':');
	uint64_t hi, lo = 0, time;

	if (!at || !parse_number(at, 8, &time) || !parse_number(s, colon ? 4 : 8, &hi))
		return false;
	if (colon && !parse_number(colon, 4, &lo))
		return false;
	pr_put_u64(p, colon ? hi << 32 | lo : hi);
	pr_put_u64(p + 8, time);
	return true;
}

static bool parse_caps(char *s, uint8_t *p)
{
	char *e = split(s, '/'), *i = e ? split(e, '/') : NULL;
	uint64_t v[3];

	if (!i || !parse_number(s, 8, &v[0]) || !parse_number(e, 8, &v[1]) || !parse_number(i, 8, &v[2]))
		return false;
	for (int k = 0; k < 3; k++)
		pr_put_u64(p + 8 * k, v[k]);
	return true;
}

static bool parse_word(char *word, const struct pr_asm_field *f, uint8_t *frame)
{
	uint64_t v = 0;
	bool ok;

	switch (f->kind) {
	case PR_AK_KEY:
		return parse_key(word, f, frame);
	case PR_AK_ID:
		return parse_id(word, frame + f->off);
	case PR_AK_CAPS:
		return parse_caps(word, frame + f->off);
	case PR_AK_FLAGS:
		ok = parse_flags(word, f->names, f->width, &v);
		break;
	case PR_AK_ENUM:
		ok = pr_asm_value_of(f->names, word, &v) || parse_number(word, f->width, &v);
		break;
	case PR_AK_WAIT:
		ok = parse_wait(word, &v);
		break;
	case PR_AK_SIGNED:
		ok = parse_signed(word, f->width, &v);
		break;
	default:
		if (f->kind == PR_AK_OPT && !strcmp(word, "unset"))
			word = (char[]){"0xffffffff"};
		ok = parse_number(word, f->width, &v);
	}
	if (ok)
		pr_asm_put(frame + f->off, f->width, v);
	return ok;
}

/* What a value of the field looks like, for messages. */
static void describe(const struct pr_asm_field *f, char *out, size_t n)
{
	static const char *const kinds[] = {
		[PR_AK_KEY] = "PID@KTIME, such as 2@20",
		[PR_AK_ID] = "ID@TIME or TGID:TID@TIME, such as 4242:4242@1000",
		[PR_AK_CAPS] = "PERMITTED/EFFECTIVE/INHERITABLE, such as 0x11/0x33/0x22",
		[PR_AK_WAIT] = "exit:N, signal:N, signal:N+core, or the kernel's number",
	};
	size_t k = 0;

	if (f->names) {
		k = (size_t)snprintf(out, n, "a number or %s of:", f->kind == PR_AK_FLAGS ? "some, joined by |," : "one");
		for (const struct pr_asm_name *i = f->names; i->name && k < n; i++)
			k += (size_t)snprintf(out + k, n - k, " %s", i->name);
	} else if (f->kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[f->kind]) {
		snprintf(out, n, "%s", kinds[f->kind]);
	} else {
		snprintf(out, n, "a whole number (decimal or 0x) of %u bytes%s", f->width, f->kind == PR_AK_OPT ? ", or unset" : "");
	}
}

static int parse_chars(struct pr_lex *l, const struct pr_asm_field *f, uint8_t *frame)
{
	struct pr_lex_place at = pr_lex_here(l);
	struct pr_buf b = PR_BUF_INIT;
	int err = pr_lex_string(l, &b);

	if (!err && b.len > f->width)
		err = pr_lex_fail(l, at, "%s: %zu bytes do not fit the %u of this field", f->name, b.len, f->width);
	if (!err) {
		memset(frame + f->off, 0, f->width);
		if (b.len)
			memcpy(frame + f->off, b.data, b.len);
	}
	pr_buf_release(&b);
	return err;
}

int pr_asm_value_parse(struct pr_lex *l, const struct pr_asm_field *f, uint8_t *frame)
{
	struct pr_lex_place at = pr_lex_here(l);
	char word[PR_LEX_WORD_MAX], shown[64], want[400];
	int err;

	if (f->kind == PR_AK_CHARS)
		return parse_chars(l, f, frame);
	err = pr_lex_word(l, word);
	if (err)
		return err;
	snprintf(shown, sizeof(shown), "%.60s", word);
	if (parse_word(word, f, frame))
		return PR_OK;
	describe(f, want, sizeof(want));
	return pr_lex_fail(l, at, "%s: '%s' is not %s", f->name, shown, want);
}

int pr_asm_desc_parse(struct pr_lex *l, struct pr_buf *out)
{
	struct pr_lex_place open = pr_lex_here(l), at;
	uint8_t desc[sizeof(struct pr_data_desc)] = {0};
	char name[PR_LEX_WORD_MAX];
	int err;

	if (!pr_lex_accept(l, '{'))
		return pr_lex_fail(l, open, "desc needs braces: desc{id=7@123 size=256 leftover=1}");
	while (pr_lex_more(l) && pr_lex_peek(l) != '}') {
		const struct pr_asm_field *f;

		at = pr_lex_here(l);
		err = pr_lex_name(l, name);
		if (err)
			return err;
		f = pr_asm_field_by_name(pr_asm_desc, name);
		if (!f || !pr_lex_accept(l, '='))
			return pr_lex_fail(l, at, "desc{} has id=, size=, leftover=, error= and pad=");
		err = pr_asm_value_parse(l, f, desc);
		if (err)
			return err;
	}
	if (!pr_lex_accept(l, '}'))
		return pr_lex_fail(l, open, "desc{ is not closed: '}' is missing");
	pr_buf_append(out, desc, sizeof(desc));
	return PR_OK;
}

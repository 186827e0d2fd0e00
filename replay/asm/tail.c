/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/asm/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "replay/asm/value.h"
#include "schema/frame.h"

#define DESC_SIZE ((uint32_t)sizeof(struct pr_data_desc))
#define NO_CWD (PR_EXEC_NO_CWD_SUPPORT | PR_EXEC_ERROR_CWD | PR_EXEC_ROOT_CWD)
#define LINE_MAX_BYTES 100 /* a list goes on in the next line behind this column */
#define ITEM_FLAGS (PR_ITEM_DESC | PR_ITEM_CUT)

/* ---- printing --------------------------------------------------------------------------------------------------- */

static void print_string_field(struct pr_buf *out, const char *name, const uint8_t *p, size_t n)
{
	pr_buf_printf(out, "\n\t%s=", name);
	pr_asm_string_print(out, p, n);
}

static void print_trail(struct pr_buf *out, const char *name, const uint8_t *p, size_t n)
{
	if (!n)
		return;
	pr_buf_printf(out, "\n\t%s=", name);
	pr_asm_hex_print(out, p, n);
}

static void print_args(struct pr_buf *out, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *nul;
	size_t line = out->len;

	pr_buf_str(out, "\n\targs=[");
	for (;; p = nul + 1) {
		nul = memchr(p, 0, (size_t)(end - p));
		pr_asm_string_print(out, p, (size_t)((nul ? nul : end) - p));
		if (!nul)
			break;
		if (out->len - line > LINE_MAX_BYTES) {
			pr_buf_str(out, ",\n\t\t");
			line = out->len;
		} else {
			pr_buf_str(out, ", ");
		}
	}
	pr_buf_u8(out, ']');
}

/* Passes the filename; false when the bytes are not laid out as the flags say. */
static bool print_filename(struct pr_buf *out, uint32_t flags, const uint8_t **p, const uint8_t *end)
{
	const uint8_t *nul;

	if (flags & PR_EXEC_DATA_FILENAME) {
		if (end - *p < (ptrdiff_t)DESC_SIZE)
			return false;
		pr_buf_str(out, "\n\tfilename=");
		pr_asm_desc_print(out, *p);
		*p += DESC_SIZE;
	} else if (!(flags & PR_EXEC_ERROR_FILENAME)) {
		nul = memchr(*p, 0, (size_t)(end - *p));
		if (!nul)
			return false;
		print_string_field(out, "filename", *p, (size_t)(nul - *p));
		*p = nul + 1;
	}
	return true;
}

/* The strings laid out as the flags say; false, with some text printed, when they are not. */
static bool print_strings(struct pr_buf *out, uint32_t flags, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *nul;

	if (!print_filename(out, flags, &p, end))
		return false;
	if (flags & PR_EXEC_DATA_ARGS) {
		if (end - p < (ptrdiff_t)DESC_SIZE)
			return false;
		pr_buf_str(out, "\n\targs=");
		pr_asm_desc_print(out, p);
		p += DESC_SIZE;
		if (p < end)
			print_string_field(out, "cwd", p, (size_t)(end - p));
		return true;
	}
	if (p == end)
		return true;
	if (flags & NO_CWD) {
		print_args(out, p, (size_t)(end - p));
		return true;
	}
	nul = memrchr(p, 0, (size_t)(end - p));
	if (nul) {
		print_args(out, p, (size_t)(nul - p));
		p = nul + 1;
	}
	print_string_field(out, "cwd", p, (size_t)(end - p));
	return true;
}

static void print_execve(struct pr_buf *out, const uint8_t *frame, const uint8_t *p, size_t n)
{
	uint32_t flags = pr_get_u32(frame + __builtin_offsetof(struct pr_msg_execve, process.flags));
	size_t start = out->len;

	if (!n || print_strings(out, flags, p, p + n))
		return;
	out->len = start;
	print_string_field(out, "strings", p, n);
}

static void print_items(struct pr_buf *out, const uint8_t *p, size_t n)
{
	while (n >= sizeof(struct pr_item)) {
		uint16_t type = pr_get_u16(p), len = pr_get_u16(p + 2);
		const char *name = pr_asm_name_of(pr_asm_items, type & ~ITEM_FLAGS);
		bool desc = (type & PR_ITEM_DESC) && len == DESC_SIZE;

		if (len > n - sizeof(struct pr_item))
			break;
		if (name)
			pr_buf_printf(out, "\n\t%s", name);
		else
			pr_buf_printf(out, "\n\titem:%u", type & ~ITEM_FLAGS);
		pr_buf_printf(out, "%s%s=", type & PR_ITEM_CUT ? ":cut" : "", (type & PR_ITEM_DESC) && !desc ? ":desc" : "");
		if (desc)
			pr_asm_desc_print(out, p + sizeof(struct pr_item));
		else
			pr_asm_string_print(out, p + sizeof(struct pr_item), len);
		p += sizeof(struct pr_item) + len;
		n -= sizeof(struct pr_item) + len;
	}
	print_trail(out, "trail", p, n);
}

static void print_rows(struct pr_buf *out, const uint8_t *p, size_t n)
{
	static const uint8_t pad[5];

	for (; n >= sizeof(struct pr_stream_row) && !memcmp(p + 3, pad, sizeof(pad)); p += sizeof(struct pr_stream_row)) {
		const char *stream = pr_asm_name_of(pr_asm_streams, p[2]);

		pr_buf_str(out, "\n\trow=");
		if (pr_get_u16(p) == PR_CPU_NONE)
			pr_buf_str(out, "none/");
		else
			pr_buf_printf(out, "%u/", pr_get_u16(p));
		if (stream)
			pr_buf_str(out, stream);
		else
			pr_buf_printf(out, "%u", p[2]);
		pr_buf_printf(out, "/%" PRIu64 "/%" PRIu64, pr_get_u64(p + 8), pr_get_u64(p + 16));
		n -= sizeof(struct pr_stream_row);
	}
	print_trail(out, "trail", p, n);
}

void pr_asm_tail_print(struct pr_buf *out, const struct pr_asm_op *op, const uint8_t *frame, size_t len)
{
	const uint8_t *p = frame + op->fixed;
	size_t n = len - op->fixed;

	switch (op->tail) {
	case PR_AT_STRINGS:
		print_execve(out, frame, p, n);
		break;
	case PR_AT_BYTES:
	case PR_AT_NAME:
		if (n)
			print_string_field(out, op->tail == PR_AT_NAME ? "name" : "bytes", p, n);
		break;
	case PR_AT_ITEMS:
		print_items(out, p, n);
		break;
	case PR_AT_ROWS:
		print_rows(out, p, n);
		break;
	case PR_AT_TRAIL:
		print_trail(out, "trail", p, n);
		break;
	case PR_AT_BODY:
		print_trail(out, "body", p, n);
		break;
	case PR_AT_HEX:
		print_trail(out, "hex", p, n);
		break;
	}
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

void pr_asm_parts_release(struct pr_asm_tail_parts *t)
{
	pr_buf_release(&t->bytes);
	pr_buf_release(&t->filename);
	pr_buf_release(&t->args);
	pr_buf_release(&t->cwd);
}

void pr_asm_parts_clear(struct pr_asm_tail_parts *t)
{
	pr_buf_clear(&t->bytes);
	pr_buf_clear(&t->filename);
	pr_buf_clear(&t->args);
	pr_buf_clear(&t->cwd);
	t->has_bytes = t->has_filename = t->has_args = t->has_cwd = t->args_desc = t->args_empty = false;
}

/* `desc`, passed when it stands here. */
static bool accept_desc(struct pr_lex *l)
{
	if (l->n - l->pos < 5 || memcmp(l->text + l->pos, "desc{", 5))
		return false;
	l->pos += 4;
	return true;
}

static int parse_twice(struct pr_lex *l, const char *name, struct pr_lex_place at)
{
	return pr_lex_fail(l, at, "%s= is given twice; a frame has it once", name);
}

static int parse_filename(struct pr_lex *l, struct pr_asm_tail_parts *t)
{
	int err;

	t->has_filename = true;
	if (accept_desc(l))
		return pr_asm_desc_parse(l, &t->filename);
	err = pr_lex_string(l, &t->filename);
	if (!err)
		pr_buf_u8(&t->filename, 0);
	return err;
}

static int parse_args(struct pr_lex *l, struct pr_asm_tail_parts *t)
{
	struct pr_lex_place open = pr_lex_here(l);
	bool first = true;
	int err;

	t->has_args = true;
	if (accept_desc(l)) {
		t->args_desc = true;
		return pr_asm_desc_parse(l, &t->args);
	}
	if (!pr_lex_accept(l, '['))
		return pr_lex_fail(l, open, "args: a list is expected here: [\"-l\", \"file\"], or desc{...}");
	while (pr_lex_more(l) && pr_lex_peek(l) != ']') {
		if (!first && !pr_lex_accept(l, ','))
			return pr_lex_fail(l, pr_lex_here(l), "args: ',' or ']' is expected behind a string of the list");
		if (!first && !pr_lex_more(l))
			break;
		if (!first)
			pr_buf_u8(&t->args, 0);
		err = pr_lex_string(l, &t->args);
		if (err)
			return err;
		first = false;
	}
	t->args_empty = first;
	return pr_lex_accept(l, ']') ? PR_OK : pr_lex_fail(l, open, "args: this list is not closed: ']' is missing");
}

static int parse_strings(struct pr_lex *l, const char *name, struct pr_lex_place at, struct pr_asm_tail_parts *t)
{
	if (!strcmp(name, "filename"))
		return t->has_filename ? parse_twice(l, name, at) : parse_filename(l, t);
	if (!strcmp(name, "args"))
		return t->has_args ? parse_twice(l, name, at) : parse_args(l, t);
	if (!strcmp(name, "cwd")) {
		if (t->has_cwd)
			return parse_twice(l, name, at);
		t->has_cwd = true;
		return pr_lex_string(l, &t->cwd);
	}
	if (strcmp(name, "strings"))
		return PR_END;
	if (t->has_bytes)
		return parse_twice(l, name, at);
	t->has_bytes = true;
	return pr_lex_string(l, &t->bytes);
}

/* NAME, item:N, with :cut and :desc behind; false when it is none of these. */
static bool item_type(const char *name, uint16_t *out)
{
	char word[PR_LEX_WORD_MAX], *colon, *next;
	uint64_t v = 0;
	bool number;

	snprintf(word, sizeof(word), "%s", name);
	number = !strncmp(word, "item:", 5);
	colon = strchr(number ? word + 5 : word, ':');
	if (colon)
		*colon++ = 0;
	if (number ? !pr_parse_u64(word + 5, true, &v) || v > 0x3fff : !pr_asm_value_of(pr_asm_items, word, &v))
		return false;
	for (; colon; colon = next) {
		next = strchr(colon, ':');
		if (next)
			*next++ = 0;
		if (strcmp(colon, "cut") && strcmp(colon, "desc"))
			return false;
		v |= *colon == 'c' ? PR_ITEM_CUT : PR_ITEM_DESC;
	}
	*out = (uint16_t)v;
	return true;
}

static int parse_item(struct pr_lex *l, const char *name, struct pr_lex_place at, struct pr_asm_tail_parts *t)
{
	size_t head = t->bytes.len, len;
	uint16_t type;
	int err;

	if (!item_type(name, &type))
		return PR_END;
	if (!pr_buf_grow(&t->bytes, sizeof(struct pr_item)))
		return pr_fail(l->ei, PR_ENOMEM, "out of memory");
	if (accept_desc(l)) {
		type |= PR_ITEM_DESC;
		err = pr_asm_desc_parse(l, &t->bytes);
	} else {
		err = pr_lex_string(l, &t->bytes);
	}
	len = t->bytes.len - head - sizeof(struct pr_item);
	if (err || t->bytes.failed)
		return err ? err : pr_fail(l->ei, PR_ENOMEM, "out of memory");
	if (len > UINT16_MAX)
		return pr_lex_fail(l, at, "%s: %zu bytes; an item has 65535 at most: longer ones go out as data", name, len);
	pr_put_u16(t->bytes.data + head, type);
	pr_put_u16(t->bytes.data + head + 2, (uint16_t)len);
	return PR_OK;
}

static bool row_number(const char *s, uint64_t max, uint64_t *out)
{
	return s && pr_parse_u64(s, true, out) && *out <= max;
}

static int parse_row(struct pr_lex *l, struct pr_asm_tail_parts *t)
{
	struct pr_lex_place at = pr_lex_here(l);
	char word[PR_LEX_WORD_MAX], *part[4] = {word, NULL, NULL, NULL};
	uint64_t cpu = PR_CPU_NONE, stream, next, lost;
	bool ok;
	int err = pr_lex_word(l, word);

	if (err)
		return err;
	for (int i = 1; i < 4 && part[i - 1]; i++) {
		part[i] = strchr(part[i - 1], '/');
		if (part[i])
			*part[i]++ = 0;
	}
	ok = part[3] && (!strcmp(part[0], "none") || row_number(part[0], UINT16_MAX, &cpu)) &&
	     (pr_asm_value_of(pr_asm_streams, part[1], &stream) || row_number(part[1], UINT8_MAX, &stream)) &&
	     row_number(part[2], UINT64_MAX, &next) && row_number(part[3], UINT64_MAX, &lost);
	if (!ok)
		return pr_lex_fail(l, at, "row: CPU/STREAM/NEXT/LOST is expected here, such as 0/exec/12/0");
	pr_buf_u16(&t->bytes, (uint16_t)cpu);
	pr_buf_u8(&t->bytes, (uint8_t)stream);
	pr_buf_append(&t->bytes, (const uint8_t[5]){0}, 5);
	pr_buf_u64(&t->bytes, next);
	pr_buf_u64(&t->bytes, lost);
	return PR_OK;
}

int pr_asm_tail_parse(
	struct pr_lex *l, const struct pr_asm_op *op, const char *name, struct pr_lex_place at, struct pr_asm_tail_parts *t)
{
	static const struct {
		enum pr_asm_tail tail;
		const char *name;
		bool hex;
	} simple[] = {
		{PR_AT_TRAIL, "trail", true},
		{PR_AT_BYTES, "bytes", false},
		{PR_AT_NAME, "name", false},
		{PR_AT_ITEMS, "trail", true},
		{PR_AT_ROWS, "trail", true},
		{PR_AT_BODY, "body", true},
		{PR_AT_HEX, "hex", true},
		{PR_AT_HEX, "bytes", false},
	};

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (simple[i].tail != op->tail || strcmp(simple[i].name, name))
			continue;
		if (t->has_bytes)
			return parse_twice(l, name, at);
		t->has_bytes = true;
		return simple[i].hex ? pr_lex_hex(l, &t->bytes) : pr_lex_string(l, &t->bytes);
	}
	if (op->tail == PR_AT_STRINGS)
		return parse_strings(l, name, at, t);
	if (op->tail == PR_AT_ITEMS)
		return parse_item(l, name, at, t);
	if (op->tail == PR_AT_ROWS && !strcmp(name, "row"))
		return parse_row(l, t);
	return PR_END;
}

int pr_asm_tail_finish(struct pr_lex *l, struct pr_lex_place at, struct pr_asm_tail_parts *t)
{
	bool args = t->has_args && !t->args_empty;

	if (t->has_bytes && (t->has_filename || t->has_args || t->has_cwd))
		return pr_lex_fail(l, at, "strings= stands alone: it is filename, args and cwd in one");
	if (t->has_filename)
		pr_buf_append(&t->bytes, t->filename.data, t->filename.len);
	if (args)
		pr_buf_append(&t->bytes, t->args.data, t->args.len);
	if (t->has_cwd) {
		if (args && !t->args_desc)
			pr_buf_u8(&t->bytes, 0);
		pr_buf_append(&t->bytes, t->cwd.data, t->cwd.len);
	}
	return t->bytes.failed || t->filename.failed || t->args.failed || t->cwd.failed ?
		       pr_fail(l->ei, PR_ENOMEM, "out of memory") :
		       PR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json.h"

#include "base/text.h"

static void lead(struct pr_json *j, const char *key)
{
	size_t n = key ? strlen(key) : 0;
	uint8_t *p;

	if (!key) {
		if (j->comma)
			pr_buf_u8(j->out, ',');
		j->comma = true;
		return;
	}
	p = pr_buf_grow(j->out, n + 3 + j->comma);
	if (!p)
		return;
	if (j->comma)
		*p++ = ',';
	j->comma = true;
	*p++ = '"';
	memcpy(p, key, n); /* keys are our own: plain ASCII */
	memcpy(p + n, "\":", 2);
}

static void open_with(struct pr_json *j, const char *key, char c)
{
	lead(j, key);
	pr_buf_u8(j->out, (uint8_t)c);
	j->comma = false;
}

static void close_with(struct pr_json *j, char c)
{
	pr_buf_u8(j->out, (uint8_t)c);
	j->comma = true;
}

void pr_json_object(struct pr_json *j, const char *key)
{
	open_with(j, key, '{');
}

void pr_json_object_end(struct pr_json *j)
{
	close_with(j, '}');
}

void pr_json_array(struct pr_json *j, const char *key)
{
	open_with(j, key, '[');
}

void pr_json_array_end(struct pr_json *j)
{
	close_with(j, ']');
}

void pr_json_key(struct pr_json *j, const char *key)
{
	lead(j, key);
}

void pr_json_u64(struct pr_json *j, const char *key, uint64_t v)
{
	lead(j, key);
	pr_buf_u64_dec(j->out, v);
}

void pr_json_s64(struct pr_json *j, const char *key, int64_t v)
{
	lead(j, key);
	if (v < 0)
		pr_buf_u8(j->out, '-');
	pr_buf_u64_dec(j->out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void pr_json_bool(struct pr_json *j, const char *key, bool v)
{
	lead(j, key);
	pr_buf_str(j->out, v ? "true" : "false");
}

void pr_json_null(struct pr_json *j, const char *key)
{
	lead(j, key);
	pr_buf_append(j->out, "null", 4);
}

static void escape_unit(struct pr_buf *b, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";
	const char s[6] = {'\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};

	pr_buf_append(b, s, sizeof(s));
}

static void escape_cp(struct pr_buf *b, uint32_t cp)
{
	static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
		if (cp == (uint8_t)short_forms[i]) {
			pr_buf_u8(b, '\\');
			pr_buf_u8(b, (uint8_t)short_forms[i + 1]);
			return;
		}
	}
	if (cp >= 0x10000) { /* a surrogate pair */
		escape_unit(b, 0xd800 + ((cp - 0x10000) >> 10));
		escape_unit(b, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		return;
	}
	escape_unit(b, cp);
}

/* The bytes between quotes; false when U+FFFD had to stand in. */
static bool quoted(struct pr_buf *b, const uint8_t *p, size_t n)
{
	size_t i = 0, start = 0, k, bad;
	bool exact = true;
	uint32_t cp;

	pr_buf_u8(b, '"');
	while (i < n && (i += pr_text_plain(p + i, n - i)) < n) {
		k = pr_utf8_next(p + i, n - i, &cp, &bad);
		if (k && cp >= 0x80 && !pr_text_unsafe(cp)) {
			i += k;
			continue;
		}
		pr_buf_append(b, p + start, i - start);
		if (k) {
			escape_cp(b, cp);
		} else {
			pr_buf_append(b, "\xef\xbf\xbd", 3);
			exact = false;
			k = bad;
		}
		i += k;
		start = i;
	}
	if (i > start)
		pr_buf_append(b, p + start, i - start);
	pr_buf_u8(b, '"');
	return exact;
}

void pr_json_str(struct pr_json *j, const char *key, const char *s)
{
	lead(j, key);
	quoted(j->out, (const uint8_t *)s, strlen(s));
}

void pr_json_bytes(struct pr_json *j, const char *key, const void *p, size_t n)
{
	lead(j, key);
	if (quoted(j->out, p, n))
		return;
	pr_buf_append(j->out, ",\"", 2);
	pr_buf_str(j->out, key);
	pr_buf_str(j->out, "_b64\":\"");
	pr_base64(j->out, p, n);
	pr_buf_u8(j->out, '"');
}

bool pr_json_bytes_element(struct pr_json *j, const void *p, size_t n)
{
	lead(j, NULL);
	return quoted(j->out, p, n);
}

void pr_json_b64_element(struct pr_json *j, const void *p, size_t n)
{
	lead(j, NULL);
	pr_buf_u8(j->out, '"');
	pr_base64(j->out, p, n);
	pr_buf_u8(j->out, '"');
}

void pr_json_newline(struct pr_json *j)
{
	pr_buf_u8(j->out, '\n');
	j->comma = false;
}

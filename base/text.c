/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <string.h>

size_t pr_utf8_next(const uint8_t *p, size_t n, uint32_t *out_cp, size_t *out_bad)
{
	/* lo and hi bound the second byte: they rule out overlong forms, surrogates and values above U+10FFFF. */
	uint8_t lo = 0x80, hi = 0xbf;
	size_t need, i;
	uint32_t cp;

	*out_bad = 1;
	if (p[0] < 0x80) {
		*out_cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 1;
		cp = p[0] & 0x1f;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 2;
		cp = p[0] & 0x0f;
		lo = p[0] == 0xe0 ? 0xa0 : lo;
		hi = p[0] == 0xed ? 0x9f : hi;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 3;
		cp = p[0] & 0x07;
		lo = p[0] == 0xf0 ? 0x90 : lo;
		hi = p[0] == 0xf4 ? 0x8f : hi;
	} else {
		return 0;
	}
	for (i = 1; i <= need; i++, lo = 0x80, hi = 0xbf) {
		if (i >= n || p[i] < lo || p[i] > hi) {
			*out_bad = i;
			return 0;
		}
		cp = cp << 6 | (p[i] & 0x3f);
	}
	*out_cp = cp;
	return need + 1;
}

bool pr_utf8_valid(const uint8_t *p, size_t n)
{
	uint32_t cp;
	size_t bad, k, i = 0;

	while (i < n) {
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		k = pr_utf8_next(p + i, n - i, &cp, &bad);
		if (!k)
			return false;
		i += k;
	}
	return true;
}

/* The high bit of each byte that is 0; above a byte that is 0, others may be set as well. */
static uint64_t zero_bytes(uint64_t v)
{
	return (v - 0x0101010101010101u) & ~v & 0x8080808080808080u;
}

static uint64_t all(uint8_t c)
{
	return c * (uint64_t)0x0101010101010101u;
}

size_t pr_text_plain(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t v, below_space;

	/* Eight at a time while all are plain; which byte was not, the loop below finds out. */
	for (; n - i >= 8; i += 8) {
		memcpy(&v, p + i, sizeof(v));
		below_space = (v - all(0x20)) & ~v & all(0x80);
		if ((v & all(0x80)) | below_space | zero_bytes(v ^ all('"')) | zero_bytes(v ^ all('\\')) | zero_bytes(v ^ all(0x7f)))
			break;
	}
	while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

bool pr_text_unsafe(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},
		{0x7f, 0x9f},
		{0xad, 0xad}, /* soft hyphen */
		{0x61c, 0x61c}, /* Arabic letter mark */
		{0x180e, 0x180e},
		{0x200b, 0x200f}, /* zero width, directional marks */
		{0x2028, 0x202e}, /* separators, bidi embeddings and overrides */
		{0x2060, 0x206f}, /* word joiner, invisible operators, bidi isolates */
		{0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, /* interlinear annotation */
		{0xe0000, 0xe0fff}, /* tags, variation selectors */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (cp >= ranges[i].first && cp <= ranges[i].last)
			return true;
	return false;
}

static void escape_cp(struct pr_buf *b, uint32_t cp)
{
	switch (cp) {
	case '\n':
		pr_buf_str(b, "\\n");
		break;
	case '\t':
		pr_buf_str(b, "\\t");
		break;
	case '\r':
		pr_buf_str(b, "\\r");
		break;
	default:
		pr_buf_printf(b, cp < 0x80 ? "\\x%02x" : "\\u{%x}", cp);
	}
}

static void escape(struct pr_buf *b, const uint8_t *p, size_t n, bool double_backslash)
{
	size_t i = 0, start = 0, k, bad;
	uint32_t cp = 0;

	while (i < n && (i += pr_text_plain(p + i, n - i)) < n) {
		k = pr_utf8_next(p + i, n - i, &cp, &bad);
		if (k && !pr_text_unsafe(cp) && !(cp == '\\' && double_backslash)) {
			i += k;
			continue;
		}
		pr_buf_append(b, p + start, i - start);
		if (!k) {
			for (k = 0; k < bad; k++)
				pr_buf_printf(b, "\\x%02x", p[i + k]);
		} else if (cp == '\\') {
			pr_buf_str(b, "\\\\");
		} else {
			escape_cp(b, cp);
		}
		i += k;
		start = i;
	}
	if (i > start)
		pr_buf_append(b, p + start, i - start);
}

void pr_text_escape(struct pr_buf *b, const void *p, size_t n)
{
	escape(b, p, n, true);
}

void pr_text_escape_lossy(struct pr_buf *b, const void *p, size_t n)
{
	escape(b, p, n, false);
}

void pr_base64(struct pr_buf *b, const void *data, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;
	uint8_t *o = pr_buf_grow(b, (n + 2) / 3 * 4);
	size_t i;

	if (!o)
		return;
	for (i = 0; i + 2 < n; i += 3, o += 4) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];

		o[0] = (uint8_t)alphabet[v >> 18];
		o[1] = (uint8_t)alphabet[v >> 12 & 63];
		o[2] = (uint8_t)alphabet[v >> 6 & 63];
		o[3] = (uint8_t)alphabet[v & 63];
	}
	if (i < n) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0);

		o[0] = (uint8_t)alphabet[v >> 18];
		o[1] = (uint8_t)alphabet[v >> 12 & 63];
		o[2] = i + 1 < n ? (uint8_t)alphabet[v >> 6 & 63] : '=';
		o[3] = '=';
	}
}

void pr_hex(struct pr_buf *b, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;
	uint8_t *o = pr_buf_grow(b, n * 2);

	for (size_t i = 0; o && i < n; i++) {
		o[2 * i] = (uint8_t)digits[p[i] >> 4];
		o[2 * i + 1] = (uint8_t)digits[p[i] & 15];
	}
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Digits at s in `base`; returns the first other character, or NULL when there is no digit or it does not fit. */
static const char *parse_digits(const char *s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; digit_of(*p) < (int)base; p++) {
		unsigned d = (unsigned)digit_of(*p);

		if (v > (UINT64_MAX - d) / base)
			return NULL;
		v = v * base + d;
	}
	if (p == s)
		return NULL;
	*out = v;
	return p;
}

bool pr_parse_u64(const char *s, bool hex, uint64_t *out)
{
	const char *end;
	uint64_t v;

	if (hex && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		end = parse_digits(s + 2, 16, &v);
	else
		end = parse_digits(s, 10, &v);
	if (!end || *end)
		return false;
	*out = v;
	return true;
}

bool pr_parse_size(const char *s, uint64_t *out_bytes)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} units[] = {{"", 0}, {"B", 0}, {"K", 10}, {"KiB", 10}, {"M", 20}, {"MiB", 20}, {"G", 30}, {"GiB", 30}, {"T", 40}, {"TiB", 40}};
	uint64_t v;
	const char *end = parse_digits(s, 10, &v);

	for (size_t i = 0; end && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		if (v > UINT64_MAX >> units[i].shift)
			return false;
		*out_bytes = v << units[i].shift;
		return true;
	}
	return false;
}

bool pr_parse_span(const char *s, uint64_t *out_ns)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} units[] = {{"", 1000000000}, {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"m", 60000000000},
		{"h", 3600000000000}, {"d", 86400000000000}};
	uint64_t whole, frac = 0, scale = 1;
	const char *end = parse_digits(s, 10, &whole);

	if (end && *end == '.') {
		for (end++; *end >= '0' && *end <= '9'; end++) {
			if (scale < 1000000000) {
				frac = frac * 10 + (uint64_t)(*end - '0');
				scale *= 10;
			}
		}
	}
	for (size_t i = 0; end && i < sizeof(units) / sizeof(units[0]); i++) {
		unsigned __int128 ns;

		if (strcmp(end, units[i].suffix))
			continue;
		ns = (unsigned __int128)whole * units[i].ns + (unsigned __int128)frac * units[i].ns / scale;
		if (ns > UINT64_MAX)
			return false;
		*out_ns = (uint64_t)ns;
		return true;
	}
	return false;
}

void pr_text_size(struct pr_buf *b, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t unit = 1;
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	if (i == 0)
		pr_buf_printf(b, "%llu B", (unsigned long long)bytes);
	else
		pr_buf_printf(b, "%llu.%llu %s", (unsigned long long)(bytes / unit),
			(unsigned long long)(bytes % unit / (unit / 10 ? unit / 10 : 1) > 9 ? 9 : bytes % unit / (unit / 10)), units[i]);
}

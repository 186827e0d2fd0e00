/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rearrange.c: both directions, side by side: what one writes the other reads, in the same order.
 *
 *   u32 plain size, u32 envelopes
 *   classes          one byte an envelope, in stream order
 *   head             column: cpu, stream, flags of the envelope; predicted by the envelope of that class before
 *   size             column: likewise
 *   seq              column: predicted by the one before in that (cpu, stream), plus 1
 *   ktime            column: common.ktime of all frames of a class but 0; predicted by the one before, whatever its class
 *   for each class   its columns, then its special columns
 *   for each class   the bytes behind the fixed parts, of all its frames
 *
 * A column is a byte with a bit for each plane that is not all 0, then those planes; a plane has one byte for each row.
 */
#include "schema/rearrange.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "schema/rearrange_table.h"

#define SEQ_STATES 1024u

/* What both directions know of a block while they work on it. */
struct layout {
	uint32_t n; /* envelopes */
	uint8_t *cls; /* of each */
	uint32_t *off; /* of each envelope in the plain bytes */
	uint32_t *row; /* where each frame begins in the plain bytes, ordered by class, in stream order within each */
	uint32_t first[PR_RE_CLASSES + 1]; /* where a class begins in `row` */
	uint64_t *v; /* one column at work */
	uint32_t *head, *size; /* of each envelope; back alone: NULL forward */
};

static bool layout_alloc(struct layout *l, uint32_t n)
{
	size_t k = n ? n : 1;

	*l = (struct layout){.n = n};
	l->cls = malloc(k);
	l->off = malloc(k * sizeof(*l->off));
	l->row = malloc(k * sizeof(*l->row));
	l->v = malloc(k * sizeof(*l->v));
	return l->cls && l->off && l->row && l->v;
}

/* With the members of the way back. */
static bool layout_alloc_back(struct layout *l, uint32_t n)
{
	bool ok = layout_alloc(l, n);

	l->head = malloc((n + 1u) * sizeof(*l->head));
	l->size = malloc((n + 1u) * sizeof(*l->size));
	return ok && l->head && l->size;
}

static void layout_release(struct layout *l)
{
	free(l->cls);
	free(l->off);
	free(l->row);
	free(l->v);
	free(l->head);
	free(l->size);
}

/* Sorts the envelopes by class, keeping their order. */
static void layout_rows(struct layout *l)
{
	uint32_t at[PR_RE_CLASSES + 1] = {0};

	memset(l->first, 0, sizeof(l->first));
	for (uint32_t i = 0; i < l->n; i++)
		l->first[l->cls[i] + 1]++;
	for (int c = 0; c < PR_RE_CLASSES; c++)
		l->first[c + 1] += l->first[c];
	memcpy(at, l->first, sizeof(at));
	for (uint32_t i = 0; i < l->n; i++)
		l->row[at[l->cls[i]]++] = l->off[i] + PR_ENVELOPE_SIZE;
}

static uint64_t zigzag(uint64_t d, unsigned width)
{
	return width == 8 ? d << 1 ^ (uint64_t)((int64_t)d >> 63) : (uint32_t)((uint32_t)d << 1 ^ (uint32_t)((int32_t)d >> 31));
}

static uint64_t zagzig(uint64_t z)
{
	return z >> 1 ^ -(z & 1);
}

static uint64_t get_n(const uint8_t *p, unsigned width)
{
	return width == 8 ? pr_get_u64(p) : pr_get_u32(p);
}

static void put_n(uint8_t *p, uint64_t v, unsigned width)
{
	if (width == 8)
		pr_put_u64(p, v);
	else
		pr_put_u32(p, (uint32_t)v);
}

static unsigned seq_state(uint32_t head)
{
	return ((head & 0xffff) << 3 ^ head >> 16) % SEQ_STATES; /* cpu and stream; a collision costs bytes, nothing else */
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */

/* Writes the n differences in v as a column; all: the bits that any of them has, by which most columns take one byte. */
static void column_put(struct pr_buf *out, const uint64_t *v, uint32_t n, unsigned width, uint64_t all)
{
	uint8_t mask = 0, *p;

	for (unsigned k = 0; k < width; k++)
		mask |= (uint8_t)((all >> 8 * k & 0xff ? 1u : 0u) << k);
	pr_buf_u8(out, mask);
	for (unsigned k = 0; k < width; k++) {
		if (!(mask >> k & 1))
			continue;
		p = pr_buf_grow(out, n);
		for (uint32_t i = 0; p && i < n; i++)
			p[i] = (uint8_t)(v[i] >> 8 * k);
	}
}

static bool find_envelopes(struct layout *l, const uint8_t *plain, size_t n)
{
	uint32_t i = 0;
	size_t off = 0;

	while (off < n) {
		uint32_t size;

		if (n - off < PR_ENVELOPE_SIZE)
			return false;
		size = pr_get_u32(plain + off + 4);
		if (size > n - off - PR_ENVELOPE_SIZE)
			return false;
		l->off[i] = (uint32_t)off;
		l->cls[i++] = pr_re_class_of(plain[off + 3], plain + off + PR_ENVELOPE_SIZE, size);
		off += PR_ENVELOPE_SIZE + size;
	}
	l->n = i;
	return true;
}

static void put_envelopes(struct pr_buf *out, struct layout *l, const uint8_t *plain)
{
	uint32_t last[PR_RE_CLASSES] = {0}, k = 0;
	uint64_t seq[SEQ_STATES] = {0}, ktime = 0, seqs = 0, ktimes = 0;

	pr_buf_append(out, l->cls, l->n);
	for (unsigned field = 0; field < 8; field += 4) { /* head, then size */
		uint64_t all = 0;

		memset(last, 0, sizeof(last));
		for (uint32_t i = 0; i < l->n; i++) {
			uint32_t v = pr_get_u32(plain + l->off[i] + field);

			all |= l->v[i] = zigzag(v - last[l->cls[i]], 4);
			last[l->cls[i]] = v;
		}
		column_put(out, l->v, l->n, 4, all);
	}
	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t *next = &seq[seq_state(pr_get_u32(plain + l->off[i]))], v = pr_get_u64(plain + l->off[i] + 8);

		seqs |= l->v[i] = zigzag(v - *next, 8);
		*next = v + 1;
	}
	column_put(out, l->v, l->n, 8, seqs);
	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t v;

		if (!l->cls[i])
			continue;
		v = pr_get_u64(plain + l->off[i] + PR_ENVELOPE_SIZE + 8);
		ktimes |= l->v[k++] = zigzag(v - ktime, 8);
		ktime = v;
	}
	column_put(out, l->v, k, 8, ktimes);
}

static const uint8_t *frame_at(const struct layout *l, const uint8_t *plain, uint32_t row)
{
	return plain + l->row[row];
}

static uint32_t frame_size(const uint8_t *frame)
{
	return pr_get_u32(frame - PR_ENVELOPE_SIZE + 4); /* its envelope's: class 0 has no other */
}

static void put_column(struct pr_buf *out, struct layout *l, const uint8_t *plain, int c, uint32_t off)
{
	uint32_t last = 0, first = l->first[c], n = l->first[c + 1] - first;
	uint64_t all = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = pr_get_u32(frame_at(l, plain, first + i) + off);

		all |= l->v[i] = zigzag(v - last, 4);
		last = v;
	}
	column_put(out, l->v, n, 4, all);
}

static uint64_t special_base(const struct pr_re_special *s, const uint8_t *frame)
{
	return s->from == PR_RE_KTIME ? pr_get_u64(frame + 8) : get_n(frame + s->arg, s->width);
}

static void put_special(struct pr_buf *out, struct layout *l, const uint8_t *plain, int c, const struct pr_re_special *s)
{
	uint32_t first = l->first[c], n = l->first[c + 1] - first;
	uint64_t all = 0;

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *f = frame_at(l, plain, first + i);

		all |= l->v[i] = zigzag(get_n(f + s->off, s->width) - special_base(s, f), s->width);
	}
	column_put(out, l->v, n, s->width, all);
}

static void put_classes(struct pr_buf *out, struct layout *l, const uint8_t *plain)
{
	for (int c = 1; c < PR_RE_CLASSES; c++) {
		const struct pr_re_class *k = &pr_re_classes[c];
		const struct pr_re_special *s;

		if (l->first[c] == l->first[c + 1])
			continue;
		put_column(out, l, plain, c, 0); /* op, flags, padding; the size is the envelope's, the time has its own column */
		for (uint32_t off = PR_COMMON_SIZE; off < k->fixed; off += 4) {
			s = pr_re_special_at(k, off);
			if (s)
				off += s->width - 4u;
			else
				put_column(out, l, plain, c, off);
		}
		for (s = k->special; s->width; s++)
			put_special(out, l, plain, c, s);
	}
	for (int c = 0; c < PR_RE_CLASSES; c++) {
		for (uint32_t i = l->first[c]; i < l->first[c + 1]; i++) {
			const uint8_t *f = frame_at(l, plain, i);

			pr_buf_append(out, f + pr_re_classes[c].fixed, frame_size(f) - pr_re_classes[c].fixed);
		}
	}
}

bool pr_rearrange(struct pr_buf *out, const uint8_t *plain, size_t n)
{
	struct layout l = {0};
	bool ok = n <= UINT32_MAX && layout_alloc(&l, (uint32_t)(n / PR_ENVELOPE_SIZE)) && find_envelopes(&l, plain, n);

	if (ok) {
		layout_rows(&l);
		pr_buf_u32(out, (uint32_t)n);
		pr_buf_u32(out, l.n);
		put_envelopes(out, &l, plain);
		put_classes(out, &l, plain);
	}
	layout_release(&l);
	return ok && !pr_buf_failed(out);
}

/* ---- back --------------------------------------------------------------------------------------------------------- */

/* The differences of a column: where one plane of low bytes holds them all, as often, they stay there. */
struct column {
	const uint8_t *byte; /* borrowed; or NULL, and they are in low and high */
	const uint32_t *low, *high; /* high NULL: all of it is 0 */
	bool zero; /* all of them are 0; low is filled only by column_get_all */
};

static inline uint32_t column_u32(const struct column *c, uint32_t i)
{
	return (uint32_t)zagzig(c->byte ? c->byte[i] : c->low[i]);
}

static inline uint64_t column_u64(const struct column *c, uint32_t i)
{
	if (c->byte)
		return zagzig(c->byte[i]);
	return zagzig(c->high ? (uint64_t)c->high[i] << 32 | c->low[i] : c->low[i]);
}

/* Puts the planes of mask together. Loops without a branch, over memory that does not overlap: the compiler makes vectors of them. */
static void join_planes(uint32_t *restrict v, uint32_t n, uint8_t mask, const uint8_t *planes)
{
	bool begun = false;

	for (unsigned shift = 0; mask; mask >>= 1, shift += 8) {
		const uint8_t *restrict p = planes;

		if (!(mask & 1))
			continue;
		planes += n;
		if (begun)
			for (uint32_t i = 0; i < n; i++)
				v[i] |= (uint32_t)p[i] << shift;
		else
			for (uint32_t i = 0; i < n; i++)
				v[i] = (uint32_t)p[i] << shift;
		begun = true;
	}
}

/* Reads a column of n differences, with v as the place for what needs one; false when the bytes end within it. */
static bool column_get(struct pr_cursor *c, uint64_t *v, uint32_t n, unsigned width, struct column *out)
{
	uint8_t mask = pr_cursor_u8(c), high_mask = mask >> 4;
	uint32_t *low = (uint32_t *)v, *high = low + n;
	unsigned lows = (unsigned)__builtin_popcount(mask & 15);
	const uint8_t *planes = pr_cursor_bytes(c, (size_t)n * (unsigned)__builtin_popcount(mask));

	if (c->failed || mask >> width)
		return false;
	*out = (struct column){mask == 1 ? planes : NULL, low, high_mask ? high : NULL, mask == 0};
	if (mask <= 1)
		return true;
	if (lows)
		join_planes(low, n, mask & 15, planes);
	else
		memset(low, 0, n * sizeof(*low));
	join_planes(high, n, high_mask, planes + (size_t)n * lows);
	return true;
}

/* As column_get, with low filled where all are 0, too. */
static bool column_get_all(struct pr_cursor *c, uint64_t *v, uint32_t n, unsigned width, struct column *out)
{
	if (!column_get(c, v, n, width, out))
		return false;
	if (out->zero)
		memset(v, 0, n * sizeof(*out->low));
	return true;
}

/* Classes, heads and sizes: they tell where each envelope stands. */
static bool get_offsets(struct layout *l, struct pr_cursor *c, size_t plain_size)
{
	uint32_t last[PR_RE_CLASSES] = {0};
	const uint8_t *cls = pr_cursor_bytes(c, l->n);
	struct column col;
	size_t off = 0;

	for (uint32_t i = 0; cls && i < l->n; i++) {
		if (cls[i] >= PR_RE_CLASSES)
			return false;
		l->cls[i] = cls[i];
	}
	if (!cls || !column_get_all(c, l->v, l->n, 4, &col))
		return false;
	for (uint32_t i = 0; i < l->n; i++)
		l->head[i] = last[cls[i]] += column_u32(&col, i);
	memset(last, 0, sizeof(last));
	if (!column_get_all(c, l->v, l->n, 4, &col))
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t size = last[cls[i]] += column_u32(&col, i);

		if (size < pr_re_classes[cls[i]].fixed || plain_size - off < PR_ENVELOPE_SIZE ||
			size > plain_size - off - PR_ENVELOPE_SIZE)
			return false;
		l->off[i] = (uint32_t)off;
		l->size[i] = size;
		off += PR_ENVELOPE_SIZE + size;
	}
	return off == plain_size;
}

/* Writes the envelopes, and size and ktime of the frames of a class. */
static bool get_envelopes(struct layout *l, struct pr_cursor *c, uint8_t *plain)
{
	uint64_t seq[SEQ_STATES] = {0}, ktime = 0;
	struct column col;
	uint32_t k = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		pr_put_u32(plain + l->off[i], l->head[i]);
		pr_put_u32(plain + l->off[i] + 4, l->size[i]);
		if (l->cls[i])
			pr_put_u32(plain + l->off[i] + PR_ENVELOPE_SIZE + 4, l->size[i]);
	}
	if (!column_get_all(c, l->v, l->n, 8, &col))
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t *next = &seq[seq_state(l->head[i])], v = *next + column_u64(&col, i);

		pr_put_u64(plain + l->off[i] + 8, v);
		*next = v + 1;
	}
	if (!column_get_all(c, l->v, l->n - l->first[1], 8, &col)) /* all but class 0 */
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		if (!l->cls[i])
			continue;
		ktime += column_u64(&col, k++);
		pr_put_u64(plain + l->off[i] + PR_ENVELOPE_SIZE + 8, ktime);
	}
	return true;
}

static uint8_t *plain_frame(const struct layout *l, uint8_t *plain, uint32_t row)
{
	return plain + l->row[row];
}

/* What columns without differences say. */
static void clear_rows(const struct layout *l, uint8_t *plain, int c)
{
	uint32_t fixed = pr_re_classes[c].fixed;

	for (uint32_t i = l->first[c]; i < l->first[c + 1]; i++) {
		uint8_t *f = plain_frame(l, plain, i);

		memset(f, 0, 4);
		memset(f + PR_COMMON_SIZE, 0, fixed - PR_COMMON_SIZE);
	}
}

static bool get_column(struct layout *l, struct pr_cursor *cur, uint8_t *plain, int c, uint32_t off)
{
	uint32_t last = 0, first = l->first[c], n = l->first[c + 1] - first;
	struct column col;

	if (!column_get(cur, l->v, n, 4, &col))
		return false;
	for (uint32_t i = 0; !col.zero && i < n; i++) {
		last += column_u32(&col, i);
		pr_put_u32(plain_frame(l, plain, first + i) + off, last);
	}
	return true;
}

static bool get_special(struct layout *l, struct pr_cursor *cur, uint8_t *plain, int c, const struct pr_re_special *s)
{
	uint32_t first = l->first[c], n = l->first[c + 1] - first;
	struct column col;

	if (!column_get_all(cur, l->v, n, s->width, &col))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *f = plain_frame(l, plain, first + i);

		put_n(f + s->off, special_base(s, f) + column_u64(&col, i), s->width);
	}
	return true;
}

static bool get_class(struct layout *l, struct pr_cursor *cur, uint8_t *plain, int c)
{
	const struct pr_re_class *k = &pr_re_classes[c];
	const struct pr_re_special *s;

	clear_rows(l, plain, c);
	if (!get_column(l, cur, plain, c, 0))
		return false;
	for (uint32_t off = PR_COMMON_SIZE; off < k->fixed; off += 4) {
		s = pr_re_special_at(k, off);
		if (s)
			off += s->width - 4u;
		else if (!get_column(l, cur, plain, c, off))
			return false;
	}
	for (s = k->special; s->width; s++)
		if (!get_special(l, cur, plain, c, s))
			return false;
	return true;
}

static bool get_classes(struct layout *l, struct pr_cursor *cur, uint8_t *plain)
{
	for (int c = 1; c < PR_RE_CLASSES; c++)
		if (l->first[c] != l->first[c + 1] && !get_class(l, cur, plain, c))
			return false;
	for (int c = 0; c < PR_RE_CLASSES; c++) {
		for (uint32_t i = l->first[c]; i < l->first[c + 1]; i++) {
			uint8_t *f = plain_frame(l, plain, i);
			uint32_t n = frame_size(f) - pr_re_classes[c].fixed;
			const uint8_t *p = pr_cursor_bytes(cur, n);

			if (!p)
				return false;
			memcpy(f + pr_re_classes[c].fixed, p, n);
		}
	}
	return pr_cursor_left(cur) == 0;
}

bool pr_rearrange_back(struct pr_buf *out, const uint8_t *p, size_t n, size_t plain_size)
{
	struct pr_cursor c = pr_cursor_make(p, n);
	struct layout l = {0};
	uint32_t count;
	uint8_t *plain = NULL;
	bool ok = pr_cursor_u32(&c) == plain_size && plain_size <= UINT32_MAX;

	count = pr_cursor_u32(&c);
	ok = ok && !c.failed && count <= plain_size / PR_ENVELOPE_SIZE;
	if (ok) {
		plain = pr_buf_grow(out, plain_size);
		ok = (plain || !plain_size) && layout_alloc_back(&l, count) && get_offsets(&l, &c, plain_size);
	}
	if (ok) {
		layout_rows(&l);
		ok = get_envelopes(&l, &c, plain) && get_classes(&l, &c, plain);
	}
	layout_release(&l);
	return ok;
}

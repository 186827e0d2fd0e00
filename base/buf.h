/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buf.h: a growing byte buffer.
 *
 * Appending never fails in the middle of a sequence: when memory runs out the buffer latches `failed`, keeps what it
 * has and drops the rest, and the caller looks at pr_buf_failed() once at the end.
 */
#ifndef PROCREC_BASE_BUF_H
#define PROCREC_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct pr_buf {
	uint8_t *data; /* owned */
	size_t len;
	size_t cap;
	bool failed;
};

#define PR_BUF_INIT ((struct pr_buf){NULL, 0, 0, false})

void pr_buf_init(struct pr_buf *b);
/* Frees the memory; the buffer is as after init. */
void pr_buf_release(struct pr_buf *b);

/* Room for `more` bytes behind len; false (and latched) when memory runs out. */
bool pr_buf_reserve(struct pr_buf *b, size_t more);

/* Grows by n bytes and returns a pointer to them (uninitialised, valid until the next append), or NULL. */
uint8_t *pr_buf_grow(struct pr_buf *b, size_t n);

void pr_buf_append_slow(struct pr_buf *b, const void *p, size_t n);
void pr_buf_printf(struct pr_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The decimal digits of v; much faster than printf. */
void pr_buf_u64_dec(struct pr_buf *b, uint64_t v);

static inline void pr_buf_append(struct pr_buf *b, const void *p, size_t n)
{
	if (b->cap - b->len >= n && !b->failed) {
		if (n)
			memcpy(b->data + b->len, p, n);
		b->len += n;
		return;
	}
	pr_buf_append_slow(b, p, n);
}

static inline void pr_buf_str(struct pr_buf *b, const char *s)
{
	pr_buf_append(b, s, strlen(s));
}

static inline void pr_buf_u8(struct pr_buf *b, uint8_t v)
{
	pr_buf_append(b, &v, 1);
}

static inline void pr_buf_u16(struct pr_buf *b, uint16_t v)
{
	v = htole16(v);
	pr_buf_append(b, &v, sizeof(v));
}

static inline void pr_buf_u32(struct pr_buf *b, uint32_t v)
{
	v = htole32(v);
	pr_buf_append(b, &v, sizeof(v));
}

static inline void pr_buf_u64(struct pr_buf *b, uint64_t v)
{
	v = htole64(v);
	pr_buf_append(b, &v, sizeof(v));
}

static inline void pr_buf_clear(struct pr_buf *b)
{
	b->len = 0;
	b->failed = false;
}

static inline bool pr_buf_failed(const struct pr_buf *b)
{
	return b->failed;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cursor.h: bounded reading of untrusted bytes.
 *
 * A read past the end returns 0 (or NULL), moves nothing and latches `failed`; so a record is read field by field and
 * `failed` is looked at once. Numbers are little-endian. The cursor owns nothing.
 */
#ifndef PROCREC_BASE_CURSOR_H
#define PROCREC_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct pr_cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

static inline struct pr_cursor pr_cursor_make(const void *p, size_t n)
{
	return (struct pr_cursor){p, (const uint8_t *)p + n, false};
}

static inline size_t pr_cursor_left(const struct pr_cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, which the cursor passes; NULL if there are fewer. */
static inline const uint8_t *pr_cursor_bytes(struct pr_cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (n > pr_cursor_left(c)) {
		c->failed = true;
		return NULL;
	}
	c->p += n;
	return p;
}

static inline void pr_cursor_skip(struct pr_cursor *c, size_t n)
{
	(void)pr_cursor_bytes(c, n);
}

static inline uint8_t pr_cursor_u8(struct pr_cursor *c)
{
	const uint8_t *p = pr_cursor_bytes(c, 1);

	return p ? *p : 0;
}

static inline uint16_t pr_cursor_u16(struct pr_cursor *c)
{
	const uint8_t *p = pr_cursor_bytes(c, 2);

	return p ? pr_get_u16(p) : 0;
}

static inline uint32_t pr_cursor_u32(struct pr_cursor *c)
{
	const uint8_t *p = pr_cursor_bytes(c, 4);

	return p ? pr_get_u32(p) : 0;
}

static inline uint64_t pr_cursor_u64(struct pr_cursor *c)
{
	const uint8_t *p = pr_cursor_bytes(c, 8);

	return p ? pr_get_u64(p) : 0;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/report/words.h"

void pr_words_release(struct pr_words *w)
{
	pr_buf_release(&w->bytes);
	pr_buf_release(&w->ends);
	pr_map_release(&w->by_hash);
}

const uint8_t *pr_words_get(const struct pr_words *w, uint32_t i, size_t *out_n)
{
	uint64_t from = i ? pr_get_u64(w->ends.data + (size_t)(i - 1) * 8) : 0, to = pr_get_u64(w->ends.data + (size_t)i * 8);

	*out_n = (size_t)(to - from);
	return w->bytes.data + from;
}

/* FNV-1a; words that were crafted to collide are kept twice, which costs room and nothing else. */
static uint64_t hash_of(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

uint32_t pr_words_add(struct pr_words *w, const void *p, size_t n)
{
	uint32_t i = pr_words_count(w);
	struct pr_map_slot *s;
	bool is_new;

	s = pr_map_put(&w->by_hash, hash_of(p, n), n, &is_new);
	if (!s)
		return UINT32_MAX;
	if (!is_new) {
		size_t m;
		const uint8_t *q = pr_words_get(w, (uint32_t)s->v.u, &m);

		if (m == n && (!n || !memcmp(p, q, n))) /* before the first that is not empty there are no bytes to point to */
			return (uint32_t)s->v.u;
	}
	s->v.u = i;
	pr_buf_append(&w->bytes, p, n);
	pr_buf_u64(&w->ends, w->bytes.len);
	return w->bytes.failed || w->ends.failed ? UINT32_MAX : i;
}

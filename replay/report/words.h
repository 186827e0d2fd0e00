/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h: byte strings and lists of numbers by number, each kept once: paths and arguments repeat themselves all over a trace.
 */
#ifndef PROCREC_REPLAY_REPORT_WORDS_H
#define PROCREC_REPLAY_REPORT_WORDS_H

#include "base/buf.h"
#include "base/map.h"

struct pr_words {
	struct pr_buf bytes; /* of all, back to back */
	struct pr_buf ends; /* u64 each: where it ends in `bytes` */
	struct pr_map by_hash;
};

void pr_words_release(struct pr_words *w);

/* The number of these bytes; UINT32_MAX when memory runs out. */
uint32_t pr_words_add(struct pr_words *w, const void *p, size_t n);

static inline uint32_t pr_words_count(const struct pr_words *w)
{
	return (uint32_t)(w->ends.len / 8);
}

/* Valid until the next add. */
const uint8_t *pr_words_get(const struct pr_words *w, uint32_t i, size_t *out_n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* unit.h: what every unit test includes first, and small helpers to make segments in memory. */
#ifndef PROCREC_TESTS_UNIT_H
#define PROCREC_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "schema/build.h"
#include "schema/segment.h"

/* The whole content of fd (a memfd), which is closed. The buffer is the caller's. */
static inline struct pr_buf unit_slurp(int fd)
{
	struct pr_buf b = PR_BUF_INIT;
	off_t n = lseek(fd, 0, SEEK_END);
	uint8_t *p = pr_buf_grow(&b, (size_t)n);

	if (n) {
		assert_non_null(p);
		assert_int_equal(pread(fd, p, (size_t)n, 0), n);
	}
	close(fd);
	return b;
}

/* A sealed segment of the given envelopes, blocks closed at block_bytes, of encoding 1 if `rearrange`. */
static inline struct pr_buf unit_segment_as(const struct pr_buf *envelopes, uint32_t block_bytes, bool rearrange)
{
	int fd = memfd_create("segment", 0);
	struct pr_seg_options opt = {.header.kind = PR_SEG_PACKED, .block_bytes = block_bytes, .rearrange = rearrange};
	struct pr_seg_writer *w;
	struct pr_errinfo ei;

	memcpy(opt.header.uuid, "unit test segmen", PR_SEG_UUID);
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, envelopes->data, envelopes->len, &ei), 0);
	assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	pr_seg_writer_free(w);
	return unit_slurp(fd);
}

static inline struct pr_buf unit_segment(const struct pr_buf *envelopes, uint32_t block_bytes)
{
	return unit_segment_as(envelopes, block_bytes, false);
}

/* xorshift64: the same numbers on every machine. */
static inline uint64_t unit_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif

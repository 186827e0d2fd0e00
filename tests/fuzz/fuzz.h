/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h: what the fuzz targets share. Each target is one function in the form of libFuzzer; standalone.c drives it without.
 *
 * Checksums would keep a fuzzer at the door. So targets either wrap the input as the bytes of a block, or set the
 * checksums of a damaged input right again.
 */
#ifndef PROCREC_TESTS_FUZZ_H
#define PROCREC_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "schema/segment.h"
#include "schema/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process as a finding unless the condition holds. */
#define FUZZ_ASSERT(cond) ((cond) ? (void)0 : abort())

/* Reads all n bytes, so that a sanitizer sees where they lie. */
static inline void fuzz_touch(const uint8_t *p, size_t n)
{
	const volatile uint8_t *v = p;

	while (n)
		(void)v[--n];
}

/* A segment in memory, not sealed, of one block whose raw bytes are the input, whole envelopes or not. */
struct pr_buf fuzz_segment(const uint8_t *raw, size_t n);

/* A trace of such a segment; *keep holds its bytes until the trace was closed. NULL when it can't be opened. */
struct pr_trace *fuzz_trace(const uint8_t *raw, size_t n, struct pr_buf *keep);

/* Makes links and CRCs of the header, of all descriptors that follow one another, and of a footer right. */
void fuzz_repair(uint8_t *segment, size_t n);

#endif

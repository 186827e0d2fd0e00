/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rearrange.h: the bytes of a block in an order that LZ4 compresses well, and back.
 *
 * Frames of one kind are alike: the same fields, mostly with the values of the one before, times close to each other. LZ4
 * has no entropy coder, so in the stream's own order every field that differs costs it a token, an offset and a literal
 * run. Rearranged, each field is a column of differences, split into planes of bytes, and most planes are zero and left
 * out. FORMAT.md, "Encoding 1", is the specification. Reversible for every sequence of envelopes, hostile ones included.
 */
#ifndef PROCREC_SCHEMA_REARRANGE_H
#define PROCREC_SCHEMA_REARRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Appends the rearranged form of n bytes of whole envelopes to out. False when they are not whole envelopes, or memory runs
 * out: what was appended is then meaningless.
 */
bool pr_rearrange(struct pr_buf *out, const uint8_t *plain, size_t n);

/*
 * Appends the plain form of n rearranged bytes to out; it must come to exactly plain_size bytes. False when the bytes
 * are not a rearranged block of that size, or memory runs out. Reads nothing outside p[0..n).
 */
bool pr_rearrange_back(struct pr_buf *out, const uint8_t *p, size_t n, size_t plain_size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h: untrusted bytes made harmless for people, and small text encodings.
 *
 * Everything appends to a struct pr_buf and depends on neither locale nor environment.
 */
#ifndef PROCREC_BASE_TEXT_H
#define PROCREC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Length (1 to 4) of the valid UTF-8 sequence at p, with its code point in *out_cp; 0 if none starts there (overlong,
 * surrogate, above U+10FFFF, cut off). On 0, *out_bad is the length of the maximal invalid subpart (at least 1), which the
 * Unicode standard recommends to replace by one U+FFFD.
 */
size_t pr_utf8_next(const uint8_t *p, size_t n, uint32_t *out_cp, size_t *out_bad);

bool pr_utf8_valid(const uint8_t *p, size_t n);

/*
 * Length of the longest beginning of the bytes that is printable ASCII without `"` and `\`: what every rendering can take over
 * as it stands.
 */
size_t pr_text_plain(const uint8_t *p, size_t n);

/*
 * True for code points that must never reach a terminal as they are: C0 and C1 controls, DEL, line and paragraph
 * separators, bidirectional controls (Trojan Source), zero-width and other format characters, byte order mark, private tags.
 */
bool pr_text_unsafe(uint32_t cp);

/*
 * The bytes as one printable line: unsafe characters and invalid bytes become \n, \t, \r, \xNN (bytes) or \u{NNNN} (code points), and a
 * backslash is doubled so that the text is unambiguous.
 */
void pr_text_escape(struct pr_buf *b, const void *p, size_t n);

/* As pr_text_escape, but a backslash stays single: for text that already is a lossy rendering (`arguments`). */
void pr_text_escape_lossy(struct pr_buf *b, const void *p, size_t n);

/* Standard alphabet, padded. */
void pr_base64(struct pr_buf *b, const void *p, size_t n);

/* Lower-case hexadecimal. */
void pr_hex(struct pr_buf *b, const void *p, size_t n);

/*
 * Decimal number of at most 20 digits: the whole string must be digits and fit 64 bits. Hexadecimal with 0x where
 * allowed by `hex`. Returns false and leaves *out alone otherwise.
 */
bool pr_parse_u64(const char *s, bool hex, uint64_t *out);

/* A size: digits with an optional suffix K, M, G (powers of 1024, also KiB, MiB, GiB). */
bool pr_parse_size(const char *s, uint64_t *out_bytes);

/* A span of time: digits, optional fraction, and a unit ns, us, ms, s, m, h, d (default s). Result in ns. */
bool pr_parse_span(const char *s, uint64_t *out_ns);

/* "1.2 MiB", "17 B": for summaries. */
void pr_text_size(struct pr_buf *b, uint64_t bytes);

#endif

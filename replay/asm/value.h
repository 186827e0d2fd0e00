/* SPDX-License-Identifier: BSD-2-Clause */
/* value.h: one field of a frame as text, and back. Internal to asm/. */
#ifndef PROCREC_REPLAY_ASM_VALUE_H
#define PROCREC_REPLAY_ASM_VALUE_H

#include "base/buf.h"
#include "replay/asm/lex.h"
#include "replay/asm/table.h"

/* The value of the field in `frame` (which has all of it). */
void pr_asm_value_print(struct pr_buf *out, const struct pr_asm_field *f, const uint8_t *frame);
/* Reads a value at the position of the lexer into `frame`. */
int pr_asm_value_parse(struct pr_lex *l, const struct pr_asm_field *f, uint8_t *frame);

/* Names joined by |, what has none in hex; 0 is "0". */
void pr_asm_flags_print(struct pr_buf *out, const struct pr_asm_name *names, uint64_t v);

/* "..." with escapes; long ones in several pieces with a line break between them, runs of one byte as "a"*N. */
void pr_asm_string_print(struct pr_buf *out, const uint8_t *p, size_t n);
/* Words of four bytes; more than one line's worth begins on a new line. */
void pr_asm_hex_print(struct pr_buf *out, const uint8_t *p, size_t n);
/* desc{...} of the 32 bytes at p. */
void pr_asm_desc_print(struct pr_buf *out, const uint8_t *p);
/* The position is behind `desc`; appends 32 bytes to `out`. */
int pr_asm_desc_parse(struct pr_lex *l, struct pr_buf *out);

#endif

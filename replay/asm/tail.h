/* SPDX-License-Identifier: BSD-2-Clause */
/* tail.h: what follows the fixed fields of a frame, as text and back. Internal to asm/. */
#ifndef PROCREC_REPLAY_ASM_TAIL_H
#define PROCREC_REPLAY_ASM_TAIL_H

#include "base/buf.h"
#include "replay/asm/lex.h"
#include "replay/asm/table.h"

/* Appends the fields of the tail, each on a line of its own. `frame` has `len` >= op->fixed bytes. */
void pr_asm_tail_print(struct pr_buf *out, const struct pr_asm_op *op, const uint8_t *frame, size_t len);

/* The strings of an execve as they were written; elsewhere only `bytes` is used. */
struct pr_asm_tail_parts {
	struct pr_buf bytes; /* the tail as it comes in */
	struct pr_buf filename, args, cwd;
	bool has_bytes, has_filename, has_args, has_cwd;
	bool args_desc, args_empty;
};
void pr_asm_parts_release(struct pr_asm_tail_parts *t);
/* Forgets the contents, keeps the memory. */
void pr_asm_parts_clear(struct pr_asm_tail_parts *t);

/*
 * Reads the value of `name`, whose `=` was passed. PR_END when this op's tail has no such field (nothing was read then).
 */
int pr_asm_tail_parse(
	struct pr_lex *l, const struct pr_asm_op *op, const char *name, struct pr_lex_place at, struct pr_asm_tail_parts *t);
/* Puts the parts together in t->bytes. */
int pr_asm_tail_finish(struct pr_lex *l, struct pr_lex_place at, struct pr_asm_tail_parts *t);

#endif

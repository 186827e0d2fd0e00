/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.h: the parser with the state of the stream given, for the printer's check of itself. Internal to asm/. */
#ifndef PROCREC_REPLAY_ASM_PARSE_H
#define PROCREC_REPLAY_ASM_PARSE_H

#include "replay/asm/asm.h"

/* As pr_asm_text, going on from `seq`, which is advanced behind each frame that the sink took. */
int pr_asm_parse(const char *name, const void *text, size_t n, struct pr_asm_seq *seq, pr_asm_sink *sink, void *ctx,
	struct pr_errinfo *ei);

/* The stream that a frame of this op has when none is given. */
struct pr_asm_op;
uint8_t pr_asm_default_stream(const struct pr_asm_op *op, uint16_t cpu);

#endif

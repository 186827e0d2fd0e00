/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asm.h: a stream of envelopes and frames as text that a person writes and reviews, and back. procrec-frames(5) is its
 * manual.
 *
 * One table (table.h) describes every frame; the printer (print.c) and the parser (parse.c) both work from it. What the
 * table cannot express exactly is printed as plain bytes, which the printer finds out by assembling its own text: so
 * asm(disasm(x)) == x for every stream.
 */
#ifndef PROCREC_REPLAY_ASM_ASM_H
#define PROCREC_REPLAY_ASM_ASM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "schema/frame.h"

/* Bytes of one frame in text, at most: what fits one block of a segment. */
#define PR_ASM_FRAME_MAX (PR_FRAME_MAX + (512u << 10))

/* The next sequence number of each (cpu, stream): the default of `seq=`, for the printer and the parser alike. */
struct pr_asm_seq {
	struct pr_map next; /* (cpu, stream) -> next */
};
void pr_asm_seq_release(struct pr_asm_seq *s);
/* For an envelope whose other fields are set. 0 for a (cpu, stream) that had no frame yet, and for META ones. */
uint64_t pr_asm_seq_next(const struct pr_asm_seq *s, const struct pr_envelope *env);
/* Takes note of a frame. META and CONT ones use no number up, as when gaps are looked for. PR_ENOMEM. */
int pr_asm_seq_advance(struct pr_asm_seq *s, const struct pr_envelope *env);

/* Takes one frame: env in host byte order, env->size bytes at `frame`, borrowed. Non-zero ends the parsing with it. */
typedef int pr_asm_sink(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei);

/*
 * Assembles n bytes of text; `name` stands in messages ("name:line:column: ..."). Frames go to the sink in order. Returns 0,
 * PR_EFORMAT with what is wrong and what to do, PR_ENOMEM, or what the sink returned.
 */
int pr_asm_text(const char *name, const void *text, size_t n, pr_asm_sink *sink, void *ctx, struct pr_errinfo *ei);

struct pr_disasm {
	struct pr_asm_seq seq;
	struct pr_buf line; /* scratch */
};
void pr_disasm_init(struct pr_disasm *d);
void pr_disasm_release(struct pr_disasm *d);

/*
 * Appends the canonical text of one frame to `out`. Frames must come in the order of the stream. PR_ENOMEM is the only failure.
 */
int pr_disasm_frame(struct pr_disasm *d, const struct pr_envelope *env, const uint8_t *frame, struct pr_buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* asm(disasm(x)) == x for every stream of envelopes and frames: the input is the raw bytes of a block. */
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "replay/asm/asm.h"
#include "tests/fuzz/fuzz.h"

static int put(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct pr_buf *b = ctx;

	(void)ei;
	pr_buf_u16(b, env->cpu);
	pr_buf_u8(b, env->stream);
	pr_buf_u8(b, env->flags);
	pr_buf_u32(b, env->size);
	pr_buf_u64(b, env->seq);
	pr_buf_append(b, frame, env->size);
	return PR_OK;
}

static void check_printable(const struct pr_buf *b)
{
	size_t k, bad;
	uint32_t cp;

	for (size_t i = 0; i < b->len; i += k) {
		k = pr_utf8_next(b->data + i, b->len - i, &cp, &bad);
		FUZZ_ASSERT(k && (!pr_text_unsafe(cp) || cp == '\n' || cp == '\t'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_buf text = PR_BUF_INIT, back = PR_BUF_INIT;
	struct pr_disasm d;
	size_t at = 0;

	pr_disasm_init(&d);
	while (size - at >= PR_ENVELOPE_SIZE) {
		const uint8_t *e = data + at;
		struct pr_envelope env = {pr_get_u16(e), e[2], e[3], pr_get_u32(e + 4), pr_get_u64(e + 8)};
		uint8_t *frame;

		if (env.size > size - at - PR_ENVELOPE_SIZE)
			break;
		frame = malloc(env.size ? env.size : 1);
		FUZZ_ASSERT(frame);
		memcpy(frame, e + PR_ENVELOPE_SIZE, env.size);
		FUZZ_ASSERT(!pr_disasm_frame(&d, &env, frame, &text));
		free(frame);
		at += PR_ENVELOPE_SIZE + env.size;
	}
	pr_disasm_release(&d);
	check_printable(&text);
	FUZZ_ASSERT(!pr_asm_text("text", text.data, text.len, put, &back, NULL));
	FUZZ_ASSERT(back.len == at && (!at || !memcmp(back.data, data, at)));
	pr_buf_release(&text);
	pr_buf_release(&back);
	return 0;
}

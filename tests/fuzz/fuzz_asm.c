/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of the text form: an error with a place, or frames; these survive the way through text. */
#include <string.h>

#include "replay/asm/asm.h"
#include "tests/fuzz/fuzz.h"

struct stream {
	struct pr_buf bytes;
	size_t limit;
};

static int put(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct stream *s = ctx;

	if (s->bytes.len + env->size > s->limit)
		return pr_fail(ei, PR_ELIMIT, "enough");
	pr_buf_append(&s->bytes, env, sizeof(*env));
	pr_buf_append(&s->bytes, frame, env->size);
	return PR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream a = {PR_BUF_INIT, 1 << 20}, b = {PR_BUF_INIT, SIZE_MAX / 2};
	struct pr_buf text = PR_BUF_INIT;
	struct pr_errinfo ei = {.msg = ""};
	struct pr_envelope env;
	struct pr_disasm d;
	char *copy = malloc(size ? size : 1);
	int err;

	FUZZ_ASSERT(copy);
	if (size)
		memcpy(copy, data, size);
	err = pr_asm_text("in", copy, size, put, &a, &ei);
	FUZZ_ASSERT(err == 0 || err == PR_ELIMIT || (err == PR_EFORMAT && !strncmp(ei.msg, "in:", 3)));
	pr_disasm_init(&d);
	for (size_t i = 0; i < a.bytes.len; i += sizeof(env) + env.size) {
		memcpy(&env, a.bytes.data + i, sizeof(env));
		FUZZ_ASSERT(!pr_disasm_frame(&d, &env, a.bytes.data + i + sizeof(env), &text));
	}
	pr_disasm_release(&d);
	FUZZ_ASSERT(!pr_asm_text("again", text.data, text.len, put, &b, &ei));
	FUZZ_ASSERT(a.bytes.len == b.bytes.len && (!a.bytes.len || !memcmp(a.bytes.data, b.bytes.data, a.bytes.len)));
	pr_buf_release(&a.bytes);
	pr_buf_release(&b.bytes);
	pr_buf_release(&text);
	free(copy);
	return 0;
}

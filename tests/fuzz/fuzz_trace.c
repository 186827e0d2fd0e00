/* SPDX-License-Identifier: BSD-2-Clause */
/* Envelopes and frames as a trace gives them, gaps and counters included. The input is the raw bytes of a block. */
#include "tests/fuzz/fuzz.h"

static int on_gap(void *ctx, const struct pr_gap *g)
{
	uint64_t *gaps = ctx;

	(*gaps)++;
	FUZZ_ASSERT(g->kind == PR_GAP_DAMAGE || g->count);
	return PR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_buf keep;
	struct pr_trace *t = fuzz_trace(data, size, &keep);
	struct pr_trace_state st;
	struct pr_frame f;
	uint64_t gaps = 0, frames[2] = {0, 0}, bytes;
	int err;

	for (int pass = 0; t && pass < 2; pass++) {
		pr_trace_set_events(t, &(struct pr_trace_events){.on_gap = on_gap, .ctx = &gaps});
		bytes = 0;
		gaps = 0;
		while (!(err = pr_trace_next(t, &f, NULL))) {
			FUZZ_ASSERT(f.data >= keep.data || f.size == 0 || bytes <= size);
			bytes += PR_ENVELOPE_SIZE + f.size;
			FUZZ_ASSERT(bytes <= size);
		}
		FUZZ_ASSERT(err == PR_END || err == PR_ENOMEM);
		pr_trace_get_state(t, &st);
		FUZZ_ASSERT(st.gaps == gaps);
		frames[pass] = st.frames;
		pr_trace_rewind(t);
	}
	FUZZ_ASSERT(frames[0] == frames[1]);
	pr_trace_close(t);
	pr_buf_release(&keep);
	return 0;
}

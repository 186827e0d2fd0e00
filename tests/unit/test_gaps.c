/* SPDX-License-Identifier: BSD-2-Clause */
/* What is missing is found, at its place, with its size; what is not missing is never reported. */
#include "tests/unit/unit.h"

#include "schema/trace.h"

#define GAPS_MAX 16

struct seen {
	struct pr_gap gap[GAPS_MAX];
	size_t n;
};

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct seen *s = ctx;

	assert_true(s->n < GAPS_MAX);
	s->gap[s->n++] = *g;
	return 0;
}

static void put_exit(struct pr_buf *b, uint16_t cpu, uint8_t stream, uint64_t seq, uint64_t ktime)
{
	struct pr_envelope env = {.cpu = cpu, .stream = stream, .seq = seq};
	size_t at = pr_enveloped_begin(b, &env, PR_OP_EXIT, ktime);

	pr_put_key(b, 1, 1);
	pr_buf_u64(b, 0);
	pr_enveloped_end(b, at);
}

static void put_state(struct pr_buf *b, uint16_t cpu, uint8_t stream, uint64_t next, uint64_t seq, uint64_t ktime)
{
	struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .seq = seq};
	size_t at = pr_enveloped_begin(b, &env, PR_OP_STREAM_STATE, ktime);

	pr_buf_u64(b, 1);
	pr_buf_u16(b, cpu);
	pr_buf_u8(b, stream);
	pr_buf_append(b, "\0\0\0\0\0", 5);
	pr_buf_u64(b, next);
	pr_buf_u64(b, 0);
	pr_enveloped_end(b, at);
}

static struct seen read_gaps(struct pr_buf *env, uint32_t block_bytes, size_t damage_at)
{
	struct pr_buf seg = unit_segment(env, block_bytes);
	struct seen s = {.n = 0};
	struct pr_trace_events ev = {.on_gap = on_gap, .ctx = &s};
	struct pr_trace_state st;
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame f;
	int err;

	if (damage_at)
		seg.data[damage_at] ^= 1;
	assert_int_equal(pr_trace_open_source(&t, pr_source_memory(seg.data, seg.len), &ei), 0);
	pr_trace_set_events(t, &ev);
	while (!(err = pr_trace_next(t, &f, &ei)))
		;
	assert_int_equal(err, PR_END);
	pr_trace_get_state(t, &st);
	assert_int_equal(st.gaps, s.n);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(env);
	return s;
}

static void no_gap_where_none_is(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct seen s;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		put_exit(&b, 0, PR_STREAM_EXIT, i, 100 + i);
		put_exit(&b, 0, PR_STREAM_CLONE, i, 100 + i);
		put_exit(&b, 1, PR_STREAM_EXIT, i, 100 + i);
	}
	put_state(&b, 0, PR_STREAM_EXIT, 20, 0, 200);
	put_state(&b, 2, PR_STREAM_EXIT, 0, 1, 200);
	s = read_gaps(&b, 300, 0);
	assert_int_equal(s.n, 0);
}

static void a_jump_is_sized_and_placed(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct seen s;

	(void)state;
	put_exit(&b, 0, PR_STREAM_EXIT, 0, 100);
	put_exit(&b, 1, PR_STREAM_EXIT, 0, 110);
	put_exit(&b, 0, PR_STREAM_EXIT, 8, 120);
	s = read_gaps(&b, 0, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.gap[0].kind, PR_GAP_SEQ);
	assert_int_equal(s.gap[0].count, 7);
	assert_int_equal(s.gap[0].cpu, 0);
	assert_int_equal(s.gap[0].stream, PR_STREAM_EXIT);
	assert_int_equal(s.gap[0].before_seq, 2);
	assert_int_equal(s.gap[0].ktime_from, 100);
	assert_int_equal(s.gap[0].ktime_to, 120);
}

static void missing_at_the_front(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct seen s;

	(void)state;
	put_exit(&b, 0, PR_STREAM_EXIT, 3, 100);
	s = read_gaps(&b, 0, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.gap[0].count, 3);
}

static void the_final_state_tells_of_the_end(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct seen s;

	(void)state;
	put_exit(&b, 0, PR_STREAM_EXIT, 0, 100);
	put_state(&b, 0, PR_STREAM_EXIT, 5, 0, 200);
	put_state(&b, 3, PR_STREAM_DATA, 2, 1, 200);
	s = read_gaps(&b, 0, 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.gap[0].count, 4);
	assert_int_equal(s.gap[1].count, 2);
	assert_int_equal(s.gap[1].cpu, 3);
	assert_int_equal(s.gap[1].stream, PR_STREAM_DATA);
}

static void counted_losses(void **state)
{
	struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER};
	struct pr_buf b = PR_BUF_INIT;
	size_t at = pr_enveloped_begin(&b, &env, PR_OP_LOSS, 500);
	struct seen s;

	(void)state;
	pr_buf_u32(&b, PR_LOSS_MAP_FULL);
	pr_buf_u32(&b, PR_STREAM_CLONE);
	pr_buf_u64(&b, 9);
	pr_buf_u64(&b, 400);
	pr_enveloped_end(&b, at);
	s = read_gaps(&b, 0, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.gap[0].kind, PR_GAP_LOSS);
	assert_int_equal(s.gap[0].count, 9);
	assert_int_equal(s.gap[0].reason, PR_LOSS_MAP_FULL);
	assert_int_equal(s.gap[0].ktime_from, 400);
	assert_int_equal(s.gap[0].ktime_to, 500);
}

/* A damaged block is one gap, not a second one in every stream that had frames in it. */
static void damage_is_one_gap(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct seen s;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		put_exit(&b, (uint16_t)(i % 2), PR_STREAM_EXIT, i / 2, 100 + i);
	s = read_gaps(&b, 560, PR_SEG_HEADER_SIZE + PR_SEG_BLOCK_SIZE + 12);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.gap[0].kind, PR_GAP_DAMAGE);
	assert_int_equal(s.gap[0].count, 10);
	assert_int_equal(s.gap[0].before_seq, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_gap_where_none_is),
		cmocka_unit_test(a_jump_is_sized_and_placed),
		cmocka_unit_test(missing_at_the_front),
		cmocka_unit_test(the_final_state_tells_of_the_end),
		cmocka_unit_test(counted_losses),
		cmocka_unit_test(damage_is_one_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

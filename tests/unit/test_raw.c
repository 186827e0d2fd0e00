/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw streams: whatever the bytes, pack and unpack give them back. */
#include "tests/unit/unit.h"

#include "schema/raw.h"
#include "schema/trace.h"

static struct pr_buf pack(const struct pr_buf *in, struct pr_raw_result *res)
{
	int src = memfd_create("in", 0), dst = memfd_create("out", 0);
	struct pr_seg_options opt;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;

	if (in->len)
		assert_int_equal(write(src, in->data, in->len), in->len);
	lseek(src, 0, SEEK_SET);
	pr_raw_options(&opt, NULL, 0);
	assert_int_equal(pr_seg_writer_new(&w, dst, &opt, &ei), 0);
	assert_int_equal(pr_raw_pack(src, "in", NULL, w, NULL, res, &ei), 0);
	assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	pr_seg_writer_free(w);
	close(src);
	return unit_slurp(dst);
}

static void check_round_trip(const struct pr_buf *in, struct pr_raw_result *res, uint64_t *out_counted)
{
	struct pr_buf seg = pack(in, res), back = PR_BUF_INIT;
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame f;

	assert_int_equal(pr_trace_open_source(&t, pr_source_memory(seg.data, seg.len), &ei), 0);
	while (!pr_trace_next(t, &f, &ei))
		pr_buf_append(&back, f.data, f.size);
	assert_int_equal(back.len, in->len);
	if (in->len)
		assert_memory_equal(back.data, in->data, in->len);
	if (out_counted) {
		struct pr_trace_state st;

		pr_trace_get_state(t, &st);
		*out_counted = st.frames;
		assert_int_equal(st.gaps, 0);
	}
	pr_trace_close(t);
	pr_buf_release(&back);
	pr_buf_release(&seg);
}

static void put_frame(struct pr_buf *b, uint8_t op, size_t n)
{
	size_t at = pr_frame_begin(b, op, 7);

	for (size_t i = 0; i < n; i++)
		pr_buf_u8(b, (uint8_t)i);
	pr_frame_end(b, at);
}

static void framed(void **state)
{
	struct pr_buf in = PR_BUF_INIT;
	struct pr_raw_result res;
	uint64_t counted;

	(void)state;
	check_round_trip(&in, &res, &counted);
	assert_int_equal(counted, 0);
	for (size_t i = 0; i < 200; i++)
		put_frame(&in, (uint8_t)i, i * 37);
	put_frame(&in, 99, 3u << 20); /* larger than a read, and than a usual block */
	put_frame(&in, 5, 0);
	check_round_trip(&in, &res, &counted);
	assert_int_equal(res.frames, 202);
	assert_int_equal(res.unframed, 0);
	assert_int_equal(counted, 202);
	pr_buf_release(&in);
}

/* A header that can't be true: from there on the bytes are one counted item, however many envelopes it takes. */
static void unframed(void **state)
{
	static const uint32_t claims[] = {0, 15, 4000000000u, PR_FRAME_MAX + 1, 300000};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct pr_buf in = PR_BUF_INIT;
		struct pr_raw_result res;
		uint64_t counted;
		size_t at;

		put_frame(&in, 7, 24);
		at = in.len;
		put_frame(&in, 7, 200000);
		pr_put_u32(in.data + at + 4, claims[i]);
		check_round_trip(&in, &res, &counted);
		assert_int_equal(res.frames, 1);
		assert_int_equal(res.unframed_at, 40);
		assert_int_equal(res.unframed, 200016);
		assert_int_equal(res.claimed, claims[i]);
		assert_int_equal(counted, 2);
		pr_buf_release(&in);
	}
}

static void random_bytes(void **state)
{
	uint64_t seed = 12345;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct pr_buf in = PR_BUF_INIT;
		struct pr_raw_result res;

		for (uint64_t n = unit_random(&seed) % 5; n; n--)
			put_frame(&in, (uint8_t)unit_random(&seed), unit_random(&seed) % 100);
		for (uint64_t n = unit_random(&seed) % 60; n; n--)
			pr_buf_u8(&in, (uint8_t)(unit_random(&seed) % 40));
		check_round_trip(&in, &res, NULL);
		assert_int_equal(res.bytes, in.len);
		pr_buf_release(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framed),
		cmocka_unit_test(unframed),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

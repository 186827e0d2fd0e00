/* SPDX-License-Identifier: BSD-2-Clause */
/* Rearranging: back again for every sequence of envelopes, and safe on every other input. */
#include "tests/unit/unit.h"

#include "schema/rearrange.h"

static void check(const struct pr_buf *in)
{
	struct pr_buf there = PR_BUF_INIT, back = PR_BUF_INIT;

	assert_true(pr_rearrange(&there, in->data, in->len));
	assert_true(pr_rearrange_back(&back, there.data, there.len, in->len));
	assert_int_equal(back.len, in->len);
	if (in->len)
		assert_memory_equal(back.data, in->data, in->len);
	pr_buf_release(&there);
	pr_buf_release(&back);
}

/* An envelope with a frame of random bytes, whose header is true unless `hostile`. */
static void put_random(struct pr_buf *b, uint64_t *seed, bool hostile)
{
	static const uint8_t ops[] = {5, 7, 23, 24, 25, 200, 201, 202, 203, 204, 210, 211, 212, 213, 254};
	uint32_t n = 16 + (uint32_t)(unit_random(seed) % 600);
	struct pr_envelope env = {.cpu = (uint16_t)(unit_random(seed) % 3), .stream = (uint8_t)(unit_random(seed) % 5)};
	size_t at;

	env.seq = hostile ? unit_random(seed) : b->len / 100;
	if (hostile)
		env.flags = (uint8_t)(unit_random(seed) % 8);
	at = pr_enveloped_begin(b, &env, ops[unit_random(seed) % sizeof(ops)], unit_random(seed));
	while (b->len - at < n)
		pr_buf_u8(b, (uint8_t)(unit_random(seed) % (hostile ? 256 : 2)));
	pr_enveloped_end(b, at);
	if (hostile && unit_random(seed) % 2)
		b->data[at + 16 + unit_random(seed) % 8] ^= (uint8_t)unit_random(seed);
}

static void every_sequence_comes_back(void **state)
{
	uint64_t seed = 2026;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct pr_buf b = PR_BUF_INIT;

		for (uint64_t n = unit_random(&seed) % 60; n; n--)
			put_random(&b, &seed, round % 2);
		check(&b);
		pr_buf_release(&b);
	}
}

static void small_and_empty_frames(void **state)
{
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	check(&b);
	for (uint32_t size = 0; size < 40; size++) {
		pr_buf_u32(&b, 0);
		pr_buf_u32(&b, size);
		pr_buf_u64(&b, size);
		for (uint32_t i = 0; i < size; i++)
			pr_buf_u8(&b, 7);
	}
	check(&b);
	pr_buf_release(&b);
}

static void half_envelopes_are_refused(void **state)
{
	struct pr_buf b = PR_BUF_INIT, out = PR_BUF_INIT;
	uint64_t seed = 5;

	(void)state;
	put_random(&b, &seed, false);
	for (size_t n = 1; n < b.len; n++)
		assert_false(pr_rearrange(&out, b.data, n));
	pr_buf_release(&b);
	pr_buf_release(&out);
}

/* Whatever the bytes, no read or write outside (run under the sanitizers), and no other size than asked for. */
static void damaged_bytes_are_refused_or_harmless(void **state)
{
	struct pr_buf b = PR_BUF_INIT, there = PR_BUF_INIT;
	uint64_t seed = 77;

	(void)state;
	for (int i = 0; i < 30; i++)
		put_random(&b, &seed, false);
	assert_true(pr_rearrange(&there, b.data, b.len));
	for (int round = 0; round < 20000; round++) {
		struct pr_buf back = PR_BUF_INIT;
		size_t at = unit_random(&seed) % there.len, cut = there.len - (round % 3 ? 0 : unit_random(&seed) % there.len);
		uint8_t old = there.data[at];

		there.data[at] ^= (uint8_t)(1u << unit_random(&seed) % 8);
		if (pr_rearrange_back(&back, there.data, cut, b.len))
			assert_int_equal(back.len, b.len);
		there.data[at] = old;
		pr_buf_release(&back);
	}
	pr_buf_release(&b);
	pr_buf_release(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sequence_comes_back),
		cmocka_unit_test(small_and_empty_frames),
		cmocka_unit_test(half_envelopes_are_refused),
		cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

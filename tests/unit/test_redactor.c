/* SPDX-License-Identifier: BSD-2-Clause */
/* The stage between queue and disk: however the stream is cut into chunks, and whatever is known already, the same frames come out. */
#include "tests/unit/fx.h"

#include <stdio.h>

#include "recorder/redactor.h"
#include "recorder/resume.h"
#include "redact/redact.h"

static const uint8_t key[PR_REDACT_KEY] = "a key for the tests";

struct rig {
	struct pr_redact *redact;
	struct pr_redactor *d;
	struct pr_buf out;
};

static void set_up(struct rig *g, const struct pr_resume *known)
{
	struct pr_errinfo ei;

	*g = (struct rig){0};
	assert_int_equal(pr_redact_new(&g->redact, "default", pr_redact_default_rules, strlen(pr_redact_default_rules), key, &ei), 0);
	assert_int_equal(pr_redactor_new(&g->d, g->redact, known, &ei), 0);
}

static void tear_down(struct rig *g)
{
	pr_redactor_free(g->d);
	pr_redact_free(g->redact);
	pr_buf_release(&g->out);
}

/* The frames in b under envelopes: data by (1, DATA), others by (1, EXEC). */
static void wrap(struct pr_buf *out, const struct pr_buf *b)
{
	uint64_t seq[PR_STREAM_COUNT] = {0};

	for (size_t at = 0; at < b->len;) {
		uint32_t size = pr_get_u32(b->data + at + 4);
		uint8_t stream = b->data[at] == PR_OP_DATA ? PR_STREAM_DATA : PR_STREAM_EXEC;

		pr_buf_u16(out, 1);
		pr_buf_u8(out, stream);
		pr_buf_u8(out, 0);
		pr_buf_u32(out, size);
		pr_buf_u64(out, seq[stream]++);
		pr_buf_append(out, b->data + at, size);
		at += size;
	}
}

/* Execs with secrets in inline arguments and in data, those at the seams of data frames. */
static void make_stream(struct pr_buf *out)
{
	struct pr_buf b = PR_BUF_INIT, s = PR_BUF_INIT;
	char inl[] = "/bin/x\0--token=sesame\0/cwd";

	for (uint64_t i = 0; i < 8; i++) {
		char args[200];
		size_t n = (size_t)snprintf(args, sizeof(args), "%0*d --token=sesamesesamesesame y", (int)(i * 3 + 1), 0);

		for (size_t at = 0; at < n; at += 11)
			fx_data(&b, 7 + i, 70, args + at, n - at < 11 ? n - at : 11, 100);
		fx_exec_info(&b, KEY((uint32_t)(7 + i), 100), (uint32_t)n + 1, "argv0");
		pr_buf_clear(&s);
		pr_buf_append(&s, "/bin/x", 7);
		fx_desc(&s, (uint32_t)n, 0, 7 + i, 70);
		fx_execve(&b, (struct fx){.id = KEY((uint32_t)(7 + i), 100), .parent = KEY(1, 1), .flags = PR_EXEC_DATA_ARGS, .strings = s.data, .n = s.len});
		fx_execve(&b, (struct fx){.id = KEY((uint32_t)(7 + i), 200), .parent = KEY(1, 1), .strings = inl, .n = sizeof(inl) - 1});
	}
	wrap(out, &b);
	pr_buf_release(&b);
	pr_buf_release(&s);
}

static size_t envelope_size(const struct pr_buf *b, size_t at)
{
	return PR_ENVELOPE_SIZE + pr_get_u32(b->data + at + 4);
}

static void test_chunks(void **state)
{
	struct pr_buf stream = PR_BUF_INIT;
	struct rig whole, g;
	struct pr_errinfo ei;
	uint64_t rnd = 7;

	(void)state;
	make_stream(&stream);
	set_up(&whole, NULL);
	assert_int_equal(pr_redactor_put(whole.d, stream.data, stream.len, &whole.out, &ei), 0);
	assert_false(pr_redactor_holds(whole.d));
	assert_null(memmem(whole.out.data, whole.out.len, "sesa", 4));
	for (int round = 0; round < 200; round++) {
		struct pr_redactor_state st;

		set_up(&g, NULL);
		for (size_t at = 0, n; at < stream.len; at += n) {
			n = envelope_size(&stream, at);
			while (at + n < stream.len && unit_random(&rnd) % 3)
				n += envelope_size(&stream, at + n);
			assert_int_equal(pr_redactor_put(g.d, stream.data + at, n, &g.out, &ei), 0);
			if (!(unit_random(&rnd) % 64)) /* ticks are rare: what belongs together comes between two */
				assert_int_equal(pr_redactor_tick(g.d, &g.out, &ei), 0);
		}
		pr_redactor_get_state(g.d, &st);
		if (!st.blanked) {
			assert_int_equal(g.out.len, whole.out.len);
			assert_memory_equal(g.out.data, whole.out.data, whole.out.len);
			assert_int_equal(st.secrets, 16);
		}
		tear_down(&g);
	}
	tear_down(&whole);
	pr_buf_release(&stream);
}

/* What waits for an exec that was lost goes at the third tick, or in a silence, and what is behind it with it. */
static void test_ticks(void **state)
{
	struct pr_buf b = PR_BUF_INIT, stream = PR_BUF_INIT;
	struct pr_redactor_state st;
	struct pr_errinfo ei;
	struct rig g;

	(void)state;
	fx_data(&b, 7, 70, "--token=ses", 11, 100);
	fx_clone(&b, KEY(8, 200), KEY(7, 100), 200);
	wrap(&stream, &b);
	for (int silence = 0; silence < 2; silence++) {
		set_up(&g, NULL);
		assert_int_equal(pr_redactor_put(g.d, stream.data, stream.len, &g.out, &ei), 0);
		for (int i = 0; i < 2 && !silence; i++) {
			assert_int_equal(pr_redactor_tick(g.d, &g.out, &ei), 0);
			assert_true(pr_redactor_holds(g.d));
			assert_int_equal(g.out.len, 0);
		}
		assert_int_equal(silence ? pr_redactor_flush(g.d, &g.out, &ei) : pr_redactor_tick(g.d, &g.out, &ei), 0);
		assert_false(pr_redactor_holds(g.d));
		assert_int_equal(g.out.len, stream.len - 11);
		pr_redactor_get_state(g.d, &st);
		assert_int_equal(st.blanked, 1);
		tear_down(&g);
	}
	pr_buf_release(&b);
	pr_buf_release(&stream);
}

/* A recorder that goes on: at whichever frame the one before stopped, the two parts are the whole. */
static void test_resume(void **state)
{
	struct pr_buf stream = PR_BUF_INIT;
	struct rig whole, g;
	struct pr_errinfo ei;

	(void)state;
	make_stream(&stream);
	set_up(&whole, NULL);
	assert_int_equal(pr_redactor_put(whole.d, stream.data, stream.len, &whole.out, &ei), 0);
	for (size_t at = 0; at < whole.out.len; at += envelope_size(&whole.out, at)) {
		struct pr_resume known = {0};

		for (size_t i = 0; i < at; i += envelope_size(&whole.out, i)) {
			const uint8_t *e = whole.out.data + i;

			pr_map_put(&known.next, (uint64_t)pr_get_u16(e) << 8 | e[2], 0, NULL)->v.u = pr_get_u64(e + 8) + 1;
		}
		set_up(&g, &known);
		assert_int_equal(pr_redactor_put(g.d, stream.data, stream.len, &g.out, &ei), 0);
		assert_int_equal(g.out.len, whole.out.len - at);
		assert_memory_equal(g.out.data, whole.out.data + at, g.out.len);
		tear_down(&g);
		pr_resume_release(&known);
	}
	tear_down(&whole);
	pr_buf_release(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

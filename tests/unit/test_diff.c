/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing two traces: masks, and random trees against the same tree under other pids, times and orders of siblings. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "replay/diff/diff.h"
#include "tests/unit/frames.h"

#define NODES 60

static void mask_is(const char *pattern, bool defaults, const char *in, const char *want)
{
	struct pr_masks m = {0};
	struct pr_map pids = PR_MAP_INIT;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;

	pr_map_put(&pids, 4242, 0, NULL);
	pr_map_put(&pids, 7, 0, NULL);
	if (defaults)
		assert_int_equal(pr_masks_add_defaults(&m, &ei), 0);
	if (pattern)
		assert_int_equal(pr_masks_add(&m, pattern, &ei), 0);
	pr_masks_apply(&m, &pids, (struct pr_slice){(const uint8_t *)in, strlen(in)}, &b);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.data ? b.data : (const uint8_t *)"", want, b.len);
	pr_masks_release(&m);
	pr_map_release(&pids);
	pr_buf_release(&b);
}

static void test_masks(void **state)
{
	(void)state;
	mask_is("b+", false, "abbcb", "a*c*");
	mask_is("a(b+)", false, "abbc abx b", "a*c a*x b");
	mask_is("x*", false, "aa", "aa");
	mask_is("^a", false, "aaa", "*aa");
	mask_is("c$", false, "ccc", "cc*");
	mask_is("a|(b)", false, "ab", "**");
	mask_is(NULL, false, "/tmp/ccAbCdEf.s 4242", "/tmp/ccAbCdEf.s 4242");
	mask_is(NULL, true, "/tmp/ccAbCdEf.s", "/tmp/cc*.s");
	mask_is(NULL, true, "-fresolution=/tmp/ccAbCdEf.res", "-fresolution=/tmp/cc*.res");
	mask_is(NULL, true, "/tmp/tmp.aB3dEf9hIj/x", "/tmp/*/x");
	mask_is(NULL, true, "/tmp/a-5d41402a.o", "/tmp/*.o");
	mask_is(NULL, true, "/src/5d41402abc4b2a76/x", "/src/5d41402abc4b2a76/x");
	mask_is(NULL, true, "/memfd:jit (deleted)", "/memfd:* (deleted)");
	mask_is(NULL, true, "--pid=4242,x4242,42421,7", "--pid=*,x4242,42421,7");
	mask_is(NULL, true, "kill -9 4242", "kill -9 *");
	mask_is(NULL, true, "/proc/99/fd", "/proc/*/fd");
	mask_is(NULL, true, "", "");
}

static void test_mask_that_is_none(void **state)
{
	struct pr_masks m = {0};
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_masks_add(&m, "a(", &ei), PR_EUSAGE);
	assert_non_null(strstr(ei.msg, "a("));
	pr_masks_release(&m);
}

/* ---- random trees ---------------------------------------------------------------------------------------------------- */

struct tree {
	unsigned parent[NODES], program[NODES], arg[NODES], status[NODES];
};

static void random_tree(struct tree *t, uint64_t *rnd)
{
	for (unsigned i = 0; i < NODES; i++) {
		t->parent[i] = i ? (unsigned)(unit_random(rnd) % i) : 0;
		t->program[i] = (unsigned)(unit_random(rnd) % 4);
		t->arg[i] = (unsigned)(unit_random(rnd) % 3);
		t->status[i] = (unsigned)(unit_random(rnd) % 2);
	}
}

/* Children begin in the order of their numbers, or, shuffled, of `rank`. */
static int write_tree(const struct tree *t, uint64_t *rnd, unsigned first_pid)
{
	struct frames f = {0};
	uint64_t now = 1000 + unit_random(rnd) % 1000;
	struct frame_key keys[NODES];
	bool done[NODES] = {false};
	struct pr_buf seg;
	char s[64];
	int fd, n;

	for (unsigned k = 0; k < NODES; k++) {
		unsigned i = (unsigned)(unit_random(rnd) % NODES);

		while (done[i] || (i && !done[t->parent[i]]))
			i = (i + 1) % NODES;
		done[i] = true;
		now += 1 + unit_random(rnd) % 100;
		keys[i] = (struct frame_key){first_pid + k, now};
		n = snprintf(s, sizeof(s), "/bin/p%u%c%u%c/", t->program[i], 0, t->arg[i], 0);
		frame_execve(&f, PR_STREAM_EXEC, now, keys[i], i ? keys[t->parent[i]] : (struct frame_key){1, 1}, (struct frame_key){0, 0},
			PR_EXEC_EXECVE | PR_EXEC_CLONE, s, (size_t)n);
	}
	for (unsigned i = 0; i < NODES; i++)
		frame_exit(&f, ++now, keys[i], t->status[i] << 8);
	seg = unit_segment(&f.buf, 4096);
	fd = memfd_create("trace", 0);
	assert_int_equal(write(fd, seg.data, seg.len), seg.len);
	pr_buf_release(&seg);
	pr_buf_release(&f.buf);
	return fd;
}

static struct pr_diff_sums compare(const struct tree *a, const struct tree *b, uint64_t *rnd)
{
	int fd[2] = {write_tree(a, rnd, 100), write_tree(b, rnd, 5000)};
	struct pr_diff d = {0};
	struct pr_diff_sums sums;
	struct pr_errinfo ei;
	struct pr_out out;
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[i]);
		assert_int_equal(pr_diff_load(&d.side[i], &(struct pr_diff_source){.path = path}, &ei), 0);
	}
	assert_int_equal(pr_diff_match(&d, NULL, &ei), 0);
	for (size_t i = 0; i < d.side[0].n_order; i++) { /* a pair is one from both sides, and so are the creators */
		const struct pr_diff_node *n = &d.side[0].nodes[d.side[0].order[i]];

		if (n->match == PR_DIFF_NONE)
			continue;
		assert_int_equal(d.side[1].nodes[n->match].match, d.side[0].order[i]);
		assert_int_equal(d.side[1].nodes[n->match].creator, d.side[0].nodes[n->creator].match);
	}
	pr_out_init(&out, open("/dev/null", O_WRONLY));
	assert_int_equal(pr_diff_tell(&d, false, NULL, &out, &sums), 0);
	close(out.fd);
	pr_out_close(&out, NULL);
	pr_diff_release(&d);
	close(fd[0]);
	close(fd[1]);
	return sums;
}

static void test_random_trees(void **state)
{
	uint64_t rnd = 20261125;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct tree a, b;
		struct pr_diff_sums s;
		unsigned i;

		random_tree(&a, &rnd);
		b = a;
		s = compare(&a, &b, &rnd);
		assert_int_equal(s.alike, NODES);
		assert_int_equal(s.changed + s.only[0] + s.only[1], 0);
		i = (unsigned)(unit_random(&rnd) % NODES);
		b.arg[i] = 99;
		s = compare(&a, &b, &rnd);
		/* one process changed its argument: where a sibling has the same program it may be taken for another one */
		assert_true(s.alike + s.changed + s.only[0] == NODES && s.only[0] == s.only[1]);
		assert_true(s.changed == 1 || s.only[0]);
		b.arg[i] = a.arg[i];
		b.status[i] ^= 1;
		s = compare(&a, &b, &rnd);
		assert_int_equal(s.alike, NODES - 1);
		assert_int_equal(s.changed, 1);
	}
}

/* Whatever two trees have in common: each process is told of once. */
static void test_unlike_trees(void **state)
{
	uint64_t rnd = 7;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct tree a, b;
		struct pr_diff_sums s;

		random_tree(&a, &rnd);
		random_tree(&b, &rnd);
		s = compare(&a, &b, &rnd);
		assert_int_equal(s.alike + s.changed + s.only[0], NODES);
		assert_int_equal(s.alike + s.changed + s.only[1], NODES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_mask_that_is_none),
		cmocka_unit_test(test_random_trees),
		cmocka_unit_test(test_unlike_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

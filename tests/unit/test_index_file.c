/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "schema/index.h"
#include "tests/unit/frames.h"

typedef struct frame_key K;

#define CLONED (PR_EXEC_EXECVE | PR_EXEC_CLONE)
#define LS "/bin/ls\0-l\0/"

static struct pr_trace *trace_of(const struct frames *f, uint32_t block_bytes, struct pr_buf *out_seg)
{
	struct pr_trace *t;
	struct pr_errinfo ei;

	*out_seg = unit_segment(&f->buf, block_bytes);
	assert_int_equal(pr_trace_open_source(&t, pr_source_memory(out_seg->data, out_seg->len), &ei), 0);
	return t;
}

static void exec_frame(struct frames *f, uint64_t now, K key, K parent, K cleanup, uint32_t flags)
{
	frame_execve(f, PR_STREAM_EXEC, now, key, parent, cleanup, flags, LS, sizeof(LS) - 1);
}

static int count(void *ctx, const struct pr_proc *p)
{
	(void)p;
	(*(int *)ctx)++;
	return 0;
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static char dir[] = "/tmp/procrec-index-XXXXXX";
static char idx_path[sizeof(dir) + 16];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(idx_path, sizeof(idx_path), "%s/t.idx", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(idx_path);
	return rmdir(dir);
}

static void fill(struct frames *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		frame_clone(f, 2000 + i * 100, (K){1, 1}, (K){5 + i, 1999 + i * 100}, 0);
		exec_frame(f, 2050 + i * 100, (K){5 + i, 2050 + i * 100}, (K){1, 1}, (K){5 + i, 1999 + i * 100}, CLONED);
		frame_exit(f, 2090 + i * 100, (K){5 + i, 2050 + i * 100}, i << 8);
	}
}

/* Everything that the index answers about the trace of fill(n), as a number; 0: it says itself that it is damaged. */
static uint64_t ask_all(struct pr_index *ix, unsigned n)
{
	uint64_t sum = 1;
	struct pr_proc p;
	struct pr_errinfo ei;

	for (unsigned i = 0; i < n; i++) {
		int err = pr_index_get(ix, (struct pr_proc_key){5 + i, 2050 + i * 100}, &p, &ei), kids = 0;

		if (err == PR_EDATA)
			return 0;
		sum = sum * 31 + (err ? 7 : p.parent.pid + p.status + p.end_ktime + p.seq);
		if (i % 16 == 0) {
			if (pr_index_children(ix, p.parent, count, &kids, &ei) == PR_EDATA)
				return 0;
			sum = sum * 31 + (uint64_t)kids;
		}
	}
	return sum;
}

/* Whatever byte of the index changes: it is refused, or says so when asked, or answers as before. */
static void test_flips(void **state)
{
	const unsigned n = 200;
	struct frames f = {0};
	struct pr_buf seg;
	struct pr_trace *t;
	struct pr_index *ix;
	struct stat st;
	struct pr_errinfo ei;
	uint64_t good, refused = 0, noticed = 0;
	int fd;

	(void)state;
	fill(&f, n);
	t = trace_of(&f, 0, &seg);
	assert_int_equal(pr_index_rebuild(idx_path, t, NULL, &ei), 0);
	assert_int_equal(stat(idx_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(pr_index_open(&ix, idx_path, t, &ei), 0);
	good = ask_all(ix, n);
	assert_true(good != 0);
	pr_index_close(ix);
	fd = open(idx_path, O_RDWR);
	for (off_t at = 0; at < st.st_size; at += at < 200 ? 1 : 41) {
		uint8_t b, bad;

		assert_int_equal(pread(fd, &b, 1, at), 1);
		bad = b ^ (uint8_t)(1u << at % 8);
		assert_int_equal(pwrite(fd, &bad, 1, at), 1);
		if (pr_index_open(&ix, idx_path, t, &ei)) {
			refused++;
		} else {
			uint64_t got = ask_all(ix, n);

			assert_true(!got || got == good);
			noticed += !got;
			pr_index_close(ix);
		}
		assert_int_equal(pwrite(fd, &b, 1, at), 1);
	}
	assert_true(refused > 100 && noticed > 50);
	assert_int_equal(ftruncate(fd, st.st_size / 2), 0);
	if (!pr_index_open(&ix, idx_path, t, &ei)) {
		assert_int_equal(ask_all(ix, n), 0);
		pr_index_close(ix);
	}
	close(fd);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&f.buf);
}

/* An index of another trace, of less than the trace, or of nothing is refused. */
static void test_binding(void **state)
{
	struct frames f = {0};
	struct pr_buf seg, seg2, open_end;
	struct pr_trace *t, *t2;
	struct pr_index *ix;
	struct pr_errinfo ei;
	int fd;

	(void)state;
	fill(&f, 50);
	t = trace_of(&f, 4096, &seg);
	fill(&f, 10);
	t2 = trace_of(&f, 4096, &seg2);
	unlink(idx_path);
	assert_int_equal(pr_index_open(&ix, idx_path, t, &ei), PR_ENOENT);
	assert_int_equal(pr_index_rebuild(idx_path, t, NULL, &ei), 0);
	assert_int_equal(pr_index_open(&ix, idx_path, t2, &ei), PR_EDATA); /* same uuid, more frames */
	assert_int_equal(pr_index_open(&ix, idx_path, t, &ei), 0);
	pr_index_close(ix);
	pr_trace_close(t2);
	/* without its footer; then without its last block as well */
	open_end = (struct pr_buf){seg.data, seg.len - PR_SEG_FOOTER_SIZE, 0, false};
	assert_int_equal(pr_trace_open_source(&t2, pr_source_memory(open_end.data, open_end.len), &ei), 0);
	assert_int_equal(pr_index_open(&ix, idx_path, t2, &ei), PR_EDATA);
	assert_int_equal(pr_index_rebuild(idx_path, t2, NULL, &ei), 0);
	assert_int_equal(pr_index_open(&ix, idx_path, t2, &ei), 0);
	pr_index_close(ix);
	assert_int_equal(pr_index_open(&ix, idx_path, t, &ei), PR_EDATA);
	pr_trace_close(t2);
	assert_int_equal(pr_trace_open_source(&t2, pr_source_memory(open_end.data, open_end.len - 10), &ei), 0);
	assert_int_equal(pr_index_open(&ix, idx_path, t2, &ei), PR_EDATA);
	pr_trace_close(t2);
	fd = open(idx_path, O_WRONLY | O_TRUNC);
	assert_int_equal(pwrite(fd, "not a database", 14, 0), 14);
	close(fd);
	assert_int_equal(pr_index_open(&ix, idx_path, t, &ei), PR_EDATA);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&seg2);
	pr_buf_release(&f.buf);
}

/* A full disk costs the index alone, and leaves nothing behind. */
static void test_full_disk(void **state)
{
	struct frames f = {0};
	struct pr_buf seg;
	struct pr_trace *t;
	struct pr_errinfo ei;
	struct rlimit old, small = {16384, 16384};
	struct pr_index *ix;
	char tmp[sizeof(idx_path) + 8];

	(void)state;
	fill(&f, 20000);
	t = trace_of(&f, 0, &seg);
	unlink(idx_path);
	snprintf(tmp, sizeof(tmp), "%s.tmp", idx_path);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_not_equal(pr_index_rebuild(idx_path, t, NULL, &ei), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_not_equal(access(idx_path, F_OK), 0);
	assert_int_not_equal(access(tmp, F_OK), 0);
	assert_int_equal(pr_index_build(&ix, t, &ei), 0);
	pr_index_close(ix);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&f.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system fails at each place, once and from there on always, while a recording is written: no crash, what was committed reads
 * back, after a failed write or sync that file is left alone, and a recorder that then begins a new segment gets on.
 *
 * The calls are replaced in this program: the libraries that are linked into it call these.
 */
#include "tests/unit/rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "schema/trace.h"

#if defined(__SANITIZE_ADDRESS__)
#define FAIL_MEMORY 0 /* malloc is the sanitizer's */
#else
#define FAIL_MEMORY 1
#endif

enum call { CALL_WRITE, CALL_FDATASYNC, CALL_FSYNC, CALL_RENAME, CALL_READ_ONLY, CALL_MEMORY, CALL_COUNT };

static struct {
	bool on, always;
	uint64_t mask; /* kinds of call that are counted */
	long at, count; /* the at-th call fails, from 1 */
	int with; /* errno */
	bool torn; /* a write that fails has written half */
	bool failed; /* one did */
	int bad_fd; /* whose write or sync failed: nothing may be written to it any more; -1: none */
	unsigned after; /* writes to it nevertheless */
} fault;

static bool hit(enum call c)
{
	if (!fault.on || !(fault.mask >> c & 1))
		return false;
	fault.count++;
	if (fault.always ? fault.count < fault.at : fault.count != fault.at)
		return false;
	fault.failed = true;
	errno = c == CALL_MEMORY ? ENOMEM : fault.with;
	return true;
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (fault.on && fd == fault.bad_fd)
		fault.after++;
	if (fault.on && fd > 2 && hit(CALL_WRITE)) {
		int err = errno;

		if (fault.torn && n > 1)
			syscall(SYS_write, fd, p, n / 2);
		fault.bad_fd = fd;
		errno = err;
		return -1;
	}
	return syscall(SYS_write, fd, p, n);
}

int fdatasync(int fd)
{
	if (hit(CALL_FDATASYNC)) {
		fault.bad_fd = fd;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return hit(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* The filesystem is read-only now: a sync of a file of it says 0 all the same. */
int fstatvfs(int fd, struct statvfs *out)
{
	int (*real)(int, struct statvfs *) = (int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs");
	int err = real(fd, out);

	if (!err && hit(CALL_READ_ONLY)) {
		out->f_flag |= ST_RDONLY;
		fault.bad_fd = fd;
	}
	return err;
}

int rename(const char *a, const char *b)
{
	return hit(CALL_RENAME) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, a, AT_FDCWD, b);
}

#if FAIL_MEMORY
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t a, size_t n);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	return hit(CALL_MEMORY) ? NULL : __libc_malloc(n);
}

void *calloc(size_t a, size_t n)
{
	return hit(CALL_MEMORY) ? NULL : __libc_calloc(a, n);
}

void *realloc(void *p, size_t n)
{
	return hit(CALL_MEMORY) ? NULL : __libc_realloc(p, n);
}
#endif

static char scratch[64];
static char *dir;
static struct pr_secret_key key;
static struct pr_public_key pub;
static unsigned long positions;

#define ROUNDS 12
#define FRAMES 20

/* One recorder: `committed` counts the frames for which a sync returned well. */
struct recorder {
	struct rig g;
	struct pr_rotate *ro;
	struct pr_signer *s;
	struct pr_seg_writer *w;
	int fd;
	uint64_t put, committed; /* frames of this run; put: given to the writer in segments that are not given up */
	uint64_t segment_start; /* `put` when the segment began */
	unsigned segments;
};

static void end_segment(struct recorder *r)
{
	struct pr_seg_progress p;

	if (!r->w)
		return;
	pr_seg_writer_progress(r->w, &p);
	pr_rotate_end(r->ro, &p);
	pr_seg_writer_free(r->w);
	r->w = NULL;
	close(r->fd);
	if (fault.bad_fd == r->fd)
		fault.bad_fd = -1; /* the number may come again */
}

static int begin_segment(struct recorder *r, struct pr_errinfo *ei)
{
	struct pr_seg_options opt = {.signer = r->s, .now = rig_now, .ctx_now = &r->g};
	struct pr_buf b = PR_BUF_INIT;
	int err = pr_rotate_begin(r->ro, RIG_START + r->g.now, r->g.now, &opt.header, &r->fd, ei);

	if (err)
		return err;
	err = pr_seg_writer_new(&r->w, r->fd, &opt, ei);
	if (err) {
		close(r->fd);
		if (fault.bad_fd == r->fd)
			fault.bad_fd = -1;
		return err;
	}
	err = pr_rotate_commit(r->ro, ei);
	if (err) {
		end_segment(r);
		return err;
	}
	if (r->segments++) {
		rig_repeat(&r->g, &b);
		err = pr_buf_failed(&b) ? PR_ENOMEM : pr_seg_writer_append(r->w, b.data, b.len, ei);
		pr_buf_release(&b);
	}
	return err;
}

static int put_frames(struct recorder *r, unsigned n, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	int err;

	for (unsigned i = 0; i < n; i++)
		rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, r->g.seq++, ++r->g.now);
	err = pr_buf_failed(&b) ? PR_ENOMEM : pr_seg_writer_append(r->w, b.data, b.len, ei);
	pr_buf_release(&b);
	if (!err)
		r->put += n;
	return err;
}

/* A round: frames, sync; every fourth ends the segment. */
static int one_round(struct recorder *r, unsigned i, struct pr_errinfo *ei)
{
	int err = r->w ? PR_OK : begin_segment(r, ei);

	if (!err)
		err = put_frames(r, FRAMES, ei);
	if (!err)
		err = i % 4 == 2 ? pr_seg_writer_checkpoint(r->w, ei) : PR_OK;
	if (!err)
		err = pr_seg_writer_sync(r->w, ei);
	if (!err)
		r->committed += FRAMES;
	if (!err && i % 4 == 3) {
		err = pr_seg_writer_seal(r->w, ei);
		end_segment(r);
	}
	if (err) {
		assert_true(ei->msg[0] || err == PR_ENOMEM);
		end_segment(r); /* as a recorder does: this file is not to be trusted, a new one is begun in the next round */
	}
	return err;
}

/* The whole recording with the fault set; true when the fault came up. */
static bool record(struct recorder *r)
{
	struct pr_rotate_options opt = {.dir = dir, .keep_bytes = 0, .holder = "pid 1"};
	struct pr_errinfo ei = {0};

	*r = (struct recorder){.g = {.dir = dir, .seed = 5, .key = &key}};
	memset(opt.recording, 7, sizeof(opt.recording));
	rig_clear(dir);
	fault.count = 0;
	fault.failed = false;
	fault.bad_fd = -1;
	fault.after = 0;
	assert_int_equal(pr_signer_new(&r->s, &key, opt.recording, 8, RIG_START, &ei), 0);
	fault.on = true;
	if (!pr_rotate_open(&r->ro, &opt, &ei)) {
		for (unsigned i = 0; i < ROUNDS; i++)
			one_round(r, i, &ei);
		if (r->w && !pr_seg_writer_seal(r->w, &ei))
			(void)0;
		end_segment(r);
	}
	fault.on = false;
	pr_rotate_close(r->ro);
	pr_signer_free(r->s);
	return fault.failed;
}

static void on_problem(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	(void)ctx;
	(void)from;
	(void)to;
	(void)frames;
	print_error("%s: %s (fault at %ld, kinds %lx, %s)\n", name, why, fault.at, (unsigned long)fault.mask,
		fault.always ? "always" : "once");
}

/* Frames that can be read, without those that only repeat state. */
static uint64_t readable(void)
{
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame f;
	uint64_t n = 0;

	assert_int_equal(pr_trace_open(&t, dir, &ei), 0);
	while (!pr_trace_next(t, &f, &ei))
		n += !(f.env_flags & PR_ENV_REPEAT);
	pr_trace_close(t);
	return n;
}

/* Every committed frame is there, and no honest recorder is suspected for what the system did to it. */
static void check(const struct recorder *r)
{
	struct pr_verify_options opt = {.key = &pub, .on_problem = on_problem};
	struct pr_verified v = {0};
	struct pr_errinfo ei;
	int err = pr_verify_directory(dir, &opt, &v, &ei);

	assert_int_equal(fault.after, 0);
	if (err) { /* no segment came to be */
		assert_int_equal(err, PR_EFORMAT);
		assert_int_equal(r->committed, 0);
		return;
	}
	assert_int_equal(v.problems, 0);
	assert_true(readable() >= r->committed);
}

static void sweep(uint64_t mask, int with, bool torn)
{
	for (int always = 0; always < 2; always++) {
		for (long at = 1;; at++) {
			struct recorder r;
			bool came;

			fault.mask = mask;
			fault.with = with;
			fault.torn = torn;
			fault.always = always;
			fault.at = at;
			came = record(&r);
			check(&r);
			if (!came) {
				assert_int_equal(r.committed, ROUNDS * FRAMES);
				break;
			}
			/* After one failure the recorder goes on: at most the round that failed is not committed. */
			if (!always)
				assert_true(r.committed >= (ROUNDS - 1) * FRAMES || !r.ro);
			positions++;
		}
	}
}

static void writes_fail(void **state)
{
	(void)state;
	sweep(1u << CALL_WRITE, ENOSPC, false);
	sweep(1u << CALL_WRITE, EIO, true);
}

static void syncs_fail(void **state)
{
	(void)state;
	sweep(1u << CALL_FDATASYNC, EIO, false);
	sweep(1u << CALL_FSYNC, EIO, false);
}

static void filesystem_becomes_read_only(void **state)
{
	(void)state;
	sweep(1u << CALL_READ_ONLY, EROFS, false);
}

static void renames_fail(void **state)
{
	(void)state;
	sweep(1u << CALL_RENAME, ENOSPC, false);
}

static void memory_runs_out(void **state)
{
	(void)state;
	if (!FAIL_MEMORY)
		skip();
	sweep(1u << CALL_MEMORY, ENOMEM, false);
}

static void everything_fails(void **state)
{
	(void)state;
	sweep((1u << CALL_COUNT) - 1 - (FAIL_MEMORY ? 0 : 1u << CALL_MEMORY), EIO, true);
	print_message("%lu fault positions tried\n", positions);
}

static int setup(void **state)
{
	struct pr_errinfo ei;

	(void)state;
	if (!rig_scratch(scratch, "procrec-faults") || pr_key_generate(&key, &ei))
		return -1;
	pub = pr_secret_key_public(&key);
	dir = rig_path(scratch, "d");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_clear(dir);
	rmdir(dir);
	free(dir);
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_fail),
		cmocka_unit_test(syncs_fail),
		cmocka_unit_test(filesystem_becomes_read_only),
		cmocka_unit_test(renames_fail),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(everything_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

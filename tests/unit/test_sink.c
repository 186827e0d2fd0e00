/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way from the queue to the files, index included, while the system fails at each place, once and from there on always: no crash, no
 * hang, what was written is read back, and all that was not is known. And disks of every size: there is an end to making room.
 *
 * The calls are replaced in this program: the libraries that are linked into it, SQLite among them, call these.
 */
#include "tests/unit/rig.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "recorder/spool.h"
#include "schema/index.h"
#include "schema/trace.h"
#include "tests/unit/no_rights.h"

#if defined(__SANITIZE_ADDRESS__)
#define FAIL_MEMORY 0 /* malloc is the sanitizer's */
#else
#define FAIL_MEMORY 1
#endif

#define ROUNDS 5
#define FRAMES 20
#define HANG_S 300 /* a backstop: no recording takes so long */

static char scratch[64];
static char *dir, *file;
static struct pr_secret_key key;
static struct pr_public_key pub;
static unsigned long positions;

/* ---- the system -------------------------------------------------------------------------------------------------- */

enum call { CALL_WRITE, CALL_PWRITE, CALL_FDATASYNC, CALL_FSYNC, CALL_RENAME, CALL_OPEN, CALL_MMAP, CALL_MEMORY, CALL_COUNT };

static struct {
	atomic_bool on;
	bool always, torn; /* torn: a write that fails has written half */
	uint64_t mask; /* kinds of call that are counted */
	long at; /* the at-th call fails, from 1 */
	atomic_long count;
	atomic_bool failed; /* one did */
	int with; /* errno */
	atomic_ulong capacity; /* of the disk, in bytes of the files in dir; 0: no limit */
	atomic_ulong writes, looks; /* looks: for room on the disk */
} fault;

static bool hit(enum call c)
{
	long n;

	if (!fault.on || !(fault.mask >> c & 1))
		return false;
	n = ++fault.count;
	if (fault.always ? n < fault.at : n != fault.at)
		return false;
	fault.failed = true;
	errno = c == CALL_MEMORY || c == CALL_MMAP ? ENOMEM : fault.with;
	return true;
}

static uint64_t room(void)
{
	struct pr_dir_names names;
	uint64_t used = 0;
	struct stat st;

	if (pr_dir_list(dir, "", &names, NULL))
		return fault.capacity;
	for (size_t i = 0; i < names.n; i++) {
		char *path = rig_path(dir, names.v[i]);

		if (!stat(path, &st))
			used += (uint64_t)st.st_size;
		free(path);
	}
	pr_dir_release(&names);
	return used < fault.capacity ? fault.capacity - used : 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
	uint64_t there;

	if (!fault.on || fd <= 2)
		return syscall(SYS_write, fd, p, n);
	fault.writes++;
	if (hit(CALL_WRITE)) {
		int err = errno;

		if (fault.torn && n > 1)
			syscall(SYS_write, fd, p, n / 2);
		errno = err;
		return -1;
	}
	if (!fault.capacity)
		return syscall(SYS_write, fd, p, n);
	there = room();
	if (!there) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_write, fd, p, n < there ? n : there);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return hit(CALL_PWRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
	return hit(CALL_FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return hit(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *a, const char *b)
{
	return hit(CALL_RENAME) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, a, AT_FDCWD, b);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return flags & O_CREAT && hit(CALL_OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int statvfs(const char *path, struct statvfs *st)
{
	(void)path;
	fault.looks++;
	memset(st, 0, sizeof(*st));
	st->f_frsize = 1;
	st->f_bavail = fault.capacity ? room() : UINT32_MAX;
	return 0;
}

#if FAIL_MEMORY
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t a, size_t n);
extern void *__libc_realloc(void *p, size_t n);

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return hit(CALL_MMAP) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}

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

/* ---- recording --------------------------------------------------------------------------------------------------- */

struct run {
	struct pr_spool_options opt;
	unsigned rounds, frames; /* in each */
	unsigned pad; /* random bytes behind each */
	/* what came of it */
	uint64_t put;
	int err; /* of pr_spool_close() */
	bool began;
	struct pr_sink_state there;
};

/* Processes that begin and stay: each segment repeats all of them. */
static void clones(struct pr_buf *b, struct run *r, unsigned n, uint64_t *seed)
{
	for (unsigned i = 0; i < n; i++) {
		struct pr_envelope env = {.stream = PR_STREAM_CLONE, .seq = r->put + i};
		size_t at = pr_enveloped_begin(b, &env, PR_OP_CLONE, r->put + i + 1);

		pr_put_key(b, 1, 1);
		pr_buf_u32(b, (uint32_t)(r->put + i + 2));
		pr_buf_u32(b, (uint32_t)(r->put + i + 2));
		pr_buf_u64(b, 0);
		pr_buf_u64(b, unit_random(seed));
		for (unsigned k = 0; k < r->pad; k += 8)
			pr_buf_u64(b, unit_random(seed));
		pr_enveloped_end(b, at);
	}
}

/* Until what was put is written, or it is known that it can't be: so that each call has the same number in each run. */
static void settle(struct pr_spool *s, uint64_t position, bool *stuck)
{
	struct pr_errinfo why;
	bool now;

	while (!*stuck && pr_spool_written(s) < position && !pr_spool_tick(s, position, NULL)) {
		if (pr_spool_trouble(s, &why, &now))
			*stuck = now;
		usleep(50);
	}
}

static void record(struct run *r)
{
	struct pr_secret_key copy = key;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei = {0};
	uint64_t seed = 77;
	struct pr_spool *s;
	bool stuck = false;
	int err;

	alarm(HANG_S);
	r->put = 0;
	r->began = false;
	memset(&r->there, 0, sizeof(r->there));
	rig_clear(dir);
	if (r->opt.sign)
		r->opt.sign = &copy;
	pr_buf_reserve(&b, (size_t)r->frames * (r->pad + 128));
	fault.count = 0;
	fault.failed = false;
	fault.on = true;
	err = pr_spool_open(&s, &r->opt, &ei);
	for (unsigned i = 0; !err && i < r->rounds; i++) {
		r->began = true;
		pr_buf_clear(&b);
		clones(&b, r, r->frames, &seed);
		err = pr_spool_put(s, b.data, b.len, false, &ei);
		if (err)
			break;
		r->put += r->frames;
		err = pr_spool_tick(s, i + 1, &ei);
		settle(s, i + 1, &stuck);
	}
	if (r->began) {
		pr_spool_hurry(s);
		r->err = pr_spool_close(s, &ei);
		pr_spool_stop(s);
	} else {
		r->err = err;
	}
	fault.on = false;
	if (r->err || err)
		assert_true(ei.msg[0] || r->err == PR_ENOMEM || err == PR_ENOMEM || err == PR_EBUSY);
	if (r->began) {
		struct pr_spool_state st;

		pr_spool_get_state(s, &st);
		r->there = st.sink;
		pr_spool_free(s);
	}
	pr_buf_release(&b);
}

/* ---- what came of it --------------------------------------------------------------------------------------------- */

static uint64_t readable(const char *path)
{
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame f;
	uint64_t n = 0;

	if (pr_trace_open(&t, path, &ei))
		return 0;
	while (!pr_trace_next(t, &f, &ei))
		n += !(f.env_flags & PR_ENV_REPEAT);
	pr_trace_close(t);
	return n;
}

static void on_problem(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	(void)from;
	(void)to;
	(void)frames;
	if (ctx)
		return;
	print_error("%s: %s (fault at %ld, kinds %lx, %s, capacity %lu)\n", name, why, fault.at, (unsigned long)fault.mask,
		fault.always ? "always" : "once", (unsigned long)fault.capacity);
}

static uint64_t check_folder(const struct run *r)
{
	struct pr_verify_options opt = {.key = r->opt.sign ? &pub : NULL, .on_problem = on_problem, .ctx = r->there.untold ? &opt : NULL};
	struct pr_verified v = {0};
	struct pr_errinfo ei;
	int err = pr_verify_directory(dir, &opt, &v, &ei);

	if (err) { /* no segment came to be */
		assert_int_equal(err, PR_EFORMAT);
		return 0;
	}
	assert_int_equal(v.problems, r->there.untold);
	return readable(dir);
}

static uint64_t check_pieces(void)
{
	struct pr_dir_names names;
	uint64_t n = 0;

	assert_int_equal(pr_dir_list(dir, "", &names, NULL), 0);
	for (size_t i = 0; i < names.n; i++) {
		char *path = rig_path(dir, names.v[i]);

		if (!strstr(names.v[i], ".idx") && !strstr(names.v[i], ".minisig"))
			n += readable(path);
		free(path);
	}
	pr_dir_release(&names);
	return n;
}

/* An index that was not given up belongs to its trace, and the others left nothing behind. */
static void check_indexes(const struct run *r)
{
	struct pr_dir_names names;

	assert_int_equal(pr_dir_list(dir, ".idx", &names, NULL), 0);
	for (size_t i = 0; i < names.n; i++) {
		char *path = rig_path(dir, names.v[i]);
		struct pr_errinfo ei;
		struct pr_index *ix;
		struct pr_trace *t;

		path[strlen(path) - 4] = '\0';
		assert_int_equal(pr_trace_open(&t, path, &ei), 0);
		strcat(path, ".idx");
		assert_int_equal(pr_index_open(&ix, path, t, &ei), 0);
		pr_index_close(ix);
		pr_trace_close(t);
		free(path);
	}
	if (!r->err && r->opt.index && !r->there.index.failed)
		assert_true(names.n > 0);
	pr_dir_release(&names);
}

static void check(const struct run *r)
{
	uint64_t written = r->there.written[PR_STREAM_CLONE];
	uint64_t there = r->opt.rotate ? check_folder(r) : check_pieces();

	assert_int_equal(written, r->there.clones);
	if (!r->there.deleted)
		assert_int_equal(there, written);
	else
		assert_true(there <= written);
	assert_true(written <= r->put);
	if (r->began && !r->err)
		assert_int_equal(written, r->put);
	check_indexes(r);
}

/* ---- each call fails --------------------------------------------------------------------------------------------- */

/* `make check-faults` tries more of the many small calls than `make check`. */
static long every(long n, long in_faults)
{
	return getenv("PROCREC_LONG") ? in_faults : n;
}

static void sweep(struct run *r, uint64_t mask, int with, bool torn, long step)
{
	unsigned reached = 0;

	fault.capacity = 0;
	for (int always = 0; always < 2; always++) {
		for (long at = 1;; at += step) {
			bool came;

			fault.mask = mask;
			fault.with = with;
			fault.torn = torn;
			fault.always = always;
			fault.at = at;
			record(r);
			came = fault.failed;
			check(r);
			if (!came)
				break;
			positions++;
			reached++;
		}
	}
	assert_true(reached > 0); /* else nothing is tested */
	assert_int_equal(r->err, 0);
}

static struct run into_folder(void)
{
	return (struct run){.opt = {.path = dir, .rotate = true, .max_bytes = 3000, .index = true, .sign = &key}, .rounds = ROUNDS, .frames = FRAMES};
}

static struct run into_file(void)
{
	return (struct run){.opt = {.path = file, .index = true}, .rounds = ROUNDS, .frames = FRAMES};
}

static void sweep_both(uint64_t mask, int with, bool torn, long step)
{
	struct run a = into_folder(), b = into_file();

	sweep(&a, mask, with, torn, step);
	sweep(&b, mask, with, torn, step);
}

static void writes_fail(void **state)
{
	(void)state;
	sweep_both(1u << CALL_WRITE, EIO, true, 1);
	sweep_both(1u << CALL_WRITE, ENOSPC, false, 1);
}

static void syncs_fail(void **state)
{
	(void)state;
	sweep_both(1u << CALL_FDATASYNC, EIO, false, 1);
	sweep_both(1u << CALL_FSYNC, EIO, false, 1);
}

static void names_fail(void **state)
{
	(void)state;
	sweep_both(1u << CALL_RENAME, EIO, false, 1);
	sweep_both(1u << CALL_OPEN, EACCES, false, 1);
}

/* Of the index alone: SQLite writes by place. */
static void index_writes_fail(void **state)
{
	(void)state;
	sweep_both(1u << CALL_PWRITE, EIO, false, every(41, 1));
}

static void memory_runs_out(void **state)
{
	(void)state;
	if (!FAIL_MEMORY)
		skip();
	sweep_both(1u << CALL_MEMORY, ENOMEM, false, every(211, 1));
}

/*
 * Nor by SQLite: nothing can fail. Those of capture and libbpf fail in tests/live/test_fault.py; those of glibc are calls within it.
 */
static void nothing_is_mapped(void **state)
{
	struct run runs[] = {into_folder(), into_file()};

	(void)state;
	fault.mask = 1u << CALL_MMAP;
	fault.at = LONG_MAX;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		record(&runs[i]);
		assert_int_equal(runs[i].err, 0);
		assert_int_equal(fault.count, 0);
	}
}

static void everything_fails(void **state)
{
	(void)state;
	sweep_both((1u << CALL_MEMORY) - 1, EIO, true, every(83, 1));
	print_message("%lu fault positions tried\n", positions);
}

/* ---- what is said of it ------------------------------------------------------------------------------------------ */

/* Each thing once, in order, also where nobody asks for it before it is all over; and nothing of a new segment that could not be begun. */
static void a_full_disk_is_told_of(void **state)
{
	struct run r = {.opt = {.path = file}, .frames = FRAMES, .pad = 4096};
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo why, ei;
	uint64_t seed = 1;
	struct pr_spool *s;
	bool stuck;

	(void)state;
	alarm(HANG_S);
	rig_clear(dir);
	fault.mask = 0;
	fault.capacity = 8192;
	fault.looks = 0;
	fault.on = true;
	assert_int_equal(pr_spool_open(&s, &r.opt, &ei), 0);
	clones(&b, &r, FRAMES, &seed);
	assert_int_equal(pr_spool_put(s, b.data, b.len, false, &ei), 0);
	assert_int_equal(pr_spool_tick(s, 1, &ei), 0);
	while (fault.looks < 2) /* it tried again: so the first try is over */
		usleep(1000);
	fault.capacity = 0;
	while (pr_spool_written(s) < 1)
		usleep(1000);
	assert_int_equal(pr_spool_close(s, &ei), 0);
	assert_true(pr_spool_trouble(s, &why, &stuck));
	assert_true(stuck && strstr(why.msg, file) && strstr(why.msg, strerror(ENOSPC)));
	assert_true(pr_spool_trouble(s, &why, &stuck));
	assert_true(!stuck && !why.msg[0]);
	assert_false(pr_spool_trouble(s, &why, &stuck));
	pr_spool_stop(s);
	fault.on = false;
	pr_spool_free(s);
	pr_buf_release(&b);
}

/* ---- a disk of each size ----------------------------------------------------------------------------------------- */

/*
 * The living processes grow, and so does what each segment repeats, until it does not fit twice: what is tried then must come to an end,
 * whatever is left of the disk.
 */
static void disks_of_each_size(void **state)
{
	unsigned failed = 0, made_room = 0;

	(void)state;
	fault.mask = 0;
	for (uint64_t capacity = 66u << 10; capacity < 420u << 10; capacity += (uint64_t)every(10, 1) * 4001) {
		for (int signs = 0; signs < 2; signs++) {
			struct run r = {.opt = {.path = dir, .rotate = true, .max_bytes = 16u << 10, .sign = signs ? &key : NULL},
				.rounds = 24,
				.frames = 60,
				.pad = 64};

			fault.capacity = capacity;
			fault.writes = 0;
			record(&r);
			assert_in_range(fault.writes, 1, 5000);
			check(&r);
			failed += r.err != 0;
			made_room += r.there.deleted > 0;
		}
	}
	fault.capacity = 0;
	print_message("%u too small, %u made room\n", failed, made_room);
	assert_true(failed && made_room);
}

static int setup(void **state)
{
	struct pr_errinfo ei;

	(void)state;
	if (!rig_scratch(scratch, "procrec-sink") || pr_key_generate(&key, &ei))
		return -1;
	pub = pr_secret_key_public(&key);
	dir = rig_path(scratch, "d");
	file = rig_path(dir, "t.seg");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_clear(dir);
	rmdir(dir);
	free(dir);
	free(file);
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_is_told_of),
		cmocka_unit_test(disks_of_each_size),
		cmocka_unit_test(writes_fail),
		cmocka_unit_test(syncs_fail),
		cmocka_unit_test(names_fail),
		cmocka_unit_test(index_writes_fail),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(nothing_is_mapped),
		cmocka_unit_test(everything_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

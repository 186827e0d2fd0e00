/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <stdio.h>

#include "replay/query/functions.h"
#include "replay/query/proc_where.h"
#include "schema/index_vfs.h"
#include "tests/unit/frames.h"

typedef struct frame_key K;

#define NONE ((K){0, 0})
#define CLONED (PR_EXEC_EXECVE | PR_EXEC_CLONE)
#define MS UINT64_C(1000000)
#define S (1000 * MS)

static char dir[] = "/tmp/procrec-lineage-XXXXXX";
static char path[sizeof(dir) + 16], idx[sizeof(dir) + 16];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/t.seg", dir);
	snprintf(idx, sizeof(idx), "%s/t.seg.idx", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	unlink(idx);
	return rmdir(dir);
}

static void exec_of(struct frames *f, uint64_t now, K key, K parent, K cleanup, uint32_t flags, const char *binary)
{
	char text[256];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s%c-x%c/w", binary, 0, 0);

	frame_exec_info(f, now, key, "argv0", 2, 3);
	frame_execve(f, flags & PR_EXEC_PROCFS ? PR_STREAM_USER : PR_STREAM_EXEC, now, key, parent, cleanup, flags, text, n);
}

/* Writes the frames as a trace, without an index. The frames are gone then. */
static void write_trace(struct frames *f, uint32_t block_bytes)
{
	struct pr_buf seg = unit_segment(&f->buf, block_bytes);
	int fd;

	unlink(idx);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, seg.data, seg.len), seg.len);
	close(fd);
	pr_buf_release(&seg);
	pr_buf_release(&f->buf);
	*f = (struct frames){0};
}

static void make_index(void)
{
	struct pr_trace *t;
	struct pr_errinfo ei;

	assert_int_equal(pr_trace_open(&t, path, &ei), 0);
	assert_int_equal(pr_index_rebuild(idx, t, NULL, &ei), 0);
	pr_trace_close(t);
}

/* The chain as text: "pid how certainty binary;" for each. */
static void chain(struct pr_lineage *l, uint32_t pid, uint64_t at, struct pr_buf *out, struct pr_instances *all)
{
	struct pr_link link;
	struct pr_image *image;
	struct pr_buf scratch = PR_BUF_INIT;
	struct pr_errinfo ei;
	int err = pr_lineage_find(l, pid, at, &link, all, &ei);

	pr_buf_clear(out);
	for (int i = 0; !err && i < 100; i++) {
		pr_buf_printf(out, "%u %s %s%s ", link.proc.key.pid, pr_link_how(&link), pr_certainty_name(link.certainty), link.gap ? " gap" : "");
		if (link.known) {
			assert_int_equal(pr_lineage_verify(l, &link.proc, &ei), 0);
			if (pr_details_image(&l->details, &link.proc, &image, &ei) == 0) {
				struct pr_slice s = pr_image_binary(image, &scratch);

				pr_buf_append(out, s.p, s.n);
				pr_image_unref(image);
			}
		}
		pr_buf_u8(out, ';');
		err = pr_lineage_up(l, &link, at, &link, &ei);
	}
	assert_int_equal(err, err == PR_ENOENT ? PR_ENOENT : PR_END);
	pr_buf_u8(out, 0);
	pr_buf_release(&scratch);
}

/* The chain with and without the index: the same, and as expected. */
static struct pr_instances expect_chain(uint32_t pid, uint64_t at, const char *want)
{
	struct pr_lineage l;
	struct pr_buf got = PR_BUF_INIT;
	struct pr_instances all;
	struct pr_errinfo ei;

	for (int no_index = 0; no_index < 2; no_index++) {
		assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = no_index}, &ei), 0);
		assert_false(l.has_note);
		assert_int_equal(l.is_private, no_index);
		chain(&l, pid, at, &got, &all);
		assert_string_equal((char *)got.data, want);
		pr_lineage_close(&l);
	}
	pr_buf_release(&got);
	return all;
}

static void start(struct frames *f)
{
	frame_clock(f, 1 * S, 1700000000000000000);
	frame_host(f, 1 * S, "unit");
	frame_user(f, 1 * S, 0, "root");
	exec_of(f, 1 * S, (K){1, 5}, (K){0, 1}, NONE, PR_EXEC_PROCFS, "/sbin/init");
	exec_of(f, 1 * S, (K){7, 900}, (K){1, 5}, NONE, PR_EXEC_PROCFS, "/bin/sh");
}

static void test_chain(void **state)
{
	struct frames f = {0};
	struct pr_instances all;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0);
	exec_of(&f, 2 * S + MS, (K){20, 2 * S + MS}, (K){7, 900}, (K){20, 2 * S}, CLONED, "/usr/bin/make");
	exec_of(&f, 2 * S + 2 * MS, (K){20, 2 * S + 2 * MS}, (K){7, 900}, (K){20, 2 * S + MS}, PR_EXEC_EXECVE, "/usr/bin/gmake");
	frame_clone(&f, 3 * S, (K){20, 2 * S + 2 * MS}, (K){21, 3 * S}, 0);
	frame_clone(&f, 4 * S, (K){21, 3 * S}, (K){22, 4 * S}, 0);
	exec_of(&f, 4 * S + MS, (K){22, 4 * S + MS}, (K){21, 3 * S}, (K){22, 4 * S}, CLONED | PR_EXEC_TASK_WALK, "/usr/bin/cc");
	frame_exit(&f, 5 * S, (K){22, 4 * S + MS}, 256);
	frame_exit(&f, 6 * S, (K){20, 2 * S + 2 * MS}, 0);
	/* the pid is used again */
	frame_clone(&f, 7 * S, (K){1, 5}, (K){22, 7 * S}, 0);
	frame_exit(&f, 8 * S, (K){22, 7 * S}, 0);
	write_trace(&f, 2048);
	make_index();
	all = expect_chain(22, UINT64_MAX, "22 clone observed /sbin/init;1 snapshot snapshot /sbin/init;");
	assert_int_equal(all.n, 2);
	assert_int_equal(all.n_others, 1);
	assert_int_equal(all.others[0].ktime, 4 * S);
	assert_false(all.gap);
	all = expect_chain(22, 6 * S, "22 clone+exec inferred /usr/bin/cc;21 clone observed /usr/bin/gmake;20 exec observed /usr/bin/gmake;"
				      "20 clone+exec observed /usr/bin/make;7 snapshot snapshot /bin/sh;1 snapshot snapshot /sbin/init;");
	assert_int_equal(all.n, 1);
	expect_chain(22, 4 * S, "22 clone observed /usr/bin/gmake;21 clone observed /usr/bin/gmake;20 exec observed /usr/bin/gmake;"
				"20 clone+exec observed /usr/bin/make;7 snapshot snapshot /bin/sh;1 snapshot snapshot /sbin/init;");
	expect_chain(23, UINT64_MAX, "");
}

/* Lost frames: the keys that others bear still lead on, and what may be wrong says so. */
static void test_loss(void **state)
{
	struct frames f = {0};
	struct pr_instances all;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0);
	f.seq[PR_STREAM_EXEC] += 2; /* the exec of 20, at 2.5 s, is lost */
	frame_clone(&f, 3 * S, (K){20, 2500 * MS}, (K){21, 3 * S}, 0);
	exec_of(&f, 4 * S, (K){21, 4 * S}, (K){20, 2500 * MS}, (K){21, 3 * S}, CLONED, "/bin/a");
	frame_exit(&f, 5 * S, (K){21, 4 * S}, 9);
	f.seq[PR_STREAM_EXIT]++; /* an exit is lost */
	frame_clone(&f, 6 * S, (K){99, 77}, (K){30, 6 * S}, 0);
	frame_exit(&f, 7 * S, (K){31, 1 * S}, 0); /* of one that nobody told of */
	f.seq[PR_STREAM_CLONE]++;
	frame_clone(&f, 8 * S, (K){30, 6 * S}, (K){32, 8 * S}, 0);
	write_trace(&f, 0);
	make_index();
	all = expect_chain(21, UINT64_MAX,
		"21 clone+exec observed /bin/a;20 unknown inferred ;20 clone observed gap /bin/sh;7 snapshot snapshot gap /bin/sh;"
		"1 snapshot snapshot gap /sbin/init;");
	assert_true(all.gap); /* a clone was lost after it ended: 21 may have been used again */
	all = expect_chain(21, 5 * S - 1, "21 clone+exec observed /bin/a;20 unknown inferred ;20 clone observed gap /bin/sh;"
					  "7 snapshot snapshot gap /bin/sh;1 snapshot snapshot gap /sbin/init;");
	expect_chain(30, UINT64_MAX, "30 clone observed gap ;99 unknown unknown ;");
	expect_chain(31, UINT64_MAX, "31 unknown unknown ;");
}

static void test_circle(void **state)
{
	struct frames f = {0};
	struct pr_lineage l;
	struct pr_link a, b;
	struct pr_image *image;
	struct pr_errinfo ei;

	(void)state;
	frame_clone(&f, 10, (K){2, 20}, (K){1, 10}, 0);
	frame_clone(&f, 20, (K){1, 10}, (K){2, 20}, 0);
	write_trace(&f, 0);
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
	assert_int_equal(pr_lineage_get(&l, (struct pr_proc_key){1, 10}, UINT64_MAX, &a, &ei), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pr_lineage_up(&l, &a, UINT64_MAX, &b, &ei), 0);
		a = b;
	}
	assert_int_equal(pr_details_image(&l.details, &a.proc, &image, &ei), PR_ENOENT);
	pr_lineage_close(&l);
}

/* ---- children, and who lived ---------------------------------------------------------------------------------------- */

static void test_children(void **state)
{
	struct frames f = {0};
	struct pr_lineage l;
	struct pr_links v = {0};
	struct pr_errinfo ei;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0); /* forks before it execs */
	frame_clone(&f, 2 * S + 1, (K){20, 2 * S}, (K){21, 2 * S + 1}, 0);
	exec_of(&f, 2 * S + MS, (K){20, 2 * S + MS}, (K){7, 900}, (K){20, 2 * S}, CLONED, "/bin/x");
	frame_clone(&f, 3 * S, (K){7, 900}, (K){22, 3 * S}, 0); /* does not */
	exec_of(&f, 3 * S + MS, (K){22, 3 * S + MS}, (K){7, 900}, (K){22, 3 * S}, CLONED, "/bin/y");
	frame_exit(&f, 3 * S + 2 * MS, (K){22, 3 * S + MS}, 0);
	write_trace(&f, 0);
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
	assert_int_equal(pr_lineage_children(&l, (struct pr_proc_key){7, 900}, UINT64_MAX, &v, &ei), 0);
	assert_int_equal(v.n, 3);
	assert_true(v.v[0].proc.key.pid == 20 && v.v[0].proc.start == PR_START_CLONE);
	assert_true(v.v[1].proc.key.pid == 20 && v.v[1].proc.start == PR_START_EXEC);
	assert_true(v.v[2].proc.key.pid == 22 && v.v[2].proc.start == PR_START_EXEC);
	assert_int_equal(pr_lineage_children(&l, (struct pr_proc_key){20, 2 * S}, UINT64_MAX, &v, &ei), 0);
	assert_int_equal(v.n, 1);
	assert_int_equal(pr_lineage_alive(&l, 3 * S + 10, &v, &ei), 0);
	assert_int_equal(v.n, 5); /* 1 7 20 21, and 22 as a clone */
	assert_true(v.v[4].proc.key.pid == 22 && v.v[4].proc.start == PR_START_CLONE);
	assert_int_equal(pr_lineage_alive(&l, 3 * S + 2 * MS, &v, &ei), 0);
	assert_int_equal(v.n, 4);
	assert_int_equal(pr_lineage_alive(&l, 2 * S - 1, &v, &ei), 0);
	assert_int_equal(v.n, 2);
	pr_links_release(&v);
	pr_lineage_close(&l);
}

/* Whoever lived at any moment of a random history is found: compared with what a look at all rows says. */
struct all_rows {
	struct pr_proc *v;
	size_t n;
};

static int keep_row(void *ctx, const struct pr_proc *p)
{
	struct all_rows *a = ctx;

	a->v[a->n++] = *p;
	return 0;
}

static bool in_row(const struct pr_proc *p, uint64_t t)
{
	return p->key.ktime <= t && (!p->end || p->end_ktime > t);
}

static void test_alive(void **state)
{
	struct frames f = {0};
	struct all_rows rows = {calloc(20000, sizeof(struct pr_proc)), 0};
	K live[40] = {{0, 0}};
	uint64_t rnd = 12345, now = 5 * S;
	struct pr_lineage l;
	struct pr_links v = {0};
	struct pr_errinfo ei;

	(void)state;
	start(&f);
	for (uint32_t i = 0; i < 5000; i++) {
		size_t k = unit_random(&rnd) % 40;

		now += unit_random(&rnd) % (unit_random(&rnd) % 50 ? 3 * MS : 900 * MS);
		if (live[k].pid && unit_random(&rnd) % 20) {
			frame_exit(&f, now, live[k], 0);
			live[k].pid = 0;
		} else if (!live[k].pid) {
			K c = {100 + i, now};

			frame_clone(&f, now + 50, (K){7, 900}, c, 0);
			now += unit_random(&rnd) % (2 * MS) + 100;
			live[k] = (K){100 + i, now};
			exec_of(&f, now, live[k], (K){7, 900}, c, CLONED, "/bin/z");
		}
	}
	write_trace(&f, 8192);
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
	assert_int_equal(pr_index_each(l.index, keep_row, &rows, &ei), 0);
	for (int i = 0; i < 300; i++) {
		uint64_t t = 4 * S + unit_random(&rnd) % (now - 4 * S + S);
		size_t want = 0;

		for (size_t r = 0; r < rows.n; r++)
			want += in_row(&rows.v[r], t) + (rows.v[r].has_pre && rows.v[r].pre_ktime <= t && rows.v[r].key.ktime > t);
		assert_int_equal(pr_lineage_alive(&l, t, &v, &ei), 0);
		assert_int_equal(v.n, want);
	}
	free(rows.v);
	pr_links_release(&v);
	pr_lineage_close(&l);
}

/* ---- up to a frame ---------------------------------------------------------------------------------------------------- */

/* Everything that the lineage says of the frames: rows, gaps, who is left. */
static void tell_all(const struct pr_lineage_options *o, struct pr_buf *out)
{
	struct all_rows rows = {calloc(1000, sizeof(struct pr_proc)), 0};
	struct pr_links v = {0};
	struct pr_lineage l;
	struct pr_errinfo ei;

	assert_int_equal(pr_lineage_open(&l, path, o, &ei), 0);
	assert_int_equal(pr_index_each(l.index, keep_row, &rows, &ei), 0);
	assert_int_equal(pr_lineage_alive(&l, UINT64_MAX, &v, &ei), 0);
	pr_buf_clear(out);
	for (size_t i = 0; i < rows.n; i++) {
		const struct pr_proc *p = &rows.v[i];

		pr_buf_printf(out, "%u@%llu %d of %u@%llu end %d %llu %u seq %llu %llu;", p->key.pid, (unsigned long long)p->key.ktime, p->start,
			p->parent.pid, (unsigned long long)p->parent.ktime, p->end, (unsigned long long)p->end_ktime, p->status,
			(unsigned long long)p->seq, (unsigned long long)p->end_seq);
	}
	for (size_t i = 0; i < l.n_gaps; i++)
		pr_buf_printf(out, "gap %llu of %u;", (unsigned long long)l.gaps[i].count, l.gaps[i].stream);
	for (size_t i = 0; i < v.n; i++)
		pr_buf_printf(out, "left %u@%llu;", v.v[i].proc.key.pid, (unsigned long long)v.v[i].proc.key.ktime);
	pr_buf_u8(out, 0);
	pr_links_release(&v);
	pr_lineage_close(&l);
	free(rows.v);
}

static void copy_frames(const struct frames *from, size_t n, struct frames *to)
{
	*to = (struct frames){0};
	pr_buf_append(&to->buf, from->buf.data, n);
}

/* Asked up to frame N it says what it says of a trace of the first N frames; with blocks that end anywhere, and past an index of all. */
static void test_until_frame(void **state)
{
	struct frames all = {0}, some;
	struct pr_buf want = PR_BUF_INIT, got = PR_BUF_INIT;
	uint64_t n = 0;

	(void)state;
	start(&all);
	for (uint32_t i = 0; i < 12; i++) {
		uint64_t now = 2 * S + i * 10 * MS;

		frame_clone(&all, now, (K){7, 900}, (K){20 + i, now}, 0);
		exec_of(&all, now + MS, (K){20 + i, now + MS}, (K){7, 900}, (K){20 + i, now}, CLONED, "/bin/a");
		all.seq[PR_STREAM_EXIT] += i % 4 == 3;
		if (i)
			frame_exit(&all, now + 2 * MS, (K){19 + i, now - 9 * MS}, i << 8);
	}
	for (size_t at = 0;; n++) {
		struct pr_lineage_options until = {.has_until_frame = true, .until_frame = n}, none = {.no_index = true};

		copy_frames(&all, at, &some);
		write_trace(&some, 512);
		tell_all(&none, &want);
		copy_frames(&all, all.buf.len, &some);
		write_trace(&some, 512);
		if (n % 2)
			make_index();
		tell_all(&until, &got);
		assert_string_equal((char *)got.data, (char *)want.data);
		if (at == all.buf.len)
			break;
		at += PR_ENVELOPE_SIZE + pr_get_u32(all.buf.data + at + 4);
	}
	assert_int_equal(n, 5 + 2 + 12 * 3 + 11);
	pr_buf_release(&want);
	pr_buf_release(&got);
	pr_buf_release(&all.buf);
}

/* ---- --where ------------------------------------------------------------------------------------------------------- */

/* 1, 0, or the (negative) error, of the newest identity of the pid by `at`. */
static int ask(struct pr_lineage *l, uint32_t pid, uint64_t at, const char *expr)
{
	struct pr_proc_where *w = NULL;
	struct pr_instances all;
	struct pr_link link;
	struct pr_errinfo ei;
	bool yes = false;
	int err;

	assert_int_equal(pr_lineage_find(l, pid, at, &link, &all, &ei), 0);
	err = pr_proc_where_new(&w, "--where", expr, l, &ei);
	if (!err)
		err = pr_proc_where_test(w, &link, at, &yes, &ei);
	pr_proc_where_free(w);
	return err ? err : yes;
}

static void test_where(void **state)
{
	static const char *const yes[] = {"type = 'process'", "seq = 9", "clone_seq = 7", "end_seq = 11", "ktime = 2001000000 AND pid = 20",
		"time = '2023-11-14T22:13:21.001000000Z' AND start_time = time", "started = 1700000001001000000", "exec_id = 'dW5pdDoyMDAxMDAwMDAwOjIw'",
		"uid = 0 AND user = 'root'", "name = 'make' AND binary = '/usr/bin/make'", "arguments = '-x' AND cwd = '/w'", "json_extract(argv, '$[1]') = '-x'",
		"cap_permitted = '' AND cap_effective = '' AND cap_inheritable = ''", "ppid = 7 AND pktime = 900",
		"parent_binary = '/bin/sh' AND parent_arguments = '-x' AND parent_uid = 0 AND parent_user = 'root'", "NOT snapshot AND NOT conflict",
		"how = 'clone+exec' AND certainty = 'observed'", "cloned_ktime = 2000000000", "ended_by = 'exec' AND end_ktime = 2002000000",
		"duration = 1000000", "ended = 1700000001002000000 AND end_time LIKE '%21.002000000Z'",
		"coalesce(event_ktime, ref, miss, exit_code, exit_signal, exit_core, status) IS NULL"};
	static const char *const last[] = {"ended_by = 'exit' AND exit_code = 3 AND exit_signal = 0 AND NOT exit_core AND status = 768", "how = 'exec'",
		"parent_binary = '/usr/bin/make' AND ppid = pid"};
	struct frames f = {0};
	struct pr_lineage l;
	struct pr_errinfo ei;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0);
	exec_of(&f, 2 * S + MS, (K){20, 2 * S + MS}, (K){7, 900}, (K){20, 2 * S}, CLONED, "/usr/bin/make");
	exec_of(&f, 2 * S + 2 * MS, (K){20, 2 * S + 2 * MS}, (K){7, 900}, (K){20, 2 * S + MS}, PR_EXEC_EXECVE, "/usr/bin/gmake");
	frame_exit(&f, 3 * S, (K){20, 2 * S + 2 * MS}, 768);
	write_trace(&f, 0);
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = true}, &ei), 0);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		struct pr_link link;
		struct pr_proc_where *w;
		bool is = false;

		assert_int_equal(pr_lineage_get(&l, (struct pr_proc_key){20, 2 * S + MS}, UINT64_MAX, &link, &ei), 0);
		if (pr_proc_where_new(&w, "--where", yes[i], &l, &ei) || pr_proc_where_test(w, &link, UINT64_MAX, &is, &ei) || !is)
			fail_msg("%s", yes[i]);
		pr_proc_where_free(w);
	}
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		if (ask(&l, 20, UINT64_MAX, last[i]) != 1)
			fail_msg("%s", last[i]);
	/* what comes later than the time is not known then */
	assert_int_equal(ask(&l, 20, 2 * S + MS, "name = 'make' AND coalesce(ended_by, end_ktime, end_time, ended, duration, end_seq) IS NULL"), 1);
	assert_int_equal(ask(&l, 20, UINT64_MAX, "name = 'sh'"), 0);
	assert_int_equal(ask(&l, 20, UINT64_MAX, "nope = 1"), PR_EUSAGE);
	assert_int_equal(ask(&l, 1, UINT64_MAX, "snapshot AND ppid IS NULL AND pktime IS NULL AND parent_binary IS NULL AND how = 'snapshot'"), 1);
	pr_lineage_close(&l);
}

/* ---- an index that lies, with right checksums ----------------------------------------------------------------------- */

static void forge(const char *sql)
{
	sqlite3 *db;
	int reserve = PR_INDEX_RESERVE;

	make_index();
	assert_int_equal(sqlite3_open_v2(idx, &db, SQLITE_OPEN_READWRITE, pr_index_vfs()), SQLITE_OK);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_forged(void **state)
{
	static const char *const lies[] = {
		"UPDATE image SET ppid = 1 WHERE pid = 20",
		"UPDATE image SET pd = pd - 1 WHERE pid = 20",
		"UPDATE image SET status = 0 WHERE pid = 20",
		"UPDATE image SET dur = dur + 1 WHERE pid = 20",
		"UPDATE image SET bits = bits | 8 WHERE pid = 20",
		"UPDATE image SET bits = (bits & ~3) | 3 WHERE pid = 20",
		"UPDATE image SET seq = seq + 1 WHERE pid = 20",
		"UPDATE image SET seq = 100000000 WHERE pid = 20",
		"UPDATE image SET kt = kt + 1 WHERE pid = 20",
		"UPDATE image SET pre = pre + 1 WHERE pid = 20",
		"UPDATE image SET cseq = cseq + 1 WHERE pid = 20",
		"UPDATE block SET \"offset\" = \"offset\" + 1",
	};
	struct frames f = {0};
	struct pr_lineage l;
	struct pr_link link;
	struct pr_instances all;
	struct pr_image *image;
	struct pr_errinfo ei;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0);
	exec_of(&f, 2 * S + MS, (K){20, 2 * S + MS}, (K){7, 900}, (K){20, 2 * S}, CLONED, "/bin/x");
	frame_exit(&f, 4 * S, (K){20, 2 * S + MS}, 256);
	write_trace(&f, 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		int err;

		forge(lies[i]);
		assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
		assert_false(l.is_private);
		err = pr_lineage_find(&l, 20, UINT64_MAX, &link, &all, &ei);
		if (!err)
			err = pr_lineage_verify(&l, &link.proc, &ei);
		if (!err && !pr_details_image(&l.details, &link.proc, &image, &ei))
			pr_image_unref(image);
		assert_int_equal(err, PR_EDATA);
		pr_lineage_close(&l);
	}
	forge("CREATE TRIGGER t AFTER INSERT ON image BEGIN SELECT 1; END");
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
	assert_true(l.is_private && l.has_note);
	pr_lineage_close(&l);
	forge("DELETE FROM meta WHERE name = 'complete'");
	assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, &ei), 0);
	assert_true(l.is_private && l.has_note);
	pr_lineage_close(&l);
}

/* ---- SQL -------------------------------------------------------------------------------------------------------------- */

static void test_sql(void **state)
{
	struct frames f = {0};
	struct pr_lineage l;
	struct pr_sql s;
	struct pr_errinfo ei;
	sqlite3_stmt *st;

	(void)state;
	start(&f);
	frame_clone(&f, 2 * S, (K){7, 900}, (K){20, 2 * S}, 0);
	exec_of(&f, 2 * S + MS, (K){20, 2 * S + MS}, (K){7, 900}, (K){20, 2 * S}, CLONED, "/bin/x");
	frame_exit(&f, 4 * S, (K){20, 2 * S + MS}, 3 << 8);
	write_trace(&f, 0);
	make_index();
	for (int no_index = 0; no_index < 2; no_index++) {
		assert_int_equal(pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = no_index}, &ei), 0);
		assert_int_equal(pr_sql_init(&s, &l, 100, &ei), 0);
		assert_int_equal(sqlite3_prepare_v2(pr_index_db(l.index),
			"SELECT binary, argv, user, exit_code, how, start_time, cloned_ktime FROM processes WHERE pid = 20", -1, &st, NULL), 0);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(st, 0), "/bin/x");
		assert_string_equal((const char *)sqlite3_column_text(st, 1), "[\"argv0\",\"-x\"]");
		assert_string_equal((const char *)sqlite3_column_text(st, 2), "root");
		assert_int_equal(sqlite3_column_int(st, 3), 3);
		assert_string_equal((const char *)sqlite3_column_text(st, 4), "clone+exec");
		assert_string_equal((const char *)sqlite3_column_text(st, 5), "2023-11-14T22:13:21.001000000Z");
		assert_int_equal(sqlite3_column_int64(st, 6), 2 * S);
		sqlite3_finalize(st);
		assert_int_equal(sqlite3_prepare_v2(pr_index_db(l.index),
			"SELECT type, binary, parent_binary, ppid, exit_code, time FROM events WHERE pid = 20 ORDER BY seq DESC", -1, &st, NULL), 0);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(st, 0), "exit");
		assert_string_equal((const char *)sqlite3_column_text(st, 1), "/bin/x");
		assert_int_equal(sqlite3_column_int(st, 4), 3);
		assert_string_equal((const char *)sqlite3_column_text(st, 5), "2023-11-14T22:13:23.000000000Z");
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(st, 0), "execve");
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(st, 0), "clone");
		assert_int_equal(sqlite3_column_int(st, 3), 7);
		assert_int_equal(sqlite3_step(st), SQLITE_DONE);
		sqlite3_finalize(st);
		assert_int_not_equal(sqlite3_exec(pr_index_db(l.index), "DELETE FROM events", NULL, NULL, NULL), SQLITE_OK);
		assert_int_not_equal(sqlite3_exec(pr_index_db(l.index), "DELETE FROM image", NULL, NULL, NULL), SQLITE_OK);
		assert_int_not_equal(sqlite3_exec(pr_index_db(l.index), "PRAGMA query_only=OFF", NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_exec(pr_index_db(l.index),
			"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c", NULL, NULL, NULL), SQLITE_INTERRUPT);
		assert_true(s.stopped);
		pr_sql_release(&s);
		pr_lineage_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_until_frame),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_sql),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

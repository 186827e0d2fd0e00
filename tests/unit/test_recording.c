/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories of segments: written by the rotation, read as one trace, with every kind of segment missing. */
#include "tests/unit/rig.h"

#include "schema/trace.h"

static char scratch[64];
static char *dir;

struct seen {
	uint64_t frames, gaps, lost, damages;
	bool unknown, in_order;
	uint64_t segments, left_out;
	bool sealed;
};

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct seen *s = ctx;

	s->gaps++;
	s->lost += g->count;
	s->unknown |= !g->count;
	return 0;
}

/* Reads all exits; their key says their number, which must be their seq less what came before in other recordings. */
static struct seen read_dir(const char *path)
{
	struct seen s = {.in_order = true};
	struct pr_trace_state st;
	struct pr_trace *t;
	struct pr_frame f;
	struct pr_errinfo ei;
	uint64_t last = UINT64_MAX;
	int err;

	err = pr_trace_open(&t, path, &ei);
	if (err)
		fail_msg("%s", ei.msg);
	pr_trace_set_events(t, &(struct pr_trace_events){.on_gap = on_gap, .ctx = &s});
	while (!(err = pr_trace_next(t, &f, &ei))) {
		s.frames++;
		if (last != UINT64_MAX && f.seq != last + 1)
			s.in_order = false;
		last = f.seq;
	}
	assert_int_equal(err, PR_END);
	pr_trace_get_state(t, &st);
	s.damages = st.damages;
	s.segments = st.segments;
	s.left_out = st.left_out;
	s.sealed = st.sealed;
	pr_trace_close(t);
	return s;
}

static void remove_segment(unsigned n)
{
	char name[32], *path;

	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)n);
	path = rig_path(dir, name);
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void a_directory_is_one_trace(void **state)
{
	struct rig g = {.dir = dir, .segments = 4, .blocks = 3, .frames = 10, .seed = 4};
	struct seen s;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	s = read_dir(dir);
	assert_int_equal(s.frames, 120); /* what segments 1 to 3 repeat is passed over */
	assert_true(s.in_order && s.sealed);
	assert_int_equal(s.gaps, 0);
	assert_int_equal(s.segments, 4);
}

/* Each segment alone has its repeated state, and no gap before it. */
static void a_segment_alone(void **state)
{
	struct rig g = {.dir = dir, .segments = 3, .blocks = 3, .frames = 10, .seed = 5};
	struct seen s;
	char *path = rig_path(dir, "000000000002.seg");

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	s = read_dir(path);
	assert_int_equal(s.frames, 33);
	assert_int_equal(s.gaps, 0);
	free(path);
}

static void a_missing_segment_is_a_gap_of_its_size(void **state)
{
	struct rig g = {.dir = dir, .segments = 5, .blocks = 3, .frames = 10, .seed = 6};
	struct seen s;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	remove_segment(2);
	s = read_dir(dir);
	assert_int_equal(s.damages, 1);
	assert_int_equal(s.lost, 30);
	assert_false(s.unknown);
	assert_int_equal(s.frames, 123); /* segment 3 gives its state again */
	remove_segment(0); /* the front may be gone */
	s = read_dir(dir);
	assert_int_equal(s.damages, 1);
	assert_int_equal(s.frames, 96);
}

static void an_open_end_goes_on_in_the_next_run(void **state)
{
	struct rig g = {.dir = dir, .segments = 2, .blocks = 3, .frames = 10, .seed = 7, .open = true, .boot = 9};
	struct seen s;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	s = read_dir(dir);
	assert_int_equal(s.frames, 60);
	assert_false(s.sealed);
	g.open = false;
	rig_record(&g); /* the same boot */
	s = read_dir(dir);
	assert_int_equal(s.frames, 120);
	assert_int_equal(s.damages, 1); /* nobody recorded in between */
	assert_true(s.unknown && s.sealed);
	g.boot = 10;
	rig_record(&g); /* another boot is another trace */
	s = read_dir(dir);
	assert_int_equal(s.frames, 60);
	assert_int_equal(s.left_out, 4);
	assert_int_equal(s.gaps, 0);
}

static void random_access_in_a_directory(void **state)
{
	struct rig g = {.dir = dir, .segments = 3, .blocks = 4, .frames = 10, .seed = 8};
	struct pr_seg_damage d;
	struct pr_seg_reader *r;
	struct pr_block b, again;
	struct pr_errinfo ei;
	struct {
		uint64_t offset, first, number;
	} at[16];
	size_t n = 0;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	assert_int_equal(pr_recording_open(&r, dir, 0, NULL, NULL, &ei), 0);
	while (pr_seg_reader_next(r, &b, &d, &ei) == 0) {
		assert_int_equal(b.desc.first_frame, n * 10);
		at[n].offset = b.offset;
		at[n].number = b.desc.number;
		at[n++].first = b.desc.first_frame;
	}
	assert_int_equal(n, 12);
	assert_int_equal(pr_seg_reader_footer(r)->frames, 120);
	while (n-- > 0) {
		assert_int_equal(pr_seg_reader_at(r, at[n].offset, &again, &ei), 0);
		assert_int_equal(again.desc.first_frame, at[n].first);
		assert_int_equal(again.desc.number, at[n].number);
		pr_seg_reader_seek(r, at[n].offset, again.desc.prev, at[n].first);
		assert_int_equal(pr_seg_reader_next(r, &b, &d, &ei), 0);
		assert_int_equal(b.desc.first_frame, at[n].first);
		assert_int_equal(b.offset, at[n].offset);
	}
	pr_seg_reader_free(r);
}

static void retention_deletes_the_oldest(void **state)
{
	struct rig g = {.dir = dir, .segments = 12, .blocks = 3, .frames = 10, .seed = 9, .keep_bytes = 9000};
	struct pr_recording rec;
	struct pr_errinfo ei;
	uint64_t bytes = 0;
	struct seen s;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	assert_int_equal(pr_recording_list(&rec, dir, &ei), 0);
	for (size_t i = 0; i < rec.n; i++)
		bytes += rec.v[i].size;
	assert_true(rec.n > 1 && rec.n < 12);
	assert_true(bytes - rec.v[rec.n - 1].size <= 9000);
	assert_int_equal(rec.v[rec.n - 1].series, 11);
	assert_int_equal(rec.v[rec.n - 1].header.oldest, rec.v[0].series);
	s = read_dir(dir);
	assert_int_equal(s.frames, rec.n * 30 + 3);
	assert_int_equal(s.gaps, 0);
	pr_recording_release(&rec);
}

/* Of a segment that begins with repeated state: as much of its own is in it as of that, or it has what retention leaves room for. */
static void a_large_state_does_not_fill_a_segment(void **state)
{
	const unsigned own = 3000, repeated = 10000;
	struct pr_rotate_options opt = {.dir = dir, .max_bytes = 4096};
	struct pr_seg_progress p;
	struct pr_seg_options so = {.header.kind = PR_SEG_RECORDED};
	struct pr_buf b = PR_BUF_INIT;
	struct pr_seg_writer *w;
	struct pr_rotate *r;
	struct pr_errinfo ei;
	uint64_t last = 0;
	bool due = false;
	int fd = memfd_create("segment", 0);

	(void)state;
	rig_clear(dir);
	assert_int_equal(pr_rotate_open(&r, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_new(&w, fd, &so, &ei), 0);
	pr_seg_writer_progress(w, &p);
	last = p.file_bytes;
	for (unsigned i = 0; i < repeated; i++)
		rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, PR_ENV_REPEAT, i * i, i);
	assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
	assert_int_equal(pr_seg_writer_flush(w, &ei), 0);
	pr_seg_writer_progress(w, &p);
	assert_int_equal(p.repeat_bytes, p.file_bytes - last);
	assert_true(p.repeat_bytes > 2 * opt.max_bytes);
	for (unsigned n = 0; !due; n++) {
		assert_false(pr_rotate_due(r, &p, 0));
		last = p.file_bytes;
		pr_buf_clear(&b);
		for (unsigned i = 0; i < own; i++)
			rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, n * own + i, i);
		assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
		assert_int_equal(pr_seg_writer_flush(w, &ei), 0);
		pr_seg_writer_progress(w, &p);
		due = pr_rotate_due(r, &p, 0);
	}
	assert_true(p.file_bytes >= 2 * p.repeat_bytes && last < 2 * p.repeat_bytes);
	pr_rotate_close(r);
	opt.keep_bytes = 2 * p.repeat_bytes;
	p.file_bytes = p.repeat_bytes + 1;
	assert_int_equal(pr_rotate_open(&r, &opt, &ei), 0);
	assert_true(pr_rotate_due(r, &p, 0));
	p.repeat_bytes = 0;
	p.file_bytes = opt.max_bytes - 1;
	assert_false(pr_rotate_due(r, &p, 0));
	pr_rotate_close(r);
	pr_seg_writer_free(w);
	pr_buf_release(&b);
	close(fd);
}

static void put_segment(struct pr_rotate *r, uint64_t real, uint64_t boot, struct pr_seg_header *h)
{
	struct pr_seg_options so = {0};
	struct pr_seg_progress p;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	int fd;

	assert_int_equal(pr_rotate_begin(r, real, boot, &so.header, &fd, &ei), 0);
	*h = so.header;
	assert_int_equal(pr_seg_writer_new(&w, fd, &so, &ei), 0);
	assert_int_equal(pr_rotate_commit(r, &ei), 0);
	rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, h->series, boot);
	assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
	assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	pr_seg_writer_progress(w, &p);
	pr_rotate_end(r, &p);
	pr_seg_writer_free(w);
	pr_buf_release(&b);
	close(fd);
}

static struct pr_rotate *open_rotate(uint8_t boot, uint64_t keep_ns, uint64_t keep_bytes)
{
	struct pr_rotate_options opt = {.dir = dir, .boot_id = {boot}, .keep_ns = keep_ns, .keep_bytes = keep_bytes};
	struct pr_rotate *r;
	struct pr_errinfo ei;

	assert_int_equal(pr_rotate_open(&r, &opt, &ei), 0);
	return r;
}

#define HOUR (3600 * RIG_SECOND)
#define YEAR (365 * 24 * HOUR)

/* A clock that is set makes nothing old: of one boot its own clock has to agree. */
static void age_is_not_what_a_set_clock_says(void **state)
{
	struct pr_rotate *r;
	struct pr_seg_header h;

	(void)state;
	rig_clear(dir);
	r = open_rotate(1, HOUR, 0);
	put_segment(r, 10 * RIG_SECOND, 10 * RIG_SECOND, &h); /* a machine that does not know the time yet */
	put_segment(r, 20 * RIG_SECOND, 20 * RIG_SECOND, &h);
	put_segment(r, 50 * YEAR, 30 * RIG_SECOND, &h);
	put_segment(r, 50 * YEAR + HOUR / 2, HOUR / 2, &h);
	assert_int_equal(h.oldest, 0);
	put_segment(r, 50 * YEAR + 2 * HOUR, 2 * HOUR, &h);
	assert_int_equal(h.oldest, 3); /* the one from half past the hour had begun by then */
	assert_int_equal(pr_rotate_deleted(r), 3);
	put_segment(r, 40 * YEAR, 9 * HOUR, &h);
	assert_int_equal(h.oldest, 3);
	pr_rotate_close(r);
	r = open_rotate(2, HOUR, 0); /* of another boot there is only the other clock */
	put_segment(r, 60 * YEAR, RIG_SECOND, &h);
	assert_int_equal(h.oldest, 5);
	pr_rotate_close(r);
}

static void write_over(uint64_t series, const char *text)
{
	char name[64];
	char *path;
	FILE *f;

	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)series);
	path = rig_path(dir, name);
	f = fopen(path, "r+");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static void a_segment_of_unknown_age_makes_none_old(void **state)
{
	struct pr_seg_header h;
	struct pr_rotate *r;

	(void)state;
	rig_clear(dir);
	r = open_rotate(1, HOUR, 0);
	for (uint64_t i = 1; i <= 3; i++)
		put_segment(r, 50 * YEAR + i * RIG_SECOND, i * RIG_SECOND, &h);
	pr_rotate_close(r);
	write_over(1, "not a segment");
	r = open_rotate(1, HOUR, 0);
	put_segment(r, 50 * YEAR + 4 * RIG_SECOND, 4 * RIG_SECOND, &h);
	assert_int_equal(h.oldest, 0);
	put_segment(r, 50 * YEAR + 3 * HOUR, 3 * HOUR, &h);
	assert_int_equal(h.oldest, 3);
	pr_rotate_close(r);
}

/* What is deleted is what a segment says, not what is missing; and what it says goes, where a recorder was killed before that. */
static void who_removes_segments_is_not_retention(void **state)
{
	char *first = rig_path(dir, "000000000000.seg"), *third = rig_path(dir, "000000000002.seg"), *aside = rig_path(dir, "aside");
	struct pr_seg_header h;
	struct pr_rotate *r;
	uint64_t oldest;

	(void)state;
	rig_clear(dir);
	r = open_rotate(1, HOUR, 0);
	put_segment(r, 50 * YEAR, RIG_SECOND, &h);
	assert_int_equal(link(first, aside), 0);
	put_segment(r, 50 * YEAR + RIG_SECOND, 2 * RIG_SECOND, &h);
	put_segment(r, 50 * YEAR + 2 * HOUR, 2 * HOUR, &h);
	oldest = h.oldest;
	assert_int_equal(oldest, 1);
	pr_rotate_close(r);
	assert_int_equal(rename(aside, first), 0); /* as if it had been killed before */
	r = open_rotate(1, 0, 0);
	put_segment(r, 50 * YEAR + 3 * HOUR, 3 * HOUR, &h);
	assert_int_equal(h.oldest, oldest);
	assert_int_equal(access(first, F_OK), -1);
	pr_rotate_close(r);
	for (uint64_t i = oldest; i < 2; i++) {
		char name[64], *path;

		snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)i);
		path = rig_path(dir, name);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_int_equal(access(third, F_OK), 0);
	r = open_rotate(1, 0, 0);
	put_segment(r, 50 * YEAR + 4 * HOUR, 4 * HOUR, &h);
	assert_int_equal(h.oldest, oldest);
	pr_rotate_close(r);
	free(first);
	free(third);
	free(aside);
}

static void parts_of_others_stay(void **state)
{
	static const char *const names[] = {"mine.seg.part", "12.seg.part", "000000000001.seg.part", ".seg.part", "0000000000001.seg.part.part"};
	struct pr_rotate *r;

	(void)state;
	rig_clear(dir);
	r = open_rotate(1, 0, 0);
	pr_rotate_close(r);
	for (size_t i = 0; i < 5; i++) {
		char *path = rig_path(dir, names[i]);
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fclose(f);
		free(path);
	}
	r = open_rotate(1, 0, 0);
	pr_rotate_close(r);
	for (size_t i = 0; i < 5; i++) {
		char *path = rig_path(dir, names[i]);

		assert_int_equal(access(path, F_OK), i == 2 ? -1 : 0);
		free(path);
	}
}

static void two_recorders_are_one_too_many(void **state)
{
	struct pr_rotate_options opt = {.dir = dir, .holder = "pid 4711"};
	struct pr_rotate *a, *b;
	struct pr_errinfo ei;

	(void)state;
	rig_clear(dir);
	assert_int_equal(pr_rotate_open(&a, &opt, &ei), 0);
	assert_int_equal(pr_rotate_open(&b, &opt, &ei), PR_EBUSY);
	assert_non_null(strstr(ei.msg, "pid 4711"));
	pr_rotate_close(a);
	assert_int_equal(pr_rotate_open(&b, &opt, &ei), 0);
	pr_rotate_close(b);
}

static void a_full_disk_costs_the_oldest(void **state)
{
	struct rig g = {.dir = dir, .segments = 3, .blocks = 2, .frames = 5, .seed = 3};
	struct pr_rotate_options opt = {.dir = dir};
	struct pr_seg_header h;
	struct pr_rotate *r;
	struct pr_errinfo ei;
	int fd;

	(void)state;
	rig_clear(dir);
	rig_record(&g);
	assert_int_equal(pr_rotate_open(&r, &opt, &ei), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pr_rotate_make_room(r, &ei), 0);
	assert_int_equal(pr_rotate_begin(r, 1, 1, &h, &fd, &ei), 0);
	assert_int_equal(h.series, 3);
	assert_int_equal(h.oldest, 2);
	close(fd);
	pr_rotate_close(r); /* was not committed: no trace of it */
	assert_int_equal(pr_rotate_open(&r, &opt, &ei), 0);
	assert_int_equal(pr_rotate_make_room(r, &ei), 0);
	assert_int_equal(pr_rotate_make_room(r, &ei), PR_ENOENT);
	pr_rotate_close(r);
}

/* Each sync looks at the clock, which here moves a second each time; with nothing new there is nothing to sign. */
static void checkpoints_come_due(void **state)
{
	struct rig g = {.seed = 1, .blocks = 0};
	struct pr_seg_options opt = {.header.kind = PR_SEG_RECORDED, .now = rig_now, .ctx_now = &g, .checkpoint_ns = 5 * RIG_SECOND};
	struct pr_seg_progress p;
	struct pr_secret_key key;
	struct pr_seg_writer *w;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;
	struct pr_signer *s;
	int fd = memfd_create("segment", 0);

	(void)state;
	assert_int_equal(pr_key_generate(&key, &ei), 0);
	assert_int_equal(pr_signer_new(&s, &key, opt.header.recording, PR_SIGN_DEPTH_ONE, 1, &ei), 0);
	opt.signer = s;
	rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, 0, 5);
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
		assert_true(pr_seg_writer_unsigned(w));
		assert_int_equal(pr_seg_writer_sync(w, &ei), 0);
	}
	pr_seg_writer_progress(w, &p);
	assert_true(p.checkpoints >= 5 && p.checkpoints <= 8);
	assert_int_equal(pr_seg_writer_checkpoint(w, &ei), 0);
	assert_false(pr_seg_writer_unsigned(w));
	pr_seg_writer_progress(w, &p);
	for (int i = 0; i < 30; i++)
		assert_int_equal(pr_seg_writer_sync(w, &ei), 0);
	assert_int_equal(p.file_bytes, lseek(fd, 0, SEEK_END));
	assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), PR_EUSAGE);
	pr_seg_writer_free(w);
	pr_signer_free(s);
	pr_buf_release(&b);
	close(fd);
}

static void directories_that_are_none(void **state)
{
	struct pr_errinfo ei;
	struct pr_trace *t;

	(void)state;
	rig_clear(dir);
	assert_int_equal(pr_trace_open(&t, dir, &ei), PR_EFORMAT);
	rig_put(dir, "readme.seg", "not a segment's name", 20);
	assert_int_equal(pr_trace_open(&t, dir, &ei), PR_EFORMAT);
	rig_put(dir, "000000000000.seg", "not a segment", 13);
	assert_int_equal(pr_trace_open(&t, dir, &ei), PR_EFORMAT);
}

static int make_scratch(void **state)
{
	(void)state;
	if (!rig_scratch(scratch, "procrec-recording"))
		return -1;
	dir = rig_path(scratch, "d");
	return 0;
}

static int remove_scratch(void **state)
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
		cmocka_unit_test(a_directory_is_one_trace),
		cmocka_unit_test(a_segment_alone),
		cmocka_unit_test(a_missing_segment_is_a_gap_of_its_size),
		cmocka_unit_test(an_open_end_goes_on_in_the_next_run),
		cmocka_unit_test(random_access_in_a_directory),
		cmocka_unit_test(retention_deletes_the_oldest),
		cmocka_unit_test(a_large_state_does_not_fill_a_segment),
		cmocka_unit_test(age_is_not_what_a_set_clock_says),
		cmocka_unit_test(a_segment_of_unknown_age_makes_none_old),
		cmocka_unit_test(who_removes_segments_is_not_retention),
		cmocka_unit_test(parts_of_others_stay),
		cmocka_unit_test(two_recorders_are_one_too_many),
		cmocka_unit_test(a_full_disk_costs_the_oldest),
		cmocka_unit_test(checkpoints_come_due),
		cmocka_unit_test(directories_that_are_none),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace that is read while it grows, a few bytes at a time: the same frames, gaps and damage as when it is read afterwards. */
#include "tests/unit/rig.h"

#include "schema/trace.h"

static char scratch[64];
static char *live; /* what grows */

struct feed {
	const uint8_t *p;
	size_t n, at, step;
	int fd;
	uint64_t waits;
	bool then_end; /* when all is there: it is the end, closed or not */
};

struct told {
	struct pr_buf b; /* all that was told, in order */
	uint64_t frames;
};

static void tell(struct told *t, char kind, uint64_t a, uint64_t b, uint64_t c)
{
	pr_buf_printf(&t->b, "%c %llu %llu %llu\n", kind, (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	tell(ctx, 'g', g->before_seq, g->count, g->ktime_to);
	return 0;
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	tell(ctx, 'd', d->from, d->to, d->frames_known ? d->frames : UINT64_MAX);
	return 0;
}

static int feed_more(void *ctx, const struct pr_trace_wait *w, struct pr_errinfo *ei)
{
	struct feed *f = ctx;
	size_t n = f->n - f->at < f->step ? f->n - f->at : f->step;

	(void)w;
	(void)ei;
	f->waits++;
	if (!n && !f->then_end)
		fail_msg("the trace is closed and was not seen to be");
	if (!n)
		return PR_END;
	assert_int_equal(pwrite(f->fd, f->p + f->at, n, (off_t)f->at), n);
	f->at += n;
	return PR_OK;
}

static void read_all(struct pr_trace *t, struct told *out)
{
	struct pr_trace_state st;
	struct pr_errinfo ei;
	struct pr_frame f;
	int err;

	pr_trace_set_events(t, &(struct pr_trace_events){.on_gap = on_gap, .on_damage = on_damage, .ctx = out});
	while (!(err = pr_trace_next(t, &f, &ei))) {
		out->frames++;
		tell(out, 'f', f.seq, f.env_seq, f.ktime);
	}
	if (err != PR_END)
		fail_msg("%s", ei.msg);
	pr_trace_get_state(t, &st);
	tell(out, 'e', st.frames, st.sealed, st.tail_bytes);
	pr_trace_close(t);
}

/* Reads p while it comes, `step` bytes at a time, and afterwards. */
static uint64_t same_as_afterwards(const uint8_t *p, size_t n, size_t step, bool then_end)
{
	struct feed f = {.p = p, .n = n, .at = PR_SEG_HEADER_SIZE, .step = step, .then_end = then_end};
	struct told grown = {.b = PR_BUF_INIT}, whole = {.b = PR_BUF_INIT};
	struct pr_errinfo ei;
	struct pr_trace *t;
	uint64_t frames;

	f.fd = open(live, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(f.fd >= 0);
	assert_int_equal(pwrite(f.fd, p, f.at, 0), f.at);
	assert_int_equal(pr_trace_follow(&t, live, feed_more, &f, &ei), 0);
	pr_trace_forward(t);
	read_all(t, &grown);
	close(f.fd);
	assert_int_equal(pr_trace_open(&t, live, &ei), 0);
	read_all(t, &whole);
	if (grown.b.len != whole.b.len || memcmp(grown.b.data, whole.b.data, whole.b.len))
		fail_msg("%zu bytes, %zu at a time: told %.*s\ninstead of %.*s", n, step, (int)grown.b.len, (const char *)grown.b.data,
			(int)whole.b.len, (const char *)whole.b.data);
	frames = grown.frames;
	pr_buf_release(&grown.b);
	pr_buf_release(&whole.b);
	return frames;
}

static struct pr_buf make(unsigned frames, uint32_t block_bytes)
{
	struct pr_buf b = PR_BUF_INIT, seg;

	for (unsigned i = 0; i < frames; i++)
		if (i != 7 && i != 20) /* two gaps */
			rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, i, 1000 + i);
	seg = unit_segment_as(&b, block_bytes, true);
	pr_buf_release(&b);
	return seg;
}

static void every_step_tells_the_same(void **state)
{
	struct pr_buf seg = make(40, 300);

	(void)state;
	for (size_t step = 1; step < 700; step += step < 8 ? 1 : 37)
		assert_int_equal(same_as_afterwards(seg.data, seg.len, step, false), 38);
	pr_buf_release(&seg);
}

/* Cut off anywhere, it is an open end; so it is when who reads it is told that nothing more comes. */
static void every_cut_tells_the_same(void **state)
{
	struct pr_buf seg = make(20, 300);

	(void)state;
	for (size_t n = PR_SEG_HEADER_SIZE; n < seg.len; n += 13)
		same_as_afterwards(seg.data, n, 100, true);
	pr_buf_release(&seg);
}

/* A byte that was changed anywhere, the end of the file at each moment included. */
static void every_damage_tells_the_same(void **state)
{
	struct pr_buf seg = make(40, 300);

	(void)state;
	for (size_t at = PR_SEG_HEADER_SIZE; at < seg.len; at += 5) {
		seg.data[at] ^= 0x10;
		same_as_afterwards(seg.data, seg.len, at % 3 ? 97 : 411, true);
		seg.data[at] ^= 0x10;
	}
	pr_buf_release(&seg);
}

/* Cut behind what was read, it goes on (record --resume does that to a torn block); cut before that, what was told is there no more. */
static int cut(void *ctx, const struct pr_trace_wait *w, struct pr_errinfo *ei)
{
	struct feed *f = ctx;

	(void)w;
	(void)ei;
	f->waits++;
	if (f->waits == 1)
		assert_int_equal(ftruncate(f->fd, (off_t)f->at - 10), 0);
	else
		assert_int_equal(ftruncate(f->fd, PR_SEG_HEADER_SIZE), 0);
	return PR_OK;
}

static void a_file_that_shrinks(void **state)
{
	struct pr_buf seg = make(40, 300);
	struct feed f = {.n = seg.len, .at = seg.len - PR_SEG_FOOTER_SIZE + 20};
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame fr;
	unsigned frames = 0;
	int err;

	(void)state;
	f.fd = open(live, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(pwrite(f.fd, seg.data, f.at, 0), f.at);
	assert_int_equal(pr_trace_follow(&t, live, cut, &f, &ei), 0);
	while (!(err = pr_trace_next(t, &fr, &ei)))
		frames++;
	assert_int_equal(err, PR_EDATA);
	assert_non_null(strstr(ei.msg, "was cut to"));
	assert_int_equal(frames, 38);
	assert_int_equal(f.waits, 2);
	pr_trace_close(t);
	close(f.fd);
	pr_buf_release(&seg);
}

static void a_claim_is_seen_and_kept(void **state)
{
	int a, b;

	(void)state;
	a = open(live, O_RDWR | O_CREAT | O_TRUNC, 0600);
	b = open(live, O_RDWR);
	assert_int_equal(pr_file_writer(b), PR_WRITER_NONE);
	assert_true(pr_file_claim(a));
	assert_int_equal(pr_file_writer(b), PR_WRITER_THERE);
	assert_false(pr_file_claim(b));
	close(open(live, O_RDONLY)); /* takes nothing away */
	assert_int_equal(pr_file_writer(b), PR_WRITER_THERE);
	close(a);
	assert_int_equal(pr_file_writer(b), PR_WRITER_NONE);
	close(b);
}

/* ---- directories ------------------------------------------------------------------------------------------------- */

struct stage { /* segments that come one by one, and the claim of who writes them */
	const char *from, *to;
	unsigned next, n;
	unsigned skip; /* retention is faster than the reader: this one is never seen; UINT32_MAX: none */
	unsigned waits;
	int claim;
};

static void move(const struct stage *s, unsigned i)
{
	char name[32];
	char *a, *b;

	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)i);
	a = rig_path(s->from, name);
	b = rig_path(s->to, name);
	assert_int_equal(i == s->skip ? 0 : rename(a, b), 0);
	free(a);
	free(b);
}

static int next_stage(void *ctx, const struct pr_trace_wait *w, struct pr_errinfo *ei)
{
	struct stage *s = ctx;
	char name[32];
	char *old;

	(void)ei;
	assert_true(++s->waits < 100);
	assert_int_equal(w->writer, PR_WRITER_THERE);
	if (s->next < s->n) {
		if (s->next > 1) { /* what was read is deleted */
			snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)s->next - 2);
			old = rig_path(s->to, name);
			unlink(old);
			free(old);
		}
		if (s->next == s->skip)
			s->next++;
		move(s, s->next++);
	} else {
		close(s->claim);
	}
	return PR_OK;
}

static struct told follow_stages(unsigned skip)
{
	char *from = rig_path(scratch, "from"), *to = rig_path(scratch, "to"), *lock;
	struct rig g = {.dir = from, .segments = 6, .blocks = 3, .frames = 10, .seed = 5};
	struct stage s = {.from = from, .to = to, .n = 6, .skip = skip};
	struct told told = {.b = PR_BUF_INIT};
	struct pr_errinfo ei;
	struct pr_trace *t;

	rig_clear(from);
	rig_clear(to);
	rig_record(&g);
	lock = rig_path(to, PR_RECORDING_LOCK);
	s.claim = open(lock, O_RDWR | O_CREAT, 0600);
	assert_true(pr_file_claim(s.claim));
	assert_int_equal(pr_trace_follow(&t, to, next_stage, &s, &ei), 0); /* it waits for the first */
	pr_trace_forward(t);
	read_all(t, &told);
	free(lock);
	free(from);
	free(to);
	return told;
}

static void from_segment_to_segment(void **state)
{
	struct told t = follow_stages(UINT32_MAX);

	(void)state;
	pr_buf_u8(&t.b, 0);
	assert_int_equal(t.frames, 180);
	assert_null(strchr((char *)t.b.data, 'g'));
	assert_non_null(strstr((char *)t.b.data, "\nf 179 179 "));
	assert_non_null(strstr((char *)t.b.data, "\ne 180 1 0\n"));
	pr_buf_release(&t.b);
}

static void a_segment_that_was_missed_is_told(void **state)
{
	struct told t = follow_stages(3);

	(void)state;
	pr_buf_u8(&t.b, 0);
	assert_non_null(strstr((char *)t.b.data, "\ng 90 30 "));
	assert_non_null(strstr((char *)t.b.data, "\ne 183 1 0\n")); /* with the three frames that stand for what is missing */
	pr_buf_release(&t.b);
}

static int setup(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/procrec-unit.XXXXXX");
	if (!mkdtemp(scratch))
		return -1;
	live = rig_path(scratch, "live.seg");
	return 0;
}

static int teardown(void **state)
{
	char *d;

	(void)state;
	unlink(live);
	for (int i = 0; i < 2; i++) {
		d = rig_path(scratch, i ? "from" : "to");
		rig_clear(d);
		rmdir(d);
		free(d);
	}
	free(live);
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_tells_the_same),
		cmocka_unit_test(every_cut_tells_the_same),
		cmocka_unit_test(every_damage_tells_the_same),
		cmocka_unit_test(a_file_that_shrinks),
		cmocka_unit_test(a_claim_is_seen_and_kept),
		cmocka_unit_test(from_segment_to_segment),
		cmocka_unit_test(a_segment_that_was_missed_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

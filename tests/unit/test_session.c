/* SPDX-License-Identifier: BSD-2-Clause */
/* Points of a recording: --until-frame, --at, the two points of --diff, --since and --until. */
#include "tests/unit/fx.h"

#include <stdio.h>

#include "replay/session.h"

struct trace {
	int fd;
	char path[64];
	struct pr_replay_args args;
};

/* Puts what is in `frames` into envelopes, one each. */
static void make(struct trace *t, const struct pr_buf *frames, unsigned meta)
{
	struct pr_buf env = PR_BUF_INIT, seg;
	size_t at = 0;
	unsigned i = 0;

	for (; at < frames->len; i++) {
		uint32_t n = pr_get_u32(frames->data + at + 4);

		pr_buf_u16(&env, PR_CPU_NONE);
		pr_buf_u8(&env, PR_STREAM_USER);
		pr_buf_u8(&env, i < meta ? PR_ENV_META : 0);
		pr_buf_u32(&env, n);
		pr_buf_u64(&env, i);
		pr_buf_append(&env, frames->data + at, n);
		at += n;
	}
	seg = unit_segment(&env, 300); /* several blocks */
	t->fd = memfd_create("trace", 0);
	assert_int_equal(write(t->fd, seg.data, seg.len), seg.len);
	snprintf(t->path, sizeof(t->path), "/proc/self/fd/%d", t->fd);
	t->args = (struct pr_replay_args){.trace = t->path, .cache = PR_CACHE_SETTINGS_DEFAULT};
	pr_buf_release(&env);
	pr_buf_release(&seg);
}

static void clock_frame(struct pr_buf *b, uint64_t ktime, int64_t realtime)
{
	size_t at = pr_frame_begin(b, PR_OP_CLOCK, ktime);

	pr_buf_u64(b, ktime);
	pr_buf_u64(b, (uint64_t)realtime);
	pr_buf_u64(b, 0);
	pr_frame_end(b, at);
}

/* Frames 0 to 5; the times of 2 and 3 are out of order. Frame 1 is no lifecycle event. */
static void make_story(struct trace *t)
{
	struct pr_buf b = PR_BUF_INIT;

	fx_host(&b, "meta");
	fx_execve(&b, (struct fx){.id = KEY(2, 1000), .parent = KEY(1, 1), .flags = PR_EXEC_CLONE});
	clock_frame(&b, 9000, 1795608000000000000);
	fx_clone(&b, KEY(3, 3000), KEY(2, 1000), 3000);
	fx_clone(&b, KEY(4, 2000), KEY(2, 1000), 2000);
	fx_exit(&b, KEY(3, 3000), 4000, 0);
	fx_exit(&b, KEY(2, 1000), 5000, 0);
	make(t, &b, 1);
	pr_buf_release(&b);
}

/* Frames applied until the session ends. */
static uint64_t run(const struct trace *t)
{
	struct pr_session s;
	struct pr_errinfo ei;
	struct pr_applied a;
	uint64_t frames;

	assert_int_equal(pr_session_open(&s, &t->args, false, NULL, &ei), 0);
	while (!pr_session_next(&s, &a, &ei))
		;
	frames = s.replayer.frames;
	pr_session_close(&s);
	return frames;
}

static void until_frame(void **state)
{
	struct trace t;

	(void)state;
	make_story(&t);
	assert_int_equal(run(&t), 6);
	for (uint64_t n = 0; n < 8; n++) {
		t.args.sel.has_until_frame = true;
		t.args.sel.until_frame = n;
		assert_int_equal(run(&t), n < 6 ? n : 6);
	}
	close(t.fd);
}

static void at(void **state)
{
	static const struct {
		const char *time;
		uint64_t frames;
	} cases[] = {{"0", 0}, {"999", 0}, {"1000", 2}, {"2999", 2}, {"3000", 4}, {"+3us", 5}, {"4999", 5}, {"5000", 6},
		{"2026-11-25T11:59:59.999991000Z", 0}, {"2026-11-25T11:59:59.999992000Z", 2}, {"11:59:59.999994", 4}, {"12:00:00", 6}};
	struct trace t;

	(void)state;
	make_story(&t);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t.args.sel.at = cases[i].time;
		assert_int_equal(run(&t), cases[i].frames);
	}
	close(t.fd);
}

static void two_points(void **state)
{
	struct pr_session s;
	struct pr_errinfo ei;
	struct pr_applied a;
	struct trace t;

	(void)state;
	make_story(&t);
	assert_int_equal(pr_session_open(&s, &t.args, false, NULL, &ei), 0);
	assert_int_equal(pr_session_point(&s, "--diff", "3", &s.stop, &ei), 0);
	assert_true(s.stop.has_frame);
	while (!pr_session_next(&s, &a, &ei))
		;
	assert_true(s.held);
	assert_int_equal(s.replayer.frames, 3);
	assert_int_equal(s.replayer.cache.map.len, 2);
	assert_int_equal(pr_session_next(&s, &a, &ei), PR_END); /* it stays there */
	assert_int_equal(pr_session_point(&s, "--diff", "@4000", &s.stop, &ei), 0);
	assert_true(s.stop.has_ktime && !s.stop.has_frame);
	while (!pr_session_next(&s, &a, &ei))
		;
	assert_int_equal(s.replayer.frames, 5); /* the frame that was held is not lost */
	assert_int_equal(s.replayer.cache.map.len, 3);
	assert_int_equal(pr_session_point(&s, "--diff", "x", &s.stop, &ei), PR_EUSAGE);
	s.stop = (struct pr_point){0};
	while (!pr_session_next(&s, &a, &ei))
		;
	assert_int_equal(s.replayer.frames, 6);
	assert_false(s.held);
	pr_session_close(&s);
	close(t.fd);
}

static void since_and_until(void **state)
{
	struct pr_session s;
	struct pr_errinfo ei;
	struct trace t;

	(void)state;
	make_story(&t);
	t.args.sel.since = "+1us";
	t.args.sel.until = "2026-11-25T12:00:00Z";
	assert_int_equal(pr_session_open(&s, &t.args, true, NULL, &ei), 0);
	assert_true(s.has_since && s.has_until);
	assert_int_equal(s.since, 2000);
	assert_int_equal(s.until, 9000);
	pr_session_close(&s);
	t.args.sel.since = "yesterday";
	assert_int_equal(pr_session_open(&s, &t.args, true, NULL, &ei), PR_EUSAGE);
	close(t.fd);
}

/* The first reading counts for what came before it, also where it stands behind. */
static void times_before_the_first_reading(void **state)
{
	struct pr_session s;
	struct pr_errinfo ei;
	struct pr_applied a;
	struct trace t;
	int64_t real = 0;

	(void)state;
	make_story(&t);
	assert_int_equal(pr_session_open(&s, &t.args, true, NULL, &ei), 0);
	assert_int_equal(pr_session_next(&s, &a, &ei), 0);
	assert_int_equal(a.kind, PR_APPLIED_META);
	assert_int_equal(pr_session_next(&s, &a, &ei), 0);
	assert_int_equal(a.kind, PR_APPLIED_LIFECYCLE);
	assert_int_equal(a.seq, 0);
	assert_true(pr_timeline_real(&s.timeline, a.event->ktime, &real));
	assert_int_equal(real, 1795608000000000000 - 8000);
	pr_session_close(&s);
	close(t.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_frame),
		cmocka_unit_test(at),
		cmocka_unit_test(two_points),
		cmocka_unit_test(since_and_until),
		cmocka_unit_test(times_before_the_first_reading),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

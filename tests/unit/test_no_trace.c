/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace that is kept nowhere takes no more memory than it may, however much is recorded; a reader that was too far behind is told exactly how
 * many frames it has missed.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/memory.h"
#include "recorder/spool.h"
#include "schema/trace.h"
#include "tests/unit/frames.h"
#include "tests/unit/no_rights.h"
#include "tests/unit/unit.h"

#define FRAMES 60000u /* of random strings, which LZ4 makes no smaller */
#define STRINGS 1500u
#define SLACK (4u << 20)

static void put_frame(struct pr_spool *s, struct frames *f, uint64_t i, uint64_t *random)
{
	uint8_t strings[STRINGS];
	struct pr_errinfo ei;

	for (size_t k = 0; k < sizeof(strings); k++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		strings[k] = (uint8_t)(*random >> 56);
	}
	pr_buf_clear(&f->buf);
	frame_execve(f, PR_STREAM_EXEC, 1000 + i, (struct frame_key){(uint32_t)i + 1, 1000 + i}, (struct frame_key){1, 1}, (struct frame_key){0, 0}, 0,
		strings, sizeof(strings));
	assert_int_equal(pr_spool_put(s, f->buf.data, f->buf.len, true, &ei), 0);
}

static void record(const char *path)
{
	const struct pr_spool_options opt = {.path = path, .in_memory = true, .sync = PR_SYNC_NONE, .queue_bytes = PR_SPOOL_QUEUE_DEFAULT};
	struct frames f = {0};
	uint64_t random = 1;
	struct pr_spool *s;
	struct pr_errinfo ei;

	assert_int_equal(pr_spool_open(&s, &opt, &ei), 0);
	for (uint64_t i = 0; i < FRAMES; i++) {
		put_frame(s, &f, i, &random);
		if (i % 1000 == 0)
			assert_int_equal(pr_spool_tick(s, i, &ei), 0);
	}
	assert_int_equal(pr_spool_close(s, &ei), 0);
	pr_spool_free(s);
	pr_buf_release(&f.buf);
}

static void memory_is_bounded_and_what_is_missed_is_told(void **state)
{
	struct pr_trace_state st;
	uint64_t frames = 0, missed = 0;
	struct pr_trace *t;
	struct pr_frame f;
	struct pr_errinfo ei;
	struct stat sb;
	char path[32];
	int fd, err;

	(void)state;
	assert_int_equal(pr_memory_create(&fd, path, &ei), 0);
	record(path);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_true((uint64_t)sb.st_size > (uint64_t)FRAMES * STRINGS);
	assert_true((uint64_t)sb.st_blocks * 512 < PR_MEMORY_HEAD + PR_MEMORY_NEWEST + SLACK);

	assert_int_equal(pr_trace_open(&t, path, &ei), 0);
	while (!(err = pr_trace_next(t, &f, &ei))) {
		if (f.stream != PR_STREAM_EXEC)
			continue;
		if (f.env_seq != frames + missed) {
			assert_int_equal(missed, 0); /* in one place */
			assert_true(frames * STRINGS > PR_MEMORY_HEAD / 2);
			missed = f.env_seq - frames;
		}
		frames++;
	}
	assert_int_equal(err, PR_END);
	pr_trace_get_state(t, &st);
	assert_int_equal(st.damages, 1);
	assert_true(missed > 0 && st.sealed);
	assert_int_equal(frames + missed, FRAMES);
	assert_true(frames * STRINGS > PR_MEMORY_NEWEST - SLACK);
	pr_trace_close(t);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_bounded_and_what_is_missed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

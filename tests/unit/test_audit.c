/* SPDX-License-Identifier: BSD-2-Clause */
/* The observer and the auditor: each kind of finding, with the frame that caused it, and none where nothing is wrong. */
#include "tests/unit/fx.h"

#include "replay/cache/audit.h"

#define MINUTE ((uint64_t)60 * 1000000000u)

struct run {
	struct pr_auditor *a;
	struct pr_replayer r;
	struct pr_finding found[512];
	size_t n;
	struct pr_buf b;
};

static void on_found(void *ctx, const struct pr_finding *f)
{
	struct run *run = ctx;

	assert_true(run->n < 512);
	run->found[run->n++] = *f;
}

static void begin(struct run *run)
{
	memset(run, 0, sizeof(*run));
	assert_int_equal(pr_auditor_new(&run->a, on_found, run), 0);
	pr_replayer_init(&run->r, &PR_CACHE_SETTINGS_DEFAULT, pr_auditor_observer(run->a));
}

static void feed(struct run *run)
{
	struct pr_errinfo ei;
	struct pr_applied ap;
	size_t at = 0;

	while (at < run->b.len) {
		struct pr_frame f = {.seq = run->r.frames, .data = run->b.data + at, .size = pr_get_u32(run->b.data + at + 4)};

		at += f.size;
		pr_auditor_before(run->a, &f);
		assert_int_equal(pr_replayer_apply(&run->r, &f, &ap, &ei), 0);
		pr_auditor_after(run->a, &ap);
	}
	pr_buf_clear(&run->b);
}

static void end(struct run *run)
{
	feed(run);
	assert_int_equal(pr_auditor_end(run->a, &run->r), 0);
	pr_replayer_release(&run->r);
	pr_auditor_free(run->a);
	pr_buf_release(&run->b);
}

/* The only finding of this kind. */
static const struct pr_finding *only(const struct run *run, enum pr_finding_kind kind)
{
	const struct pr_finding *f = NULL;

	for (size_t i = 0; i < run->n; i++) {
		if (run->found[i].kind != kind)
			continue;
		assert_null(f);
		f = &run->found[i];
	}
	assert_non_null(f);
	return f;
}

static void exec_of(struct run *run, struct pr_id id, struct pr_id parent, struct pr_id cleanup)
{
	fx_execve(&run->b, (struct fx){.id = id, .parent = parent, .cleanup = cleanup, .flags = PR_EXEC_CLONE, .strings = "/x\0", .n = 4});
}

static const struct pr_id none;

static void a_clean_life(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	fx_clone(&run.b, KEY(3, 30), KEY(2, 20), 30);
	exec_of(&run, KEY(3, 31), KEY(2, 20), KEY(3, 30));
	fx_exit(&run.b, KEY(3, 31), 40, 0);
	fx_exit(&run.b, KEY(2, 20), 50, 0);
	fx_exit(&run.b, KEY(9, 9), 100 + MINUTE, 0);
	end(&run);
	assert_int_equal(run.n, 0);
}

static void below_zero(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	fx_exit(&run.b, KEY(2, 20), 30, 0);
	fx_exit(&run.b, KEY(2, 20), 31, 0);
	end(&run);
	assert_int_equal(run.n, 1);
	assert_int_equal(only(&run, PR_FIND_BELOW_ZERO)->seq, 2);
	assert_int_equal(run.found[0].ref, -1);
	assert_int_equal(run.found[0].id.pid, 2);
}

static void evicted_while_referenced(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	fx_exit(&run.b, KEY(2, 20), 30, 0);
	fx_clone(&run.b, KEY(3, 30), KEY(2, 20), 31);
	fx_exit(&run.b, KEY(9, 9), 100 + MINUTE, 0);
	end(&run);
	assert_int_equal(run.n, 1);
	assert_int_equal(only(&run, PR_FIND_EVICTED_REFERENCED)->seq, 1);
	assert_int_equal(run.found[0].at, 3);
	assert_int_equal(run.found[0].ref, 1);
}

/* The reference adds what is alive at the start without counting it at its parent: its exit takes one too many. */
static void evicted_alive(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	fx_execve(&run.b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_PROCFS});
	fx_execve(&run.b, (struct fx){.id = KEY(3, 30), .parent = KEY(2, 20), .flags = PR_EXEC_PROCFS});
	fx_exit(&run.b, KEY(3, 30), 40, 0);
	fx_exit(&run.b, KEY(9, 9), 100 + MINUTE, 0);
	end(&run);
	assert_int_equal(run.n, 1);
	assert_int_equal(only(&run, PR_FIND_EVICTED_ALIVE)->seq, 2);
	assert_int_equal(run.found[0].id.pid, 2);
}

static void held_back(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	exec_of(&run, KEY(3, 30), KEY(1, 1), none);
	fx_exit(&run.b, KEY(2, 20), 10 * MINUTE, 0); /* frame 2 queues the head */
	fx_exit(&run.b, KEY(3, 30), 100, 0);
	fx_exit(&run.b, KEY(9, 9), 100 + MINUTE, 0); /* frame 4: now 3 would be old enough */
	fx_exit(&run.b, KEY(9, 9), 101 + MINUTE, 0); /* told once */
	end(&run);
	assert_int_equal(run.n, 1);
	assert_int_equal(only(&run, PR_FIND_HELD_BACK)->seq, 2);
	assert_int_equal(run.found[0].at, 4);
	assert_int_equal(run.found[0].id.pid, 3);
}

static void leaked_and_dropped(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	exec_of(&run, KEY(3, 30), KEY(2, 20), none);
	exec_of(&run, KEY(3, 30), KEY(2, 20), none); /* frame 2: the same identity again; its inc of 2 stays */
	fx_exit(&run.b, KEY(3, 30), 40, 0);
	fx_exit(&run.b, KEY(2, 20), 50, 0);
	end(&run);
	assert_int_equal(run.n, 2);
	assert_int_equal(only(&run, PR_FIND_ADD_DROPPED)->seq, 2);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->seq, 2);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->ref, 1);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->expected, 0);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->at, 5);
}

static void clones_and_clears(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	run.r.settings.max_clone_entries = 1;
	fx_clone(&run.b, KEY(3, 30), KEY(2, 20), 31);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	fx_clone(&run.b, KEY(3, 30), KEY(2, 20), 32);
	end(&run);
	assert_int_equal(run.n, 2);
	assert_int_equal(only(&run, PR_FIND_CLONE_DROPPED)->seq, 0);
	assert_int_equal(only(&run, PR_FIND_CLONE_DROPPED)->parent.ktime, 20);
	assert_int_equal(only(&run, PR_FIND_CLEARED)->seq, 2);
	assert_int_equal(only(&run, PR_FIND_CLEARED)->entries, 2);
}

static void data(void **state)
{
	struct pr_buf s = PR_BUF_INIT;
	struct run run;

	(void)state;
	begin(&run);
	fx_data(&run.b, 1, 1, "never", 5, 1);
	fx_data(&run.b, 2, 2, "short", 5, 1);
	fx_desc(&s, 6, 0, 2, 2);
	fx_desc(&s, 3, 0, 3, 3);
	fx_execve(&run.b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_DATA_FILENAME | PR_EXEC_DATA_ARGS,
				      .strings = s.data, .n = s.len});
	end(&run);
	pr_buf_release(&s);
	assert_int_equal(run.n, 3);
	assert_int_equal(only(&run, PR_FIND_DATA_MISMATCH)->seq, 2);
	assert_int_equal(only(&run, PR_FIND_DATA_MISMATCH)->data_want, 6);
	assert_int_equal(only(&run, PR_FIND_DATA_MISSING)->data_pid, 3);
	assert_int_equal(only(&run, PR_FIND_DATA_NEVER_TAKEN)->seq, 0);
	assert_int_equal(only(&run, PR_FIND_DATA_NEVER_TAKEN)->data_bytes, 5);
}

static void dropped_data_and_malformed_frames(void **state)
{
	struct run run;

	(void)state;
	begin(&run);
	run.r.settings.max_data = 1;
	fx_data(&run.b, 1, 1, "a", 1, 1);
	fx_data(&run.b, 2, 1, "b", 1, 1); /* drops the first */
	fx_execve(&run.b, (struct fx){.id = KEY(2, 20), .size = 60});
	end(&run);
	assert_int_equal(run.n, 3);
	assert_int_equal(run.found[0].kind, PR_FIND_DATA_NEVER_TAKEN);
	assert_int_equal(run.found[0].seq, 0);
	assert_int_equal(run.found[0].at, 1);
	assert_int_equal(only(&run, PR_FIND_MALFORMED)->seq, 2);
	assert_non_null(only(&run, PR_FIND_MALFORMED)->why);
	assert_int_equal(run.found[2].kind, PR_FIND_DATA_NEVER_TAKEN);
	assert_int_equal(run.found[2].seq, 1);
}

/* Each of many is told once, in the order of their times; of the same time, what was queued first. */
static void held_back_in_order(void **state)
{
	const unsigned count = 150;
	unsigned told = 0;
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(2, 20), KEY(1, 1), none);
	for (unsigned i = 0; i < count; i++)
		exec_of(&run, KEY(10 + i, 10), KEY(1, 1), none);
	fx_exit(&run.b, KEY(2, 20), 10 * MINUTE, 0);
	for (unsigned i = 0; i < count; i++)
		fx_exit(&run.b, KEY(10 + i, 10), 100 + i * 37 % 50, 0);
	fx_exit(&run.b, KEY(9, 9), MINUTE + 120, 0);
	fx_exit(&run.b, KEY(9, 9), MINUTE + 149, 0);
	fx_exit(&run.b, KEY(9, 9), 11 * MINUTE, 0);
	end(&run);
	assert_int_equal(run.n, count);
	for (unsigned time = 100; time < 150; time++) {
		for (unsigned i = 0; i < count; i++) {
			if (100 + i * 37 % 50 != time)
				continue;
			assert_int_equal(run.found[told].kind, PR_FIND_HELD_BACK);
			assert_int_equal(run.found[told].id.pid, 10 + i);
			assert_int_equal(run.found[told].seq, 1 + count);
			assert_int_equal(run.found[told++].at, 2 + 2 * count + (time > 120));
		}
	}
}

/* Which frame queued what expires, while the queue goes round and grows. */
static void expiry_knows_its_frame(void **state)
{
	const uint32_t count = 400;
	uint64_t time = 0;
	struct run run;

	(void)state;
	begin(&run);
	for (uint32_t i = 0; i < count; i++) {
		exec_of(&run, KEY(10 + i, 10), KEY(1, 1), none);
		fx_exit(&run.b, KEY(10 + i, 10), time, 0);
		fx_clone(&run.b, KEY(5000 + i, 10), KEY(10 + i, 10), time);
		time += i < 100 ? MINUTE / 20 : MINUTE / 200;
	}
	end(&run);
	assert_int_equal(run.n, 200); /* what was queued a minute before the last frame */
	for (uint32_t i = 0; i < run.n; i++) {
		assert_int_equal(run.found[i].kind, PR_FIND_EVICTED_REFERENCED);
		assert_int_equal(run.found[i].id.pid, 10 + i);
		assert_int_equal(run.found[i].seq, 3 * i + 1);
		assert_int_equal(run.found[i].ref, 1);
	}
}

/* What is alive, and what holds a reference: where all is accounted for there is no leak. */
static void nothing_leaked(void **state)
{
	struct pr_id a = KEY(10, 1), b = KEY(20, 5), e = KEY(40, 0);
	struct run run;

	(void)state;
	begin(&run);
	fx_execve(&run.b, (struct fx){.id = a, .parent = KEY(1, 1), .flags = PR_EXEC_PROCFS});
	fx_clone(&run.b, KEY(5, 40), a, 40); /* of the frame before, only that one was alive at the start */
	exec_of(&run, b, KEY(1, 1), none);
	fx_execve(&run.b, (struct fx){.id = KEY(30, 6), .parent = a, .cleanup = b, .flags = PR_EXEC_PROCFS}); /* cleans nothing up */
	exec_of(&run, e, KEY(1, 1), none);
	exec_of(&run, KEY(41, 50), b, e); /* a time of 0 is no cleanup */
	feed(&run);
	fx_exit(&run.b, b, 60, 0);
	for (unsigned flag = 0; flag < 3; flag++) { /* what is not a frame of the stream is no exit */
		static const uint8_t flags[] = {PR_ENV_RAW, PR_ENV_META, PR_ENV_CONT};

		pr_auditor_before(run.a, &(struct pr_frame){.seq = 6, .data = run.b.data, .size = (uint32_t)run.b.len, .env_flags = flags[flag]});
	}
	pr_buf_clear(&run.b);
	exec_of(&run, b, KEY(1, 1), none); /* a well-formed frame, looked at alone, and then a cut one: it says nothing */
	pr_auditor_before(run.a, &(struct pr_frame){.seq = 6, .data = run.b.data, .size = (uint32_t)run.b.len});
	pr_buf_clear(&run.b);
	fx_exit(&run.b, KEY(77, 77), 60, 0);
	pr_put_u32(run.b.data + 4, (uint32_t)run.b.len - 1); /* shorter than its fixed part */
	pr_auditor_before(run.a, &(struct pr_frame){.seq = 6, .data = run.b.data, .size = (uint32_t)run.b.len - 1});
	pr_buf_clear(&run.b);
	end(&run);
	assert_int_equal(run.n, 0);
}

/* What was alive at the start holds no reference: it does not hide a leak of its parent's. */
static void leaked_beside_the_snapshot(void **state)
{
	struct pr_id p = KEY(10, 1);
	struct run run;

	(void)state;
	begin(&run);
	exec_of(&run, KEY(5, 5), KEY(1, 1), none);
	exec_of(&run, p, KEY(1, 1), none);
	fx_execve(&run.b, (struct fx){.id = KEY(20, 2), .parent = p, .flags = PR_EXEC_PROCFS});
	exec_of(&run, KEY(5, 5), p, none); /* frame 3: there already; what it counted at p stays */
	end(&run);
	assert_int_equal(run.n, 2);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->id.pid, 10);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->seq, 3);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->ref, 2);
	assert_int_equal(only(&run, PR_FIND_LEAKED)->expected, 1);
}

/* Everything that was there comes again: each tells of its own frames. */
static void data_again(void **state)
{
	struct pr_buf s = PR_BUF_INIT;
	struct run run;

	(void)state;
	begin(&run);
	run.r.settings.max_data = 2;
	pr_buf_append(&s, "/x", 3);
	fx_desc(&s, 8, 0, 1, 1);
	fx_data(&run.b, 1, 1, "four", 4, 1);
	fx_data(&run.b, 1, 1, "more", 4, 1);
	fx_execve(&run.b, (struct fx){.id = KEY(2, 20), .flags = PR_EXEC_DATA_ARGS | PR_EXEC_PROCFS, .strings = s.data, .n = s.len});
	fx_data(&run.b, 1, 1, "four", 4, 1); /* frame 3 */
	fx_data(&run.b, 2, 1, "two", 3, 1);
	fx_data(&run.b, 1, 1, "more", 4, 1);
	fx_data(&run.b, 3, 1, "x", 1, 1); /* drops both */
	fx_data(&run.b, 1, 1, "last", 4, 1); /* frame 7 */
	end(&run);
	pr_buf_release(&s);
	assert_int_equal(run.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		static const uint64_t seq[] = {3, 4, 6, 7}, at[] = {6, 6, 8, 8}, pid[] = {1, 2, 3, 1}, bytes[] = {8, 3, 1, 4};

		assert_int_equal(run.found[i].kind, PR_FIND_DATA_NEVER_TAKEN);
		assert_int_equal(run.found[i].seq, seq[i]);
		assert_int_equal(run.found[i].at, at[i]);
		assert_int_equal(run.found[i].data_pid, pid[i]);
		assert_int_equal(run.found[i].data_bytes, bytes[i]);
	}
	pr_auditor_free(NULL);
}

/* The primitives are seen one by one. */
struct counts {
	unsigned added, add_dropped, inc, inc_nothing, dec, dec_nothing, queued, expired, expiry_done, cleared;
};

static void c_added(void *ctx, const struct pr_entry *e)
{
	(void)e;
	((struct counts *)ctx)->added++;
}

static void c_add_dropped(void *ctx, const struct pr_entry *e)
{
	(void)e;
	((struct counts *)ctx)->add_dropped++;
}

static void c_inc(void *ctx, struct pr_id id, const struct pr_entry *e)
{
	struct counts *c = ctx;

	(void)id;
	c->inc += e != NULL;
	c->inc_nothing += e == NULL;
}

static void c_dec(void *ctx, struct pr_id id, const struct pr_entry *e)
{
	struct counts *c = ctx;

	(void)id;
	c->dec += e != NULL;
	c->dec_nothing += e == NULL;
}

static void c_queued(void *ctx, struct pr_id id, uint64_t time)
{
	(void)id;
	(void)time;
	((struct counts *)ctx)->queued++;
}

static void c_expired(void *ctx, struct pr_id id, uint64_t time, const struct pr_entry *e)
{
	(void)id;
	(void)time;
	(void)e;
	((struct counts *)ctx)->expired++;
}

static void c_expiry_done(void *ctx, int64_t limit)
{
	(void)limit;
	((struct counts *)ctx)->expiry_done++;
}

static void primitives(void **state)
{
	struct counts c = {0};
	struct pr_observer o = {.ctx = &c, .added = c_added, .add_dropped = c_add_dropped, .inc = c_inc, .dec = c_dec,
		.queued = c_queued, .expired = c_expired, .expiry_done = c_expiry_done};
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	pr_replayer_init(&r, &PR_CACHE_SETTINGS_DEFAULT, &o);
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .parent = KEY(1, 1), .flags = PR_EXEC_CLONE});
	fx_clone(&b, KEY(3, 30), KEY(2, 20), 30);
	fx_execve(&b, (struct fx){.id = KEY(3, 31), .parent = KEY(2, 20), .cleanup = KEY(3, 30), .flags = PR_EXEC_CLONE});
	fx_execve(&b, (struct fx){.id = KEY(3, 31), .parent = KEY(2, 20), .flags = PR_EXEC_PROCFS});
	fx_exit(&b, KEY(3, 31), 40, 0);
	fx_exit(&b, KEY(8, 8), 40 + MINUTE, 0);
	fx_feed(&r, &b);
	assert_int_equal(c.added, 3);
	assert_int_equal(c.add_dropped, 1);
	assert_int_equal(c.inc, 2);
	assert_int_equal(c.inc_nothing, 1);
	assert_int_equal(c.dec, 4);
	assert_int_equal(c.dec_nothing, 0);
	assert_int_equal(c.queued, 2);
	assert_int_equal(c.expired, 2);
	assert_int_equal(c.expiry_done, 5);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_life),
		cmocka_unit_test(below_zero),
		cmocka_unit_test(evicted_while_referenced),
		cmocka_unit_test(evicted_alive),
		cmocka_unit_test(held_back),
		cmocka_unit_test(leaked_and_dropped),
		cmocka_unit_test(clones_and_clears),
		cmocka_unit_test(data),
		cmocka_unit_test(dropped_data_and_malformed_frames),
		cmocka_unit_test(held_back_in_order),
		cmocka_unit_test(expiry_knows_its_frame),
		cmocka_unit_test(nothing_leaked),
		cmocka_unit_test(leaked_beside_the_snapshot),
		cmocka_unit_test(data_again),
		cmocka_unit_test(primitives),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}

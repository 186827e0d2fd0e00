/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache: counts of the reference's tables, its odd places, and its limits. */
#include "tests/unit/fx.h"

#define S 1000000000u /* ns */

static void exec_of(struct pr_buf *b, struct pr_id id, struct pr_id parent, struct pr_id cleanup, uint32_t flags)
{
	fx_execve(b, (struct fx){.id = id, .parent = parent, .cleanup = cleanup, .flags = flags, .strings = "/bin/x\0", .n = 8});
}

static const struct pr_id none, init_key = {1, 1};

static void counts_of_clone_and_exec(void **state)
{
	struct pr_id sh = KEY(2, 20), c3 = KEY(3, 30), daemon = KEY(3, 31), c4 = KEY(4, 40), app = KEY(4, 41);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, sh, init_key, none, PR_EXEC_CLONE);
	fx_clone(&b, c3, sh, 30);
	exec_of(&b, daemon, sh, c3, PR_EXEC_CLONE);
	fx_clone(&b, c4, daemon, 40);
	exec_of(&b, app, daemon, c4, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, sh), 2);
	assert_int_equal(fx_ref(&r, c3), 0);
	assert_int_equal(fx_ref(&r, daemon), 2);
	assert_int_equal(fx_ref(&r, c4), 0);
	assert_int_equal(fx_ref(&r, app), 1);
	fx_exit(&b, daemon, 50, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, sh), 1);
	assert_int_equal(fx_ref(&r, c3), 0);
	assert_int_equal(fx_ref(&r, daemon), 1);
	assert_int_equal(fx_ref(&r, c4), 0);
	assert_int_equal(fx_ref(&r, app), 1);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void counts_of_exec_only(void **state)
{
	struct pr_id sh = KEY(2, 20), bash = KEY(2, 21), daemon = KEY(2, 22), c4 = KEY(4, 40), app = KEY(4, 41);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, sh, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, bash, init_key, sh, 0);
	exec_of(&b, daemon, init_key, bash, 0);
	fx_clone(&b, c4, daemon, 40);
	exec_of(&b, app, daemon, c4, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, sh), 0);
	assert_int_equal(fx_ref(&r, bash), 1);
	assert_int_equal(fx_ref(&r, daemon), 2);
	assert_int_equal(fx_ref(&r, c4), 0);
	assert_int_equal(fx_ref(&r, app), 1);
	fx_parent(&r, bash, sh);
	fx_exit(&b, daemon, 50, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, sh), 0);
	assert_int_equal(fx_ref(&r, bash), 0);
	assert_int_equal(fx_ref(&r, daemon), 1);
	assert_int_equal(fx_ref(&r, c4), 0);
	assert_int_equal(fx_ref(&r, app), 1);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* add: the old value stays, whatever the new one says; its increment of the parent is not undone. */
static void add_keeps_the_old_value(void **state)
{
	struct pr_id id = KEY(5, 50), p = KEY(2, 20), q = KEY(3, 30);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, q, init_key, none, PR_EXEC_CLONE);
	fx_execve(&b, (struct fx){.id = id, .parent = p, .flags = PR_EXEC_CLONE, .strings = "/old\0", .n = 6});
	fx_execve(&b, (struct fx){.id = id, .parent = q, .flags = PR_EXEC_CLONE, .strings = "/new\0", .n = 6});
	fx_clone(&b, id, q, 60);
	fx_feed(&r, &b);
	fx_text(&r, id, "/old", "", "");
	fx_parent(&r, id, p);
	assert_int_equal(fx_ref(&r, id), 1);
	assert_int_equal(fx_ref(&r, p), 2);
	assert_int_equal(fx_ref(&r, q), 3);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* Counts go below zero and queue nothing there; passing zero again on the way up queues nothing either. */
static void counts_below_zero(void **state)
{
	struct pr_id p = KEY(2, 20);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, p, 30, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	assert_int_equal(r.cache.queue_len, 1);
	fx_exit(&b, p, 31, 0);
	fx_exit(&b, p, 32, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), -2);
	assert_int_equal(r.cache.queue_len, 1);
	fx_clone(&b, KEY(3, 33), p, 33);
	fx_clone(&b, KEY(4, 34), p, 34);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	assert_int_equal(r.cache.queue_len, 1);
	fx_clone(&b, KEY(5, 35), p, 35);
	fx_exit(&b, KEY(5, 35), 36, 0); /* down to zero again: queued a second time, and the child */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	assert_int_equal(r.cache.queue_len, 3);
	assert_int_equal(pr_cache_queued(&r.cache, 1)->id.pid, 2); /* the parent's comes first */
	assert_int_equal(pr_cache_queued(&r.cache, 2)->id.pid, 5);
	assert_int_equal(pr_cache_queued(&r.cache, 2)->time, 36);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void expiry_after_a_minute(void **state)
{
	struct pr_id p = KEY(2, 20);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, p, 100, 0);
	fx_exit(&b, KEY(99, 99), 100 + 60 * (uint64_t)S - 1, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	fx_exit(&b, KEY(99, 99), 100 + 60 * (uint64_t)S, 0); /* of an unknown process: expires all the same */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), FX_GONE);
	assert_int_equal(r.cache.queue_len, 0);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* Evicted by its key, whatever its count is by then. */
static void eviction_of_a_key_whose_count_rose(void **state)
{
	struct pr_id p = KEY(2, 20), q = KEY(3, 30);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, p, 100, 0);
	fx_clone(&b, q, p, 101);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 1);
	fx_exit(&b, KEY(99, 99), 200 + 60 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), FX_GONE);
	assert_int_equal(fx_ref(&r, q), 1);
	fx_text(&r, q, "/bin/x", "", ""); /* the text that it shares is still there */
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void young_head_holds_back(void **state)
{
	struct pr_id p = KEY(2, 20), q = KEY(3, 30);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, q, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, p, 1000 * (uint64_t)S, 0); /* out of order: the head is the younger one */
	fx_exit(&b, q, 1, 0);
	fx_exit(&b, KEY(99, 99), 500 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, q), 0);
	assert_int_equal(r.cache.queue_len, 2);
	fx_exit(&b, KEY(99, 99), 1060 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 0);
	assert_int_equal(r.cache.queue_len, 0);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* Signed: a clock that is younger than a minute expires nothing, and times above 2^63 are long past. */
static void times_are_signed(void **state)
{
	struct pr_id p = KEY(2, 20), q = KEY(3, 30);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, p, 0, 0);
	fx_exit(&b, KEY(99, 99), 59 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	fx_exit(&b, KEY(99, 99), 60 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), FX_GONE);
	exec_of(&b, q, init_key, none, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	fx_exit(&b, q, UINT64_MAX - 5, 0); /* -6: queued, and not yet a minute old */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, q), 0);
	fx_exit(&b, KEY(99, 99), 60 * (uint64_t)S - 6, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, q), FX_GONE);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* An execve expires by the new image's time, a clone and an exit by the frame's. */
static void which_clock_expires(void **state)
{
	struct pr_id p = KEY(2, 20);
	uint64_t late = 100 + 60 * (uint64_t)S;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		fx_init(&r);
		exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
		exec_of(&b, KEY(9, 9), init_key, none, PR_EXEC_CLONE);
		fx_exit(&b, p, 100, 0);
		fx_feed(&r, &b);
		if (kind == 0)
			fx_execve(&b, (struct fx){.id = KEY(3, late), .ktime = 1});
		else if (kind == 1)
			fx_execve(&b, (struct fx){.id = KEY(3, 1), .ktime = late});
		else if (kind == 2)
			fx_clone(&b, KEY(3, 1), KEY(9, 9), late);
		else
			fx_clone(&b, KEY(3, late), KEY(8, 8), late); /* no parent: nothing else happens, not even expiry */
		fx_feed(&r, &b);
		assert_int_equal(fx_ref(&r, p), kind == 0 || kind == 2 ? FX_GONE : 0);
		assert_int_equal(r.clone_misses, kind == 3);
		pr_replayer_release(&r);
	}
	pr_buf_release(&b);
}

static void procfs_only_adds(void **state)
{
	struct pr_id p = KEY(2, 20), q = KEY(3, 30), old = KEY(4, 40);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	r.settings.max_entries = 2;
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, old, init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, old, 50, 0);
	fx_feed(&r, &b);
	exec_of(&b, KEY(3, 1000 * (uint64_t)S), p, none, PR_EXEC_PROCFS); /* no inc, no expiry, no limit */
	exec_of(&b, q, p, p, PR_EXEC_PROCFS); /* no cleanup; but the parent key is by the rule */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 1);
	assert_int_equal(fx_ref(&r, old), 0);
	assert_int_equal(r.cache.map.len, 4);
	fx_parent(&r, q, p);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* Cleanup of a key that is not there: nothing. Of one that is: its parent first, then itself, whatever CLONE says. */
static void cleanup(void **state)
{
	struct pr_id p = KEY(2, 20), c = KEY(3, 30);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, KEY(5, 50), p, KEY(77, 77), PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 2);
	fx_clone(&b, c, p, 30);
	exec_of(&b, KEY(3, 31), p, c, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 3); /* +1 clone, +1 exec, -1 the clone's */
	assert_int_equal(fx_ref(&r, c), 0);
	exec_of(&b, KEY(3, 32), p, KEY(3, 31), 0); /* without a clone: of the image that it replaces */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, KEY(3, 31)), 1);
	assert_int_equal(fx_ref(&r, p), 2);
	exec_of(&b, KEY(6, 60), p, KEY(2, 0), PR_EXEC_CLONE); /* a zero ktime: none known, whatever the pid */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 3);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* An exec whose own key is its parent or its cleanup works in the order of the rules. */
static void an_image_that_is_its_own_parent(void **state)
{
	struct pr_id p = KEY(2, 20);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	exec_of(&b, p, p, none, PR_EXEC_CLONE); /* inc finds nothing yet */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 1);
	exec_of(&b, p, p, p, 0); /* inc 2; add dropped; dec parent-of-cleanup 1; dec cleanup 0 */
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), 0);
	assert_int_equal(r.cache.queue_len, 1);
	fx_exit(&b, p, 30, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, p), -2);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void clear_leaves_the_queue(void **state)
{
	struct pr_id p = KEY(2, 20);
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	r.settings.max_clone_entries = 3;
	exec_of(&b, p, init_key, none, PR_EXEC_CLONE);
	exec_of(&b, KEY(3, 30), init_key, none, PR_EXEC_CLONE);
	fx_exit(&b, KEY(3, 30), 40, 0);
	fx_clone(&b, KEY(4, 40), p, 41);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 3); /* not more than the limit */
	fx_clone(&b, KEY(5, 50), p, 42);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 0);
	assert_int_equal(r.cache.queue_len, 1);
	exec_of(&b, KEY(3, 30), init_key, none, PR_EXEC_CLONE); /* the same key again: the old expiry takes it */
	fx_exit(&b, KEY(99, 99), 200 + 60 * (uint64_t)S, 0);
	fx_feed(&r, &b);
	assert_int_equal(fx_ref(&r, KEY(3, 30)), FX_GONE);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void clone_limit_is_not_the_execs(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	for (uint32_t i = 0; i < 3001; i++)
		exec_of(&b, KEY(100 + i, 10), init_key, none, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 3001); /* an exec may leave 4194304 */
	fx_clone(&b, KEY(5, 50), KEY(99, 9), 42); /* a clone that is dropped looks at no limit */
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 3001);
	fx_clone(&b, KEY(5, 50), KEY(100, 10), 42);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 0);
	for (uint32_t i = 0; i < 2999; i++)
		exec_of(&b, KEY(100 + i, 10), init_key, none, PR_EXEC_CLONE);
	fx_clone(&b, KEY(5, 50), KEY(100, 10), 42);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 3000);
	r.settings.max_entries = 3000;
	exec_of(&b, KEY(6, 60), init_key, none, PR_EXEC_CLONE);
	fx_feed(&r, &b);
	assert_int_equal(r.cache.map.len, 0);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void malformed_frames_change_nothing(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_applied a;
	struct pr_replayer r;
	struct pr_errinfo ei;
	uint8_t junk[100] = {PR_OP_EXIT};

	(void)state;
	fx_init(&r);
	exec_of(&b, KEY(2, 20), init_key, none, PR_EXEC_CLONE);
	fx_exec_info(&b, KEY(3, 30), 0, "kept");
	fx_feed(&r, &b);
	fx_execve(&b, (struct fx){.id = KEY(3, 30), .parent = KEY(2, 20), .strings = "/x", .n = 2, .size = 60});
	assert_int_equal(fx_feed(&r, &b).kind, PR_APPLIED_MALFORMED);
	assert_int_equal(fx_ref(&r, KEY(2, 20)), 1);
	pr_put_u32(junk + 4, 100);
	assert_int_equal(pr_replayer_apply(&r, &(struct pr_frame){.data = junk, .size = 99}, &a, &ei), 0);
	assert_int_equal(a.kind, PR_APPLIED_MALFORMED);
	assert_int_equal(pr_replayer_apply(&r, &(struct pr_frame){.data = junk, .size = 100, .env_flags = PR_ENV_RAW}, &a, &ei), 0);
	assert_int_equal(a.kind, PR_APPLIED_MALFORMED);
	assert_string_equal(a.why, "not delimited by a frame header");
	assert_int_equal(r.malformed, 3);
	assert_int_equal(r.frames, 5);
	assert_int_equal(pr_replayer_apply(&r, &(struct pr_frame){.data = junk, .size = 100, .env_flags = PR_ENV_RAW | PR_ENV_CONT}, &a, &ei), 0);
	assert_int_equal(a.kind, PR_APPLIED_META);
	assert_int_equal(pr_replayer_apply(&r, &(struct pr_frame){.data = junk, .size = 100, .env_flags = PR_ENV_META}, &a, &ei), 0);
	assert_int_equal(a.event->op, PR_OP_EXIT); /* what was put beside the stream is told, where it can be */
	for (unsigned i = 0; i < 2; i++) {
		struct pr_frame f = {.data = junk, .size = 100 - i, .env_flags = i ? PR_ENV_META : PR_ENV_META | PR_ENV_RAW};

		assert_int_equal(pr_replayer_apply(&r, &f, &a, &ei), 0);
		assert_int_equal(a.kind, PR_APPLIED_META);
		assert_null(a.event);
	}
	assert_int_equal(r.malformed, 3); /* neither is counted */
	assert_int_equal(r.frames, 5);
	fx_exec_info(&b, KEY(9, 9), 0, "beside");
	assert_int_equal(pr_replayer_apply(&r, &(struct pr_frame){.data = b.data, .size = (uint32_t)b.len, .env_flags = PR_ENV_META}, &a, &ei), 0);
	pr_buf_clear(&b);
	exec_of(&b, KEY(3, 30), KEY(2, 20), none, 0); /* the announcement outlived the malformed frame */
	fx_feed(&r, &b);
	assert_true(pr_cache_lookup(&r.cache, KEY(3, 30))->image->has_argv0);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

/* Names apply from their place on; what was rendered before keeps the old one. */
static void names_have_their_time(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	const struct pr_entry *e;
	struct pr_replayer r;

	(void)state;
	fx_init(&r);
	fx_user(&b, 7, "old");
	fx_host(&b, "first");
	fx_execve(&b, (struct fx){.id = KEY(2, 20), .uid = 7});
	fx_user(&b, 7, "new");
	fx_host(&b, "second");
	fx_execve(&b, (struct fx){.id = KEY(3, 30), .uid = 7});
	fx_execve(&b, (struct fx){.id = KEY(4, 40), .uid = 8});
	fx_clone(&b, KEY(5, 50), KEY(2, 20), 50); /* the parent's text, but its own exec_id */
	fx_feed(&r, &b);
	e = pr_cache_lookup(&r.cache, KEY(2, 20));
	fx_is(pr_image_user(e->image), "old");
	assert_memory_equal(e->host->bytes, "first", 5);
	e = pr_cache_lookup(&r.cache, KEY(3, 30));
	fx_is(pr_image_user(e->image), "new");
	assert_memory_equal(e->host->bytes, "second", 6);
	fx_is(pr_image_user(pr_cache_lookup(&r.cache, KEY(4, 40))->image), "");
	e = pr_cache_lookup(&r.cache, KEY(5, 50));
	fx_is(pr_image_user(e->image), "old");
	assert_memory_equal(e->host->bytes, "second", 6);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void too_many_names(void **state)
{
	struct pr_names n;
	struct pr_errinfo ei;
	char *big = calloc(1, 40 << 20);

	(void)state;
	pr_names_init(&n);
	for (int i = 0; i < 3; i++) /* one name that is replaced is one name */
		assert_int_equal(pr_names_set_user(&n, 1, big, 40 << 20, &ei), 0);
	assert_int_equal(pr_names_set_user(&n, 2, big, 40 << 20, &ei), PR_ELIMIT);
	assert_int_equal(pr_names_set_host(&n, big, 40 << 20, &ei), PR_ELIMIT);
	assert_null(pr_names_user(&n, 2));
	assert_int_equal(pr_names_user(&n, 1)->len, 40 << 20);
	pr_names_release(&n);
	free(big);
}

/* What is held is counted: after everything is gone, only empty room is left. */
static void memory_is_accounted_for(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;
	uint64_t empty;

	(void)state;
	fx_init(&r);
	r.settings.max_clone_entries = 10;
	for (int round = 0; round < 3; round++) {
		exec_of(&b, KEY(2, 20), init_key, none, PR_EXEC_CLONE);
		exec_of(&b, KEY(2, 20), init_key, none, PR_EXEC_CLONE);
		for (uint32_t i = 0; i < 10; i++)
			fx_clone(&b, KEY(3 + i, 30), KEY(2, 20), 31);
		fx_feed(&r, &b);
		assert_int_equal(r.cache.map.len, 0);
		if (round)
			assert_int_equal(r.cache.bytes, empty);
		empty = r.cache.bytes;
	}
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void memory_limit(void **state)
{
	static char strings[1000];
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;
	struct pr_replayer r;
	struct pr_applied a;
	int err = 0;

	(void)state;
	fx_init(&r);
	r.settings.max_bytes = 1 << 20;
	for (uint32_t i = 0; i < 2000 && !err; i++) {
		fx_execve(&b, (struct fx){.id = KEY(10 + i, 10), .parent = init_key, .strings = strings, .n = sizeof(strings)});
		err = pr_replayer_apply(&r, &(struct pr_frame){.seq = i, .data = b.data, .size = (uint32_t)b.len}, &a, &ei);
		pr_buf_clear(&b);
	}
	assert_int_equal(err, PR_ELIMIT);
	assert_non_null(strstr(ei.msg, "--cache-max-bytes"));
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

static void sorted_by_pid_and_time(void **state)
{
	static const struct pr_id ids[] = {{3, 1}, {2, 9}, {0x80000000, 1}, {2, UINT64_MAX}, {2, 1}, {0, 5}};
	static const size_t order[] = {5, 4, 1, 3, 0, 2};
	struct pr_buf b = PR_BUF_INIT;
	struct pr_entry **v;
	struct pr_replayer r;
	size_t n;

	(void)state;
	fx_init(&r);
	assert_int_equal(pr_cache_sorted(&r.cache, &v, &n), 0);
	assert_int_equal(n, 0);
	assert_null(v);
	for (size_t i = 0; i < 6; i++)
		exec_of(&b, ids[i], init_key, none, PR_EXEC_PROCFS);
	fx_feed(&r, &b);
	assert_int_equal(pr_cache_sorted(&r.cache, &v, &n), 0);
	assert_int_equal(n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(pr_id_equal(v[i]->id, ids[order[i]]));
	free(v);
	pr_replayer_release(&r);
	pr_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_clone_and_exec),
		cmocka_unit_test(counts_of_exec_only),
		cmocka_unit_test(add_keeps_the_old_value),
		cmocka_unit_test(counts_below_zero),
		cmocka_unit_test(expiry_after_a_minute),
		cmocka_unit_test(eviction_of_a_key_whose_count_rose),
		cmocka_unit_test(young_head_holds_back),
		cmocka_unit_test(times_are_signed),
		cmocka_unit_test(which_clock_expires),
		cmocka_unit_test(procfs_only_adds),
		cmocka_unit_test(cleanup),
		cmocka_unit_test(an_image_that_is_its_own_parent),
		cmocka_unit_test(clear_leaves_the_queue),
		cmocka_unit_test(clone_limit_is_not_the_execs),
		cmocka_unit_test(malformed_frames_change_nothing),
		cmocka_unit_test(names_have_their_time),
		cmocka_unit_test(too_many_names),
		cmocka_unit_test(memory_is_accounted_for),
		cmocka_unit_test(memory_limit),
		cmocka_unit_test(sorted_by_pid_and_time),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of what lives, against a plain list of it: after any history a keyframe tells of exactly what lives, of all ancestors that it
 * refers to, and how these ended. Who only read that keyframe knows as much as who saw it all.
 */
#include "schema/livetab.h"

#include "tests/unit/frames.h"
#include "tests/unit/unit.h"

#define PROCESSES 200
#define IMAGES 20000
#define RUNS 40

struct image {
	struct frame_key key, parent;
	uint64_t ended; /* ktime; 0: it lives */
	uint32_t status, how;
};

struct world {
	struct frames f;
	uint64_t rnd, now;
	struct image images[IMAGES];
	size_t n;
	size_t living[PROCESSES]; /* numbers of images */
	size_t n_living;
	uint32_t next_pid;
};

static uint64_t below(struct world *w, uint64_t n)
{
	return unit_random(&w->rnd) % n;
}

static size_t add_image(struct world *w, struct frame_key key, struct frame_key parent)
{
	assert_true(w->n < IMAGES);
	w->images[w->n] = (struct image){.key = key, .parent = parent};
	return w->n++;
}

static void do_clone(struct world *w)
{
	struct frame_key parent = w->images[w->living[below(w, w->n_living)]].key;
	struct frame_key child = {1 + w->next_pid++ % 1000, w->now};

	for (size_t i = 0; i < w->n_living; i++)
		if (w->images[w->living[i]].key.pid == child.pid)
			return;
	frame_clone(&w->f, w->now, parent, child, 0);
	w->living[w->n_living++] = add_image(w, child, parent);
}

static void do_exec(struct world *w)
{
	static const char strings[] = "/bin/true\0-x\0/";
	size_t at = below(w, w->n_living);
	struct image *old = &w->images[w->living[at]];
	bool first = old->key.ktime != old->parent.ktime && old->parent.pid != old->key.pid && below(w, 2);
	struct frame_key key = {old->key.pid, w->now};

	frame_execve(&w->f, PR_STREAM_EXEC, w->now, key, first ? old->parent : (struct frame_key){9, 9}, old->key,
		PR_EXEC_EXECVE | (first ? PR_EXEC_CLONE : 0), strings, sizeof(strings) - 1);
	old->ended = w->now;
	old->how = PR_ENDED_BY_EXEC;
	w->living[at] = add_image(w, key, first ? old->parent : old->key);
}

static void do_exit(struct world *w)
{
	size_t at = below(w, w->n_living);
	struct image *old = &w->images[w->living[at]];

	if (w->n_living == 1)
		return;
	old->ended = w->now;
	old->how = PR_ENDED_BY_EXIT;
	old->status = (uint32_t)below(w, 65536);
	frame_exit(&w->f, w->now, old->key, old->status);
	w->living[at] = w->living[--w->n_living];
}

static void step(struct world *w)
{
	w->now += 1 + below(w, 3);
	if (w->n_living < PROCESSES && below(w, 5) < 2)
		do_clone(w);
	else if (below(w, 2))
		do_exec(w);
	else
		do_exit(w);
}

/* Feeds whole envelopes, frame by frame, or as a block. */
static void feed(struct pr_livetab *t, const struct pr_buf *b, bool as_block)
{
	struct pr_block block = {.desc.raw_size = (uint32_t)b->len, .raw = b->data};
	struct pr_frame_iter it;
	struct pr_frame f;

	if (as_block) {
		pr_livetab_block(t, &block);
		return;
	}
	pr_frame_iter_init(&it, &block);
	while (pr_frame_iter_next(&it, &f))
		pr_livetab_frame(t, &f);
	assert_false(it.damaged);
}

static struct pr_buf keyframe(struct pr_livetab *t, uint64_t now)
{
	struct pr_buf b = PR_BUF_INIT, clock = PR_BUF_INIT;

	assert_int_equal(pr_livetab_keyframe(t, now, &clock, &b, NULL), 0);
	assert_false(t->failed);
	return b;
}

static struct frame_key key_at(const struct pr_frame *f, size_t off)
{
	return (struct frame_key){pr_get_u32(f->data + off), pr_get_u64(f->data + off + 8)};
}

static struct image *image_of(struct world *w, struct frame_key k)
{
	for (size_t i = w->n; i-- > 0;)
		if (w->images[i].key.pid == k.pid && w->images[i].key.ktime == k.ktime)
			return &w->images[i];
	return NULL;
}

/* What the keyframe tells, against the list. */
static void check(struct world *w, const struct pr_buf *b)
{
	struct pr_block block = {.desc.raw_size = (uint32_t)b->len, .raw = b->data};
	bool *told = calloc(IMAGES, sizeof(*told)), *over = calloc(IMAGES, sizeof(*over));
	struct pr_frame_iter it;
	struct pr_frame f;

	pr_frame_iter_init(&it, &block);
	while (pr_frame_iter_next(&it, &f)) {
		struct image *im = NULL;

		assert_true(f.env_flags & PR_ENV_REPEAT);
		if (f.op == PR_OP_EXECVE || f.op == PR_OP_CLONE) {
			struct frame_key k = key_at(&f, f.op == PR_OP_CLONE ? offsetof(struct pr_msg_clone, tgid) : 324);

			k.ktime = pr_get_u64(f.data + (f.op == PR_OP_CLONE ? offsetof(struct pr_msg_clone, ktime) : 368));
			im = image_of(w, k);
			assert_non_null(im);
			assert_false(told[im - w->images]);
			told[im - w->images] = true;
			k = key_at(&f, f.op == PR_OP_CLONE ? offsetof(struct pr_msg_clone, parent) : offsetof(struct pr_msg_execve, parent));
			assert_int_equal(k.pid, im->parent.pid);
			assert_int_equal(k.ktime, im->parent.ktime);
			/* what it descends from stands before it */
			im = image_of(w, k);
			assert_true(!im || told[im - w->images]);
		} else if (f.op == PR_OP_ENDED) {
			im = image_of(w, key_at(&f, offsetof(struct pr_ended, key)));
			assert_non_null(im);
			assert_true(told[im - w->images]);
			assert_int_equal(pr_get_u64(f.data + offsetof(struct pr_ended, when)), im->ended);
			assert_int_equal(pr_get_u32(f.data + offsetof(struct pr_ended, how)), im->how);
			assert_int_equal(pr_get_u32(f.data + offsetof(struct pr_ended, status)), im->status);
			over[im - w->images] = true;
		}
	}
	for (size_t i = 0; i < w->n; i++) {
		bool lives = !w->images[i].ended;

		assert_int_equal(told[i] && !over[i], lives);
	}
	free(told);
	free(over);
}

static void any_history(void **state)
{
	(void)state;
	for (uint64_t run = 1; run <= RUNS; run++) {
		struct world *w = calloc(1, sizeof(*w));
		struct pr_livetab all, late;
		struct pr_buf a, b;

		w->rnd = run * 0x9e3779b97f4a7c15u;
		w->now = 1000;
		pr_livetab_init(&all);
		pr_livetab_init(&late);
		frame_clone(&w->f, w->now, (struct frame_key){0, 0}, (struct frame_key){5000, 1000}, 0);
		w->living[w->n_living++] = add_image(w, (struct frame_key){5000, 1000}, (struct frame_key){0, 0});
		for (int round = 0; round < 4; round++) {
			for (uint64_t n = below(w, 800); n--;)
				step(w);
			feed(&all, &w->f.buf, run % 2);
			feed(&late, &w->f.buf, false);
			pr_buf_clear(&w->f.buf);
			a = keyframe(&all, ++w->now);
			check(w, &a);
			if (round) { /* who began with the last keyframe tells the same */
				b = keyframe(&late, w->now);
				assert_int_equal(a.len, b.len);
				assert_memory_equal(a.data, b.data, a.len);
				pr_buf_release(&b);
			}
			pr_livetab_release(&late);
			pr_livetab_init(&late);
			feed(&late, &a, false);
			pr_buf_release(&a);
		}
		pr_livetab_release(&all);
		pr_livetab_release(&late);
		pr_buf_release(&w->f.buf);
		free(w);
	}
}

/* More ancestors that ended than are swept away at once: none is lost while they are read from a keyframe. */
static void long_chains(void **state)
{
	static const char strings[] = "/bin/sh\0\0/";
	struct frames f = {0};
	struct pr_livetab all, late;
	struct pr_buf a, b;

	(void)state;
	pr_livetab_init(&all);
	pr_livetab_init(&late);
	for (uint32_t p = 1; p <= 10; p++) {
		frame_clone(&f, p, (struct frame_key){0, 0}, (struct frame_key){p, p}, 0);
		for (uint64_t i = 0; i < 1000; i++)
			frame_execve(&f, PR_STREAM_EXEC, 100 + i, (struct frame_key){p, 100 + i}, (struct frame_key){0, 0},
				(struct frame_key){p, i ? 99 + i : p}, PR_EXEC_EXECVE, strings, sizeof(strings) - 1);
	}
	feed(&all, &f.buf, true);
	a = keyframe(&all, 5000);
	assert_int_equal(all.by_key.len, 10010);
	feed(&late, &a, false);
	b = keyframe(&late, 5000);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	pr_buf_release(&a);
	pr_buf_release(&b);
	pr_livetab_release(&all);
	pr_livetab_release(&late);
	pr_buf_release(&f.buf);
}

/* A new recording, or state that is told again, takes the place of all that was known; an earlier one's living are not carried over. */
static void begins_anew(void **state)
{
	struct frames f = {0}, g = {0};
	struct pr_livetab t;
	struct pr_buf a;

	(void)state;
	pr_livetab_init(&t);
	frame_begin(&f, PR_STREAM_USER, PR_OP_HOST, 1);
	pr_enveloped_end(&f.buf, 0);
	frame_clone(&f, 5, (struct frame_key){0, 0}, (struct frame_key){5, 5}, 0);
	frame_begin(&g, PR_STREAM_USER, PR_OP_HOST, 9);
	pr_enveloped_end(&g.buf, 0);
	frame_clone(&g, 10, (struct frame_key){0, 0}, (struct frame_key){6, 10}, 0);
	feed(&t, &f.buf, false);
	assert_int_equal(t.by_key.len, 1);
	feed(&t, &g.buf, false);
	assert_int_equal(t.by_key.len, 1);
	assert_non_null(pr_map_get(&t.by_key, 6, 10));
	a = keyframe(&t, 11);
	frame_clone(&g, 12, (struct frame_key){6, 10}, (struct frame_key){7, 12}, 0);
	feed(&t, &g.buf, false);
	feed(&t, &a, false);
	assert_int_equal(t.by_key.len, 1);
	pr_buf_release(&a);
	pr_buf_release(&f.buf);
	pr_buf_release(&g.buf);
	pr_livetab_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history),
		cmocka_unit_test(long_chains),
		cmocka_unit_test(begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

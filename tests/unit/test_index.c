/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"


#include "schema/index.h"
#include "tests/unit/frames.h"

typedef struct frame_key K;

#define NONE ((K){0, 0})
#define CLONED (PR_EXEC_EXECVE | PR_EXEC_CLONE)
#define LS "/bin/ls\0-l\0/"

static struct pr_trace *trace_of(const struct frames *f, uint32_t block_bytes, struct pr_buf *out_seg)
{
	struct pr_trace *t;
	struct pr_errinfo ei;

	*out_seg = unit_segment(&f->buf, block_bytes);
	assert_int_equal(pr_trace_open_source(&t, pr_source_memory(out_seg->data, out_seg->len), &ei), 0);
	return t;
}

static void exec_frame(struct frames *f, uint64_t now, K key, K parent, K cleanup, uint32_t flags)
{
	frame_execve(f, PR_STREAM_EXEC, now, key, parent, cleanup, flags, LS, sizeof(LS) - 1);
}

static struct pr_proc must_get(struct pr_index *ix, K k)
{
	struct pr_proc p;
	struct pr_errinfo ei;

	assert_int_equal(pr_index_get(ix, (struct pr_proc_key){k.pid, k.ktime}, &p, &ei), 0);
	assert_int_equal(p.key.pid, k.pid);
	assert_int_equal(p.key.ktime, k.ktime);
	return p;
}

static bool has(struct pr_index *ix, K k)
{
	struct pr_proc p;

	return pr_index_get(ix, (struct pr_proc_key){k.pid, k.ktime}, &p, NULL) == 0;
}

static int count(void *ctx, const struct pr_proc *p)
{
	(void)p;
	(*(int *)ctx)++;
	return 0;
}

static int n_children(struct pr_index *ix, K k)
{
	int n = 0;

	assert_int_equal(pr_index_children(ix, (struct pr_proc_key){k.pid, k.ktime}, count, &n, NULL), 0);
	return n;
}

/* A shell clones and execs: one row for both identities, each found by its key. */
static void test_clone_exec(void **state)
{
	struct frames f = {0};
	struct pr_buf seg;
	struct pr_trace *t;
	struct pr_index *ix;
	struct pr_proc p;
	int n = 0;

	(void)state;
	frame_execve(&f, PR_STREAM_USER, 1000, (K){1, 1}, (K){0, 1}, NONE, PR_EXEC_PROCFS, LS, sizeof(LS) - 1);
	frame_clone(&f, 2000, (K){1, 1}, (K){5, 1999}, 0);
	frame_exec_info(&f, 3000, (K){5, 3000}, "ls", 2, 3);
	exec_frame(&f, 3000, (K){5, 3000}, (K){1, 1}, (K){5, 1999}, CLONED);
	exec_frame(&f, 4000, (K){5, 4000}, (K){1, 1}, (K){5, 3000}, PR_EXEC_EXECVE);
	frame_exit(&f, 9000, (K){5, 4000}, 256);
	t = trace_of(&f, 0, &seg);
	assert_int_equal(pr_index_build(&ix, t, NULL), 0);
	assert_int_equal(pr_index_meta(ix)->processes, 3);
	p = must_get(ix, (K){5, 1999});
	assert_true(p.embedded && p.start == PR_START_CLONE && p.end == PR_ENDED_EXEC);
	assert_int_equal(p.parent.pid, 1);
	assert_int_equal(p.seq, 1);
	assert_int_equal(p.end_seq, 3);
	p = must_get(ix, (K){5, 3000});
	assert_true(p.start == PR_START_EXEC && p.first_exec && p.has_pre && p.end == PR_ENDED_EXEC && p.end_ktime == 4000);
	assert_int_equal(p.parent.pid, 1);
	assert_int_equal(p.lead, 1);
	assert_int_equal(p.clone_seq, 1);
	p = must_get(ix, (K){5, 4000});
	assert_true(p.parent.pid == 5 && p.parent.ktime == 3000 && p.end == PR_ENDED_EXIT && p.status == 256 && p.end_ktime == 9000);
	assert_int_equal(p.end_seq, 5);
	p = must_get(ix, (K){1, 1});
	assert_true(p.start == PR_START_SNAPSHOT && !p.end && p.has_parent);
	assert_false(has(ix, (K){5, 2000}));
	assert_false(has(ix, (K){6, 1}));
	assert_int_equal(n_children(ix, (K){1, 1}), 1);
	assert_int_equal(n_children(ix, (K){5, 3000}), 1);
	assert_int_equal(pr_index_pid(ix, 5, 3500, count, &n, NULL), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(pr_index_long_at(ix, 5000, count, &n, NULL), 0);
	assert_int_equal(n, 1); /* init alone: the others are short */
	pr_index_close(ix);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&f.buf);
}

/* ---- any order, any loss: against the truth ------------------------------------------------------------------------ */

#define STEPS 4000

struct life { /* one identity, as it was */
	K key, parent;
	bool by_exec, start_lost, end_lost;
	int end; /* enum pr_proc_end */
	uint64_t end_ktime;
	uint32_t status;
};

struct one_frame {
	struct frames f;
};

struct history {
	struct life *lives;
	size_t n, cap;
	struct one_frame *frames;
	size_t n_frames, cap_frames;
	uint64_t rnd;
};

static uint64_t roll(struct history *h, uint64_t n)
{
	return unit_random(&h->rnd) % n;
}

static struct frames *new_frame(struct history *h)
{
	if (h->n_frames == h->cap_frames) {
		h->cap_frames = h->cap_frames ? h->cap_frames * 2 : 64;
		h->frames = realloc(h->frames, h->cap_frames * sizeof(*h->frames));
		assert_non_null(h->frames);
	}
	h->frames[h->n_frames] = (struct one_frame){0};
	return &h->frames[h->n_frames++].f;
}

static struct life *new_life(struct history *h, K key, K parent, bool by_exec, bool lost)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->lives = realloc(h->lives, h->cap * sizeof(*h->lives));
		assert_non_null(h->lives);
	}
	h->lives[h->n] = (struct life){.key = key, .parent = parent, .by_exec = by_exec, .start_lost = lost};
	return &h->lives[h->n++];
}

/* Few pids, so that they are used again and again. `live` holds indexes of lives, by pid; -1: free. */
static void make_history(struct history *h, size_t steps, unsigned pids, unsigned loss_percent)
{
	ptrdiff_t *live = calloc(pids, sizeof(*live));
	bool *fresh = calloc(pids, sizeof(*fresh)); /* was cloned and did not exec yet */
	K *creator = calloc(pids, sizeof(*creator));
	uint64_t now = 1000000;

	for (unsigned i = 0; i < pids; i++)
		live[i] = -1;
	new_life(h, (K){0, 1}, NONE, true, true); /* pid 0 stands for what is outside */
	live[0] = 0;
	for (size_t s = 0; s < steps; s++) {
		unsigned pid = 1 + (unsigned)roll(h, pids - 1), from = (unsigned)roll(h, pids);
		bool lost = roll(h, 100) < loss_percent;
		struct life *l;
		K key;

		now += 1000 + roll(h, roll(h, 20) ? 100000 : 2000000000);
		key = (K){pid, now};
		if (live[pid] < 0) {
			if (live[from] < 0)
				continue;
			l = new_life(h, key, h->lives[live[from]].key, false, lost);
			live[pid] = l - h->lives;
			fresh[pid] = true;
			creator[pid] = l->parent;
			if (!lost)
				frame_clone(new_frame(h), now + 10, l->parent, key, 0);
		} else if (roll(h, 2)) {
			K old = h->lives[live[pid]].key;

			l = new_life(h, key, fresh[pid] ? creator[pid] : old, true, lost);
			h->lives[live[pid]].end = PR_ENDED_EXEC;
			h->lives[live[pid]].end_ktime = now;
			h->lives[live[pid]].end_lost = lost;
			live[pid] = l - h->lives;
			if (!lost)
				exec_frame(new_frame(h), now, key, creator[pid], old, fresh[pid] ? CLONED : PR_EXEC_EXECVE);
			fresh[pid] = false;
		} else {
			l = &h->lives[live[pid]];
			l->end = PR_ENDED_EXIT;
			l->end_ktime = now;
			l->status = (uint32_t)roll(h, 3) << 8;
			l->end_lost = lost;
			live[pid] = -1;
			if (!lost)
				frame_exit(new_frame(h), now, l->key, l->status);
		}
	}
	free(live);
	free(fresh);
	free(creator);
}

/* Frames change places with others up to `distance` away; some come twice. */
static void shuffle(struct history *h, size_t distance)
{
	for (size_t i = 0; distance && i + 1 < h->n_frames; i++) {
		size_t j = i + roll(h, distance);
		struct one_frame t = h->frames[i];

		if (j >= h->n_frames)
			j = h->n_frames - 1;
		h->frames[i] = h->frames[j];
		h->frames[j] = t;
	}
}

static void check_life(struct pr_index *ix, const struct life *l)
{
	struct pr_proc p;
	int err = pr_index_get(ix, (struct pr_proc_key){l->key.pid, l->key.ktime}, &p, NULL);

	if (err) {
		assert_true(l->start_lost && (l->end_lost || !l->end));
		return;
	}
	assert_int_equal(p.has_parent, !l->start_lost);
	assert_false(p.conflict);
	if (!l->start_lost) {
		assert_int_equal(p.parent.pid, l->parent.pid);
		assert_int_equal(p.parent.ktime, l->parent.ktime);
		assert_int_equal(p.start, l->by_exec ? PR_START_EXEC : PR_START_CLONE);
	}
	assert_int_equal(p.end, l->end_lost ? PR_ENDED_UNSEEN : l->end);
	if (p.end)
		assert_int_equal(p.end_ktime, l->end_ktime);
	if (p.end == PR_ENDED_EXIT)
		assert_int_equal(p.status, l->status);
}

/* Who lived at T, by the table `long`: all that live longer than the span that it is for, and none that did not live then. */
struct at_check {
	struct history *h;
	uint64_t t;
	size_t n;
};

static int check_alive(void *ctx, const struct pr_proc *p)
{
	struct at_check *c = ctx;

	assert_true(p->key.ktime <= c->t && (!p->end || p->end_ktime > c->t));
	c->n++;
	return 0;
}

static void check_at(struct history *h, struct pr_index *ix)
{
	for (int i = 0; i < 20; i++) {
		struct at_check c = {h, h->lives[roll(h, h->n)].key.ktime + roll(h, 1000000), 0};
		size_t want = 0;

		for (size_t k = 1; k < h->n; k++) {
			struct life *l = &h->lives[k];
			struct pr_proc p;

			if (l->key.ktime > c.t || pr_index_get(ix, (struct pr_proc_key){l->key.pid, l->key.ktime}, &p, NULL))
				continue;
			if (!p.end || (p.end_ktime > c.t && (l->start_lost || p.end_ktime - l->key.ktime >= PR_INDEX_SHORT_NS)))
				want++;
		}
		assert_int_equal(pr_index_long_at(ix, c.t, check_alive, &c, NULL), 0);
		assert_true(c.n >= want);
	}
}

static void run_history(uint64_t seed, size_t steps, unsigned pids, unsigned loss, size_t distance)
{
	struct history h = {.rnd = seed * 0x9e3779b97f4a7c15u + 1};
	struct frames all = {0};
	struct pr_trace *t;
	struct pr_index *ix;
	struct pr_buf seg;

	make_history(&h, steps, pids, loss);
	shuffle(&h, distance);
	for (size_t i = 0; i < h.n_frames; i++) {
		pr_buf_append(&all.buf, h.frames[i].f.buf.data, h.frames[i].f.buf.len);
		if (!roll(&h, 50))
			pr_buf_append(&all.buf, h.frames[i].f.buf.data, h.frames[i].f.buf.len);
		pr_buf_release(&h.frames[i].f.buf);
	}
	t = trace_of(&all, 16384, &seg);
	assert_int_equal(pr_index_build(&ix, t, NULL), 0);
	for (size_t i = 1; i < h.n; i++)
		check_life(ix, &h.lives[i]);
	check_at(&h, ix);
	pr_index_close(ix);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&all.buf);
	free(h.lives);
	free(h.frames);
}

/* PROCREC_ORACLE: how many processes, about; a million takes a minute. */
static void test_oracle(void **state)
{
	const char *many = getenv("PROCREC_ORACLE");
	unsigned rounds = many ? (unsigned)(strtoul(many, NULL, 10) / (STEPS / 3)) + 1 : 12;

	(void)state;
	for (unsigned r = 0; r < rounds; r++)
		run_history(r + 1, STEPS, 3 + r % 7 * 40, r % 3 * 10, r % 4 ? 0 : 1 + r % 5 * 500);
}

/* More than one run of the sorter, and more living identities than are kept in memory. */
static void test_spill(void **state)
{
	struct frames f = {0};
	struct pr_buf seg;
	struct pr_trace *t;
	struct pr_index *ix;
	const uint32_t n = 150000;

	(void)state;
	for (uint32_t i = 0; i < n; i++)
		frame_clone(&f, 1000 + i, (K){1, 1}, (K){i * 7919u % n + 10, 1000 + i}, 0);
	for (uint32_t i = 0; i < n; i++)
		frame_exit(&f, 1000000 + i, (K){i * 7919u % n + 10, 1000 + i}, 0);
	t = trace_of(&f, 0, &seg);
	assert_int_equal(pr_index_build(&ix, t, NULL), 0);
	assert_int_equal(pr_index_meta(ix)->processes, n);
	for (uint32_t i = 0; i < n; i += 997) {
		struct pr_proc p = must_get(ix, (K){i * 7919u % n + 10, 1000 + i});

		assert_true(p.start == PR_START_CLONE && p.end == PR_ENDED_EXIT && p.end_ktime == 1000000 + i);
	}
	pr_index_close(ix);
	pr_trace_close(t);
	pr_buf_release(&seg);
	pr_buf_release(&f.buf);
}

/* ---- crafted streams: few keys, every collision --------------------------------------------------------------------- */

#define T_PIDS 3
#define T_TIMES 10

struct told { /* what the frames tell of one key, by the rules of index_facts.c, kept in the plainest way */
	int x; /* enum pr_proc_start of the best execve frame */
	K x_parent, c_parent;
	bool x_inferred, c_inferred, c;
	uint64_t x_seq, c_seq;
	int e;
	uint64_t e_ktime, e_seq;
	uint32_t e_status;
};

static void tell_exec(struct told *t, int kind, K parent, bool inferred, uint64_t seq)
{
	if (t->x && (t->x == PR_START_EXEC || kind == PR_START_SNAPSHOT))
		return;
	t->x = kind;
	t->x_parent = parent;
	t->x_inferred = inferred;
	t->x_seq = seq;
}

static void tell_end(struct told *t, int kind, uint64_t ktime, uint32_t status, uint64_t seq)
{
	if (t->e && t->e_ktime <= ktime)
		return;
	t->e = kind;
	t->e_ktime = ktime;
	t->e_status = status;
	t->e_seq = seq;
}

static void crafted_exec(struct frames *f, struct told told[T_PIDS][T_TIMES + 1], K key, K parent, K old, uint32_t flags, uint64_t seq)
{
	bool by_clone = !old.ktime || (flags & PR_EXEC_CLONE), snapshot = flags & PR_EXEC_PROCFS;

	exec_frame(f, key.ktime, key, parent, old, flags);
	tell_exec(&told[key.pid][key.ktime], snapshot ? PR_START_SNAPSHOT : PR_START_EXEC, by_clone ? parent : old,
		flags & PR_EXEC_TASK_WALK, seq);
	if (!snapshot && old.ktime && old.pid == key.pid && old.ktime != key.ktime)
		tell_end(&told[old.pid][old.ktime], PR_ENDED_EXEC, key.ktime, 0, seq);
}

static void craft(struct frames *f, struct told told[T_PIDS][T_TIMES + 1], uint64_t *rnd, unsigned n)
{
	for (unsigned seq = 0; seq < n; seq++) {
		K key = {(uint32_t)(unit_random(rnd) % T_PIDS), 1 + unit_random(rnd) % T_TIMES};
		K parent = {(uint32_t)(unit_random(rnd) % T_PIDS), 1 + unit_random(rnd) % 3};
		struct told *t = &told[key.pid][key.ktime];

		switch (unit_random(rnd) % 4) {
		case 0:
			frame_clone(f, key.ktime, parent, key, 0);
			if (!t->c) {
				t->c = true;
				t->c_parent = parent;
				t->c_seq = seq;
			}
			break;
		case 1:
			frame_exit(f, 1 + unit_random(rnd) % T_TIMES, key, 7);
			tell_end(t, PR_ENDED_EXIT, pr_get_u64(f->buf.data + f->buf.len - 40 + 8), 7, seq);
			break;
		default:
			crafted_exec(f, told, key, parent, (K){key.pid, unit_random(rnd) % (T_TIMES + 1)},
				unit_random(rnd) % 8 ? CLONED : unit_random(rnd) % 2 ? PR_EXEC_EXECVE : PR_EXEC_PROCFS, seq);
		}
	}
}

static void check_told(struct pr_index *ix, K key, const struct told *t)
{
	bool by_clone = t->c && t->x != PR_START_EXEC;
	K parent = by_clone ? t->c_parent : t->x_parent;
	struct pr_proc p;

	if (!t->x && !t->c && !t->e) {
		assert_false(has(ix, key));
		return;
	}
	p = must_get(ix, key);
	assert_int_equal(p.start, t->x ? t->x : t->c ? PR_START_CLONE : PR_START_UNSEEN);
	assert_int_equal(p.has_parent, t->x || t->c);
	if (p.has_parent) {
		assert_int_equal(p.parent.pid, parent.pid);
		assert_int_equal(p.parent.ktime, parent.ktime);
		assert_int_equal(p.seq, t->x ? t->x_seq : t->c_seq);
	}
	assert_int_equal(p.end, t->e);
	if (t->e) {
		assert_int_equal(p.end_ktime, t->e_ktime);
		assert_int_equal(p.end_seq, t->e_seq);
	}
}

struct naming {
	uint64_t seq;
	bool named;
};

static int names(void *ctx, const struct pr_proc *p)
{
	struct naming *n = ctx;

	n->named |= (p->has_seq && p->seq == n->seq) || (p->has_clone_seq && p->clone_seq == n->seq) ||
		    (p->end == PR_ENDED_EXIT && p->has_end_seq && p->end_seq == n->seq);
	return PR_OK;
}

/* The index says that its rows name every execve, clone and exit just when they do. */
static void check_names(struct pr_index *ix, struct pr_trace *t)
{
	struct pr_frame f;
	bool all = true;

	while (!pr_trace_next(t, &f, NULL)) {
		struct naming n = {.seq = f.seq};
		uint32_t pid = f.op == PR_OP_EXECVE ? pr_get_u32(f.data + offsetof(struct pr_msg_execve, process.pid)) :
			       f.op == PR_OP_CLONE  ? pr_get_u32(f.data + offsetof(struct pr_msg_clone, tgid)) :
						      pr_get_u32(f.data + offsetof(struct pr_msg_exit, current.pid));

		if (f.env_flags & PR_ENV_META || (f.op != PR_OP_EXECVE && f.op != PR_OP_CLONE && f.op != PR_OP_EXIT))
			continue;
		assert_int_equal(pr_index_pid(ix, pid, UINT64_MAX, names, &n, NULL), 0);
		all &= n.named;
	}
	assert_int_equal(pr_index_meta(ix)->names_events, all);
}

static void test_crafted(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct told told[T_PIDS][T_TIMES + 1] = {0};
		struct frames f = {0};
		uint64_t rnd = seed * 0x9e3779b97f4a7c15u;
		struct pr_buf seg;
		struct pr_trace *t;
		struct pr_index *ix;

		craft(&f, told, &rnd, 2 + (unsigned)seed % 40);
		t = trace_of(&f, 0, &seg);
		assert_int_equal(pr_index_build(&ix, t, NULL), 0);
		for (uint32_t pid = 0; pid < T_PIDS; pid++)
			for (uint64_t k = 1; k <= T_TIMES; k++)
				check_told(ix, (K){pid, k}, &told[pid][k]);
		check_names(ix, t);
		pr_index_close(ix);
		pr_trace_close(t);
		pr_buf_release(&seg);
		pr_buf_release(&f.buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone_exec),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_crafted),
		cmocka_unit_test(test_spill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the replay: it runs out at each place, once and from there on always, while frames are applied and audited. Each
 * time that is said (an answer that leaves something out would be a false one), and nothing stays behind. And what the cache
 * says that it holds is what it holds.
 *
 * The allocator is replaced in this program; under a sanitizer, which brings its own, nothing fails.
 */
#include "tests/unit/fx.h"

#include "replay/cache/audit.h"

#if !defined(__SANITIZE_ADDRESS__)
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t a, size_t n);
extern void *__libc_memalign(size_t a, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);
#endif

#define MINUTE ((uint64_t)60 * 1000000000u)

static struct {
	bool on, always;
	long at, count; /* the at-th allocation fails, from 1; 0: none does */
	bool failed; /* one did */
	long live; /* blocks */
} memory;

static const struct pr_id none;

#if !defined(__SANITIZE_ADDRESS__)
static bool fails(void)
{
	if (!memory.on)
		return false;
	memory.count++;
	if (!memory.at || (memory.always ? memory.count < memory.at : memory.count != memory.at))
		return false;
	memory.failed = true;
	return true;
}

static void *counted(void *p)
{
	if (memory.on && p)
		memory.live++;
	return p;
}

void *malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t a, size_t n)
{
	return fails() ? NULL : counted(__libc_calloc(a, n));
}

void *aligned_alloc(size_t a, size_t n)
{
	return fails() ? NULL : counted(__libc_memalign(a, n));
}

void *realloc(void *p, size_t n)
{
	void *q;

	if (fails())
		return NULL;
	q = __libc_realloc(p, n);
	return p ? q : counted(q);
}

void free(void *p)
{
	if (memory.on && p)
		memory.live--;
	__libc_free(p);
}
#endif

/* A frame of an op with items alone behind `fixed` bytes: one item, in place or sent before. */
static void put_item(struct pr_buf *b, uint8_t op, size_t fixed, uint16_t type, uint64_t sent)
{
	size_t at = pr_frame_begin(b, op, 0);

	fx_zero(b, fixed - PR_COMMON_SIZE);
	pr_buf_u16(b, type | (sent ? PR_ITEM_DESC : 0));
	pr_buf_u16(b, sent ? sizeof(struct pr_data_desc) : 4);
	if (sent)
		fx_desc(b, 4, 0, sent, 1);
	else
		pr_buf_str(b, "item");
	pr_frame_end(b, at);
}

/* Every kind of frame that makes the replay or the auditor keep something, and enough of them that each table grows. */
static void build(struct pr_buf *b)
{
	static const char args[] = "/bin/sh\0-c\0/root";
	struct pr_id sh = KEY(2, 20);
	struct pr_buf sent = PR_BUF_INIT;

	fx_host(b, "host");
	fx_user(b, 7, "seven");
	for (uint64_t i = 1; i < 9; i++)
		fx_data(b, i, 1, "data", 4, 5);
	put_item(b, PR_OP_HOST, PR_COMMON_SIZE, PR_ITEM_HOSTNAME, 5);
	put_item(b, PR_OP_CLONE_INFO, sizeof(struct pr_clone_info), PR_ITEM_ARGV0, 6);
	fx_exec_info(b, sh, 1, "sh");
	fx_execve(b, (struct fx){.id = sh, .parent = KEY(1, 1), .flags = PR_EXEC_CLONE, .uid = 7, .strings = args, .n = sizeof(args)});
	fx_execve(b, (struct fx){.id = sh, .parent = KEY(1, 1), .flags = PR_EXEC_CLONE, .uid = 7, .strings = args, .n = sizeof(args)});
	for (uint32_t i = 0; i < 3; i++) { /* both there, one of the wrong size, both gone */
		pr_buf_clear(&sent);
		fx_desc(&sent, 4, 0, 1 + i, 1);
		fx_desc(&sent, 4 + i, 0, 4 - i, 1);
		fx_execve(b, (struct fx){.id = KEY(80 + i, 21), .flags = PR_EXEC_DATA_FILENAME | PR_EXEC_DATA_ARGS | PR_EXEC_PROCFS,
					 .strings = sent.data, .n = sent.len});
	}
	pr_buf_release(&sent);
	for (uint32_t i = 0; i < 70; i++)
		fx_clone(b, KEY(100 + i, 30), sh, 30);
	fx_exit(b, KEY(169, 30), 39, 0); /* the one that will have expired */
	for (uint32_t i = 0; i < 69; i++)
		fx_exit(b, KEY(100 + i, 30), 40 + 70 - i, 0);
	fx_clone(b, KEY(3, 50), sh, 50);
	fx_exit(b, KEY(3, 50), 60, 0);
	fx_clone(b, KEY(4, 61), KEY(3, 50), 61); /* its parent goes before it */
	fx_exit(b, none, 62 + MINUTE, 0);
	fx_clone(b, KEY(169, 30), sh, 63); /* comes again */
	fx_execve(b, (struct fx){.id = KEY(5, 70), .parent = sh, .cleanup = sh, .strings = "/bin/true\0", .n = 11});
	for (uint64_t i = 0; i < 9; i++)
		fx_data(b, 20 + i, 1, "more", 4, 70); /* too many: those before are dropped */
	for (uint32_t i = 0; i < 10; i++)
		fx_clone(b, KEY(200 + i, 70), KEY(5, 70), 71); /* too many: all go */
	fx_execve(b, (struct fx){.id = KEY(5, 70), .parent = sh, .strings = "/bin/true\0", .n = 11});
}

struct run {
	struct pr_auditor *auditor;
	struct pr_replayer r;
	struct pr_errinfo ei;
	unsigned findings[PR_FIND_KINDS];
	int err; /* of the first step that failed */
};

static void count_finding(void *ctx, const struct pr_finding *f)
{
	((struct run *)ctx)->findings[f->kind]++;
}

/* What the cache holds, but for the one piece of memory that its entries live in. */
static uint64_t held(const struct pr_cache *c)
{
	struct pr_map_slot *s, *t;
	size_t i = 0, j;
	uint64_t n = c->queue_cap * sizeof(struct pr_expiry);

	while ((s = pr_map_each(&c->map, &i))) {
		const struct pr_image *image = ((struct pr_entry *)s->v.p)->image;

		for (j = 0; (t = pr_map_each(&c->map, &j)) != s;)
			if (((struct pr_entry *)t->v.p)->image == image)
				break;
		n += t == s ? image->size : 0; /* others share it */
	}
	return n;
}

static void check_accounts(const struct pr_cache *c)
{
	static uint64_t chunk;

	if (!chunk && c->chunks)
		chunk = c->bytes - held(c);
	assert_true(chunk < 1 << 20 && (!c->chunks || chunk > sizeof(struct pr_entry)));
	assert_int_equal(c->bytes, held(c) + (c->chunks ? chunk : 0));
}

static int apply(struct run *run, const uint8_t *p, uint32_t size, uint32_t env_flags)
{
	struct pr_frame f = {.seq = run->r.frames, .data = p, .size = size, .op = p[0], .ktime = pr_get_u64(p + 8), .env_flags = (uint8_t)env_flags};
	struct pr_applied ap;

	run->ei.msg[0] = 0;
	pr_auditor_before(run->auditor, &f);
	run->err = pr_replayer_apply(&run->r, &f, &ap, &run->ei);
	if (!run->err)
		pr_auditor_after(run->auditor, &ap);
	return run->err;
}

/* The whole of b with its first two frames (names) again beside the stream, then the end. */
static void replay(struct run *run, const struct pr_buf *b)
{
	struct pr_cache_settings settings = PR_CACHE_SETTINGS_DEFAULT;
	uint32_t size, names = pr_get_u32(b->data + 4);

	*run = (struct run){.err = PR_ENOMEM};
	if (pr_auditor_new(&run->auditor, count_finding, run))
		return;
	settings.max_data = 9;
	settings.max_clone_entries = 78;
	pr_replayer_init(&run->r, &settings, pr_auditor_observer(run->auditor));
	names += pr_get_u32(b->data + names + 4);
	run->err = 0;
	for (size_t at = 0; at < names && !run->err; at += size) {
		size = pr_get_u32(b->data + at + 4);
		apply(run, b->data + at, size, PR_ENV_META);
	}
	for (size_t at = 0; at < b->len && !run->err; at += size) {
		size = pr_get_u32(b->data + at + 4);
		apply(run, b->data + at, size, 0);
		if (!memory.at || run->err)
			check_accounts(&run->r.cache);
	}
	if (run->err)
		assert_non_null(strstr(run->ei.msg, "out of memory"));
	else
		run->err = pr_auditor_end(run->auditor, &run->r);
	pr_replayer_release(&run->r);
	pr_auditor_free(run->auditor);
}

static void with_memory(const struct pr_buf *b, long at, bool always, struct run *run)
{
	memset(&memory, 0, sizeof(memory));
	memory.at = at;
	memory.always = always;
	memory.on = true;
	replay(run, b);
	memory.on = false;
	assert_int_equal(memory.live, 0);
}

static void runs_out(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct run whole, run;
	long places;

	(void)state;
	build(&b);
	with_memory(&b, 0, false, &whole);
	assert_int_equal(whole.err, 0);
	assert_true(whole.findings[PR_FIND_HELD_BACK] > 1 && whole.findings[PR_FIND_CLEARED] && whole.findings[PR_FIND_DATA_NEVER_TAKEN]);
	places = memory.count;
#if !defined(__SANITIZE_ADDRESS__)
	assert_true(places > 100);
#endif
	for (long at = 1; at <= places; at++) {
		for (int always = 0; always < 2; always++) {
			with_memory(&b, at, always, &run);
			assert_true(memory.failed);
			assert_int_equal(run.err, PR_ENOMEM);
		}
	}
	with_memory(&b, places + 1, false, &run);
	assert_int_equal(run.err, 0);
	assert_memory_equal(run.findings, whole.findings, sizeof(run.findings));
	pr_buf_release(&b);
}

static int feed_one(struct pr_replayer *r, struct pr_buf *b)
{
	struct pr_errinfo ei;
	struct pr_applied a;
	int err = pr_replayer_apply(r, &(struct pr_frame){.data = b->data, .size = (uint32_t)b->len}, &a, &ei);

	pr_buf_clear(b);
	return err;
}

/* As much as is allowed, and one byte more: of the cache, of data, of both. */
static void limit_is_exact(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;
	uint64_t first = 0;

	(void)state;
	for (unsigned over = 0; over < 3; over++) {
		fx_init(&r);
		fx_execve(&b, (struct fx){.id = KEY(2, 20), .strings = "/x\0", .n = 4});
		r.settings.max_bytes = over == 1 ? first - 1 : UINT64_MAX;
		assert_int_equal(feed_one(&r, &b), over == 1 ? PR_ELIMIT : 0);
		first = r.cache.bytes;
		r.settings.max_bytes = first + (over == 2 ? 3 : 4);
		fx_data(&b, 1, 1, "data", 4, 30);
		assert_int_equal(feed_one(&r, &b), over == 2 ? PR_ELIMIT : 0);
		assert_int_equal(r.cache.bytes, first);
		assert_int_equal(r.data.bytes, 4);
		pr_replayer_release(&r);
	}
	pr_buf_release(&b);
}

/* What expired makes room for what comes: one piece of memory does for a thousand entries. */
static void entries_are_used_again(void **state)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_replayer r;
	uint64_t one = 0;

	(void)state;
	fx_init(&r);
	for (uint32_t round = 0; round < 3; round++) {
		uint64_t now = (round + 1) * 2 * MINUTE;

		fx_execve(&b, (struct fx){.id = KEY(2, now), .strings = "/x\0", .n = 4});
		fx_feed(&r, &b);
		assert_int_equal(r.cache.map.len, 1);
		one = round ? one : r.cache.bytes;
		for (uint32_t i = 0; i < 1000; i++)
			fx_clone(&b, KEY(10 + i, now), KEY(2, now), now);
		fx_feed(&r, &b);
		assert_int_equal(r.cache.bytes, one + r.cache.queue_cap * sizeof(struct pr_expiry));
		for (uint32_t i = 0; i < 1000; i++)
			fx_exit(&b, KEY(10 + i, now), now, 0);
		fx_exit(&b, KEY(2, now), now, 0);
		fx_feed(&r, &b);
	}
	pr_replayer_release(&r);
	assert_int_equal(r.cache.bytes, 0);
	pr_cache_release(&r.cache);
	pr_buf_release(&b);
}

/* An image that somebody still reads stays, and costs the cache nothing: whoever is last, of the cache and the readers, frees it. */
static void pinned_images(void **state)
{
	struct pr_image_parts parts = {.filename = {(const uint8_t *)"/x", 2}};

	(void)state;
	for (unsigned order = 0; order < 4; order++) {
		struct pr_image *image;
		size_t size;

		memset(&memory, 0, sizeof(memory));
		memory.on = true;
		image = pr_image_new(&parts);
		assert_non_null(image);
		size = image->size;
		if (order < 2) {
			pr_image_pin(image);
			pr_image_pin(image);
			if (order)
				pr_image_unpin(image);
		}
		if (order == 2)
			assert_int_equal(pr_image_unref(pr_image_ref(image)), 0);
		if (order == 3) {
			pr_image_pin(image);
			pr_image_unpin(image);
			fx_is(pr_image_filename(image), "/x");
		}
		assert_int_equal(pr_image_unref(image), size);
		for (unsigned pins = order < 2 ? 2 - order : 0; pins; pins--) {
			fx_is(pr_image_filename(image), "/x");
			pr_image_unpin(image);
		}
		memory.on = false;
		assert_int_equal(memory.live, 0);
	}
}

/* The limits that are the reference's, and ours behind them: what the manual says. */
static void default_limits(void **state)
{
	struct pr_cache_settings s = PR_CACHE_SETTINGS_DEFAULT;

	(void)state;
	assert_int_equal(s.max_age_ns, MINUTE);
	assert_int_equal(s.max_entries, 4194304);
	assert_int_equal(s.max_clone_entries, 3000);
	assert_int_equal(s.max_data, 4096);
	assert_int_equal(s.max_item_bytes, 8u << 20);
	assert_int_equal(s.max_data_bytes, 256u << 20);
	assert_int_equal(s.max_bytes, (uint64_t)8 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_out),
		cmocka_unit_test(limit_is_exact),
		cmocka_unit_test(entries_are_used_again),
		cmocka_unit_test(pinned_images),
		cmocka_unit_test(default_limits),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}

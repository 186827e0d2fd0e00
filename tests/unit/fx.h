/* SPDX-License-Identifier: BSD-2-Clause */
/* fx.h: frames made in tests, and a replayer that eats them. */
#ifndef PROCREC_TESTS_FX_H
#define PROCREC_TESTS_FX_H

#include "replay/cache/replayer.h"
#include "replay/decode/text.h"
#include "tests/unit/unit.h"

#define KEY(p, k) ((struct pr_id){(p), (k)})

/* What an execve frame says; what is left out is 0. */
struct fx {
	struct pr_id id, parent, cleanup;
	uint32_t flags, uid;
	uint64_t ktime; /* common.ktime; 0: id.ktime */
	const void *strings;
	size_t n;
	uint64_t permitted, effective, inheritable;
	uint32_t size; /* process.size; 0: as it is */
};

static inline void fx_zero(struct pr_buf *b, size_t n)
{
	uint8_t *p = pr_buf_grow(b, n);

	if (n)
		memset(p, 0, n);
}

static inline void fx_key(struct pr_buf *b, struct pr_id id)
{
	pr_put_key(b, id.pid, id.ktime);
}

static inline void fx_execve(struct pr_buf *b, struct fx f)
{
	size_t at = pr_frame_begin(b, PR_OP_EXECVE, f.ktime ? f.ktime : f.id.ktime);

	fx_zero(b, sizeof(struct pr_kube));
	fx_key(b, f.parent);
	fx_zero(b, 8 + 40);
	pr_buf_u64(b, f.permitted);
	pr_buf_u64(b, f.effective);
	pr_buf_u64(b, f.inheritable);
	fx_zero(b, 16 + sizeof(struct pr_namespaces));
	fx_key(b, f.cleanup);
	pr_buf_u32(b, f.size ? f.size : (uint32_t)(PR_PROCESS_FIXED + f.n));
	pr_buf_u32(b, f.id.pid);
	fx_zero(b, 12);
	pr_buf_u32(b, f.uid);
	pr_buf_u32(b, 0);
	pr_buf_u32(b, f.flags);
	fx_zero(b, 16);
	pr_buf_u64(b, f.id.ktime);
	pr_buf_append(b, f.strings, f.n);
	pr_frame_end(b, at);
}

static inline void fx_clone(struct pr_buf *b, struct pr_id id, struct pr_id parent, uint64_t ktime)
{
	size_t at = pr_frame_begin(b, PR_OP_CLONE, ktime);

	fx_key(b, parent);
	pr_buf_u32(b, id.pid);
	fx_zero(b, 12);
	pr_buf_u64(b, id.ktime);
	pr_frame_end(b, at);
}

static inline void fx_exit(struct pr_buf *b, struct pr_id id, uint64_t ktime, uint32_t status)
{
	size_t at = pr_frame_begin(b, PR_OP_EXIT, ktime);

	fx_key(b, id);
	pr_buf_u32(b, status);
	pr_buf_u32(b, id.pid);
	pr_frame_end(b, at);
}

static inline void fx_data(struct pr_buf *b, uint64_t pid, uint64_t time, const void *p, size_t n, uint64_t now)
{
	size_t at = pr_frame_begin(b, PR_OP_DATA, now);

	pr_buf_u64(b, pid);
	pr_buf_u64(b, time);
	pr_buf_append(b, p, n);
	pr_frame_end(b, at);
}

static inline void fx_desc(struct pr_buf *b, uint32_t size, uint32_t leftover, uint64_t pid, uint64_t time)
{
	pr_buf_u32(b, 0);
	pr_buf_u32(b, 0);
	pr_buf_u32(b, leftover);
	pr_buf_u32(b, size);
	pr_buf_u64(b, pid);
	pr_buf_u64(b, time);
}

/* EXEC_INFO with argv[0]; NULL: without. */
static inline void fx_exec_info(struct pr_buf *b, struct pr_id id, uint32_t args_bytes, const char *argv0)
{
	size_t at = pr_frame_begin(b, PR_OP_EXEC_INFO, id.ktime);

	fx_key(b, id);
	pr_buf_u32(b, 1);
	pr_buf_u32(b, args_bytes);
	fx_zero(b, 24);
	if (argv0)
		pr_put_item(b, PR_ITEM_ARGV0, argv0, strlen(argv0));
	pr_frame_end(b, at);
}

static inline void fx_user(struct pr_buf *b, uint32_t uid, const char *name)
{
	size_t at = pr_frame_begin(b, PR_OP_USER_NAME, 0);

	pr_buf_u32(b, uid);
	pr_buf_u32(b, 0);
	pr_buf_str(b, name);
	pr_frame_end(b, at);
}

static inline void fx_host(struct pr_buf *b, const char *name)
{
	size_t at = pr_frame_begin(b, PR_OP_HOST, 0);

	pr_put_item(b, PR_ITEM_HOSTNAME, name, strlen(name));
	pr_frame_end(b, at);
}

/* Feeds the frames of b, which is emptied, and returns what became of the last. */
static inline struct pr_applied fx_feed(struct pr_replayer *r, struct pr_buf *b)
{
	struct pr_applied a = {0};
	struct pr_errinfo ei;
	size_t at = 0;

	assert_false(pr_buf_failed(b));
	while (at < b->len) {
		struct pr_frame f = {.seq = r->frames, .data = b->data + at, .size = pr_get_u32(b->data + at + 4)};
		/* a copy of its very size, so that a sanitizer sees a read outside it */
		uint8_t *copy = malloc(f.size);

		memcpy(copy, f.data, f.size);
		f.data = copy;
		f.op = copy[0];
		f.ktime = pr_get_u64(copy + 8);
		at += f.size;
		assert_int_equal(pr_replayer_apply(r, &f, &a, &ei), 0);
		free(copy);
	}
	pr_buf_clear(b);
	return a;
}

static inline int64_t fx_ref(const struct pr_replayer *r, struct pr_id id)
{
	const struct pr_entry *e = pr_cache_lookup(&r->cache, id);

	return e ? e->ref : -1000;
}
#define FX_GONE (-1000)

static inline void fx_is(struct pr_slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

/* The entry's text is as given. */
static inline void fx_text(const struct pr_replayer *r, struct pr_id id, const char *binary, const char *arguments, const char *cwd)
{
	const struct pr_entry *e = pr_cache_lookup(&r->cache, id);
	struct pr_buf scratch = PR_BUF_INIT;

	assert_non_null(e);
	fx_is(pr_image_binary(e->image, &scratch), binary);
	fx_is(pr_image_arguments(e->image, &scratch), arguments);
	fx_is(pr_image_cwd(e->image), cwd);
	pr_buf_release(&scratch);
}

static inline void fx_parent(const struct pr_replayer *r, struct pr_id id, struct pr_id parent)
{
	const struct pr_entry *e = pr_cache_lookup(&r->cache, id);

	assert_non_null(e);
	assert_int_equal(e->parent.pid, parent.pid);
	assert_int_equal(e->parent.ktime, parent.ktime);
}

static inline void fx_init(struct pr_replayer *r)
{
	pr_replayer_init(r, &PR_CACHE_SETTINGS_DEFAULT, NULL);
}

#endif

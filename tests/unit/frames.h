/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.h: lifecycle frames for tests and benchmarks, at the end of a buffer, each in its envelope. */
#ifndef PROCREC_TESTS_FRAMES_H
#define PROCREC_TESTS_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "schema/build.h"

struct frames {
	struct pr_buf buf;
	uint64_t seq[PR_STREAM_COUNT]; /* the next of each stream, all on CPU 0 */
};

struct frame_key {
	uint32_t pid;
	uint64_t ktime;
};

static inline size_t frame_begin(struct frames *f, uint8_t stream, uint8_t op, uint64_t ktime)
{
	struct pr_envelope env = {.cpu = stream ? 0 : PR_CPU_NONE, .stream = stream, .seq = f->seq[stream]++};

	return pr_enveloped_begin(&f->buf, &env, op, ktime);
}

static inline void frame_clone(struct frames *f, uint64_t now, struct frame_key parent, struct frame_key child, uint32_t flags)
{
	size_t at = frame_begin(f, PR_STREAM_CLONE, PR_OP_CLONE, now);

	pr_put_key(&f->buf, parent.pid, parent.ktime);
	pr_buf_u32(&f->buf, child.pid);
	pr_buf_u32(&f->buf, child.pid);
	pr_buf_u32(&f->buf, 0);
	pr_buf_u32(&f->buf, flags);
	pr_buf_u64(&f->buf, child.ktime);
	pr_enveloped_end(&f->buf, at);
}

static inline void frame_exit(struct frames *f, uint64_t now, struct frame_key key, uint32_t status)
{
	size_t at = frame_begin(f, PR_STREAM_EXIT, PR_OP_EXIT, now);

	pr_put_key(&f->buf, key.pid, key.ktime);
	pr_buf_u32(&f->buf, status);
	pr_buf_u32(&f->buf, key.pid);
	pr_enveloped_end(&f->buf, at);
}

/* strings: what follows the fixed part, n bytes. */
static inline void frame_execve(struct frames *f, uint8_t stream, uint64_t now, struct frame_key key, struct frame_key parent,
	struct frame_key cleanup, uint32_t flags, const void *strings, size_t n)
{
	size_t at = frame_begin(f, stream, PR_OP_EXECVE, now), body = f->buf.len;
	struct pr_process p = {.size = htole32((uint32_t)(PR_PROCESS_FIXED + n)),
		.pid = htole32(key.pid),
		.tid = htole32(key.pid),
		.flags = htole32(flags),
		.ktime = htole64(key.ktime)};
	uint8_t *m;

	if (pr_buf_grow(&f->buf, PR_EXECVE_FIXED - PR_COMMON_SIZE)) {
		m = f->buf.data + body - PR_COMMON_SIZE;
		memset(m + PR_COMMON_SIZE, 0, PR_EXECVE_FIXED - PR_COMMON_SIZE);
		pr_put_u32(m + 160, parent.pid);
		pr_put_u64(m + 168, parent.ktime);
		pr_put_u32(m + 304, cleanup.pid);
		pr_put_u64(m + 312, cleanup.ktime);
	}
	pr_buf_append(&f->buf, &p, sizeof(p));
	pr_buf_append(&f->buf, strings, n);
	pr_enveloped_end(&f->buf, at);
}

static inline void frame_exec_info(struct frames *f, uint64_t now, struct frame_key key, const char *argv0, uint32_t argc, uint32_t args_bytes)
{
	size_t at = frame_begin(f, PR_STREAM_EXEC, PR_OP_EXEC_INFO, now);

	pr_put_key(&f->buf, key.pid, key.ktime);
	pr_buf_u32(&f->buf, argc);
	pr_buf_u32(&f->buf, args_bytes);
	for (int i = 0; i < 6; i++)
		pr_buf_u32(&f->buf, 1);
	pr_put_item(&f->buf, PR_ITEM_ARGV0, argv0, strlen(argv0));
	pr_enveloped_end(&f->buf, at);
}

static inline void frame_clock(struct frames *f, uint64_t now, int64_t realtime)
{
	size_t at = frame_begin(f, PR_STREAM_USER, PR_OP_CLOCK, now);

	pr_buf_u64(&f->buf, now);
	pr_buf_u64(&f->buf, (uint64_t)realtime);
	pr_buf_u64(&f->buf, 100);
	pr_enveloped_end(&f->buf, at);
}

static inline void frame_host(struct frames *f, uint64_t now, const char *name)
{
	size_t at = frame_begin(f, PR_STREAM_USER, PR_OP_HOST, now);

	pr_put_item(&f->buf, PR_ITEM_HOSTNAME, name, strlen(name));
	pr_enveloped_end(&f->buf, at);
}

static inline void frame_user(struct frames *f, uint64_t now, uint32_t uid, const char *name)
{
	size_t at = frame_begin(f, PR_STREAM_USER, PR_OP_USER_NAME, now);

	pr_buf_u32(&f->buf, uid);
	pr_buf_u32(&f->buf, 0);
	pr_buf_str(&f->buf, name);
	pr_enveloped_end(&f->buf, at);
}

#endif

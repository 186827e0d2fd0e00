/* SPDX-License-Identifier: BSD-2-Clause */
/* rig.h: recordings made by the real writer in a scratch directory, signed or not, closed, killed or trimmed. */
#ifndef PROCREC_TESTS_RIG_H
#define PROCREC_TESTS_RIG_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/dir.h"
#include "schema/recording.h"
#include "schema/rotate.h"
#include "schema/sign.h"
#include "schema/verify.h"

#define RIG_SECOND UINT64_C(1000000000)
#define RIG_START (UINT64_C(1700000000) * RIG_SECOND)

struct rig {
	const char *dir;
	const struct pr_secret_key *key; /* NULL: not signed */
	unsigned segments, blocks, frames; /* blocks in each segment, frames in each block */
	uint64_t keep_bytes;
	uint64_t seed;
	uint8_t boot;
	unsigned depth; /* of the tree of keys; 0: as deep as a recorder's */
	bool open; /* the last segment is not sealed */
	/* state */
	uint64_t now; /* ns */
	uint64_t seq;
};

static inline void rig_now(void *ctx, uint64_t *realtime, uint64_t *boottime)
{
	struct rig *g = ctx;

	g->now += RIG_SECOND; /* every look takes a second */
	*realtime = RIG_START + g->now;
	*boottime = g->now;
}

static inline void rig_frame(struct pr_buf *b, uint8_t op, uint8_t stream, uint8_t flags, uint64_t seq, uint64_t ktime)
{
	struct pr_envelope env = {
		.cpu = stream == PR_STREAM_USER ? PR_CPU_NONE : 0, .stream = stream, .flags = flags, .seq = flags & PR_ENV_REPEAT ? 0 : seq};
	size_t at = pr_enveloped_begin(b, &env, op, ktime);

	if (op == PR_OP_EXIT) {
		pr_put_key(b, (uint32_t)seq + 100, ktime);
		pr_buf_u32(b, 0);
		pr_buf_u32(b, (uint32_t)seq + 100);
	} else if (op == PR_OP_KEYFRAME) {
		pr_buf_u32(b, (uint32_t)seq); /* 0: begin, 1: end */
		pr_buf_u32(b, 0);
	} else if (op == PR_OP_STREAM_STATE) {
		pr_buf_u32(b, 0);
		pr_buf_u32(b, 0);
		if (seq) { /* one row: exits of cpu 0 */
			pr_buf_u16(b, 0);
			pr_buf_u8(b, PR_STREAM_EXIT);
			for (int i = 0; i < 5; i++)
				pr_buf_u8(b, 0);
			pr_buf_u64(b, seq);
			pr_buf_u64(b, 0);
		}
	}
	pr_enveloped_end(b, at);
}

/* What a later segment repeats: marks, and where the sequences go on. Three frames. */
static inline void rig_repeat(struct rig *g, struct pr_buf *b)
{
	rig_frame(b, PR_OP_KEYFRAME, PR_STREAM_USER, PR_ENV_REPEAT, 0, g->now);
	rig_frame(b, PR_OP_STREAM_STATE, PR_STREAM_USER, PR_ENV_REPEAT, g->seq, g->now);
	rig_frame(b, PR_OP_KEYFRAME, PR_STREAM_USER, PR_ENV_REPEAT, 1, g->now);
}

static inline void rig_fill(struct rig *g, struct pr_seg_writer *w)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;

	for (unsigned k = 0; k < g->blocks; k++) {
		pr_buf_clear(&b);
		for (unsigned i = 0; i < g->frames; i++)
			rig_frame(&b, PR_OP_EXIT, PR_STREAM_EXIT, 0, g->seq++, ++g->now);
		assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
		assert_int_equal(pr_seg_writer_flush(w, &ei), 0);
		if (k % 2)
			assert_int_equal(pr_seg_writer_checkpoint(w, &ei), 0);
	}
	pr_buf_release(&b);
}

static inline void rig_segment(struct rig *g, struct pr_rotate *ro, struct pr_signer *s, bool first, bool seal)
{
	struct pr_seg_options opt = {.signer = s, .now = rig_now, .ctx_now = g, .rearrange = g->seed & 1};
	struct pr_seg_progress p;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	struct pr_buf b = PR_BUF_INIT;
	uint64_t real, boot;
	int fd;

	rig_now(g, &real, &boot);
	assert_int_equal(pr_rotate_begin(ro, real, boot, &opt.header, &fd, &ei), 0);
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_rotate_commit(ro, &ei), 0);
	if (!first) {
		rig_repeat(g, &b);
		assert_int_equal(pr_seg_writer_append(w, b.data, b.len, &ei), 0);
	}
	rig_fill(g, w);
	if (seal)
		assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	pr_seg_writer_progress(w, &p);
	pr_rotate_end(ro, &p);
	pr_seg_writer_free(w);
	close(fd);
	pr_buf_release(&b);
}

/* One run of a recorder on g->dir. */
static inline void rig_record(struct rig *g)
{
	struct pr_rotate_options opt = {.dir = g->dir, .keep_bytes = g->keep_bytes, .holder = "pid 1"};
	struct pr_signer *s = NULL;
	struct pr_rotate *ro;
	struct pr_errinfo ei;

	for (int i = 0; i < PR_SEG_UUID; i++) {
		opt.recording[i] = (uint8_t)unit_random(&g->seed);
		opt.boot_id[i] = g->boot;
	}
	g->seq = 0;
	if (g->key)
		assert_int_equal(pr_signer_new(&s, g->key, opt.recording, g->depth ? g->depth : PR_SIGN_DEPTH_MAX, RIG_START, &ei), 0);
	assert_int_equal(pr_rotate_open(&ro, &opt, &ei), 0);
	for (unsigned i = 0; i < g->segments; i++)
		rig_segment(g, ro, s, !i, i + 1 < g->segments || !g->open);
	pr_rotate_close(ro);
	pr_signer_free(s);
}

/* A new directory in memory, if there is such a place: the tests sync a lot. path: of 64 bytes. */
static inline bool rig_scratch(char *path, const char *name)
{
	snprintf(path, 64, "/dev/shm/%s-XXXXXX", name);
	if (mkdtemp(path))
		return true;
	snprintf(path, 64, "/tmp/%s-XXXXXX", name);
	return mkdtemp(path) != NULL;
}

static inline char *rig_path(const char *dir, const char *name)
{
	char *p;

	assert_true(asprintf(&p, "%s/%s", dir, name) > 0);
	return p;
}

static inline struct pr_buf rig_get(const char *dir, const char *name)
{
	char *path = rig_path(dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	free(path);
	return unit_slurp(fd);
}

static inline void rig_put(const char *dir, const char *name, const void *p, size_t n)
{
	char *path = rig_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
	free(path);
}

static inline void rig_clear(const char *dir)
{
	struct pr_dir_names names;

	if (pr_dir_list(dir, "", &names, NULL)) {
		assert_int_equal(mkdir(dir, 0700), 0);
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		char *path = rig_path(dir, names.v[i]);

		unlink(path);
		free(path);
	}
	pr_dir_release(&names);
}

static inline void rig_copy(const char *from, const char *to)
{
	struct pr_dir_names names;

	rig_clear(to);
	assert_int_equal(pr_dir_list(from, ".seg", &names, NULL), 0);
	for (size_t i = 0; i < names.n; i++) {
		struct pr_buf b = rig_get(from, names.v[i]);

		rig_put(to, names.v[i], b.data, b.len);
		pr_buf_release(&b);
	}
	pr_dir_release(&names);
}

#endif

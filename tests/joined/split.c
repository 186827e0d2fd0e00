/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * split.c: makes a rotation of a trace: split TRACE DIR FRAMES SEED [groups] [lose] [restart] [open]
 *
 * As the recorder writes one: each segment but the first begins with a keyframe of what lives, and each has its index. About FRAMES frames to a
 * segment, cut anywhere, or, with groups, not
 * between an execve, clone or exit and the frames that stand before it for it. lose: some frames are missing; restart: now and then another recorder goes on, with a scan of its own; open: the last
 * segment is not closed and has no index. The same SEED gives the same frames in the same segments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/build.h"
#include "schema/index.h"
#include "schema/livetab.h"
#include "schema/recording.h"
#include "schema/rotate.h"

struct split {
	const char *dir;
	uint64_t frames, seed, now, series;
	bool groups, lose, restart, open;
	struct pr_rotate *rotate;
	struct pr_livetab live;
	struct pr_seg_writer *w;
	struct pr_index_writer *index;
	char *index_path;
	int fd;
	bool first; /* of its recording */
	uint64_t left; /* frames that the segment still takes */
};

static void die(const char *what, const struct pr_errinfo *ei)
{
	fprintf(stderr, "split: %s: %s\n", what, ei ? ei->msg : "failed");
	exit(1);
}

static uint64_t draw(struct split *s, uint64_t below)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->seed % below;
}

static int on_block(void *ctx, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct split *s = ctx;

	pr_livetab_block(&s->live, b);
	return pr_index_writer_block(s->index, b, ei);
}

static void begin_recording(struct split *s)
{
	struct pr_rotate_options opt = {.dir = s->dir, .holder = "split", .boot_id = "one boot of all"};
	struct pr_errinfo ei;

	for (int i = 0; i < PR_SEG_UUID; i++)
		opt.recording[i] = (uint8_t)draw(s, 256);
	if (pr_rotate_open(&s->rotate, &opt, &ei))
		die(s->dir, &ei);
	s->first = true;
}

static void keyframe(struct split *s)
{
	struct pr_buf clock = PR_BUF_INIT, b = PR_BUF_INIT;
	struct pr_errinfo ei;
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER};
	size_t at = pr_enveloped_begin(&clock, &env, PR_OP_CLOCK, s->now);

	pr_buf_u64(&clock, s->now);
	pr_buf_u64(&clock, s->now + 1000);
	pr_buf_u64(&clock, 0);
	pr_enveloped_end(&clock, at);
	if (pr_livetab_keyframe(&s->live, s->now, &clock, &b, &ei) || pr_seg_writer_append(s->w, b.data, b.len, &ei) || pr_seg_writer_flush(s->w, &ei))
		die("keyframe", &ei);
	pr_buf_release(&clock);
	pr_buf_release(&b);
}

static void begin_segment(struct split *s)
{
	struct pr_seg_options opt = {.rearrange = draw(s, 2), .on_block = on_block, .ctx = s, .block_bytes = draw(s, 2) ? 600 : 0};
	struct pr_errinfo ei;

	if (!s->rotate)
		begin_recording(s);
	if (pr_rotate_begin(s->rotate, UINT64_C(1700000000000000000) + s->now, s->now, &opt.header, &s->fd, &ei) ||
		pr_seg_writer_new(&s->w, s->fd, &opt, &ei) || pr_rotate_commit(s->rotate, &ei))
		die(s->dir, &ei);
	s->index_path = pr_index_path(pr_rotate_path(s->rotate));
	if (pr_index_writer_new(&s->index, s->index_path, &opt.header, &ei))
		die("index", &ei);
	if (!s->first)
		keyframe(s);
	s->first = false;
	s->left = s->frames > 100000 ? s->frames : 1 + draw(s, 2 * s->frames);
}

static void end_segment(struct split *s, bool last)
{
	bool seal = !(last && s->open);
	struct pr_seg_progress p;
	struct pr_errinfo ei;
	struct stat st;

	if (seal ? pr_seg_writer_seal(s->w, &ei) : pr_seg_writer_flush(s->w, &ei))
		die("end", &ei);
	pr_seg_writer_progress(s->w, &p);
	if (seal && !fstat(s->fd, &st) &&
		pr_index_writer_finish(s->index, &(struct pr_index_end){(uint64_t)st.st_size, p.frames, true}, &ei))
		die("index", &ei);
	pr_index_writer_free(s->index);
	free(s->index_path);
	pr_rotate_end(s->rotate, &p);
	pr_seg_writer_free(s->w);
	s->w = NULL;
	close(s->fd);
	if (last || (s->restart && !draw(s, 3))) {
		pr_rotate_close(s->rotate);
		s->rotate = NULL;
	}
}

static void put(struct split *s, const struct pr_frame *f)
{
	const struct pr_envelope env = {.cpu = f->cpu, .stream = f->stream, .flags = f->env_flags, .size = f->size, .seq = f->env_seq};
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;

	if (!s->w)
		begin_segment(s);
	pr_buf_u16(&b, env.cpu);
	pr_buf_u8(&b, env.stream);
	pr_buf_u8(&b, f->env_flags & (uint8_t)~(f->size >= PR_COMMON_SIZE ? 0 : PR_ENV_RAW));
	pr_buf_u32(&b, env.size);
	pr_buf_u64(&b, env.seq);
	pr_buf_append(&b, f->data, f->size);
	if (pr_seg_writer_append(s->w, b.data, b.len, &ei))
		die("append", &ei);
	pr_buf_release(&b);
	if (f->ktime > s->now && !(f->env_flags & PR_ENV_RAW))
		s->now = f->ktime;
}

static bool ends_group(const struct pr_frame *f)
{
	return f->op == PR_OP_EXECVE || f->op == PR_OP_CLONE || f->op == PR_OP_EXIT;
}

int main(int argc, char **argv)
{
	struct split s = {0};
	struct pr_errinfo ei;
	struct pr_trace *t;
	struct pr_frame f;
	int err;

	if (argc < 5) {
		fprintf(stderr, "usage: split TRACE DIR FRAMES SEED [groups] [lose] [restart] [open]\n");
		return 2;
	}
	s.dir = argv[2];
	s.frames = strtoull(argv[3], NULL, 10);
	s.seed = strtoull(argv[4], NULL, 10) * 2 + 1;
	for (int i = 5; i < argc; i++) {
		s.groups |= !strcmp(argv[i], "groups");
		s.lose |= !strcmp(argv[i], "lose");
		s.restart |= !strcmp(argv[i], "restart");
		s.open |= !strcmp(argv[i], "open");
	}
	for (int i = 0; i < 8; i++)
		draw(&s, 2);
	pr_livetab_init(&s.live);
	if (pr_trace_open(&t, argv[1], &ei))
		die(argv[1], &ei);
	while (!(err = pr_trace_next(t, &f, &ei))) {
		if (s.lose && !draw(&s, 12))
			continue;
		put(&s, &f);
		s.left -= s.left > 0;
		if (!s.left && (!s.groups || ends_group(&f)))
			end_segment(&s, false);
	}
	if (err != PR_END)
		die(argv[1], &ei);
	if (s.w)
		end_segment(&s, true);
	if (s.rotate)
		pr_rotate_close(s.rotate);
	pr_livetab_release(&s.live);
	pr_trace_close(t);
	return 0;
}

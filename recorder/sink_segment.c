/* SPDX-License-Identifier: BSD-2-Clause */
/* sink_segment.c: one segment of a recording, from its name to its seal, with the index beside it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "recorder/frames.h"
#include "recorder/memory.h"
#include "recorder/pieces.h"
#include "recorder/resume.h"
#include "recorder/signing.h"
#include "recorder/sink_int.h"

static void trouble(struct pr_sink_trouble *t, const struct pr_errinfo *ei)
{
	if (!t->failed++)
		memcpy(t->why, ei->msg, sizeof(t->why));
}

/* ---- the index --------------------------------------------------------------------------------------------------- */

/* The index must not cost a frame: its first failure ends it, and the trace goes on. */
static void give_up_index(struct pr_sink *s, const struct pr_errinfo *why)
{
	pr_index_writer_free(s->index);
	s->index = NULL;
	trouble(&s->total.index, why);
}

static uint64_t *kind(struct pr_sink_state *st, uint8_t op)
{
	switch (op) {
	case PR_OP_EXECVE:
		return &st->execs;
	case PR_OP_CLONE:
		return &st->clones;
	case PR_OP_EXIT:
		return &st->exits;
	case PR_OP_EXEC_FAIL:
		return &st->fails;
	default:
		return &st->others;
	}
}

static void count(struct pr_sink *s, const struct pr_block *b)
{
	struct pr_frame_iter it;
	struct pr_frame f;

	if (b->desc.flags & PR_SEG_BLOCK_REPEAT)
		return;
	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f)) {
		s->total.written[f.stream % PR_STREAM_COUNT]++;
		if (f.stream != PR_STREAM_USER)
			*kind(&s->total, f.op) += 1;
	}
}

int pr_sink_on_block(void *ctx, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct pr_sink *s = ctx;
	struct pr_errinfo why;

	(void)ei;
	count(s, b);
	if (s->tracks)
		pr_livetab_block(&s->live, b);
	if (s->freezer)
		pr_freezer_block(s->freezer, b, pr_boottime_ns());
	if (s->index && pr_index_writer_block(s->index, b, &why))
		give_up_index(s, &why);
	return PR_OK;
}

int pr_sink_name_index(struct pr_sink *s, struct pr_errinfo *ei)
{
	free(s->index_path);
	s->index_path = NULL;
	if (s->opt.index && asprintf(&s->index_path, "%s" PR_INDEX_SUFFIX, s->name) < 0) {
		s->index_path = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	return PR_OK;
}

void pr_sink_begin_index(struct pr_sink *s)
{
	struct pr_errinfo why;

	if (s->index_path && !s->opt.resume && pr_index_writer_new(&s->index, s->index_path, &s->header, &why))
		give_up_index(s, &why);
}

static void end_index(struct pr_sink *s, const struct pr_seg_progress *p)
{
	struct pr_index_end state = {.sealed = true, .frames = p->frames};
	struct pr_errinfo why;
	struct stat st;

	if (s->index_path && s->opt.resume && pr_resume_index(s->fd, s->index_path, &why))
		give_up_index(s, &why);
	if (!s->index)
		return;
	state.file_size = fstat(s->fd, &st) ? 0 : (uint64_t)st.st_size;
	if (pr_index_writer_finish(s->index, &state, &why))
		give_up_index(s, &why);
	pr_index_writer_free(s->index);
	s->index = NULL;
}

void pr_sink_drop_index(struct pr_sink *s)
{
	pr_index_writer_free(s->index);
	s->index = NULL;
}

/* ---- beginning and ending segments ------------------------------------------------------------------------------- */

void pr_sink_progress(const struct pr_sink *s, struct pr_seg_progress *out)
{
	*out = (struct pr_seg_progress){0};
	if (s->writer)
		pr_seg_writer_progress(s->writer, out);
}

void pr_sink_retire(struct pr_sink *s, bool again)
{
	struct pr_seg_progress p;
	bool ours; /* under that name may be something else by now */

	if (s->fd < 0)
		return;
	pr_sink_progress(s, &p);
	pr_sink_drop_index(s);
	if (s->rotate)
		pr_rotate_end(s->rotate, &p);
	ours = pr_sink_is_there(s);
	pr_sink_close_file(s, &p);
	if (pr_seg_is_empty(&p)) {
		if (ours && !s->rotate && !s->opt.in_memory && !s->opt.resume && (again || !s->stands || s->total.segments > 1))
			unlink(s->name);
		s->total.segments -= s->stands;
	} else {
		memcpy(s->header.prev_link, p.link, PR_SEG_LINK);
		s->header.frames_before += p.frames - p.repeat_frames;
		s->total.raw_bytes += p.raw_bytes;
		s->total.file_bytes += p.file_bytes;
		s->total.blocks += p.blocks;
		s->total.frames += p.frames - p.repeat_frames;
	}
	pr_seg_writer_free(s->writer);
	s->writer = NULL;
	close(s->fd);
	s->fd = -1;
	s->stands = false;
}

static int give_to_user(struct pr_sink *s, struct pr_errinfo *ei)
{
	if (s->opt.give_away && fchown(s->fd, s->opt.uid, s->opt.gid))
		return pr_fail_errno(ei, "cannot give %s to uid %u", s->name, (unsigned)s->opt.uid);
	return PR_OK;
}

/* Its own open file, whose claim goes when we do. */
static int next_in_memory(struct pr_sink *s, struct pr_errinfo *ei)
{
	int err = pr_memory_open(s->path, &s->fd, ei);

	if (err)
		return err;
	pr_file_claim(s->fd);
	s->name = strdup(s->path);
	return s->name ? PR_OK : pr_fail(ei, PR_ENOMEM, "out of memory");
}

static int next_in_file(struct pr_sink *s, uint64_t realtime, uint64_t boottime, struct pr_errinfo *ei)
{
	struct pr_seg_header *h = &s->header;
	int err;

	if (getrandom(h->uuid, PR_SEG_UUID, 0) != PR_SEG_UUID)
		return pr_fail_errno(ei, "cannot draw a random number");
	h->kind = PR_SEG_RECORDED;
	h->number = s->number++; /* used up in any case: its signing key may have been used */
	h->series = s->total.segments;
	h->created_realtime = realtime;
	h->created_boottime = boottime;
	if (s->opt.in_memory)
		return next_in_memory(s, ei);
	err = pr_pieces_create(s->path, !s->total.segments, s->opt.force, &s->name, &s->fd, ei);
	if (err)
		return err;
	pr_file_claim(s->fd); /* for who follows it; where that can't be had he is not told that we are gone */
	return give_to_user(s, ei);
}

static int next_in_dir(struct pr_sink *s, uint64_t realtime, uint64_t boottime, struct pr_errinfo *ei)
{
	int err = pr_rotate_begin(s->rotate, realtime, boottime, &s->header, &s->fd, ei);

	if (err)
		return err;
	free(s->name);
	s->name = strdup(pr_rotate_path(s->rotate));
	return s->name ? PR_OK : pr_fail(ei, PR_ENOMEM, "out of memory");
}

static int write_keyframe(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_frames clock;
	uint64_t now;
	int err;

	pr_frames_init(&clock);
	now = pr_frames_clock(&clock);
	err = pr_livetab_keyframe(&s->live, now, &clock.buf, &b, ei);
	if (!err)
		err = pr_seg_writer_append(s->writer, b.data, b.len, ei);
	if (!err)
		err = pr_seg_writer_flush(s->writer, ei);
	pr_frames_release(&clock);
	pr_buf_release(&b);
	return err;
}

static int stand(struct pr_sink *s, int err, struct pr_errinfo *ei)
{
	if (!err)
		err = pr_sink_note_file(s, ei);
	if (err)
		return err;
	s->stands = true;
	s->total.segments++;
	s->total.untold = false;
	return PR_OK;
}

int pr_sink_next_segment(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_options so = {.level = s->opt.level, .rearrange = !s->opt.plain, .on_block = pr_sink_on_block, .ctx = s};
	bool first = !s->total.segments;
	uint8_t head[PR_SEG_HEADER_SIZE];
	uint64_t realtime, boottime;
	int err;

	pr_signing_now(NULL, &realtime, &boottime);
	err = s->rotate ? next_in_dir(s, realtime, boottime, ei) : next_in_file(s, realtime, boottime, ei);
	if (err)
		return err;
	so.header = s->header;
	so.signer = s->signer;
	so.now = pr_signing_now;
	so.digest = s->signer && s->opt.sign_path;
	pr_seg_header_encode(&s->header, head);
	err = pr_seg_writer_new(&s->writer, s->fd, &so, ei);
	if (!err)
		err = pr_sink_name_index(s, ei);
	if (!err && s->threaded)
		pr_sink_begin_index(s);
	/* Its header tells of what was deleted: that is to stand even where the disk has no room for more. */
	if (!err && s->rotate)
		err = stand(s, pr_rotate_commit(s->rotate, ei), ei);
	if (!err && !first)
		err = write_keyframe(s, ei);
	if (!err && !s->rotate && s->opt.sync != PR_SYNC_NONE)
		err = pr_pieces_commit(s->fd, s->name, ei);
	return err || s->rotate ? err : stand(s, PR_OK, ei);
}

static void sign_file(struct pr_sink *s)
{
	struct pr_errinfo why;
	uint8_t digest[64];

	if (!s->signer || !s->opt.sign_path)
		return;
	pr_seg_writer_digest(s->writer, digest);
	if (pr_signing_detached(s->name, s->opt.sign_path, digest, &why))
		trouble(&s->total.minisig, &why);
}

int pr_sink_seal(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err = pr_seg_writer_seal(s->writer, ei);

	if (err)
		return err;
	pr_buf_clear(&s->unwritten);
	pr_sink_progress(s, &p);
	sign_file(s);
	end_index(s, &p);
	return PR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* spool_file.c: the files of a spool: made by the putting thread where it still has its rights, then the writing thread's. */
#include "recorder/spool_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "recorder/frames.h"
#include "recorder/rights.h"
#include "recorder/signing.h"
#include "schema/index.h"

#define RECOVER_TRIES 8 /* segments that may be deleted to make room for a new one */

/* A block that was torn when the recorder was killed is cut off: its frames are still in the ring. */
static int reopen_file(const struct pr_spool_options *opt, int *out_fd, struct pr_errinfo *ei)
{
	struct stat st;
	int fd = open(opt->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return pr_fail_errno(ei, "cannot open %s", opt->path);
	*out_fd = fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return pr_fail(ei, PR_EBUSY, "%s is not a regular file", opt->path);
	if (ftruncate(fd, (off_t)opt->resume->file_bytes) || lseek(fd, 0, SEEK_END) < 0)
		return pr_fail_errno(ei, "cannot go on with %s", opt->path);
	return PR_OK;
}

static int open_file(const struct pr_spool_options *opt, int *out_fd, struct pr_errinfo *ei)
{
	int err = opt->resume ? reopen_file(opt, out_fd, ei) : pr_file_create(opt->path, opt->force, out_fd, ei);

	if (err)
		return err;
	if (opt->give_away && fchown(*out_fd, opt->uid, opt->gid))
		return pr_fail_errno(ei, "cannot give %s to uid %u", opt->path, (unsigned)opt->uid);
	return PR_OK;
}

/* The index must not cost a frame: its first failure ends it, and the trace goes on. */
static void give_up_index(struct pr_spool *s)
{
	pr_index_writer_free(s->index);
	s->index = NULL;
	pthread_mutex_lock(&s->lock);
	s->state.index_failed = true;
	pthread_mutex_unlock(&s->lock);
}

static int on_block(void *ctx, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct pr_spool *s = ctx;

	(void)ei;
	if (s->index && pr_index_writer_block(s->index, b, NULL))
		give_up_index(s);
	return PR_OK;
}

/* The next segment of a rotation, with nothing but its beginning in it. */
static int open_segment(struct pr_spool *s, struct pr_errinfo *ei)
{
	uint64_t realtime, boottime;
	int err;

	pr_signing_now(NULL, &realtime, &boottime);
	err = pr_rotate_begin(s->rotate, realtime, boottime, &s->seg.header, &s->fd, ei);
	if (!err)
		err = pr_seg_writer_new(&s->writer, s->fd, &s->seg, ei);
	if (!err)
		err = pr_rotate_commit(s->rotate, ei);
	s->header = s->seg.header;
	s->path = pr_rotate_path(s->rotate);
	return err;
}

static int open_rotation(struct pr_spool *s, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	struct pr_rotate_options ro = *opt->rotate;
	int err;

	ro.dir = opt->path;
	ro.give_away = opt->give_away;
	ro.uid = opt->uid;
	ro.gid = opt->gid;
	memcpy(ro.recording, s->seg.header.recording, PR_SEG_UUID);
	err = pr_rotate_open(&s->rotate, &ro, ei);
	return err ? err : open_segment(s, ei);
}

static int open_writer(struct pr_spool *s, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	struct pr_seg_options so = {.level = opt->level, .rearrange = !opt->plain, .on_block = on_block, .ctx = s};
	uint8_t head[PR_SEG_HEADER_SIZE];
	struct timespec now;
	int err;

	if (opt->resume) {
		s->header = opt->resume->header;
		return pr_seg_writer_resume(&s->writer, s->fd, &so, opt->resume, ei);
	}
	if (getrandom(so.header.uuid, PR_SEG_UUID, 0) != PR_SEG_UUID)
		return pr_fail_errno(ei, "cannot draw a random number");
	memcpy(so.header.recording, so.header.uuid, PR_SEG_UUID);
	clock_gettime(CLOCK_REALTIME, &now);
	so.header.created_realtime = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	so.header.created_boottime = pr_boottime_ns();
	so.header.kind = PR_SEG_RECORDED;
	if (opt->sign) {
		err = pr_signer_new(&s->signer, opt->sign, so.header.recording, opt->rotate ? PR_SIGN_DEPTH_MAX : PR_SIGN_DEPTH_ONE,
			so.header.created_realtime, ei);
		if (err)
			return err;
		so.signer = s->signer;
		so.now = pr_signing_now;
		so.digest = true;
	}
	s->seg = so;
	if (opt->rotate)
		return open_rotation(s, opt, ei);
	s->header = so.header;
	pr_seg_header_encode(&s->header, head);
	return pr_seg_writer_new(&s->writer, s->fd, &so, ei);
}

static int plan_index(struct pr_spool *s, struct pr_errinfo *ei)
{
	if (asprintf(&s->index_path, "%s" PR_INDEX_SUFFIX, s->path) < 0) {
		s->index_path = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	return PR_OK;
}

int pr_spool_file_open(struct pr_spool *s, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	int err = opt->rotate ? PR_OK : open_file(opt, &s->fd, ei);

	if (!err)
		err = open_writer(s, opt, ei);
	if (err)
		return err;
	/* Who the file system is to take the writing thread for: who called sudo, or else the owner of the folder. */
	s->want_index = opt->index;
	if (opt->index || opt->rotate)
		pr_rights_choose_user(&s->user, s->path, opt->give_away, opt->uid, opt->gid);
	return opt->index ? plan_index(s, ei) : PR_OK;
}

/* Without capabilities the thread could not make the index in a folder of somebody else: so it does that as he. */
int pr_spool_file_begin(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err;

	if (s->index_path || s->rotate)
		pr_rights_file_user(&s->user);
	err = pr_rights_drop(0, ei);
	if (!err && s->index_path && !s->resumed && pr_index_writer_new(&s->index, s->index_path, &s->header, NULL))
		give_up_index(s);
	return err;
}

/* After a resume: the frames of the part before went by another recorder. Fails where the thread's user may not read the trace. */
static int rebuild_index(struct pr_spool *s)
{
	struct pr_trace *t;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
	err = pr_trace_open(&t, path, NULL);
	if (err)
		return err;
	err = pr_index_rebuild(s->index_path, t, NULL, NULL);
	pr_trace_close(t);
	return err;
}

static void sign_file(struct pr_spool *s)
{
	uint8_t digest[64];
	int err;

	pr_seg_writer_digest(s->writer, digest);
	err = pr_signing_detached(s->path, s->sign_path, digest, NULL);
	pthread_mutex_lock(&s->lock);
	s->state.minisig_failed = err != PR_OK;
	pthread_mutex_unlock(&s->lock);
}

int pr_spool_file_end(struct pr_spool *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	struct pr_index_end state = {.sealed = true};
	struct stat st;
	int err = pr_seg_writer_seal(s->writer, ei);

	if (!err && s->signer)
		sign_file(s);
	if (!err && s->index_path && s->resumed && rebuild_index(s))
		give_up_index(s);
	if (err || !s->index)
		return err;
	pr_seg_writer_progress(s->writer, &p);
	state.frames = p.frames;
	state.file_size = fstat(s->fd, &st) ? 0 : (uint64_t)st.st_size;
	if (pr_index_writer_finish(s->index, &state, NULL))
		give_up_index(s);
	return PR_OK;
}

/* Nothing comes to the segment in use any more. */
static void leave_segment(struct pr_spool *s, const struct pr_seg_progress *p)
{
	pr_rotate_end(s->rotate, p);
	s->sum.raw_bytes += p->raw_bytes;
	s->sum.file_bytes += p->file_bytes;
	s->sum.blocks += p->blocks;
	s->sum.frames += p->frames - p->repeat_frames;
	pthread_mutex_lock(&s->lock);
	s->rotating = s->due = false;
	pthread_mutex_unlock(&s->lock);
	pr_index_writer_free(s->index);
	s->index = NULL;
	pr_seg_writer_free(s->writer);
	s->writer = NULL;
	close(s->fd);
	s->fd = -1;
}

static int begin_next(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err = open_segment(s, ei);

	if (err || !s->want_index)
		return err;
	free(s->index_path);
	if (asprintf(&s->index_path, "%s" PR_INDEX_SUFFIX, s->path) < 0)
		s->index_path = NULL;
	if (!s->index_path || pr_index_writer_new(&s->index, s->index_path, &s->header, NULL))
		give_up_index(s);
	return PR_OK;
}

/* Closes the segment in use and begins the next. */
int pr_spool_next_segment(struct pr_spool *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err = pr_spool_file_end(s, ei);

	pr_seg_writer_progress(s->writer, &p);
	if (err)
		return err;
	leave_segment(s, &p);
	s->bare = false;
	return begin_next(s, ei);
}

int pr_spool_recover(struct pr_spool *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err = PR_EIO, why = ei->sys_errno;

	if (s->writer) {
		pr_seg_writer_progress(s->writer, &p);
		leave_segment(s, &p);
	}
	for (int tries = 0; err && tries < RECOVER_TRIES; tries++) {
		if (why == ENOSPC && pr_rotate_make_room(s->rotate, NULL))
			break; /* nothing older is left */
		err = begin_next(s, ei);
		why = ei->sys_errno;
		if (!err)
			break;
		pr_seg_writer_free(s->writer);
		s->writer = NULL;
		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
	}
	s->bare = true; /* the next one gets a keyframe */
	pthread_mutex_lock(&s->lock);
	s->state.unwritten = s->taken - s->sum.frames;
	pthread_mutex_unlock(&s->lock);
	return err;
}

uint64_t pr_spool_frames(const uint8_t *p, size_t n)
{
	uint64_t frames = 0;
	size_t size;

	for (size_t off = 0; n - off >= PR_ENVELOPE_SIZE; off += PR_ENVELOPE_SIZE + size) {
		size = pr_get_u32(p + off + offsetof(struct pr_envelope, size));
		frames += !(p[off + offsetof(struct pr_envelope, flags)] & PR_ENV_REPEAT);
	}
	return frames;
}

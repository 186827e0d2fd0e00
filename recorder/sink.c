/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "recorder/frames.h"
#include "recorder/memory.h"
#include "recorder/resume.h"
#include "recorder/signing.h"
#include "recorder/sink_int.h"

#define FILE_DEPTH 10u /* of the tree of keys of a recording into one file: a full disk may cut it in so many pieces */
#define ROOM_MIN (64u << 10) /* with less of it there is no use in beginning a segment */
#define ROOM_MAX (1u << 20) /* with more of it a try is worth its while, whatever the one before came to */

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Of the bytes given to the writer, those in its blocks are not needed any more. */
static void forget_written(struct pr_sink *s)
{
	struct pr_seg_progress p;
	struct pr_buf *b = &s->unwritten;

	pr_sink_progress(s, &p);
	if (p.pending_bytes < b->len) {
		memmove(b->data, b->data + b->len - p.pending_bytes, p.pending_bytes);
		b->len = p.pending_bytes;
	}
}

/* After a failure: the writer's blocks hold a beginning of `unwritten`. before: raw bytes in its blocks when that was whole. */
static void cut_written(struct pr_sink *s, uint64_t before)
{
	struct pr_seg_progress p;
	struct pr_buf *b = &s->unwritten;
	uint64_t n;

	pr_sink_progress(s, &p);
	n = p.raw_bytes - before;
	if (n > b->len)
		n = b->len;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= (size_t)n;
}

/* What comes after is not to be written into a file that nobody can read. */
static int look_at_current(struct pr_sink *s, struct pr_errinfo *ei)
{
	if (pr_sink_is_there(s))
		return PR_OK;
	pr_sink_look(s);
	return pr_sink_can_recover(s) ? pr_fail(ei, PR_EIO, "%s is not there any more", s->name) : PR_OK;
}

static int commit(struct pr_sink *s, bool sync, uint64_t blocks_before, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err;

	if (sync) {
		err = s->opt.sync == PR_SYNC_NONE ? pr_seg_writer_tick(s->writer, ei) : pr_seg_writer_sync(s->writer, ei);
		return err ? err : look_at_current(s, ei);
	}
	pr_sink_progress(s, &p);
	if (s->opt.sync == PR_SYNC_BLOCK && p.blocks != blocks_before && pr_file_commit(s->fd))
		return pr_fail_errno(ei, "cannot sync the trace");
	return PR_OK;
}

static void forget_old(struct pr_sink *s)
{
	struct pr_seg_progress p;

	pr_sink_progress(s, &p);
	pr_memory_forget(s->fd, p.file_bytes, &s->forgotten);
}

static int append(struct pr_sink *s, const void *p, size_t n, bool sync, struct pr_errinfo *ei)
{
	struct pr_seg_progress before;
	int err;

	pr_sink_progress(s, &before);
	err = pr_seg_writer_append(s->writer, p, n, ei);
	if (!err)
		err = commit(s, sync, before.blocks, ei);
	if (err)
		cut_written(s, before.raw_bytes);
	else
		forget_written(s);
	if (!err && s->opt.in_memory)
		forget_old(s);
	return err;
}

/*
 * A frozen set ends with the segment that is sealed for it. One that holds nothing yet but repeated state stays as it is; where retention
 * has left no other, the set waits for what comes next.
 */
static int rotate_if_due(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	bool wanted = pr_freezer_due(s->freezer);
	int err;

	pr_sink_progress(s, &p);
	if (p.frames == p.repeat_frames) {
		if (wanted && pr_rotate_oldest(s->rotate) < s->header.series)
			pr_freezer_run(s->freezer, s->header.series);
		return PR_OK;
	}
	if (!wanted && !pr_rotate_due(s->rotate, &p, pr_boottime_ns()))
		return PR_OK;
	err = pr_sink_seal(s, ei);
	if (err) {
		cut_written(s, p.raw_bytes);
		return err;
	}
	pr_sink_retire(s, true);
	if (pr_freezer_due(s->freezer)) /* the last block may have brought an event */
		pr_freezer_run(s->freezer, UINT64_MAX);
	err = pr_sink_next_segment(s, ei);
	pr_sink_look(s);
	return err;
}

int pr_sink_write(struct pr_sink *s, const void *p, size_t n, bool sync, struct pr_errinfo *ei)
{
	int err;

	pr_buf_append(&s->unwritten, p, n);
	if (pr_buf_failed(&s->unwritten))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = append(s, p, n, sync, ei);
	return err || !s->rotate ? err : rotate_if_due(s, ei);
}

void pr_sink_freeze(struct pr_sink *s, const char *why)
{
	if (s->freezer)
		pr_freezer_ask(s->freezer, why);
}

int pr_sink_idle(struct pr_sink *s, struct pr_errinfo *ei)
{
	return pr_seg_writer_unsigned(s->writer) ? append(s, NULL, 0, true, ei) : PR_OK;
}

int pr_sink_end(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err;

	pr_sink_progress(s, &p);
	err = pr_sink_seal(s, ei);
	if (err)
		cut_written(s, p.raw_bytes);
	else if (s->freezer && pr_freezer_due(s->freezer))
		pr_freezer_run(s->freezer, UINT64_MAX);
	pr_sink_look(s);
	return err;
}

/* ---- going on after a failure ------------------------------------------------------------------------------------ */

bool pr_sink_can_recover(const struct pr_sink *s)
{
	return !s->opt.resume && !s->opt.in_memory;
}

static bool is_full(const struct pr_errinfo *ei)
{
	return ei->sys_errno == ENOSPC || ei->sys_errno == EDQUOT;
}

/* Beginning a segment uses up a key and a number, so it is not tried where it can't come to anything. */
static int look_for_room(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct statvfs st;

	uint64_t there;

	if (statvfs(s->path, &st))
		return PR_OK;
	there = (uint64_t)st.f_bavail * st.f_frsize;
	if (there >= s->room) {
		s->room = there < ROOM_MAX ? there + 1 : ROOM_MAX; /* unless this try comes to something */
		return PR_OK;
	}
	errno = ENOSPC;
	return pr_fail_errno(ei, "%s: cannot go on", s->path);
}

static int begin_again(struct pr_sink *s, struct pr_errinfo *ei)
{
	char path[64];
	int err;

	if (!s->tracks) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
		pr_livetab_segment(&s->live, path);
		s->tracks = true;
	}
	pr_sink_retire(s, true);
	err = pr_sink_next_segment(s, ei);
	/* What is in none of the blocks of the one before comes first. */
	return err ? err : append(s, s->unwritten.data, s->unwritten.len, true, ei);
}

int pr_sink_recover(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_errinfo why = {0};
	int err;

	if (!pr_sink_can_recover(s))
		return pr_fail(ei, PR_EUSAGE, "%s: cannot go on in another file", s->path);
	/*
	 * Each turn writes a block of what waits, or has a segment less to delete than the one before: there is an end to them. A segment is
	 * deleted only when the deletion before it is told of: were it all in vain, the past would not go for nothing.
	 */
	for (;;) {
		err = s->total.untold ? PR_OK : look_for_room(s, &why);
		if (!err)
			err = begin_again(s, &why);
		if (!err || !is_full(&why))
			s->room = ROOM_MIN;
		if (!err || !is_full(&why) || !s->rotate || s->total.untold || pr_rotate_make_room(s->rotate, NULL))
			break;
		s->total.untold = true;
	}
	if (err && ei)
		*ei = why;
	return err;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* A block that was torn when the recorder was killed is cut off: its frames are still in the ring. */
static int resume_file(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_options so = {.level = s->opt.level, .on_block = pr_sink_on_block, .ctx = s};
	struct stat st;

	s->name = strdup(s->path);
	if (!s->name)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->fd = open(s->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0)
		return pr_fail_errno(ei, "cannot open %s", s->path);
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode))
		return pr_fail(ei, PR_EBUSY, "%s is not a regular file", s->path);
	if (ftruncate(s->fd, (off_t)s->opt.resume->file_bytes) || lseek(s->fd, 0, SEEK_END) < 0)
		return pr_fail_errno(ei, "cannot go on with %s", s->path);
	pr_file_claim(s->fd);
	s->header = s->opt.resume->header;
	if (pr_sink_name_index(s, ei))
		return PR_ENOMEM;
	s->total.segments++;
	s->stands = true;
	if (pr_sink_note_file(s, ei))
		return PR_ENOMEM;
	return pr_seg_writer_resume(&s->writer, s->fd, &so, s->opt.resume, ei);
}

static int open_dir(struct pr_sink *s, struct pr_errinfo *ei)
{
	const struct pr_spool_options *o = &s->opt;
	char holder[32];
	int err;
	struct pr_rotate_options ro = {
		.dir = s->path,
		.max_bytes = o->max_bytes,
		.max_ns = o->max_ns,
		.keep_bytes = o->keep_bytes,
		.keep_ns = o->keep_ns,
		.holder = holder,
		.give_away = o->give_away,
		.uid = o->uid,
		.gid = o->gid,
	};

	snprintf(holder, sizeof(holder), "pid %d", (int)getpid());
	memcpy(ro.recording, s->header.recording, PR_SEG_UUID);
	memcpy(ro.boot_id, s->header.boot_id, PR_SEG_UUID);
	err = pr_rotate_open(&s->rotate, &ro, ei);
	return err ? err : pr_freezer_new(&s->freezer, s->path, &o->freeze, ei);
}

static int open_first(struct pr_sink *s, struct pr_errinfo *ei)
{
	unsigned depth = s->opt.rotate ? PR_SIGN_DEPTH_MAX : pr_sink_can_recover(s) ? FILE_DEPTH : PR_SIGN_DEPTH_ONE;
	uint64_t realtime, boottime;
	int err = PR_OK;

	if (s->opt.resume)
		return resume_file(s, ei);
	if (getrandom(s->header.recording, PR_SEG_UUID, 0) != PR_SEG_UUID)
		return pr_fail_errno(ei, "cannot draw a random number");
	pr_boot_id(s->header.boot_id);
	pr_signing_now(NULL, &realtime, &boottime);
	if (s->opt.sign)
		err = pr_signer_new(&s->signer, s->opt.sign, s->header.recording, depth, realtime, ei);
	if (!err && s->opt.rotate)
		err = open_dir(s, ei);
	return err ? err : pr_sink_next_segment(s, ei);
}

static bool may_read(const struct pr_sink *s)
{
	struct stat st;

	return !fstat(s->fd, &st) && st.st_uid == s->user.uid;
}

int pr_sink_open(struct pr_sink **out, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	struct pr_sink *s = calloc(1, sizeof(*s));
	size_t len = strlen(opt->path);
	int err;

	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->opt = *opt;
	s->fd = -1;
	s->room = ROOM_MIN;
	pr_livetab_init(&s->live);
	while (opt->rotate && len > 1 && opt->path[len - 1] == '/')
		len--;
	s->path = strndup(opt->path, len);
	err = s->path ? open_first(s, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");
	if (err) {
		pr_sink_free(s);
		return err;
	}
	pr_rights_choose_user(&s->user, s->name, opt->give_away, opt->uid, opt->gid);
	/* Of one file the state is hardly ever needed, and can be read from it: if the writing thread may. */
	s->tracks = pr_sink_can_recover(s) && (s->rotate || !may_read(s));
	*out = s;
	return PR_OK;
}

/* Without capabilities the thread could not make files in a folder of somebody else: so it does that as he. */
int pr_sink_begin(struct pr_sink *s, struct pr_errinfo *ei)
{
	int err;

	pr_rights_file_user(&s->user);
	err = pr_rights_drop(0, ei);
	s->threaded = true;
	if (!err)
		pr_sink_begin_index(s);
	return err;
}

void pr_sink_get_state(const struct pr_sink *s, struct pr_sink_state *out)
{
	struct pr_seg_progress p;

	pr_sink_progress(s, &p);
	*out = s->total;
	out->raw_bytes += p.raw_bytes;
	out->file_bytes += p.file_bytes;
	out->blocks += p.blocks;
	out->frames += p.frames - p.repeat_frames;
	out->deleted = s->rotate ? pr_rotate_deleted(s->rotate) : 0;
	if (s->freezer)
		pr_freezer_get_state(s->freezer, &out->frozen);
}

void pr_sink_discard(struct pr_sink *s)
{
	if (!s->rotate && !s->opt.in_memory && s->fd >= 0) {
		unlink(s->name);
		unlink(s->path);
	}
	pr_sink_retire(s, false);
	if (s->rotate)
		pr_rotate_discard(s->rotate);
}

void pr_sink_free(struct pr_sink *s)
{
	if (!s)
		return;
	pr_sink_retire(s, false);
	pr_sink_release_files(s);
	pr_signer_free(s->signer);
	pr_rotate_close(s->rotate);
	pr_freezer_free(s->freezer);
	pr_livetab_release(&s->live);
	pr_buf_release(&s->unwritten);
	free(s->index_path);
	free(s->name);
	free(s->path);
	free(s);
}

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
#include "recorder/pieces.h"
#include "recorder/resume.h"
#include "recorder/rights.h"
#include "recorder/signing.h"
#include "recorder/spool.h"
#include "schema/index.h"
#include "schema/livetab.h"
#include "schema/rotate.h"

#define FILE_DEPTH 10u /* of the tree of keys of a recording into one file: a full disk may cut it in so many pieces */
#define ROOM_MIN (64u << 10) /* with less of it there is no use in beginning a segment */

struct pr_sink {
	struct pr_spool_options opt; /* its strings are borrowed, but for path */
	char *path; /* owned: opt.path, of a directory without the last slashes */
	struct pr_rotate *rotate; /* NULL: into one file */
	struct pr_livetab live;
	bool tracks; /* it is kept; else it is made from the file when it is needed */
	uint64_t written[PR_STREAM_COUNT]; /* frames in blocks, by stream */
	struct pr_buf unwritten; /* given to the writer, and in none of its blocks yet */
	struct pr_signer *signer; /* NULL: it is not signed */
	struct pr_rights_user user;
	bool threaded; /* pr_sink_begin() was called */

	/* the current segment; fd < 0: there is none */
	int fd;
	struct pr_seg_writer *writer;
	struct pr_index_writer *index; /* NULL: none, or given up */
	struct pr_seg_header header; /* of the last one, where there is none */
	char *name, *index_path; /* owned */
	bool stands; /* it begins as it should; else it is removed again */
	uint64_t number; /* of the next one */

	struct pr_sink_state total; /* of the segments before */
	bool minisig_failed, index_failed;
};

/* ---- the index --------------------------------------------------------------------------------------------------- */

/* The index must not cost a frame: its first failure ends it, and the trace goes on. */
static void give_up_index(struct pr_sink *s)
{
	pr_index_writer_free(s->index);
	s->index = NULL;
	s->index_failed = true;
}

static void count(struct pr_sink *s, const struct pr_block *b)
{
	struct pr_frame_iter it;
	struct pr_frame f;

	if (b->desc.flags & PR_SEG_BLOCK_REPEAT)
		return;
	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f))
		s->written[f.stream % PR_STREAM_COUNT]++;
}

static int on_block(void *ctx, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct pr_sink *s = ctx;

	(void)ei;
	count(s, b);
	if (s->tracks)
		pr_livetab_block(&s->live, b);
	if (s->index && pr_index_writer_block(s->index, b, NULL))
		give_up_index(s);
	return PR_OK;
}

static int name_index(struct pr_sink *s, struct pr_errinfo *ei)
{
	free(s->index_path);
	s->index_path = NULL;
	if (s->opt.index && asprintf(&s->index_path, "%s" PR_INDEX_SUFFIX, s->name) < 0) {
		s->index_path = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	return PR_OK;
}

static void begin_index(struct pr_sink *s)
{
	if (s->index_path && !s->opt.resume && pr_index_writer_new(&s->index, s->index_path, &s->header, NULL))
		give_up_index(s);
}

static void end_index(struct pr_sink *s, const struct pr_seg_progress *p)
{
	struct pr_index_end state = {.sealed = true, .frames = p->frames};
	struct stat st;

	if (s->index_path && s->opt.resume && pr_resume_index(s->fd, s->index_path))
		give_up_index(s);
	if (!s->index)
		return;
	state.file_size = fstat(s->fd, &st) ? 0 : (uint64_t)st.st_size;
	if (pr_index_writer_finish(s->index, &state, NULL))
		give_up_index(s);
	pr_index_writer_free(s->index);
	s->index = NULL;
}

void pr_sink_drop_index(struct pr_sink *s)
{
	pr_index_writer_free(s->index);
	s->index = NULL;
}

/* ---- beginning and ending segments ------------------------------------------------------------------------------- */

static void get_progress(const struct pr_sink *s, struct pr_seg_progress *out)
{
	*out = (struct pr_seg_progress){0};
	if (s->writer)
		pr_seg_writer_progress(s->writer, out);
}

/* The segment takes nothing more: sealed, or given up. */
static void retire(struct pr_sink *s)
{
	struct pr_seg_progress p;

	if (s->fd < 0)
		return;
	get_progress(s, &p);
	pr_sink_drop_index(s);
	if (s->rotate)
		pr_rotate_end(s->rotate, &p);
	if (s->stands) {
		memcpy(s->header.prev_link, p.link, PR_SEG_LINK);
		s->header.frames_before += p.frames - p.repeat_frames;
		s->total.raw_bytes += p.raw_bytes;
		s->total.file_bytes += p.file_bytes;
		s->total.blocks += p.blocks;
		s->total.frames += p.frames - p.repeat_frames;
	} else if (!s->rotate) {
		unlink(s->name);
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
	err = pr_pieces_create(s->path, !s->total.segments, s->opt.force, &s->name, &s->fd, ei);
	return err ? err : give_to_user(s, ei);
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

/* Begins the next segment; all but the first one with a keyframe of what was recorded so far. It gets its name when it stands. */
static int next_segment(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_options so = {.level = s->opt.level, .rearrange = !s->opt.plain, .on_block = on_block, .ctx = s};
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
		err = name_index(s, ei);
	if (!err && s->threaded)
		begin_index(s);
	if (!err && !first)
		err = write_keyframe(s, ei);
	if (!err && s->rotate)
		err = pr_rotate_commit(s->rotate, ei);
	else if (!err && s->opt.sync != PR_SYNC_NONE)
		err = pr_pieces_commit(s->fd, s->name, ei);
	if (err)
		return err;
	s->stands = true;
	s->total.segments++;
	return PR_OK;
}

static void sign_file(struct pr_sink *s)
{
	uint8_t digest[64];

	if (!s->signer || !s->opt.sign_path)
		return;
	pr_seg_writer_digest(s->writer, digest);
	if (pr_signing_detached(s->name, s->opt.sign_path, digest, NULL))
		s->minisig_failed = true;
}

static int seal(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err = pr_seg_writer_seal(s->writer, ei);

	if (err)
		return err;
	pr_buf_clear(&s->unwritten);
	get_progress(s, &p);
	sign_file(s);
	end_index(s, &p);
	return PR_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Of the bytes given to the writer, those in its blocks are not needed any more. */
static void forget_written(struct pr_sink *s)
{
	struct pr_seg_progress p;
	struct pr_buf *b = &s->unwritten;

	get_progress(s, &p);
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

	get_progress(s, &p);
	n = p.raw_bytes - before;
	if (n > b->len)
		n = b->len;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= (size_t)n;
}

static int commit(struct pr_sink *s, bool sync, uint64_t blocks_before, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;

	if (sync)
		return s->opt.sync == PR_SYNC_NONE ? pr_seg_writer_tick(s->writer, ei) : pr_seg_writer_sync(s->writer, ei);
	get_progress(s, &p);
	if (s->opt.sync == PR_SYNC_BLOCK && p.blocks != blocks_before && pr_file_commit(s->fd))
		return pr_fail_errno(ei, "cannot sync the trace");
	return PR_OK;
}

static int append(struct pr_sink *s, const void *p, size_t n, bool sync, struct pr_errinfo *ei)
{
	struct pr_seg_progress before;
	int err;

	get_progress(s, &before);
	err = pr_seg_writer_append(s->writer, p, n, ei);
	if (!err)
		err = commit(s, sync, before.blocks, ei);
	if (err)
		cut_written(s, before.raw_bytes);
	else
		forget_written(s);
	return err;
}

static int rotate_if_due(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err;

	get_progress(s, &p);
	if (p.frames == p.repeat_frames || !pr_rotate_due(s->rotate, &p, pr_boottime_ns()))
		return PR_OK;
	err = seal(s, ei);
	if (err) {
		cut_written(s, p.raw_bytes);
		return err;
	}
	retire(s);
	return next_segment(s, ei);
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

int pr_sink_idle(struct pr_sink *s, struct pr_errinfo *ei)
{
	return pr_seg_writer_unsigned(s->writer) ? append(s, NULL, 0, true, ei) : PR_OK;
}

int pr_sink_end(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_progress p;
	int err;

	get_progress(s, &p);
	err = seal(s, ei);
	if (err)
		cut_written(s, p.raw_bytes);
	return err;
}

/* ---- going on after a failure ------------------------------------------------------------------------------------ */

bool pr_sink_can_recover(const struct pr_sink *s)
{
	return !s->opt.resume;
}

static bool is_full(const struct pr_errinfo *ei)
{
	return ei->sys_errno == ENOSPC || ei->sys_errno == EDQUOT;
}

/* Beginning a segment uses up a key and a number, so it is not tried where it can't come to anything. */
static int look_for_room(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct statvfs st;

	if (statvfs(s->path, &st) || (uint64_t)st.f_bavail * st.f_frsize >= ROOM_MIN)
		return PR_OK;
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
	retire(s);
	err = next_segment(s, ei);
	/* What is in none of the blocks of the one before comes first. */
	return err ? err : append(s, s->unwritten.data, s->unwritten.len, true, ei);
}

int pr_sink_recover(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_errinfo why = {0};
	int err;

	if (!pr_sink_can_recover(s))
		return pr_fail(ei, PR_EUSAGE, "%s: cannot go on in another file", s->path);
	for (;;) {
		err = look_for_room(s, &why);
		if (!err)
			err = begin_again(s, &why);
		if (!err || !is_full(&why) || !s->rotate || pr_rotate_make_room(s->rotate, NULL))
			break;
	}
	if (err && ei)
		*ei = why;
	return err;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* A block that was torn when the recorder was killed is cut off: its frames are still in the ring. */
static int resume_file(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_seg_options so = {.level = s->opt.level, .on_block = on_block, .ctx = s};
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
	s->header = s->opt.resume->header;
	if (name_index(s, ei))
		return PR_ENOMEM;
	s->total.segments++;
	s->stands = true;
	return pr_seg_writer_resume(&s->writer, s->fd, &so, s->opt.resume, ei);
}

static int open_dir(struct pr_sink *s, struct pr_errinfo *ei)
{
	const struct pr_spool_options *o = &s->opt;
	char holder[32];
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
	return pr_rotate_open(&s->rotate, &ro, ei);
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
	return err ? err : next_segment(s, ei);
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
		begin_index(s);
	return err;
}

void pr_sink_get_state(const struct pr_sink *s, struct pr_sink_state *out)
{
	struct pr_seg_progress p;

	get_progress(s, &p);
	*out = s->total;
	out->raw_bytes += p.raw_bytes;
	out->file_bytes += p.file_bytes;
	out->blocks += p.blocks;
	out->frames += p.frames - p.repeat_frames;
	memcpy(out->written, s->written, sizeof(out->written));
	out->deleted = s->rotate ? pr_rotate_deleted(s->rotate) : 0;
	out->minisig_failed = s->minisig_failed;
	out->index_failed = s->index_failed;
}

void pr_sink_free(struct pr_sink *s)
{
	if (!s)
		return;
	retire(s);
	pr_signer_free(s->signer);
	pr_rotate_close(s->rotate);
	pr_livetab_release(&s->live);
	pr_buf_release(&s->unwritten);
	free(s->index_path);
	free(s->name);
	free(s->path);
	free(s);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/spool.h"

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

#include "base/file.h"
#include "recorder/frames.h"
#include "recorder/rights.h"
#include "recorder/signing.h"
#include "schema/index.h"

#define CHUNK_BYTES (256u << 10)
#define SIGN_AFTER_S 61 /* of silence: what came before it is then due to be signed */
#define SPARE_CHUNKS 4 /* kept for reuse; more of them are freed once a backlog is gone */

struct chunk {
	struct chunk *next;
	size_t len, cap;
	bool sync; /* write it out and sync behind it */
	uint64_t position; /* with sync */
	uint8_t data[];
};

struct pr_spool {
	/* of the writing thread alone, once it runs */
	int fd;
	struct pr_seg_writer *writer;
	struct pr_signer *signer; /* NULL: it is not signed */
	const char *path, *sign_path; /* borrowed; with signer */
	struct pr_index_writer *index; /* NULL: none, or given up */
	struct pr_seg_header header;
	char *index_path; /* NULL: none wanted */
	bool resumed;
	struct pr_rights_user user; /* as whom the thread goes to the file system */
	enum pr_sync_when when;

	/* of the putting thread alone */
	struct chunk *open;
	bool pending;

	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* what follows is shared */
	pthread_cond_t work, room;
	struct chunk *head, **tail, *spare;
	unsigned spares;
	size_t queue_bytes, queue_max;
	bool stop, seal;
	uint64_t written; /* position of the last tick that is done */
	int err;
	struct pr_errinfo ei;
	struct pr_spool_state state;
};

/* ---- the file ---------------------------------------------------------------------------------------------------- */

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
		err = pr_signer_new(&s->signer, opt->sign, so.header.recording, PR_SIGN_DEPTH_ONE, so.header.created_realtime, ei);
		if (err)
			return err;
		so.signer = s->signer;
		so.now = pr_signing_now;
		so.digest = true;
	}
	s->header = so.header;
	pr_seg_header_encode(&s->header, head);
	return pr_seg_writer_new(&s->writer, s->fd, &so, ei);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void publish(struct pr_spool *s, int err, const struct pr_errinfo *ei)
{
	struct pr_seg_progress p;

	pr_seg_writer_progress(s->writer, &p);
	pthread_mutex_lock(&s->lock);
	s->state.raw_bytes = p.raw_bytes;
	s->state.file_bytes = p.file_bytes;
	s->state.blocks = p.blocks;
	s->state.frames = p.frames;
	if (err && !s->err) {
		s->err = err;
		s->ei = *ei;
	}
	pthread_mutex_unlock(&s->lock);
}

static int write_chunk(struct pr_spool *s, const struct chunk *c, struct pr_errinfo *ei)
{
	struct pr_seg_progress before, after;
	int err;

	pr_seg_writer_progress(s->writer, &before);
	err = pr_seg_writer_append(s->writer, c->data, c->len, ei);
	if (!err && c->sync)
		err = s->when == PR_SYNC_NONE ? pr_seg_writer_flush(s->writer, ei) : pr_seg_writer_sync(s->writer, ei);
	pr_seg_writer_progress(s->writer, &after);
	if (!err && s->when == PR_SYNC_BLOCK && !c->sync && after.blocks != before.blocks && fdatasync(s->fd))
		err = pr_fail_errno(ei, "cannot sync the trace");
	return err;
}

/* Waits for the next chunk; NULL: the end, or with *out_idle that a minute went by in which a signature may have come due. */
static struct chunk *take(struct pr_spool *s, bool *out_idle)
{
	struct timespec until;
	struct chunk *c;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SIGN_AFTER_S;
	pthread_mutex_lock(&s->lock);
	while (!s->head && !s->stop && !late)
		late = s->signer ? pthread_cond_timedwait(&s->work, &s->lock, &until) : pthread_cond_wait(&s->work, &s->lock);
	c = s->head;
	*out_idle = late && !c && !s->stop;
	if (c) {
		s->head = c->next;
		if (!s->head)
			s->tail = &s->head;
	}
	pthread_mutex_unlock(&s->lock);
	return c;
}

static void give_back(struct pr_spool *s, struct chunk *c)
{
	pthread_mutex_lock(&s->lock);
	s->queue_bytes -= c->cap;
	if (c->cap == CHUNK_BYTES && s->spares < SPARE_CHUNKS) {
		c->next = s->spare;
		s->spare = c;
		s->spares++;
		c = NULL;
	}
	pthread_cond_signal(&s->room);
	pthread_mutex_unlock(&s->lock);
	free(c);
}

/* Without capabilities the thread could not make the index in a folder of somebody else: so it does that as he. */
static int begin(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err;

	if (s->index_path)
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

static int end(struct pr_spool *s, struct pr_errinfo *ei)
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

static void set_written(struct pr_spool *s, uint64_t position)
{
	pthread_mutex_lock(&s->lock);
	if (position > s->written)
		s->written = position;
	pthread_mutex_unlock(&s->lock);
}

uint64_t pr_spool_written(struct pr_spool *s)
{
	uint64_t position;

	pthread_mutex_lock(&s->lock);
	position = s->written;
	pthread_mutex_unlock(&s->lock);
	return position;
}

static void *run(void *arg)
{
	struct pr_spool *s = arg;
	struct pr_errinfo ei;
	struct chunk *c;
	bool idle;
	int err = begin(s, &ei);

	if (err)
		publish(s, err, &ei);
	/* After a failure what comes is thrown away: the putting side was told, and must not wait for room for ever. */
	while ((c = take(s, &idle)) || idle) {
		if (idle) {
			if (!err && pr_seg_writer_unsigned(s->writer)) {
				err = pr_seg_writer_sync(s->writer, &ei);
				publish(s, err, &ei);
			}
			continue;
		}
		if (!err) {
			err = write_chunk(s, c, &ei);
			publish(s, err, &ei);
		}
		if (!err && c->sync)
			set_written(s, c->position);
		give_back(s, c);
	}
	if (!err && s->seal) {
		err = end(s, &ei);
		publish(s, err, &ei);
	}
	pr_index_writer_free(s->index); /* an unfinished one is removed: while the thread still is who made it */
	s->index = NULL;
	return NULL;
}

static int start(struct pr_spool *s, struct pr_errinfo *ei)
{
	sigset_t all, old;
	int err;

	sigfillset(&all); /* signals are for the thread that waits for them */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	if (err)
		return pr_fail_errno(ei, "cannot start the writing thread");
	s->running = true;
	return PR_OK;
}

/* ---- the putting side -------------------------------------------------------------------------------------------- */

/* Who the file system is to take the writing thread for: who called sudo, or else the owner of the folder. */
static int plan_index(struct pr_spool *s, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	if (asprintf(&s->index_path, "%s" PR_INDEX_SUFFIX, opt->path) < 0) {
		s->index_path = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	pr_rights_choose_user(&s->user, opt->path, opt->give_away, opt->uid, opt->gid);
	return PR_OK;
}

int pr_spool_open(struct pr_spool **out, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	struct pr_spool *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->fd = -1;
	s->when = opt->sync;
	s->resumed = opt->resume != NULL;
	s->path = opt->path;
	s->sign_path = opt->sign_path;
	s->tail = &s->head;
	s->queue_max = opt->queue_bytes ? opt->queue_bytes : PR_SPOOL_QUEUE_DEFAULT;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->room, NULL);
	err = open_file(opt, &s->fd, ei);
	if (!err)
		err = open_writer(s, opt, ei);
	if (opt->sign)
		pr_secret_key_wipe(opt->sign);
	if (!err && opt->index)
		err = plan_index(s, opt, ei);
	if (!err)
		err = start(s, ei);
	if (err) {
		if (s->fd >= 0 && !s->resumed)
			unlink(opt->path);
		pr_spool_free(s);
		return err;
	}
	*out = s;
	return PR_OK;
}

static int failure(struct pr_spool *s, struct pr_errinfo *ei)
{
	if (s->err && ei)
		*ei = s->ei;
	return s->err;
}

/* An empty chunk with room for n bytes. Called and returns with the lock held. */
static int new_chunk(struct pr_spool *s, size_t n, bool wait, struct chunk **out, struct pr_errinfo *ei)
{
	size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
	struct chunk *c = NULL;

	while (wait && !s->err && s->queue_bytes && s->queue_bytes + cap > s->queue_max)
		pthread_cond_wait(&s->room, &s->lock);
	if (s->err)
		return failure(s, ei);
	if (s->queue_bytes && s->queue_bytes + cap > s->queue_max)
		return PR_EBUSY;
	if (cap == CHUNK_BYTES && s->spare) {
		c = s->spare;
		s->spare = c->next;
		s->spares--;
	} else {
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return s->queue_bytes && !wait ? PR_EBUSY : pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	c->next = NULL;
	c->len = 0;
	c->cap = cap;
	c->sync = false;
	s->queue_bytes += cap;
	if (s->queue_bytes > s->state.queue_peak_bytes)
		s->state.queue_peak_bytes = s->queue_bytes;
	*out = c;
	return PR_OK;
}

/* Hands the open chunk to the thread. Called with the lock held. */
static void hand_over(struct pr_spool *s)
{
	*s->tail = s->open;
	s->tail = &s->open->next;
	s->open = NULL;
	pthread_cond_signal(&s->work);
}

int pr_spool_put(struct pr_spool *s, const void *p, size_t n, bool wait, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (!s->open || s->open->cap - s->open->len < n) {
		pthread_mutex_lock(&s->lock);
		if (s->open)
			hand_over(s);
		err = new_chunk(s, n, wait, &s->open, ei);
		pthread_mutex_unlock(&s->lock);
	}
	if (err)
		return err;
	memcpy(s->open->data + s->open->len, p, n);
	s->open->len += n;
	s->pending = true;
	return PR_OK;
}

int pr_spool_tick(struct pr_spool *s, uint64_t position, struct pr_errinfo *ei)
{
	int err;

	pthread_mutex_lock(&s->lock);
	err = failure(s, ei);
	if (!err && s->pending && !s->open)
		err = new_chunk(s, 0, false, &s->open, ei); /* empty: it only carries the order to sync */
	if (!err && s->open) {
		s->open->sync = true;
		s->open->position = position;
		hand_over(s);
		s->pending = false;
	}
	pthread_mutex_unlock(&s->lock);
	return err == PR_EBUSY ? PR_OK : err; /* a full queue syncs later */
}

bool pr_spool_pending(const struct pr_spool *s)
{
	return s->pending;
}

void pr_spool_get_state(struct pr_spool *s, struct pr_spool_state *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->state;
	pthread_mutex_unlock(&s->lock);
}

static void join(struct pr_spool *s, bool seal)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	if (s->open)
		hand_over(s);
	s->seal = seal;
	s->stop = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = false;
}

int pr_spool_close(struct pr_spool *s, struct pr_errinfo *ei)
{
	join(s, true);
	return failure(s, ei);
}

static void free_list(struct chunk *c)
{
	struct chunk *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
}

void pr_spool_free(struct pr_spool *s)
{
	if (!s)
		return;
	join(s, false);
	pr_seg_writer_free(s->writer);
	pr_signer_free(s->signer);
	if (s->fd >= 0)
		close(s->fd);
	free_list(s->spare);
	free_list(s->head);
	free(s->open);
	free(s->index_path);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->room);
	free(s);
}

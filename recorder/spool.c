/* SPDX-License-Identifier: BSD-2-Clause */
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

#include "base/file.h"
#include "recorder/frames.h"
#include "recorder/rights.h"
#include "recorder/signing.h"
#include "schema/index.h"

#define CHUNK_BYTES (256u << 10)
#define SIGN_AFTER_S 61 /* of silence: what came before it is then due to be signed */
#define SPARE_CHUNKS 4 /* kept for reuse; more of them are freed once a backlog is gone */

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void publish(struct pr_spool *s, int err, const struct pr_errinfo *ei)
{
	struct pr_seg_progress p = {0};

	if (s->writer)
		pr_seg_writer_progress(s->writer, &p);
	pthread_mutex_lock(&s->lock);
	s->state.raw_bytes = s->sum.raw_bytes + p.raw_bytes;
	s->state.file_bytes = s->sum.file_bytes + p.file_bytes;
	s->state.blocks = s->sum.blocks + p.blocks;
	s->state.frames = s->sum.frames + p.frames - p.repeat_frames;
	s->due = s->rotate && !s->rotating && s->writer && (s->bare || pr_rotate_due(s->rotate, &p, pr_boottime_ns()));
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
		err = s->when == PR_SYNC_NONE ? pr_seg_writer_tick(s->writer, ei) : pr_seg_writer_sync(s->writer, ei);
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
	int err = pr_spool_file_begin(s, &ei);

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
		if (!err && c->rotate)
			err = pr_spool_next_segment(s, &ei);
		if (err && c->rotate && s->rotate && !s->err)
			err = pr_spool_recover(s, &ei);
		if (!err) {
			if (s->rotate)
				s->taken += pr_spool_frames(c->data, c->len);
			err = write_chunk(s, c, &ei);
			if (err && s->rotate)
				err = pr_spool_recover(s, &ei);
			publish(s, err, &ei);
		}
		if (!err && c->sync)
			set_written(s, c->position);
		give_back(s, c);
	}
	if (!err && s->seal) {
		err = pr_spool_file_end(s, &ei);
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

int pr_spool_open(struct pr_spool **out, const struct pr_spool_options *opt, struct pr_errinfo *ei)
{
	struct pr_spool *s = calloc(1, sizeof(*s));
	int err = PR_OK;

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
	err = pr_spool_file_open(s, opt, ei);
	if (opt->sign)
		pr_secret_key_wipe(opt->sign);
	if (!err)
		err = start(s, ei);
	if (err) {
		if (s->fd >= 0 && !s->resumed && !opt->rotate)
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
	c->sync = c->rotate = false;
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

bool pr_spool_due(struct pr_spool *s)
{
	bool due;

	pthread_mutex_lock(&s->lock);
	due = s->due && !s->err;
	pthread_mutex_unlock(&s->lock);
	return due;
}

int pr_spool_rotate(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err;

	pthread_mutex_lock(&s->lock);
	if (s->open)
		hand_over(s);
	err = new_chunk(s, 0, true, &s->open, ei);
	if (!err) {
		s->open->rotate = s->rotating = true;
		s->due = false;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
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
	pr_rotate_close(s->rotate);
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

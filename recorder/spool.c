/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/spool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK_BYTES (256u << 10)
#define SIGN_AFTER_S 61 /* of silence: what came before it is then due to be signed */
#define HELD_S 3 /* of silence: what the redactor waits for was then lost */
#define AGAIN_AFTER_S 1 /* when nothing can be written */
#define NEWS_MAX 4
#define SEAL_TRIES 4
#define SPARE_CHUNKS 4 /* kept for reuse; more of them are freed once a backlog is gone */

struct chunk {
	struct chunk *next;
	size_t len, cap;
	bool sync; /* write it out and sync behind it */
	uint64_t position; /* with sync */
	bool freeze; /* and freeze the history behind it */
	uint8_t data[];
};

struct pr_spool_news {
	struct pr_errinfo why; /* empty: writing goes on again */
	bool stuck;
};

struct pr_spool {
	/* of the writing thread alone, once it runs */
	struct pr_sink *sink;
	struct pr_redactor *redactor; /* NULL: nothing is taken out */
	struct pr_buf redacted; /* of the chunk in hand */
	uint64_t ticked; /* position of the last tick that came */
	bool signs;

	/* of the putting thread alone */
	struct chunk *open;
	bool pending, freeze;

	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* what follows is shared */
	pthread_cond_t work, room;
	struct chunk *head, **tail, *spare;
	unsigned spares;
	size_t queue_bytes, queue_max;
	bool stop, seal, hurry;
	uint64_t written; /* position of the last tick that is done */
	int err;
	struct pr_errinfo ei;
	struct pr_spool_news news[NEWS_MAX]; /* for pr_spool_trouble(), oldest first */
	unsigned n_news;
	struct pr_spool_state state;
};

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void publish(struct pr_spool *s, int err, const struct pr_errinfo *ei)
{
	struct pr_redactor_state redactor = {0};
	struct pr_sink_state st;

	pr_sink_get_state(s->sink, &st);
	if (s->redactor)
		pr_redactor_get_state(s->redactor, &redactor);
	pthread_mutex_lock(&s->lock);
	s->state.sink = st;
	s->state.redactor = redactor;
	if (err && !s->err) {
		s->err = err;
		s->ei = *ei;
		pthread_cond_signal(&s->room);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Who is to tell of it may come late. Of more than there is room for the newest stays. */
static void push_news(struct pr_spool *s, const struct pr_errinfo *why, bool stuck)
{
	struct pr_spool_news *n;

	pthread_mutex_lock(&s->lock);
	n = &s->news[s->n_news < NEWS_MAX ? s->n_news++ : NEWS_MAX - 1];
	*n = (struct pr_spool_news){.stuck = stuck};
	if (why)
		n->why = *why;
	pthread_mutex_unlock(&s->lock);
}

/* The failure that made us go on, and the one that keeps us from it, unless they are one. */
static void push_stuck(struct pr_spool *s, const struct pr_errinfo *first, const struct pr_errinfo *now)
{
	struct pr_errinfo both = *now;

	if (first->sys_errno != now->sys_errno)
		pr_context(&both, PR_EIO, "%s; then", first->msg);
	push_news(s, &both, true);
}

/* Until it is time to try again; false: the recording ends. */
static bool wait_a_little(struct pr_spool *s)
{
	struct timespec until;
	bool go_on;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += AGAIN_AFTER_S;
	pthread_mutex_lock(&s->lock);
	while (!s->stop && !s->hurry && !late)
		late = pthread_cond_timedwait(&s->work, &s->lock, &until);
	go_on = !s->stop && !s->hurry;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

/*
 * A file failed: on in another one, as soon as that is possible. What waits in the queue waits; when that is full the ring fills up, and
 * the kernel counts each loss at its place.
 */
static int recover(struct pr_spool *s, int err, struct pr_errinfo *ei)
{
	struct pr_errinfo first = *ei;
	bool go_on = true, stuck = false;

	if (err != PR_EIO || !pr_sink_can_recover(s->sink))
		return err;
	while ((err = pr_sink_recover(s->sink, ei)) == PR_EIO && go_on) {
		if (!stuck)
			push_stuck(s, &first, ei);
		stuck = true;
		publish(s, PR_OK, NULL);
		go_on = wait_a_little(s);
	}
	if (!stuck)
		push_news(s, &first, false);
	else if (!err)
		push_news(s, NULL, false);
	return err;
}

static bool holds(const struct pr_spool *s)
{
	return s->redactor && pr_redactor_holds(s->redactor);
}

/* Waits for the next chunk; NULL: the end, or with *out_idle that nothing came for so long that something is to be done. */
static struct chunk *take(struct pr_spool *s, bool *out_idle)
{
	int seconds = holds(s) ? HELD_S : s->signs ? SIGN_AFTER_S : 0;
	struct timespec until;
	struct chunk *c;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&s->lock);
	while (!s->head && !s->stop && !late)
		late = seconds ? pthread_cond_timedwait(&s->work, &s->lock, &until) : pthread_cond_wait(&s->work, &s->lock);
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

static int write_chunk(struct pr_spool *s, const struct chunk *c, struct pr_errinfo *ei)
{
	int err;

	if (c->freeze)
		pr_sink_freeze(s->sink, "SIGUSR1");
	if (c->sync)
		s->ticked = c->position;
	if (s->redactor) {
		pr_buf_clear(&s->redacted);
		err = pr_redactor_put(s->redactor, c->data, c->len, &s->redacted, ei);
		if (!err && c->sync)
			err = pr_redactor_tick(s->redactor, &s->redacted, ei);
		if (!err)
			err = pr_sink_write(s->sink, s->redacted.data, s->redacted.len, c->sync, ei);
	} else {
		err = pr_sink_write(s->sink, c->data, c->len, c->sync, ei);
	}
	return err;
}

/*
 * One sync does for all that ask for one and wait in the queue when the first of them is taken: a disk whose syncs take seconds is not asked
 * for more of them than it can do. *behind: how many are still to come before that sync.
 */
static void join_syncs(struct pr_spool *s, struct chunk *c, unsigned *behind)
{
	if (!c || !c->sync)
		return;
	if (*behind) {
		--*behind;
	} else {
		pthread_mutex_lock(&s->lock);
		for (const struct chunk *k = s->head; k; k = k->next)
			*behind += k->sync;
		pthread_mutex_unlock(&s->lock);
	}
	c->sync = !*behind;
}

/* What the redactor holds goes as it is known by now. */
static int write_held(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err;

	pr_buf_clear(&s->redacted);
	err = pr_redactor_flush(s->redactor, &s->redacted, ei);
	return err ? err : pr_sink_write(s->sink, s->redacted.data, s->redacted.len, true, ei);
}

/* c: NULL when nothing came for a while. */
static int write_next(struct pr_spool *s, const struct chunk *c, struct pr_errinfo *ei)
{
	bool held = holds(s);
	int err = c ? write_chunk(s, c, ei) : held ? write_held(s, ei) : pr_sink_idle(s->sink, ei);

	if (err)
		err = recover(s, err, ei);
	/* Behind a tick nothing may be left that could yet be lost. */
	if (!err && (c ? c->sync : held) && !holds(s))
		set_written(s, s->ticked);
	return err;
}

/* Returns with the last failure that could not be got over. */
static int work(struct pr_spool *s, struct pr_errinfo *ei)
{
	unsigned behind = 0;
	struct chunk *c;
	bool idle;
	int err = PR_OK;

	/* After a failure what comes is thrown away: the putting side was told, and must not wait for room for ever. */
	while ((c = take(s, &idle)) || idle) {
		join_syncs(s, c, &behind);
		if (!err) {
			err = write_next(s, c, ei);
			publish(s, err, ei);
		}
		if (c)
			give_back(s, c);
	}
	if (!err && holds(s)) {
		err = write_held(s, ei);
		err = err ? recover(s, err, ei) : PR_OK;
	}
	return err;
}

/* Where the disk is full the footer may find no room either; but there is an end to trying. */
static int seal(struct pr_spool *s, struct pr_errinfo *ei)
{
	int err = pr_sink_end(s->sink, ei);

	for (int i = 0; err && i < SEAL_TRIES; i++) {
		err = recover(s, err, ei);
		if (err)
			break;
		err = pr_sink_end(s->sink, ei);
	}
	return err;
}

static void *run(void *arg)
{
	struct pr_spool *s = arg;
	struct pr_errinfo ei;
	int err = pr_sink_begin(s->sink, &ei);

	publish(s, err, &ei);
	if (err)
		pr_sink_drop_index(s->sink);
	err = err ? err : work(s, &ei);
	if (!err && s->seal && s->freeze) /* the queue was full up to the end, so no chunk has brought it */
		pr_sink_freeze(s->sink, "SIGUSR1");
	if (!err && s->seal)
		err = seal(s, &ei);
	pr_sink_look(s->sink);
	publish(s, err, &ei);
	pr_sink_drop_index(s->sink);
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
	int err;

	*out = NULL;
	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->signs = opt->sign != NULL;
	s->tail = &s->head;
	s->queue_max = opt->queue_bytes ? opt->queue_bytes : PR_SPOOL_QUEUE_DEFAULT;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->room, NULL);
	err = opt->redact ? pr_redactor_new(&s->redactor, opt->redact, opt->known, ei) : PR_OK;
	if (!err)
		err = pr_sink_open(&s->sink, opt, ei);
	if (opt->sign)
		pr_secret_key_wipe(opt->sign);
	if (!err)
		err = start(s, ei);
	if (err) {
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
	c->sync = c->freeze = false;
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
	if (!err && (s->pending || s->freeze) && !s->open)
		err = new_chunk(s, 0, false, &s->open, ei); /* empty: it only carries the order to sync */
	if (!err && s->open) {
		s->open->sync = true;
		s->open->position = position;
		s->open->freeze = s->freeze;
		s->freeze = false;
		hand_over(s);
		s->pending = false;
	}
	pthread_mutex_unlock(&s->lock);
	return err == PR_EBUSY ? PR_OK : err; /* a full queue syncs later */
}

void pr_spool_freeze(struct pr_spool *s)
{
	s->freeze = true;
}

bool pr_spool_pending(const struct pr_spool *s)
{
	return s->pending || s->freeze;
}

void pr_spool_get_state(struct pr_spool *s, struct pr_spool_state *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->state;
	pthread_mutex_unlock(&s->lock);
}

bool pr_spool_trouble(struct pr_spool *s, struct pr_errinfo *out, bool *out_stuck)
{
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->n_news;
	if (any) {
		*out = s->news[0].why;
		*out_stuck = s->news[0].stuck;
		memmove(s->news, s->news + 1, --s->n_news * sizeof(*s->news));
	}
	pthread_mutex_unlock(&s->lock);
	return any;
}

void pr_spool_hurry(struct pr_spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->hurry = true;
	pthread_cond_signal(&s->work);
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

void pr_spool_stop(struct pr_spool *s)
{
	pr_spool_hurry(s);
	join(s, false);
}

void pr_spool_discard(struct pr_spool *s)
{
	pr_spool_stop(s);
	pr_sink_discard(s->sink);
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
	pr_sink_free(s->sink);
	pr_redactor_free(s->redactor);
	pr_buf_release(&s->redacted);
	free_list(s->spare);
	free_list(s->head);
	free(s->open);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->room);
	free(s);
}

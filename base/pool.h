/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h: threads that do pieces of work beside the one that hands them out.
 *
 * One thread, the owner, makes tasks, gives them to the pool and takes them back; in which order is its own affair, so a result never depends on
 * how many threads there are. Who waits for a task that nobody has begun does it himself: a pool whose threads could not be
 * started is slower, and nothing else.
 */
#ifndef PROCREC_BASE_POOL_H
#define PROCREC_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define PR_JOBS_MAX 64u
#define PR_JOBS_DEFAULT_MAX 4u /* by itself it takes no more of a large machine */

struct pr_pool;

/* A piece of work: the caller's, from put to wait or drop not to be touched by others than `run`. */
struct pr_task {
	void (*run)(struct pr_task *t); /* on any thread */
	struct pr_task *prev, *next; /* the pool's, as is `state` */
	enum { PR_TASK_IDLE, PR_TASK_QUEUED, PR_TASK_RUNNING, PR_TASK_DONE } state;
};

/*
 * For `jobs` threads in all, the owner's included. They are started when more than `patience` tasks were put: what is done sooner
 * than a thread is made goes without. NULL: one job needs no pool, or memory ran out, which is no reason to stop either.
 */
struct pr_pool *pr_pool_new(unsigned jobs, unsigned patience);

/* As pr_pool_new, as a user asks for it: jobs 0 is "as many as make sense here", else what was typed, and at once. */
struct pr_pool *pr_pool_for(unsigned jobs);

/* Ends the threads. No task may be queued or running. NULL is allowed. */
void pr_pool_free(struct pr_pool *p);

unsigned pr_pool_jobs(const struct pr_pool *p); /* of NULL: 1 */

void pr_pool_put(struct pr_pool *p, struct pr_task *t);

/* Until it is done; meanwhile this thread does what there is to do. */
void pr_pool_wait(struct pr_pool *p, struct pr_task *t);

/* Takes it back: not done if nobody has begun it, else when that is done. Idle and done ones are let be. */
void pr_pool_drop(struct pr_pool *p, struct pr_task *t);

#endif

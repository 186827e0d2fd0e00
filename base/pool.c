/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define PATIENCE 24u /* tasks of some 100 us each */

struct pr_pool {
	pthread_mutex_t lock; /* over all that follows, and the states of tasks */
	pthread_cond_t work, done;
	struct pr_task *first, *last; /* that nobody has begun */
	bool ending;
	/* the owner's alone */
	unsigned jobs, patience, threads;
	bool tried;
	pthread_t thread[PR_JOBS_MAX];
};

static void unlink_task(struct pr_pool *p, struct pr_task *t)
{
	*(t->prev ? &t->prev->next : &p->first) = t->next;
	*(t->next ? &t->next->prev : &p->last) = t->prev;
	t->prev = t->next = NULL;
}

/* Locked before and after. */
static void run_task(struct pr_pool *p, struct pr_task *t)
{
	unlink_task(p, t);
	t->state = PR_TASK_RUNNING;
	pthread_mutex_unlock(&p->lock);
	t->run(t);
	pthread_mutex_lock(&p->lock);
	t->state = PR_TASK_DONE;
	pthread_cond_signal(&p->done); /* the owner alone waits for it */
}

static void *worker(void *arg)
{
	struct pr_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		if (p->first)
			run_task(p, p->first);
		else
			pthread_cond_wait(&p->work, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct pr_pool *pr_pool_new(unsigned jobs, unsigned patience)
{
	struct pr_pool *p;

	if (jobs < 2)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->jobs = jobs > PR_JOBS_MAX ? PR_JOBS_MAX : jobs;
	p->patience = patience;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	return p;
}

/* CPUs that this process may run on. */
static unsigned usable_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return PR_JOBS_DEFAULT_MAX; /* more CPUs than the set can name */
	return (unsigned)CPU_COUNT(&set);
}

struct pr_pool *pr_pool_for(unsigned jobs)
{
	unsigned n;

	if (jobs)
		return pr_pool_new(jobs, 0);
	n = usable_cpus();
	return pr_pool_new(n > PR_JOBS_DEFAULT_MAX ? PR_JOBS_DEFAULT_MAX : n, PATIENCE);
}

void pr_pool_free(struct pr_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

unsigned pr_pool_jobs(const struct pr_pool *p)
{
	return p ? p->jobs : 1;
}

static void start_threads(struct pr_pool *p)
{
	p->tried = true;
	while (p->threads < p->jobs - 1 && !pthread_create(&p->thread[p->threads], NULL, worker, p))
		p->threads++;
}

void pr_pool_put(struct pr_pool *p, struct pr_task *t)
{
	if (p->patience)
		p->patience--;
	else if (!p->tried)
		start_threads(p);
	pthread_mutex_lock(&p->lock);
	t->state = PR_TASK_QUEUED;
	t->next = NULL;
	t->prev = p->last;
	*(p->last ? &p->last->next : &p->first) = t;
	p->last = t;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void pr_pool_wait(struct pr_pool *p, struct pr_task *t)
{
	pthread_mutex_lock(&p->lock);
	while (t->state != PR_TASK_DONE) {
		if (t->state == PR_TASK_QUEUED)
			run_task(p, t);
		else if (p->first)
			run_task(p, p->first);
		else
			pthread_cond_wait(&p->done, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

void pr_pool_drop(struct pr_pool *p, struct pr_task *t)
{
	pthread_mutex_lock(&p->lock);
	if (t->state == PR_TASK_QUEUED) {
		unlink_task(p, t);
		t->state = PR_TASK_IDLE;
	}
	while (t->state == PR_TASK_RUNNING)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool: every task is done once, by whoever comes to it first; what is taken back is not done behind its owner's back. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"

#define TASKS 500

struct sum {
	struct pr_task task;
	unsigned n, runs;
	uint64_t sum;
	pthread_t by;
};

static void add_up(struct pr_task *t)
{
	struct sum *s = (struct sum *)t;

	for (uint64_t i = 1; i <= s->n; i++)
		s->sum += i;
	s->runs++;
	s->by = pthread_self();
}

static struct sum *make_tasks(void)
{
	struct sum *s = calloc(TASKS, sizeof(*s));

	assert_non_null(s);
	for (unsigned i = 0; i < TASKS; i++) {
		s[i].task.run = add_up;
		s[i].n = i * 37 % 1000;
	}
	return s;
}

static void check(const struct sum *s)
{
	assert_int_equal(s->task.state, PR_TASK_DONE);
	assert_int_equal(s->runs, 1);
	assert_int_equal(s->sum, (uint64_t)s->n * (s->n + 1) / 2);
}

static void one_job_needs_none(void **state)
{
	(void)state;
	assert_null(pr_pool_new(0, 0));
	assert_null(pr_pool_new(1, 0));
	assert_null(pr_pool_for(1));
	assert_int_equal(pr_pool_jobs(NULL), 1);
	pr_pool_free(NULL);
}

static void all_are_done_once(void **state)
{
	static const unsigned jobs[] = {2, 3, 8, 1000};

	(void)state;
	for (size_t k = 0; k < sizeof(jobs) / sizeof(jobs[0]); k++) {
		struct pr_pool *p = pr_pool_new(jobs[k], 0);
		struct sum *s = make_tasks();

		assert_non_null(p);
		assert_int_equal(pr_pool_jobs(p), jobs[k] > PR_JOBS_MAX ? PR_JOBS_MAX : jobs[k]);
		for (unsigned i = 0; i < TASKS; i++)
			pr_pool_put(p, &s[i].task);
		for (unsigned i = TASKS; i--;) { /* in another order than they were put */
			pr_pool_wait(p, &s[i].task);
			check(&s[i]);
		}
		pr_pool_free(p);
		free(s);
	}
}

/* Before its patience ends there is no thread but this one. */
static void few_tasks_start_no_thread(void **state)
{
	struct pr_pool *p = pr_pool_new(4, TASKS);
	struct sum *s = make_tasks();

	(void)state;
	for (unsigned i = 0; i < TASKS; i++)
		pr_pool_put(p, &s[i].task);
	for (unsigned i = 0; i < TASKS; i++) {
		pr_pool_wait(p, &s[i].task);
		check(&s[i]);
		assert_true(pthread_equal(s[i].by, pthread_self()));
	}
	pr_pool_free(p);
	free(s);
}

struct gate {
	struct pr_task task;
	atomic_bool entered, open;
};

static void wait_at(struct pr_task *t)
{
	struct gate *g = (struct gate *)t;

	g->entered = true;
	while (!g->open)
		sched_yield();
}

static void what_is_taken_back_is_not_done(void **state)
{
	struct pr_pool *p = pr_pool_new(2, 0);
	struct gate g = {.task.run = wait_at};
	struct sum *s = make_tasks();

	(void)state;
	pr_pool_put(p, &g.task);
	while (!g.entered) /* the one thread is busy from now on */
		sched_yield();
	for (unsigned i = 0; i < 10; i++)
		pr_pool_put(p, &s[i].task);
	for (unsigned i = 0; i < 10; i += 2)
		pr_pool_drop(p, &s[i].task);
	for (unsigned i = 1; i < 10; i += 2)
		pr_pool_wait(p, &s[i].task); /* here, then */
	g.open = true;
	pr_pool_drop(p, &g.task); /* waits for its end */
	assert_int_equal(g.task.state, PR_TASK_DONE);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(s[i].runs, i % 2);
	pr_pool_drop(p, &s[0].task); /* idle */
	pr_pool_put(p, &s[0].task); /* and once more */
	pr_pool_wait(p, &s[0].task);
	check(&s[0]);
	pr_pool_free(p);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_job_needs_none),
		cmocka_unit_test(all_are_done_once),
		cmocka_unit_test(few_tasks_start_no_thread),
		cmocka_unit_test(what_is_taken_back_is_not_done),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* jobs.h: the option --jobs of commands that read whole traces. */
#ifndef PROCREC_REPLAY_JOBS_H
#define PROCREC_REPLAY_JOBS_H

#include "base/opts.h"
#include "base/pool.h"

/* Entry of a struct pr_option table; jobs: uint64_t *, 0 at first. For pr_pool_for, after pr_jobs_check. */
#define PR_JOBS_OPTION(jobs) \
	{'j', "jobs", PR_OPT_U64, jobs, "N", "threads that work at it; 0: one for each CPU, but at most 4 (0). The answer is the same", NULL}

static inline int pr_jobs_check(const char *command, uint64_t jobs, struct pr_errinfo *ei)
{
	if (jobs <= PR_JOBS_MAX)
		return PR_OK;
	return pr_fail(ei, PR_EUSAGE, "%s: --jobs %llu: more than %u threads are of no use", command, (unsigned long long)jobs, PR_JOBS_MAX);
}

#endif

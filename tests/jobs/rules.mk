# SPDX-License-Identifier: BSD-2-Clause
# --jobs: the same answers for every number of threads; and no two threads at one thing.

OFFLINE_CHECKS += check-jobs
check-jobs: $(O)/procrec $(O)/tests/bench/gen_trace ## the same answers for every --jobs, of whole and of damaged traces
	$(Q)$(PYTHON) -B tests/jobs/test_jobs.py $(O)/procrec $(O)/tests/bench/gen_trace $(JOBS_ARGS)

LONG_CHECKS += check-threads
check-threads: ## some of them, and the pool's own tests, under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory O=$(O)/tsan SAN=thread BPF=0 CLANG=false BPFTOOL=false JOBS_ARGS=few check-jobs-threads

check-jobs-threads: check-jobs $(O)/tests/unit/test_pool
	$(Q)$(O)/tests/unit/test_pool >$(O)/test_pool.log 2>&1 || { cat $(O)/test_pool.log; echo 'threads: 0 passed, 1 failed'; exit 1; }
	@echo 'threads: 1 passed, 0 failed'

.PHONY: check-jobs check-threads check-jobs-threads

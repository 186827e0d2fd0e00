# SPDX-License-Identifier: BSD-2-Clause
# What procrec costs, beside its goals and its peers: make bench (half an hour), bench-quick (two minutes), bench-readme (the tables).
# `make bench-query N=3000000` is the index and what is asked of it alone.

N ?= 300000
BENCH_REPEAT ?= 1
BENCH_OBJ := $(patsubst %,$(O)/tests/bench/%.o,gen_trace scene feed)
BENCH_BIN := $(O)/tests/bench/gen_trace $(O)/tests/bench/spawn_load $(O)/tests/bench/timed
ifeq ($(BPF),1)
BENCH_BIN += $(O)/tests/bench/feed
endif
BENCH_LIBS := $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
DEPS += $(BENCH_OBJ:.o=.d)

$(O)/tests/bench/gen_trace: $(O)/tests/bench/gen_trace.o $(O)/tests/bench/scene.o $(BENCH_LIBS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

$(O)/tests/bench/feed: $(O)/tests/bench/feed.o $(O)/tests/bench/scene.o $(O)/libprocrec-recorder.a $(O)/libprocrec-redact.a $(O)/libprocrec-replay.a $(BENCH_LIBS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(LIBS_BPF)

# Static: what a recorder adds to a process shows most where the process itself does least.
$(O)/tests/bench/spawn_load $(O)/tests/bench/timed: $(O)/tests/bench/%: tests/bench/%.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -O2 -static $(WARN) -D_GNU_SOURCE -o $@ $<

bench-query: $(O)/tests/bench/gen_trace $(O)/procrec ## index and questions on a generated build of N processes
	$(Q)tests/bench/query.sh $(O) $(N)

bench: $(O)/procrec $(BENCH_BIN) ## every figure beside its goal and its peers, into build/bench.json (root; half an hour); BENCH_REPEAT=3: are runs alike?
	$(Q)TIMED=$(abspath $(O))/tests/bench/timed $(PYTHON) -B tests/bench/bench.py --build $(O) --repeat $(BENCH_REPEAT) $(BENCH_ARGS)

bench-quick: $(O)/procrec $(BENCH_BIN) ## the same with smaller loads, in two minutes
	$(Q)TIMED=$(abspath $(O))/tests/bench/timed $(PYTHON) -B tests/bench/bench.py --build $(O) --quick --repeat $(BENCH_REPEAT) $(BENCH_ARGS)

bench-readme: ## write the tables of README.md and docs/fleet.md from build/bench.json
	$(Q)$(PYTHON) -B tests/bench/tables.py $(O)/bench.json README.md docs/fleet.md

OFFLINE_CHECKS += check-bench
check-bench: $(O)/procrec $(O)/tests/bench/gen_trace ## the bench's own tests
	$(Q)PROCREC=$(O)/procrec GEN_TRACE=$(O)/tests/bench/gen_trace $(PYTHON) -B tests/bench/test_bench.py

.PHONY: bench bench-quick bench-readme bench-query check-bench

# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks of the index and of what is asked of it: make bench-query N=3000000

N ?= 300000
DEPS += $(O)/tests/bench/gen_trace.d

$(O)/tests/bench/gen_trace: $(O)/tests/bench/gen_trace.o $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

bench-query: $(O)/tests/bench/gen_trace $(O)/procrec ## index and questions on a generated build of N processes
	$(Q)tests/bench/query.sh $(O) $(N)

.PHONY: bench-query

# SPDX-License-Identifier: BSD-2-Clause
# Live tests: record real processes as root and compare with what really happened. tests/live/README.md tells how.

LIVE_BIN := $(O)/tests/live/workload $(O)/tests/live/fault.so
ifeq ($(BPF),1)
LIVE_BIN += $(O)/tests/live/bpf_cases $(O)/tests/live/bpf_dump $(O)/tests/live/bpf_pin
endif
LIVE_CHECKS += check-live

$(O)/tests/live/workload: tests/live/workload.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE -o $@ $< -lpthread

$(O)/tests/live/fault.so: tests/live/fault.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fPIC -shared -o $@ $< -ldl

# The capture alone, without recorder and replay; static enough to be taken into a guest kernel.
BPF_CASES_OBJ := $(patsubst %,$(O)/tests/live/bpf_%.o,cases frames exec image fork orphans)
DEPS += $(BPF_CASES_OBJ:.o=.d) $(O)/tests/live/bpf_dump.d $(O)/tests/live/bpf_pin.d
$(BPF_CASES_OBJ): CFLAGS += -Wno-write-strings # argument vectors of literals
$(O)/tests/live/bpf_cases: $(BPF_CASES_OBJ)
$(O)/tests/live/bpf_dump: $(O)/tests/live/bpf_dump.o
$(O)/tests/live/bpf_pin: $(O)/tests/live/bpf_pin.o
$(O)/tests/live/bpf_cases $(O)/tests/live/bpf_dump $(O)/tests/live/bpf_pin: $(O)/libprocrec-recorder.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_BPF) -lpthread

check-live: $(O)/procrec $(LIVE_BIN) ## live tests, as root; TEST=word runs those whose name holds it
	$(Q)PROCREC=$(abspath $(O))/procrec LIVE_BIN=$(abspath $(O))/tests/live PYTHON=$(PYTHON) tests/run-live.sh $(TEST)

.PHONY: check-live

# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets. `make check-fuzz` runs their corpora with the driver of our own; `make fuzz` builds them for libFuzzer, and
# `make fuzz-run T='cache decode' FUZZ_SECONDS=600` runs some.

FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_TARGETS:%=$(O)/tests/fuzz/%)
FUZZ_LIBS := $(O)/libprocrec-replay.a $(O)/libprocrec-redact.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
FUZZ_SECONDS ?= 600
DEPS += $(FUZZ_TARGETS:%=$(O)/tests/fuzz/fuzz_%.d) $(O)/tests/fuzz/standalone.d $(O)/tests/fuzz/fuzz.d

# With FUZZER=1 (set by `make fuzz`) libFuzzer brings main.
FUZZ_MAIN := $(if $(FUZZER),,$(O)/tests/fuzz/standalone.o)

$(FUZZ_BIN): $(O)/tests/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/fuzz.o $(FUZZ_MAIN) $(FUZZ_LIBS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(FUZZER),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

fuzz-targets: $(FUZZ_BIN)

OFFLINE_CHECKS += check-fuzz
check-fuzz: $(FUZZ_BIN) ## fuzz targets over their corpora, without libFuzzer
	$(Q)tests/fuzz/check.sh $(O)/tests/fuzz $(FUZZ_TARGETS)

fuzz: ## build the fuzz targets for libFuzzer (clang), into build-fuzz
	$(Q)$(MAKE) --no-print-directory O=build-fuzz CC=$(CLANG) SAN=address,undefined BPF=0 FUZZER=1 \
		CFLAGS_EXTRA="-fsanitize=fuzzer-no-link -Wno-string-concatenation -Wno-format-nonliteral" fuzz-targets

fuzz-run: fuzz ## run the fuzz targets T (all) for FUZZ_SECONDS (600) each
	$(Q)tests/fuzz/run.sh $(FUZZ_SECONDS) $(or $(T),$(FUZZ_TARGETS))

.PHONY: fuzz-targets check-fuzz fuzz fuzz-run

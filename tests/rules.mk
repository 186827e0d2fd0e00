# SPDX-License-Identifier: BSD-2-Clause
# Unit tests: tests/unit/test_<module>.c, each its own cmocka program, linked with the libraries.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(UNIT_SRC))
DEPS += $(UNIT_SRC:%.c=$(O)/%.d)

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libprocrec-recorder.a $(O)/libprocrec-replay.a $(O)/libprocrec-redact.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

build-tests: $(UNIT_BIN)

OFFLINE_CHECKS += check-unit check-lint check-docs
check-unit: $(UNIT_BIN) ## unit tests
	$(Q)tests/run-unit.sh $(UNIT_BIN)

LONG_CHECKS += check-faults
check-faults: $(O)/tests/unit/test_sink $(O)/tests/unit/test_faults ## each call of the writers fails, at each place; disks of every size
	$(Q)PROCREC_LONG=1 tests/run-unit.sh $^ | sed 's/^unit:/faults:/'
	$(Q)sed -n 's/.* \([0-9]* fault positions tried\)/faults: \1/p; s/^\([0-9]* fault positions tried\)/faults: \1/p' $(addsuffix .log,$^)

check-lint: ## rules of the tree: arrows between folders, headers, size budgets
	$(Q)tests/lint/check.sh $(CC) '$(CPPFLAGS)' '$(WARN)' $(BPF)

check-docs: $(O)/procrec ## every command and option stands in the manual
	$(Q)tests/lint/docs.sh $(O)/procrec

.PHONY: check-unit check-faults check-lint check-docs

# Each kind of test brings its own rules; a target of OFFLINE_CHECKS ends with a line "NAME: N passed, N failed".
include $(wildcard tests/*/rules.mk)

# SPDX-License-Identifier: BSD-2-Clause
# Unit tests: tests/unit/test_<module>.c, each its own cmocka program, linked with the libraries.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(UNIT_SRC))
DEPS += $(UNIT_SRC:%.c=$(O)/%.d)

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libprocrec-recorder.a $(O)/libprocrec-replay.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

OFFLINE_CHECKS += check-unit check-lint check-docs
check-unit: $(UNIT_BIN) ## unit tests
	$(Q)tests/run-unit.sh $(UNIT_BIN)

check-lint: ## rules of the tree: arrows between folders, headers, size budgets
	$(Q)tests/lint/check.sh $(CC) '$(CPPFLAGS)' '$(WARN)' $(BPF)

check-docs: $(O)/procrec ## every command and option stands in the manual
	$(Q)tests/lint/docs.sh $(O)/procrec

.PHONY: check-unit check-lint check-docs

# Each kind of test brings its own rules; a target of OFFLINE_CHECKS ends with a line "NAME: N passed, N failed".
include $(wildcard tests/*/rules.mk)

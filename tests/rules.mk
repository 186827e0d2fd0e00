# SPDX-License-Identifier: BSD-2-Clause
# Unit tests: tests/unit/test_<module>.c, each its own cmocka program, linked with the libraries.

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(UNIT_SRC))
DEPS += $(UNIT_SRC:%.c=$(O)/%.d)

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libprocrec-replay.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

check-unit: $(UNIT_BIN) ## unit tests
	$(Q)tests/run-unit.sh $(UNIT_BIN)

include tests/model/rules.mk

.PHONY: check-unit

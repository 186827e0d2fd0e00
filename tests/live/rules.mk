# SPDX-License-Identifier: BSD-2-Clause
# Live tests: record real processes as root and compare with what really happened. tests/live/README.md tells how.

LIVE_BIN := $(O)/tests/live/workload
LIVE_CHECKS += check-live

$(O)/tests/live/workload: tests/live/workload.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE -o $@ $< -lpthread

check-live: $(O)/procrec $(LIVE_BIN) ## live tests, as root; TEST=word runs those whose name holds it
	$(Q)PROCREC=$(abspath $(O))/procrec LIVE_BIN=$(abspath $(O))/tests/live PYTHON=$(PYTHON) tests/run-live.sh $(TEST)

.PHONY: check-live

# SPDX-License-Identifier: BSD-2-Clause
# The same program on other kernels, in qemu: tests/kernels/kernels.sh.

ifeq ($(BPF),1)
LIVE_CHECKS += check-kernels-quick
KERNELS_BIN := $(O)/procrec $(patsubst %,$(O)/tests/live/%,bpf_cases bpf_pin workload)
endif

check-kernels: $(KERNELS_BIN) ## the capture on other kernels, in qemu (minutes); SERIES="5.10 newest"
	$(Q)OUT=$(O) PYTHON=$(PYTHON) tests/kernels/kernels.sh $(SERIES)

check-kernels-quick: $(KERNELS_BIN)
	$(Q)OUT=$(O) PYTHON=$(PYTHON) tests/kernels/kernels.sh -q $(SERIES)

.PHONY: check-kernels check-kernels-quick

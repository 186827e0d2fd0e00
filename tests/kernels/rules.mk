# SPDX-License-Identifier: BSD-2-Clause
# The same program on other kernels, in qemu: tests/kernels/kernels.sh.

check-kernels: $(O)/procrec $(LIVE_BIN) ## the capture on other kernels, in qemu (minutes); SERIES="5.10 newest"
	$(Q)OUT=$(O) tests/kernels/kernels.sh $(SERIES)

.PHONY: check-kernels

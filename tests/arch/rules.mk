# SPDX-License-Identifier: BSD-2-Clause
# The offline commands on other machines: tests/arch/arch.sh.

LONG_CHECKS += check-arch

unit-programs: $(UNIT_BIN)

check-arch: ## the offline tests on a big-endian and an arm machine, in qemu-user (minutes); ARCH="s390x arm64 armhf"
	$(Q)OUT=$(O) tests/arch/arch.sh $(ARCH)

.PHONY: check-arch unit-programs

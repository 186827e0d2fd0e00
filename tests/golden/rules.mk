# SPDX-License-Identifier: BSD-2-Clause
# The golden suite: fixtures through the commands; stdout, stderr and exit status are compared byte for byte.

OFFLINE_CHECKS += check-golden
SAN_CHECKS += check-golden
check-golden: $(O)/procrec ## golden suite; CASE='name or pattern' runs a part of it
	$(Q)PROCREC=$(O)/procrec tests/golden/run.sh

golden-update: $(O)/procrec ## write what the golden suite sees as what it expects
	$(Q)PROCREC=$(O)/procrec tests/golden/run.sh --update

.PHONY: check-golden golden-update

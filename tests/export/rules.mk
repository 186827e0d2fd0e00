# SPDX-License-Identifier: BSD-2-Clause
# Exports: golden files, and each format through a consumer or its published schema.

OFFLINE_CHECKS += check-export
SAN_CHECKS += check-export
check-export: $(O)/procrec $(O)/tests/report/gen_trace ## exports: golden files, schemas, consumers; CASE='format or fixture' runs a part of it
	$(Q)PROCREC=$(O)/procrec GEN_TRACE=$(O)/tests/report/gen_trace CATAPULT=$(O)/tests/catapult $(PYTHON) tests/export/test_export.py

export-update: $(O)/procrec ## write what the exports give as what the tests expect
	$(Q)PROCREC=$(O)/procrec $(PYTHON) tests/export/test_export.py --update

.PHONY: check-export export-update

# SPDX-License-Identifier: BSD-2-Clause
# The page of `procrec report`: what stands in the file (check-report), and what a browser makes of it (check-report-browser).

OFFLINE_CHECKS += check-report
SAN_CHECKS += check-report
check-report: $(O)/procrec ## the report's page as a file: policy, hashes, data against the exports
	$(Q)PROCREC=$(O)/procrec $(PYTHON) tests/report/test_report.py

$(O)/tests/report/gen_trace: tests/bench/gen_trace.c tests/bench/scene.c $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) $(O)/libprocrec-schema.a $(O)/libprocrec-base.a $(LIBS)

LONG_CHECKS += check-report-browser
check-report-browser: $(O)/procrec $(O)/tests/report/gen_trace ## the report in headless Chromium: zoom, search, hostile strings, 100,000 processes
	$(Q)PROCREC=$(O)/procrec OUT=$(O)/tests/report tests/report/browser.sh

.PHONY: check-report check-report-browser

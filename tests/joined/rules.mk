# SPDX-License-Identifier: BSD-2-Clause
# Directories of several segments: the same answers from the segments' indexes as from the frames.

JOINED_BIN := $(O)/tests/joined/split $(O)/tests/joined/same
DEPS += $(JOINED_BIN:%=%.d)
$(JOINED_BIN): %: %.o $(O)/libprocrec-replay.a $(O)/libprocrec-redact.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

OFFLINE_CHECKS += check-joined
SAN_CHECKS += check-joined
LONG_CHECKS += check-joined-long
JOINED = $(Q)$(PYTHON) -B tests/joined/test_joined.py $(O)/procrec $(JOINED_BIN) $(O)/tests/bench/gen_trace
check-joined: $(O)/procrec $(JOINED_BIN) $(O)/tests/bench/gen_trace ## rotations of many shapes: their segments' indexes answer as the frames do
	$(JOINED) 8 short

check-joined-long: $(O)/procrec $(JOINED_BIN) $(O)/tests/bench/gen_trace ## more of them (minutes); JOINED_SEEDS=100
	$(JOINED) $(or $(JOINED_SEEDS),40)

.PHONY: check-joined check-joined-long

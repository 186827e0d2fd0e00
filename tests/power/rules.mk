# SPDX-License-Identifier: BSD-2-Clause
# What survives a kill and a power cut: tests/power/README.md.

LONG_CHECKS += check-power
ifeq ($(BPF),1)
OFFLINE_CHECKS += check-kills
endif
POWER_OBJ := $(O)/tests/power/writer.o
DEPS += $(POWER_OBJ:.o=.d)

$(O)/tests/power/committed.so: tests/power/committed.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE -fPIC -shared -o $@ $< -ldl

$(O)/tests/power/writer: $(POWER_OBJ) $(O)/tests/bench/scene.o $(O)/libprocrec-recorder.a $(O)/libprocrec-redact.a $(O)/libprocrec-replay.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(LIBS_BPF)

check-kills: $(O)/tests/power/writer ## writers that are killed keep what they promised; KILLS=10000
	$(Q)tests/power/kills.sh $(O)/tests/power/writer $(KILLS)

check-power: $(O)/procrec $(O)/tests/live/workload $(O)/tests/power/writer $(O)/tests/power/committed.so ## power cuts under a writer, in qemu (minutes); ROUNDS=500
	$(Q)OUT=$(O) tests/power/power.sh $(ROUNDS)

.PHONY: check-power check-kills

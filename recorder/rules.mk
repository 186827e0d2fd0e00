# SPDX-License-Identifier: BSD-2-Clause
# The live half. Without BPF only what needs no libbpf is built: the command then says how it was built.
ifeq ($(BPF) $(wildcard recorder/cmd_record.c),1 recorder/cmd_record.c)
RECORDER_SRC := $(filter-out recorder/nobpf.c,$(wildcard recorder/*.c))
else
# What needs neither libbpf nor libcap is built all the same, for its unit tests.
RECORDER_SRC := recorder/nobpf.c $(addprefix recorder/,procfs.c users.c frames.c process_frame.c child.c report.c trigger.c freezer.c \
	sink.c sink_segment.c sink_there.c spool.c pieces.c memory.c resume.c signing.c redactor.c)
endif
$(eval $(call library,recorder,$(RECORDER_SRC)))
ifeq ($(BPF),1)
$(recorder_OBJ): | $(BPF_SKEL)
endif

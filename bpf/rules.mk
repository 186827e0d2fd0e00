# SPDX-License-Identifier: BSD-2-Clause
# bpf/: the kernel side. Chain: procrec.bpf.c -> procrec.bpf.o -> procrec.skel.h (used by recorder/ only).

BPF_OBJ := $(O)/bpf/procrec.bpf.o
BPF_SKEL := $(O)/bpf/procrec.skel.h
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror -I. -I$(O)

# Clang for BPF does not know the host's multiarch include folder, and needs none of it.
$(BPF_OBJ): bpf/procrec.bpf.c bpf/rules.mk
	$(Q)mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp && $(LLVM_STRIP) -g $@.tmp && mv $@.tmp $@

$(BPF_SKEL): $(BPF_OBJ)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name procrec_bpf > $@.tmp && mv $@.tmp $@

DEPS += $(BPF_OBJ:.o=.d)

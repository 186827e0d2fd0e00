# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,redact,$(wildcard redact/*.c) $(O)/redact/rules.c))

# The default rules, as they stand in their file.
$(O)/redact/rules.c: redact/rules.txt redact/rules.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '#include "redact/redact.h"\n'; printf 'const char pr_redact_default_rules[] =\n'; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; printf ';\n'; } > $@.tmp && mv $@.tmp $@

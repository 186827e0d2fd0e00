# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,replay,$(wildcard replay/*.c replay/*/*.c) $(O)/replay/report/page.c $(O)/replay/redact/rules.c))

# The page of `procrec report` becomes C strings, so that its parts can be read and written as what they are.
$(O)/replay/report/page.c: replay/report/page.html replay/report/page.css replay/report/page.js replay/rules.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '#include "replay/report/page.h"\n'; for part in html css js; do \
	printf 'const char pr_page_%s[] =\n' $$part; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' replay/report/page.$$part; printf ';\n'; done; } > $@.tmp && mv $@.tmp $@

# The default rules of redaction, as they stand in their file.
$(O)/replay/redact/rules.c: replay/redact/rules.txt replay/rules.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '#include "replay/redact/redact.h"\n'; printf 'const char pr_redact_default_rules[] =\n'; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; printf ';\n'; } > $@.tmp && mv $@.tmp $@

# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,replay,$(wildcard replay/*.c replay/*/*.c) $(O)/replay/report/page.c))

# The page of `procrec report` becomes C strings, so that its parts can be read and written as what they are.
$(O)/replay/report/page.c: replay/report/page.html replay/report/page.css replay/report/page.js replay/rules.mk
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '#include "replay/report/page.h"\n'; for part in html css js; do \
	printf 'const char pr_page_%s[] =\n' $$part; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' replay/report/page.$$part; printf ';\n'; done; } > $@.tmp && mv $@.tmp $@

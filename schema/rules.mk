# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,schema,$(wildcard schema/*.c) $(patsubst schema/index.sql,$(O)/schema/index_sql.c,$(wildcard schema/index.sql))))

# index.sql becomes a C string, so that the DDL stands in one place only.
$(O)/schema/index_sql.c: schema/index.sql
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '#include "schema/index_sql.h"\nconst char pr_index_sql[] =\n'; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; printf ';\n'; } > $@.tmp && mv $@.tmp $@

# Its loops over columns become vectors; at -O2 the compiler makes none of them.
ifndef DEBUG
$(O)/schema/rearrange.o: CFLAGS += -O3
endif

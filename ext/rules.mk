# SPDX-License-Identifier: BSD-2-Clause
# procrec.so: the loadable extension of SQLite. It brings its own copy of what reads traces, and shows nothing but its entry point.
EXT_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard ext/*.c))
DEPS += $(EXT_OBJ:.o=.d)

# nodelete: SQLite unloads an extension with its last connection, but the VFS of the index stays registered.
$(O)/procrec.so: $(EXT_OBJ) $(O)/libprocrec-replay.a $(O)/libprocrec-redact.a $(O)/libprocrec-schema.a $(O)/libprocrec-base.a ext/procrec.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete -Wl,--version-script=ext/procrec.map -o $@ $(EXT_OBJ) \
		-Wl,--as-needed -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

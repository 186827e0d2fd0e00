# SPDX-License-Identifier: BSD-2-Clause
# procrec: the only entry point of the build. `make help` lists what there is.
#
# Knobs (on the command line or in config.mak):
#   O=DIR                 where all output goes                         (build)
#   V=1                   print the commands
#   BPF=0                 leave the recorder out: needs no clang, libbpf, bpftool
#   SAN=address,undefined build with sanitizers, into build-san-...
#   DEBUG=1               -O0, assertions that cost time
#   JOBS=N                how much `make check` compiles and tests at once   (as many as there are CPUs)
#   PREFIX= LIBDIR= DESTDIR=  for `make install`                        (/usr/local, PREFIX/lib)

-include config.mak

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

comma := ,
BPF ?= 1
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
LIBDIR ?= $(PREFIX)/lib
ifneq ($(SAN),)
O ?= build-san-$(subst $(comma),-,$(SAN))
endif
O ?= build
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
AR := ar
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
VERSION := $(shell cat VERSION)
JOBS ?= $(shell nproc)
export JOBS

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wwrite-strings -Werror
OPT := $(if $(DEBUG),-O0 -DPR_DEBUG,-O2 -fno-plt)
CPPFLAGS := -I. -I$(O) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPR_VERSION='"$(VERSION)"' -DPR_WITH_BPF=$(BPF)
CFLAGS := -std=gnu11 -g $(OPT) $(WARN) -fstack-protector-strong -fPIC $(CFLAGS_EXTRA)
LDFLAGS := -Wl,-z,relro,-z,now $(LDFLAGS_EXTRA)
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
LIBS := -llz4 -lsqlite3 -lsodium -lnettle -lseccomp -lz -lpthread
ifeq ($(BPF),1)
LIBS_BPF := -lbpf -lelf -lcap
endif

DEPS :=
OFFLINE_CHECKS :=
LIVE_CHECKS :=
LONG_CHECKS :=
SAN_CHECKS := check-unit

# library NAME,SOURCES: objects under $(O), archive $(O)/libprocrec-NAME.a
define library
$(1)_OBJ := $$(patsubst $(O)/%.c,$(O)/%.o,$$(filter $(O)/%,$(2))) $$(patsubst %.c,$(O)/%.o,$$(filter-out $(O)/%,$(2)))
$(O)/libprocrec-$(1).a: $$($(1)_OBJ)
	$$(Q)mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
DEPS += $$($(1)_OBJ:.o=.d)
endef

ifeq ($(BPF),1)
include bpf/rules.mk
endif
include base/rules.mk schema/rules.mk redact/rules.mk replay/rules.mk recorder/rules.mk cli/rules.mk ext/rules.mk tests/rules.mk

LIBRARIES := $(foreach l,cli recorder replay redact schema base,$(O)/libprocrec-$(l).a)

all: $(O)/procrec $(O)/procrec.so ## build the program, and the extension of SQLite (default)

$(O)/procrec: $(LIBRARIES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(O)/libprocrec-cli.a -Wl,--start-group $(filter-out %cli.a,$^) -Wl,--end-group $(LIBS) $(LIBS_BPF)

.PRECIOUS: $(O)/%.o $(O)/%.c # those of tests, too: make takes them for steps in between, and would delete them

# Flags are part of what an object depends on: a changed SAN, BPF or VERSION rebuilds.
FLAGS_FILE := $(O)/.flags
$(shell mkdir -p $(O); printf '%s' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' | cmp -s - $(FLAGS_FILE) || printf '%s' '$(subst ','\'',$(CC) $(CPPFLAGS) $(CFLAGS))' > $(FLAGS_FILE))

$(O)/%.o: %.c $(FLAGS_FILE)
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.o: $(O)/%.c $(FLAGS_FILE)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# Every test without root: each target of OFFLINE_CHECKS ends with a line "NAME: N passed, N failed".
check-offline: $(OFFLINE_CHECKS) ## all tests that need no root and no BPF

# The tests with sanitizers are the offline ones, built and run a second time.
check: deps-test ## install what is missing, build, run every test
	@MAKE="$(MAKE)" tests/run-all.sh check-build $(OFFLINE_CHECKS) check-san $(LIVE_CHECKS)

check-long: all ## the tests that take minutes, or install a browser
	@MAKE="$(MAKE)" tests/run-all.sh $(LONG_CHECKS)

check-build:
	@$(MAKE) --no-print-directory -j$(JOBS) build-tests
	@echo 'build: 1 passed, 0 failed'

build-tests: all ## build the program and the unit tests

SAN_MAKE = $(MAKE) --no-print-directory O=$(O)/san SAN=address,undefined BPF=0 CLANG=false BPFTOOL=false
check-san: ## tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+@$(SAN_MAKE) -j$(JOBS) build-tests
	+@$(SAN_MAKE) $(SAN_CHECKS)

deps: ## install the packages that building needs (root)
	@scripts/deps.sh build
deps-test:
	@scripts/deps.sh build test

demo: ## install what is missing, build, record a compile and show who started one of its compilers (root)
	@scripts/deps.sh build && $(MAKE) --no-print-directory all && scripts/demo.sh $(O)/procrec

install: all ## install the program, SQLite's extension, man pages and completions under PREFIX
	install -D -m 755 $(O)/procrec $(DESTDIR)$(PREFIX)/bin/procrec
	install -D -m 755 $(O)/procrec.so $(DESTDIR)$(LIBDIR)/procrec.so
	for page in $(wildcard man/*.[1-8]); do install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done
	install -D -m 644 completion/procrec.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/procrec
	install -D -m 644 completion/procrec.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_procrec
	install -D -m 644 completion/procrec.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/procrec.fish

clean: ## remove the output folder
	rm -rf $(O)

help: ## this list
	@sed -n 's/^# \(procrec.*\)/\1/p; /^# Knobs/,/^$$/s/^# \{0,1\}//p' Makefile
	@grep -hE '^[a-z][a-z-]*:.*## ' Makefile */rules.mk tests/*/rules.mk | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: all build-tests check check-build check-long check-offline check-san clean demo deps deps-test help install

-include $(DEPS)

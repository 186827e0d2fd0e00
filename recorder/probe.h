/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h: what this machine and this process have of what recording needs. Asked of the system, never guessed from its
 * version. Used by capture.c to choose programs and to explain failures, and by `procrec doctor`.
 */
#ifndef PROCREC_RECORDER_PROBE_H
#define PROCREC_RECORDER_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum pr_probe_state {
	PR_PROBE_OK,
	PR_PROBE_WARN,   /* recording works, with what `detail` says */
	PR_PROBE_MISSING /* recording does not work */
};

struct pr_probe_item {
	const char *name; /* "rights", "btf", ...; static */
	enum pr_probe_state state;
	char detail[160]; /* what was found */
	char advice[160]; /* what to do; empty if nothing */
};

#define PR_PROBE_ITEMS_MAX 12

struct pr_probe {
	bool btf_tracepoints; /* BTF-typed tracepoints: exec, clone, exit */
	bool task_iterator;
	bool exit_group_dead; /* the exit tracepoint says which thread is the last (since 6.16) */
	size_t n_items;
	struct pr_probe_item items[PR_PROBE_ITEMS_MAX];
};

/* Fills *out; every item is looked at, whatever is missing. Cheap: loads no program. */
void pr_probe_run(struct pr_probe *out);

/* The first missing item as an error (PR_EPERM), or 0. */
int pr_probe_error(const struct pr_probe *probe, struct pr_errinfo *ei);

/* Whether this process has the effective right to load and attach the programs. */
bool pr_probe_rights(void);

#endif

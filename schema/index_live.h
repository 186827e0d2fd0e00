/* SPDX-License-Identifier: BSD-2-Clause */
/* index_live.h: the identities that have not ended yet, in memory; the others go to the sorter. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_LIVE_H
#define PROCREC_SCHEMA_INDEX_LIVE_H

#include "base/map.h"
#include "schema/index_facts.h"

struct pr_live {
	struct pr_sorter *sorter; /* owned */
	struct pr_map open; /* (pid, kt) -> index in slots */
	struct pr_facts *slots;
	uint32_t *free_slots;
	size_t n_slots, cap_slots, n_free;
};

void pr_live_release(struct pr_live *l);

/* Adds facts of an identity that goes on living. */
int pr_live_keep(struct pr_live *l, const struct pr_facts *f, struct pr_errinfo *ei);

/* Adds the end of an identity, which need not have been seen before. */
int pr_live_end(struct pr_live *l, const struct pr_facts *f, struct pr_errinfo *ei);

/*
 * The identity (x->pid, old_kt), which the exec x replaced, ends with it. Where it was only the short time after a clone, it
 * becomes part of x, which is then to be kept.
 */
int pr_live_replace(struct pr_live *l, struct pr_facts *x, int64_t old_kt, struct pr_errinfo *ei);

/* Everything goes to the sorter; what frames to come tell of the same identities joins it there. */
int pr_live_end_all(struct pr_live *l, struct pr_errinfo *ei);

#endif

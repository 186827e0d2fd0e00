/* SPDX-License-Identifier: BSD-2-Clause */
/* index_own.h: what the own frames of a segment tell of identities that are near each other. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_OWN_H
#define PROCREC_SCHEMA_INDEX_OWN_H

#include "schema/index_facts.h"

struct pr_own {
	struct pr_facts *v; /* owned; by (pid, kt), nothing embedded */
	size_t n, cap;
};

int pr_own_add(struct pr_own *o, struct pr_facts f, struct pr_errinfo *ei);
/* NULL: they tell nothing of the identity. */
const struct pr_facts *pr_own_find(const struct pr_own *o, const struct pr_facts *f);
/* Forgets those that no row to come can have in it: rows from `next` - PR_INDEX_SHORT_NS on may embed what is that much older again. */
void pr_own_trim(struct pr_own *o, const struct pr_facts *next);

#endif

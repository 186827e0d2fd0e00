/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * known.h: what the index and the frames tell of a process, by its key; the ones asked for last are kept, since rows of SQL ask for the
 * same few again and again.
 */
#ifndef PROCREC_REPLAY_QUERY_KNOWN_H
#define PROCREC_REPLAY_QUERY_KNOWN_H

#include "replay/query/lineage.h"

#define PR_KNOWN_SLOTS 64 /* an image has up to some MiB */

struct pr_known {
	struct pr_proc_key key;
	bool used;
	bool known; /* the trace has frames of it: */
	struct pr_proc proc;
	struct pr_image *image; /* counted; NULL: no frame tells */
};

struct pr_knowns {
	struct pr_lineage *lineage; /* borrowed */
	struct pr_known slots[PR_KNOWN_SLOTS];
};

void pr_knowns_init(struct pr_knowns *k, struct pr_lineage *l);
void pr_knowns_release(struct pr_knowns *k);

/* *out is valid until the next call. PR_EDATA: the index does not fit the trace. */
int pr_knowns_get(struct pr_knowns *k, struct pr_proc_key key, const struct pr_known **out, struct pr_errinfo *ei);

#endif

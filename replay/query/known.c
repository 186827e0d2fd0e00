/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/known.h"

void pr_knowns_init(struct pr_knowns *k, struct pr_lineage *l)
{
	*k = (struct pr_knowns){.lineage = l};
}

static void drop(struct pr_known *e)
{
	if (e->image)
		pr_image_unref(e->image);
	*e = (struct pr_known){.used = false};
}

void pr_knowns_release(struct pr_knowns *k)
{
	for (size_t i = 0; i < PR_KNOWN_SLOTS; i++)
		drop(&k->slots[i]);
}

int pr_knowns_get(struct pr_knowns *k, struct pr_proc_key key, const struct pr_known **out, struct pr_errinfo *ei)
{
	struct pr_known *e = &k->slots[((key.ktime ^ key.pid) * 0x9e3779b97f4a7c15u) >> 58];
	int err;

	_Static_assert(PR_KNOWN_SLOTS == 1 << (64 - 58), "PR_KNOWN_SLOTS");
	*out = e;
	if (e->used && e->key.pid == key.pid && e->key.ktime == key.ktime)
		return PR_OK;
	drop(e);
	e->key = key;
	err = pr_index_get(k->lineage->index, key, &e->proc, ei);
	e->known = !err;
	if (!err)
		err = pr_details_image(&k->lineage->details, &e->proc, &e->image, ei);
	e->used = !err || err == PR_ENOENT;
	return e->used ? PR_OK : err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_own.h"

#include <stdlib.h>
#include <string.h>

#define OWN_MAX (2u << 20) /* only a crafted trace has more */

const struct pr_facts *pr_own_find(const struct pr_own *o, const struct pr_facts *f)
{
	size_t lo = 0, hi = o->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (pr_facts_compare(&o->v[mid], f) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < o->n && pr_facts_same(&o->v[lo], f) ? &o->v[lo] : NULL;
}

static int insert(struct pr_own *o, const struct pr_facts *f, struct pr_errinfo *ei)
{
	size_t i = o->n, cap = o->cap ? o->cap * 2 : 64;

	while (i && pr_facts_compare(&o->v[i - 1], f) > 0)
		i--;
	if (i && pr_facts_same(&o->v[i - 1], f)) {
		pr_facts_join(&o->v[i - 1], f);
		return PR_OK;
	}
	if (o->n == o->cap) {
		struct pr_facts *p = cap > OWN_MAX ? NULL : realloc(o->v, cap * sizeof(*p));

		if (!p)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		o->v = p;
		o->cap = cap;
	}
	memmove(&o->v[i + 1], &o->v[i], (o->n - i) * sizeof(*f));
	o->v[i] = *f;
	o->n++;
	return PR_OK;
}

int pr_own_add(struct pr_own *o, struct pr_facts f, struct pr_errinfo *ei)
{
	struct pr_facts pre;
	int err = PR_OK;

	if (f.embedded) {
		pre = pr_facts_extract(&f);
		err = insert(o, &pre, ei);
	}
	return err ? err : insert(o, &f, ei);
}

static bool is_done(const struct pr_facts *f, const struct pr_facts *next)
{
	return f->pid < next->pid || (f->pid == next->pid && f->kt < pr_minus(next->kt, 2 * (int64_t)PR_INDEX_SHORT_NS));
}

void pr_own_trim(struct pr_own *o, const struct pr_facts *next)
{
	size_t done = 0;

	while (done < o->n && is_done(&o->v[done], next))
		done++;
	if (done)
		memmove(o->v, o->v + done, (o->n - done) * sizeof(*o->v));
	o->n -= done;
}

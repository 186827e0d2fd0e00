/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_part.h"

#include <stdlib.h>

static int by_stream(const void *a, const void *b)
{
	const struct pr_map_slot *x = *(struct pr_map_slot *const *)a, *y = *(struct pr_map_slot *const *)b;

	return x->k0 < y->k0 ? -1 : x->k0 > y->k0;
}

/* Where each stream that own frames told of stands, in the order of their numbers. */
static int put_streams(struct pr_index_rows *r, const struct pr_gaps *gaps, struct pr_errinfo *ei)
{
	struct pr_map_slot **v = calloc(gaps->streams.len + 1, sizeof(struct pr_map_slot *)), *s;
	size_t pos = 0, n = 0;
	int err = PR_OK;

	if (!v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	while ((s = pr_map_each(&gaps->streams, &pos)))
		if (((struct pr_gap_stream *)s->v.p)->told)
			v[n++] = s;
	qsort(v, n, sizeof(struct pr_map_slot *), by_stream);
	for (size_t i = 0; !err && i < n; i++)
		err = pr_rows_step(r, PR_STEP_END, v[i]->k0, v[i]->v.p, NULL, 0, ei);
	free(v);
	return err;
}

struct put_lead {
	struct pr_index_rows *rows;
	struct pr_errinfo *ei;
};

static int put_lead(void *ctx, enum pr_lead_kind kind, uint64_t pid, uint64_t time)
{
	struct put_lead *p = ctx;

	return pr_rows_lead(p->rows, kind, pid, time, p->ei);
}

int pr_part_write(struct pr_index_rows *r, struct pr_gaps *gaps, struct pr_lead *lead, struct pr_errinfo *ei)
{
	const struct pr_rows_span *span = pr_rows_span(r);
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {{"own_lo", span->lo}, {"own_hi", span->hi}, {"wild", span->wild}, {"lead_peak", (int64_t)lead->peak},
		{"own_execs", lead->any[1]}, {"all_execs", lead->any[0]}, {"own_ktime", (int64_t)lead->own_ktime}, {"first_ktime", (int64_t)gaps->first_ktime},
		{"any", gaps->any}};
	struct put_lead p = {r, ei};
	int err = put_streams(r, gaps, ei);

	if (!err)
		err = pr_lead_each(lead, put_lead, &p);
	for (size_t i = 0; !err && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		err = pr_rows_meta_int(r, numbers[i].name, numbers[i].value, ei);
	return err;
}

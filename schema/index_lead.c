/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_lead.h"

void pr_lead_own(struct pr_lead *l, uint64_t seq, uint64_t ktime)
{
	l->own = true;
	l->own_from = seq;
	l->own_ktime = ktime;
}

void pr_lead_release(struct pr_lead *l)
{
	pr_map_release(&l->data);
	pr_map_release(&l->again);
	pr_map_release(&l->over);
	pr_map_release(&l->repeated);
}

static bool is_repeated(const struct pr_lead *l, const struct pr_map_slot *s)
{
	return !l->own || s->v.u < l->own_from;
}

static bool reaches_over(struct pr_lead *l, uint64_t id_pid, uint64_t id_time)
{
	return pr_map_put(l->own ? &l->over : &l->repeated, id_pid, id_time, NULL) != NULL;
}

static bool put_first(struct pr_map *m, uint64_t id_pid, uint64_t id_time, uint64_t seq)
{
	bool is_new;
	struct pr_map_slot *s = pr_map_put(m, id_pid, id_time, &is_new);

	if (s && is_new)
		s->v.u = seq;
	return s != NULL;
}

bool pr_lead_data(struct pr_lead *l, uint64_t id_pid, uint64_t id_time, uint64_t seq)
{
	struct pr_map_slot *s;
	bool is_new;

	if (l->data.len >= PR_LEAD_DATA_MAX) {
		pr_map_release(&l->data);
		pr_map_release(&l->again);
	}
	s = pr_map_put(&l->data, id_pid, id_time, &is_new);
	if (!s)
		return false;
	if (is_new)
		s->v.u = seq;
	if (l->data.len > l->peak)
		l->peak = l->data.len;
	if (l->own && !is_new && is_repeated(l, s) && !put_first(&l->again, id_pid, id_time, seq))
		return false;
	if (!l->own || (is_new ? id_time < l->own_ktime : is_repeated(l, s)))
		return reaches_over(l, id_pid, id_time);
	return true;
}

bool pr_lead_take(struct pr_lead *l, uint64_t id_pid, uint64_t id_time, struct pr_lead_first *first)
{
	struct pr_map_slot *s = pr_map_get(&l->data, id_pid, id_time), *own;
	bool over = !s || is_repeated(l, s);

	if (s && s->v.u < first->all)
		first->all = s->v.u;
	own = over ? pr_map_get(&l->again, id_pid, id_time) : s;
	if (own && own->v.u < first->own)
		first->own = own->v.u;
	if (own && over)
		pr_map_del(&l->again, id_pid, id_time);
	if (s)
		pr_map_del(&l->data, id_pid, id_time);
	return !over || reaches_over(l, id_pid, id_time);
}

void pr_lead_info(struct pr_lead *l, uint32_t pid, uint64_t ktime, const struct pr_lead_first *first)
{
	l->has_info = true;
	l->info_own = l->own;
	l->info_pid = pid;
	l->info_ktime = ktime;
	l->info_first = first->all;
	l->info_own_first = first->own;
	l->any[0] = true;
	l->any[1] |= l->own;
}

struct pr_lead_first pr_lead_exec(struct pr_lead *l, uint32_t pid, uint64_t ktime, uint64_t seq)
{
	struct pr_lead_first first = {seq, seq};

	if (l->has_info && l->info_pid == pid && l->info_ktime == ktime) {
		first.all = l->info_first;
		if (l->info_own == l->own)
			first.own = l->info_own_first;
	}
	for (int own = 0; own <= l->own; own++) {
		if (l->any[own])
			continue;
		l->any[own] = l->bare[own] = true;
		l->first_exec[own] = (struct pr_proc_key){pid, ktime};
	}
	l->has_info = false;
	return first;
}

static int each_key(const struct pr_map *m, enum pr_lead_kind kind, int (*fn)(void *, enum pr_lead_kind, uint64_t, uint64_t), void *ctx)
{
	struct pr_map_slot *s;
	size_t pos = 0;
	int err = 0;

	while (!err && (s = pr_map_each(m, &pos)))
		err = fn(ctx, kind, s->k0, s->k1);
	return err;
}

int pr_lead_each(const struct pr_lead *l, int (*fn)(void *ctx, enum pr_lead_kind kind, uint64_t pid, uint64_t time), void *ctx)
{
	struct pr_map_slot *s;
	size_t pos = 0;
	int err = each_key(&l->repeated, PR_LEAD_REPEATED, fn, ctx);

	if (!err)
		err = each_key(&l->over, PR_LEAD_OVER, fn, ctx);
	for (int own = 0; own < 2; own++)
		if (!err && l->bare[own])
			err = fn(ctx, own ? PR_LEAD_EXEC : PR_LEAD_EXEC_REPEATED, l->first_exec[own].pid, l->first_exec[own].ktime);
	while (!err && (s = pr_map_each(&l->data, &pos)))
		err = fn(ctx, is_repeated(l, s) ? PR_LEAD_DATA_REPEATED : PR_LEAD_DATA, s->k0, s->k1);
	if (!err)
		err = each_key(&l->again, PR_LEAD_DATA, fn, ctx);
	if (!err && l->has_info)
		err = fn(ctx, l->info_own ? PR_LEAD_INFO : PR_LEAD_INFO_REPEATED, l->info_pid, l->info_ktime);
	return err;
}

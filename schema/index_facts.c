/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_facts.h"

/* Does b's execve frame tell more than a's? A frame from the kernel goes before a snapshot, the first before a later one. */
static bool better_exec(const struct pr_facts *a, const struct pr_facts *b)
{
	if (!a->x || !b->x)
		return b->x != 0;
	if (a->x != b->x)
		return b->x == PR_START_EXEC;
	return b->x_seq < a->x_seq;
}

static void join_exec(struct pr_facts *a, const struct pr_facts *b)
{
	a->folded += a->x && b->x;
	if (a->x && a->x == b->x && (a->x_ppid != b->x_ppid || a->x_pkt != b->x_pkt))
		a->conflict = true;
	if (!better_exec(a, b))
		return;
	a->x = b->x;
	a->x_ppid = b->x_ppid;
	a->x_pkt = b->x_pkt;
	a->x_seq = b->x_seq;
	a->x_lead = b->x_lead;
	a->x_own_lead = b->x_own_lead;
	a->x_inferred = b->x_inferred;
	a->first_exec = b->first_exec;
	a->pre = b->pre;
}

static void join_clone(struct pr_facts *a, const struct pr_facts *b)
{
	a->folded += a->c && b->c;
	if (a->c && b->c && (a->c_ppid != b->c_ppid || a->c_pkt != b->c_pkt))
		a->conflict = true;
	if (!b->c || (a->c && a->c_seq <= b->c_seq))
		return;
	a->c = b->c;
	a->c_ppid = b->c_ppid;
	a->c_pkt = b->c_pkt;
	a->c_seq = b->c_seq;
	a->c_inferred = b->c_inferred;
}

/* Of two ends the earlier one is the end. */
static bool better_end(const struct pr_facts *a, const struct pr_facts *b)
{
	if (!a->e || !b->e)
		return b->e != 0;
	if (a->e_kt != b->e_kt)
		return b->e_kt < a->e_kt;
	return b->e_seq < a->e_seq;
}

static void join_end(struct pr_facts *a, const struct pr_facts *b)
{
	bool better;

	if (a->e && b->e && (a->e != b->e || a->e_kt != b->e_kt || a->e_status != b->e_status))
		a->conflict = true;
	better = better_end(a, b);
	a->folded += a->e && b->e && (better ? a : b)->e_event;
	if (!better)
		return;
	a->e = b->e;
	a->e_event = b->e_event;
	a->e_kt = b->e_kt;
	a->e_seq = b->e_seq;
	a->e_status = b->e_status;
}

void pr_facts_join(struct pr_facts *a, const struct pr_facts *b)
{
	a->folded += b->folded;
	a->conflict |= b->conflict;
	a->far |= b->far;
	a->repeat &= b->repeat;
	join_exec(a, b);
	join_clone(a, b);
	join_end(a, b);
}

static bool is_far_off(int64_t v)
{
	return v >= PR_INDEX_WILD || v <= -PR_INDEX_WILD;
}

bool pr_facts_wild(const struct pr_facts *f)
{
	return is_far_off(f->kt) || is_far_off(f->x_pkt) || is_far_off(f->c_pkt) || is_far_off(f->e_kt);
}

static bool same_exec(const struct pr_facts *a, const struct pr_facts *b, bool own)
{
	return a->x_ppid == b->x_ppid && a->x_pkt == b->x_pkt && a->x_seq == b->x_seq && a->x_inferred == b->x_inferred &&
	       a->first_exec == b->first_exec && a->pre == b->pre &&
	       (own ? a->x_own_lead == b->x_own_lead : a->x_lead == b->x_lead);
}

static bool same_clone(const struct pr_facts *a, const struct pr_facts *b)
{
	return a->c_ppid == b->c_ppid && a->c_pkt == b->c_pkt && a->c_seq == b->c_seq && a->c_inferred == b->c_inferred;
}

bool pr_facts_equal(const struct pr_facts *a, const struct pr_facts *b, bool own)
{
	return pr_facts_same(a, b) && a->x == b->x && a->c == b->c && a->e == b->e && a->conflict == b->conflict && a->far == b->far &&
	       (!a->x || same_exec(a, b, own)) && (!a->c || same_clone(a, b)) &&
	       (!a->e || (a->e_kt == b->e_kt && a->e_seq == b->e_seq && a->e_status == b->e_status));
}

bool pr_facts_embeddable(const struct pr_facts *x, const struct pr_facts *c)
{
	return x->x == PR_START_EXEC && x->first_exec && !x->c && x->pid == c->pid && x->pre > 0 && pr_minus(x->kt, x->pre) == c->kt &&
	       x->pre < (int64_t)PR_INDEX_SHORT_NS && !c->x && c->c && !c->far && !c->conflict && !c->embedded &&
	       c->c_inferred == x->x_inferred && c->c_ppid == x->x_ppid && c->c_pkt == x->x_pkt &&
	       (!c->e || (c->e == PR_ENDED_EXEC && c->e_kt == x->kt && c->e_seq == x->x_seq));
}

void pr_facts_embed(struct pr_facts *x, const struct pr_facts *c)
{
	x->folded += c->folded;
	x->embedded = true;
	x->c = c->c;
	x->c_ppid = c->c_ppid;
	x->c_pkt = c->c_pkt;
	x->c_seq = c->c_seq;
	x->c_inferred = c->c_inferred;
}

struct pr_facts pr_facts_extract(struct pr_facts *x)
{
	struct pr_facts c = {.kt = pr_minus(x->kt, x->pre),
		.pid = x->pid,
		.c = x->c,
		.c_ppid = x->c_ppid,
		.c_pkt = x->c_pkt,
		.c_seq = x->c_seq,
		.c_inferred = x->c_inferred,
		.e = PR_ENDED_EXEC,
		.e_kt = x->kt,
		.e_seq = x->x_seq,
		.repeat = x->repeat};

	x->embedded = false;
	x->c = 0;
	return c;
}

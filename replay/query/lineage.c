/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "base/room.h"

#define STREAM(s) (1u << (s))
#define STARTS (STREAM(PR_STREAM_EXEC) | STREAM(PR_STREAM_CLONE))
#define ENDS (STREAM(PR_STREAM_EXEC) | STREAM(PR_STREAM_EXIT))

const char *pr_certainty_name(enum pr_certainty c)
{
	static const char *const names[] = {"observed", "snapshot", "inferred", "unknown"};

	return names[c];
}

const char *pr_link_how(const struct pr_link *l)
{
	if (!l->known || l->proc.start == PR_START_UNSEEN)
		return "unknown";
	if (l->proc.start == PR_START_CLONE)
		return "clone";
	if (l->proc.start == PR_START_SNAPSHOT)
		return "snapshot";
	return l->proc.first_exec ? "clone+exec" : "exec";
}

bool pr_lineage_gap_in(const struct pr_lineage *l, uint64_t from, uint64_t to, unsigned streams)
{
	for (size_t i = 0; i < l->n_gaps; i++) {
		const struct pr_gap *g = &l->gaps[i];
		bool any = g->kind == PR_GAP_DAMAGE || g->cpu == PR_CPU_NONE || g->stream >= 32;

		if (g->ktime_from <= to && g->ktime_to >= from && (any || (STREAM(g->stream) & streams)))
			return true;
	}
	return false;
}

/* ---- links -------------------------------------------------------------------------------------------------------- */

static enum pr_certainty certainty_of(const struct pr_proc *p)
{
	if (!p->has_parent)
		return PR_CERTAIN_UNKNOWN;
	if (p->inferred || p->conflict)
		return PR_CERTAIN_INFERRED;
	return p->start == PR_START_SNAPSHOT ? PR_CERTAIN_SNAPSHOT : PR_CERTAIN_OBSERVED;
}

/* pid 0 is the kernel's: what has it as its parent has none, unless the trace tells of pid 0 itself. */
static bool is_top(struct pr_proc_key parent)
{
	return parent.pid == 0;
}

static void make_link(const struct pr_lineage *l, const struct pr_proc *p, uint64_t at, struct pr_link *out)
{
	*out = (struct pr_link){.proc = *p,
		.known = true,
		.certainty = certainty_of(p),
		.has_parent = p->has_parent && !is_top(p->parent),
		.parent = p->parent};
	/* At a time before its end, the end is not known yet. */
	if (p->end && p->end_ktime > at)
		out->proc.end = PR_ENDED_UNSEEN;
	if (!p->end)
		out->gap = pr_lineage_gap_in(l, p->key.ktime, at, ENDS);
}

struct older {
	struct pr_proc_key key;
	struct pr_proc proc;
	bool found;
};

static int first_older(void *ctx, const struct pr_proc *p)
{
	struct older *o = ctx;

	if (p->key.ktime >= o->key.ktime)
		return PR_OK;
	o->proc = *p;
	o->found = true;
	return PR_END;
}

/*
 * An identity that frames refer to, but of which none tells. If the same pid had an older one that may have lived on until
 * then, this one has most likely come from it: its exec was lost.
 */
static int make_unknown(struct pr_lineage *l, struct pr_proc_key key, struct pr_link *out, struct pr_errinfo *ei)
{
	struct older o = {.key = key};
	int err = pr_index_pid(l->index, key.pid, key.ktime, first_older, &o, ei);

	*out = (struct pr_link){.proc.key = key, .certainty = PR_CERTAIN_UNKNOWN};
	if (err < 0)
		return err;
	if (o.found && !o.proc.end) {
		out->certainty = PR_CERTAIN_INFERRED;
		out->has_parent = true;
		out->parent = o.proc.key;
	}
	return PR_OK;
}

int pr_lineage_get(struct pr_lineage *l, struct pr_proc_key key, uint64_t at, struct pr_link *out, struct pr_errinfo *ei)
{
	struct pr_proc p;
	int err = pr_index_get(l->index, key, &p, ei);

	if (err == PR_ENOENT)
		return make_unknown(l, key, out, ei);
	if (err)
		return err;
	make_link(l, &p, at, out);
	if (p.start == PR_START_UNSEEN) { /* only its end was seen */
		struct pr_link guess;

		err = make_unknown(l, key, &guess, ei);
		out->certainty = guess.certainty;
		out->has_parent = guess.has_parent;
		out->parent = guess.parent;
	}
	return err;
}

int pr_lineage_up(struct pr_lineage *l, const struct pr_link *from, uint64_t at, struct pr_link *out, struct pr_errinfo *ei)
{
	if (!from->has_parent)
		return PR_END;
	return pr_lineage_get(l, from->parent, at, out, ei);
}

/* ---- a pid and its instances -------------------------------------------------------------------------------------- */

struct pid_scan {
	struct pr_instances *all;
	struct pr_proc newest, newer; /* newer: the row before this one */
	bool have;
};

/* Is `older` what `newer`, the next identity of the pid, was before? */
static bool same_process(const struct pr_proc *newer, const struct pr_proc *older)
{
	return newer->has_pre || (newer->has_parent && newer->parent.pid == newer->key.pid) ||
	       (older->end == PR_ENDED_EXEC && older->end_ktime == newer->key.ktime);
}

/* Newest first. */
static int scan_pid(void *ctx, const struct pr_proc *p)
{
	struct pid_scan *s = ctx;
	struct pr_instances *all = s->all;

	if (!s->have) {
		s->newest = *p;
		all->n = 1;
	} else if (!same_process(&s->newer, p)) {
		all->n++;
		if (all->n_others < PR_INSTANCES_SHOWN)
			all->others[all->n_others++] = p->key;
	} else if (all->n_others && all->n == all->n_others + 1) {
		all->others[all->n_others - 1] = p->key; /* the first identity stands for the process */
	}
	s->have = true;
	s->newer = *p;
	return PR_OK;
}

int pr_lineage_find(struct pr_lineage *l, uint32_t pid, uint64_t at, struct pr_link *out, struct pr_instances *out_all, struct pr_errinfo *ei)
{
	struct pid_scan s = {.all = out_all};
	uint64_t from;
	int err;

	*out_all = (struct pr_instances){0};
	err = pr_index_pid(l->index, pid, at, scan_pid, &s, ei);
	if (err)
		return err;
	if (!s.have)
		return PR_ENOENT;
	/* Known to have lived until its end: nobody else had the pid before. */
	from = s.newest.end ? s.newest.end_ktime : s.newest.key.ktime;
	out_all->gap = from <= at && pr_lineage_gap_in(l, from, at, STARTS);
	return pr_lineage_get(l, s.newest.key, at, out, ei);
}

/* ---- rows against frames ------------------------------------------------------------------------------------------ */

static bool is_key(struct pr_id id, struct pr_proc_key k)
{
	return id.pid == k.pid && id.ktime == k.ktime;
}

static int frame_at(struct pr_lineage *l, uint64_t seq, struct pr_event *out, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err = pr_fetch_get(&l->frames, seq, &f, ei);

	if (err == PR_ENOENT || (!err && pr_decode(f.data, f.size, out, NULL)))
		return pr_fail(ei, PR_EDATA, "the index does not fit the trace at frame %llu", (unsigned long long)seq);
	return err;
}

static bool start_fits(const struct pr_proc *p, const struct pr_event *ev)
{
	const struct pr_execve *e = &ev->execve;
	bool inferred;

	if (p->start == PR_START_CLONE)
		return ev->op == PR_OP_CLONE && is_key(ev->clone.id, p->key) && is_key(ev->clone.parent, p->parent) &&
		       p->inferred == ((ev->clone.flags & (PR_EXEC_TASK_WALK | PR_EXEC_MISS)) != 0);
	if (ev->op != PR_OP_EXECVE || !is_key(e->id, p->key))
		return false;
	if (p->start == PR_START_SNAPSHOT) /* the parent may come from a clone frame, which is looked at by itself */
		return (e->flags & PR_EXEC_PROCFS) && (p->has_clone_seq || is_key(pr_execve_parent(e), p->parent));
	inferred = (e->flags & (PR_EXEC_TASK_WALK | PR_EXEC_MISS)) != 0;
	return !(e->flags & PR_EXEC_PROCFS) && is_key(pr_execve_parent(e), p->parent) && p->inferred == inferred &&
	       p->first_exec == ((e->flags & PR_EXEC_CLONE) != 0) && (!p->has_pre || is_key(e->cleanup, (struct pr_proc_key){p->key.pid, p->pre_ktime}));
}

static bool end_fits(const struct pr_proc *p, const struct pr_event *ev)
{
	if (ev->op == PR_OP_ENDED)
		return is_key(ev->own.id, p->key) && ev->own.when == p->end_ktime &&
		       (p->end == PR_ENDED_EXIT ? ev->own.how == PR_ENDED_BY_EXIT && ev->own.status == p->status : ev->own.how == PR_ENDED_BY_EXEC);
	if (p->end == PR_ENDED_EXIT)
		return ev->op == PR_OP_EXIT && is_key(ev->exit.id, p->key) && ev->exit.status == p->status && ev->ktime == p->end_ktime;
	return ev->op == PR_OP_EXECVE && is_key(ev->execve.cleanup, p->key) && ev->execve.id.ktime == p->end_ktime;
}

static bool clone_fits(const struct pr_proc *p, const struct pr_event *ev)
{
	struct pr_proc_key key = p->key;

	if (p->has_pre)
		key.ktime = p->pre_ktime;
	if (ev->op != PR_OP_CLONE || !is_key(ev->clone.id, key))
		return false;
	return !(p->has_pre || p->start == PR_START_SNAPSHOT) || is_key(ev->clone.parent, p->parent);
}

int pr_lineage_verify(struct pr_lineage *l, const struct pr_proc *p, struct pr_errinfo *ei)
{
	struct pr_event ev;
	bool fits = p->has_parent == (p->start != PR_START_UNSEEN);
	int err = PR_OK;

	if (l->is_private)
		return PR_OK;
	if (p->start) {
		err = frame_at(l, p->seq, &ev, ei);
		fits = fits && !err && start_fits(p, &ev);
	}
	if (!err && p->has_clone_seq && p->start > PR_START_CLONE) {
		err = frame_at(l, p->clone_seq, &ev, ei);
		fits = fits && !err && clone_fits(p, &ev);
	}
	if (!err && p->end) {
		err = frame_at(l, p->end_seq, &ev, ei);
		fits = fits && !err && end_fits(p, &ev);
	}
	if (err || fits)
		return err;
	return pr_fail(ei, PR_EDATA, "the index does not fit the trace: process %u of ktime %llu", p->key.pid, (unsigned long long)p->key.ktime);
}

/* ---- children ------------------------------------------------------------------------------------------------------ */

void pr_links_release(struct pr_links *v)
{
	free(v->v);
	*v = (struct pr_links){0};
}

static struct pr_link *push(struct pr_links *v)
{
	struct pr_link *p = pr_room(v->v, v->n, &v->cap, sizeof(*p));

	if (!p)
		return NULL;
	v->v = p;
	return &p[v->n++];
}

struct collect {
	struct pr_lineage *l;
	struct pr_links *out;
	uint64_t at;
};

static int collect_proc(void *ctx, const struct pr_proc *p)
{
	struct collect *c = ctx;
	struct pr_link *link;

	if (p->key.ktime > c->at)
		return PR_OK;
	link = push(c->out);
	if (!link)
		return PR_ENOMEM;
	make_link(c->l, p, c->at, link);
	return PR_OK;
}

static int by_ktime(const void *pa, const void *pb)
{
	const struct pr_link *a = pa, *b = pb;

	if (a->proc.key.ktime != b->proc.key.ktime)
		return a->proc.key.ktime < b->proc.key.ktime ? -1 : 1;
	return a->proc.key.pid < b->proc.key.pid ? -1 : a->proc.key.pid > b->proc.key.pid;
}

static int by_key(const void *pa, const void *pb)
{
	const struct pr_link *a = pa, *b = pb;

	if (a->proc.key.pid != b->proc.key.pid)
		return a->proc.key.pid < b->proc.key.pid ? -1 : 1;
	return a->proc.key.ktime < b->proc.key.ktime ? -1 : a->proc.key.ktime > b->proc.key.ktime;
}

static int any_child(void *ctx, const struct pr_proc *p)
{
	(void)p;
	*(bool *)ctx = true;
	return PR_END;
}

/* The short identity between clone and first exec, in an image's row, or as a row before it: did it create processes? */
static int add_cloned(struct pr_lineage *l, struct pr_links *v, uint64_t at, struct pr_errinfo *ei)
{
	size_t n = v->n;

	for (size_t i = 0; i < n; i++) {
		struct pr_proc p = v->v[i].proc;
		struct pr_proc_key key = {p.key.pid, p.pre_ktime};
		struct pr_link *link;
		bool any = false;
		int err;

		if (!p.has_pre)
			continue;
		err = pr_index_children(l->index, key, any_child, &any, ei);
		if (err < 0)
			return err;
		if (!any)
			continue;
		err = pr_index_get(l->index, key, &p, ei);
		if (err)
			return err;
		link = push(v);
		if (!link)
			return PR_ENOMEM;
		make_link(l, &p, at, link);
	}
	return PR_OK;
}

/* Takes out the clones that have a row of their own, were replaced by their first exec and created nothing. */
static int drop_replaced(struct pr_lineage *l, struct pr_links *v, struct pr_errinfo *ei)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct pr_proc *p = &v->v[i].proc;
		bool any = false;
		int err = PR_OK;

		if (p->start == PR_START_CLONE && p->end == PR_ENDED_EXEC && !p->embedded)
			err = pr_index_children(l->index, p->key, any_child, &any, ei);
		else
			any = true;
		if (err < 0)
			return err;
		if (any)
			v->v[n++] = v->v[i];
	}
	v->n = n;
	return PR_OK;
}

int pr_lineage_children(struct pr_lineage *l, struct pr_proc_key key, uint64_t at, struct pr_links *out, struct pr_errinfo *ei)
{
	struct collect c = {l, out, at};
	int err;

	out->n = 0;
	err = pr_index_children(l->index, key, collect_proc, &c, ei);
	if (!err)
		err = drop_replaced(l, out, ei);
	if (!err)
		err = add_cloned(l, out, at, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	if (!err && out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_ktime);
	return err;
}

/* ---- who lived at T -------------------------------------------------------------------------------------------------- */

static int collect_key(struct collect *c, struct pr_proc_key key)
{
	struct pr_proc p;
	int err = pr_index_get(c->l->index, key, &p, NULL);

	if (err == PR_ENOENT)
		return PR_OK;
	if (err)
		return err;
	if (p.key.ktime > c->at || (p.end && p.end_ktime <= c->at))
		return PR_OK;
	return collect_proc(c, &p);
}

/* A start frame near T: was what it tells of alive at T? */
static int near_frame(void *ctx, const struct pr_frame *f)
{
	struct collect *c = ctx;
	struct pr_event ev;
	int err = PR_OK;

	if ((f->op != PR_OP_CLONE && f->op != PR_OP_EXECVE) || pr_decode(f->data, f->size, &ev, NULL))
		return PR_OK;
	if (f->op == PR_OP_CLONE)
		return collect_key(c, (struct pr_proc_key){ev.clone.id.pid, ev.clone.id.ktime});
	err = collect_key(c, (struct pr_proc_key){ev.execve.id.pid, ev.execve.id.ktime});
	return err;
}

static int near_block(void *ctx, const struct pr_index_block *b)
{
	struct collect *c = ctx;

	return pr_fetch_block(&c->l->frames, b->offset, near_frame, c, NULL);
}

static int collect_open(void *ctx, const struct pr_proc *p)
{
	return p->end ? PR_OK : collect_proc(ctx, p);
}

int pr_lineage_alive(struct pr_lineage *l, uint64_t t, struct pr_links *out, struct pr_errinfo *ei)
{
	struct collect c = {l, out, t};
	size_t n = 0;
	int err;

	out->n = 0;
	if (t == UINT64_MAX)
		err = pr_index_each(l->index, collect_open, &c, ei);
	else
		err = pr_index_long_at(l->index, t, collect_proc, &c, ei);
	/* Short ones began near T, and so did their frames: see PR_INDEX_SHORT_NS. */
	if (!err && t != UINT64_MAX)
		err = pr_index_blocks_at(l->index, t < PR_INDEX_SHORT_NS ? 0 : t - PR_INDEX_SHORT_NS,
			t > UINT64_MAX - PR_INDEX_SHORT_NS ? UINT64_MAX : t + PR_INDEX_SHORT_NS, near_block, &c, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	else if (err == PR_EDATA)
		pr_fail(ei, err, "the index does not fit the trace");
	if (err || !out->n)
		return err;
	qsort(out->v, out->n, sizeof(*out->v), by_key);
	for (size_t i = 0; i < out->n; i++) /* what both found, once */
		if (!n || by_key(&out->v[n - 1], &out->v[i]))
			out->v[n++] = out->v[i];
	out->n = n;
	return PR_OK;
}

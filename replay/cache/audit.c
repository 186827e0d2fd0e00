/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/audit.h"

#include <stdlib.h>

/* What is remembered of an entry while it is in the cache. */
struct record {
	uint64_t last_inc; /* seq of the frame that counted it up last */
	bool is_released; /* its exit, or an exec in its place, was seen */
	bool is_procfs; /* it holds no reference on its parent */
};

/* A place in the expiry queue. */
struct waiting {
	struct pr_id id;
	uint64_t seq; /* of the frame that queued it */
};

/* Of the heap that finds the oldest time still queued; of the same time, what was queued first. */
struct oldest {
	int64_t time;
	uint64_t place; /* number of the queueing, from 0 */
};

struct pr_auditor {
	struct pr_observer observer;
	void (*found)(void *ctx, const struct pr_finding *f);
	void *ctx;
	uint64_t seq; /* of the frame that is being applied */
	bool procfs; /* it is a PROCFS execve */
	bool failed; /* memory ran out */
	struct pr_map records; /* id -> struct record *, owned */
	struct pr_map data; /* data id -> seq of its first frame */
	struct waiting *queue; /* a ring as the cache's; place p is at p & (cap - 1) */
	size_t queue_cap;
	uint64_t queued, popped; /* in all */
	struct oldest *heap;
	size_t heap_len, heap_cap;
};

const char *pr_finding_name(enum pr_finding_kind kind)
{
	static const char *const names[PR_FIND_KINDS] = {"below_zero", "evicted_referenced", "evicted_alive", "held_back", "leaked",
		"add_dropped", "clone_dropped", "cleared", "data_never_taken", "data_missing", "data_mismatch", "malformed"};

	return names[kind];
}

static void report(struct pr_auditor *a, struct pr_finding f)
{
	a->found(a->ctx, &f);
}

static struct record *record_of(const struct pr_auditor *a, struct pr_id id)
{
	struct pr_map_slot *s = pr_map_get(&a->records, id.pid, id.ktime);

	return s ? s->v.p : NULL;
}

static void forget(struct pr_auditor *a, struct pr_id id)
{
	free(record_of(a, id));
	pr_map_del(&a->records, id.pid, id.ktime);
}

static void forget_all(struct pr_auditor *a)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&a->records, &pos)))
		free(s->v.p);
	pr_map_release(&a->records);
}

/* ---- counts ------------------------------------------------------------------------------------------------------- */

static void on_added(void *ctx, const struct pr_entry *e)
{
	struct pr_auditor *a = ctx;
	struct record *r = a->failed ? NULL : calloc(1, sizeof(*r)); /* then nothing expires here: a record may be there already */
	struct pr_map_slot *s = r ? pr_map_put(&a->records, e->id.pid, e->id.ktime, NULL) : NULL;

	if (!s) {
		free(r);
		a->failed = true;
		return;
	}
	r->is_procfs = a->procfs;
	s->v.p = r;
}

static void on_add_dropped(void *ctx, const struct pr_entry *old)
{
	struct pr_auditor *a = ctx;

	report(a, (struct pr_finding){.kind = PR_FIND_ADD_DROPPED, .seq = a->seq, .at = a->seq, .has_id = true, .id = old->id});
}

static void on_inc(void *ctx, struct pr_id id, const struct pr_entry *e)
{
	struct pr_auditor *a = ctx;
	struct record *r = e ? record_of(a, id) : NULL;

	if (r)
		r->last_inc = a->seq;
}

static void on_dec(void *ctx, struct pr_id id, const struct pr_entry *e)
{
	struct pr_auditor *a = ctx;

	if (e && e->ref < 0)
		report(a, (struct pr_finding){.kind = PR_FIND_BELOW_ZERO, .seq = a->seq, .at = a->seq, .has_id = true, .id = id, .ref = e->ref});
}

static void on_clone_dropped(void *ctx, struct pr_id id, struct pr_id parent)
{
	struct pr_auditor *a = ctx;

	report(a, (struct pr_finding){.kind = PR_FIND_CLONE_DROPPED, .seq = a->seq, .at = a->seq, .has_id = true, .id = id, .parent = parent});
}

static void on_cleared(void *ctx, uint64_t entries)
{
	struct pr_auditor *a = ctx;

	forget_all(a);
	report(a, (struct pr_finding){.kind = PR_FIND_CLEARED, .seq = a->seq, .at = a->seq, .entries = entries});
}

/* ---- the queue ---------------------------------------------------------------------------------------------------- */

static bool queue_room(struct pr_auditor *a)
{
	size_t cap = a->queue_cap ? a->queue_cap * 2 : 64;
	struct waiting *q;

	if (a->queued - a->popped < a->queue_cap)
		return true;
	q = malloc(cap * sizeof(*q));
	if (!q)
		return false;
	for (uint64_t p = a->popped; p < a->queued; p++)
		q[p & (cap - 1)] = a->queue[p & (a->queue_cap - 1)];
	free(a->queue);
	a->queue = q;
	a->queue_cap = cap;
	return true;
}

static bool is_older(const struct oldest *a, const struct oldest *b)
{
	return a->time != b->time ? a->time < b->time : a->place < b->place;
}

static bool heap_push(struct pr_auditor *a, struct oldest o)
{
	size_t i = a->heap_len, cap = a->heap_cap ? a->heap_cap * 2 : 64;
	struct oldest *h;

	if (i == a->heap_cap) {
		h = realloc(a->heap, cap * sizeof(*h));
		if (!h)
			return false;
		a->heap = h;
		a->heap_cap = cap;
	}
	for (a->heap_len++; i && is_older(&o, &a->heap[(i - 1) / 2]); i = (i - 1) / 2)
		a->heap[i] = a->heap[(i - 1) / 2];
	a->heap[i] = o;
	return true;
}

static void heap_pop(struct pr_auditor *a)
{
	struct oldest last = a->heap[--a->heap_len];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < a->heap_len) {
		if (child + 1 < a->heap_len && is_older(&a->heap[child + 1], &a->heap[child]))
			child++;
		if (is_older(&last, &a->heap[child]))
			break;
		a->heap[i] = a->heap[child];
		i = child;
	}
	a->heap[i] = last;
}

static struct waiting *queue_at(const struct pr_auditor *a, uint64_t place)
{
	return &a->queue[place & (a->queue_cap - 1)];
}

static void on_queued(void *ctx, struct pr_id id, uint64_t time)
{
	struct pr_auditor *a = ctx;

	/* Once memory ran out records are missing, and places no longer match the cache's: everything after is void. */
	if (a->failed || !queue_room(a) || !heap_push(a, (struct oldest){(int64_t)time, a->queued})) {
		a->failed = true;
		return;
	}
	*queue_at(a, a->queued++) = (struct waiting){id, a->seq};
}

static void on_expired(void *ctx, struct pr_id id, uint64_t time, const struct pr_entry *e)
{
	struct pr_auditor *a = ctx;
	struct pr_finding f = {.at = a->seq, .has_id = true, .id = id};

	(void)time;
	if (a->failed)
		return;
	f.seq = queue_at(a, a->popped++)->seq;
	if (!e)
		return;
	f.ref = e->ref;
	f.kind = e->ref > 0 ? PR_FIND_EVICTED_REFERENCED : PR_FIND_EVICTED_ALIVE;
	if (e->ref > 0 || !record_of(a, id)->is_released)
		report(a, f);
	forget(a, id);
}

/* Whatever is still queued with a time up to the limit is held back by the head. Each is told once. */
static void on_expiry_done(void *ctx, int64_t limit)
{
	struct pr_auditor *a = ctx;

	while (!a->failed && a->heap_len && a->heap[0].time <= limit) {
		uint64_t place = a->heap[0].place;

		heap_pop(a);
		if (place < a->popped)
			continue;
		report(a, (struct pr_finding){.kind = PR_FIND_HELD_BACK,
				  .seq = queue_at(a, a->popped)->seq,
				  .at = a->seq,
				  .has_id = true,
				  .id = queue_at(a, place)->id});
	}
}

/* ---- data --------------------------------------------------------------------------------------------------------- */

static uint64_t first_frame_of(struct pr_auditor *a, const struct pr_data_item *item)
{
	struct pr_map_slot *s = pr_map_get(&a->data, item->id_pid, item->id_time);

	return s ? s->v.u : a->seq;
}

static void on_data_added(void *ctx, const struct pr_data_item *item)
{
	struct pr_auditor *a = ctx;
	struct pr_map_slot *s = pr_map_put(&a->data, item->id_pid, item->id_time, NULL);

	if (s)
		s->v.u = a->seq;
	else
		a->failed = true;
}

static void report_data(struct pr_auditor *a, enum pr_finding_kind kind, uint64_t seq, const struct pr_data_item *item)
{
	report(a, (struct pr_finding){.kind = kind,
			  .seq = seq,
			  .at = a->seq,
			  .has_data = true,
			  .data_pid = item->id_pid,
			  .data_time = item->id_time,
			  .data_bytes = item->len});
}

static void on_data_dropped(void *ctx, const struct pr_data_item *item)
{
	struct pr_auditor *a = ctx;

	report_data(a, PR_FIND_DATA_NEVER_TAKEN, first_frame_of(a, item), item);
	pr_map_del(&a->data, item->id_pid, item->id_time);
}

static void on_data_taken(void *ctx, const struct pr_desc *d, const struct pr_data_item *item, bool ok)
{
	struct pr_auditor *a = ctx;

	if (item)
		pr_map_del(&a->data, item->id_pid, item->id_time);
	if (!ok)
		report(a, (struct pr_finding){.kind = item ? PR_FIND_DATA_MISMATCH : PR_FIND_DATA_MISSING,
				  .seq = a->seq,
				  .at = a->seq,
				  .has_data = true,
				  .data_pid = d->id_pid,
				  .data_time = d->id_time,
				  .data_bytes = item ? item->len : 0,
				  .data_want = pr_desc_sent(d)});
}

/* ---- frames, and the end ------------------------------------------------------------------------------------------ */

static void release(struct pr_auditor *a, struct pr_id id)
{
	struct record *r = record_of(a, id);

	if (r)
		r->is_released = true;
}

void pr_auditor_before(struct pr_auditor *a, const struct pr_frame *f)
{
	struct pr_event ev;

	a->procfs = false;
	if (f->env_flags & (PR_ENV_META | PR_ENV_CONT))
		return;
	a->seq = f->seq;
	if ((f->env_flags & PR_ENV_RAW) || pr_decode(f->data, f->size, &ev, NULL))
		return;
	if (ev.op == PR_OP_EXIT)
		release(a, ev.exit.id);
	if (ev.op != PR_OP_EXECVE)
		return;
	a->procfs = ev.execve.flags & PR_EXEC_PROCFS;
	if (!a->procfs && ev.execve.cleanup.ktime)
		release(a, ev.execve.cleanup);
}

void pr_auditor_after(struct pr_auditor *a, const struct pr_applied *ap)
{
	if (ap->kind == PR_APPLIED_MALFORMED)
		report(a, (struct pr_finding){.kind = PR_FIND_MALFORMED, .seq = ap->seq, .at = ap->seq, .why = ap->why});
}

/*
 * References that entries of the cache hold on their parents: pid, ktime -> how many. Each entry has its record: memory did not
 * run out.
 */
static int count_children(struct pr_auditor *a, struct pr_entry **v, size_t n, struct pr_map *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct record *r = record_of(a, v[i]->id);
		struct pr_map_slot *s;

		if (r->is_released || r->is_procfs)
			continue;
		s = pr_map_put(out, v[i]->parent.pid, v[i]->parent.ktime, NULL);
		if (!s)
			return PR_ENOMEM;
		s->v.u++;
	}
	return PR_OK;
}

static int find_leaks(struct pr_auditor *a, const struct pr_replayer *rep)
{
	struct pr_map children = PR_MAP_INIT;
	struct pr_entry **v;
	size_t n;
	int err = pr_cache_sorted(&rep->cache, &v, &n);

	if (!err)
		err = count_children(a, v, n, &children);
	for (size_t i = 0; !err && i < n; i++) {
		const struct record *r = record_of(a, v[i]->id);
		struct pr_map_slot *s = pr_map_get(&children, v[i]->id.pid, v[i]->id.ktime);
		int64_t expected = (s ? (int64_t)s->v.u : 0) + !r->is_released;

		if (v[i]->ref > expected)
			report(a, (struct pr_finding){.kind = PR_FIND_LEAKED,
					  .seq = r->last_inc,
					  .at = a->seq,
					  .has_id = true,
					  .id = v[i]->id,
					  .ref = v[i]->ref,
					  .expected = expected});
	}
	free(v);
	pr_map_release(&children);
	return err;
}

int pr_auditor_end(struct pr_auditor *a, const struct pr_replayer *rep)
{
	int err;

	a->seq = rep->frames;
	err = a->failed ? PR_ENOMEM : find_leaks(a, rep);
	for (const struct pr_data_item *item = rep->data.first; !err && item; item = item->next)
		report_data(a, PR_FIND_DATA_NEVER_TAKEN, first_frame_of(a, item), item);
	return err;
}

int pr_auditor_new(struct pr_auditor **out, void (*found)(void *ctx, const struct pr_finding *f), void *ctx)
{
	struct pr_auditor *a = calloc(1, sizeof(*a));

	if (!a)
		return PR_ENOMEM;
	a->found = found;
	a->ctx = ctx;
	a->observer = (struct pr_observer){
		.ctx = a,
		.added = on_added,
		.add_dropped = on_add_dropped,
		.inc = on_inc,
		.dec = on_dec,
		.queued = on_queued,
		.expired = on_expired,
		.expiry_done = on_expiry_done,
		.cleared = on_cleared,
		.clone_dropped = on_clone_dropped,
		.data_added = on_data_added,
		.data_dropped = on_data_dropped,
		.data_taken = on_data_taken,
	};
	*out = a;
	return PR_OK;
}

void pr_auditor_free(struct pr_auditor *a)
{
	if (!a)
		return;
	forget_all(a);
	pr_map_release(&a->data);
	free(a->queue);
	free(a->heap);
	free(a);
}

const struct pr_observer *pr_auditor_observer(struct pr_auditor *a)
{
	return &a->observer;
}

/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * reparent.bpf.h: the new parents of the children that a process leaves.
 *
 * The kernel gives them away after the exit tracepoint, one thread at a time: children hang on the thread that made
 * them; when it ends they go to a thread of its process that does not end (nothing is told: the parent is the same), and
 * if all do, to another process. So what is told at the exit of the last thread is what the kernel is about to do, and
 * two things may come in between:
 *
 * - A thread that ended before, while others ended too, has given its children away already, or is just about to.
 *   Hence all threads are looked at, twice, because children may move from one to another meanwhile; and then those that
 *   the new parent got last, and before that those of who was to be it and ends too.
 * - The process that is to get them begins to end as well. Whoever is later notices: the giver looks again after it has
 *   told; the other one, when it ends, looks for what was promised to it.
 *
 * What was told of a child is in `live`: `ppid`. So nothing is told twice, and a list that changes under the walk does
 * no harm: whom `ppid` does not call a child of the process that ends is passed over.
 */
#ifndef PROCREC_BPF_REPARENT_H
#define PROCREC_BPF_REPARENT_H

#include "bpf/live.bpf.h"
#include "bpf/task.bpf.h"

#define PR_CHILDREN_MAX 1024
#define PR_THREADS_MAX 1024
#define PR_STEPS 32 /* of these walks in one function: the verifier follows every turn of a loop, and two short ones cost it less than a long one */
#define PR_OTHERS_MAX 128 /* children of others that stand behind ours at the new parent */
#define PR_REAPER_STEPS 64
#define PR_GIVERS 8 /* a power of two */
#define PR_REAPERS_MAX 4 /* that end one after another while orphans are promised to them */

struct reparent_record {
	struct pr_envelope env;
	struct pr_reparent m;
};

/* Beside PR_LIVE_*, never stored: other threads of the process end as well and are not gone. */
#define PR_LIVE_THREADS 0x80000000u

/* What the functions below share; they are global ones with scalar arguments, so that the verifier checks each once. */
struct orphans {
	struct pr_key from, to;
	__u64 told, fence;
	__u64 others; /* children of others, since the last of ours */
	__u64 last;   /* the child that was looked at last */
	__u64 given;  /* threads have given theirs away */
	struct reparent_record r;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2); /* 2 x CPUs, set by the loader */
	__type(key, __u32);
	__type(value, struct orphans);
} orphan_scratch SEC(".maps");

/* Who promised orphans to a process: the last ones on each CPU, any of their threads. Whoever is gone holds none any more. */
struct promise_key {
	__u32 pid, slot;
};
struct promise {
	__u64 n;
	__u64 giver[PR_GIVERS];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct promise_key);
	__type(value, struct promise);
} promises SEC(".maps");

#define OFFSET(member) bpf_core_field_offset(struct task_struct, member)

static __always_inline __u64 list_next(__u64 at)
{
	return (__u64)rd((struct list_head *)at, next);
}

/* Each of the functions called *_steps goes PR_STEPS on in a list, and returns where it stands then; 0: at its end. */

#define FOUND 1ull /* beside an address: this is it */

__attribute__((noinline)) __u64 alive_thread_steps(__u64 at, __u64 head)
{
	__u64 task;

	for (int i = 0; i < PR_STEPS && at && at != head; i++) {
		task = at - OFFSET(thread_node);
		if (!(rd((struct task_struct *)task, flags) & PF_EXITING))
			return task | FOUND;
		at = list_next(at);
	}
	return at == head ? 0 : at;
}

/* A thread of the process that does not end, or 0; as find_alive_thread() has it. */
__attribute__((noinline)) __u64 alive_thread(__u64 task)
{
	struct signal_struct *sig = rd((struct task_struct *)task, signal);
	__u64 head = (__u64)sig + bpf_core_field_offset(struct signal_struct, thread_head), at = list_next(head);

	for (int i = 0; i < PR_THREADS_MAX / PR_STEPS && at; i++) {
		at = alive_thread_steps(at, head);
		if (at & FOUND)
			return at & ~FOUND;
	}
	return 0;
}

/* The thread to which the kernel gives the children of a process that ends, as find_new_reaper() does; 0: none. */
__attribute__((noinline)) __u64 new_reaper(__u64 father)
{
	struct task_struct *task = (void *)father, *t = rd(task, real_parent);
	struct signal_struct *sig = rd(task, signal);
	__u32 level = rd(task, thread_pid, level);
	struct upid *upid;
	__u64 alive;

	if (BPF_CORE_READ_BITFIELD_PROBED(sig, has_child_subreaper)) {
		for (int i = 0; i < PR_REAPER_STEPS; i++) {
			if (!rd(t, tgid) || rd(t, thread_pid, level) != level)
				break;
			sig = rd(t, signal);
			alive = BPF_CORE_READ_BITFIELD_PROBED(sig, is_child_subreaper) ? alive_thread((__u64)t) : 0;
			if (alive)
				return alive;
			t = rd(t, real_parent);
		}
	}
	upid = pid_innermost(rd(task, thread_pid));
	return (__u64)rd(upid, ns, child_reaper);
}

/* Tells of one child, if `from` is what was last told as its parent. Returns whether it was. */
__attribute__((noinline)) int orphan_tell(__u64 child_, __u32 slot)
{
	struct task_struct *child = (void *)child_;
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	struct pr_bpf_counts *c = counts_get(slot >= cpus);
	__u32 tgid = rd(child, tgid);
	struct pr_bpf_live *v = live_get(tgid, rd(child, start_boottime));

	if (!o || !c || !v || v->ppid != o->from.pid) /* ended already, or somebody else's */
		return false;
	if (is_emitted(v)) {
		o->r.m.key.pid = tgid;
		o->r.m.key.ktime = v->ktime;
		o->r.m.old_parent = o->from;
		o->r.m.new_parent = o->to;
		common(&o->r.m.common, PR_OP_REPARENT, sizeof(o->r.m), bpf_ktime_get_boot_ns());
		envelope(c, &o->r.env, PR_STREAM_EXIT, sizeof(o->r.m));
		emit(c, &o->r, sizeof(o->r), PR_STREAM_EXIT, 1, o->r.m.common.ktime);
	}
	v->ppid = o->to.pid; /* after the frame: whoever tells more, tells it later */
	o->told++;
	return true;
}

__attribute__((noinline)) __u64 orphans_of_thread_steps(__u64 at, __u64 head, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);

	for (int i = 0; o && i < PR_STEPS && at && at != head; i++) {
		o->last = at - OFFSET(sibling);
		orphan_tell(o->last, slot);
		at = list_next(at);
	}
	return at == head ? 0 : at;
}

/* The children of one thread. */
__attribute__((noinline)) int orphans_of_thread(__u64 task, __u32 slot)
{
	__u64 head = task + OFFSET(children), at = list_next(head);
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	struct pr_bpf_counts *c = counts_get(slot >= cpus);
	struct task_struct *last;

	for (int i = 0; i < PR_CHILDREN_MAX / PR_STEPS && at; i++)
		at = orphans_of_thread_steps(at, head, slot);
	if (!at || !o || !c)
		return 0;
	last = (void *)o->last;
	/* Else they were given away under the walk, and it went round among the new parent's. */
	if (rd(last, real_parent, tgid) == rd((struct task_struct *)task, tgid))
		__sync_fetch_and_add(&c->reparent_cut, 1);
	return 0;
}

__attribute__((noinline)) __u64 orphans_of_process_steps(__u64 at, __u64 head, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	__u64 task;

	for (int i = 0; o && i < PR_STEPS && at && at != head; i++) {
		task = at - OFFSET(thread_node);
		orphans_of_thread(task, slot);
		o->given |= rd((struct task_struct *)task, exit_state);
		at = list_next(at);
	}
	return at == head ? 0 : at;
}

/* The children of all threads of a process. */
__attribute__((noinline)) int orphans_of_process(__u64 task, __u32 slot)
{
	struct signal_struct *sig = rd((struct task_struct *)task, signal);
	__u64 head = (__u64)sig + bpf_core_field_offset(struct signal_struct, thread_head), at = list_next(head);

	for (int i = 0; i < PR_THREADS_MAX / PR_STEPS && at; i++)
		at = orphans_of_process_steps(at, head, slot);
	return 0;
}

/* The process that ends may still have what it now promises to `pid`. */
__attribute__((noinline)) int promise(__u32 pid, __u64 giver, __u32 slot)
{
	struct promise_key key = {.pid = pid, .slot = slot};
	struct promise *p = bpf_map_lookup_elem(&promises, &key), none = {};

	if (!p) {
		bpf_map_update_elem(&promises, &key, &none, BPF_ANY);
		p = bpf_map_lookup_elem(&promises, &key);
	}
	if (p)
		p->giver[p->n++ & (PR_GIVERS - 1)] = giver;
	return 0;
}

/* Those that were promised to the process that ends, on one CPU, and are with their givers yet. */
__attribute__((noinline)) int orphans_promised_on(__u32 pid, __u32 on, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	struct promise_key key = {.pid = pid, .slot = on};
	struct promise *p = bpf_map_lookup_elem(&promises, &key);
	__u64 told, giver;

	for (int i = 0; o && p && i < PR_GIVERS; i++) {
		giver = p->giver[i];
		told = o->told;
		if (giver)
			orphans_of_process(giver, slot);
		if (o->told != told)
			promise(o->to.pid, giver, slot);
	}
	return 0;
}

/* A function calls others eight deep at most: this one is part of its caller. */
static __always_inline void orphans_promised(__u32 pid, __u32 slot)
{
	for (__u32 on = 0; on < 2 * cpus; on++)
		orphans_promised_on(pid, on, slot);
}

__attribute__((noinline)) __u64 orphans_given_steps(__u64 at, __u64 head, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);

	for (int i = 0; o && i < PR_STEPS && at && at != head; i++) {
		o->others = orphan_tell(at - OFFSET(sibling), slot) ? 0 : o->others + 1;
		at = o->others < PR_OTHERS_MAX ? (__u64)rd((struct list_head *)at, prev) : head;
	}
	return at == head ? 0 : at;
}

/* Those that the new parent has already: its last children. */
__attribute__((noinline)) int orphans_given(__u64 reaper, __u32 slot)
{
	__u64 head = reaper + OFFSET(children), at = (__u64)rd((struct list_head *)head, prev);
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);

	if (!o)
		return 0;
	o->others = 0;
	for (int i = 0; i < PR_CHILDREN_MAX / PR_STEPS && at; i++)
		at = orphans_given_steps(at, head, slot);
	return 0;
}

/*
 * Those that are with a process which got them from threads that ended before, and which ends as well by now: where it has begun to before
 * anything was told of them, it took them for somebody else's. All that it has moves on at once, the process that ends among it, whose
 * parent it is until then.
 */
__attribute__((noinline)) int orphans_on_the_way(__u64 task, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	struct task_struct *t = rd((struct task_struct *)task, real_parent);

	for (int i = 0; o && i < PR_REAPERS_MAX && rd(t, tgid) && rd(t, tgid) != o->to.pid; i++) {
		if (rd(t, flags) & PF_EXITING)
			orphans_of_process((__u64)t, slot);
		t = rd(t, real_parent);
	}
	return 0;
}

/* One look at everything that may hold children of the process, whose threads all end. `flags` are PR_LIVE_*. */
__attribute__((noinline)) int orphans_tell(__u64 task, __u64 reaper, __u32 flags, __u32 slot)
{
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);

	if (!o)
		return 0;
	o->given = flags & (PR_LIVE_SPLIT | PR_LIVE_REAPER);
	if (flags & (PR_LIVE_SPLIT | PR_LIVE_THREADS)) {
		orphans_of_process(task, slot);
		orphans_of_process(task, slot);
	} else {
		orphans_of_thread(task, slot);
	}
	if (flags & PR_LIVE_REAPER)
		orphans_promised((__u32)rd((struct task_struct *)task, tgid), slot);
	if (o->given) {
		orphans_on_the_way(task, slot);
		orphans_given(reaper, slot);
	}
	return 0;
}

/* A thread that is not the last one. */
static __always_inline int reparent_later(struct task_struct *task, __u32 tgid, __u64 start)
{
	__u64 head = (__u64)task + OFFSET(children);
	struct pr_bpf_live *v;

	if (list_next(head) != head) {
		v = live_get(tgid, start);
		if (v)
			v->flags |= PR_LIVE_SPLIT;
	}
	return 0;
}

/*
 * The orphans of a process, at its last thread, the current task. `flags` are those of its entry in `live`, which is not
 * there any more.
 */
static __always_inline void reparent(const struct pr_key *key, __u32 flags, __u32 instance)
{
	__u64 task = bpf_get_current_task(); /* a number, which functions can be given; the tracepoint's is a typed pointer */
	__u64 head = task + OFFSET(children), reaper;
	__u32 slot = slot_of(instance);
	struct orphans *o = bpf_map_lookup_elem(&orphan_scratch, &slot);
	struct pr_bpf_live *v;

	if (rd((struct task_struct *)task, signal, nr_threads) > 1) /* some end with it */
		flags |= PR_LIVE_THREADS;
	if (!o || (!(flags & (PR_LIVE_SPLIT | PR_LIVE_THREADS | PR_LIVE_REAPER)) && list_next(head) == head))
		return;
	o->from = *key;
	o->told = 0;
	reaper = new_reaper(task);
	for (int i = 0; i < PR_REAPERS_MAX && reaper; i++) {
		key_of((void *)reaper, &o->to);
		v = live_get(o->to.pid, rd((struct task_struct *)reaper, group_leader, start_boottime));
		if (v)
			v->flags |= PR_LIVE_REAPER;
		promise(o->to.pid, task, slot);
		orphans_tell(task, reaper, flags, slot);
		if (!o->told)
			return;
		__sync_fetch_and_add(&o->fence, 1); /* what was told is seen before the reaper is looked at again */
		reaper = new_reaper(task);
		if (rd((struct task_struct *)reaper, tgid) == o->to.pid)
			return;
		o->from = o->to;
	}
}

#endif

/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* exit.bpf.h: the end of a process, once, at its last thread; and the new parents of the children that it leaves. */
#ifndef PROCREC_BPF_EXIT_H
#define PROCREC_BPF_EXIT_H

#include "bpf/exec.bpf.h"

#define PR_CHILDREN_MAX 1024
#define PR_REAPER_STEPS 64

const volatile bool has_group_dead = false; /* the tracepoint says which thread is the last: since 6.16 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set by the loader */
	__type(key, __u32);
	__type(value, struct execve_record);
} exit_scratch SEC(".maps");

/* The process to which the kernel will give the children of `father`, all threads of which end; as find_new_reaper()
 * does. */
static __always_inline struct task_struct *new_reaper(struct task_struct *father)
{
	struct pid *pid = rd(father, thread_pid);
	struct upid *upid;
	__u32 level = rd(pid, level);
	struct task_struct *t = rd(father, real_parent);
	struct signal_struct *sig = rd(father, signal);

	if (BPF_CORE_READ_BITFIELD_PROBED(sig, has_child_subreaper)) {
		for (int i = 0; i < PR_REAPER_STEPS; i++) {
			if (!rd(t, tgid) || rd(t, thread_pid, level) != level)
				break;
			sig = rd(t, signal);
			if (BPF_CORE_READ_BITFIELD_PROBED(sig, is_child_subreaper) && rd(sig, live.counter))
				return t;
			t = rd(t, real_parent);
		}
	}
	upid = pid_innermost(pid);
	return rd(upid, ns, child_reaper);
}

struct reparent_record {
	struct pr_envelope env;
	struct pr_reparent m;
};

/* One child gets a new parent. A global function, so that the verifier does not go through it a thousand times. */
__attribute__((noinline)) int reparent_one(
	__u64 child_, __u32 old_pid_and_instance, __u64 old_ktime, __u32 new_pid, __u64 new_ktime)
{
	struct task_struct *child = (void *)child_;
	struct pr_bpf_counts *c = counts_get(old_pid_and_instance >> 31);
	struct reparent_record r = {};
	__u32 tgid = rd(child, tgid);
	struct pr_bpf_live *v = live_get(tgid, rd(child, start_boottime));

	if (!c || !v || !is_emitted(v)) /* ended already, or of no interest */
		return 0;
	r.m.key.pid = tgid;
	r.m.key.ktime = v->ktime;
	r.m.old_parent = (struct pr_key){.pid = old_pid_and_instance & 0x7fffffff, .ktime = old_ktime};
	r.m.new_parent = (struct pr_key){.pid = new_pid, .ktime = new_ktime};
	common(&r.m.common, PR_OP_REPARENT, sizeof(r.m), bpf_ktime_get_boot_ns());
	envelope(c, &r.env, PR_STREAM_EXIT, sizeof(r.m));
	emit(c, &r, sizeof(r), PR_STREAM_EXIT, 1, r.m.common.ktime);
	return 0;
}

/* Children hang on the thread that made them; those of threads that went earlier have moved to one that still lived. */
static __always_inline void reparent(
	struct pr_bpf_counts *c, struct task_struct *task, struct pr_key *old, __u32 instance)
{
	__u64 head = (__u64)task + bpf_core_field_offset(struct task_struct, children);
	__u64 at = (__u64)rd(task, children.next), in_task = bpf_core_field_offset(struct task_struct, sibling);
	struct pr_key to;

	if (at == head || !at)
		return;
	key_of(new_reaper(task), &to);
	for (int i = 0; i < PR_CHILDREN_MAX; i++) {
		if (at == head || !at)
			return;
		reparent_one(at - in_task, old->pid | instance << 31, old->ktime, to.pid, to.ktime);
		at = (__u64)rd((struct list_head *)at, next);
	}
	__sync_fetch_and_add(&c->reparent_cut, 1);
}

struct exit_record {
	struct pr_envelope info_env;
	struct pr_exit_info info;
	struct pr_envelope env;
	struct pr_msg_exit m;
};

/* EXIT_INFO goes with it only where it tells something: another parent than the creator. */
static __always_inline void exit_emit(
	struct pr_bpf_counts *c, struct task_struct *task, const struct pr_bpf_live *was, const struct pr_key *key)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct exit_record r = {};

	r.m.current = *key;
	r.m.code = task_exit_code(task);
	r.m.tid = rd(task, pid);
	common(&r.m.common, PR_OP_EXIT, sizeof(r.m), now);
	r.info.ppid = rd(task, group_leader, real_parent, tgid);
	if (r.info.ppid != was->parent.pid) {
		r.info.key = *key;
		r.info.start = was->start;
		common(&r.info.common, PR_OP_EXIT_INFO, sizeof(r.info), now);
		envelope(c, &r.info_env, PR_STREAM_EXIT, sizeof(r.info));
		envelope(c, &r.env, PR_STREAM_EXIT, sizeof(r.m));
		emit(c, &r, sizeof(r), PR_STREAM_EXIT, 2, now);
	} else {
		envelope(c, &r.env, PR_STREAM_EXIT, sizeof(r.m));
		emit(c, &r.env, sizeof(r.env) + sizeof(r.m), PR_STREAM_EXIT, 1, now);
	}
}

/*
 * Whether this call is the one that tells the end of its process. Where the tracepoint does not say which thread is the
 * last, several may take themselves for it: then the first to claim it is. A process that has one thread left and is
 * still in `live` has no rival; one that is not there may have lost its entry to a rival that is already gone. The
 * entry of a process that was met late proves nothing: the iterator may have put it in after its end was told.
 */
static __always_inline bool exit_is_ours(struct task_struct *task, const struct pr_bpf_live *was, bool held)
{
	if (has_group_dead ? !(was->flags & PR_LIVE_WALKED) : held && rd(task, signal, nr_threads) == 1)
		return true;
	return claim_late(rd(task, tgid), was->start, CLAIM_END);
}

/* The start of a process whose clone was not seen, if neither the iterator nor an exec told of it. */
static __always_inline void exit_begin(
	struct pr_bpf_counts *c, struct task_struct *task, struct pr_bpf_live *was, __u32 instance)
{
	__u32 slot = slot_of(instance), tgid = rd(task, tgid);
	struct execve_record *r = bpf_map_lookup_elem(&exit_scratch, &slot);
	struct pr_key first = {.pid = tgid, .ktime = was->start};

	if (!r || !(was->flags & PR_LIVE_WALKED) || (was->flags & PR_LIVE_TOLD))
		return;
	if (is_old(was->start) && claim(tgid, was->start, CLAIM_BEGIN))
		emit_unknown(r, c, rd(task, group_leader), &first, &was->parent, PR_STREAM_EXIT, true);
}

static __always_inline int on_exit(struct task_struct *task, bool last, __u32 instance)
{
	struct task_struct *leader = rd(task, group_leader);
	struct pr_key key = {.pid = rd(task, tgid), .ktime = rd(leader, start_boottime)};
	struct pr_bpf_counts *c = counts_get(instance);
	struct pr_bpf_live *v, was = {};

	if (!c || !last)
		return 0;
	v = live_get(key.pid, key.ktime);
	if (instance && !v) /* done, as a rule; else unknown, and to stay so */
		return 0;
	c->rescued[PR_STREAM_EXIT] += instance;
	if (v) {
		was = *v;
		key.ktime = was.ktime;
	} else {
		was.start = key.ktime;
		was.flags = PR_LIVE_WALKED;
		key_of(rd(leader, real_parent), &was.parent);
	}
	if (exit_is_ours(task, &was, v)) {
		bpf_map_delete_elem(&live, &key.pid);
		if (is_emitted(&was)) {
			exit_begin(c, task, &was, instance);
			exit_emit(c, task, &was, &key);
		}
	}
	reparent(c, task, &key, instance);
	return 0;
}

/* For a tracepoint that does not say it: the count of threads that live is lowered before it. */
static __always_inline bool is_last(struct task_struct *task)
{
	return !rd(task, signal, live.counter);
}

#endif

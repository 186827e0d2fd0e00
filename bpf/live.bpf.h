/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * live.bpf.h: the map of live processes: who a process is now, and who created it.
 *
 * It is what makes "exactly once" hold: a process enters by whoever meets it first (clone, exec, iterator) and leaves by
 * the one exit that succeeds in deleting it. It costs memory for those that live only (no preallocation); the loader gives it
 * room for pid_max. A process that it does not hold has the identity (tgid, start time), which every observer finds alike.
 */
#ifndef PROCREC_BPF_LIVE_H
#define PROCREC_BPF_LIVE_H

#include "bpf/emit.bpf.h"

const volatile bool only_tree = false;
__u32 root_tgid = 0; /* with only_tree: set by user space */
__u32 stopped = 0; /* set by user space: one instant after which no program does anything */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct pr_bpf_live);
} live SEC(".maps");

/* The entry of a process, unless it is that of an earlier process with its pid. */
static __always_inline struct pr_bpf_live *live_get(__u32 tgid, __u64 start)
{
	struct pr_bpf_live *v = bpf_map_lookup_elem(&live, &tgid);

	return v && v->start == start ? v : 0;
}

/* Puts a process in; false: it is there already (with NOEXIST) or there was no room, which is counted. */
static __always_inline bool live_put(__u32 tgid, struct pr_bpf_live *v, __u64 how)
{
	long err = bpf_map_update_elem(&live, &tgid, v, how);
	struct pr_bpf_counts *c;

	if (err && !(how == BPF_NOEXIST && err == -17 /* EEXIST */)) {
		c = counts_get();
		if (c)
			__sync_fetch_and_add(&c->map_full, 1);
	}
	return !err;
}

/* The identity of the process that a task belongs to; the idle task's is (0, 1) by convention. */
static __always_inline void key_of(struct task_struct *task, struct pr_key *key)
{
	struct task_struct *leader = rd(task, group_leader);
	struct pr_bpf_live *v;

	key->pid = rd(leader, tgid);
	key->pad = 0;
	key->ktime = rd(leader, start_boottime);
	v = live_get(key->pid, key->ktime);
	if (v)
		key->ktime = v->ktime;
	if (!key->pid)
		key->ktime = 1;
}

static __always_inline bool is_emitted(const struct pr_bpf_live *v)
{
	return !only_tree || (v && (v->flags & PR_LIVE_TRACKED));
}

#endif

/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * live.bpf.h: the map of live processes: who a process is now, and who created it.
 *
 * A process enters by whoever meets it first (clone, exec, iterator) and leaves by the one exit that succeeds in
 * deleting it. What was alive before the start is told exactly once, too: by whoever claims it (see claims). It costs
 * memory for those that live only (no preallocation); the loader gives it room for pid_max. A process that it does not
 * hold has the identity (tgid, start time), which every observer finds alike.
 */
#ifndef PROCREC_BPF_LIVE_H
#define PROCREC_BPF_LIVE_H

#include "bpf/emit.bpf.h"

const volatile bool only_tree = false;
__u32 root_tgid = 0; /* with only_tree: set by user space */
__u32 stopped = 0;   /* set by user space: one instant after which no program does anything */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct pr_bpf_live);
} live SEC(".maps");

/*
 * Of a process that no clone frame tells of, several observers may notice that it is there, or that it ended: whoever
 * puts the entry in here tells, the others do not. Entries stay; there is at most one pair for each process that was
 * alive at the start.
 */
enum { CLAIM_BEGIN, CLAIM_END };

struct claim_key {
	__u64 start;
	__u32 tgid;
	__u32 what;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536); /* twice as many as `live`, set by the loader */
	__type(key, struct claim_key);
	__type(value, __u32);
} claims SEC(".maps");

/*
 * For claims that are settled at once (ends of processes with several threads), and for when `claims` is full, which
 * only processes that `live` had no room for can bring about.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct claim_key);
	__type(value, __u32);
} late_claims SEC(".maps");

/* From this time on every clone is seen; 0: not everything is attached yet. Set by user space. */
__u64 attached_ns = 0;

__u32 live_was_full = 0; /* from then on an absent entry says nothing */

static __always_inline bool claim_late(__u32 tgid, __u64 start, __u32 what)
{
	struct claim_key key = {.start = start, .tgid = tgid, .what = what};
	__u32 one = 1;

	return !bpf_map_update_elem(&late_claims, &key, &one, BPF_NOEXIST);
}

static __always_inline bool claim(__u32 tgid, __u64 start, __u32 what)
{
	struct claim_key key = {.start = start, .tgid = tgid, .what = what};
	__u32 one = 1;
	long err = bpf_map_update_elem(&claims, &key, &one, BPF_NOEXIST);

	if (err && err != -17 /* EEXIST */)
		return claim_late(tgid, start, what);
	return !err;
}

/* Whether the clone of a process with this start may have been missed. */
static __always_inline bool is_old(__u64 start)
{
	return !attached_ns || start < attached_ns;
}

/* The entry of a process, unless it is that of an earlier process with its pid. */
static __always_inline struct pr_bpf_live *live_get(__u32 tgid, __u64 start)
{
	struct pr_bpf_live *v = bpf_map_lookup_elem(&live, &tgid);

	return v && v->start == start ? v : 0;
}

/* Puts a process in. No room for it is counted. */
static __always_inline void live_put(__u32 tgid, struct pr_bpf_live *v, __u64 how)
{
	long err = bpf_map_update_elem(&live, &tgid, v, how);
	struct pr_bpf_counts *c;

	if (err && !(how == BPF_NOEXIST && err == -17 /* EEXIST */)) {
		c = counts_get(0);
		if (c)
			__sync_fetch_and_add(&c->map_full, 1);
		live_was_full = 1;
	}
}

/*
 * A process becomes the next image. In its entry itself: a new one in its place would have to be allocated, which may
 * fail, and would undo what others wrote into the old one meanwhile. Who looks at it from another CPU sees one image or
 * the other: what tells them apart is `ktime` alone.
 */
static __always_inline void live_turn(struct pr_bpf_live *v, __u64 ktime, __u32 exec_id)
{
	v->ktime = ktime;
	v->exec_id = exec_id;
	v->flags &= ~PR_LIVE_SCANNED;
	if ((v->flags & (PR_LIVE_WALKED | PR_LIVE_TOLD)) == PR_LIVE_WALKED)
		v->flags |= PR_LIVE_TOLD;
}

/* Whether it has execed since its clone, as far as that was seen. */
static __always_inline bool live_has_execed(const struct pr_bpf_live *v)
{
	return (v->flags & PR_LIVE_EXECED) || v->ktime != v->start;
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

/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * clone.bpf.h: a new process, seen by its creator before it runs for the first time (so even a vfork child's frames
 * follow its clone's).
 */
#ifndef PROCREC_BPF_CLONE_H
#define PROCREC_BPF_CLONE_H

#include "bpf/live.bpf.h"
#include "bpf/task.bpf.h"

struct clone_record {
	struct pr_envelope info_env;
	struct pr_clone_info info;
	struct pr_envelope env;
	struct pr_msg_clone m;
};

static __always_inline void clone_emit(
	struct pr_bpf_counts *c, struct task_struct *child, const struct pr_bpf_live *is, __u64 clone_flags)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct clone_record r = {};

	r.m.tgid = rd(child, tgid);
	r.m.tid = r.m.tgid;
	r.m.nspid = task_nspid(child);
	r.m.flags = is->flags & PR_LIVE_WALKED ? PR_EXEC_TASK_WALK : 0;
	r.m.ktime = is->start;
	r.m.parent = is->parent;
	r.info.key.pid = r.m.tgid;
	r.info.key.ktime = is->start;
	r.info.clone_flags = clone_flags | (rd(child, exit_signal) & 255); /* the kernel has it apart */
	r.info.creator_tid = bpf_get_current_pid_tgid();
	r.info.ppid = is->ppid;
	task_groups(child, &r.info.sid, &r.info.pgid);
	common(&r.info.common, PR_OP_CLONE_INFO, sizeof(r.info), now);
	common(&r.m.common, PR_OP_CLONE, sizeof(r.m), now);
	envelope(c, &r.info_env, PR_STREAM_CLONE, sizeof(r.info));
	envelope(c, &r.env, PR_STREAM_CLONE, sizeof(r.m));
	emit(c, &r, sizeof(r), PR_STREAM_CLONE, 2, now);
}

static __always_inline int on_clone(struct task_struct *child, __u64 clone_flags, __u32 instance)
{
	struct task_struct *self = (void *)bpf_get_current_task();
	struct pr_bpf_live is = {}, *creator;
	struct pr_bpf_counts *c = counts_get(instance);
	__u32 tgid = rd(child, tgid);

	if (!c || !tgid || rd(child, pid) != tgid)
		return 0;
	is.start = is.ktime = rd(child, start_boottime);
	if (instance && (live_was_full || live_get(tgid, is.start)))
		return 0;
	c->rescued[PR_STREAM_CLONE] += instance;
	/* One that began while we attached: the iterator may have found it before this. Then its record stands for the
	 * clone. */
	if (is_old(is.start) && !claim(tgid, is.start, CLAIM_BEGIN))
		return 0;
	key_of(self, &is.parent);
	creator = bpf_map_lookup_elem(&live, &is.parent.pid);
	if (creator && creator->ktime == is.parent.ktime)
		is.flags = creator->flags & PR_LIVE_TRACKED;
	is.ppid = rd(child, real_parent, tgid);
	live_put(tgid, &is, BPF_ANY);
	if (is_emitted(&is))
		clone_emit(c, child, &is, clone_flags);
	return 0;
}

#endif

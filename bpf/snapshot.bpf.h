/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * snapshot.bpf.h: the processes alive at the start, by a task iterator: one struct pr_snap each (snapshot.h).
 *
 * Exactly once: whoever claims a process (live.bpf.h) tells of it: this scan, or the exec or exit that came first.
 */
#ifndef PROCREC_BPF_SNAPSHOT_BPF_H
#define PROCREC_BPF_SNAPSHOT_BPF_H

#include "bpf/live.bpf.h"
#include "bpf/path.bpf.h"
#include "bpf/task.bpf.h"

const volatile __u32 snap_slot = 1; /* the iterator's place in `scratch` */
__u32 snap_again = 0;               /* also those that an earlier scan told of; set by user space */
__u32 scan = 0;                     /* number of this scan, from 1; set by user space */

static __always_inline void snap_fill(struct scratch *s, struct task_struct *task, const struct pr_bpf_live *v)
{
	struct pr_snap *r = &s->snap;
	struct kernfs_node *kn = task_cgroup(task);
	struct upid *upid = task_upid(task);
	struct inode *inode = rd(task, mm, exe_file, f_inode);
	__u32 walked, off, flags = rd(task, flags);

	__builtin_memset(r, 0, sizeof(*r));
	r->flags = (flags & PF_KTHREAD ? PR_SNAP_KTHREAD : 0) | (live_has_execed(v) ? 0 : PR_SNAP_NOEXEC) |
		   (!only_tree || v->flags & PR_LIVE_TRACKED ? PR_SNAP_TRACKED : 0);
	r->key = (struct pr_key){.pid = rd(task, tgid), .ktime = v->ktime};
	r->parent = v->parent;
	r->start = v->start;
	r->cgroup_id = rd(kn, id);
	r->i_ino = inode ? rd(inode, i_ino) : 0;
	r->i_nlink = inode ? rd(inode, i_nlink) : 0;
	r->nspid = rd(upid, nr);
	if (!task_auid(task, &r->auid))
		r->flags |= PR_SNAP_NO_AUID;
	r->ppid = rd(task, real_parent, tgid);
	task_groups(task, &r->sid, &r->pgid);
	r->tty = task_tty(task);
	task_creds(task, &r->creds);
	task_namespaces(task, upid, r->creds.user_ns_inum, &r->ns);
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), &task->comm);
	bpf_probe_read_kernel_str(r->docker_id, sizeof(r->docker_id), rd(kn, name));
	walked = cgroup_walk(snap_slot, (__u64)kn);
	off = walked & (2 * PR_PATH_MAX - 1);
	r->cgroup_len = off < PR_PATH_MAX ? PR_PATH_MAX - off : 0;
	r->size = sizeof(*r) + r->cgroup_len;
}

static __always_inline void snap_write(struct scratch *s, struct seq_file *seq)
{
	__u32 len = s->snap.cgroup_len, off = PR_PATH_MAX - len;

	bpf_seq_write(seq, &s->snap, sizeof(s->snap));
	opaque(off);
	opaque(len);
	if (len)
		bpf_seq_write(seq, s->path + (off & (PR_PATH_MAX - 1)), len & (PR_PATH_MAX - 1));
}

/*
 * The identity of a process that nobody has told of yet, which is put into `live`. False: somebody has, or it has
 * ended; or its clone is sure to be seen, as it began after everything was attached.
 */
static __always_inline bool snap_claim(struct task_struct *task, __u32 tgid, struct pr_bpf_live *is)
{
	struct pr_bpf_live *stale;

	is->ktime = is->start = rd(task, start_boottime);
	if (!rd(task, signal, live.counter) || !is_old(is->start) || !claim(tgid, is->start, CLAIM_BEGIN))
		return false;
	is->flags = PR_LIVE_WALKED | PR_LIVE_TOLD | PR_LIVE_SCANNED | (rd(task, flags) & PF_FORKNOEXEC ? 0 : PR_LIVE_EXECED);
	if (only_tree && tgid == root_tgid)
		is->flags |= PR_LIVE_TRACKED;
	key_of(rd(task, real_parent), &is->parent);
	is->ppid = is->parent.pid;
	stale = bpf_map_lookup_elem(&live, &tgid);
	if (stale && stale->start != is->start)
		bpf_map_delete_elem(&live, &tgid);
	live_put(tgid, is,
		BPF_NOEXIST); /* it is there where an exec came in between: that exec's frame tells the rest */
	if (!rd(task, signal, live.counter))
		bpf_map_delete_elem(&live, &tgid); /* its exit may have come before the entry; it does not need it */
	return true;
}

/*
 * Looks at one process, and tells of it if that is still to be done. Again, too, of those alone whose image no frame in
 * the ring tells of: two frames for one image would be two answers to what it is.
 */
static __always_inline void snap_visit(struct scratch *s, struct seq_file *seq, struct task_struct *task)
{
	__u32 tgid = rd(task, tgid);
	struct pr_bpf_live *v = live_get(tgid, rd(task, start_boottime)), is = {};
	bool held = v;

	if (held && (!snap_again || !(v->flags & PR_LIVE_SCANNED) || v->scan == scan))
		return;
	if (held)
		is = *v;
	else if (!snap_claim(task, tgid, &is))
		return;
	snap_fill(s, task, &is);
	v = live_get(tgid, is.start);
	if (v)
		v->scan = scan;
	snap_write(s, seq);
}

/*
 * When the kernel's read buffer overflows it throws away what this call wrote and calls again later. A claim could not
 * be taken back; so nothing is begun unless there is room for two records of any size. Else the overflow is brought
 * about at once.
 *
 * The parent is looked at first: some kernels keep processes (pid 1 for one) out of the iterator's sight, and a chain
 * of ancestors must not break there.
 */
static __always_inline int on_task(struct seq_file *seq, struct task_struct *task)
{
	struct scratch *s = scratch_get(snap_slot);
	struct task_struct *parent = rd(task, real_parent, group_leader);

	if (!s || rd(task, pid) != rd(task, tgid))
		return 0;
	if (rd(seq, size) - rd(seq, count) <= 2 * (sizeof(struct pr_snap) + PR_PATH_MAX)) {
		bpf_seq_write(seq, s->items, sizeof(s->items));
		return 0;
	}
	if (rd(parent, tgid))
		snap_visit(s, seq, parent);
	snap_visit(s, seq, task);
	return 0;
}

#endif

/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * snapshot.bpf.h: the processes alive at the start, by a task iterator: one struct pr_snap each (snapshot.h).
 *
 * Exactly once: whoever puts a process into `live` tells of it. A process that ends while it is looked at is told of by its exit, unless
 * that found the entry put in here. A record that did not fit into the kernel's read buffer is asked for again by the kernel: the
 * entry is marked as untold until then.
 */
#ifndef PROCREC_BPF_SNAPSHOT_BPF_H
#define PROCREC_BPF_SNAPSHOT_BPF_H

#include "bpf/live.bpf.h"
#include "bpf/path.bpf.h"
#include "bpf/task.bpf.h"

const volatile __u32 snap_slot = 1; /* the iterator's place in `scratch` */
__u32 snap_all = 0; /* also those that are held; set by user space */
__u32 scan = 0; /* number of this scan, from 1; set by user space */

static __always_inline void snap_fill(struct scratch *s, struct task_struct *task, const struct pr_bpf_live *v)
{
	struct pr_snap *r = &s->snap;
	struct kernfs_node *kn = task_cgroup(task);
	struct inode *inode = rd(task, mm, exe_file, f_inode);
	__u32 walked, off, flags = rd(task, flags);

	__builtin_memset(r, 0, sizeof(*r));
	r->flags = (flags & PF_KTHREAD ? PR_SNAP_KTHREAD : 0) | (v->flags & PR_LIVE_EXECED ? 0 : PR_SNAP_NOEXEC) |
		   (!only_tree || v->flags & PR_LIVE_TRACKED ? PR_SNAP_TRACKED : 0);
	r->key = (struct pr_key){.pid = rd(task, tgid), .ktime = v->ktime};
	r->parent = v->parent;
	r->start = v->start;
	r->cgroup_id = rd(kn, id);
	r->i_ino = inode ? rd(inode, i_ino) : 0;
	r->i_nlink = inode ? rd(inode, i_nlink) : 0;
	r->nspid = task_nspid(task);
	if (!task_auid(task, &r->auid))
		r->flags |= PR_SNAP_NO_AUID;
	r->ppid = rd(task, real_parent, tgid);
	r->sid = task_group(task, PIDTYPE_SID);
	r->pgid = task_group(task, PIDTYPE_PGID);
	r->tty = task_tty(task);
	task_creds(task, &r->creds);
	task_namespaces(task, &r->ns);
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), &task->comm);
	bpf_probe_read_kernel_str(r->docker_id, sizeof(r->docker_id), rd(kn, name));
	walked = cgroup_walk(snap_slot, (__u64)kn);
	off = walked & (2 * PR_PATH_MAX - 1);
	r->cgroup_len = off < PR_PATH_MAX ? PR_PATH_MAX - off : 0;
	r->size = sizeof(*r) + r->cgroup_len;
}

static __always_inline bool snap_write(struct scratch *s, struct seq_file *seq)
{
	__u32 len = s->snap.cgroup_len, off = PR_PATH_MAX - len;

	if (bpf_seq_write(seq, &s->snap, sizeof(s->snap)))
		return false;
	opaque(off);
	opaque(len);
	return !len || !bpf_seq_write(seq, s->path + (off & (PR_PATH_MAX - 1)), len & (PR_PATH_MAX - 1));
}

/* Puts the process in; false: it is there already, or has ended. */
static __always_inline bool snap_claim(struct task_struct *task, __u32 tgid, struct pr_bpf_live *is)
{
	is->ktime = is->start = rd(task, start_boottime);
	is->flags = PR_LIVE_WALKED | (rd(task, flags) & PF_FORKNOEXEC ? 0 : PR_LIVE_EXECED);
	if (only_tree && tgid == root_tgid)
		is->flags |= PR_LIVE_TRACKED;
	key_of(rd(task, real_parent), &is->parent);
	if (!rd(task, signal, live.counter) || !live_put(tgid, is, BPF_NOEXIST))
		return false;
	/*
	 * If its last thread went meanwhile, its exit may have come before the entry (and told all itself) or after (and relied
	 * on the record). Taking the entry out again settles it: it is still there only in the first case, or if the exit is still to
	 * come, which then tells all.
	 */
	return rd(task, signal, live.counter) || bpf_map_delete_elem(&live, &tgid);
}

enum { SNAP_WROTE = 1, SNAP_HELD = 2, SNAP_FAILED = 4 };

/* Looks at one process. Returns 0 (nothing to tell), or what was done, SNAP_*. */
static __always_inline int snap_visit(struct scratch *s, struct seq_file *seq, struct task_struct *task)
{
	__u32 tgid = rd(task, tgid);
	struct pr_bpf_live *v = live_get(tgid, rd(task, start_boottime)), is = {};
	bool held = v && !(v->flags & PR_LIVE_UNTOLD);

	if (held && (!snap_all || v->scan == scan))
		return 0;
	if (v)
		is = *v;
	else if (!snap_claim(task, tgid, &is))
		return 0;
	snap_fill(s, task, &is);
	if (held)
		s->snap.flags |= PR_SNAP_HELD;
	v = live_get(tgid, is.start);
	if (v) {
		v->scan = scan;
		v->flags &= ~PR_LIVE_UNTOLD;
	}
	return (snap_write(s, seq) ? SNAP_WROTE : SNAP_FAILED) | (held ? SNAP_HELD : 0);
}

/* The kernel throws away what a call wrote that ran out of room, and calls again: so nothing was told. */
static __always_inline void snap_undo(struct task_struct *task, int done)
{
	struct pr_bpf_live *v = done ? live_get(rd(task, tgid), rd(task, start_boottime)) : 0;

	if (!v)
		return;
	v->scan = 0;
	if (!(done & SNAP_HELD))
		v->flags |= PR_LIVE_UNTOLD;
}

/*
 * The parent is looked at first: some kernels keep processes (pid 1 for one) out of the iterator's sight, and a chain of ancestors must not
 * break there.
 */
static __always_inline int on_task(struct seq_file *seq, struct task_struct *task)
{
	struct scratch *s = scratch_get(snap_slot);
	struct task_struct *parent = rd(task, real_parent, group_leader);
	int up = 0, self;

	if (!s || rd(task, pid) != rd(task, tgid))
		return 0;
	if (rd(parent, tgid))
		up = snap_visit(s, seq, parent);
	self = up & SNAP_FAILED ? 0 : snap_visit(s, seq, task);
	if ((up | self) & SNAP_FAILED) {
		snap_undo(parent, up);
		snap_undo(task, self);
	}
	return 0;
}

#endif

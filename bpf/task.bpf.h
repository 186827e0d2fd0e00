/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* task.bpf.h: from a task_struct to the fields of the frames. Each function reads, and writes where it is told; no
 * maps. */
#ifndef PROCREC_BPF_TASK_H
#define PROCREC_BPF_TASK_H

#include "bpf/kernel.bpf.h"
#include "schema/frame.h"

static __always_inline void task_creds(struct task_struct *task, struct pr_creds *out)
{
	const struct cred *cred = rd(task, real_cred);
	struct user_namespace *user_ns = rd(cred, user_ns);

	out->uid = rd(cred, uid.val);
	out->gid = rd(cred, gid.val);
	out->suid = rd(cred, suid.val);
	out->sgid = rd(cred, sgid.val);
	out->euid = rd(cred, euid.val);
	out->egid = rd(cred, egid.val);
	out->fsuid = rd(cred, fsuid.val);
	out->fsgid = rd(cred, fsgid.val);
	out->securebits = rd(cred, securebits);
	out->pad = 0;
	/* By address: the type has two layouts of the same 8 bytes. */
	bpf_core_read(&out->permitted, 8, &cred->cap_permitted);
	bpf_core_read(&out->effective, 8, &cred->cap_effective);
	bpf_core_read(&out->inheritable, 8, &cred->cap_inheritable);
	out->user_ns_level = rd(user_ns, level);
	out->user_ns_uid = rd(user_ns, owner.val);
	out->user_ns_gid = rd(user_ns, group.val);
	out->user_ns_inum = rd(user_ns, ns.inum);
}

/* The pid namespace is the one that the process lives in, the innermost level of its struct pid. */
static __always_inline struct upid *pid_innermost(struct pid *pid)
{
	return (void *)pid + bpf_core_field_offset(pid->numbers) + rd(pid, level) * bpf_core_type_size(struct upid);
}

static __always_inline void task_namespaces(struct task_struct *task, struct pr_namespaces *out)
{
	struct nsproxy *p = rd(task, nsproxy); /* NULL in a task that is past exit_task_namespaces() */
	struct upid *upid = pid_innermost(rd(task, thread_pid));

	out->uts = rd(p, uts_ns, ns.inum);
	out->ipc = rd(p, ipc_ns, ns.inum);
	out->mnt = rd(p, mnt_ns, ns.inum);
	out->pid_for_children = rd(p, pid_ns_for_children, ns.inum);
	out->net = rd(p, net_ns, ns.inum);
	out->time = rd(p, time_ns, ns.inum);
	out->time_for_children = rd(p, time_ns_for_children, ns.inum);
	out->cgroup = rd(p, cgroup_ns, ns.inum);
	out->pid = rd(upid, ns, ns.inum);
	out->user = rd(task, real_cred, user_ns, ns.inum);
}

static __always_inline __u32 task_nspid(struct task_struct *task)
{
	struct upid *upid = pid_innermost(rd(task, thread_pid));

	return rd(upid, nr);
}

/* Session or process group, as a pid of the initial namespace; 0: none. */
static __always_inline __u32 task_group(struct task_struct *task, int type)
{
	struct signal_struct *sig = rd(task, signal);
	struct pid *pid = 0;

	bpf_core_read(&pid, sizeof(pid), &sig->pids[type]);
	return pid ? rd(pid, numbers[0].nr) : 0;
}

static __always_inline __u32 task_tty(struct task_struct *task)
{
	struct tty_struct *tty = rd(task, signal, tty);

	return tty ? (__u32)rd(tty, driver, major) << 20 | (rd(tty, driver, minor_start) + rd(tty, index)) : 0;
}

/* The login uid; false: this kernel keeps none. */
static __always_inline bool task_auid(struct task_struct *task, __u32 *out)
{
	struct task_struct___audit *t = (void *)task;

	if (!bpf_core_field_exists(t->loginuid)) {
		*out = 0xffffffff;
		return false;
	}
	*out = rd(t, loginuid.val);
	return true;
}

/* The status that wait(2) reports of the process: the group's where it was ended as a whole, else the leader's. */
static __always_inline __u32 task_exit_code(struct task_struct *task)
{
	struct signal_struct *sig = rd(task, signal);

	return rd(sig, flags) & SIGNAL_GROUP_EXIT ? rd(sig, group_exit_code) : rd(task, group_leader, exit_code);
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___plain *old = (void *)kn;
	struct kernfs_node___rcu *rcu = (void *)kn;

	return bpf_core_field_exists(rcu->__parent) ? rd(rcu, __parent) : rd(old, parent);
}

/* The cgroup under one v1 controller, or 0 where that is the root or the controller is absent. */
#define CGROUP_OF(set, controller)                                                                                     \
	({                                                                                                             \
		struct cgroup_subsys_state *_css = 0;                                                                  \
		struct kernfs_node *_kn = 0;                                                                           \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller)) {                                   \
			bpf_probe_read_kernel(&_css, sizeof(_css),                                                     \
				(void *)(set) + bpf_core_field_offset((set)->subsys) +                                 \
					8 * bpf_core_enum_value(enum cgroup_subsys_id, controller));                   \
			_kn = rd(_css, cgroup, kn);                                                                    \
		}                                                                                                      \
		_kn &&kernfs_parent(_kn) ? _kn : 0;                                                                    \
	})

/*
 * The cgroup that tells most: the v2 hierarchy's, unless the process stands in its root (as on hosts that use v1);
 * then the first v1 controller of pids, memory, cpuset, cpu that has one below its root; else the v2 root.
 */
static __always_inline struct kernfs_node *task_cgroup(struct task_struct *task)
{
	struct css_set *set = rd(task, cgroups);
	struct kernfs_node *root = rd(set, dfl_cgrp, kn), *kn = root;

	if (kn && kernfs_parent(kn))
		return kn;
	kn = CGROUP_OF(set, pids_cgrp_id);
	if (!kn)
		kn = CGROUP_OF(set, memory_cgrp_id);
	if (!kn)
		kn = CGROUP_OF(set, cpuset_cgrp_id);
	if (!kn)
		kn = CGROUP_OF(set, cpu_cgrp_id);
	return kn ? kn : root;
}

/*
 * What an exec gained, from what it left behind: the old credentials are gone by now. The kernel's own notion of setuid
 * is "effective differs from real" (cap_bprm_creds_from_file); permitted beyond ambient without root comes from the
 * file.
 */
static __always_inline __u32 task_secureexec(
	struct linux_binprm *bprm, struct task_struct *task, const struct pr_creds *c)
{
	__u32 mode = rd(bprm, file, f_inode, i_mode), out = 0;
	const struct cred *cred = rd(task, real_cred);
	__u64 ambient = 0;

	if (!BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		return 0;
	if ((mode & S_ISUID) && c->euid != c->uid)
		out |= PR_SECURE_SETUID | (c->euid ? 0 : PR_SECURE_SETUID_ROOT);
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && c->egid != c->gid)
		out |= PR_SECURE_SETGID | (c->egid ? 0 : PR_SECURE_SETGID_ROOT);
	bpf_core_read(&ambient, 8, &cred->cap_ambient);
	if (c->uid && c->euid && (c->permitted & ~ambient))
		out |= PR_SECURE_FILECAPS;
	return out;
}

#endif

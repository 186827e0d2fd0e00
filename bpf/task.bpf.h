/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * task.bpf.h: from a task_struct to the fields of the frames. Each function reads, and writes where it is told; no
 * maps.
 *
 * Each read of kernel memory is a call, which the process pays for in which the program runs. So what stands together
 * is read at once, where it does on this kernel: offsets are known when the program is loaded, and the way that is not
 * taken is no part of it then.
 */
#ifndef PROCREC_BPF_TASK_H
#define PROCREC_BPF_TASK_H

#include "bpf/kernel.bpf.h"
#include "schema/frame.h"

/* Whether member b stands `bytes` behind member a, on the kernel that runs. */
#define APART(type, a, b, bytes) (bpf_core_field_offset(type, b) - bpf_core_field_offset(type, a) == (bytes))

#define CREDS_BYTES 64 /* from uid to cap_effective, and some room: what lies beyond is read by itself */

/* A member of a cred of which CREDS_BYTES from uid on are at `raw`. */
#define CRED_AT(member) (bpf_core_field_offset(struct cred, member) - bpf_core_field_offset(struct cred, uid))
#define CRED_CAP(to, cred, raw, member)                                                    \
	do { /* by address: the type has two layouts of the same 8 bytes */                \
		if (CRED_AT(member) <= CREDS_BYTES - 8 && !(CRED_AT(member) & 7))          \
			(to) = *(__u64 *)((void *)(raw) + CRED_AT(member));                \
		else                                                                       \
			bpf_core_read(&(to), 8, &(cred)->member);                          \
	} while (0)

/* The ids and securebits, in the order of the frame, which is the kernel's own unless it was built to shuffle them. */
static __always_inline void task_ids(const struct cred *cred, const __u64 *raw, struct pr_creds *out)
{
	if (APART(struct cred, uid, gid, 4) && APART(struct cred, uid, suid, 8) && APART(struct cred, uid, sgid, 12) &&
		APART(struct cred, uid, euid, 16) && APART(struct cred, uid, egid, 20) &&
		APART(struct cred, uid, fsuid, 24) && APART(struct cred, uid, fsgid, 28) &&
		APART(struct cred, uid, securebits, 32)) {
		__builtin_memcpy(out, raw, 36);
		return;
	}
	out->uid = rd(cred, uid.val);
	out->gid = rd(cred, gid.val);
	out->suid = rd(cred, suid.val);
	out->sgid = rd(cred, sgid.val);
	out->euid = rd(cred, euid.val);
	out->egid = rd(cred, egid.val);
	out->fsuid = rd(cred, fsuid.val);
	out->fsgid = rd(cred, fsgid.val);
	out->securebits = rd(cred, securebits);
}

static __always_inline void task_creds(struct task_struct *task, struct pr_creds *out)
{
	const struct cred *cred = rd(task, real_cred);
	struct user_namespace *user_ns = rd(cred, user_ns);
	__u64 raw[CREDS_BYTES / 8];

	bpf_probe_read_kernel(raw, sizeof(raw), (void *)cred + bpf_core_field_offset(struct cred, uid));
	task_ids(cred, raw, out);
	out->pad = 0;
	CRED_CAP(out->permitted, cred, raw, cap_permitted);
	CRED_CAP(out->effective, cred, raw, cap_effective);
	CRED_CAP(out->inheritable, cred, raw, cap_inheritable);
	out->user_ns_level = rd(user_ns, level);
	out->user_ns_uid = rd(user_ns, owner.val);
	out->user_ns_gid = rd(user_ns, group.val);
	out->user_ns_inum = rd(user_ns, ns.inum);
}

/* The innermost level of a struct pid. */
static __always_inline struct upid *pid_innermost(struct pid *pid)
{
	return (void *)pid + bpf_core_field_offset(pid->numbers) + rd(pid, level) * bpf_core_type_size(struct upid);
}

#define NSPROXY_BYTES 80 /* a count and eight pointers, and some room */

/* The namespace's number, by its pointer in an nsproxy of which NSPROXY_BYTES are at `raw`. */
#define NS_INUM(p, raw, member)                                                                         \
	({                                                                                              \
		typeof((p)->member) _ns;                                                                \
		if (bpf_core_field_offset(struct nsproxy, member) <= NSPROXY_BYTES - 8)                 \
			_ns = *(void **)((void *)(raw) + bpf_core_field_offset(struct nsproxy, member)); \
		else                                                                                    \
			_ns = rd(p, member);                                                            \
		rd(_ns, ns.inum);                                                                       \
	})

/* user: of its credentials, which are asked for anyway. The pid namespace is the one that the process lives in. */
static __always_inline void task_namespaces(
	struct task_struct *task, struct upid *upid, __u32 user, struct pr_namespaces *out)
{
	struct nsproxy *p = rd(task, nsproxy); /* NULL in a task that is past exit_task_namespaces(): then all are 0 */
	__u64 raw[NSPROXY_BYTES / 8];

	bpf_probe_read_kernel(raw, sizeof(raw), p);
	out->uts = NS_INUM(p, raw, uts_ns);
	out->ipc = NS_INUM(p, raw, ipc_ns);
	out->mnt = NS_INUM(p, raw, mnt_ns);
	out->pid_for_children = NS_INUM(p, raw, pid_ns_for_children);
	out->net = NS_INUM(p, raw, net_ns);
	out->time = NS_INUM(p, raw, time_ns);
	out->time_for_children = NS_INUM(p, raw, time_ns_for_children);
	out->cgroup = NS_INUM(p, raw, cgroup_ns);
	out->pid = rd(upid, ns, ns.inum);
	out->user = user;
}

static __always_inline struct upid *task_upid(struct task_struct *task)
{
	return pid_innermost(rd(task, thread_pid));
}

static __always_inline __u32 task_nspid(struct task_struct *task)
{
	struct upid *upid = task_upid(task);

	return rd(upid, nr);
}

/* Session and process group, as pids of the initial namespace; 0: none. */
static __always_inline void task_groups(struct task_struct *task, __u32 *sid, __u32 *pgid)
{
	struct signal_struct *sig = rd(task, signal);
	struct pid *pids[PIDTYPE_SID + 1] = {};

	bpf_core_read(pids, sizeof(pids), &sig->pids);
	*sid = pids[PIDTYPE_SID] ? rd(pids[PIDTYPE_SID], numbers[0].nr) : 0;
	*pgid = pids[PIDTYPE_PGID] ? rd(pids[PIDTYPE_PGID], numbers[0].nr) : 0;
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

/* The cgroup under one v1 controller, or 0 where that is the root, or v2's `top`, or the controller is absent. */
#define CGROUP_OF(set, controller, top)                                                                                \
	({                                                                                                             \
		struct cgroup_subsys_state *_css = 0;                                                                  \
		struct cgroup *_cgrp;                                                                                  \
		struct kernfs_node *_kn = 0;                                                                           \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller)) {                                   \
			bpf_probe_read_kernel(&_css, sizeof(_css),                                                     \
				(void *)(set) + bpf_core_field_offset((set)->subsys) +                                 \
					8 * bpf_core_enum_value(enum cgroup_subsys_id, controller));                   \
			_cgrp = rd(_css, cgroup);                                                                      \
			_kn = _cgrp == (top) ? 0 : rd(_cgrp, kn);                                                      \
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
	struct cgroup *top = rd(set, dfl_cgrp);
	struct kernfs_node *root = rd(top, kn), *kn = root;

	if (kn && kernfs_parent(kn))
		return kn;
	kn = CGROUP_OF(set, pids_cgrp_id, top);
	if (!kn)
		kn = CGROUP_OF(set, memory_cgrp_id, top);
	if (!kn)
		kn = CGROUP_OF(set, cpuset_cgrp_id, top);
	if (!kn)
		kn = CGROUP_OF(set, cpu_cgrp_id, top);
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

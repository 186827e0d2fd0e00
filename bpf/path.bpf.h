/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * path.bpf.h: names of files and cgroups, walked from the leaf to the root into scratch->path, from its end downward.
 *
 * The loops are in global functions with scalar arguments: the verifier then checks each of them once, not once per
 * call, and the thousands of steps that a path may take fit into its budget on every kernel.
 *
 * Paths are as d_path() gives them to the process itself (below its root, across mounts), without " (deleted)". A file
 * without a place (memfd, pipe) is "/" and its name.
 */
#ifndef PROCREC_BPF_PATH_H
#define PROCREC_BPF_PATH_H

#include "bpf/scratch.bpf.h"

#define PR_PATH_STEPS 2112 /* components of a path of PR_PATH_MAX bytes, and some mounts */
#define PR_CGROUP_STEPS 256
#define PR_WALK_STEPS 16 /* in one function: the verifier follows every turn of a loop */
#define PR_PATH_CUT (1u << 16) /* in a walk's result: the front did not fit */

/* Puts "/name" before what is there; returns the new offset, or `off` itself when there is no room. */
static __always_inline __u32 path_prepend(struct scratch *s, __u32 off, const void *name, __u32 len)
{
	__u32 at;

	len &= 255; /* NAME_MAX */
	at = off - len - 1;
	if (at >= PR_PATH_MAX)
		return off;
	opaque(at);
	opaque(len);
	s->path[at & (PR_PATH_MAX - 1)] = '/';
	bpf_probe_read_kernel(s->path + (at & (PR_PATH_MAX - 1)) + 1, len & 255, name);
	return at;
}

/* What a step wants of a dentry. */
struct dentry_view {
	struct dentry *parent;
	const void *name;
	__u32 len;
};

#define DENTRY_AT(member) \
	(bpf_core_field_offset(struct dentry, member) - bpf_core_field_offset(struct dentry, d_parent))

/* At once where the three stand together, as they do unless the kernel was built to shuffle them. */
static __always_inline void dentry_read(struct dentry *dentry, struct dentry_view *v)
{
	__u64 raw[3];

	if (DENTRY_AT(d_name.name) <= 16 && DENTRY_AT(d_name.len) <= 20) {
		bpf_probe_read_kernel(raw, sizeof(raw), &dentry->d_parent);
		v->parent = (void *)raw[0];
		v->name = *(void **)((void *)raw + DENTRY_AT(d_name.name));
		v->len = *(__u32 *)((void *)raw + DENTRY_AT(d_name.len));
		return;
	}
	v->parent = rd(dentry, d_parent);
	v->name = rd(dentry, d_name.name);
	v->len = rd(dentry, d_name.len);
}

/* Up to PR_WALK_STEPS steps towards the root; 0: not there yet. */
__attribute__((noinline)) int path_steps(__u32 slot)
{
	struct dentry *dentry, *top;
	struct dentry_view v;
	struct scratch *s = scratch_get(slot);
	struct mount *mnt, *up;
	struct walk *w;
	__u32 at;

	if (!s)
		return 1;
	w = &s->walk;
	dentry = (void *)w->dentry;
	mnt = (void *)w->mnt;
	top = rd(mnt, mnt.mnt_root);
	for (int i = 0; i < PR_WALK_STEPS; i++) {
		if (((__u64)dentry ^ w->root_dentry) == 0 && ((__u64)mnt ^ w->root_mnt) == 0)
			return 1;
		if (dentry == top) {
			up = rd(mnt, mnt_parent);
			if (up == mnt)
				return 1;
			dentry = rd(mnt, mnt_mountpoint);
			mnt = up;
			top = rd(mnt, mnt.mnt_root);
			continue;
		}
		dentry_read(dentry, &v);
		at = path_prepend(s, w->off, v.name, v.len);
		if (at == w->off) {
			w->off |= PR_PATH_CUT;
			return 1;
		}
		w->off = at;
		if (v.parent == dentry)
			return 1;
		dentry = v.parent;
	}
	w->dentry = (__u64)dentry;
	w->mnt = (__u64)mnt;
	return 0;
}

/*
 * The path of (dentry, vfsmount) below the task's root. Returns the offset in scratch->path at which it begins
 * (PR_PATH_MAX: it is
 * "/"), with PR_PATH_CUT or'ed in when it is longer than PR_PATH_MAX.
 */
static __always_inline __u32 path_of(struct scratch *s, __u32 slot, struct task_struct *task, struct path *path)
{
	struct fs_struct *fs = rd(task, fs);
	__u64 in_mount = bpf_core_field_offset(struct mount, mnt);

	s->walk.dentry = (__u64)rd(path, dentry);
	s->walk.mnt = (__u64)rd(path, mnt) - in_mount;
	s->walk.root_dentry = (__u64)rd(fs, root.dentry);
	s->walk.root_mnt = (__u64)rd(fs, root.mnt) - in_mount;
	s->walk.off = PR_PATH_MAX;
	for (int i = 0; i < PR_PATH_STEPS / PR_WALK_STEPS; i++)
		if (path_steps(slot))
			return s->walk.off;
	return s->walk.off | PR_PATH_CUT;
}

/* Up to PR_WALK_STEPS steps towards the root of a cgroup hierarchy; 0: not there yet. */
__attribute__((noinline)) int cgroup_steps(__u32 slot)
{
	struct scratch *s = scratch_get(slot);
	struct kernfs_node *kn, *parent;
	struct walk *w;
	__u32 at;
	long len;

	if (!s)
		return 1;
	w = &s->walk;
	kn = (void *)w->dentry;
	for (int i = 0; i < PR_WALK_STEPS; i++) {
		parent = kernfs_parent(kn);
		if (!parent)
			return 1;
		/* Kernfs keeps no length: the name is read once into the free place behind the path to measure it. */
		len = bpf_probe_read_kernel_str(s->path + PR_PATH_MAX, 256, rd(kn, name));
		at = len > 0 ? path_prepend(s, w->off, s->path + PR_PATH_MAX, len - 1) : w->off;
		if (at == w->off) {
			w->off |= PR_PATH_CUT;
			return 1;
		}
		w->off = at;
		kn = parent;
	}
	w->dentry = (__u64)kn;
	return 0;
}

/* The path of a cgroup below its hierarchy's root; result as above. */
__attribute__((noinline)) __u32 cgroup_walk(__u32 slot, __u64 kn)
{
	struct scratch *s = scratch_get(slot);

	if (!s)
		return PR_PATH_MAX;
	if (!kn)
		return PR_PATH_MAX | PR_PATH_CUT;
	s->walk.dentry = kn;
	s->walk.off = PR_PATH_MAX;
	for (int i = 0; i < PR_CGROUP_STEPS / PR_WALK_STEPS; i++)
		if (cgroup_steps(slot))
			return s->walk.off;
	return s->walk.off | PR_PATH_CUT;
}

/* The walked path as an item. */
static __always_inline __u32 item_put_path(struct scratch *s, __u32 pos, __u16 type, __u32 walked)
{
	__u32 off = walked & (2 * PR_PATH_MAX - 1);

	if (off > PR_PATH_MAX)
		return pos;
	return item_put(s, pos, walked & PR_PATH_CUT ? type | PR_ITEM_CUT : type, s->path + off, PR_PATH_MAX - off);
}

#endif

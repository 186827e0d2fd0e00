/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * kernel.bpf.h: the kernel's types, only those members that are read. Every access is relocated by CO-RE against the
 * running kernel's BTF, so offsets, sizes and order here mean nothing; names do. What differs among kernels is declared
 * as a flavour (name___what), and a helper near its use picks the one that exists.
 */
#ifndef PROCREC_BPF_KERNEL_H
#define PROCREC_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef short __s16;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32, __wsum;
typedef _Bool bool;
#define true 1
#define false 0

/* UAPI, from linux/bpf.h, which cannot be included without the host's headers. */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6 };
enum { BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};
typedef struct {
	int counter;
} atomic_t;
typedef struct {
	__u32 val;
} kuid_t;
typedef struct {
	__u64 val; /* before 6.3: u32 cap[2]; the same 8 bytes on little-endian machines */
} kernel_cap_t;

struct ns_common {
	__u32 inum;
};
#define NAMESPACE(name)              \
	struct name {                \
		struct ns_common ns; \
	}
NAMESPACE(uts_namespace);
NAMESPACE(ipc_namespace);
NAMESPACE(mnt_namespace);
NAMESPACE(net);
NAMESPACE(time_namespace);
NAMESPACE(cgroup_namespace);
struct task_struct;
struct pid_namespace {
	struct ns_common ns;
	struct task_struct *child_reaper;
};
struct user_namespace {
	int level;
	kuid_t owner;
	kuid_t group;
	struct ns_common ns;
};
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

struct cred {
	kuid_t uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_ambient;
	struct user_namespace *user_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct tty_driver {
	int major;
	int minor_start;
};
struct tty_struct {
	struct tty_driver *driver;
	int index;
};
struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	unsigned int is_child_subreaper : 1;
	unsigned int has_child_subreaper : 1;
	struct pid *pids[4];
	struct tty_struct *tty;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};
struct inode {
	__u16 i_mode;
	unsigned int i_nlink;
	unsigned long i_ino;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
};
struct fs_struct {
	struct path root;
	struct path pwd;
};
struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
};
struct linux_binprm {
	unsigned int secureexec : 1;
	struct file *file;
	int argc, envc;
	const char *filename;
	const char *interp;
	const char *fdpath;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};
struct kernfs_node___plain { /* up to 6.14 */
	struct kernfs_node *parent;
};
struct kernfs_node___rcu { /* since 6.15 (741c10b096bc) */
	struct kernfs_node *__parent;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	unsigned int flags;
	int exit_state;
	int exit_code;
	int exit_signal;
	__u32 self_exec_id;
	__u32 pid, tgid; /* int in the kernel, never negative */
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct list_head children;
	struct list_head sibling;
	struct list_head thread_node;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	const struct cred *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
};
struct task_struct___audit { /* CONFIG_AUDIT */
	kuid_t loginuid;
};

struct seq_file {
	unsigned long size;
	unsigned long count;
};
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#endif

#pragma clang attribute pop

/* Which of these a kernel has, and their values, are asked of its BTF. */
enum cgroup_subsys_id { cpuset_cgrp_id, cpu_cgrp_id, memory_cgrp_id, pids_cgrp_id };

#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define PF_EXITING 0x00000004
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x4
#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010

#define rd(src, ...) BPF_CORE_READ(src, ##__VA_ARGS__)

/*
 * A string of user memory: its length with the NUL, or negative. Kernels before 6.3 or so report 0 for the empty string, not 1
 * (strncpy_from_user_nofault counted the NUL only after a character).
 */
static __always_inline long read_user_str(void *to, __u32 size, __u64 from)
{
	long len = bpf_probe_read_user_str(to, size, (void *)from);

	return len == 0 ? 1 : len;
}

/* Keeps the compiler from proving a mask needless: the verifier does not see the compiler's proof. */
#define opaque(x) asm volatile("" : "+r"(x))

#endif

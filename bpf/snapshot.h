/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * snapshot.h: what the task iterator writes for each process that it finds, shared by bpf/ and recorder/.
 *
 * Not a wire format: native byte order, never stored. Records stand back to back in what read(2) of the iterator
 * returns:
 *
 *   struct pr_snap (fixed) | cgroup path (cgroup_len bytes, not terminated)
 *
 * The record gives what only the kernel knows exactly (start time in ns, keys, credentials, namespaces). User space
 * adds command line, path of the executable and cwd from procfs. The same process is written once only, however the
 * scan races with exec, fork and exit: the record belongs to whoever put the process into the kernel-side map first.
 * Paths of deleted files are given without " (deleted)", as the exec program gives them too; i_nlink == 0 tells it.
 */
#ifndef PROCREC_BPF_SNAPSHOT_H
#define PROCREC_BPF_SNAPSHOT_H

#include "schema/frame.h"

#define PR_SNAP_KTHREAD 0x1u  /* a kernel thread: no command line, executable or cwd */
#define PR_SNAP_NOEXEC 0x2u   /* forked and never execed: its image is its creator's */
#define PR_SNAP_TRACKED 0x4u  /* belongs to the tree that is recorded; always set when the whole machine is */
#define PR_SNAP_NO_AUID 0x8u /* the kernel has no login uid (auid is 0xffffffff) */

#define PR_SNAP_CGROUP_MAX 4095u

struct pr_snap {
	pr_u32 size;          /* of the whole record, this struct included */
	pr_u32 flags;         /* PR_SNAP_* */
	struct pr_key key;    /* identity now: start time, or the time of its last exec where that was recorded */
	struct pr_key parent; /* the kernel parent's identity */
	pr_u64 start;         /* start time, CLOCK_BOOTTIME ns */
	pr_u64 cgroup_id;
	pr_u64 i_ino; /* of the executable; 0: none */
	pr_u32 i_nlink;
	pr_u32 nspid; /* pid in its own pid namespace */
	pr_u32 auid;
	pr_u32 ppid;           /* kernel parent (real_parent's tgid) */
	pr_u32 sid, pgid, tty; /* as in pr_exec_info */
	pr_u32 cgroup_len;     /* bytes of the cgroup path that follow; 0: the root cgroup */
	struct pr_creds creds;
	struct pr_namespaces ns;
	char comm[16];       /* NUL-terminated */
	char docker_id[128]; /* name of the leaf cgroup, NUL-terminated; empty: the root */
};

#endif

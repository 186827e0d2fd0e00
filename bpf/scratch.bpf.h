/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * scratch.bpf.h: where records of varying size are built before they go into the ring.
 *
 * The exec record is EXEC_INFO (fixed part, then items) followed by EXECVE. The items' size is not known at first, so
 * they are put before one another, downward from the place where the execve frame stands; the header goes on top at the
 * end:
 *
 *     items[ ............ hdr | item n .. item 1 ] execve: envelope | frame | strings
 *                         ^pos                   ^PR_ITEMS_END
 *
 * One slot per CPU and instance for the exec program, and one more for the iterator, which runs once at a time. An
 * array and not a per-CPU one, as those hold 32 KiB at most.
 */
#ifndef PROCREC_BPF_SCRATCH_H
#define PROCREC_BPF_SCRATCH_H

#include "bpf/emit.bpf.h"
#include "bpf/snapshot.h"

#define PR_ITEMS_END 32768u
#define PR_PATH_MAX 4096u

struct execve_record {
	struct pr_envelope env;
	struct pr_msg_execve m;
	__u8 strings[2048]; /* PR_EXEC_STRINGS_MAX are used; the rest lets masked offsets stay inside */
};

struct info_record {
	struct pr_envelope env;
	struct pr_exec_info m;
};

struct walk { /* a path walk between two calls of path_steps() */
	__u64 dentry, mnt, root_dentry, root_mnt;
	__u32 off; /* the path so far begins there in scratch->path; may have PR_PATH_CUT or'ed in */
};

/*
 * What is known of the record that is being built. In map memory and not on the stack, because older verifiers (up
 * to 6.3) tell apart every constant that a stack slot may hold, and would follow each combination of flags and sizes on
 * its own.
 */
struct build {
	__u64 now;
	__u32 pos;   /* items begin here */
	__u32 n;     /* bytes in strings */
	__u32 flags; /* process.flags */
	__u32 args_bytes;
	__u32 slot;
};

struct scratch {
	__u8 items[PR_ITEMS_END];
	struct execve_record exec;
	__u8 path[PR_PATH_MAX + 256]; /* a walk fills it from PR_PATH_MAX downward */
	struct pr_envelope data_env;
	struct pr_msg_data data;
	__u8 payload[PR_ITEMS_END];
	struct pr_snap snap;
	struct walk walk;
	struct build build;
	struct info_record info; /* built aligned here, then put on top of the items */
	struct pr_data_desc desc;
	struct pr_bpf_live was;
	struct pr_bpf_live is;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3); /* 2 x CPUs + 1, set by the loader */
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/* Puts an item before those that are there. Returns the new position; the old one where there is no room. */
static __always_inline __u32 item_put(struct scratch *s, __u32 pos, __u16 type, const void *from, __u32 len)
{
	struct pr_item head = {.type = type, .len = len};
	__u32 at = pos - len - sizeof(head);

	if (len > PR_PATH_MAX || at >= PR_ITEMS_END)
		return pos;
	opaque(at);
	opaque(len);
	bpf_probe_read_kernel(s->items + (at & (PR_ITEMS_END - 1)), sizeof(head), &head);
	bpf_probe_read_kernel(s->items + (at & (PR_ITEMS_END - 1)) + sizeof(head), len & (2 * PR_PATH_MAX - 1), from);
	return at;
}

#endif

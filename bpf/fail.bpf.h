/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * fail.bpf.h: execs that return an error. Loaded only on request, as it runs at the end of every system call.
 *
 * The call has failed, so the caller's memory still has its strings, and the saved registers still point at them. What
 * is not resident (a string that neither the caller nor the kernel has looked at) cannot be read here: its item is empty
 * and marked as cut.
 * 32-bit callers on a 64-bit kernel are not seen (their numbers mean other calls).
 */
#ifndef PROCREC_BPF_FAIL_H
#define PROCREC_BPF_FAIL_H

#include "bpf/live.bpf.h"

#define FAIL_ARGS 256 /* arguments that are read at most */
#define FAIL_ARGS_BYTES 4096u

struct fail_record {
	struct pr_envelope env;
	struct pr_exec_fail m;
	__u8 items[32768]; /* 3 strings of 4 KiB are the most; the rest lets masked offsets stay inside */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set by the loader when it is used */
	__type(key, __u32);
	__type(value, struct fail_record);
} fail_scratch SEC(".maps");

struct fail_call {
	__u64 filename, argv;
};

#if defined(__TARGET_ARCH_x86)
static __always_inline bool fail_call_get(struct pt_regs *regs, struct fail_call *call)
{
	__u64 nr = rd(regs, orig_ax);

	call->filename = nr == 59 ? rd(regs, di) : rd(regs, si);
	call->argv = nr == 59 ? rd(regs, si) : rd(regs, dx);
	return nr == 59 || nr == 322; /* execve, execveat */
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline bool fail_call_get(struct pt_regs *regs, struct fail_call *call)
{
	__s32 nr = rd(regs, syscallno);

	call->filename = nr == 221 ? rd(regs, orig_x0) : rd(regs, regs[1]);
	call->argv = nr == 221 ? rd(regs, regs[1]) : rd(regs, regs[2]);
	return nr == 221 || nr == 281;
}
#else
static __always_inline bool fail_call_get(struct pt_regs *regs, struct fail_call *call)
{
	return false;
}
#endif

/* Reads a string of the caller into an item at `n`; returns the offset after it. from: 0 where not even its place is known. */
static __always_inline __u32 fail_put_str(struct fail_record *r, __u32 n, __u16 type, __u64 from)
{
	struct pr_item head = {.type = type};
	__u32 at = n;
	long len;

	opaque(at);
	at &= 16383;
	len = read_user_str(r->items + at + sizeof(head), FAIL_ARGS_BYTES, from);
	if (len <= 0 || len == (long)FAIL_ARGS_BYTES)
		head.type |= PR_ITEM_CUT;
	if (len <= 0)
		len = 1;
	head.len = len - 1;
	bpf_probe_read_kernel(r->items + at, sizeof(head), &head);
	return n + sizeof(head) + len - 1;
}

/* argv[1..] as one item, NUL-separated. */
static __always_inline __u32 fail_put_args(struct fail_record *r, __u32 n, __u64 argv)
{
	struct pr_item head = {.type = PR_ITEM_ARGS};
	__u32 begin = n + sizeof(head), at;
	bool whole = false;
	__u64 arg;
	long len;

	n = begin;
	for (int i = 1; i < FAIL_ARGS; i++) {
		if (bpf_probe_read_user(&arg, sizeof(arg), (void *)(argv + 8 * i)))
			break;
		whole = !arg;
		if (whole)
			break;
		at = n;
		opaque(at);
		len = read_user_str(r->items + (at & 16383), FAIL_ARGS_BYTES, arg);
		if (len <= 0)
			break;
		n += len & 4095;
		if (n - begin > FAIL_ARGS_BYTES || len == (long)FAIL_ARGS_BYTES)
			break;
	}
	if (n == begin && whole)
		return begin - sizeof(head);
	if (n == begin)
		n++; /* an empty item that says that there is more */
	head.type |= whole ? 0 : PR_ITEM_CUT;
	head.len = n - begin - 1;
	bpf_probe_read_kernel(r->items + ((begin - sizeof(head)) & 16383), sizeof(head), &head);
	return n - 1;
}

static __always_inline int on_syscall_exit(struct pt_regs *regs, long ret)
{
	__u64 now, argv0 = 0, id = bpf_get_current_pid_tgid();
	struct pr_bpf_counts *c = counts_get(0);
	struct fail_call call = {};
	struct task_struct *task;
	struct fail_record *r;
	__u32 slot, n = 0, tgid = id >> 32;
	struct pr_key key;

	if (ret >= 0 || !fail_call_get(regs, &call))
		return 0;
	slot = bpf_get_smp_processor_id();
	r = bpf_map_lookup_elem(&fail_scratch, &slot);
	if (!r || !c || !is_emitted(bpf_map_lookup_elem(&live, &tgid)))
		return 0;
	task = (void *)bpf_get_current_task();
	key_of(task, &key);
	if (call.filename)
		n = fail_put_str(r, n, PR_ITEM_FILENAME, call.filename);
	if (call.argv && (bpf_probe_read_user(&argv0, sizeof(argv0), (void *)call.argv) || argv0)) {
		n = fail_put_str(r, n, PR_ITEM_ARGV0, argv0);
		n = fail_put_args(r, n, call.argv);
	}
	now = bpf_ktime_get_boot_ns();
	opaque(n);
	n &= 32767;
	r->m.key = key;
	r->m.tid = id;
	r->m.error = -ret;
	common(&r->m.common, PR_OP_EXEC_FAIL, sizeof(r->m) + n, now);
	envelope(c, &r->env, PR_STREAM_FAIL, sizeof(r->m) + n);
	emit(c, r, sizeof(r->env) + sizeof(r->m) + n, PR_STREAM_FAIL, 1, now);
	return 0;
}

#endif

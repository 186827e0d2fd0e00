/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * procrec.bpf.c: the programs. Each is a line that takes its arguments apart and calls its body, which stands in the
 * header of its job.
 *
 * Every tracepoint program exists twice: BTF-typed (tp_btf), and plain (raw_tp) for a kernel that has no such types.
 * Both get the same array of 64-bit arguments. And each of these has a second instance (see emit.bpf.h). The loader
 * picks; what is not needed is not loaded.
 *
 * task_newtask serves for the clone, in place of sched_process_fork, which fires right after it in the same call: it
 * alone has the clone flags.
 */
#include "bpf/clone.bpf.h"
#include "bpf/exec.bpf.h"
#include "bpf/exit.bpf.h"
#include "bpf/fail.bpf.h"
#include "bpf/snapshot.bpf.h"

#define PROGRAM(section, name, call)      \
	SEC(section) int name(__u64 *ctx) \
	{                                 \
		return stopped ? 0 : call; \
	}

#define TWIN(tracepoint, name, call)                                   \
	PROGRAM("tp_btf/" #tracepoint, name##_btf, call(ctx, 0))       \
	PROGRAM("tp_btf/" #tracepoint, name##_btf_second, call(ctx, 1)) \
	PROGRAM("raw_tp/" #tracepoint, name##_raw, call(ctx, 0))       \
	PROGRAM("raw_tp/" #tracepoint, name##_raw_second, call(ctx, 1))

#define TASK(i) ((struct task_struct *)ctx[i])
#define EXEC(ctx, instance) on_exec(TASK(0), ctx[1], (struct linux_binprm *)ctx[2], instance)
#define CLONE(ctx, instance) on_clone(TASK(0), ctx[1], instance)
#define EXIT(ctx, instance) on_exit(TASK(0), has_group_dead ? ctx[1] & 255 : is_last(TASK(0)), instance)

TWIN(sched_process_exec, exec, EXEC)
TWIN(task_newtask, clone, CLONE)
TWIN(sched_process_exit, exit, EXIT)

SEC("raw_tp/sys_exit") int fail_raw(__u64 *ctx)
{
	return stopped ? 0 : on_syscall_exit((struct pt_regs *)ctx[0], ctx[1]);
}

SEC("iter/task") int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	return task ? on_task(ctx->meta->seq, task) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

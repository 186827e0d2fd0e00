/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * procrec.bpf.c: the programs. Each is a line that takes its arguments apart and calls its body, which stands in the header of its job.
 *
 * Every tracepoint program exists twice: BTF-typed (tp_btf), and plain (raw_tp) for a kernel that has no such types. Both get the same
 * array of 64-bit arguments. The loader picks; what is not needed is not loaded.
 *
 * task_newtask serves for the clone, in place of sched_process_fork, which fires right after it in the same call: it alone has the clone flags.
 */
#include "bpf/clone.bpf.h"
#include "bpf/exec.bpf.h"
#include "bpf/exit.bpf.h"
#include "bpf/fail.bpf.h"
#include "bpf/snapshot.bpf.h"

/*
 * Since 7.0 a tracepoint program may be preempted, and another task that comes to the same tracepoint on that CPU meanwhile is skipped by
 * the kernel (which counts it: recursion_misses). Holding the CPU leaves a few instructions for that to happen in.
 */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;
const volatile bool hold_cpu = false;

#define RUN(call)                               \
	({                                      \
		int _r = 0;                     \
		if (!stopped) {                 \
			if (hold_cpu)           \
				bpf_preempt_disable(); \
			_r = call;              \
			if (hold_cpu)           \
				bpf_preempt_enable(); \
		}                               \
		_r;                             \
	})

#define TWIN(tracepoint, name, call)                      \
	SEC("tp_btf/" #tracepoint) int name##_btf(__u64 *ctx) \
	{                                                 \
		return RUN(call);                         \
	}                                                 \
	SEC("raw_tp/" #tracepoint) int name##_raw(__u64 *ctx) \
	{                                                 \
		return RUN(call);                         \
	}

TWIN(sched_process_exec, exec, on_exec((struct task_struct *)ctx[0], ctx[1], (struct linux_binprm *)ctx[2]))
TWIN(task_newtask, clone, on_clone((struct task_struct *)ctx[0], ctx[1]))
TWIN(sched_process_exit, exit,
     on_exit((struct task_struct *)ctx[0], has_group_dead ? ctx[1] & 255 : is_last((struct task_struct *)ctx[0])))

SEC("raw_tp/sys_exit") int fail_raw(__u64 *ctx)
{
	return RUN(on_syscall_exit((struct pt_regs *)ctx[0], ctx[1]));
}

SEC("iter/task") int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	return task ? on_task(ctx->meta->seq, task) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

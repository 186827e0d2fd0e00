/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * emit.bpf.h: envelopes, sequence numbers, the ring, the counters.
 *
 * A sequence number is taken before it is known whether the frame finds room, and stays taken. Each (cpu, stream) has
 * one writer: a stream belongs to one program, and the kernel does not run a program inside itself on one CPU. So plain
 * additions do, and no fetching atomics are needed, which 5.10 lacks. Two different programs may interleave on a CPU
 * (newer kernels preempt them): that is why streams and scratch space are not shared among programs.
 */
#ifndef PROCREC_BPF_EMIT_H
#define PROCREC_BPF_EMIT_H

#include "bpf/kernel.bpf.h"
#include "bpf/maps.h"

/*
 * Two instances. Since 7.0 a tracepoint program may be preempted; a task that comes to the same program on that CPU
 * meanwhile is skipped by the kernel. So each program is there twice on such kernels: the second one looks whether the
 * first did its work, and does it if not. It has counters and scratch space of its own, and emits as if from a CPU of
 * its own (number: CPUs + CPU).
 */
const volatile __u64 ring_bytes = 16 << 20;
const volatile __u32 cpus = 1; /* possible CPUs */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct pr_bpf_counts);
} counts SEC(".maps");

static __always_inline struct pr_bpf_counts *counts_get(__u32 instance)
{
	struct pr_bpf_counts *c = bpf_map_lookup_elem(&counts, &instance);

	if (c)
		c->cpu_base = instance ? cpus : 0;
	return c;
}

/* Where an instance's own space is, on this CPU. */
static __always_inline __u32 slot_of(__u32 instance)
{
	return bpf_get_smp_processor_id() + (instance ? cpus : 0);
}

static __always_inline void envelope(struct pr_bpf_counts *c, struct pr_envelope *e, __u32 stream, __u32 frame_bytes)
{
	e->cpu = bpf_get_smp_processor_id() + c->cpu_base;
	e->stream = stream;
	e->flags = 0;
	e->size = frame_bytes;
	e->seq = c->stream[stream & 7].next++;
}

static __always_inline void common(struct pr_msg_common *m, __u8 op, __u32 size, __u64 now)
{
	m->op = op;
	m->flags = 0;
	m->pad[0] = m->pad[1] = 0;
	m->size = size;
	m->ktime = now;
}

/*
 * The reader sleeps and is not woken per frame: that alone would cost more than all the rest. Above half full it is
 * woken, at most once a millisecond from each CPU.
 */
static __always_inline __u64 wake_flags(struct pr_bpf_counts *c, __u32 size, __u64 now)
{
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + size <= ring_bytes / 2 || now - c->woken_ns < 1000000)
		return BPF_RB_NO_WAKEUP;
	c->woken_ns = now;
	return BPF_RB_FORCE_WAKEUP;
}

/* Puts one record of `frames` frames into the ring, or counts them as lost. */
static __always_inline void emit(struct pr_bpf_counts *c, void *rec, __u32 size, __u32 stream, __u32 frames, __u64 now)
{
	if (bpf_ringbuf_output(&ring, rec, size, wake_flags(c, size, now)))
		c->stream[stream & 7].lost += frames;
}

#endif

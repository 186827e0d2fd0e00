/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * data.bpf.h: what does not fit inline goes out before its frame, in data frames of up to PR_DATA_PAYLOAD_MAX bytes.
 *
 * They may use the ring only while a quarter of it stays free, so that they never crowd out execs, clones and exits.
 * When one does not find room the rest of the item is given up too (chunks are appended by the reader, so a hole would
 * go unseen); each chunk that is not sent takes its sequence number and is counted as lost.
 */
#ifndef PROCREC_BPF_DATA_H
#define PROCREC_BPF_DATA_H

#include "bpf/scratch.bpf.h"

#define PR_DATA_CHUNKS 256 /* 8 MiB: above the 6 MiB that the kernel allows for arguments at most */
#define PR_DATA_STEPS 16   /* in one function: the verifier follows every turn of a loop */

/* Which item of an exec; added to its time to make ids unique. */
enum { ID_FILENAME, ID_ARGS, ID_ARGV0 };

/* Sends one chunk under the id that stands in scratch->data.id; false: it cannot be read, or there is no room. */
__attribute__((noinline)) int data_chunk(__u64 from, __u32 n, __u32 user, __u32 slot)
{
	struct scratch *s = scratch_get(slot);
	struct pr_bpf_counts *c = counts_get(slot >= cpus);
	__u32 size;
	long err;

	if (!s || !c || n > PR_DATA_PAYLOAD_MAX)
		return false;
	size = sizeof(s->data_env) + sizeof(s->data) + n;
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) + size > ring_bytes - ring_bytes / 4)
		return false;
	opaque(n);
	n &= PR_ITEMS_END - 1;
	err = user ? bpf_probe_read_user(s->payload, n, (void *)from)
		   : bpf_probe_read_kernel(s->payload, n, (void *)from);
	if (err)
		return false;
	envelope(c, &s->data_env, PR_STREAM_DATA, sizeof(s->data) + n);
	common(&s->data.common, PR_OP_DATA, sizeof(s->data) + n, bpf_ktime_get_boot_ns());
	size = sizeof(s->data_env) + sizeof(s->data) + n;
	if (bpf_ringbuf_output(&ring, &s->data_env, size, wake_flags(c, size, s->data.common.ktime))) {
		c->stream[PR_STREAM_DATA].next--; /* the caller counts it with the others that are not sent */
		return false;
	}
	return true;
}

/* Sends up to PR_DATA_STEPS chunks of `len` bytes; returns how many bytes went out. */
__attribute__((noinline)) __u32 data_steps(__u64 from, __u32 len, __u32 user, __u32 slot)
{
	__u32 sent = 0, n;

	for (int i = 0; i < PR_DATA_STEPS && sent < len; i++) {
		n = len - sent;
		if (n > PR_DATA_PAYLOAD_MAX)
			n = PR_DATA_PAYLOAD_MAX;
		if (!data_chunk(from + sent, n, user, slot))
			break;
		sent += n;
	}
	return sent;
}

/* Sends `len` bytes from an address of the process (or of the kernel) under the id {pid_tgid, time}; returns how many
 * bytes went out. */
__attribute__((noinline)) __u32 data_send(__u64 from, __u32 len, __u64 time, __u32 user, __u32 slot)
{
	struct scratch *s = scratch_get(slot);
	struct pr_bpf_counts *c = counts_get(slot >= cpus);
	__u32 sent = 0, n, rest;

	if (!s || !c)
		return 0;
	s->data.id.pid = bpf_get_current_pid_tgid();
	s->data.id.time = time;
	for (int i = 0; i < PR_DATA_CHUNKS / PR_DATA_STEPS && sent < len; i++) {
		n = data_steps(from + sent, len - sent, user, slot);
		sent += n;
		if (n < PR_DATA_STEPS * PR_DATA_PAYLOAD_MAX)
			break;
	}
	if (sent < len) {
		rest = (len - sent + PR_DATA_PAYLOAD_MAX - 1) / PR_DATA_PAYLOAD_MAX;
		c->stream[PR_STREAM_DATA].next += rest;
		c->stream[PR_STREAM_DATA].lost += rest;
		c->args_cut++;
	}
	return sent;
}

/* Sends, and describes what was sent. */
static __always_inline void data_describe(struct scratch *s, const void *from, __u32 len, __u64 time, bool user)
{
	struct pr_data_desc *desc = &s->desc;
	__u32 sent = data_send((__u64)from, len, time, user, s->build.slot);

	desc->error = sent == len ? 0 : -28; /* ENOSPC */
	desc->pad = 0;
	desc->leftover = len - sent;
	desc->size = len;
	desc->id.pid = bpf_get_current_pid_tgid();
	desc->id.time = time;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_ring.h: the consumer of a BPF ring buffer.
 *
 * Unlike libbpf's it keeps two positions: what was read, and what was committed. The kernel sees only the second, so
 * records stay in the ring until the caller has stored them.
 */
#ifndef PROCREC_RECORDER_CAPTURE_RING_H
#define PROCREC_RECORDER_CAPTURE_RING_H

#include "recorder/capture.h"

struct pr_ring {
	volatile uint64_t *consumer; /* mapped: committed position, shared with the kernel */
	volatile uint64_t *producer; /* mapped, read-only */
	const uint8_t *data;         /* mapped twice in a row, so that a record that wraps is contiguous */
	uint64_t bytes;              /* power of two */
	uint64_t read;               /* position, >= *consumer */
	size_t page;
	int epoll_fd;
};

/* Maps the ring buffer map `map_fd` (not owned) of `bytes` bytes. Reading begins at what was committed last. */
int pr_ring_init(struct pr_ring *ring, int map_fd, uint64_t bytes, struct pr_errinfo *ei);
int pr_ring_read(struct pr_ring *ring, pr_capture_record_fn fn, void *arg, size_t *out_records);
void pr_ring_commit(struct pr_ring *ring, uint64_t position);
size_t pr_ring_pending(const struct pr_ring *ring);
int pr_ring_wait(struct pr_ring *ring, int timeout_ms, struct pr_errinfo *ei);
void pr_ring_release(struct pr_ring *ring);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_ring.c: reads the BPF ring buffer through its mapping.
 *
 * Layout, by page offset of the map's descriptor: 0 the consumer position (ours to write), 1 the producer position, 2..
 * the data, mapped twice in a row by the kernel. Each record begins with u32 length (with two flag bits) and u32 page
 * offset; its bytes follow, and the next one begins at the next multiple of 8.
 */
#include "recorder/capture_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

int pr_ring_init(struct pr_ring *ring, int map_fd, uint64_t bytes, struct pr_errinfo *ei)
{
	/* Edge-triggered: a ring that is not empty is always "readable", but only a wake-up by the kernel side is an
	 * edge. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	void *p;

	memset(ring, 0, sizeof(*ring));
	ring->epoll_fd = -1;
	ring->bytes = bytes;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (p == MAP_FAILED)
		return pr_fail_errno(ei, "cannot map the ring's consumer page");
	ring->consumer = p;
	p = mmap(NULL, ring->page + 2 * bytes, PROT_READ, MAP_SHARED, map_fd, (off_t)ring->page);
	if (p == MAP_FAILED) {
		pr_fail_errno(ei, "cannot map the ring's %llu bytes", (unsigned long long)bytes);
		pr_ring_release(ring);
		return PR_EIO;
	}
	ring->producer = p;
	ring->data = (const uint8_t *)p + ring->page;
	ring->read = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	ring->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ring->epoll_fd < 0 || epoll_ctl(ring->epoll_fd, EPOLL_CTL_ADD, map_fd, &ev)) {
		pr_fail_errno(ei, "cannot wait for the ring");
		pr_ring_release(ring);
		return PR_EIO;
	}
	return 0;
}

static void clear_edge(struct pr_ring *ring)
{
	struct epoll_event ev;

	while (epoll_wait(ring->epoll_fd, &ev, 1, 0) > 0)
		;
}

int pr_ring_read(struct pr_ring *ring, pr_capture_record_fn fn, void *arg, size_t *out_records)
{
	uint64_t end, pos = ring->read;
	size_t records = 0;
	int rc = 0;

	clear_edge(ring);
	end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	while (pos < end && !rc) {
		const uint8_t *at = ring->data + (pos & (ring->bytes - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
		uint32_t len = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(head & BPF_RINGBUF_DISCARD_BIT)) {
			rc = fn(arg, at + BPF_RINGBUF_HDR_SZ, len);
			if (rc < 0)
				break;
			records++;
		}
		pos += (len + BPF_RINGBUF_HDR_SZ + 7ull) & ~7ull;
	}
	ring->read = pos;
	if (out_records)
		*out_records = records;
	return rc < 0 ? rc : 0;
}

void pr_ring_commit(struct pr_ring *ring, uint64_t position)
{
	if (position > __atomic_load_n(ring->consumer, __ATOMIC_RELAXED) && position <= ring->read)
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

size_t pr_ring_pending(const struct pr_ring *ring)
{
	return (size_t)(__atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) -
			__atomic_load_n(ring->consumer, __ATOMIC_RELAXED));
}

int pr_ring_wait(struct pr_ring *ring, int timeout_ms, struct pr_errinfo *ei)
{
	struct epoll_event ev;
	int n = epoll_wait(ring->epoll_fd, &ev, 1, timeout_ms);

	if (n < 0 && errno != EINTR)
		return pr_fail_errno(ei, "cannot wait for the ring");
	return n > 0;
}

void pr_ring_release(struct pr_ring *ring)
{
	if (ring->consumer)
		munmap((void *)(uintptr_t)ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->bytes);
	if (ring->epoll_fd >= 0)
		close(ring->epoll_fd);
	memset(ring, 0, sizeof(*ring));
	ring->epoll_fd = -1;
}

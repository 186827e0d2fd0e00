/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.c: how many frames a second the way to the disk sustains: feed TRACE SECONDS RATE [RING_BYTES [redact]]
 *
 * Processes can't saturate the recorder on a small machine, so frames of processes are made in memory and given to the spool
 * (compression, checksum, chain, index) every 100 ms, as the recorder does, RATE a second. What it does not take at once waits
 * in a ring of RING_BYTES (16 MiB); what does not fit there is lost. RATE 0: as fast as the spool takes them. redact: with the default rules.
 * Prints "FRAMES LOST WALL_NS CPU_NS MAKING_CPU_NS RING_PEAK_BYTES QUEUE_PEAK_BYTES"; WALL_NS ends before the trace is closed, CPU_NS
 * behind that and is without the making.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "recorder/spool.h"
#include "redact/redact.h"
#include "tests/bench/scene.h"

#define BATCH_NS 100000000u
#define SECOND_NS 1000000000u
#define RING_RECORDS (1u << 20)

struct feed {
	struct pr_spool *spool; /* NULL: frames are made and thrown away */
	bool wait; /* no ring: the maker waits */
	uint64_t frames, lost;
	uint8_t *ring; /* what waits, from the beginning */
	size_t ring_max, used, peak, records;
	uint32_t *sizes;
};

static uint64_t now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void die(const char *msg)
{
	fprintf(stderr, "feed: %s\n", msg);
	exit(1);
}

/* False: the spool's queue is full. */
static bool put(struct feed *fd, const void *p, size_t n)
{
	struct pr_errinfo ei;
	int err = pr_spool_put(fd->spool, p, n, fd->wait, &ei);

	if (err && err != PR_EBUSY)
		die(ei.msg);
	return !err;
}

static void on_record(void *arg, const void *p, size_t n, uint32_t frames)
{
	struct feed *fd = arg;

	fd->frames += frames;
	if (!fd->spool || (!fd->used && put(fd, p, n)))
		return;
	if (fd->used + n > fd->ring_max || fd->records == RING_RECORDS) {
		fd->lost += frames;
		return;
	}
	memcpy(fd->ring + fd->used, p, n);
	fd->sizes[fd->records++] = (uint32_t)n;
	fd->used += n;
	if (fd->used > fd->peak)
		fd->peak = fd->used;
}

static void empty_ring(struct feed *fd)
{
	size_t at = 0, i = 0;

	while (i < fd->records && put(fd, fd->ring + at, fd->sizes[i]))
		at += fd->sizes[i++];
	memmove(fd->ring, fd->ring + at, fd->used - at);
	memmove(fd->sizes, fd->sizes + i, (fd->records - i) * sizeof(*fd->sizes));
	fd->used -= at;
	fd->records -= i;
}

static void run(struct feed *fd, struct scene *s, uint64_t seconds, uint64_t rate)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), now = start, tick = start, due, position = 1;
	struct pr_errinfo ei;

	for (; now - start < seconds * SECOND_NS; now = now_ns(CLOCK_MONOTONIC)) {
		empty_ring(fd);
		due = rate ? (now - start) / 1000u * rate / 1000000u : fd->frames + 10000;
		while (fd->frames < due)
			scene_step(s);
		if (now - tick >= SECOND_NS) {
			tick = now;
			if (pr_spool_tick(fd->spool, position++, &ei))
				die(ei.msg);
		}
		if (rate)
			nanosleep(&(struct timespec){0, BATCH_NS}, NULL);
	}
	while (rate && fd->frames < seconds * rate)
		scene_step(s);
	fd->wait = true;
	empty_ring(fd);
}

/* CPU time for making this many frames and doing nothing with them. */
static uint64_t cost_of_making(uint64_t frames)
{
	uint64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct feed fd = {0};
	struct scene s;

	scene_init(&s, SCENE_BUILD, 4194303, on_record, &fd);
	while (fd.frames < frames)
		scene_step(&s);
	scene_release(&s);
	return now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, rate = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, start, cpu, wall, making;
	struct pr_spool_options opt = {.path = argc > 1 ? argv[1] : NULL, .force = true, .index = true};
	struct feed fd = {.wait = !rate, .ring_max = argc > 4 ? strtoull(argv[4], NULL, 10) : 16u << 20};
	struct pr_spool_state state;
	struct pr_errinfo ei;
	struct scene s;

	if (!seconds) {
		fprintf(stderr, "usage: feed TRACE SECONDS RATE [RING_BYTES [redact]]\n");
		return 2;
	}
	if (argc > 5 && pr_redact_open(&opt.redact, &(struct pr_redact_choice){NULL, NULL}, NULL, &ei))
		die(ei.msg);
	fd.ring = malloc(fd.ring_max);
	fd.sizes = calloc(RING_RECORDS, sizeof(*fd.sizes));
	if (!fd.ring || !fd.sizes)
		die("out of memory");
	if (pr_spool_open(&fd.spool, &opt, &ei))
		die(ei.msg);
	start = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	scene_init(&s, SCENE_BUILD, 4194303, on_record, &fd);
	run(&fd, &s, seconds, rate);
	wall = now_ns(CLOCK_MONOTONIC) - start;
	if (pr_spool_close(fd.spool, &ei))
		die(ei.msg);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	pr_spool_get_state(fd.spool, &state);
	pr_spool_free(fd.spool);
	pr_redact_free(opt.redact);
	making = cost_of_making(fd.frames);
	printf("%llu %llu %llu %llu %llu %zu %llu\n", (unsigned long long)fd.frames, (unsigned long long)fd.lost, (unsigned long long)wall,
		(unsigned long long)(cpu > making ? cpu - making : 0), (unsigned long long)making, fd.peak, (unsigned long long)state.queue_peak_bytes);
	scene_release(&s);
	free(fd.ring);
	free(fd.sizes);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_trace.c: writes a large trace of a realistic build: gen_trace FILE PROCESSES [PID_MAX]
 *
 * init -> systemd-like daemons; a shell runs make, make runs compilers through sh; each of these is clone + exec_info + execve + exit.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/index.h"
#include "schema/segment.h"
#include "tests/unit/frames.h"

#define START UINT64_C(864000000000000)
#define LIVE 16

struct gen {
	struct frames f;
	uint64_t now, rnd;
	uint32_t pid, pid_max;
	struct frame_key make;
	struct { struct frame_key key; uint64_t end; bool used; } live[LIVE];
	struct pr_seg_writer *w;
};

static void die(const struct pr_errinfo *ei)
{
	fprintf(stderr, "gen_trace: %s\n", ei->msg);
	exit(1);
}

static uint64_t rnd(struct gen *g, uint64_t n)
{
	g->rnd ^= g->rnd << 13;
	g->rnd ^= g->rnd >> 7;
	g->rnd ^= g->rnd << 17;
	return g->rnd % n;
}

static void push(struct gen *g)
{
	struct pr_errinfo ei;

	if (pr_seg_writer_append(g->w, g->f.buf.data, g->f.buf.len, &ei))
		die(&ei);
	pr_buf_clear(&g->f.buf);
}

static struct frame_key spawn(struct gen *g, struct frame_key parent, const char *text, size_t n)
{
	struct frame_key child, image;

	if (++g->pid > g->pid_max)
		g->pid = 2000;
	g->now += 20000 + rnd(g, 400000);
	child = (struct frame_key){g->pid, g->now};
	frame_clone(&g->f, g->now + 3000, parent, child, 0);
	g->now += 200000 + rnd(g, 900000);
	image = (struct frame_key){g->pid, g->now};
	frame_exec_info(&g->f, g->now, image, "cc1", 42, 800);
	frame_execve(&g->f, PR_STREAM_EXEC, g->now, image, parent, child, PR_EXEC_EXECVE | PR_EXEC_CLONE, text, n);
	push(g);
	return image;
}

static void finish(struct gen *g, int i)
{
	frame_exit(&g->f, g->now, g->live[i].key, rnd(g, 50) ? 0 : 256);
	g->live[i].used = false;
	push(g);
}

static void step(struct gen *g, uint64_t i)
{
	char text[1200];
	size_t n = (size_t)snprintf(text, sizeof(text), "/usr/lib/gcc/x86_64-linux-gnu/12/cc1%c-quiet%c-I.%c-I../include%c-imultiarch%cx86_64-linux-gnu"
		"%c-D_GNU_SOURCE%c-dumpbase%cfile%llu.c%c-O2%c-o%c/tmp/cc%08llx.s%c/home/user/project/src%llu", 0, 0, 0, 0, 0, 0, 0, 0,
		(unsigned long long)i, 0, 0, 0, (unsigned long long)rnd(g, 1ull << 32), 0, (unsigned long long)(i / 1000));
	int slot = (int)rnd(g, LIVE);
	struct frame_key parent = g->make;

	if (g->live[slot].used)
		finish(g, slot);
	if (rnd(g, 3) && g->live[(slot + 1) % LIVE].used)
		parent = g->live[(slot + 1) % LIVE].key;
	g->live[slot].key = spawn(g, parent, text, n);
	g->live[slot].used = true;
	if (i % 2000 == 1999) {
		struct frame_key old = g->make;

		g->make = spawn(g, (struct frame_key){1, 1}, "/usr/bin/make\0-j8\0/home/user", 28);
		frame_exit(&g->f, g->now, old, 0);
	}
	if (i % 100000 == 0)
		frame_clock(&g->f, g->now, (int64_t)g->now + 1700000000000000000);
}

int main(int argc, char **argv)
{
	struct pr_seg_options opt = {.header.kind = PR_SEG_PACKED};
	struct gen g = {.now = START, .rnd = 88172645463325252u, .pid = 2000, .pid_max = argc > 3 ? (uint32_t)atoi(argv[3]) : 4194303};
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	struct pr_errinfo ei;
	int fd;

	if (!n) {
		fprintf(stderr, "usage: gen_trace FILE PROCESSES [PID_MAX]\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	memcpy(opt.header.uuid, "generated trace!", PR_SEG_UUID);
	if (fd < 0 || pr_seg_writer_new(&g.w, fd, &opt, &ei)) {
		perror(argv[1]);
		return 1;
	}
	frame_clock(&g.f, g.now, (int64_t)g.now + 1700000000000000000);
	frame_host(&g.f, g.now, "builder");
	frame_user(&g.f, g.now, 0, "root");
	frame_execve(&g.f, PR_STREAM_USER, g.now, (struct frame_key){1, 1}, (struct frame_key){0, 1}, (struct frame_key){0, 0},
		PR_EXEC_PROCFS, "/sbin/init\0/", 12);
	for (uint32_t d = 2; d < 300; d++)
		frame_execve(&g.f, PR_STREAM_USER, g.now, (struct frame_key){d, d * 1000000}, (struct frame_key){1, 1},
			(struct frame_key){0, 0}, PR_EXEC_PROCFS, "/usr/sbin/daemon\0/", 18);
	g.make = spawn(&g, (struct frame_key){1, 1}, "/usr/bin/make\0-j8\0/home/user", 28);
	for (uint64_t i = 0; i < n; i++)
		step(&g, i);
	push(&g);
	if (pr_seg_writer_seal(g.w, &ei))
		die(&ei);
	pr_seg_writer_free(g.w);
	pr_buf_release(&g.f.buf);
	return close(fd) != 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/scene.h"

#include <stdio.h>

#define START UINT64_C(864000000000000)
#define REALTIME INT64_C(1700000000000000000)
#define DAEMONS 300

static const struct frame_key init_key = {1, 1}, none = {0, 0};

bool scene_kind_parse(const char *name, enum scene_kind *out)
{
	static const char *const names[] = {"build", "servers", "forks"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i])) {
			*out = (enum scene_kind)i;
			return true;
		}
	}
	return false;
}

static uint64_t rnd(struct scene *s, uint64_t n)
{
	s->rnd ^= s->rnd << 13;
	s->rnd ^= s->rnd >> 7;
	s->rnd ^= s->rnd << 17;
	return s->rnd % n;
}

static void push(struct scene *s)
{
	if (s->pending)
		s->fn(s->arg, s->f.buf.data, s->f.buf.len, s->pending);
	pr_buf_clear(&s->f.buf);
	s->pending = 0;
}

static void clone_info(struct scene *s, struct frame_key parent, struct frame_key child)
{
	struct pr_buf *b = &s->f.buf;
	size_t at = frame_begin(&s->f, PR_STREAM_CLONE, PR_OP_CLONE_INFO, s->now);

	pr_put_key(b, child.pid, child.ktime);
	pr_buf_u64(b, 0x1200011);
	pr_buf_u32(b, parent.pid);
	pr_buf_u32(b, parent.pid);
	pr_buf_u32(b, s->root.pid);
	pr_buf_u32(b, s->root.pid);
	pr_enveloped_end(b, at);
}

static struct frame_key make_clone(struct scene *s, struct frame_key parent)
{
	struct frame_key child;

	if (++s->pid > s->pid_max)
		s->pid = 2000;
	s->now += 20000 + rnd(s, 400000);
	child = (struct frame_key){s->pid, s->now};
	clone_info(s, parent, child);
	frame_clone(&s->f, s->now + 3000, parent, child, 0);
	s->pending += 2;
	push(s);
	return child;
}

static struct frame_key make_exec(struct scene *s, struct frame_key parent, struct frame_key child, const char *text, size_t n)
{
	struct frame_key image;

	s->now += 200000 + rnd(s, 900000);
	image = (struct frame_key){child.pid, s->now};
	frame_exec_info(&s->f, s->now, image, text, 12, (uint32_t)n);
	frame_execve(&s->f, PR_STREAM_EXEC, s->now, image, parent, child, PR_EXEC_EXECVE | PR_EXEC_CLONE, text, n);
	s->pending += 2;
	push(s);
	return image;
}

static void make_exit(struct scene *s, struct frame_key key, uint32_t status)
{
	frame_exit(&s->f, s->now, key, status);
	s->pending++;
	push(s);
}

static struct frame_key start_make(struct scene *s)
{
	static const char text[] = "/usr/bin/make\0-j8\0/home/user";

	return make_exec(s, init_key, make_clone(s, init_key), text, sizeof(text) - 1);
}

static size_t build_text(struct scene *s, char *out, size_t size)
{
	unsigned long long i = s->steps, r = rnd(s, 1ull << 32);

	return (size_t)snprintf(out, size,
		"/usr/lib/gcc/x86_64-linux-gnu/12/cc1%c-quiet%c-I.%c-I../include%c-imultiarch%cx86_64-linux-gnu%c-D_GNU_SOURCE%c-dumpbase"
		"%cfile%llu.c%c-O2%c-o%c/tmp/cc%08llx.s%c/home/user/project/src%llu",
		0, 0, 0, 0, 0, 0, 0, 0, i, 0, 0, 0, r, 0, i / 1000);
}

static size_t server_text(struct scene *s, char *out, size_t size)
{
	static const char *const tools[] = {"sbin/runc", "bin/curl", "bin/python3", "bin/psql", "bin/sed", "lib/nagios/check_load"};
	unsigned long long id = rnd(s, 1ull << 48), port = rnd(s, 65536);

	return (size_t)snprintf(out, size,
		"/usr/%s%c--request-id=%012llx%c--tenant=%llu%c--endpoint%chttp://10.0.%llu.%llu:%llu/v1/items/%llu%c--verbose%c/srv/tenant%llu",
		tools[rnd(s, 6)], 0, id, 0, id % 500, 0, 0, id % 256, id / 256 % 256, port, id % 100000, 0, 0, id % 500);
}

static struct frame_key start_process(struct scene *s, struct frame_key parent)
{
	struct frame_key child = make_clone(s, parent);
	char text[1200];
	size_t n;

	if (s->kind == SCENE_FORKS)
		return child;
	n = s->kind == SCENE_BUILD ? build_text(s, text, sizeof(text)) : server_text(s, text, sizeof(text));
	return make_exec(s, parent, child, text, n);
}

void scene_step(struct scene *s)
{
	unsigned slot = (unsigned)rnd(s, SCENE_LIVE), other = (slot + 1) % SCENE_LIVE;
	struct frame_key parent = s->root, old = s->root;

	if (s->live[slot].used)
		make_exit(s, s->live[slot].key, rnd(s, 50) ? 0 : 256);
	if (s->kind == SCENE_BUILD && rnd(s, 3) && s->live[other].used)
		parent = s->live[other].key;
	s->live[slot].key = start_process(s, parent);
	s->live[slot].used = true;
	if (s->kind == SCENE_BUILD && s->steps % 2000 == 1999) {
		s->root = start_make(s);
		make_exit(s, old, 0);
	}
	if (s->steps % 100000 == 0) {
		frame_clock(&s->f, s->now, (int64_t)s->now + REALTIME);
		s->pending++;
		push(s);
	}
	s->steps++;
}

void scene_init(struct scene *s, enum scene_kind kind, uint32_t pid_max, scene_fn *fn, void *arg)
{
	*s = (struct scene){.kind = kind, .now = START, .rnd = 88172645463325252u, .pid = 2000, .pid_max = pid_max, .fn = fn, .arg = arg};
	frame_clock(&s->f, s->now, (int64_t)s->now + REALTIME);
	frame_host(&s->f, s->now, "builder");
	frame_user(&s->f, s->now, 0, "root");
	frame_execve(&s->f, PR_STREAM_USER, s->now, init_key, (struct frame_key){0, 1}, none, PR_EXEC_PROCFS, "/sbin/init\0/", 12);
	for (uint32_t d = 2; d < DAEMONS; d++)
		frame_execve(&s->f, PR_STREAM_USER, s->now, (struct frame_key){d, d * 1000000}, init_key, none, PR_EXEC_PROCFS,
			"/usr/sbin/daemon\0/", 18);
	s->pending = 4 + DAEMONS - 2;
	push(s);
	s->root = start_make(s);
}

void scene_release(struct scene *s)
{
	pr_buf_release(&s->f.buf);
}

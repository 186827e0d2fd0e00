/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf_frames.c: gathers frames from the ring and takes execs apart; see bpf_cases.h. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

static uint64_t next_seq[1024][PR_STREAM_COUNT];

static int on_record(void *arg, const void *bytes, size_t len)
{
	struct frames *f = arg;
	const uint8_t *p = bytes, *end = p + len;
	struct pr_envelope e;

	while (p + sizeof(e) <= end) {
		memcpy(&e, p, sizeof(e));
		p += sizeof(e);
		if (e.cpu >= 1024 || e.stream >= PR_STREAM_COUNT || p + e.size > end || memcmp(p + 4, &e.size, 4))
			break;
		f->gaps += e.seq - next_seq[e.cpu][e.stream];
		next_seq[e.cpu][e.stream] = e.seq + 1;
		if (f->n == f->room) {
			f->room = f->room ? 2 * f->room : 1024;
			f->v = realloc(f->v, f->room * sizeof(*f->v));
		}
		f->v[f->n].op = p[0];
		f->v[f->n].b.n = e.size;
		f->v[f->n].b.p = malloc(e.size);
		memcpy(f->v[f->n++].b.p, p, e.size);
		p += e.size;
	}
	CHECK(p == end);
	return 0;
}

void frames_take(struct frames *f)
{
	struct pr_errinfo ei;
	size_t n;

	do {
		CHECK(!pr_capture_read(the_capture, on_record, f, &n, &ei));
		pr_capture_commit(the_capture, pr_capture_position(the_capture));
	} while (n);
}

void frames_clear(struct frames *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free(f->v[i].b.p);
	free(f->v);
	memset(f, 0, sizeof(*f));
}

static uint32_t u32_at(const struct frame *fr, size_t off)
{
	uint32_t v;

	memcpy(&v, fr->b.p + off, 4);
	return v;
}

static uint32_t subject(const struct frame *fr)
{
	switch (fr->op) {
	case PR_OP_EXECVE:
		return u32_at(fr, offsetof(struct pr_msg_execve, process.pid));
	case PR_OP_CLONE:
		return u32_at(fr, offsetof(struct pr_msg_clone, tgid));
	case PR_OP_DATA:
		return u32_at(fr, offsetof(struct pr_msg_data, id) + 4);
	default:
		return u32_at(fr, sizeof(struct pr_msg_common));
	}
}

const struct frame *frames_find(const struct frames *f, uint8_t op, uint32_t pid, size_t n)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].op == op && subject(&f->v[i]) == pid && n-- == 0)
			return &f->v[i];
	return NULL;
}

size_t frames_count(const struct frames *f, uint8_t op, uint32_t pid)
{
	size_t n = 0;

	while (frames_find(f, op, pid, n))
		n++;
	return n;
}

/* The bytes that a descriptor stands for. Its chunks are put together and kept for good: a test program may leak. */
static struct bytes by_desc(const struct frames *f, const uint8_t *at)
{
	struct bytes out = {0};
	struct pr_data_desc d;
	struct pr_msg_data m;
	size_t i;

	memcpy(&d, at, sizeof(d));
	out.p = malloc(d.size + 1);
	for (i = 0; i < f->n; i++) {
		if (f->v[i].op != PR_OP_DATA)
			continue;
		memcpy(&m, f->v[i].b.p, sizeof(m));
		if (memcmp(&m.id, &d.id, sizeof(m.id)))
			continue;
		CHECK(out.n + f->v[i].b.n - sizeof(m) <= d.size);
		memcpy(out.p + out.n, f->v[i].b.p + sizeof(m), f->v[i].b.n - sizeof(m));
		out.n += f->v[i].b.n - sizeof(m);
	}
	CHECK(out.n == d.size - d.leftover);
	CHECK(d.leftover == 0 && d.error == 0);
	return out;
}

static void take_items(const struct frames *f, const struct frame *info, struct exec_seen *out)
{
	const uint8_t *p = info->b.p + sizeof(struct pr_exec_info), *end = info->b.p + info->b.n;
	struct pr_item it;

	while (p + sizeof(it) <= end) {
		struct bytes b, *to = NULL;

		memcpy(&it, p, sizeof(it));
		p += sizeof(it);
		b = it.type & PR_ITEM_DESC ? by_desc(f, p) : (struct bytes){(uint8_t *)(uintptr_t)p, it.len};
		to = (it.type & 0x3fff) == PR_ITEM_ARGV0    ? &out->argv0
		     : (it.type & 0x3fff) == PR_ITEM_INTERP ? &out->interp
		     : (it.type & 0x3fff) == PR_ITEM_EXE    ? &out->exe
		     : (it.type & 0x3fff) == PR_ITEM_CWD    ? &out->long_cwd
		     : (it.type & 0x3fff) == PR_ITEM_CGROUP ? &out->cgroup
							    : NULL;
		CHECK(to && !to->p && !(it.type & PR_ITEM_CUT));
		if (to)
			*to = b;
		p += it.len;
	}
	CHECK(p == end);
}

bool exec_find(const struct frames *f, uint32_t pid, size_t n, struct exec_seen *out)
{
	const struct frame *fr = frames_find(f, PR_OP_EXECVE, pid, n), *info = frames_find(f, PR_OP_EXEC_INFO, pid, n);
	uint8_t *p, *end, *nul;

	memset(out, 0, sizeof(*out));
	if (!fr || !info)
		return false;
	memcpy(&out->m, fr->b.p, sizeof(out->m));
	memcpy(&out->info, info->b.p, sizeof(out->info));
	CHECK(info + 1 == fr && !memcmp(&out->info.key.ktime, &out->m.process.ktime, 8));
	CHECK(out->m.process.size <= PR_PROCESS_SIZE_MAX && out->m.process.size + PR_EXECVE_FIXED == fr->b.n);
	take_items(f, info, out);
	p = fr->b.p + sizeof(out->m);
	end = fr->b.p + fr->b.n;
	if (out->m.process.flags & PR_EXEC_DATA_FILENAME) {
		out->filename = by_desc(f, p);
		p += sizeof(struct pr_data_desc);
	} else {
		nul = memchr(p, 0, (size_t)(end - p));
		CHECK(nul);
		out->filename = (struct bytes){p, (size_t)(nul - p)};
		p = nul + 1;
	}
	if (out->m.process.flags & PR_EXEC_DATA_ARGS) {
		out->args = by_desc(f, p);
		p += sizeof(struct pr_data_desc);
		out->cwd = (struct bytes){p, (size_t)(end - p)};
	} else if (out->m.process.flags & (PR_EXEC_ROOT_CWD | PR_EXEC_ERROR_CWD)) {
		out->args = (struct bytes){p, (size_t)(end - p)};
	} else {
		nul = memrchr(p, 0, (size_t)(end - p));
		out->args = (struct bytes){p, nul ? (size_t)(nul - p) : 0};
		out->cwd =
			nul ? (struct bytes){nul + 1, (size_t)(end - nul - 1)} : (struct bytes){p, (size_t)(end - p)};
	}
	if (out->m.process.flags & PR_EXEC_ROOT_CWD)
		out->cwd = (struct bytes){(uint8_t *)(uintptr_t) "/", 1};
	return true;
}

pid_t run_actor(struct frames *f, int (*act)(void *arg), void *arg, int *out_status)
{
	int status = 0;
	pid_t pid;

	frames_take(f);
	frames_clear(f);
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(act(arg));
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	frames_take(f);
	CHECK(f->gaps == 0);
	if (out_status)
		*out_status = status;
	return pid;
}

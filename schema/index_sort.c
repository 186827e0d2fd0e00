/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_sort.c: facts, sorted by identity: runs that fit in memory, spilled to a file without a name, then merged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/room.h"
#include "schema/index_facts.h"

#define RUN_FACTS 32768u
#define MERGE_BYTES (4u << 20) /* of read buffers in all, roughly */

struct order {
	int64_t kt;
	uint32_t pid;
	uint32_t at;
};

struct run {
	uint64_t next, end; /* facts of the file that are not read yet */
	struct pr_facts *buf; /* owned */
	size_t n, pos; /* facts in buf, and the one it stands at */
};

struct pr_sorter {
	char *dir;
	int fd; /* -1: nothing was spilled */
	uint64_t written; /* facts in the file */
	struct pr_facts *facts; /* the run in the making, or the only one */
	struct order *order;
	size_t n, pos;
	struct run *runs;
	size_t n_runs, cap_runs;
	size_t *heap; /* indexes of runs that have facts left, the smallest first */
	size_t n_heap, per_run;
};

struct pr_sorter *pr_sorter_new(const char *dir)
{
	struct pr_sorter *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->dir = dir ? strdup(dir) : NULL;
	s->facts = malloc(RUN_FACTS * sizeof(*s->facts));
	s->order = malloc(RUN_FACTS * sizeof(*s->order));
	if (!s->facts || !s->order || (dir && !s->dir)) {
		pr_sorter_free(s);
		return NULL;
	}
	return s;
}

void pr_sorter_free(struct pr_sorter *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	for (size_t i = 0; i < s->n_runs; i++)
		free(s->runs[i].buf);
	free(s->runs);
	free(s->heap);
	free(s->facts);
	free(s->order);
	free(s->dir);
	free(s);
}

int pr_spill_file(const char *dir)
{
	static const char *const places[] = {"/var/tmp", "/tmp"};
	int fd = dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	for (size_t i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++)
		fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd;
}

static int open_spill(const char *dir)
{
	int fd = pr_spill_file(dir);

	return fd >= 0 ? fd : memfd_create("procrec-index", MFD_CLOEXEC);
}

static int compare_order(const void *pa, const void *pb)
{
	const struct order *a = pa, *b = pb;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->kt != b->kt)
		return a->kt < b->kt ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

static void sort_memory(struct pr_sorter *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->order[i] = (struct order){s->facts[i].kt, s->facts[i].pid, (uint32_t)i};
	qsort(s->order, s->n, sizeof(*s->order), compare_order);
}

static int write_facts(struct pr_sorter *s, const struct pr_facts *f, size_t n, struct pr_errinfo *ei)
{
	const char *p = (const char *)f;
	size_t left = n * sizeof(*f);
	uint64_t off = s->written * sizeof(*f);

	while (left) {
		ssize_t k = pwrite(s->fd, p, left, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return pr_fail_errno(ei, "%s: cannot write temporary data of the index", s->dir ? s->dir : "index");
		p += k;
		left -= (size_t)k;
		off += (uint64_t)k;
	}
	s->written += n;
	return PR_OK;
}

static int add_run(struct pr_sorter *s, uint64_t from)
{
	struct run *r = pr_room(s->runs, s->n_runs, &s->cap_runs, sizeof(*r));

	if (!r)
		return PR_ENOMEM;
	s->runs = r;
	r[s->n_runs++] = (struct run){.next = from, .end = s->written};
	return PR_OK;
}

/* Writes the run in memory to the file, sorted, and is ready for the next. */
static int spill(struct pr_sorter *s, struct pr_errinfo *ei)
{
	struct pr_facts out[256];
	uint64_t from = s->written;
	size_t n = 0;
	int err = PR_OK;

	if (s->fd < 0)
		s->fd = open_spill(s->dir);
	if (s->fd < 0)
		return pr_fail_errno(ei, "%s: cannot make a temporary file of the index", s->dir ? s->dir : "index");
	sort_memory(s);
	for (size_t i = 0; i < s->n && !err; i++) {
		out[n++] = s->facts[s->order[i].at];
		if (n < sizeof(out) / sizeof(out[0]) && i + 1 < s->n)
			continue;
		err = write_facts(s, out, n, ei);
		n = 0;
	}
	s->n = 0;
	if (!err && add_run(s, from))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	return err;
}

int pr_sorter_add(struct pr_sorter *s, const struct pr_facts *f, struct pr_errinfo *ei)
{
	s->facts[s->n++] = *f;
	return s->n == RUN_FACTS ? spill(s, ei) : PR_OK;
}

static int refill(struct pr_sorter *s, struct run *r, struct pr_errinfo *ei)
{
	uint64_t n = r->end - r->next;
	size_t got = 0, want;

	r->pos = r->n = 0;
	if (n > s->per_run)
		n = s->per_run;
	want = (size_t)n * sizeof(*r->buf);
	while (got < want) {
		ssize_t k = pread(s->fd, (char *)r->buf + got, want - got, (off_t)(r->next * sizeof(*r->buf) + got));

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return pr_fail_errno(ei, "index: cannot read temporary data back");
		got += (size_t)k;
	}
	r->n = (size_t)n;
	r->next += n;
	return PR_OK;
}

/* Runs come in the order in which they were made: ties keep it. */
static bool run_before(const struct pr_sorter *s, size_t a, size_t b)
{
	const struct run *ra = &s->runs[a], *rb = &s->runs[b];
	int c = pr_facts_compare(&ra->buf[ra->pos], &rb->buf[rb->pos]);

	return c ? c < 0 : a < b;
}

static void sift_down(struct pr_sorter *s, size_t i)
{
	for (;;) {
		size_t least = i, l = 2 * i + 1, r = l + 1, t;

		if (l < s->n_heap && run_before(s, s->heap[l], s->heap[least]))
			least = l;
		if (r < s->n_heap && run_before(s, s->heap[r], s->heap[least]))
			least = r;
		if (least == i)
			return;
		t = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = t;
		i = least;
	}
}

int pr_sorter_sort(struct pr_sorter *s, struct pr_errinfo *ei)
{
	int err;

	s->pos = 0;
	if (s->fd < 0) {
		sort_memory(s);
		return PR_OK;
	}
	err = s->n ? spill(s, ei) : PR_OK;
	if (err)
		return err;
	free(s->facts); /* nothing more is added */
	free(s->order);
	s->facts = NULL;
	s->order = NULL;
	s->per_run = MERGE_BYTES / sizeof(struct pr_facts) / s->n_runs;
	if (s->per_run < 16)
		s->per_run = 16;
	s->heap = malloc(s->n_runs * sizeof(*s->heap));
	if (!s->heap)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n_runs; i++) {
		s->runs[i].buf = malloc(s->per_run * sizeof(struct pr_facts));
		if (!s->runs[i].buf)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		err = refill(s, &s->runs[i], ei);
		if (err)
			return err;
		s->heap[s->n_heap++] = i;
	}
	for (size_t i = s->n_heap; i-- > 0;)
		sift_down(s, i);
	return PR_OK;
}

int pr_sorter_next(struct pr_sorter *s, struct pr_facts *out, struct pr_errinfo *ei)
{
	struct run *r;
	int err;

	if (s->fd < 0) {
		if (s->pos == s->n)
			return PR_END;
		*out = s->facts[s->order[s->pos++].at];
		return PR_OK;
	}
	if (!s->n_heap)
		return PR_END;
	r = &s->runs[s->heap[0]];
	*out = r->buf[r->pos++];
	if (r->pos == r->n && r->next < r->end) {
		err = refill(s, r, ei);
		if (err)
			return err;
	} else if (r->pos == r->n) {
		s->heap[0] = s->heap[--s->n_heap];
	}
	sift_down(s, 0);
	return PR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_source {
	struct pr_source base;
	int fd; /* owned */
	char name[]; /* the path */
};

struct memory_source {
	struct pr_source base;
	const uint8_t *p; /* borrowed */
	size_t n;
};

static int file_read_at(struct pr_source *s, uint64_t off, void *p, size_t n, size_t *out_n, struct pr_errinfo *ei)
{
	struct file_source *f = (struct file_source *)s;
	size_t done = 0;

	while (done < n) {
		ssize_t k = pread(f->fd, (char *)p + done, n - done, (off_t)(off + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return pr_fail_errno(ei, "%s: cannot read at byte %llu", s->name, (unsigned long long)(off + done));
		if (k == 0)
			break;
		done += (size_t)k;
	}
	*out_n = done;
	return PR_OK;
}

static int file_size(struct pr_source *s, uint64_t *out_size, struct pr_errinfo *ei)
{
	struct stat st;

	if (fstat(((struct file_source *)s)->fd, &st))
		return pr_fail_errno(ei, "%s: cannot tell its size", s->name);
	*out_size = (uint64_t)st.st_size;
	return PR_OK;
}

static enum pr_file_writer file_writer(struct pr_source *s)
{
	return pr_file_writer(((struct file_source *)s)->fd);
}

static void file_close(struct pr_source *s)
{
	close(((struct file_source *)s)->fd);
	free(s);
}

static const struct pr_source_ops file_ops = {file_read_at, file_size, file_writer, file_close};

int pr_source_file(struct pr_source **out, const char *path, struct pr_errinfo *ei)
{
	struct file_source *f = malloc(sizeof(*f) + strlen(path) + 1);
	struct stat st;

	if (!f)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	strcpy(f->name, path);
	f->base = (struct pr_source){&file_ops, f->name};
	/* O_NONBLOCK: opening a fifo must not wait for its writer; it has no meaning for regular files. */
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0) {
		free(f);
		return pr_fail_errno(ei, "%s: cannot open", path);
	}
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode)) {
		file_close(&f->base);
		return pr_fail(ei, PR_EFORMAT, "%s: not a regular file, so not a trace", path);
	}
	*out = &f->base;
	return PR_OK;
}

static int memory_read_at(struct pr_source *s, uint64_t off, void *p, size_t n, size_t *out_n, struct pr_errinfo *ei)
{
	struct memory_source *m = (struct memory_source *)s;
	size_t k = off >= m->n ? 0 : m->n - (size_t)off;

	(void)ei;
	if (k > n)
		k = n;
	if (k)
		memcpy(p, m->p + off, k);
	*out_n = k;
	return PR_OK;
}

static int memory_size(struct pr_source *s, uint64_t *out_size, struct pr_errinfo *ei)
{
	(void)ei;
	*out_size = ((struct memory_source *)s)->n;
	return PR_OK;
}

static enum pr_file_writer memory_writer(struct pr_source *s)
{
	(void)s;
	return PR_WRITER_NONE;
}

static void memory_close(struct pr_source *s)
{
	free(s);
}

static const struct pr_source_ops memory_ops = {memory_read_at, memory_size, memory_writer, memory_close};

struct pr_source *pr_source_memory(const void *p, size_t n)
{
	struct memory_source *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	*m = (struct memory_source){{&memory_ops, "memory"}, p, n};
	return &m->base;
}

/* ---- of another one ----------------------------------------------------------------------------------------------- */

struct borrowed_source {
	struct pr_source base;
	struct pr_source *of; /* borrowed */
};

static struct pr_source *lender(struct pr_source *s)
{
	return ((struct borrowed_source *)s)->of;
}

static int borrowed_read_at(struct pr_source *s, uint64_t off, void *p, size_t n, size_t *out_n, struct pr_errinfo *ei)
{
	return lender(s)->ops->read_at(lender(s), off, p, n, out_n, ei);
}

static int borrowed_size(struct pr_source *s, uint64_t *out_size, struct pr_errinfo *ei)
{
	return lender(s)->ops->size(lender(s), out_size, ei);
}

static enum pr_file_writer borrowed_writer(struct pr_source *s)
{
	return lender(s)->ops->writer(lender(s));
}

static void borrowed_close(struct pr_source *s)
{
	free(s);
}

static const struct pr_source_ops borrowed_ops = {borrowed_read_at, borrowed_size, borrowed_writer, borrowed_close};

struct pr_source *pr_source_borrow(struct pr_source *of)
{
	struct borrowed_source *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct borrowed_source){{&borrowed_ops, of->name}, of};
	return &b->base;
}

void pr_source_close(struct pr_source *s)
{
	if (s)
		s->ops->close(s);
}

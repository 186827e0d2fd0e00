/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h: where the bytes of a segment come from. A file for users, memory for unit tests and fuzzers.
 */
#ifndef PROCREC_SCHEMA_SOURCE_H
#define PROCREC_SCHEMA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"

struct pr_source;

struct pr_source_ops {
	/* Reads up to n bytes at `off` into p; *out_n is short only at the end of the source. 0 or PR_EIO. */
	int (*read_at)(struct pr_source *s, uint64_t off, void *p, size_t n, size_t *out_n, struct pr_errinfo *ei);
	/* The size now; a segment that is being written grows. 0 or PR_EIO. */
	int (*size)(struct pr_source *s, uint64_t *out_size, struct pr_errinfo *ei);
	/* Whether somebody has claimed it for writing. */
	enum pr_file_writer (*writer)(struct pr_source *s);
	/* Frees what s owns, and s. */
	void (*close)(struct pr_source *s);
};

struct pr_source {
	const struct pr_source_ops *ops;
	const char *name; /* for messages: the path, or "memory" */
};

/*
 * Opens a regular file for reading. PR_ENOENT never: a file that is not there is PR_EIO with the system's reason; a
 * directory, pipe or device is PR_EFORMAT. The caller closes with pr_source_close.
 */
int pr_source_file(struct pr_source **out, const char *path, struct pr_errinfo *ei);

/* Borrows n bytes at p until closed. NULL when memory runs out. */
struct pr_source *pr_source_memory(const void *p, size_t n);

/* Another reader of the same source, which must outlive it. NULL when memory runs out. */
struct pr_source *pr_source_borrow(struct pr_source *of);

void pr_source_close(struct pr_source *s); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * out.h: buffered output of results, with its errors kept.
 *
 * A command that printed its whole answer but lost half of it to a full disk has failed: pr_out_close says so.
 */
#ifndef PROCREC_BASE_OUT_H
#define PROCREC_BASE_OUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct pr_out {
	struct pr_buf buf; /* append here; then call pr_out_check now and then */
	int fd; /* borrowed */
	int sys_errno; /* first write error, 0: none */
};

void pr_out_init(struct pr_out *o, int fd);

/* Writes the buffer out when it holds more than 64 KiB. False once writing failed: the caller should stop. */
bool pr_out_check(struct pr_out *o);

/* Behind what was appended: the bytes of b, of which no copy is made when they are many. As pr_out_check. */
bool pr_out_put(struct pr_out *o, const struct pr_buf *b);

/* Writes everything out now. */
bool pr_out_flush(struct pr_out *o);

/*
 * Flushes and frees. PR_EIO with the reason when anything was lost. A reader that closed the pipe (EPIPE) got what it
 * wanted: that is success.
 */
int pr_out_close(struct pr_out *o, struct pr_errinfo *ei);

/* Writes all n bytes to fd, going on after short writes and EINTR. 0, or -1 with errno set. */
int pr_write_all(int fd, const void *p, size_t n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/out.h"

#include <errno.h>
#include <unistd.h>

#define OUT_FLUSH_AT (64u << 10)

int pr_write_all(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t k = write(fd, c, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		c += k;
		n -= (size_t)k;
	}
	return 0;
}

void pr_out_init(struct pr_out *o, int fd)
{
	pr_buf_init(&o->buf);
	o->fd = fd;
	o->sys_errno = 0;
}

bool pr_out_flush(struct pr_out *o)
{
	if (o->buf.failed && !o->sys_errno)
		o->sys_errno = ENOMEM;
	if (!o->sys_errno && pr_write_all(o->fd, o->buf.data, o->buf.len))
		o->sys_errno = errno;
	pr_buf_clear(&o->buf);
	return !o->sys_errno;
}

bool pr_out_check(struct pr_out *o)
{
	if (o->buf.len < OUT_FLUSH_AT && !o->buf.failed)
		return !o->sys_errno;
	return pr_out_flush(o);
}

bool pr_out_put(struct pr_out *o, const struct pr_buf *b)
{
	if (b->len < OUT_FLUSH_AT || b->failed) {
		pr_buf_append(&o->buf, b->data, b->len);
		o->buf.failed |= b->failed;
		return pr_out_check(o);
	}
	if (pr_out_flush(o) && pr_write_all(o->fd, b->data, b->len))
		o->sys_errno = errno;
	return !o->sys_errno;
}

int pr_out_close(struct pr_out *o, struct pr_errinfo *ei)
{
	pr_out_flush(o);
	pr_buf_release(&o->buf);
	if (!o->sys_errno || o->sys_errno == EPIPE)
		return PR_OK;
	errno = o->sys_errno;
	return pr_fail_errno(ei, "cannot write the output");
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define AT_ONCE (1u << 20) /* less than that is not worth a call */

int pr_memory_create(int *out_fd, char path[32], struct pr_errinfo *ei)
{
	int fd = memfd_create("procrec", MFD_CLOEXEC);

	if (fd < 0)
		return pr_fail_errno(ei, "cannot get memory for the frames");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	*out_fd = fd;
	return PR_OK;
}

int pr_memory_open(const char *path, int *out_fd, struct pr_errinfo *ei)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return pr_fail_errno(ei, "%s: cannot open the memory for the frames", path);
	*out_fd = fd;
	return PR_OK;
}

void pr_memory_forget(int fd, uint64_t size, uint64_t *io_from)
{
	uint64_t from = *io_from < PR_MEMORY_HEAD ? PR_MEMORY_HEAD : *io_from;

	if (size < from + PR_MEMORY_NEWEST + AT_ONCE)
		return;
	/* Where that can't be done it costs memory, and no frame. */
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(size - PR_MEMORY_NEWEST - from));
	*io_from = size - PR_MEMORY_NEWEST;
}

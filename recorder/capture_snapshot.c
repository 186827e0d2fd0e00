/* SPDX-License-Identifier: BSD-2-Clause */
/* capture_snapshot.c: runs the task iterator and takes its output apart into records; see bpf/snapshot.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/capture_int.h"

#define READ_BYTES (64u << 10)

/* Hands out the whole records at the front of buf; returns the bytes that they take, or a negative value of fn. */
static ssize_t take_records(const uint8_t *buf, size_t len, pr_capture_snap_fn fn, void *arg, struct pr_errinfo *ei)
{
	struct pr_snap snap;
	size_t at = 0;
	int rc;

	while (len - at >= sizeof(snap)) {
		memcpy(&snap, buf + at, sizeof(snap));
		if (snap.cgroup_len > PR_SNAP_CGROUP_MAX || snap.size != sizeof(snap) + snap.cgroup_len)
			return pr_fail(ei, PR_EFORMAT, "the task iterator wrote a record of %u bytes", snap.size);
		if (len - at < snap.size)
			break;
		rc = fn(arg, &snap, (const char *)buf + at + sizeof(snap));
		if (rc)
			return rc < 0 ? rc : pr_fail(ei, PR_ELIMIT, "the scan was ended early");
		at += snap.size;
	}
	return (ssize_t)at;
}

static int read_all(int fd, pr_capture_snap_fn fn, void *arg, struct pr_errinfo *ei)
{
	uint8_t *buf = malloc(READ_BYTES);
	size_t have = 0;
	ssize_t n, used;
	int rc = 0;

	if (!buf)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	for (;;) {
		n = read(fd, buf + have, READ_BYTES - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		used = take_records(buf, have, fn, arg, ei);
		if (used < 0) {
			rc = (int)used;
			goto out;
		}
		have -= (size_t)used;
		memmove(buf, buf + used, have);
	}
	if (n < 0)
		rc = pr_fail_errno(ei, "cannot read the list of processes from the kernel");
	else if (have)
		rc = pr_fail(ei, PR_ETRUNC, "the kernel's list of processes ends inside a record");
out:
	free(buf);
	return rc;
}

int pr_capture_snapshot(
	struct pr_capture *cap, enum pr_snapshot_mode mode, pr_capture_snap_fn fn, void *arg, struct pr_errinfo *ei)
{
	struct bpf_link *link;
	int fd, rc;

	cap->skel->bss->snap_again = mode == PR_SNAPSHOT_AGAIN;
	cap->skel->bss->scan++;
	link = bpf_program__attach_iter(cap->skel->progs.snapshot, NULL);
	if (!link)
		return pr_fail(ei, PR_EPERM, "cannot start the task iterator: %s", strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		rc = pr_fail(ei, PR_EPERM, "cannot start the task iterator: %s", strerror(errno));
	else
		rc = read_all(fd, fn, arg, ei);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return rc;
}

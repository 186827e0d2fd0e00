/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * committed.c: preloaded into a recorder, keeps in the folder $COMMITTED what the disk has promised to hold: after each fdatasync() or
 * fsync() of a segment that returned 0, a file of the segment's name holds the bytes that the segment had before the call.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name within its folder of the segment that is open as fd; false: it is something else. */
static bool segment_name(int fd, char *path, size_t n)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, n - 1);
	if (len < 4)
		return false;
	path[len] = '\0';
	return !strcmp(path + len - 4, ".seg");
}

static void keep(const char *path, off_t size)
{
	const char *folder = getenv("COMMITTED"), *name = strrchr(path, '/') + 1;
	char copy[4096], block[65536];
	int from, to;
	off_t at;

	if (!folder)
		return;
	snprintf(copy, sizeof(copy), "%s/%s", folder, name);
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = open(copy, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	at = to < 0 ? size : lseek(to, 0, SEEK_END);
	while (from >= 0 && at < size) {
		size_t want = (size_t)(size - at) < sizeof(block) ? (size_t)(size - at) : sizeof(block);
		ssize_t n = pread(from, block, want, at);

		if (n <= 0 || write(to, block, (size_t)n) != n)
			break;
		at += n;
	}
	close(from);
	close(to);
}

static int commit(int fd, const char *call)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
	char path[4096];
	struct stat st;
	bool segment = !fstat(fd, &st) && S_ISREG(st.st_mode) && segment_name(fd, path, sizeof(path));

	if (real(fd))
		return -1;
	if (segment)
		keep(path, st.st_size);
	return 0;
}

int fdatasync(int fd)
{
	return commit(fd, "fdatasync");
}

int fsync(int fd)
{
	return commit(fd, "fsync");
}

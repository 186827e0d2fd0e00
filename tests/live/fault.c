/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c: preloaded into a recorder, makes its calls on segments fail: FAULT="CALL:N:ERRNO[:always]" fails the Nth such call (from 1),
 * once or from there on. CALL: write, fdatasync, fsync, rename, open. SLOW=MS: each fdatasync takes so many milliseconds more. Files other
 * than segments are left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_segment(const char *path)
{
	const char *end = strstr(path, ".seg");

	return end && (!end[4] || !strcmp(end + 4, ".part") || (end[4] == '.' && end[5] >= '0' && end[5] <= '9'));
}

static bool fails(const char *call, const char *path)
{
	static atomic_int count;
	const char *spec = getenv("FAULT");
	size_t n = strlen(call);
	int at, code, now, used = 0;

	if (!spec || strncmp(spec, call, n) || spec[n] != ':' || !is_segment(path))
		return false;
	if (sscanf(spec + n, ":%d:%d%n", &at, &code, &used) != 2)
		return false;
	now = ++count;
	if (now != at && !(now > at && !strcmp(spec + n + used, ":always")))
		return false;
	errno = code;
	return true;
}

/* False: it has none. */
static bool path_of(int fd, char path[4096])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, 4095);
	if (n < 0)
		return false;
	path[n] = '\0';
	return true;
}

static bool fd_fails(const char *call, int fd)
{
	char path[4096];

	return path_of(fd, path) && fails(call, path);
}

ssize_t write(int fd, const void *p, size_t n)
{
	ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");

	if (fd_fails("write", fd)) {
		int code = errno;

		real(fd, p, n / 2); /* as much as there was room for */
		errno = code;
		return -1;
	}
	return real(fd, p, n);
}

int fdatasync(int fd)
{
	const char *ms = getenv("SLOW");
	char path[4096];

	if (ms && path_of(fd, path) && is_segment(path))
		usleep((useconds_t)atoi(ms) * 1000);
	return fd_fails("fdatasync", fd) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd)
{
	return fd_fails("fsync", fd) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int rename(const char *from, const char *to)
{
	return fails("rename", to) ? -1 : ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if (flags & O_CREAT && fails("open", path))
		return -1;
	return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c: preloaded into a recorder, makes its calls on segments fail: FAULT="CALL:N:ERRNO[:always]" fails the Nth such call (from 1),
 * once or from there on. CALL: write, pwrite, fdatasync, fsync, rename, open (that creates), mmap (of any file or none). SLOW=MS: each
 * fdatasync takes so many milliseconds more. Files other than segments are left alone; with FAULT_IN=END all whose names do not end so.
 * FAULT_HIT=FILE: is there once a call has failed, so that a test knows that it tested something.
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
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_segment(const char *path)
{
	const char *end = strstr(path, ".seg");

	return end && (!end[4] || !strcmp(end + 4, ".part") || (end[4] == '.' && end[5] >= '0' && end[5] <= '9'));
}

static bool is_meant(const char *path)
{
	const char *end = getenv("FAULT_IN");
	size_t n = strlen(path), k = end ? strlen(end) : 0;

	return end ? n >= k && !strcmp(path + n - k, end) : is_segment(path);
}

static void tell(void)
{
	const char *path = getenv("FAULT_HIT");
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close((int)fd);
}

/* path NULL: any. */
static bool fails(const char *call, const char *path)
{
	static atomic_int count;
	const char *spec = getenv("FAULT");
	size_t n = strlen(call);
	int at, code, now, used = 0;

	if (!spec || strncmp(spec, call, n) || spec[n] != ':' || (path && !is_meant(path)))
		return false;
	if (sscanf(spec + n, ":%d:%d%n", &at, &code, &used) != 2)
		return false;
	now = ++count;
	if (now != at && !(now > at && !strcmp(spec + n + used, ":always")))
		return false;
	tell();
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

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fd_fails("pwrite", fd) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return fails("mmap", NULL) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
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
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return flags & O_CREAT && fails("open", path) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

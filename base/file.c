/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int remove_old(const char *path, struct pr_errinfo *ei)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? PR_OK : pr_fail_errno(ei, "%s: cannot look at it", path);
	if (!S_ISREG(st.st_mode))
		return pr_fail(ei, PR_EBUSY, "%s: exists and is not a regular file, so it is not replaced; choose another name", path);
	if (unlink(path))
		return pr_fail_errno(ei, "%s: cannot remove the old file", path);
	return PR_OK;
}

int pr_file_create(const char *path, bool force, int *out_fd, struct pr_errinfo *ei)
{
	int err, fd;

	if (force) {
		err = remove_old(path, ei);
		if (err)
			return err;
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return pr_fail(ei, PR_EBUSY, "%s: exists already; choose another name, or replace it with --force", path);
	if (fd < 0)
		return pr_fail_errno(ei, "%s: cannot create", path);
	*out_fd = fd;
	return PR_OK;
}

int pr_file_commit(int fd)
{
	struct statvfs st;

	if (fdatasync(fd))
		return errno == EINVAL ? 0 : -1;
	if (fstatvfs(fd, &st) || !(st.f_flag & ST_RDONLY))
		return 0;
	errno = EROFS;
	return -1;
}

int pr_file_commit_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd, err, code;

	if (!folder)
		return -1;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return 0;
	err = fsync(fd) && errno != EINVAL ? -1 : 0;
	code = errno;
	close(fd);
	errno = code;
	return err;
}

/* Locks of the open file description: they do not go when another descriptor of the same file is closed, as those of the process do. */
bool pr_file_claim(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (!fcntl(fd, F_OFD_SETLK, &l))
		return true;
	if (errno == EACCES)
		errno = EAGAIN;
	return false;
}

enum pr_file_writer pr_file_writer(int fd)
{
	struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &l))
		return PR_WRITER_UNKNOWN;
	return l.l_type == F_UNLCK ? PR_WRITER_NONE : PR_WRITER_THERE;
}

int pr_file_open_input(const char *path, int *out_fd, struct pr_errinfo *ei)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return pr_fail_errno(ei, "%s: cannot open", path);
	*out_fd = fd;
	return PR_OK;
}

void pr_file_allow_many(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

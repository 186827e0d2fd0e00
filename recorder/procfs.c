/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_MAX 4096
#define LINK_MAX_BYTES 8192

int pr_procfs_open(const char *path, int *out_fd, struct pr_errinfo *ei)
{
	*out_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out_fd < 0 ? pr_fail_errno(ei, "cannot open %s (is procfs mounted?)", path) : PR_OK;
}

static int open_part(int proc_fd, uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%u/%s", pid, name);
	return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

/* Up to `max` bytes; *out_more: there are further ones. False: it cannot be read. */
static bool read_part(int proc_fd, uint32_t pid, const char *name, size_t max, struct pr_buf *out, bool *out_more)
{
	int fd = open_part(proc_fd, pid, name);
	ssize_t n = 0;

	pr_buf_clear(out);
	*out_more = false;
	if (fd < 0)
		return false;
	while (out->len <= max) {
		if (!pr_buf_reserve(out, 4096))
			break;
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += (size_t)n;
	}
	close(fd);
	if (out->len > max) {
		out->len = max;
		*out_more = true;
	}
	return n >= 0 && !pr_buf_failed(out);
}

/* Field `index` (counted as in proc(5), from 3: the one behind the name) of a space-separated list. */
static uint64_t stat_field(const char *p, const char *end, unsigned index)
{
	for (unsigned i = 3; i < index && p < end; i++) {
		p = memchr(p, ' ', (size_t)(end - p));
		if (!p)
			return 0;
		p++;
	}
	return p < end ? strtoull(p, NULL, 10) : 0;
}

bool pr_procfs_parse_stat(const char *text, size_t n, struct pr_proc_stat *out)
{
	char buf[STAT_MAX + 1];
	const char *open, *close, *rest, *end;
	size_t len;

	memset(out, 0, sizeof(*out));
	if (n > STAT_MAX)
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0'; /* strtoull needs an end */
	end = buf + n;
	open = memchr(buf, '(', n);
	close = memrchr(buf, ')', n); /* the name may hold any number of them; what follows it holds none */
	if (!open || !close || close < open || end - close < 4 || close[1] != ' ')
		return false;
	len = (size_t)(close - open - 1);
	if (len > sizeof(out->comm) - 1)
		len = sizeof(out->comm) - 1;
	memcpy(out->comm, open + 1, len);
	rest = close + 2;
	out->state = *rest;
	out->ppid = (uint32_t)stat_field(rest, end, 4);
	out->pgid = (uint32_t)stat_field(rest, end, 5);
	out->sid = (uint32_t)stat_field(rest, end, 6);
	out->start_ticks = stat_field(rest, end, 22);
	out->arg_start = stat_field(rest, end, 48);
	return true;
}

bool pr_procfs_stat(int proc_fd, uint32_t pid, struct pr_proc_stat *out)
{
	char text[STAT_MAX];
	int fd = open_part(proc_fd, pid, "stat");
	ssize_t n;

	if (fd < 0)
		return false;
	do
		n = read(fd, text, sizeof(text));
	while (n < 0 && errno == EINTR);
	close(fd);
	return n > 0 && pr_procfs_parse_stat(text, (size_t)n, out);
}

void pr_proc_image_init(struct pr_proc_image *img)
{
	memset(img, 0, sizeof(*img));
}

void pr_proc_image_release(struct pr_proc_image *img)
{
	pr_buf_release(&img->cmdline);
	pr_buf_release(&img->exe);
	pr_buf_release(&img->cwd);
}

/*
 * The kernel appends " (deleted)" to the path of a file that is gone; a file may also really be called so. Only the link
 * count behind the magic link tells them apart.
 */
static void strip_deleted(struct pr_buf *b, bool known, nlink_t nlink)
{
	static const char mark[] = " (deleted)";
	const size_t n = sizeof(mark) - 1;

	if (b->len > n && !memcmp(b->data + b->len - n, mark, n) && (!known || nlink == 0))
		b->len -= n;
}

static bool read_link(int proc_fd, uint32_t pid, const char *name, struct pr_buf *out, uint64_t *out_ino)
{
	struct stat st;
	char path[64];
	ssize_t n;
	bool known;

	*out_ino = 0;
	pr_buf_clear(out);
	snprintf(path, sizeof(path), "%u/%s", pid, name);
	if (!pr_buf_reserve(out, LINK_MAX_BYTES))
		return false;
	n = readlinkat(proc_fd, path, (char *)out->data, LINK_MAX_BYTES);
	if (n <= 0 || n == LINK_MAX_BYTES)
		return false;
	out->len = (size_t)n;
	known = !fstatat(proc_fd, path, &st, 0);
	strip_deleted(out, known, known ? st.st_nlink : 0);
	if (known)
		*out_ino = st.st_ino;
	return true;
}

void pr_procfs_image(int proc_fd, uint32_t pid, struct pr_proc_image *img)
{
	uint64_t ino;

	img->has_cmdline = read_part(proc_fd, pid, "cmdline", PR_PROCFS_ARGS_MAX, &img->cmdline, &img->args_cut);
	img->has_exe = read_link(proc_fd, pid, "exe", &img->exe, &img->exe_ino);
	img->has_cwd = read_link(proc_fd, pid, "cwd", &img->cwd, &ino);
}

void pr_procfs_split(const uint8_t *cmdline, size_t n, struct pr_args_view *out)
{
	const uint8_t *nul;

	memset(out, 0, sizeof(*out));
	if (!n)
		return;
	out->argc = cmdline[n - 1] != '\0';
	for (size_t i = 0; i < n; i++)
		out->argc += cmdline[i] == '\0';
	nul = memchr(cmdline, '\0', n);
	out->argv0 = cmdline;
	out->argv0_len = nul ? (size_t)(nul - cmdline) : n;
	if (!nul || nul + 1 == cmdline + n)
		return;
	out->rest = nul + 1;
	out->rest_bytes = n - out->argv0_len - 1;
	out->rest_len = out->rest_bytes - (cmdline[n - 1] == '\0');
}

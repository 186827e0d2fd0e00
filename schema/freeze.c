/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/out.h"
#include "schema/recording.h"

#define PREFIX "frozen-"
#define PART ".part" /* of a set that is not whole yet */
#define DIGITS 6u
#define WHY "why"

/* "frozen-000003" */
static bool parse_set(const char *name, uint64_t *out)
{
	const char *p = name + sizeof(PREFIX) - 1;
	uint64_t v = 0;

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) || strlen(p) != DIGITS)
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	*out = v;
	return !*p;
}

struct sets {
	uint64_t n, next;
};

static int count_sets(const char *dir, struct sets *out, struct pr_errinfo *ei)
{
	struct pr_dir_names names;
	uint64_t number;
	int err = pr_dir_list(dir, "", &names, ei);

	*out = (struct sets){0};
	if (err)
		return err;
	for (size_t i = 0; i < names.n; i++) {
		if (!parse_set(names.v[i], &number))
			continue;
		out->n++;
		if (number >= out->next)
			out->next = number + 1;
	}
	pr_dir_release(&names);
	return PR_OK;
}

/* Bytes of all segments. */
static int sum_up(const char *dir, uint64_t *out, struct pr_errinfo *ei)
{
	struct pr_recording r;
	int err = pr_recording_list(&r, dir, ei);

	*out = 0;
	if (err)
		return err;
	for (size_t i = 0; i < r.n; i++)
		*out += r.v[i].size;
	pr_recording_release(&r);
	return PR_OK;
}

int pr_freeze_check(const char *dir, uint64_t limit, struct pr_errinfo *ei)
{
	struct statvfs st;
	struct sets sets;
	uint64_t bytes;
	int err = count_sets(dir, &sets, ei);

	if (!err && sets.n >= limit)
		return pr_fail(ei, PR_EBUSY, "%s: %llu frozen sets are there, as many as there may be: move some away", dir,
			(unsigned long long)sets.n);
	if (!err)
		err = sum_up(dir, &bytes, ei);
	if (!err && !statvfs(dir, &st) && (uint64_t)st.f_bavail * st.f_frsize < bytes)
		return pr_fail(ei, PR_EBUSY, "%s: not frozen: the disk has no room for as much history again", dir);
	return err;
}

struct freeze {
	int dir_fd, set_fd;
	struct pr_frozen_set *out;
	const char *dir;
};

static int link_file(struct freeze *z, const char *name, bool must, struct pr_errinfo *ei)
{
	if (!linkat(z->dir_fd, name, z->set_fd, name, 0) || (!must && errno == ENOENT))
		return PR_OK;
	return pr_fail_errno(ei, "%s/%s: cannot link it into a frozen set", z->dir, name);
}

static int link_segment(struct freeze *z, const struct pr_recording_entry *e, struct pr_errinfo *ei)
{
	static const char *const beside[] = {".idx", ".minisig"};
	char name[64], full[96];
	int err;

	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)e->series);
	err = link_file(z, name, true, ei);
	for (size_t i = 0; !err && i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(full, sizeof(full), "%s%s", name, beside[i]);
		err = link_file(z, full, false, ei);
	}
	z->out->segments++;
	z->out->bytes += e->size;
	return err;
}

static int link_all(struct freeze *z, uint64_t but, struct pr_errinfo *ei)
{
	struct pr_recording r;
	int err = pr_recording_list(&r, z->dir, ei);

	if (err)
		return err;
	for (size_t i = 0; !err && i < r.n; i++)
		if (r.v[i].series != but)
			err = link_segment(z, &r.v[i], ei);
	pr_recording_release(&r);
	if (!err && !z->out->segments)
		err = pr_fail(ei, PR_ENOENT, "%s: nothing to freeze: it holds no segment", z->dir);
	return err;
}

static int put_why(struct freeze *z, const char *part, const char *why, struct pr_errinfo *ei)
{
	int fd = openat(z->set_fd, WHY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool bad = fd < 0 || pr_write_all(fd, why, strlen(why)) || fsync(fd);
	int err = bad ? pr_fail_errno(ei, "%s/%s/" WHY ": cannot write", z->dir, part) : PR_OK;

	if (fd >= 0)
		close(fd);
	return err;
}

/* What a set that was begun holds, and its folder. */
static void remove_part(int dir_fd, const char *dir, const char *part)
{
	struct pr_dir_names names;
	char *path;
	int fd = openat(dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (asprintf(&path, "%s/%s", dir, part) >= 0) {
		if (!pr_dir_list(path, "", &names, NULL)) {
			for (size_t i = 0; i < names.n; i++)
				unlinkat(fd, names.v[i], 0);
			pr_dir_release(&names);
		}
		free(path);
	}
	close(fd);
	unlinkat(dir_fd, part, AT_REMOVEDIR);
}

static int make_set(struct freeze *z, const char *part, uint64_t but, const char *why, struct pr_errinfo *ei)
{
	int err;

	if (mkdirat(z->dir_fd, part, 0700))
		return pr_fail_errno(ei, "%s/%s: cannot make it", z->dir, part);
	z->set_fd = openat(z->dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (z->set_fd < 0)
		return pr_fail_errno(ei, "%s/%s: cannot open it", z->dir, part);
	err = link_all(z, but, ei);
	if (!err)
		err = put_why(z, part, why, ei);
	if (!err && fsync(z->set_fd) && errno != EINVAL)
		err = pr_fail_errno(ei, "%s/%s: cannot sync it", z->dir, part);
	return err;
}

int pr_freeze(const char *dir, uint64_t but, const char *why, struct pr_frozen_set *out, struct pr_errinfo *ei)
{
	struct freeze z = {.dir_fd = -1, .set_fd = -1, .out = out, .dir = dir};
	char name[64], part[96];
	struct sets sets;
	int err = count_sets(dir, &sets, ei);

	*out = (struct pr_frozen_set){.number = sets.next};
	if (err)
		return err;
	z.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (z.dir_fd < 0)
		return pr_fail_errno(ei, "%s: cannot open", dir);
	snprintf(name, sizeof(name), PR_FREEZE_NAME, (unsigned long long)sets.next);
	snprintf(part, sizeof(part), "%s" PART, name);
	remove_part(z.dir_fd, dir, part); /* of a recorder that was killed */
	err = make_set(&z, part, but, why, ei);
	if (!err && renameat(z.dir_fd, part, z.dir_fd, name))
		err = pr_fail_errno(ei, "%s/%s: cannot rename it to %s", dir, part, name);
	if (!err && fsync(z.dir_fd) && errno != EINVAL)
		err = pr_fail_errno(ei, "%s: cannot sync the directory", dir);
	if (err)
		remove_part(z.dir_fd, dir, part);
	if (z.set_fd >= 0)
		close(z.set_fd);
	close(z.dir_fd);
	return err;
}

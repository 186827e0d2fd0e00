/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_pin.c: a capture that outlives its recorder. All maps, programs and links are pinned in one folder of a
 * bpffs; a later recorder takes the maps over and loads only the task iterator anew.
 *
 *   DIR/map_NAME, DIR/prog_NAME, DIR/link_NAME     the last link is pinned last: its presence says that the set is
 * whole
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "recorder/capture_int.h"

static const char *const prog_name[PR_CAPTURE_PROGRAMS] = {"exit", "exit2", "exec", "exec2", "clone", "clone2", "fail"};

static int pin_path(char *out, size_t size, const char *dir, const char *kind, const char *name)
{
	int n = snprintf(out, size, "%s/%s_%s", dir, kind, name);

	return n < 0 || (size_t)n >= size ? -1 : 0;
}

/* A map's name on disk: libbpf's names of the sections' maps hold dots, which bpffs does not take. */
static void map_pin_name(const struct bpf_map *map, char out[64])
{
	const char *name = bpf_map__name(map), *dot = strrchr(name, '.');

	snprintf(out, 64, "%s", dot ? dot + 1 : name);
}

/* There, and in a bpffs: nothing else can be a pin, and nothing else is ever removed. */
static bool in_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

int pr_capture_is_pinned(const char *pin_dir)
{
	char path[4096];

	return !pin_path(path, sizeof(path), pin_dir, "link", prog_name[PR_CAPTURE_CLONE]) && in_bpffs(path);
}

static bool is_pin_name(const char *name)
{
	return !strncmp(name, "link_", 5) || !strncmp(name, "prog_", 5) || !strncmp(name, "map_", 4);
}

/* Something in dir that no capture has pinned there, for others use bpffs as well: its name. False: nothing is. */
static bool find_foreign(const char *dir, char out[256])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	while (!found && d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || is_pin_name(e->d_name))
			continue;
		found = true;
		snprintf(out, 256, "%s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

int pr_pin_prepare(const char *dir, struct pr_errinfo *ei)
{
	bool made = !mkdir(dir, 0700);
	char foreign[256];

	if (!made && errno != EEXIST)
		return pr_fail_errno(
			ei, "cannot make %s (is its parent a mounted bpffs? mount -t bpf bpf /sys/fs/bpf)", dir);
	if (!in_bpffs(dir)) {
		if (made)
			rmdir(dir);
		return pr_fail(ei, PR_EPERM, "%s is not in a bpffs; mount -t bpf bpf /sys/fs/bpf", dir);
	}
	if (pr_capture_is_pinned(dir))
		return pr_fail(ei, PR_EBUSY,
			"%s holds a capture already: go on with it (record --resume) or end it (procrec stop)", dir);
	if (find_foreign(dir, foreign))
		return pr_fail(ei, PR_EBUSY, "%s holds %s, which is of no capture: --pin needs a folder of its own", dir, foreign);
	pr_capture_unpin(dir, NULL); /* remains of one that was not whole */
	if (mkdir(dir, 0700) && errno != EEXIST)
		return pr_fail_errno(ei, "cannot make %s", dir);
	return 0;
}

int pr_pin_save(struct pr_capture *cap, struct pr_errinfo *ei)
{
	char path[4096], name[64];
	struct bpf_map *map;
	int i, err = 0;

	bpf_object__for_each_map(map, cap->skel->obj)
	{
		map_pin_name(map, name);
		err = err ? err
			  : pin_path(path, sizeof(path), cap->pin_dir, "map", name) ||
				      bpf_obj_pin(bpf_map__fd(map), path);
	}
	for (i = 0; i < PR_CAPTURE_PROGRAMS && !err; i++)
		if (cap->prog[i])
			err = pin_path(path, sizeof(path), cap->pin_dir, "prog", prog_name[i]) ||
			      bpf_obj_pin(bpf_program__fd(cap->prog[i]), path);
	for (i = PR_CAPTURE_PROGRAMS - 1; i >= 0 && !err; i--)
		if (cap->link[i] && i != PR_CAPTURE_CLONE)
			err = pin_path(path, sizeof(path), cap->pin_dir, "link", prog_name[i]) ||
			      bpf_link__pin(cap->link[i], path);
	if (!err)
		err = pin_path(path, sizeof(path), cap->pin_dir, "link", prog_name[PR_CAPTURE_CLONE]) ||
		      bpf_link__pin(cap->link[PR_CAPTURE_CLONE], path);
	if (!err)
		return 0;
	pr_fail_errno(ei, "cannot pin the capture in %s", cap->pin_dir);
	pr_capture_unpin(cap->pin_dir, NULL);
	return PR_EIO;
}

/* Removes the entries of dir whose name begins with prefix. Returns how many there were. */
static int remove_entries(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)) && !unlinkat(dirfd(d), e->d_name, 0))
			n++;
	if (d)
		closedir(d);
	return n;
}

void pr_pin_remove_links(const char *dir)
{
	remove_entries(dir, "link_");
}

int pr_capture_unpin(const char *pin_dir, struct pr_errinfo *ei)
{
	char foreign[256];
	int n;

	if (!in_bpffs(pin_dir))
		return pr_fail(ei, PR_ENOENT, "%s holds no capture%s", pin_dir, access(pin_dir, F_OK) ? "" : ": it is not in a bpffs");
	if (!pr_capture_is_pinned(pin_dir) && find_foreign(pin_dir, foreign))
		return pr_fail(ei, PR_ENOENT, "%s holds no capture", pin_dir);
	n = remove_entries(pin_dir, "link_"); /* detaches */
	n += remove_entries(pin_dir, "prog_");
	n += remove_entries(pin_dir, "map_");
	if (!n)
		return pr_fail(ei, PR_ENOENT, "%s holds no capture", pin_dir);
	if (rmdir(pin_dir) && errno != ENOENT)
		return pr_fail_errno(ei, "cannot remove %s", pin_dir);
	return 0;
}

/* Gives every map of the fresh object the pinned one's descriptor, and leaves out every program but the iterator. */
static int take_over(struct pr_capture *cap, struct pr_errinfo *ei)
{
	char path[4096], name[64];
	struct bpf_program *prog;
	struct bpf_map_info info;
	struct bpf_map *map;
	__u32 len = sizeof(info);
	int fd, err;

	bpf_object__for_each_program(prog, cap->skel->obj)
		bpf_program__set_autoload(prog, prog == cap->skel->progs.snapshot);
	bpf_object__for_each_map(map, cap->skel->obj)
	{
		map_pin_name(map, name);
		if (pin_path(path, sizeof(path), cap->pin_dir, "map", name))
			return pr_fail(ei, PR_ELIMIT, "%s: the path is too long", cap->pin_dir);
		fd = bpf_obj_get(path);
		if (fd < 0)
			return pr_fail(
				ei, PR_ENOENT, "%s: %s; end what is left with procrec stop", path, strerror(errno));
		memset(&info, 0, sizeof(info));
		err = bpf_obj_get_info_by_fd(fd, &info, &len) || bpf_map__reuse_fd(map, fd);
		close(fd);
		if (err)
			return pr_fail(ei, PR_EBUSY,
				"%s does not fit this version of procrec; end it with procrec stop", path);
		if (map == cap->skel->maps.ring)
			cap->ring_bytes = info.max_entries;
	}
	return 0;
}

static int take_over_programs(struct pr_capture *cap)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	char path[4096];
	int i;

	for (i = 0; i < PR_CAPTURE_PROGRAMS; i++) {
		if (pin_path(path, sizeof(path), cap->pin_dir, "prog", prog_name[i]))
			continue;
		cap->prog_fd[i] = bpf_obj_get(path);
		if (cap->prog_fd[i] < 0)
			cap->prog_fd[i] = 0;
	}
	if (cap->prog_fd[PR_CAPTURE_EXEC] && !bpf_obj_get_info_by_fd(cap->prog_fd[PR_CAPTURE_EXEC], &info, &len))
		cap->btf = info.type == BPF_PROG_TYPE_TRACING;
	return 0;
}

int pr_capture_resume(const char *pin_dir, struct pr_capture **out_cap, struct pr_errinfo *ei)
{
	struct pr_capture *cap;
	struct pr_probe probe;
	int rc;

	if (!pr_capture_is_pinned(pin_dir))
		return pr_fail(ei, PR_ENOENT, "%s holds no capture that could be resumed", pin_dir);
	pr_probe_run(&probe);
	rc = pr_probe_error(&probe, ei);
	if (rc)
		return rc;
	cap = pr_capture_alloc(ei);
	if (!cap)
		return PR_ENOMEM;
	cap->pin_dir = strdup(pin_dir);
	cap->skel = procrec_bpf__open();
	if (!cap->pin_dir || !cap->skel)
		rc = pr_fail(ei, PR_ENOMEM, "cannot open the BPF object: %s", strerror(errno));
	if (!rc)
		rc = take_over(cap, ei);
	if (!rc && procrec_bpf__load(cap->skel))
		rc = pr_fail(ei, PR_EPERM, "cannot load the task iterator over the maps in %s: %s", pin_dir,
			strerror(errno));
	if (!rc)
		rc = take_over_programs(cap);
	if (!rc)
		rc = pr_capture_start(cap, ei);
	if (rc) {
		pr_capture_close(cap);
		return rc;
	}
	*out_cap = cap;
	return 0;
}

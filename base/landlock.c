/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/landlock.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitizer.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
#define OTHERS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

#define LINKS_MAX 65536 /* symbolic links of one folder that are looked at */

struct ruleset {
	int fd;
	uint64_t handled; /* by this kernel */
};

static bool is_folder(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

/* What can't be opened needs no rule: opening it will fail for its own reason, and with its own message. Takes fd over. */
static void allow_fd(const struct ruleset *r, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = rights & r->handled};

	if (fd < 0)
		return;
	if (!is_folder(fd))
		rule.allowed_access &= OF_FILES;
	syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(fd);
}

static void allow(const struct ruleset *r, const char *path, uint64_t rights)
{
	allow_fd(r, open(path, O_PATH | O_CLOEXEC), rights);
}

/* Where the links in a folder lead: segments may lie on another disk. */
static void allow_links(const struct ruleset *r, const char *folder, uint64_t rights)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int n = 0;

	while (d && n < LINKS_MAX && (e = readdir(d))) {
		if (e->d_type != DT_LNK)
			continue;
		allow_fd(r, openat(dirfd(d), e->d_name, O_PATH | O_CLOEXEC), rights);
		n++;
	}
	if (d)
		closedir(d);
}

static void allow_folder_of(const struct ruleset *r, const char *path, uint64_t rights)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	allow(r, folder, rights);
}

/* The index of a folder lies beside it: to be read, or to be made and renamed there. */
static void allow_beside(const struct ruleset *r, const char *folder, uint64_t rights)
{
	char name[PATH_MAX];
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	snprintf(name, sizeof(name), "%.*s.idx", (int)n, folder);
	allow(r, name, rights);
	if (rights & WRITES)
		allow_folder_of(r, name, rights);
}

static void allow_word(const struct ruleset *r, const char *path, uint64_t rights)
{
	char real[PATH_MAX];
	struct stat st;

	if (strlen(path) >= PATH_MAX)
		return;
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		allow(r, path, rights);
		allow_links(r, path, rights);
		allow_beside(r, path, rights);
		return;
	}
	allow_folder_of(r, path, rights);
	if (realpath(path, real))
		allow_folder_of(r, real, rights);
}

static void allow_words(const struct ruleset *r, char *const *argv, size_t n, uint64_t rights)
{
	for (size_t i = 0; i < n; i++) {
		const char *word = argv[i], *value = strchr(word, '=');

		if (word[0] != '-')
			allow_word(r, word, rights);
		else if (word[1] && word[1] != '-' && word[2])
			allow_word(r, word + 2, rights);
		if (value && value[1])
			allow_word(r, value + 1, rights);
	}
}

static void allow_common(const struct ruleset *r)
{
	static const char *const read[] = {"/etc/localtime", "/usr/share/zoneinfo", "/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo", "/proc/self",
		"/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu", "/dev/urandom"};
	static const char *const written[] = {"/dev/null", "/dev/tty"};

	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		allow(r, read[i], READS);
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		allow(r, written[i], READS | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

static bool make_ruleset(struct ruleset *r)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr;

	if (version < 1)
		return false;
	r->handled = READS | WRITES | OTHERS;
	if (version < 2)
		r->handled &= ~LANDLOCK_ACCESS_FS_REFER;
	if (version < 3)
		r->handled &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	attr = (struct landlock_ruleset_attr){.handled_access_fs = r->handled};
	r->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	return r->fd >= 0;
}

bool pr_landlock_enter(char *const *argv, size_t n, bool writes)
{
	struct ruleset r;
	bool ok;

	if (PR_WITH_SANITIZER || !make_ruleset(&r))
		return false;
	allow_common(&r);
	allow_words(&r, argv, n, READS | (writes ? WRITES : 0));
	ok = !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !syscall(SYS_landlock_restrict_self, r.fd, 0);
	close(r.fd);
	return ok;
}

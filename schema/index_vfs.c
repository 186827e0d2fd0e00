/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define VFS_NAME "procrec-index"
#define PAGE_DATA (PR_INDEX_PAGE - PR_INDEX_RESERVE)

/* The header of a database tells the version of SQLite that wrote it: always the same here, as all else is. */
#define WRITER_AT 96
static const uint8_t writer[4] = {0x00, 0x2e, 0x63, 0x01}; /* 3.40.1 */

/* SQLite allocates szOsFile bytes: ours, then the file of the VFS below. */
struct checked_file {
	sqlite3_file base;
	int main_db, read_only;
	char *temp; /* the name that it was given, which SQLite wants to stay; NULL: it had one */
	sqlite3_file below[];
};

/* What the VFS rests on. */
struct vfs_data {
	sqlite3_vfs *real;
	const char *dir; /* for temporary files; NULL: SQLite's own choice */
};

struct pr_index_vfs {
	sqlite3_vfs vfs;
	struct vfs_data data;
	char name[48];
	char dir[];
};

static sqlite3_file *below(sqlite3_file *f)
{
	return ((struct checked_file *)f)->below;
}

/* Two running sums with multiplication: any change of one word, and any exchange of two, changes it. */
static uint64_t checksum(const uint8_t *p, uint64_t page)
{
	uint64_t a = page * 0x9e3779b97f4a7c15u + 1, b = 0x70726f63u;

	for (size_t i = 0; i < PAGE_DATA; i += 8) {
		a = (a ^ pr_get_u64(p + i)) * 0xa0761d6478bd642fu;
		a ^= a >> 32;
		b += a;
	}
	return (a ^ b) | 1; /* never 0: a page of zeros is not a page */
}
_Static_assert(PAGE_DATA % 8 == 0, "whole words");

static int is_page(const struct checked_file *f, int n, sqlite3_int64 off)
{
	return f->main_db && n == PR_INDEX_PAGE && off % PR_INDEX_PAGE == 0;
}

static int vfs_read(sqlite3_file *file, void *p, int n, sqlite3_int64 off)
{
	struct checked_file *f = (struct checked_file *)file;
	int rc = below(file)->pMethods->xRead(below(file), p, n, off);

	if (rc == SQLITE_OK && f->read_only && is_page(f, n, off) &&
		pr_get_u64((uint8_t *)p + PAGE_DATA) != checksum(p, (uint64_t)(off / PR_INDEX_PAGE)))
		return SQLITE_CORRUPT;
	return rc;
}

static int vfs_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 off)
{
	struct checked_file *f = (struct checked_file *)file;
	uint8_t page[PR_INDEX_PAGE];

	if (!is_page(f, n, off))
		return below(file)->pMethods->xWrite(below(file), p, n, off);
	memcpy(page, p, PAGE_DATA);
	if (!off)
		memcpy(page + WRITER_AT, writer, sizeof(writer));
	pr_put_u64(page + PAGE_DATA, checksum(page, (uint64_t)(off / PR_INDEX_PAGE)));
	return below(file)->pMethods->xWrite(below(file), page, n, off);
}

static int vfs_close(sqlite3_file *f)
{
	int rc = below(f)->pMethods->xClose(below(f));

	sqlite3_free(((struct checked_file *)f)->temp);
	f->pMethods = NULL;
	return rc;
}

static int vfs_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return below(f)->pMethods->xTruncate(below(f), size);
}

static int vfs_sync(sqlite3_file *f, int flags)
{
	return below(f)->pMethods->xSync(below(f), flags);
}

static int vfs_size(sqlite3_file *f, sqlite3_int64 *out)
{
	return below(f)->pMethods->xFileSize(below(f), out);
}

static int vfs_lock(sqlite3_file *f, int level)
{
	return below(f)->pMethods->xLock(below(f), level);
}

static int vfs_unlock(sqlite3_file *f, int level)
{
	return below(f)->pMethods->xUnlock(below(f), level);
}

static int vfs_reserved(sqlite3_file *f, int *out)
{
	return below(f)->pMethods->xCheckReservedLock(below(f), out);
}

static int vfs_control(sqlite3_file *f, int op, void *arg)
{
	return below(f)->pMethods->xFileControl(below(f), op, arg);
}

static int vfs_sector(sqlite3_file *f)
{
	return below(f)->pMethods->xSectorSize(below(f));
}

static int vfs_device(sqlite3_file *f)
{
	int c = below(f)->pMethods->xDeviceCharacteristics(below(f));

	return ((struct checked_file *)f)->read_only ? c | SQLITE_IOCAP_IMMUTABLE : c;
}

static const sqlite3_io_methods io_methods = {
	.iVersion = 1,
	.xClose = vfs_close,
	.xRead = vfs_read,
	.xWrite = vfs_write,
	.xTruncate = vfs_truncate,
	.xSync = vfs_sync,
	.xFileSize = vfs_size,
	.xLock = vfs_lock,
	.xUnlock = vfs_unlock,
	.xCheckReservedLock = vfs_reserved,
	.xFileControl = vfs_control,
	.xSectorSize = vfs_sector,
	.xDeviceCharacteristics = vfs_device,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct checked_file *f = (struct checked_file *)file;
	const struct vfs_data *d = vfs->pAppData;
	uint64_t number;
	int rc;

	memset(f, 0, sizeof(*f));
	if (!name && d->dir) {
		sqlite3_randomness(sizeof(number), &number);
		f->temp = sqlite3_mprintf("%s/.procrec-%016llx", d->dir, (sqlite3_uint64)number);
		if (!f->temp)
			return SQLITE_NOMEM;
	}
	rc = d->real->xOpen(d->real, f->temp ? f->temp : name, below(file), flags, out_flags);
	if (rc != SQLITE_OK) {
		sqlite3_free(f->temp);
		return rc;
	}
	f->main_db = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	f->read_only = f->main_db && (flags & SQLITE_OPEN_READONLY);
	f->base.pMethods = &io_methods;
	return SQLITE_OK;
}

/* Makes *vfs a copy of the default one but for name, size and xOpen; SQLite links it into its list. */
static void register_as(sqlite3_vfs *vfs, const char *name, struct vfs_data *d)
{
	*vfs = *d->real;
	vfs->pNext = NULL;
	vfs->zName = name;
	vfs->pAppData = d;
	vfs->szOsFile = (int)sizeof(struct checked_file) + d->real->szOsFile;
	vfs->xOpen = vfs_open;
	sqlite3_vfs_register(vfs, 0);
}

static sqlite3_vfs checked;
static struct vfs_data checked_data;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void register_once(void)
{
	checked_data.real = sqlite3_vfs_find(NULL);
	if (checked_data.real)
		register_as(&checked, VFS_NAME, &checked_data);
}

const char *pr_index_vfs(void)
{
	pthread_once(&once, register_once);
	return sqlite3_vfs_find(VFS_NAME) ? VFS_NAME : NULL;
}

struct pr_index_vfs *pr_index_vfs_new(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? path : ".";
	size_t n = slash && slash > path ? (size_t)(slash - path) : 1;
	sqlite3_vfs *real = sqlite3_initialize() ? NULL : sqlite3_vfs_find(NULL);
	struct pr_index_vfs *v = real ? malloc(sizeof(*v) + n + 1) : NULL;

	if (!v)
		return NULL;
	memcpy(v->dir, dir, n);
	v->dir[n] = 0;
	v->data = (struct vfs_data){real, v->dir};
	snprintf(v->name, sizeof(v->name), VFS_NAME "-%p", (void *)v);
	register_as(&v->vfs, v->name, &v->data);
	return v;
}

const char *pr_index_vfs_name(const struct pr_index_vfs *v)
{
	return v->name;
}

void pr_index_vfs_free(struct pr_index_vfs *v)
{
	if (v)
		sqlite3_vfs_unregister(&v->vfs);
	free(v);
}

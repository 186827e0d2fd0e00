/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
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
	sqlite3_file below[];
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
	sqlite3_vfs *real = vfs->pAppData;
	int rc;

	memset(f, 0, sizeof(*f));
	rc = real->xOpen(real, name, below(file), flags, out_flags);
	if (rc != SQLITE_OK)
		return rc;
	f->main_db = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	f->read_only = f->main_db && (flags & SQLITE_OPEN_READONLY);
	f->base.pMethods = &io_methods;
	return SQLITE_OK;
}

static sqlite3_vfs checked; /* a copy of the default one but for name, size and xOpen; SQLite links it into its list */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void register_once(void)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	if (!real)
		return;
	checked = *real;
	checked.pNext = NULL;
	checked.zName = VFS_NAME;
	checked.pAppData = real;
	checked.szOsFile = (int)sizeof(struct checked_file) + real->szOsFile;
	checked.xOpen = vfs_open;
	sqlite3_vfs_register(&checked, 0);
}

const char *pr_index_vfs(void)
{
	pthread_once(&once, register_once);
	return sqlite3_vfs_find(VFS_NAME) ? VFS_NAME : NULL;
}

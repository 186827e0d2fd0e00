/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_vfs.h: an SQLite VFS that keeps a checksum at the end of each page, in the bytes that SQLite leaves free for it.
 *
 * A changed byte in an index must not turn into a wrong answer. Checked when a page is read, this costs in proportion to
 * what a question touches, not to the size of the index. Other SQLite clients read the file as any database.
 */
#ifndef PROCREC_SCHEMA_INDEX_VFS_H
#define PROCREC_SCHEMA_INDEX_VFS_H

#define PR_INDEX_PAGE 4096
#define PR_INDEX_RESERVE 8 /* bytes at the end of each page */

/*
 * Registers the VFS with SQLite where that did not happen yet; returns its name for sqlite3_open_v2, or NULL when SQLite
 * refuses. Files that are opened read-only are taken as immutable (no locks, no journal).
 */
const char *pr_index_vfs(void);

/*
 * The same for one database that is written, that of `path`, whose temporary files lie beside it: who may write there may be kept from
 * writing anywhere else. NULL: out of memory, or SQLite refuses. To be freed when the database is closed; NULL is allowed.
 */
struct pr_index_vfs;
struct pr_index_vfs *pr_index_vfs_new(const char *path);
const char *pr_index_vfs_name(const struct pr_index_vfs *v);
void pr_index_vfs_free(struct pr_index_vfs *v);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_open.c: opening an index, with every reason to refuse it; building one from the frames.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/index_joined.h"
#include "schema/index_rows.h"
#include "schema/index_sql.h"
#include "schema/index_vfs.h"

static int fail(struct pr_index *ix, int rc, struct pr_errinfo *ei)
{
	return pr_rows_error(ix->db, ix->name, rc, ei);
}

static int unusable(struct pr_index *ix, const char *why, struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_EDATA, "%s: %s", ix->name, why);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static const char schema_query[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type";

/* The rows of sqlite_schema, each text with its length before it: no two layouts have the same. False: it could not be read. */
static bool layout_of(sqlite3 *db, struct pr_buf *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, schema_query, -1, &st, NULL);

	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int c = 0; c < 4; c++) {
			const void *text = sqlite3_column_text(st, c);
			int n = text ? sqlite3_column_bytes(st, c) : -1;

			pr_buf_u32(out, (uint32_t)n);
			if (text)
				pr_buf_append(out, text, (size_t)n);
		}
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE && !pr_buf_failed(out);
}

/* What index.sql makes. It is found out once: a directory has an index for each segment. NULL: out of memory. */
static const struct pr_buf *our_layout(void)
{
	static struct pr_buf layout = PR_BUF_INIT;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	sqlite3 *db = NULL;

	pthread_mutex_lock(&lock);
	if (!layout.len) {
		if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL) ||
			sqlite3_exec(db, pr_index_sql, NULL, NULL, NULL) || !layout_of(db, &layout))
			pr_buf_release(&layout);
		sqlite3_close(db);
	}
	pthread_mutex_unlock(&lock);
	return layout.len ? &layout : NULL;
}

/*
 * The layout must be exactly ours: a crafted file could hold views and triggers under the names of our tables. It is
 * compared with the one that index.sql makes in memory.
 */
static int check_schema(struct pr_index *ix, struct pr_errinfo *ei)
{
	const struct pr_buf *ours = our_layout();
	struct pr_buf layout = PR_BUF_INIT;
	bool same;

	if (!ours)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	same = layout_of(ix->db, &layout) && layout.len == ours->len && !memcmp(layout.data, ours->data, layout.len);
	pr_buf_release(&layout);
	return same ? PR_OK : unusable(ix, "it was made by another version of procrec, or is damaged", ei);
}

/* meta by name; false when it is not there. */
static bool meta_int(sqlite3_stmt *st, const char *name, uint64_t *out)
{
	bool found;

	sqlite3_reset(st);
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	found = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_INTEGER;
	if (found)
		*out = (uint64_t)sqlite3_column_int64(st, 0);
	return found;
}

static bool meta_is(sqlite3_stmt *st, const char *name, const void *p, int n)
{
	sqlite3_reset(st);
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	return sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_BLOB && sqlite3_column_bytes(st, 0) == n &&
	       !memcmp(sqlite3_column_blob(st, 0), p, (size_t)n);
}

struct binding {
	uint64_t complete, base, file_size, frames, sealed, blocks, last_offset, gaps, processes, block_span, folded;
};

static bool load_meta(sqlite3_stmt *st, struct binding *b)
{
	return meta_int(st, "complete", &b->complete) && b->complete == 1 && meta_int(st, "base", &b->base) &&
	       meta_int(st, "file_size", &b->file_size) && meta_int(st, "frames", &b->frames) &&
	       meta_int(st, "sealed", &b->sealed) && meta_int(st, "blocks", &b->blocks) &&
	       meta_int(st, "last_offset", &b->last_offset) && meta_int(st, "gaps", &b->gaps) &&
	       meta_int(st, "processes", &b->processes) && meta_int(st, "block_span", &b->block_span);
}

static bool load_part(sqlite3_stmt *st, struct pr_index_part *p)
{
	return meta_int(st, "repeat_frames", &p->repeat_frames) && meta_int(st, "repeat_blocks", &p->repeat_blocks) &&
	       meta_int(st, "read_frames", &p->read_frames) && meta_int(st, "own_lo", &p->lo) && meta_int(st, "own_hi", &p->hi) &&
	       meta_int(st, "wild", &p->wild) && meta_int(st, "lead_peak", &p->lead_peak) && meta_int(st, "own_execs", &p->own_execs) &&
	       meta_int(st, "all_execs", &p->all_execs) && meta_int(st, "own_ktime", &p->own_ktime) &&
	       meta_int(st, "first_ktime", &p->first_ktime) && meta_int(st, "any", &p->any);
}

/* The last block is the one that the index ends with. *out_behind: what comes behind it, 0 for a further block. */
static bool ends_with(struct pr_seg_reader *seg, const struct binding *b, sqlite3_stmt *st, int *out_behind)
{
	struct pr_seg_damage d;
	struct pr_block blk;

	pr_seg_reader_rewind(seg);
	if (b->blocks) {
		if (pr_seg_reader_at(seg, b->last_offset, &blk, NULL) || !meta_is(st, "link", blk.desc.link, PR_SEG_LINK))
			return false;
		pr_seg_reader_seek(seg, b->last_offset, blk.desc.prev, blk.desc.first_frame);
		if (pr_seg_reader_next(seg, &blk, &d, NULL))
			return false;
	}
	*out_behind = pr_seg_reader_next(seg, &blk, &d, NULL);
	return true;
}

/* Does it belong to just this state of the trace? One that was built from it a moment ago does, whatever is damaged in it. */
static const char *check_end(const struct binding *b, sqlite3_stmt *st, struct pr_trace *t)
{
	struct pr_seg_reader *seg = pr_trace_segment(t);
	const struct pr_seg_footer *foot = pr_seg_reader_footer(seg);
	int behind;

	if (!meta_is(st, "uuid", pr_seg_reader_header(seg)->uuid, PR_SEG_UUID))
		return "it belongs to another trace";
	if (foot ? !b->sealed || b->file_size != foot->file_size || b->frames != foot->frames : b->sealed)
		return "it is older than the trace";
	if (!ends_with(seg, b, st, &behind) || (!foot && behind != PR_END))
		return "it is older than the trace";
	return NULL;
}

static const char *check_binding(struct pr_index *ix, sqlite3_stmt *st, struct pr_trace *t, bool fresh)
{
	struct binding b = {0};
	const char *why;

	if (!load_meta(st, &b) || !load_part(st, &ix->part))
		return "it was not finished";
	why = fresh ? NULL : check_end(&b, st, t);
	if (why)
		return why;
	if (!meta_int(st, "folded", &b.folded)) /* made by a version that did not count them */
		b.folded = UINT64_MAX;
	ix->meta = (struct pr_index_meta){.base = b.base,
		.frames = b.frames,
		.blocks = b.blocks,
		.gaps = b.gaps,
		.processes = b.processes,
		.sealed = b.sealed,
		.block_span = b.block_span,
		.names_events = !b.folded};
	return NULL;
}

static int bind_to(struct pr_index *ix, struct pr_trace *t, bool fresh, struct pr_errinfo *ei)
{
	sqlite3_stmt *st = NULL;
	const char *why;
	int rc = sqlite3_prepare_v2(ix->db, "SELECT value FROM meta WHERE name = ?", -1, &st, NULL);

	if (rc)
		return fail(ix, rc, ei);
	why = check_binding(ix, st, t, fresh);
	sqlite3_finalize(st);
	pr_trace_rewind(t);
	return why ? unusable(ix, why, ei) : PR_OK;
}

static int harden(struct pr_index *ix, struct pr_errinfo *ei)
{
	int rc = sqlite3_exec(ix->db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON;", NULL, NULL, NULL);

	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(ix->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	return rc ? fail(ix, rc, ei) : PR_OK;
}

static int open_file(struct pr_index *ix, const char *path, struct pr_trace *t, struct pr_errinfo *ei)
{
	const char *vfs = pr_index_vfs();
	int rc, err;

	if (!vfs)
		return pr_fail(ei, PR_EIO, "SQLite cannot be started");
	rc = sqlite3_open_v2(path, &ix->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, vfs);
	if (rc)
		return fail(ix, rc, ei);
	err = harden(ix, ei);
	if (!err)
		err = check_schema(ix, ei);
	return err ? err : bind_to(ix, t, false, ei);
}

char *pr_index_path(const char *path)
{
	size_t n = strlen(path);
	char *s;

	while (n > 1 && path[n - 1] == '/')
		n--;
	return asprintf(&s, "%.*s" PR_INDEX_SUFFIX, (int)n, path) < 0 ? NULL : s;
}

static struct pr_index *new_index(const char *name)
{
	struct pr_index *ix = calloc(1, sizeof(*ix));

	if (ix)
		ix->name = strdup(name);
	if (ix && !ix->name) {
		free(ix);
		return NULL;
	}
	return ix;
}

int pr_index_open(struct pr_index **out, const char *path, struct pr_trace *t, struct pr_errinfo *ei)
{
	struct pr_index *ix;
	int err;

	if (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
		return pr_fail(ei, PR_ENOENT, "%s: there is none", path);
	ix = new_index(path);
	if (!ix)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = open_file(ix, path, t, ei);
	if (err) {
		pr_index_close(ix);
		return err == PR_ENOMEM ? err : PR_EDATA;
	}
	*out = ix;
	return PR_OK;
}

void pr_index_close(struct pr_index *ix)
{
	if (!ix)
		return;
	for (int i = 0; i < N_SELS; i++)
		sqlite3_finalize(ix->st[i]);
	sqlite3_close(ix->db);
	pr_joined_free(ix->joined);
	free(ix->name);
	free(ix);
}

struct sqlite3 *pr_index_db(struct pr_index *ix)
{
	return ix->db;
}

int pr_index_whole(struct pr_index *ix, struct pr_errinfo *ei)
{
	struct pr_index *all;
	int err = ix->joined ? pr_joined_all(ix->joined, &all, ei) : PR_END;

	if (err)
		return err == PR_END ? PR_OK : err;
	pr_joined_free(ix->joined);
	*ix = *all;
	free(all);
	return PR_OK;
}

const struct pr_index_meta *pr_index_meta(const struct pr_index *ix)
{
	return &ix->meta;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static int feed(struct pr_index_writer *w, struct pr_trace *t, uint64_t until, struct pr_index_end *end, struct pr_errinfo *ei)
{
	struct pr_seg_reader *seg = pr_trace_segment(t);
	const struct pr_seg_footer *foot = pr_seg_reader_footer(seg);
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	pr_seg_reader_rewind(seg);
	while (end->frames < until && (err = pr_seg_reader_next(seg, &b, &d, ei)) != PR_END) {
		if (err == PR_EDATA) {
			err = pr_index_writer_damage(w, &d, ei);
		} else if (!err) {
			end->frames = b.desc.first_frame + b.desc.frames;
			end->file_size = b.offset + PR_SEG_BLOCK_SIZE + b.desc.comp_size;
			err = pr_index_writer_block(w, &b, ei);
		}
		if (err)
			return err;
	}
	if (end->frames >= until) {
		end->frames = until;
		return PR_OK;
	}
	end->sealed = foot != NULL;
	if (foot) {
		end->frames = foot->frames;
		end->file_size = foot->file_size;
	}
	return PR_OK;
}

static int make(const char *path, struct pr_trace *t, uint64_t until, struct pr_index_writer **out, struct pr_errinfo *ei)
{
	struct pr_index_end end = {0};
	struct pr_index_writer *w;
	int err = pr_index_writer_new(&w, path, pr_seg_reader_header(pr_trace_segment(t)), ei);

	if (err)
		return err;
	pr_index_writer_until(w, until);
	err = feed(w, t, until, &end, ei);
	pr_trace_rewind(t);
	if (!err)
		err = pr_index_writer_finish(w, &end, ei);
	if (err)
		pr_index_writer_free(w);
	else
		*out = w;
	return err;
}

int pr_index_build(struct pr_index **out, struct pr_trace *t, struct pr_errinfo *ei)
{
	return pr_index_build_until(out, t, UINT64_MAX, ei);
}

int pr_index_build_until(struct pr_index **out, struct pr_trace *t, uint64_t until, struct pr_errinfo *ei)
{
	struct pr_index *ix = new_index("the index in memory");
	struct pr_index_writer *w;
	int err;

	if (!ix)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	pr_trace_set_events(t, NULL);
	err = make(NULL, t, until, &w, ei);
	if (!err) {
		ix->db = pr_index_writer_take(w);
		pr_index_writer_free(w);
		err = harden(ix, ei);
	}
	if (!err)
		err = bind_to(ix, t, true, ei);
	if (err) {
		pr_index_close(ix);
		return err;
	}
	*out = ix;
	return PR_OK;
}

int pr_index_rebuild(const char *path, struct pr_trace *t, uint64_t *out_processes, struct pr_errinfo *ei)
{
	struct pr_index_writer *w;
	int err = make(path, t, UINT64_MAX, &w, ei);

	if (err)
		return err;
	if (out_processes)
		*out_processes = pr_index_writer_processes(w);
	pr_index_writer_free(w);
	return PR_OK;
}

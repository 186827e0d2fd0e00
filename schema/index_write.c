/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_write.c: blocks -> frames -> facts of identities. Reads keys at fixed offsets and no more: what a frame means to the cache,
 * and its text, are replay's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/map.h"
#include "schema/index_live.h"
#include "schema/index_rows.h"

#define DATA_MAX 65536u /* ids of data frames that no exec took yet */

struct pr_index_writer {
	char *path, *tmp; /* owned; NULL for a private one */
	struct pr_index_rows *rows; /* owned */
	struct pr_live live;
	struct pr_gaps gaps;
	struct pr_map data; /* id of data frames -> seq of the first */
	bool has_info; /* an EXEC_INFO frame waits for its execve */
	uint32_t info_pid;
	uint64_t info_ktime, info_first; /* first: seq of the first frame that its text needs */
	bool has_base;
	uint64_t base;
	uint8_t uuid[PR_SEG_UUID], link[PR_SEG_LINK]; /* link: of the last block, else of the header */
	uint64_t last_offset, blocks, frames, n_gaps, block_span, n_rows;
	uint64_t until; /* frames from this number on are not taken in */
	bool failed, renamed;
	struct pr_errinfo *ei; /* of the call in progress */
};

static int64_t rel(const struct pr_index_writer *w, uint64_t ktime)
{
	return (int64_t)(ktime - w->base);
}

static int no_memory(struct pr_index_writer *w)
{
	return pr_fail(w->ei, PR_ENOMEM, "index: out of memory");
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static void key_at(const struct pr_frame *f, size_t off, uint32_t *out_pid, uint64_t *out_ktime)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);

	pr_cursor_skip(&c, off);
	*out_pid = pr_cursor_u32(&c);
	pr_cursor_skip(&c, 4);
	*out_ktime = pr_cursor_u64(&c);
}

/* The frame was emitted before the identity began, or so long after that a look at the time around would not find it. */
static bool is_far(const struct pr_index_writer *w, const struct pr_frame *f, int64_t kt)
{
	int64_t late = pr_minus(rel(w, f->ktime), kt);

	return late < 0 || late >= (int64_t)PR_INDEX_SHORT_NS;
}

static int take_clone(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_facts n = {.c = 1, .c_seq = f->seq};
	uint64_t ktime;

	key_at(f, offsetof(struct pr_msg_clone, parent), &n.c_ppid, &ktime);
	n.c_pkt = rel(w, ktime);
	pr_cursor_skip(&c, offsetof(struct pr_msg_clone, tgid));
	n.pid = pr_cursor_u32(&c);
	pr_cursor_skip(&c, 8);
	n.c_inferred = pr_cursor_u32(&c) & (PR_EXEC_TASK_WALK | PR_EXEC_MISS);
	n.kt = rel(w, pr_cursor_u64(&c));
	n.far = is_far(w, f, n.kt);
	return pr_live_keep(&w->live, &n, w->ei);
}

static int take_exit(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_facts n = {.e = PR_ENDED_EXIT, .e_seq = f->seq, .e_kt = rel(w, f->ktime), .e_event = true};
	uint64_t ktime;

	key_at(f, offsetof(struct pr_msg_exit, current), &n.pid, &ktime);
	n.kt = rel(w, ktime);
	pr_cursor_skip(&c, offsetof(struct pr_msg_exit, code));
	n.e_status = pr_cursor_u32(&c);
	return pr_live_end(&w->live, &n, w->ei);
}

static int take_data(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_map_slot *s;
	uint64_t pid, time;
	bool is_new;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	pid = pr_cursor_u64(&c);
	time = pr_cursor_u64(&c);
	if (w->data.len >= DATA_MAX)
		pr_map_release(&w->data);
	s = pr_map_put(&w->data, pid, time, &is_new);
	if (!s)
		return no_memory(w);
	if (is_new)
		s->v.u = f->seq;
	return PR_OK;
}

/* The data under the descriptor at the cursor, which passes it, is used: *first goes back to where it begins. */
static void take(struct pr_index_writer *w, struct pr_cursor *c, uint64_t *first)
{
	struct pr_map_slot *s;
	uint64_t pid, time;

	pr_cursor_skip(c, offsetof(struct pr_data_desc, id));
	pid = pr_cursor_u64(c);
	time = pr_cursor_u64(c);
	s = c->failed ? NULL : pr_map_get(&w->data, pid, time);
	if (!s)
		return;
	if (s->v.u < *first)
		*first = s->v.u;
	pr_map_del(&w->data, pid, time);
}

static bool items_ok(struct pr_cursor c)
{
	while (pr_cursor_left(&c)) {
		bool desc = pr_cursor_u16(&c) & PR_ITEM_DESC;
		uint16_t len = pr_cursor_u16(&c);

		if (desc && len != sizeof(struct pr_data_desc))
			return false;
		pr_cursor_skip(&c, len);
		if (c.failed)
			return false;
	}
	return true;
}

static int take_exec_info(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);

	pr_cursor_skip(&c, sizeof(struct pr_exec_info));
	if (!items_ok(c))
		return PR_OK;
	key_at(f, offsetof(struct pr_exec_info, key), &w->info_pid, &w->info_ktime);
	w->has_info = true;
	w->info_first = f->seq;
	while (pr_cursor_left(&c)) {
		bool desc = pr_cursor_u16(&c) & PR_ITEM_DESC;
		uint16_t len = pr_cursor_u16(&c);
		struct pr_cursor item = pr_cursor_make(pr_cursor_bytes(&c, len), len);

		if (desc)
			take(w, &item, &w->info_first);
	}
	return PR_OK;
}

/* Where the strings of an execve stand in data frames. */
static void take_strings(struct pr_index_writer *w, const uint8_t *p, size_t n, uint32_t flags, uint64_t *first)
{
	struct pr_cursor c = pr_cursor_make(p, n);
	const uint8_t *nul;

	if (flags & PR_EXEC_DATA_FILENAME) {
		if (n < sizeof(struct pr_data_desc))
			return;
		take(w, &c, first);
	} else if (!(flags & PR_EXEC_ERROR_FILENAME)) {
		nul = memchr(p, 0, n);
		pr_cursor_skip(&c, nul ? (size_t)(nul - p) + 1 : n);
	}
	if ((flags & PR_EXEC_DATA_ARGS) && pr_cursor_left(&c) >= sizeof(struct pr_data_desc))
		take(w, &c, first);
}

static int take_execve(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_facts n = {.x = PR_START_EXEC, .x_seq = f->seq};
	uint32_t size, flags, parent_pid, clean_pid;
	uint64_t first = f->seq, parent, clean, ktime;
	bool by_clone;
	int err = PR_OK;

	key_at(f, offsetof(struct pr_msg_execve, parent), &parent_pid, &parent);
	key_at(f, offsetof(struct pr_msg_execve, cleanup), &clean_pid, &clean);
	pr_cursor_skip(&c, PR_EXECVE_FIXED);
	size = pr_cursor_u32(&c) - PR_PROCESS_FIXED;
	n.pid = pr_cursor_u32(&c);
	pr_cursor_skip(&c, 20);
	flags = pr_cursor_u32(&c);
	pr_cursor_skip(&c, 16);
	ktime = pr_cursor_u64(&c);
	if (size <= PR_EXEC_STRINGS_MAX && size > pr_cursor_left(&c))
		return PR_OK; /* malformed */
	if (w->has_info && w->info_pid == n.pid && w->info_ktime == ktime)
		first = w->info_first;
	w->has_info = false;
	if (size <= PR_EXEC_STRINGS_MAX)
		take_strings(w, c.p, size, flags, &first);
	by_clone = !clean || (flags & PR_EXEC_CLONE);
	n.kt = rel(w, ktime);
	n.x_ppid = by_clone ? parent_pid : clean_pid;
	n.x_pkt = rel(w, by_clone ? parent : clean);
	n.x_lead = f->seq - first > UINT32_MAX ? UINT32_MAX : (uint32_t)(f->seq - first);
	n.x_inferred = flags & (PR_EXEC_TASK_WALK | PR_EXEC_MISS);
	n.first_exec = (flags & PR_EXEC_CLONE) != 0;
	n.far = is_far(w, f, n.kt);
	if (flags & PR_EXEC_PROCFS) {
		n.x = PR_START_SNAPSHOT;
	} else if (clean && clean_pid == n.pid && clean != ktime) {
		n.pre = n.first_exec ? pr_minus(n.kt, rel(w, clean)) : 0;
		err = pr_live_replace(&w->live, &n, rel(w, clean), w->ei);
	}
	return err ? err : pr_live_keep(&w->live, &n, w->ei);
}

/* Told again: the end of an identity that a keyframe repeats. */
static int take_ended(struct pr_index_writer *w, const struct pr_frame *f)
{
	uint32_t how = pr_get_u32(f->data + offsetof(struct pr_ended, how));
	struct pr_facts n = {.e = how == PR_ENDED_BY_EXIT ? PR_ENDED_EXIT : PR_ENDED_EXEC,
		.e_kt = rel(w, pr_get_u64(f->data + offsetof(struct pr_ended, when))),
		.e_seq = f->seq};
	uint64_t ktime;

	if (how != PR_ENDED_BY_EXIT && how != PR_ENDED_BY_EXEC)
		return PR_OK;
	key_at(f, offsetof(struct pr_ended, key), &n.pid, &ktime);
	n.kt = rel(w, ktime);
	n.e_status = n.e == PR_ENDED_EXIT ? pr_get_u32(f->data + offsetof(struct pr_ended, status)) : 0;
	return pr_live_end(&w->live, &n, w->ei);
}

static int take_clock(struct pr_index_writer *w, const struct pr_frame *f)
{
	return pr_rows_clock(w->rows, f->seq, f->ktime, (int64_t)pr_get_u64(f->data + offsetof(struct pr_clock, realtime)), w->ei);
}

static int take_user_name(struct pr_index_writer *w, const struct pr_frame *f)
{
	return pr_rows_name(w->rows, f->seq, pr_get_u32(f->data + offsetof(struct pr_user_name, uid)),
		f->data + sizeof(struct pr_user_name), f->size - sizeof(struct pr_user_name), w->ei);
}

static int take_host(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	int err = PR_OK;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	if (!items_ok(c))
		return PR_OK;
	while (!err && pr_cursor_left(&c)) {
		uint16_t type = pr_cursor_u16(&c), len = pr_cursor_u16(&c);
		const uint8_t *p = pr_cursor_bytes(&c, len);

		if (type == PR_ITEM_HOSTNAME)
			err = pr_rows_name(w->rows, f->seq, -1, p, len, w->ei);
	}
	return err;
}

static int take_reparent(struct pr_index_writer *w, const struct pr_frame *f)
{
	uint32_t pid[3];
	int64_t kt[3];

	for (int i = 0; i < 3; i++) {
		uint64_t ktime;

		key_at(f, offsetof(struct pr_reparent, key) + sizeof(struct pr_key) * (size_t)i, &pid[i], &ktime);
		kt[i] = rel(w, ktime);
	}
	return pr_rows_reparent(w->rows, f->seq, pid, kt, w->ei);
}

static const struct {
	int (*fn)(struct pr_index_writer *w, const struct pr_frame *f);
	uint32_t min;
} ops[256] = {
	[PR_OP_EXECVE] = {take_execve, sizeof(struct pr_msg_execve)},
	[PR_OP_EXIT] = {take_exit, sizeof(struct pr_msg_exit)},
	[PR_OP_CLONE] = {take_clone, sizeof(struct pr_msg_clone)},
	[PR_OP_DATA] = {take_data, sizeof(struct pr_msg_data)},
	[PR_OP_EXEC_INFO] = {take_exec_info, sizeof(struct pr_exec_info)},
	[PR_OP_REPARENT] = {take_reparent, sizeof(struct pr_reparent)},
	[PR_OP_HOST] = {take_host, PR_COMMON_SIZE},
	[PR_OP_USER_NAME] = {take_user_name, sizeof(struct pr_user_name)},
	[PR_OP_CLOCK] = {take_clock, sizeof(struct pr_clock)},
	[PR_OP_ENDED] = {take_ended, sizeof(struct pr_ended)},
};

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct pr_index_writer *w = ctx;

	w->n_gaps++;
	return pr_rows_gap(w->rows, g, w->ei);
}

static int on_frame(struct pr_index_writer *w, const struct pr_frame *f)
{
	int err = pr_gaps_frame(&w->gaps, f);

	if (err)
		return err == PR_ENOMEM ? no_memory(w) : err;
	if (f->env_flags & PR_ENV_RAW)
		return PR_OK;
	if (!w->has_base && !(f->env_flags & PR_ENV_META)) {
		w->base = f->ktime;
		w->has_base = true;
	}
	return ops[f->op].fn && f->size >= ops[f->op].min ? ops[f->op].fn(w, f) : PR_OK;
}

/* ---- the writer -------------------------------------------------------------------------------------------------- */

/* The folder of `path`, for the sorter's file. */
static struct pr_sorter *new_sorter(const char *path)
{
	char *dir = path ? strdup(path) : NULL, *slash = dir ? strrchr(dir, '/') : NULL;
	struct pr_sorter *s;

	if (slash)
		slash[slash == dir ? 1 : 0] = 0;
	s = pr_sorter_new(!path ? NULL : slash ? dir : ".");
	free(dir);
	return s;
}

static int create_tmp(struct pr_index_writer *w, struct pr_errinfo *ei)
{
	int fd;

	if (unlink(w->tmp) && errno != ENOENT)
		return pr_fail_errno(ei, "%s: cannot replace it", w->tmp);
	fd = open(w->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return pr_fail_errno(ei, "%s: cannot create it", w->tmp);
	close(fd);
	return PR_OK;
}

static int init(struct pr_index_writer *w, const char *path, struct pr_errinfo *ei)
{
	if (path && (!(w->path = strdup(path)) || asprintf(&w->tmp, "%s.tmp", path) < 0)) {
		w->tmp = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	w->live.sorter = new_sorter(path);
	if (!w->live.sorter)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (path) {
		int err = create_tmp(w, ei);

		if (err)
			return err;
	}
	return pr_rows_new(&w->rows, w->tmp, ei);
}

int pr_index_writer_new(struct pr_index_writer **out, const char *path, const struct pr_seg_header *seg, struct pr_errinfo *ei)
{
	struct pr_index_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->until = UINT64_MAX;
	memcpy(w->uuid, seg->uuid, sizeof(w->uuid));
	memcpy(w->link, seg->link, sizeof(w->link));
	pr_gaps_init(&w->gaps, on_gap, w);
	if (seg->number) /* as pr_trace does: what comes before is in other segments */
		pr_gaps_forget(&w->gaps);
	err = init(w, path, ei);
	if (err) {
		pr_index_writer_free(w);
		return err;
	}
	*out = w;
	return PR_OK;
}

void pr_index_writer_until(struct pr_index_writer *w, uint64_t until)
{
	w->until = until;
}

int pr_index_writer_block(struct pr_index_writer *w, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct pr_frame_iter it;
	struct pr_frame f;
	uint64_t min = UINT64_MAX, max = 0;
	int err = PR_OK;

	if (w->failed)
		return PR_OK;
	w->ei = ei;
	pr_frame_iter_init(&it, b);
	while (!err && pr_frame_iter_next(&it, &f) && (f.seq < w->until || f.env_flags & (PR_ENV_META | PR_ENV_CONT))) {
		err = on_frame(w, &f);
		if (f.env_flags & (PR_ENV_RAW | PR_ENV_META))
			continue;
		min = f.ktime < min ? f.ktime : min;
		max = f.ktime > max ? f.ktime : max;
	}
	/* By its frames: a descriptor can say otherwise. */
	if (!err)
		err = pr_rows_block(w->rows, b, min, max, ei);
	w->ei = NULL;
	w->blocks++;
	w->frames = it.next_seq < w->until ? it.next_seq : w->until;
	w->last_offset = b->offset;
	if (max > min && max - min > w->block_span)
		w->block_span = max - min;
	memcpy(w->link, b->desc.link, sizeof(w->link));
	w->failed = err != PR_OK;
	if (!err && it.damaged) {
		struct pr_seg_damage d = {.ktime_from = b->desc.ktime_min, .ktime_to = b->desc.ktime_max};

		err = pr_index_writer_damage(w, &d, ei);
	}
	return err;
}

int pr_index_writer_damage(struct pr_index_writer *w, const struct pr_seg_damage *d, struct pr_errinfo *ei)
{
	struct pr_gap g = {.kind = PR_GAP_DAMAGE,
		.before_seq = w->frames,
		.cpu = PR_CPU_NONE,
		.count = d->frames_known ? d->frames : 0,
		.ktime_from = d->ktime_from,
		.ktime_to = d->ktime_to};
	int err;

	if (w->failed)
		return PR_OK;
	pr_gaps_forget(&w->gaps);
	w->ei = ei;
	err = on_gap(w, &g);
	w->ei = NULL;
	w->failed = err != PR_OK;
	return err;
}

static int write_meta(struct pr_index_writer *w, const struct pr_index_end *end_, struct pr_errinfo *ei)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"base", w->base}, {"file_size", end_->file_size}, {"frames", end_->frames}, {"sealed", end_->sealed},
		{"blocks", w->blocks}, {"last_offset", w->last_offset}, {"gaps", w->n_gaps}, {"processes", w->n_rows}, {"block_span", w->block_span},
		{"folded", pr_rows_folded(w->rows)}};
	int err = pr_rows_meta_blob(w->rows, "uuid", w->uuid, sizeof(w->uuid), ei);

	if (!err)
		err = pr_rows_meta_blob(w->rows, "link", w->link, sizeof(w->link), ei);
	for (size_t i = 0; !err && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		err = pr_rows_meta_int(w->rows, numbers[i].name, (int64_t)numbers[i].value, ei);
	return err;
}

static int finish(struct pr_index_writer *w, const struct pr_index_end *end_, struct pr_errinfo *ei)
{
	int err;

	w->ei = ei;
	err = pr_live_end_all(&w->live, ei);
	w->ei = NULL;
	if (!err)
		err = pr_sorter_sort(w->live.sorter, ei);
	if (!err)
		err = pr_rows_images(w->rows, w->live.sorter, &w->n_rows, ei);
	if (!err)
		err = write_meta(w, end_, ei);
	return err ? err : pr_rows_commit(w->rows, ei);
}

int pr_index_writer_finish(struct pr_index_writer *w, const struct pr_index_end *end_, struct pr_errinfo *ei)
{
	int err;

	if (w->failed)
		return pr_fail(ei, PR_EIO, "%s: not written, because of the error before", w->path ? w->path : "index");
	err = finish(w, end_, ei);
	w->failed = true; /* nothing more may come */
	if (err || !w->path)
		return err;
	pr_rows_free(w->rows);
	w->rows = NULL;
	if (rename(w->tmp, w->path))
		return pr_fail_errno(ei, "%s: cannot rename it to %s", w->tmp, w->path);
	w->renamed = true;
	return PR_OK;
}

uint64_t pr_index_writer_processes(const struct pr_index_writer *w)
{
	return w->n_rows;
}

struct sqlite3 *pr_index_writer_take(struct pr_index_writer *w)
{
	return pr_rows_take(w->rows);
}

void pr_index_writer_free(struct pr_index_writer *w)
{
	if (!w)
		return;
	pr_rows_free(w->rows);
	if (w->tmp && !w->renamed)
		unlink(w->tmp);
	pr_live_release(&w->live);
	pr_gaps_release(&w->gaps);
	pr_map_release(&w->data);
	free(w->tmp);
	free(w->path);
	free(w);
}

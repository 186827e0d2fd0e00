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
#include "schema/index_part.h"
#include "schema/index_live.h"
#include "schema/index_rows.h"

struct pr_index_writer {
	char *path, *tmp; /* owned; NULL for a private one */
	struct pr_index_rows *rows; /* owned */
	struct pr_live live;
	struct pr_gaps gaps;
	struct pr_lead lead;
	bool own; /* the frames are no repeated state */
	uint64_t repeat_frames, repeat_blocks; /* what the segment begins with and only repeats */
	bool wild; /* not to be joined with other segments' */
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

static int keep(struct pr_index_writer *w, struct pr_facts *f)
{
	f->repeat = !w->own;
	return pr_live_keep(&w->live, f, w->ei);
}

static int end(struct pr_index_writer *w, struct pr_facts *f)
{
	f->repeat = !w->own;
	return pr_live_end(&w->live, f, w->ei);
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
	return keep(w, &n);
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
	return end(w, &n);
}

static int take_data(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	uint64_t pid, time;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	pid = pr_cursor_u64(&c);
	time = pr_cursor_u64(&c);
	return pr_lead_data(&w->lead, pid, time, f->seq) ? PR_OK : no_memory(w);
}

/* The data under the descriptor at the cursor, which passes it, is used: *first goes back to where it begins. */
static bool take(struct pr_index_writer *w, struct pr_cursor *c, struct pr_lead_first *first)
{
	uint64_t pid, time;

	pr_cursor_skip(c, offsetof(struct pr_data_desc, id));
	pid = pr_cursor_u64(c);
	time = pr_cursor_u64(c);
	return c->failed || pr_lead_take(&w->lead, pid, time, first);
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
	struct pr_lead_first first = {f->seq, f->seq};
	uint32_t pid;
	uint64_t ktime;
	bool ok = true;

	pr_cursor_skip(&c, sizeof(struct pr_exec_info));
	if (!items_ok(c))
		return PR_OK;
	key_at(f, offsetof(struct pr_exec_info, key), &pid, &ktime);
	while (ok && pr_cursor_left(&c)) {
		bool desc = pr_cursor_u16(&c) & PR_ITEM_DESC;
		uint16_t len = pr_cursor_u16(&c);
		struct pr_cursor item = pr_cursor_make(pr_cursor_bytes(&c, len), len);

		if (desc)
			ok = take(w, &item, &first);
	}
	pr_lead_info(&w->lead, pid, ktime, &first);
	return ok ? PR_OK : no_memory(w);
}

/* Where the strings of an execve stand in data frames. */
static bool take_strings(struct pr_index_writer *w, const uint8_t *p, size_t n, uint32_t flags, struct pr_lead_first *first)
{
	struct pr_cursor c = pr_cursor_make(p, n);
	const uint8_t *nul;

	if (flags & PR_EXEC_DATA_FILENAME) {
		if (n < sizeof(struct pr_data_desc))
			return true;
		if (!take(w, &c, first))
			return false;
	} else if (!(flags & PR_EXEC_ERROR_FILENAME)) {
		nul = memchr(p, 0, n);
		pr_cursor_skip(&c, nul ? (size_t)(nul - p) + 1 : n);
	}
	return !(flags & PR_EXEC_DATA_ARGS) || pr_cursor_left(&c) < sizeof(struct pr_data_desc) || take(w, &c, first);
}

static uint32_t lead_of(const struct pr_frame *f, uint64_t first)
{
	return f->seq - first > UINT32_MAX ? UINT32_MAX : (uint32_t)(f->seq - first);
}

static int take_execve(struct pr_index_writer *w, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_facts n = {.x = PR_START_EXEC, .x_seq = f->seq};
	uint32_t size, flags, parent_pid, clean_pid;
	uint64_t parent, clean, ktime;
	struct pr_lead_first first;
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
	first = pr_lead_exec(&w->lead, n.pid, ktime, f->seq);
	if (size <= PR_EXEC_STRINGS_MAX && !take_strings(w, c.p, size, flags, &first))
		return no_memory(w);
	by_clone = !clean || (flags & PR_EXEC_CLONE);
	n.kt = rel(w, ktime);
	n.x_ppid = by_clone ? parent_pid : clean_pid;
	n.x_pkt = rel(w, by_clone ? parent : clean);
	n.x_lead = lead_of(f, first.all);
	n.x_own_lead = lead_of(f, first.own);
	n.x_inferred = flags & (PR_EXEC_TASK_WALK | PR_EXEC_MISS);
	n.first_exec = (flags & PR_EXEC_CLONE) != 0;
	n.far = is_far(w, f, n.kt);
	n.repeat = !w->own;
	if (flags & PR_EXEC_PROCFS) {
		n.x = PR_START_SNAPSHOT;
	} else if (clean && clean_pid == n.pid && clean != ktime) {
		n.pre = n.first_exec ? pr_minus(n.kt, rel(w, clean)) : 0;
		err = pr_live_replace(&w->live, &n, rel(w, clean), w->ei);
	}
	return err ? err : keep(w, &n);
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
	return end(w, &n);
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
	int err = PR_OK;

	w->n_gaps++;
	if (w->own && !w->gaps.at_touch)
		err = pr_rows_step(w->rows, g->kind, pr_gap_stream_key(g->cpu, g->stream), NULL, g, g->before_seq, w->ei);
	return err ? err : pr_rows_gap(w->rows, g, w->ei);
}

static int on_step(void *ctx, enum pr_gap_step step, uint64_t stream, const struct pr_gap_stream *st, uint64_t seq)
{
	struct pr_index_writer *w = ctx;

	return pr_rows_step(w->rows, step, stream, st, NULL, seq, w->ei);
}

/* Is it what it says it is: repeated state in the blocks of such, and nowhere else at the segment's front? */
static bool in_place(const struct pr_index_writer *w, const struct pr_frame *f)
{
	return w->own ? w->gaps.streams.len < PR_GAP_STREAMS_MAX : (f->env_flags & PR_ENV_REPEAT) && !(f->env_flags & (PR_ENV_META | PR_ENV_CONT));
}

static int on_frame(struct pr_index_writer *w, const struct pr_frame *f)
{
	int err;

	if (w->own && !w->lead.own && !(f->env_flags & (PR_ENV_RAW | PR_ENV_META)))
		pr_lead_own(&w->lead, w->repeat_frames, f->ktime);
	err = pr_gaps_frame(&w->gaps, f);
	w->wild |= !in_place(w, f);
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

/* What comes from here on is the segment's own. What repeated state tells is not joined with it before the end. */
static int begin_own(struct pr_index_writer *w, struct pr_errinfo *ei)
{
	w->own = true;
	pr_gaps_log(&w->gaps);
	return w->repeat_frames ? pr_live_end_all(&w->live, ei) : PR_OK;
}

static int begin_block(struct pr_index_writer *w, const struct pr_block *b, struct pr_errinfo *ei)
{
	bool repeat = b->desc.flags & PR_SEG_BLOCK_REPEAT;
	int err = PR_OK;

	if (!w->own && !repeat)
		err = begin_own(w, ei);
	if (!w->own) {
		w->repeat_frames = b->desc.first_frame + b->desc.frames;
		w->repeat_blocks = b->desc.number + 1;
	}
	/* A reader of several segments passes over such as well; or frames stand in the file twice. */
	w->wild |= w->own && b->desc.first_frame < w->repeat_frames;
	return err;
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
	w->gaps.on_step = on_step;
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
	err = begin_block(w, b, ei);
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
	w->wild |= it.damaged && !w->own;
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
	w->ei = ei;
	err = w->own ? PR_OK : begin_own(w, ei);
	pr_gaps_forget(&w->gaps);
	if (!err)
		err = pr_rows_step(w->rows, PR_STEP_FORGET, 0, &(struct pr_gap_stream){0}, NULL, w->frames, ei);
	if (!err)
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
		{"folded", pr_rows_folded(w->rows)}, {"repeat_frames", w->repeat_frames}, {"repeat_blocks", w->repeat_blocks}, {"read_frames", w->frames}};
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
	pr_rows_span(w->rows)->lo = w->lead.own ? rel(w, w->lead.own_ktime) : 0;
	pr_rows_span(w->rows)->hi = pr_rows_span(w->rows)->lo - 1;
	if (!err)
		err = pr_sorter_sort(w->live.sorter, ei);
	if (!err)
		err = pr_rows_images(w->rows, w->live.sorter, &w->n_rows, ei);
	pr_rows_span(w->rows)->wild |= w->wild;
	if (!err)
		err = pr_part_write(w->rows, &w->gaps, &w->lead, ei);
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
	pr_lead_release(&w->lead);
	free(w->tmp);
	free(w->path);
	free(w);
}

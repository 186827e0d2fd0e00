/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/livetab_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define ANCESTORS_MAX 1024 /* ended ones kept for one living process: an image may replace itself for ever */
#define DATA_BYTES_MAX (64u << 20) /* of data frames whose exec never came */
#define SWEEP_MIN 4096

/* ---- contents ---------------------------------------------------------------------------------------------------- */

void pr_livetab_init(struct pr_livetab *t)
{
	*t = (struct pr_livetab){.sweep_at = SWEEP_MIN};
}

static void free_live(struct live *l)
{
	free(l->bytes);
	free(l);
}

static void free_kept(struct pr_map *m)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(m, &pos))) {
		pr_buf_release(&((struct kept *)s->v.p)->buf);
		free(s->v.p);
	}
	pr_map_release(m);
}

void pr_livetab_release(struct pr_livetab *t)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&t->by_key, &pos)))
		free_live(s->v.p);
	pr_map_release(&t->by_key);
	pr_map_release(&t->current);
	free_kept(&t->names);
	free_kept(&t->data);
	pos = 0;
	while ((s = pr_map_each(&t->streams, &pos)))
		free(s->v.p);
	pr_map_release(&t->streams);
	pr_buf_release(&t->host);
	pr_buf_release(&t->recorder);
	pr_buf_release(&t->info);
}

/* The value of the key, made of `size` zero bytes where it is new. NULL when memory runs out. */
static void *value_of(struct pr_livetab *t, struct pr_map *m, uint64_t k0, uint64_t k1, size_t size)
{
	bool is_new;
	struct pr_map_slot *s = pr_map_put(m, k0, k1, &is_new);

	if (s && is_new) {
		s->v.p = calloc(1, size);
		if (!s->v.p) {
			pr_map_del(m, k0, k1);
			s = NULL;
		}
	}
	if (!s)
		t->failed = true;
	return s ? s->v.p : NULL;
}

static void keep_frame(struct pr_buf *b, const struct pr_frame *f)
{
	pr_buf_append(b, f->data - PR_ENVELOPE_SIZE, PR_ENVELOPE_SIZE + f->size);
}

static void replace_frame(struct pr_buf *b, const struct pr_frame *f)
{
	pr_buf_clear(b);
	keep_frame(b, f);
}

/* ---- what lives -------------------------------------------------------------------------------------------------- */

static struct live *find(const struct pr_livetab *t, uint32_t pid, uint64_t ktime)
{
	struct pr_map_slot *s = pr_map_get(&t->by_key, pid, ktime);

	return s ? s->v.p : NULL;
}

static void forget(struct pr_livetab *t, struct live *l)
{
	pr_map_del(&t->by_key, l->pid, l->ktime);
	free_live(l);
}

/* Marks what living ones descend from. */
static void mark(struct pr_livetab *t)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&t->by_key, &pos)))
		((struct live *)s->v.p)->needed = ((struct live *)s->v.p)->lives;
	pos = 0;
	while ((s = pr_map_each(&t->by_key, &pos))) {
		struct live *l = s->v.p;

		if (!l->lives)
			continue;
		for (int n = 0; n < ANCESTORS_MAX; n++) {
			l = find(t, l->parent_pid, l->parent_ktime);
			if (!l || l->needed)
				break;
			l->needed = true;
		}
	}
}

void pr_livetab_sweep(struct pr_livetab *t)
{
	struct live **gone = calloc(t->dead + 1, sizeof(*gone));
	struct pr_map_slot *s;
	size_t pos = 0, n = 0;

	t->sweep_at = t->dead * 2 + SWEEP_MIN;
	if (!gone)
		return; /* later, then */
	mark(t);
	while ((s = pr_map_each(&t->by_key, &pos)))
		if (!((struct live *)s->v.p)->needed && n < t->dead)
			gone[n++] = s->v.p;
	for (size_t i = 0; i < n; i++)
		forget(t, gone[i]);
	t->dead -= n;
	t->sweep_at = t->dead * 2 + SWEEP_MIN;
	free(gone);
}

static void ended(struct pr_livetab *t, struct live *l, uint32_t how, uint64_t when, uint32_t status)
{
	struct pr_map_slot *s;

	if (!l)
		return;
	if (!l->end_how) {
		l->end_how = how;
		l->end = when;
		l->end_status = status;
	}
	if (!l->lives)
		return;
	l->lives = false;
	t->dead++;
	s = pr_map_get(&t->current, l->pid, 0);
	if (s && s->v.p == l)
		pr_map_del(&t->current, l->pid, 0);
}

/* Takes over the bytes of `b`. replaced: ktime of the image of the same process before, 0: none */
static void begun(struct pr_livetab *t, const struct live *what, uint64_t replaced, struct pr_buf *b)
{
	struct pr_map_slot *s = pr_map_get(&t->current, what->pid, 0);
	struct live *l;

	if (pr_buf_failed(b)) {
		t->failed = true;
		pr_buf_release(b);
		return;
	}
	/* One pid is one process: should its end have been lost, this shows it. */
	if (s) {
		l = s->v.p;
		ended(t, l, replaced && replaced == l->ktime ? PR_ENDED_BY_EXEC : 0, what->ktime, 0);
	}
	l = value_of(t, &t->by_key, what->pid, what->ktime, sizeof(*l));
	if (!l) {
		pr_buf_release(b);
		return;
	}
	free(l->bytes);
	if (l->ktime && !l->lives)
		t->dead--;
	*l = *what;
	l->lives = true;
	l->len = b->len;
	l->bytes = realloc(b->data, b->len); /* a buffer is up to twice as large */
	if (!l->bytes)
		l->bytes = b->data;
	s = pr_map_put(&t->current, l->pid, 0, NULL);
	if (s)
		s->v.p = l;
	else
		t->failed = true;
	/* Only now: the image before may be what this one descends from. */
	if (t->dead > t->sweep_at)
		pr_livetab_sweep(t);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static void key_at(const struct pr_frame *f, size_t off, uint32_t *out_pid, uint64_t *out_ktime)
{
	*out_pid = pr_get_u32(f->data + off);
	*out_ktime = pr_get_u64(f->data + off + 8);
}

static void on_data(struct pr_livetab *t, const struct pr_frame *f)
{
	struct kept *k;

	if (t->data_bytes > DATA_BYTES_MAX) {
		free_kept(&t->data);
		t->data_bytes = 0;
	}
	k = value_of(t, &t->data, pr_get_u64(f->data + 16), pr_get_u64(f->data + 24), sizeof(*k));
	if (!k)
		return;
	keep_frame(&k->buf, f);
	t->data_bytes += f->size;
}

/* Moves the data under the descriptor at p to `out`. */
static void take_data(struct pr_livetab *t, const uint8_t *p, struct pr_buf *out)
{
	uint64_t pid = pr_get_u64(p + offsetof(struct pr_data_desc, id));
	uint64_t time = pr_get_u64(p + offsetof(struct pr_data_desc, id) + 8);
	struct pr_map_slot *s = pr_map_get(&t->data, pid, time);
	struct kept *k = s ? s->v.p : NULL;

	if (!k)
		return;
	pr_buf_append(out, k->buf.data, k->buf.len);
	t->data_bytes -= t->data_bytes < k->buf.len ? t->data_bytes : k->buf.len;
	pr_map_del(&t->data, pid, time);
	pr_buf_release(&k->buf);
	free(k);
}

static void take_item_data(struct pr_livetab *t, const struct pr_buf *info, struct pr_buf *out)
{
	struct pr_cursor c = pr_cursor_make(info->data, info->len);

	pr_cursor_skip(&c, PR_ENVELOPE_SIZE + sizeof(struct pr_exec_info));
	while (!c.failed && pr_cursor_left(&c)) {
		bool desc = pr_cursor_u16(&c) & PR_ITEM_DESC;
		uint16_t len = pr_cursor_u16(&c);
		const uint8_t *p = pr_cursor_bytes(&c, len);

		if (desc && p && len == sizeof(struct pr_data_desc))
			take_data(t, p, out);
	}
}

static void take_string_data(struct pr_livetab *t, const struct pr_frame *f, uint32_t flags, struct pr_buf *out)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	const uint8_t *nul;

	pr_cursor_skip(&c, sizeof(struct pr_msg_execve));
	if (flags & PR_EXEC_DATA_FILENAME) {
		if (pr_cursor_left(&c) < sizeof(struct pr_data_desc))
			return;
		take_data(t, c.p, out);
		pr_cursor_skip(&c, sizeof(struct pr_data_desc));
	} else if (!(flags & PR_EXEC_ERROR_FILENAME)) {
		nul = memchr(c.p, 0, pr_cursor_left(&c));
		if (!nul)
			return;
		pr_cursor_skip(&c, (size_t)(nul - c.p) + 1);
	}
	if ((flags & PR_EXEC_DATA_ARGS) && pr_cursor_left(&c) >= sizeof(struct pr_data_desc))
		take_data(t, c.p, out);
}

/* A waiting info frame that is of this identity goes before it. */
static bool take_info(struct pr_livetab *t, uint8_t op, uint32_t pid, uint64_t ktime, struct pr_buf *out)
{
	const size_t key_off = PR_ENVELOPE_SIZE + PR_COMMON_SIZE; /* the key comes first in both */
	struct pr_buf *i = &t->info;
	bool fits = i->len >= key_off + sizeof(struct pr_key) && i->data[PR_ENVELOPE_SIZE] == op &&
		    pr_get_u32(i->data + key_off) == pid && pr_get_u64(i->data + key_off + 8) == ktime;

	if (fits && op == PR_OP_EXEC_INFO)
		take_item_data(t, i, out);
	if (fits)
		pr_buf_append(out, i->data, i->len);
	return fits;
}

/* Told again it is what was found, not what was seen to happen; its parent is that of the value, whichever field gave it. */
static void make_snapshot(uint8_t *frame, const struct live *l, uint32_t flags)
{
	flags &= ~(PR_EXEC_EXECVE | PR_EXEC_EXECVEAT | PR_EXEC_CLONE);
	pr_put_u32(frame + offsetof(struct pr_msg_execve, process.flags), flags | PR_EXEC_PROCFS);
	pr_put_u32(frame + offsetof(struct pr_msg_execve, parent), l->parent_pid);
	pr_put_u64(frame + offsetof(struct pr_msg_execve, parent) + 8, l->parent_ktime);
	memset(frame + offsetof(struct pr_msg_execve, cleanup), 0, sizeof(struct pr_key));
}

static void on_execve(struct pr_livetab *t, const struct pr_frame *f)
{
	struct live l = {.snapshot = true};
	struct pr_buf b = PR_BUF_INIT;
	uint32_t flags = pr_get_u32(f->data + offsetof(struct pr_msg_execve, process.flags)), clean_pid;
	uint64_t clean;

	l.pid = pr_get_u32(f->data + offsetof(struct pr_msg_execve, process.pid));
	l.ktime = pr_get_u64(f->data + offsetof(struct pr_msg_execve, process.ktime));
	key_at(f, offsetof(struct pr_msg_execve, parent), &l.parent_pid, &l.parent_ktime);
	key_at(f, offsetof(struct pr_msg_execve, cleanup), &clean_pid, &clean);
	if (clean && !(flags & PR_EXEC_CLONE)) {
		l.parent_pid = clean_pid;
		l.parent_ktime = clean;
	}
	take_string_data(t, f, flags, &b);
	take_info(t, PR_OP_EXEC_INFO, l.pid, l.ktime, &b);
	pr_buf_clear(&t->info);
	keep_frame(&b, f);
	if (!pr_buf_failed(&b))
		make_snapshot(b.data + b.len - f->size, &l, flags);
	begun(t, &l, clean_pid == l.pid ? clean : 0, &b);
}

static void on_clone(struct pr_livetab *t, const struct pr_frame *f)
{
	struct live l = {.pid = pr_get_u32(f->data + offsetof(struct pr_msg_clone, tgid)),
		.ktime = pr_get_u64(f->data + offsetof(struct pr_msg_clone, ktime))};
	struct pr_buf b = PR_BUF_INIT;

	key_at(f, offsetof(struct pr_msg_clone, parent), &l.parent_pid, &l.parent_ktime);
	take_info(t, PR_OP_CLONE_INFO, l.pid, l.ktime, &b);
	pr_buf_clear(&t->info);
	keep_frame(&b, f);
	begun(t, &l, 0, &b);
}

static void on_exit_frame(struct pr_livetab *t, const struct pr_frame *f)
{
	uint64_t ktime;
	uint32_t pid;

	key_at(f, offsetof(struct pr_msg_exit, current), &pid, &ktime);
	ended(t, find(t, pid, ktime), PR_ENDED_BY_EXIT, f->ktime, pr_get_u32(f->data + offsetof(struct pr_msg_exit, code)));
}

/* An ancestor in a keyframe. */
static void on_ended(struct pr_livetab *t, const struct pr_frame *f)
{
	uint64_t ktime;
	uint32_t pid;

	key_at(f, offsetof(struct pr_ended, key), &pid, &ktime);
	ended(t, find(t, pid, ktime), pr_get_u32(f->data + offsetof(struct pr_ended, how)), pr_get_u64(f->data + offsetof(struct pr_ended, when)),
		pr_get_u32(f->data + offsetof(struct pr_ended, status)));
}

static void on_reparent(struct pr_livetab *t, const struct pr_frame *f)
{
	uint64_t ktime;
	uint32_t pid;
	struct live *l;

	key_at(f, offsetof(struct pr_reparent, key), &pid, &ktime);
	l = find(t, pid, ktime);
	if (!l)
		return;
	memcpy(l->reparent, f->data - PR_ENVELOPE_SIZE, sizeof(l->reparent));
	pr_put_u32(l->reparent + offsetof(struct pr_envelope, size), sizeof(struct pr_reparent));
	pr_put_u32(l->reparent + PR_ENVELOPE_SIZE + offsetof(struct pr_msg_common, size), sizeof(struct pr_reparent));
	l->has_reparent = true;
}

static void on_info(struct pr_livetab *t, const struct pr_frame *f)
{
	replace_frame(&t->info, f);
}

static void on_user_name(struct pr_livetab *t, const struct pr_frame *f)
{
	struct kept *k = value_of(t, &t->names, pr_get_u32(f->data + offsetof(struct pr_user_name, uid)), 0, sizeof(*k));

	if (k)
		replace_frame(&k->buf, f);
}

static void on_host(struct pr_livetab *t, const struct pr_frame *f)
{
	replace_frame(&t->host, f);
}

/* The first tells how the recording is made; the last one only why it ended. */
static void on_recorder(struct pr_livetab *t, const struct pr_frame *f)
{
	if (!t->recorder.len)
		keep_frame(&t->recorder, f);
}

static const struct {
	void (*take)(struct pr_livetab *t, const struct pr_frame *f);
	uint32_t size; /* at least */
} takers[256] = {
	[PR_OP_EXECVE] = {on_execve, sizeof(struct pr_msg_execve)},
	[PR_OP_CLONE] = {on_clone, sizeof(struct pr_msg_clone)},
	[PR_OP_EXIT] = {on_exit_frame, sizeof(struct pr_msg_exit)},
	[PR_OP_DATA] = {on_data, sizeof(struct pr_msg_data)},
	[PR_OP_EXEC_INFO] = {on_info, sizeof(struct pr_exec_info)},
	[PR_OP_CLONE_INFO] = {on_info, sizeof(struct pr_clone_info)},
	[PR_OP_REPARENT] = {on_reparent, sizeof(struct pr_reparent)},
	[PR_OP_USER_NAME] = {on_user_name, sizeof(struct pr_user_name)},
	[PR_OP_HOST] = {on_host, PR_COMMON_SIZE},
	[PR_OP_RECORDER] = {on_recorder, PR_COMMON_SIZE},
	[PR_OP_ENDED] = {on_ended, sizeof(struct pr_ended)},
};

static void take(struct pr_livetab *t, const struct pr_frame *f)
{
	if (takers[f->op].take && f->size >= takers[f->op].size)
		takers[f->op].take(t, f);
}

static void count(struct pr_livetab *t, const struct pr_frame *f)
{
	struct stream *st = value_of(t, &t->streams, (uint64_t)f->cpu << 8 | f->stream, 0, sizeof(*st));

	if (st) {
		st->next = f->env_seq + 1;
		st->got++;
	}
}

void pr_livetab_block(struct pr_livetab *t, const struct pr_block *b)
{
	struct pr_frame_iter it;
	struct pr_frame f;

	if (b->desc.flags & PR_SEG_BLOCK_REPEAT)
		return;
	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f)) {
		if (f.env_flags & (PR_ENV_META | PR_ENV_RAW | PR_ENV_REPEAT))
			continue;
		count(t, &f);
		take(t, &f);
	}
}

/* Nothing is known to live, or to wait for its frame. */
static void begin_anew(struct pr_livetab *t)
{
	struct pr_livetab old = *t;

	pr_livetab_init(t);
	t->names = old.names;
	t->host = old.host;
	t->recorder = old.recorder;
	t->failed = old.failed;
	old.names = (struct pr_map){0};
	old.host = old.recorder = (struct pr_buf)PR_BUF_INIT;
	pr_livetab_release(&old);
}

static void take_streams(struct pr_livetab *t, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);

	pr_cursor_skip(&c, sizeof(struct pr_stream_state));
	while (!c.failed && pr_cursor_left(&c) >= sizeof(struct pr_stream_row)) {
		uint64_t key = (uint64_t)pr_cursor_u16(&c) << 8;
		struct stream *st;
		uint64_t lost;

		st = value_of(t, &t->streams, key | pr_cursor_u8(&c), 0, sizeof(*st));
		if (!st)
			return;
		pr_cursor_skip(&c, 5);
		st->next = pr_cursor_u64(&c);
		lost = pr_cursor_u64(&c);
		st->got = st->next > lost ? st->next - lost : 0;
	}
}

/* While a keyframe is read it is not known yet what descends from what: nothing is swept away then. */
static void on_mark(struct pr_livetab *t, bool end)
{
	if (end) {
		t->sweep_at = t->dead * 2 + SWEEP_MIN;
	} else {
		begin_anew(t);
		t->sweep_at = SIZE_MAX;
	}
}

void pr_livetab_frame(struct pr_livetab *t, const struct pr_frame *f)
{
	if (f->env_flags & (PR_ENV_RAW | PR_ENV_CONT))
		return;
	if (f->env_flags & PR_ENV_META) {
		if (f->op == PR_OP_HOST || f->op == PR_OP_USER_NAME || f->op == PR_OP_RECORDER)
			take(t, f);
		return;
	}
	if (f->env_flags & PR_ENV_REPEAT) {
		if (f->op == PR_OP_KEYFRAME && f->size >= sizeof(struct pr_keyframe))
			on_mark(t, pr_get_u32(f->data + offsetof(struct pr_keyframe, end)));
		else if (f->op == PR_OP_STREAM_STATE)
			take_streams(t, f);
		else if (f->op == PR_OP_RECORDER)
			pr_buf_clear(&t->recorder);
	} else {
		if (f->stream == PR_STREAM_USER && f->cpu == PR_CPU_NONE && !f->env_seq) {
			begin_anew(t);
			pr_buf_clear(&t->recorder);
		}
		count(t, f);
	}
	take(t, f);
}

void pr_livetab_segment(struct pr_livetab *t, const char *path)
{
	struct pr_seg_damage d;
	struct pr_seg_reader *r;
	struct pr_source *src;
	struct pr_block b;
	int err;

	if (pr_source_file(&src, path, NULL) || pr_seg_reader_new(&r, src, NULL))
		return;
	while (!(err = pr_seg_reader_next(r, &b, &d, NULL)) || err == PR_EDATA)
		if (!err)
			pr_livetab_block(t, &b);
	pr_seg_reader_free(r);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* livetab_keyframe.c: the state of a table of living processes as frames. */
#include <stddef.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "schema/build.h"
#include "schema/livetab_priv.h"

static size_t begin_frame(struct pr_buf *b, uint8_t op, uint64_t now)
{
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER};

	return pr_enveloped_begin(b, &env, op, now);
}

static int by_key(const void *a, const void *b)
{
	const struct pr_map_slot *x = *(struct pr_map_slot *const *)a, *y = *(struct pr_map_slot *const *)b;

	if (x->k0 != y->k0)
		return x->k0 < y->k0 ? -1 : 1;
	return x->k1 < y->k1 ? -1 : x->k1 > y->k1;
}

/* All entries by their keys (NULL: out of memory), for the caller to free: the same state gives the same bytes. */
static struct pr_map_slot **sorted(const struct pr_map *m, struct pr_buf *b)
{
	struct pr_map_slot **v = calloc(m->len + 1, sizeof(struct pr_map_slot *)), *s;
	size_t pos = 0, n = 0;

	if (!v) {
		b->failed = true;
		return NULL;
	}
	while ((s = pr_map_each(m, &pos)))
		v[n++] = s;
	qsort(v, n, sizeof(struct pr_map_slot *), by_key);
	return v;
}

/* Where each stream goes on. */
static void put_streams(struct pr_livetab *t, struct pr_buf *b, uint64_t now)
{
	size_t at = begin_frame(b, PR_OP_STREAM_STATE, now);
	struct pr_map_slot **v = sorted(&t->streams, b);

	pr_buf_u32(b, 0);
	pr_buf_u32(b, 0);
	for (size_t i = 0; v && i < t->streams.len; i++) {
		const struct stream *st = v[i]->v.p;

		pr_buf_u16(b, (uint16_t)(v[i]->k0 >> 8));
		pr_buf_u8(b, (uint8_t)v[i]->k0);
		pr_buf_append(b, (const uint8_t[5]){0}, 5);
		pr_buf_u64(b, st->next);
		pr_buf_u64(b, st->next > st->got ? st->next - st->got : 0);
	}
	pr_enveloped_end(b, at);
	free(v);
}

static void put_mark(struct pr_buf *b, uint64_t now, bool end, uint32_t processes)
{
	size_t at = begin_frame(b, PR_OP_KEYFRAME, now);

	pr_buf_u32(b, end);
	pr_buf_u32(b, processes);
	pr_enveloped_end(b, at);
}

/* Processes begin after what they descend from. */
static int by_age(const void *a, const void *b)
{
	const struct live *x = *(struct live *const *)a, *y = *(struct live *const *)b;

	if (x->ktime != y->ktime)
		return x->ktime < y->ktime ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void put_ended(const struct live *l, struct pr_buf *b)
{
	size_t at = begin_frame(b, PR_OP_ENDED, 0);

	pr_put_key(b, l->pid, l->ktime);
	pr_buf_u64(b, l->end);
	pr_buf_u32(b, l->end_status);
	pr_buf_u32(b, l->end_how);
	pr_enveloped_end(b, at);
}

static int put_processes(struct pr_livetab *t, struct pr_buf *out, uint32_t *out_n, struct pr_errinfo *ei)
{
	struct live **v = calloc(t->by_key.len + 1, sizeof(*v));
	struct pr_map_slot *s;
	size_t pos = 0, n = 0;

	if (!v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	while ((s = pr_map_each(&t->by_key, &pos)))
		v[n++] = s->v.p;
	qsort(v, n, sizeof(struct live *), by_age);
	*out_n = 0;
	for (size_t i = 0; i < n; i++) {
		pr_buf_append(out, v[i]->bytes, v[i]->len);
		if (v[i]->has_reparent)
			pr_buf_append(out, v[i]->reparent, sizeof(v[i]->reparent));
		*out_n += v[i]->snapshot;
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i]->lives && v[i]->end_how)
			put_ended(v[i], out);
	free(v);
	return PR_OK;
}

static void put_kept(const struct pr_map *m, struct pr_buf *out)
{
	struct pr_map_slot **v = sorted(m, out);

	for (size_t i = 0; v && i < m->len; i++)
		pr_buf_append(out, ((struct kept *)v[i]->v.p)->buf.data, ((struct kept *)v[i]->v.p)->buf.len);
	free(v);
}

/* They are told again now, outside of the sequences. A reading of the clocks stays what it is. */
static void stamp(struct pr_buf *b, size_t from, uint64_t now)
{
	for (size_t at = from; at < b->len; at += PR_ENVELOPE_SIZE + pr_get_u32(b->data + at + offsetof(struct pr_envelope, size))) {
		b->data[at + offsetof(struct pr_envelope, flags)] |= PR_ENV_REPEAT;
		pr_put_u64(b->data + at + offsetof(struct pr_envelope, seq), 0);
		if (b->data[at + PR_ENVELOPE_SIZE] != PR_OP_CLOCK)
			pr_put_u64(b->data + at + PR_ENVELOPE_SIZE + offsetof(struct pr_msg_common, ktime), now);
	}
}

int pr_livetab_keyframe(struct pr_livetab *t, uint64_t now, const struct pr_buf *clock, struct pr_buf *out, struct pr_errinfo *ei)
{
	size_t from = out->len;
	uint32_t n = 0;
	int err;

	pr_livetab_sweep(t);
	pr_buf_append(out, t->host.data, t->host.len);
	pr_buf_append(out, t->recorder.data, t->recorder.len);
	pr_buf_append(out, clock->data, clock->len);
	put_mark(out, now, false, 0);
	put_streams(t, out, now);
	put_kept(&t->names, out);
	err = put_processes(t, out, &n, ei);
	put_mark(out, now, true, n);
	/* What waits for a frame that the segment before does not hold any more: it comes right behind this. */
	put_kept(&t->data, out);
	pr_buf_append(out, t->info.data, t->info.len);
	if (!err && pr_buf_failed(out))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err)
		stamp(out, from, now);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/gaps.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

void pr_gaps_init(struct pr_gaps *g, int (*on_gap)(void *ctx, const struct pr_gap *gap), void *ctx)
{
	*g = (struct pr_gaps){.on_gap = on_gap, .ctx = ctx};
}

void pr_gaps_release(struct pr_gaps *g)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&g->streams, &pos)))
		free(s->v.p);
	pr_map_release(&g->streams);
	memset(g->recent, 0, sizeof(g->recent));
	g->any = g->forgot = false;
}

void pr_gaps_forget(struct pr_gaps *g)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&g->streams, &pos)))
		((struct pr_gap_stream *)s->v.p)->known = false;
	g->forgot = true;
}

/* Of the map; made if it is not there. */
static struct pr_gap_stream *find_state(struct pr_gaps *g, uint64_t key)
{
	struct pr_map_slot *s = pr_map_get(&g->streams, key, 0);
	struct pr_gap_stream *st;

	if (s)
		return s->v.p;
	if (g->streams.len >= PR_GAP_STREAMS_MAX)
		return &g->untracked;
	s = pr_map_put(&g->streams, key, 0, NULL);
	if (!s)
		return NULL;
	st = calloc(1, sizeof(*st));
	if (!st) {
		pr_map_del(&g->streams, key, 0);
		return NULL;
	}
	/* Sequences begin at 0: what comes before the first number seen is missing as well, unless it may lie in damage. */
	*st = (struct pr_gap_stream){0, g->first_ktime, !g->forgot};
	s->v.p = st;
	return st;
}

static struct pr_gap_stream *state_of(struct pr_gaps *g, uint16_t cpu, uint8_t stream)
{
	uint64_t key = (uint64_t)cpu << 8 | stream;
	struct pr_gap_recent *r = &g->recent[(cpu << 3 ^ stream) % PR_GAP_RECENT];

	if (!r->st || r->key != key)
		*r = (struct pr_gap_recent){key, find_state(g, key)};
	return r->st;
}

/* The numbers up to `next` are over by `ktime`; those that were not seen are a gap before frame `seq`. */
static int reached(struct pr_gaps *g, struct pr_gap_stream *st, uint16_t cpu, uint8_t stream, uint64_t next, uint64_t ktime, uint64_t seq)
{
	struct pr_gap gap;

	if (!st->known || next <= st->next)
		return PR_OK;
	gap = (struct pr_gap){.kind = PR_GAP_SEQ,
		.before_seq = seq,
		.cpu = cpu,
		.stream = stream,
		.count = next - st->next,
		.ktime_from = st->ktime,
		.ktime_to = ktime};
	return g->on_gap ? g->on_gap(g->ctx, &gap) : PR_OK;
}

/* A frame that repeats state of earlier segments says where the sequences go on: nothing is missing before it. */
static int stream_rows(struct pr_gaps *g, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	int err = PR_OK;

	pr_cursor_skip(&c, sizeof(struct pr_stream_state));
	while (!err && !c.failed && pr_cursor_left(&c) >= sizeof(struct pr_stream_row)) {
		uint16_t cpu = pr_cursor_u16(&c);
		uint8_t stream = pr_cursor_u8(&c);
		struct pr_gap_stream *st = state_of(g, cpu, stream);
		uint64_t next;

		pr_cursor_skip(&c, 5);
		next = pr_cursor_u64(&c);
		pr_cursor_skip(&c, 8);
		if (!st)
			return PR_ENOMEM;
		if (!(f->env_flags & PR_ENV_REPEAT))
			err = reached(g, st, cpu, stream, next, f->ktime, f->seq);
		*st = (struct pr_gap_stream){next, f->ktime, st != &g->untracked};
	}
	return err;
}

static int loss(struct pr_gaps *g, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_gap gap = {.kind = PR_GAP_LOSS, .before_seq = f->seq, .cpu = PR_CPU_NONE, .ktime_to = f->ktime};

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	gap.reason = pr_cursor_u32(&c);
	gap.stream = (uint8_t)pr_cursor_u32(&c);
	gap.count = pr_cursor_u64(&c);
	gap.ktime_from = pr_cursor_u64(&c);
	if (c.failed)
		return PR_OK;
	if (gap.reason == PR_LOSS_DAMAGE) { /* the place of damage in a file that this one was copied from */
		gap.kind = PR_GAP_DAMAGE;
		gap.stream = 0;
		gap.reason = 0;
		pr_gaps_forget(g);
	} else if (!gap.count && gap.reason != PR_LOSS_BEFORE && gap.reason != PR_LOSS_RETENTION) {
		return PR_OK;
	}
	if (!g->on_gap)
		return PR_OK;
	return g->on_gap(g->ctx, &gap);
}

int pr_gaps_frame(struct pr_gaps *g, const struct pr_frame *f)
{
	struct pr_gap_stream *st;
	int err;

	if (f->env_flags & (PR_ENV_META | PR_ENV_CONT))
		return f->op == PR_OP_LOSS ? loss(g, f) : PR_OK;
	if (!g->any && !(f->env_flags & PR_ENV_RAW)) {
		g->first_ktime = f->ktime;
		g->any = true;
	}
	if (f->env_flags & PR_ENV_REPEAT) {
		if (f->op != PR_OP_STREAM_STATE)
			return PR_OK;
		g->forgot = false; /* streams without a row begin behind it */
		return stream_rows(g, f);
	}
	st = state_of(g, f->cpu, f->stream);
	if (!st)
		return PR_ENOMEM;
	err = reached(g, st, f->cpu, f->stream, f->env_seq, f->ktime, f->seq);
	*st = (struct pr_gap_stream){f->env_seq + 1, f->ktime, st != &g->untracked};
	if (!err && f->op == PR_OP_STREAM_STATE)
		err = stream_rows(g, f);
	if (!err && f->op == PR_OP_LOSS)
		err = loss(g, f);
	return err;
}

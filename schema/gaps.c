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
	*st = (struct pr_gap_stream){0, g->first_ktime, !g->forgot, false};
	s->v.p = st;
	return st;
}

static struct pr_gap_stream *state_of(struct pr_gaps *g, uint16_t cpu, uint8_t stream)
{
	uint64_t key = pr_gap_stream_key(cpu, stream);
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

static int step(struct pr_gaps *g, enum pr_gap_step which, uint64_t stream, struct pr_gap_stream st, uint64_t seq)
{
	return g->on_step ? g->on_step(g->ctx, which, stream, &st, seq) : PR_OK;
}

/* The stream goes on at `next`, after `missing_to`: reports what is missing before that. */
static int go_on(struct pr_gaps *g, struct pr_gap_stream *st, uint64_t key, uint64_t from, uint64_t next, uint64_t ktime, uint64_t seq)
{
	struct pr_gap_stream now = {next, ktime, st != &g->untracked, g->log};
	int err = PR_OK;

	g->at_touch = g->log && !st->told;
	if (g->at_touch)
		err = step(g, PR_STEP_TOUCH, key, (struct pr_gap_stream){from, ktime, true, true}, seq);
	if (!err)
		err = reached(g, st, (uint16_t)(key >> 8), (uint8_t)key, from, ktime, seq);
	g->at_touch = false;
	*st = now;
	return err;
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
		if (!(f->env_flags & PR_ENV_REPEAT)) {
			err = go_on(g, st, pr_gap_stream_key(cpu, stream), next, next, f->ktime, f->seq);
			continue;
		}
		*st = (struct pr_gap_stream){next, f->ktime, st != &g->untracked, g->log};
		err = step(g, PR_STEP_STATE, pr_gap_stream_key(cpu, stream), *st, f->seq);
	}
	return err;
}

static int loss(struct pr_gaps *g, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_gap gap = {.kind = PR_GAP_LOSS, .before_seq = f->seq, .cpu = PR_CPU_NONE, .ktime_to = f->ktime};
	int err = PR_OK;

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
		err = step(g, PR_STEP_FORGET, 0, (struct pr_gap_stream){0}, f->seq);
	} else if (!gap.count && gap.reason != PR_LOSS_BEFORE && gap.reason != PR_LOSS_RETENTION) {
		return PR_OK;
	}
	return err || !g->on_gap ? err : g->on_gap(g->ctx, &gap);
}

void pr_gaps_log(struct pr_gaps *g)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&g->streams, &pos)))
		((struct pr_gap_stream *)s->v.p)->told = false;
	g->log = true;
}

int pr_gaps_redo(struct pr_gaps *g, enum pr_gap_step which, uint64_t stream, const struct pr_gap_stream *at, uint64_t seq)
{
	struct pr_gap_stream *st;

	if (which == PR_STEP_FORGET) {
		pr_gaps_forget(g);
		return PR_OK;
	}
	if (which == PR_STEP_BEGIN) {
		g->forgot = false;
		return PR_OK;
	}
	st = state_of(g, (uint16_t)(stream >> 8), (uint8_t)stream);
	if (!st)
		return PR_ENOMEM;
	if (which == PR_STEP_TOUCH)
		return reached(g, st, (uint16_t)(stream >> 8), (uint8_t)stream, at->next, at->ktime, seq);
	*st = *at;
	return PR_OK;
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
		err = step(g, PR_STEP_BEGIN, 0, (struct pr_gap_stream){0}, f->seq);
		return err ? err : stream_rows(g, f);
	}
	st = state_of(g, f->cpu, f->stream);
	if (!st)
		return PR_ENOMEM;
	err = go_on(g, st, pr_gap_stream_key(f->cpu, f->stream), f->env_seq, f->env_seq + 1, f->ktime, f->seq);
	if (!err && f->op == PR_OP_STREAM_STATE)
		err = stream_rows(g, f);
	if (!err && f->op == PR_OP_LOSS)
		err = loss(g, f);
	return err;
}

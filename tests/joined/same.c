/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * same.c: same DIR [KEYS]: do the indexes of its segments answer every question as one that is made of all frames does?
 *
 * Asks everything that there is to ask: each identity, pid, parent and moment (of those, about KEYS, and an 80th of that many moments, spread over the trace; 400). Prints "same", or
 * "apart REASON" where they can't be joined, or "broken REASON" where one turned out to be damaged (exit status 3), or what differs (1).
 */
#include <stdio.h>
#include <stdlib.h>

#include "replay/query/lineage.h"

static void die(const char *what, const struct pr_errinfo *ei)
{
	if (ei->code == PR_EDATA) {
		printf("broken %s\n", ei->msg);
		exit(3);
	}
	fprintf(stderr, "same: %s: %s\n", what, ei->msg);
	exit(2);
}

static void put_key(struct pr_buf *b, struct pr_proc_key k)
{
	pr_buf_printf(b, "%u@%llu ", k.pid, (unsigned long long)k.ktime);
}

static int put_proc(void *ctx, const struct pr_proc *p)
{
	struct pr_buf *b = ctx;

	put_key(b, p->key);
	if (p->has_parent)
		put_key(b, p->parent);
	pr_buf_printf(b, "start %d first %d inferred %d conflict %d embedded %d lead %llu", p->start, p->first_exec, p->inferred, p->conflict,
		p->embedded, (unsigned long long)p->lead);
	if (p->has_seq)
		pr_buf_printf(b, " seq %llu", (unsigned long long)p->seq);
	if (p->has_clone_seq)
		pr_buf_printf(b, " clone %llu", (unsigned long long)p->clone_seq);
	if (p->end)
		pr_buf_printf(b, " end %d at %llu status %u seq %llu", p->end, (unsigned long long)p->end_ktime,
			p->end == PR_ENDED_EXIT ? p->status : 0, (unsigned long long)p->end_seq);
	if (p->has_pre)
		pr_buf_printf(b, " pre %llu", (unsigned long long)p->pre_ktime);
	pr_buf_str(b, "\n");
	return PR_OK;
}

static int put_gap(void *ctx, const struct pr_gap *g)
{
	pr_buf_printf(ctx, "gap %d before %llu cpu %u stream %u count %llu %llu..%llu reason %u\n", (int)g->kind, (unsigned long long)g->before_seq,
		g->cpu, g->stream, (unsigned long long)g->count, (unsigned long long)g->ktime_from, (unsigned long long)g->ktime_to, g->reason);
	return PR_OK;
}

static int put_clock(void *ctx, uint64_t ktime, int64_t realtime)
{
	pr_buf_printf(ctx, "clock %llu %lld\n", (unsigned long long)ktime, (long long)realtime);
	return PR_OK;
}

static int put_reparent(void *ctx, const struct pr_index_reparent *r)
{
	pr_buf_printf(ctx, "reparent %llu ", (unsigned long long)r->seq);
	put_key(ctx, r->from);
	put_key(ctx, r->to);
	pr_buf_str(ctx, "\n");
	return PR_OK;
}

/* All keys and moments that there are, from the index of all frames. */
struct questions {
	struct pr_proc_key *keys;
	size_t n, cap, wanted;
};

static int note(struct questions *q, struct pr_proc_key k)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 256;
		q->keys = realloc(q->keys, q->cap * sizeof(*q->keys));
		if (!q->keys)
			return PR_ENOMEM;
	}
	q->keys[q->n++] = k;
	return PR_OK;
}

static int note_proc(void *ctx, const struct pr_proc *p)
{
	int err = note(ctx, p->key);

	if (!err && p->has_parent)
		err = note(ctx, p->parent);
	if (!err && p->has_pre)
		err = note(ctx, (struct pr_proc_key){p->key.pid, p->pre_ktime});
	if (!err && p->end)
		err = note(ctx, (struct pr_proc_key){p->key.pid, p->end_ktime});
	return err;
}

static void ask_key(struct pr_lineage *l, struct pr_proc_key k, struct pr_buf *b, struct pr_errinfo *ei)
{
	struct pr_proc p;
	int err = pr_index_get(l->index, k, &p, ei);

	pr_buf_str(b, "? ");
	put_key(b, k);
	pr_buf_printf(b, "%d\n", err);
	if (!err)
		put_proc(b, &p);
	if ((err && err != PR_ENOENT) || pr_index_children(l->index, k, put_proc, b, ei) || pr_index_reparents(l->index, k, put_reparent, b, ei) ||
		pr_index_pid(l->index, k.pid, k.ktime, put_proc, b, ei))
		die("a key", ei);
}

static void ask_time(struct pr_lineage *l, uint64_t t, struct pr_buf *b, struct pr_errinfo *ei)
{
	struct pr_links v = {0};

	pr_buf_printf(b, "at %llu\n", (unsigned long long)t);
	if (pr_lineage_alive(l, t, &v, ei))
		die("a moment", ei);
	for (size_t i = 0; i < v.n; i++)
		put_proc(b, &v.v[i].proc);
	pr_links_release(&v);
}

static void ask_frames(struct pr_lineage *l, uint64_t frames, struct pr_buf *b, struct pr_errinfo *ei)
{
	for (uint64_t seq = 0; seq < frames + 3; seq++) {
		struct pr_index_block bl = {0};
		int err = pr_index_block(l->index, seq, &bl, ei);

		if (err && err != PR_ENOENT)
			die("a frame", ei);
		if (err)
			bl = (struct pr_index_block){0};
		pr_buf_printf(b, "frame %llu %d: %llu %llu %llu %llu, ", (unsigned long long)seq, err, (unsigned long long)bl.number,
			(unsigned long long)bl.offset, (unsigned long long)bl.first_seq, (unsigned long long)bl.frames);
		for (uint32_t uid = 0; uid < 3; uid++) {
			pr_index_name(l->index, !uid, uid - 1, seq, b, ei);
			pr_buf_str(b, "|");
		}
		pr_buf_str(b, "\n");
	}
}

/* Frames, as the last block has them. */
static uint64_t frames_of(struct pr_lineage *l)
{
	struct pr_trace_state st;
	struct pr_frame f;

	pr_trace_rewind(l->trace);
	while (!pr_trace_next(l->trace, &f, NULL))
		;
	pr_trace_get_state(l->trace, &st);
	pr_trace_rewind(l->trace);
	return st.frames;
}

static void ask_all(struct pr_lineage *l, const struct questions *q, struct pr_buf *b)
{
	struct pr_errinfo ei = {.msg = ""};

	if (pr_index_gaps(l->index, put_gap, b, &ei) || pr_index_clocks(l->index, put_clock, b, &ei))
		die("gaps", &ei);
	pr_buf_printf(b, "base %llu\n", (unsigned long long)pr_index_meta(l->index)->base);
	for (size_t i = 0; i < q->n; i += 1 + q->n / q->wanted)
		ask_key(l, q->keys[i], b, &ei);
	for (size_t i = 0; i < q->n; i += 1 + q->n * 80 / q->wanted) {
		ask_time(l, q->keys[i].ktime, b, &ei);
		ask_time(l, q->keys[i].ktime - 1, b, &ei);
		ask_time(l, q->keys[i].ktime + 300000000, b, &ei);
	}
	ask_frames(l, frames_of(l), b, &ei);
}

static int tell(const struct pr_buf *a, const struct pr_buf *b)
{
	size_t i = 0, from;

	while (i < a->len && i < b->len && a->data[i] == b->data[i])
		i++;
	if (i == a->len && i == b->len) {
		puts("same");
		return 0;
	}
	for (from = i; from && a->data[from - 1] != '\n'; from--)
		;
	for (int lines = 0; from && lines < 3; from--)
		lines += a->data[from - 1] == '\n';
	printf("--- of all frames:\n%.*s\n--- joined:\n%.*s\n", (int)(a->len - from < 700 ? a->len - from : 700), (const char *)a->data + from,
		(int)(b->len - from < 700 ? b->len - from : 700), (const char *)b->data + from);
	return 1;
}

int main(int argc, char **argv)
{
	const struct pr_lineage_options frames = {.no_index = true}, joined = {.no_index = false};
	struct pr_buf a = PR_BUF_INIT, b = PR_BUF_INIT;
	struct questions q = {0};
	struct pr_lineage l, j;
	struct pr_errinfo ei;
	int differs;

	if (argc < 2) {
		fprintf(stderr, "usage: same DIR [KEYS]\n");
		return 2;
	}
	q.wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 400;
	if (pr_lineage_open(&l, argv[1], &frames, &ei) || pr_lineage_open(&j, argv[1], &joined, &ei))
		die(argv[1], &ei);
	if (j.is_private) {
		printf("apart %s\n", j.has_note ? j.note.msg : "no index");
		pr_lineage_close(&l);
		pr_lineage_close(&j);
		return 0;
	}
	if (pr_index_each(l.index, note_proc, &q, &ei))
		die(argv[1], &ei);
	ask_all(&l, &q, &a);
	ask_all(&j, &q, &b);
	differs = tell(&a, &b);
	pr_lineage_close(&l);
	pr_lineage_close(&j);
	pr_buf_release(&a);
	pr_buf_release(&b);
	free(q.keys);
	return differs;
}

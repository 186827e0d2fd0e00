/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/extract/select.h"

#include <stdlib.h>

#include "base/room.h"
#include "replay/export/walk.h"

enum state { UNDECIDED, IN, OUT };

struct node {
	struct pr_id first;
	uint32_t creator; /* number of a node, 0: none */
	uint8_t state;
};
struct id {
	struct pr_id id;
	uint32_t node;
};

struct selector {
	struct node *nodes; /* owned; 0 is none */
	struct id *ids; /* owned */
	size_t n_nodes, cap_nodes, n_ids, cap_ids;
};

static int add_node(struct selector *s, struct pr_id first)
{
	struct node *v = pr_room(s->nodes, s->n_nodes, &s->cap_nodes, sizeof(*v));

	if (!v)
		return PR_ENOMEM;
	s->nodes = v;
	v[s->n_nodes++] = (struct node){.first = first};
	return PR_OK;
}

static int on_begin(void *ctx, struct pr_life *l, uint64_t when)
{
	struct selector *s = ctx;

	(void)when;
	if (l->mark)
		return PR_OK;
	l->mark = s->n_nodes;
	return add_node(s, l->first);
}

static int on_life(void *ctx, struct pr_life *l)
{
	struct selector *s = ctx;

	if (!l->mark)
		return PR_OK;
	if (l->creator)
		s->nodes[l->mark].creator = (uint32_t)l->creator->mark;
	for (uint32_t i = 0; i < l->n_ids; i++) {
		struct id *v = pr_room(s->ids, s->n_ids, &s->cap_ids, sizeof(*v));

		if (!v)
			return PR_ENOMEM;
		s->ids = v;
		v[s->n_ids++] = (struct id){l->ids[i], (uint32_t)l->mark};
	}
	return PR_OK;
}

/* The newest with the pid that began by `at`; 0: none. */
static uint32_t find(const struct selector *s, uint64_t pid, uint64_t at, uint64_t *out_n)
{
	uint32_t best = 0;

	for (size_t i = 1; i < s->n_nodes; i++) {
		const struct node *n = &s->nodes[i];

		if (n->first.pid != pid || n->first.ktime > at)
			continue;
		++*out_n;
		if (!best || n->first.ktime > s->nodes[best].first.ktime)
			best = (uint32_t)i;
	}
	return best;
}

/* Creators are older than what they created: going up ends. */
static void decide(struct selector *s, uint32_t target)
{
	s->nodes[0].state = OUT;
	s->nodes[target].state = IN;
	for (size_t i = 1; i < s->n_nodes; i++) {
		uint32_t at = (uint32_t)i, top;

		while (s->nodes[at].state == UNDECIDED)
			at = s->nodes[at].creator;
		for (top = (uint32_t)i; s->nodes[top].state == UNDECIDED; top = s->nodes[top].creator)
			s->nodes[top].state = s->nodes[at].state;
	}
	for (uint32_t at = target; at; at = s->nodes[at].creator)
		s->nodes[at].state = IN;
}

static int put_ids(const struct selector *s, struct pr_map *ids, struct pr_extracted *out)
{
	for (size_t i = 0; i < s->n_ids; i++)
		if (s->nodes[s->ids[i].node].state == IN && !pr_map_put(ids, s->ids[i].id.pid, s->ids[i].id.ktime, NULL))
			return PR_ENOMEM;
	for (size_t i = 1; i < s->n_nodes; i++)
		out->processes += s->nodes[i].state == IN;
	return PR_OK;
}

static int walk(struct selector *s, const struct pr_extract_options *opt, uint64_t *out_at, struct pr_errinfo *ei)
{
	const struct pr_walk_sink sink = {.begin = on_begin, .life = on_life, .ctx = s};
	struct pr_replay_args args = {
		.term = opt->term, .trace = opt->trace, .boot = opt->boot, .cache = PR_CACHE_SETTINGS_DEFAULT, .sel.since = opt->at, .meter = opt->meter};
	struct pr_walk *w = calloc(1, sizeof(*w));
	int err = w ? pr_walk_open(w, &args, NULL, &sink, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");

	if (!err) {
		*out_at = opt->at ? w->session.since : UINT64_MAX;
		w->from = 0; /* the time was only to be understood */
		err = pr_walk_run(w, ei);
		pr_walk_close(w);
	}
	free(w);
	return err;
}

int pr_select(const struct pr_extract_options *opt, struct pr_map *ids, struct pr_extracted *out, struct pr_errinfo *ei)
{
	struct selector s = {0};
	uint64_t at;
	uint32_t target = 0;
	int err = add_node(&s, (struct pr_id){0, 0});

	if (!err)
		err = walk(&s, opt, &at, ei);
	if (!err) {
		target = find(&s, opt->pid, at, &out->instances);
		if (!target)
			err = pr_fail(ei, PR_ENOENT, "%s: no process %llu %s", opt->trace, (unsigned long long)opt->pid,
				opt->at ? "began by that time" : "in the trace");
	}
	if (!err) {
		decide(&s, target);
		err = put_ids(&s, ids, out);
	}
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "%s: out of memory for its processes", opt->trace);
	free(s.nodes);
	free(s.ids);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree_walk.h: what the views that go down from a process share: the way to where they are, and how a node is drawn.
 *
 * A tree of what a selection lets through holds those processes and their ancestors: so it is walked twice. The first time marks what is
 * kept, the second one shows it.
 */
#ifndef PROCREC_REPLAY_TREE_WALK_H
#define PROCREC_REPLAY_TREE_WALK_H

#include "replay/answer.h"

struct pr_tree_level {
	struct pr_links kids; /* owned */
	size_t next;
};

enum pr_tree_pass {
	PR_TREE_ALL, /* shows everything */
	PR_TREE_EACH, /* shows what is selected, where it is met */
	PR_TREE_MARK, /* shows nothing: fills `kept` */
	PR_TREE_KEPT /* shows what is in `kept` */
};

enum { PR_TREE_ON_THE_WAY = 1, PR_TREE_MATCH = 2 };

struct pr_tree_walk {
	struct pr_answer *a;
	struct pr_tree_level *levels; /* owned */
	size_t n, cap;
	bool tree; /* draw it */
	enum pr_tree_pass pass;
	struct pr_map kept; /* (pid, ktime) -> PR_TREE_ON_THE_WAY, PR_TREE_MATCH */
};

void pr_tree_release(struct pr_tree_walk *w);

int pr_tree_push(struct pr_tree_walk *w, struct pr_errinfo *ei); /* an empty level */
void pr_tree_pop(struct pr_tree_walk *w);

/* 0, or what it is kept as. In passes that keep nothing in mind: PR_TREE_MATCH. */
unsigned pr_tree_kept(const struct pr_tree_walk *w, struct pr_proc_key key);
int pr_tree_keep(struct pr_tree_walk *w, struct pr_proc_key key, unsigned as, struct pr_errinfo *ei);

/* --tree with --at or --until-frame: cmd_tree_at.c. */
pr_answer_fn pr_tree_at;

/* One line of text or JSON, at the depth of the walk. */
int pr_tree_show(struct pr_tree_walk *w, const struct pr_link *l, struct pr_errinfo *ei);

#endif

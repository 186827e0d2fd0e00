/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer.h: what the lineage views share: opening, times, showing a process, and asking again without the index when it turns
 * out to be no good.
 */
#ifndef PROCREC_REPLAY_ANSWER_H
#define PROCREC_REPLAY_ANSWER_H

#include "base/map.h"
#include "base/out.h"
#include "replay/query/proc_where.h"
#include "replay/render/process.h"
#include "replay/views.h"
#include "schema/boot.h"

struct pr_answer {
	const struct pr_replay_args *args;
	struct pr_boots boots; /* of the trace; one where it is a file */
	size_t boot; /* the one that is asked: all below is of it */
	bool all_boots; /* each in turn */
	struct pr_lineage lineage;
	struct pr_renderer renderer;
	struct pr_out out; /* of all of them */
	bool has_out, written; /* written: the answer of this boot may have been, in part */
	struct pr_map seen; /* (pid, ktime) of what was shown: a crafted trace may go in circles */
	uint64_t at; /* ktime: nothing later counts; UINT64_MAX: the end */
	uint64_t since; /* ktime: what ended before does not count; 0: the beginning */
	bool has_at; /* --at or --until-frame was given: it is asked for a moment */
	bool selective; /* not all processes are asked for: see pr_answer_selects */
	bool has_only;
	struct pr_proc_key only; /* where has_only: no other image */
	struct pr_proc_where *where; /* --where; NULL: none */
	bool doubtful; /* a gap may have changed the answer: exit status 1 */
	struct pr_buf host, comm; /* of what was loaded last */
};

/* Computes the answer into a->out; PR_ENOENT with a sentence: the answer is no. */
typedef int pr_answer_fn(struct pr_answer *a, struct pr_errinfo *ei);

/* Runs a whole view; returns the exit status. */
int pr_answer_run(const struct pr_replay_args *args, pr_answer_fn *fn);

/* The boot that is asked. A link never leads out of it, as each is a lineage of its own. */
const struct pr_boot *pr_answer_boot(const struct pr_answer *a);
/* Its id, or "(id not recorded)". */
void pr_answer_put_boot(const struct pr_answer *a, struct pr_buf *b);

/* A pid as typed. PR_EUSAGE. */
int pr_answer_pid(const char *view, const char *text, uint32_t *out, struct pr_errinfo *ei);

/* The process that is meant by a pid, with the notes about reuse and gaps. PR_ENOENT. */
int pr_answer_find(struct pr_answer *a, uint32_t pid, struct pr_link *out, struct pr_errinfo *ei);

/* The same among those that the selection lets through. */
int pr_answer_find_selected(struct pr_answer *a, uint32_t pid, struct pr_link *out, struct pr_errinfo *ei);

/* Whether --pid, --where and pr_answer_only_exec_id let it through. PR_EUSAGE: --where fails on it. */
int pr_answer_selects(struct pr_answer *a, const struct pr_link *l, bool *out, struct pr_errinfo *ei);

/* --exec-id, where it does not say which process a view is about: only that image is let through. */
int pr_answer_only_exec_id(struct pr_answer *a, struct pr_errinfo *ei);

/* What is shown of a link, checked: all but v->part. It holds until the next one is loaded, and its image until pr_answer_unload. */
int pr_answer_load(struct pr_answer *a, const struct pr_link *l, uint64_t depth, struct pr_process_view *out, struct pr_errinfo *ei);
void pr_answer_unload(struct pr_process_view *v);

/* One line of text or JSON, as asked for. */
int pr_answer_show(struct pr_answer *a, const struct pr_link *l, uint64_t depth, struct pr_errinfo *ei);

/* Notes that the key was shown. False: it was before. PR_ENOMEM is taken for "shown". */
bool pr_answer_first_time(struct pr_answer *a, struct pr_proc_key key);

/* Writes out what may be written by now. False: writing failed, stop. */
bool pr_answer_check(struct pr_answer *a);

/* Did it live in the time that was asked for? */
bool pr_answer_in_time(const struct pr_answer *a, const struct pr_proc *p);

#endif

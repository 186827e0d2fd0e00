/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.h: the processes of a trace, one after the other, in one pass: who created each, which images it went through, how it
 * ended. What exports and the report are made of.
 *
 * Before it: session.h applies the frames and makes the images. The walk holds what lives, what those were created by, and
 * PR_WALK_GRAVES ended processes that late frames may still refer to: its memory does not grow with the trace.
 */
#ifndef PROCREC_REPLAY_EXPORT_WALK_H
#define PROCREC_REPLAY_EXPORT_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "replay/cache/image.h"
#include "replay/session.h"

#define PR_WALK_GRAVES 4096u /* power of two */
#define PR_WALK_DISPLACED 1024u /* processes whose pid another one has by now: so many wait for an exit that comes late */

enum pr_life_start { PR_LIFE_UNSEEN, PR_LIFE_CLONE, PR_LIFE_EXEC, PR_LIFE_SNAPSHOT };
enum pr_life_end {
	PR_LIFE_OPEN, /* not seen: it lived at the end of the trace, or its exit was lost */
	PR_LIFE_EXIT,
	PR_LIFE_REUSED /* not seen, but another process has its pid from end_ktime on */
};
enum pr_life_certainty { PR_LIFE_OBSERVED, PR_LIFE_SNAPSHOTTED, PR_LIFE_INFERRED, PR_LIFE_UNKNOWN };

/* A stretch of a process's life with one image, from a start or exec to an exec or the end. */
struct pr_life_image {
	struct pr_id id;
	struct pr_id parent; /* the value's parent key; pid 0: none */
	enum pr_life_certainty certainty; /* of that */
	struct pr_image *image; /* counted; NULL: no frame tells. Before the first exec: the creator's */
	enum pr_life_start start;
	bool first_exec; /* the first exec behind a clone */
	uint32_t number; /* among those of the life, from 0 */
	uint64_t from, to; /* ktime; `to` once it is over */
	uint64_t busy_ns; /* of that time, within the trace: with at least one child alive that it created */
	uint32_t sid, pgid, tty; /* of EXEC_INFO; 0: not known */
};

struct pr_life {
	uint32_t refs;
	bool seen; /* a frame of its own was read; else it is only referred to */
	bool selected; /* by pid or tree */
	bool is_late; /* its exit came without any start */
	bool lost_exec; /* an exec of it is missing */
	bool is_over;
	bool is_counted; /* among the creator's alive_children */
	bool gap; /* lost frames may hide its end */
	uint64_t serial; /* in the order in which they were met, from 0; of placeholders too */
	struct pr_id first; /* its first identity that is known: the process's own name */
	struct pr_life *creator; /* counted; NULL: none, or not known */
	struct pr_image *creator_image; /* counted: what the creator ran at that moment; NULL: not known */
	struct pr_id creator_id; /* the creator's identity at that moment */
	enum pr_life_certainty certainty; /* of the creator, or of having none */
	enum pr_life_end end;
	uint64_t end_ktime; /* PR_LIFE_OPEN: the end of the trace */
	uint64_t reused_at; /* displaced: when the other one began */
	uint32_t status; /* wait status */
	uint32_t execs, children;
	struct pr_life_image now; /* the one that it has, or had last */
	uint32_t alive_children;
	uint64_t busy_since;
	struct pr_id *ids; /* owned: the keys under which the walk knows it */
	uint32_t n_ids, cap_ids;
	uint64_t mark; /* free for the sink's use; 0 at first */
};

/* Any may be NULL. Non-zero ends the walk with that code. Everything is borrowed for the call. */
struct pr_walk_sink {
	/* Events, in the order of the trace, where `when` (ktime) lies in the selected time. */
	int (*begin)(void *ctx, struct pr_life *l, uint64_t when); /* cloned, found alive, or first met by an exec */
	int (*exec)(void *ctx, struct pr_life *l, uint64_t when); /* l->now is new */
	int (*end)(void *ctx, struct pr_life *l, uint64_t when); /* exit */
	/* Records, when they are whole, where any of their time lies in the selected time. */
	int (*image)(void *ctx, struct pr_life *l, const struct pr_life_image *im);
	int (*life)(void *ctx, struct pr_life *l);
	int (*gap)(void *ctx, const struct pr_gap *g);
	int (*damage)(void *ctx, const struct pr_seg_damage *d);
	int (*own)(void *ctx, const struct pr_event *ev); /* procrec's own frames, and others that are no lifecycle */
	void *ctx;
};

struct pr_walk {
	struct pr_session session;
	const struct pr_walk_sink *sink; /* borrowed */
	const struct pr_replay_args *args; /* borrowed */
	struct pr_map lives; /* identity -> struct pr_life *; counted once by ids */
	struct pr_map by_pid; /* (pid, 0) -> the open struct pr_life * */
	struct pr_life *graves[PR_WALK_GRAVES]; /* counted */
	struct pr_life *displaced[PR_WALK_DISPLACED]; /* counted */
	uint64_t n_buried, n_displaced, n_serials;
	uint64_t from, to; /* selected time */
	bool has_pid, has_tree, found_root;
	uint64_t pid, tree;
	struct pr_id info_id; /* of the last EXEC_INFO */
	uint32_t info_sid, info_pgid, info_tty;
	uint64_t start_ktime; /* of the first lifecycle event; UINT64_MAX: none yet */
	uint64_t now_ktime; /* latest moment that a frame told of */
	uint64_t lost_until; /* lost frames may have told of ends up to here; 0: none lost */
	uint64_t n_lives, n_execs, n_gaps; /* seen ones, whatever is selected */
	struct pr_errinfo *ei;
};

/* `tree`: only the process with this pid and what descends from it. */
struct pr_walk_selection {
	bool has_tree;
	uint64_t tree;
};

/* Opens the trace; on failure nothing is left to close. The walk must not be moved. */
int pr_walk_open(struct pr_walk *w, struct pr_replay_args *args, const struct pr_walk_selection *sel, const struct pr_walk_sink *sink,
	struct pr_errinfo *ei);
/* PR_ENOENT: nobody had the pid of the tree that was asked for; that is known at the end. */
int pr_walk_run(struct pr_walk *w, struct pr_errinfo *ei);
void pr_walk_close(struct pr_walk *w);

/* The host's name as known so far; may be empty. */
struct pr_slice pr_walk_host(const struct pr_walk *w);

/* The path of what ran, raw bytes; empty where no frame tells (the cache shows "enomem" then). `im` may be NULL. */
struct pr_slice pr_life_binary(const struct pr_image *im, struct pr_buf *scratch);
const char *pr_life_certainty_name(enum pr_life_certainty c);
/* "clone", "exec", "clone+exec", "snapshot", "unknown": how the image came about. */
const char *pr_life_how(const struct pr_life_image *im);
/* "exit", "exec", "reused", "open" */
const char *pr_life_ended_by(const struct pr_life *l, const struct pr_life_image *im);

/* ---- inside of the walk: life.c ------------------------------------------------------------------------------------ */

struct pr_life *pr_life_find(const struct pr_walk *w, struct pr_id id);
/* A new one under `id`, with no reference but that of being findable until it is over. NULL: out of memory. */
struct pr_life *pr_life_new(struct pr_walk *w, struct pr_id id);
int pr_life_add_id(struct pr_walk *w, struct pr_life *l, struct pr_id id); /* PR_ENOMEM */
void pr_life_unref(struct pr_walk *w, struct pr_life *l);
/* Sets or corrects the creator. A link that would lead forward in time is not believed. */
int pr_life_set_creator(struct pr_walk *w, struct pr_life *l, struct pr_id key, enum pr_life_certainty c);
/* It is over: findable for a while yet. */
void pr_life_bury(struct pr_walk *w, struct pr_life *l);
void pr_life_release_all(struct pr_walk *w);

#endif

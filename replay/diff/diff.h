/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.h: two traces compared process by process.
 *
 * Each trace becomes a tree of processes (load.c). Two processes are the same one when their creators are and they are
 * most alike among their siblings (match.c): first whole subtrees, then equal commands, then the same program with similar
 * arguments. Neither pids nor times count, nor the order in which siblings began. Strings are compared with what differs from run
 * to run masked (mask.c). compare.c says what differs, tell.c prints it.
 */
#ifndef PROCREC_REPLAY_DIFF_DIFF_H
#define PROCREC_REPLAY_DIFF_DIFF_H

#include <regex.h>

#include "base/map.h"
#include "base/out.h"
#include "base/style.h"
#include "replay/cache/image.h"
#include "replay/export/walk.h"

/* ---- masks --------------------------------------------------------------------------------------------------------- */

struct pr_masks {
	regex_t *v; /* owned */
	size_t n;
	bool pids; /* numbers that are pids of the trace are masked, too */
};

/*
 * An extended POSIX regular expression. Where it matches, "*" takes the place of its first parenthesised part, or of the whole match
 * where it has none. PR_EUSAGE: it is not one.
 */
int pr_masks_add(struct pr_masks *m, const char *pattern, struct pr_errinfo *ei);
/* Names of temporary files, memfds, numbers under /proc, pids. */
int pr_masks_add_defaults(struct pr_masks *m, struct pr_errinfo *ei);
void pr_masks_release(struct pr_masks *m);

/* Appends the masked bytes to b. pids: (pid, 0) of the trace; may be NULL. */
void pr_masks_apply(const struct pr_masks *m, const struct pr_map *pids, struct pr_slice in, struct pr_buf *b);

/* ---- one trace ------------------------------------------------------------------------------------------------------ */

#define PR_DIFF_NONE UINT32_MAX

struct pr_diff_image {
	struct pr_image *im; /* counted; NULL: no frame tells */
	struct pr_id id;
	bool is_fork; /* it never execed: im is its creator's */
	bool is_exec;
	uint32_t next; /* of the same process, PR_DIFF_NONE */
};

struct pr_diff_node {
	struct pr_id first;
	uint32_t creator; /* number of a node; 0: the root that stands for all that is not there */
	enum pr_life_end end;
	uint32_t status;
	uint64_t duration_ns;
	uint32_t image, last_image, n_images; /* the first and the last: numbers in images */
	uint32_t kids, n_kids; /* a range of `kids` */
	uint32_t size; /* of its subtree, itself included */
	uint32_t depth;
	uint32_t whole, command, program, name; /* equal numbers: equal subtrees, commands, ... in both traces */
	uint32_t match; /* of the other trace; PR_DIFF_NONE */
};

struct pr_diff_side {
	struct pr_diff_node *nodes; /* owned; 0 is the root above the selected ones */
	struct pr_diff_image *images; /* owned */
	uint32_t *kids; /* owned */
	uint32_t *order; /* owned: the selected nodes, each before its children; the root is the first */
	size_t n_nodes, cap_nodes, n_images, cap_images, n_order;
	struct pr_map pids; /* (pid, 0) of the selected nodes */
	uint32_t root_pid; /* of the command that was recorded; 0: not told */
	struct pr_name *host; /* counted; NULL: not known */
	struct pr_map masked; /* hash of a string -> where its masked form is in masked_text, with its length in front */
	struct pr_buf masked_text;
};

struct pr_diff_source {
	const char *path;
	const char *root; /* a pid, or the name or path of a program: only such, and what descends from them; NULL: the recorded command, else all */
	const char *boot; /* of a directory, as typed: see pr_boots_find; NULL: the newest, */
	const char *boot_note; /* and a note says how another is picked */
	const struct pr_meter *meter; /* borrowed; NULL: nobody */
};

/*
 * Reads a trace. PR_ENOENT: there is no such process. PR_EDATA: loaded, but frames are missing.
 * On other failures nothing is left to release.
 */
int pr_diff_load(struct pr_diff_side *s, const struct pr_diff_source *src, struct pr_errinfo *ei);
void pr_diff_side_release(struct pr_diff_side *s);

/* ---- both ----------------------------------------------------------------------------------------------------------- */

struct pr_diff {
	struct pr_diff_side side[2];
	struct pr_masks masks;
	bool has_durations;
	uint64_t durations_ns; /* durations that differ by more are told */
	struct pr_map ids; /* hashes of what was given a number */
	uint32_t n_ids;
	struct pr_buf scratch;
};

void pr_diff_release(struct pr_diff *d);

/* Finds the pairs: fills `match`. meter: counts processes, of both traces; NULL: nobody. PR_ENOMEM. */
int pr_diff_match(struct pr_diff *d, const struct pr_meter *meter, struct pr_errinfo *ei);

/* What differs between two images, or two processes. */
enum pr_diff_what {
	PR_DIFF_BINARY = 1,
	PR_DIFF_ARGV0 = 2,
	PR_DIFF_ARGS = 4,
	PR_DIFF_CWD = 8,
	PR_DIFF_UID = 16,
	PR_DIFF_CAPS = 32,
	PR_DIFF_EXECS = 64, /* they went through different numbers of images: only the last ones are compared */
	PR_DIFF_EXIT = 128,
	PR_DIFF_DURATION = 256
};

/* Equal as they stand, or when masked. */
bool pr_diff_same(struct pr_diff *d, struct pr_slice a, struct pr_slice b);
unsigned pr_diff_images(struct pr_diff *d, const struct pr_diff_image *a, const struct pr_diff_image *b);
/* Of the processes themselves: EXECS, EXIT, DURATION. */
unsigned pr_diff_processes(const struct pr_diff *d, const struct pr_diff_node *a, const struct pr_diff_node *b);
/* The next pair of images to compare: start with both PR_DIFF_NONE; false at the end. */
bool pr_diff_next_images(const struct pr_diff *d, uint32_t a, uint32_t b, uint32_t *ia, uint32_t *ib);

/* A run of arguments that stands in one place of the lists in A, or B, or differs: numbers of arguments, from..to. */
struct pr_diff_hunk {
	uint32_t a_from, a_to, b_from, b_to;
};
/* *out is the caller's to free. PR_ENOMEM. */
int pr_diff_arguments(struct pr_diff *d, const struct pr_image *a, const struct pr_image *b, struct pr_diff_hunk **out, size_t *out_n);

struct pr_diff_sums {
	uint64_t processes[2], alike, changed, only[2];
};
/* Prints what differs, in the order of the trees, and the sums. PR_ENOMEM; PR_END: nobody reads on. */
int pr_diff_tell(struct pr_diff *d, bool json, const struct pr_style *style, struct pr_out *out, struct pr_diff_sums *out_sums);

#endif

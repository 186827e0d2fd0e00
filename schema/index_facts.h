/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_facts.h: what frames tell of one identity, and how facts of one identity are joined. Inside of the index only.
 *
 * Joining is commutative and associative, so that it does not matter which facts met in memory and which when they were sorted.
 */
#ifndef PROCREC_SCHEMA_INDEX_FACTS_H
#define PROCREC_SCHEMA_INDEX_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/index.h"

#define PR_INDEX_WILD (INT64_C(1) << 62) /* times that far from the base are not honest */
#define PR_INDEX_NODE_REPEAT INT64_MIN /* node in the table `long` of those that only repeated state tells of, without an end */

/* All ktimes are relative to the trace's base, signed. */
struct pr_facts {
	int64_t kt; /* the identity */
	uint32_t pid;

	uint32_t x_ppid; /* of its execve frame (or PROCFS execve): the value's parent key */
	int64_t x_pkt;
	uint64_t x_seq;
	uint32_t x_lead; /* frames before it that its text needs; */
	uint32_t x_own_lead; /* without those of repeated state */

	uint32_t c_ppid; /* of its clone frame; with `embedded`, of the clone frame of kt - pre */
	int64_t c_pkt;
	uint64_t c_seq;

	int64_t e_kt; /* of its end */
	uint64_t e_seq;
	uint32_t e_status;

	int64_t pre; /* kt minus the ktime of the identity that was cloned and became this image; 0: none known */
	uint32_t folded; /* frames of events that were joined to others of their kind: no row tells of them */
	uint8_t x, c, e; /* enum pr_proc_start of the execve frame, 1 where there is a clone frame, enum pr_proc_end */
	bool first_exec, x_inferred, c_inferred, conflict, embedded;
	bool e_event; /* the end is told by an exit frame, an event by itself */
	bool repeat; /* told by repeated state, which is not joined with other facts before all are sorted */
	bool far; /* a start frame was emitted before, or long after, the identity's ktime */
};

/* Differences wrap: what a crafted trace makes of them is its own affair, but it stays defined. */
static inline int64_t pr_minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline bool pr_facts_same(const struct pr_facts *a, const struct pr_facts *b)
{
	return a->pid == b->pid && a->kt == b->kt;
}

/* Order of (pid, kt). */
static inline int pr_facts_compare(const struct pr_facts *a, const struct pr_facts *b)
{
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->kt < b->kt ? -1 : a->kt > b->kt;
}

/* Adds b, of the same identity, to a. Neither is embedded. */
void pr_facts_join(struct pr_facts *a, const struct pr_facts *b);

/* It has times that no honest trace has: too far from the base to be compared when the base changes. */
bool pr_facts_wild(const struct pr_facts *f);

/* Do both tell the same? `own`: without repeated state. */
bool pr_facts_equal(const struct pr_facts *a, const struct pr_facts *b, bool own);

/* True when c tells nothing but that it was cloned and then became x by its first exec: c needs no row of its own. */
bool pr_facts_embeddable(const struct pr_facts *x, const struct pr_facts *c);
void pr_facts_embed(struct pr_facts *x, const struct pr_facts *c);
/* Takes the embedded identity out of x again. */
struct pr_facts pr_facts_extract(struct pr_facts *x);

/* ---- sorting more of them than fit in memory --------------------------------------------------------------------- */

struct pr_sorter;

/* dir: where a file without a name may be put when memory is not enough; NULL: the system's folder for temporary files. */
struct pr_sorter *pr_sorter_new(const char *dir);
void pr_sorter_free(struct pr_sorter *s);

int pr_sorter_add(struct pr_sorter *s, const struct pr_facts *f, struct pr_errinfo *ei);

/* An open file without a name in `dir` (NULL: none), else where the system has temporary files; -1: in none of them one may be made. */
int pr_spill_file(const char *dir);

/* Ends the adding. Then pr_sorter_next gives all in the order of (pid, kt), those of one identity behind each other; PR_END. */
int pr_sorter_sort(struct pr_sorter *s, struct pr_errinfo *ei);
int pr_sorter_next(struct pr_sorter *s, struct pr_facts *out, struct pr_errinfo *ei);

#endif

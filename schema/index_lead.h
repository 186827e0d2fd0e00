/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_lead.h: where what belongs to an execve frame begins: its data frames and its EXEC_INFO, which stand before it. Inside of the index only.
 *
 * Counts twice: with the state that a segment repeats at its beginning, and without (`own`). And it keeps what tells whether the own frames of
 * two segments can be looked at one by one: the ids that reach over the beginning of this one, and those that wait at its end.
 */
#ifndef PROCREC_SCHEMA_INDEX_LEAD_H
#define PROCREC_SCHEMA_INDEX_LEAD_H

#include "base/map.h"
#include "schema/index_facts.h"

#define PR_LEAD_DATA_MAX 65536u /* ids of data frames that no exec took yet */

enum pr_lead_kind {
	PR_LEAD_REPEATED, /* an id that repeated frames told of */
	PR_LEAD_OVER, /* an id that own frames tell of, which may have begun before them */
	PR_LEAD_EXEC_REPEATED, /* the first execve, if no EXEC_INFO stood before it: with repeated state, */
	PR_LEAD_EXEC, /* and without */
	PR_LEAD_DATA_REPEATED, /* at the end: an id that no execve took, */
	PR_LEAD_DATA,
	PR_LEAD_INFO_REPEATED, /* and the key of an EXEC_INFO without its execve */
	PR_LEAD_INFO
};

struct pr_lead {
	struct pr_map data; /* id of data frames -> seq of the first */
	struct pr_map again; /* of those whose first is a repeated one: seq of the first that is not */
	struct pr_map over, repeated; /* ids, as a set */
	bool has_info; /* an EXEC_INFO frame waits for its execve */
	uint32_t info_pid;
	uint64_t info_ktime, info_first, info_own_first; /* first: seq of the first frame that its text needs */
	bool info_own; /* it is no repeated one */
	uint64_t own_from; /* seq of the first frame that is not repeated */
	uint64_t own_ktime; /* and its ktime */
	bool own; /* that frame was reached */
	bool any[2]; /* EXEC_INFO or execve frames were seen, in all and of its own; */
	bool bare[2]; /* the first of them was this execve */
	struct pr_proc_key first_exec[2];
	uint64_t peak; /* the most ids that waited at once */
};

/* First frames of something that is read: with and without repeated state. */
struct pr_lead_first {
	uint64_t all, own;
};

/* Frames from `seq` on are the segment's own. */
void pr_lead_own(struct pr_lead *l, uint64_t seq, uint64_t ktime);

/* False: out of memory. */
bool pr_lead_data(struct pr_lead *l, uint64_t id_pid, uint64_t id_time, uint64_t seq);
bool pr_lead_take(struct pr_lead *l, uint64_t id_pid, uint64_t id_time, struct pr_lead_first *first);

/* An EXEC_INFO frame, and from where on it needs frames. */
void pr_lead_info(struct pr_lead *l, uint32_t pid, uint64_t ktime, const struct pr_lead_first *first);
/* The execve that may belong to it. */
struct pr_lead_first pr_lead_exec(struct pr_lead *l, uint32_t pid, uint64_t ktime, uint64_t seq);

/* All of them, those of one kind in no order. Non-zero of fn ends it with that code. */
int pr_lead_each(const struct pr_lead *l, int (*fn)(void *ctx, enum pr_lead_kind kind, uint64_t pid, uint64_t time), void *ctx);

void pr_lead_release(struct pr_lead *l);

#endif

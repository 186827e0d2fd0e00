/* SPDX-License-Identifier: BSD-2-Clause */
/* index_priv.h: an open index. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_PRIV_H
#define PROCREC_SCHEMA_INDEX_PRIV_H

#include <sqlite3.h>

#include "schema/index.h"
#include "schema/index_row.h"

enum pr_index_stmt {
	SEL_GET, SEL_PID, SEL_CHILDREN, SEL_LONG, SEL_EACH, SEL_BLOCK, SEL_BLOCKS, SEL_SPAN, SEL_GAPS, SEL_CLOCKS, SEL_NAME, SEL_REPARENTS,
	/* of several that are joined: */
	SEL_RANGE, SEL_LONG_ROWS, SEL_FACTS, SEL_ALL_FACTS, SEL_FACT_CHILDREN, SEL_OLD, SEL_STEPS, SEL_LEADS, SEL_NAMES, N_SELS
};

/* What is its segment's own; see index_part.h. */
struct pr_index_part {
	uint64_t repeat_frames, repeat_blocks; /* what the segment begins with and only repeats */
	uint64_t read_frames; /* counted frames up to its end, as far as they could be read */
	uint64_t lo, hi; /* own keys, relative to the base, signed: those before lo are in the table `old` */
	uint64_t wild, lead_peak, own_execs, all_execs, own_ktime, first_ktime, any;
};

struct pr_joined;

struct pr_index {
	struct pr_joined *joined; /* owned; of several segments, whose indexes answer: then it has no database of its own */
	sqlite3 *db; /* owned */
	char *name; /* owned: for messages */
	sqlite3_stmt *st[N_SELS]; /* prepared when first used */
	struct pr_index_meta meta;
	struct pr_index_part part;
};

/* The statement, reset, or NULL with *out_err. */
sqlite3_stmt *pr_index_use(struct pr_index *ix, enum pr_index_stmt which, int *out_err, struct pr_errinfo *ei);
/* PR_OK with a row, PR_END behind the last, else the failure. Resets in the last two cases. */
int pr_index_step(struct pr_index *ix, sqlite3_stmt *st, struct pr_errinfo *ei);
/* Of SEL_GET to SEL_EACH, SEL_RANGE, SEL_LONG_ROWS. */
void pr_index_row(sqlite3_stmt *st, struct pr_row *w);
/* NULL: `null`. */
uint64_t pr_index_u64(sqlite3_stmt *st, int col, uint64_t null);

#endif

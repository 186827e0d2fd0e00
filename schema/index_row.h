/* SPDX-License-Identifier: BSD-2-Clause */
/* index_row.h: rows of the tables `image` and `fact`, and what they tell: as facts, and as an answer. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_ROW_H
#define PROCREC_SCHEMA_INDEX_ROW_H

#include <sqlite3.h>

#include "schema/index_facts.h"

enum pr_row_column { C_PID = 1, C_KT, C_PPID, C_PD, C_BITS, C_STATUS, C_DUR, C_SEQ, C_ESEQ, C_LEAD, C_PRE, C_CSEQ, C_END };

struct pr_row {
	int64_t v[C_END]; /* by column, from 1 */
	bool null[C_END];
};

#define PR_ROW_FAR 128 /* in C_BITS */
#define PR_ROW_REPEAT 256 /* only frames that repeat state tell of it */

void pr_row_of_facts(struct pr_row *w, const struct pr_facts *f);

/*
 * The facts that a row was made of, as far as it tells: those of the image, and, where the row embeds one, of the identity that was cloned
 * before. Returns how many: 1 or 2.
 */
int pr_row_to_facts(const struct pr_row *w, struct pr_facts out[2]);

/* base: of the ktimes. */
void pr_row_to_proc(const struct pr_row *w, uint64_t base, struct pr_proc *out);

/* The identity that was cloned and became `im`. */
struct pr_proc pr_proc_embedded(const struct pr_proc *im);

/* A row of the table `fact`: written, by its columns from the first on, and read, as SEL_FACTS has them. */
void pr_fact_bind(sqlite3_stmt *st, const struct pr_facts *f, bool own);
void pr_fact_read(sqlite3_stmt *st, struct pr_facts *f);

#endif

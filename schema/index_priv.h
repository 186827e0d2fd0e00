/* SPDX-License-Identifier: BSD-2-Clause */
/* index_priv.h: an open index. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_PRIV_H
#define PROCREC_SCHEMA_INDEX_PRIV_H

#include <sqlite3.h>

#include "schema/index.h"

enum pr_index_stmt {
	SEL_GET, SEL_PID, SEL_CHILDREN, SEL_LONG, SEL_EACH, SEL_BLOCK, SEL_BLOCKS, SEL_SPAN, SEL_GAPS, SEL_CLOCKS, SEL_NAME, SEL_REPARENTS, N_SELS
};

struct pr_index {
	sqlite3 *db; /* owned */
	char *name; /* owned: for messages */
	sqlite3_stmt *st[N_SELS]; /* prepared when first used */
	struct pr_index_meta meta;
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* index_part.h: what an index keeps of its segment's end, so that those of several segments can be joined. Inside of the index only. */
#ifndef PROCREC_SCHEMA_INDEX_PART_H
#define PROCREC_SCHEMA_INDEX_PART_H

#include "schema/index_lead.h"
#include "schema/index_rows.h"

/* When all rows of processes were written. */
int pr_part_write(struct pr_index_rows *r, struct pr_gaps *gaps, struct pr_lead *lead, struct pr_errinfo *ei);

#endif

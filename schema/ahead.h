/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.h: blocks that are checked and decompressed before they are asked for, by a pool, while the reader's user works on those before.
 *
 * It holds good blocks or nothing. Whatever else stands in the file (a record, damage, the end) the reader finds itself, later and in the one
 * way in which it always does: so what is told of a trace does not depend on whether somebody read ahead.
 */
#ifndef PROCREC_SCHEMA_AHEAD_H
#define PROCREC_SCHEMA_AHEAD_H

#include "base/pool.h"
#include "schema/segment.h"

struct pr_ahead;

/* pool: borrowed. NULL: there is none, or no memory; then nothing is read ahead. */
struct pr_ahead *pr_ahead_new(struct pr_pool *pool);
void pr_ahead_free(struct pr_ahead *a); /* NULL is allowed */

/*
 * The block at `pos` of src, if it is a good one that was read ahead: its link is right, and its bytes are valid until the next call. False:
 * nothing is known of it. Reads on from there, up to `end`.
 */
bool pr_ahead_next(struct pr_ahead *a, struct pr_source *src, const uint8_t uuid[PR_SEG_UUID], uint64_t pos, uint64_t end, struct pr_block *out);

#endif

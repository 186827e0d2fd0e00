/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trigger.h: --trigger EXPR: asks the expression of each event that is recorded, as replay's --where would of the finished trace (without
 * the columns seq and time). It keeps a process cache of its own for that, fed with the blocks that were written.
 */
#ifndef PROCREC_RECORDER_TRIGGER_H
#define PROCREC_RECORDER_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/segment.h"

struct pr_trigger;

/* PR_EUSAGE: it is no such expression. expr is copied. */
int pr_trigger_new(struct pr_trigger **out, const char *expr, struct pr_errinfo *ei);
void pr_trigger_free(struct pr_trigger *t); /* NULL is allowed */

/*
 * True when the expression holds for an event of the block; why (NUL-terminated, `size` bytes at most) then tells of the first such.
 * Processes that were found alive at the start are no events here.
 */
bool pr_trigger_block(struct pr_trigger *t, const struct pr_block *b, char *why, size_t size);

/* Events for which the expression failed, and how at first; or why the trigger was given up. NULL: neither. */
const char *pr_trigger_trouble(const struct pr_trigger *t, uint64_t *out_events);

#endif

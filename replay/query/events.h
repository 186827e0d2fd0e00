/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.h: the table `events` of SQL: one row for each execve, clone and exit, in the order of the trace.
 *
 * Read block by block as the rows are asked for; seq, event_ktime, time and pid lead through the index to the blocks that can hold them. The
 * columns are those of columns.h but for the ones that only an agent's cache knows; what the process was comes from the lineage, as in the
 * views, so that a row says the same whichever way it was found.
 */
#ifndef PROCREC_REPLAY_QUERY_EVENTS_H
#define PROCREC_REPLAY_QUERY_EVENTS_H

#include "replay/cache/columns.h"
#include "replay/query/functions.h"

struct sqlite3;

/* Adds the table. *s must outlive the database. Returns SQLite's code. */
int pr_events_define(struct sqlite3 *db, struct pr_sql *s);

#endif

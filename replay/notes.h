/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notes.h: what every command says on stderr about a trace that is not whole: one way for all of them.
 */
#ifndef PROCREC_REPLAY_NOTES_H
#define PROCREC_REPLAY_NOTES_H

#include "schema/trace.h"

/* Prints a note for a damaged place. */
void pr_notes_damage(const char *path, const struct pr_seg_damage *d);

/* Makes damage be noted as it is met. For commands that need no other events of the trace. */
void pr_notes_attach(struct pr_trace *t);

/*
 * After PR_END: notes an open end, sums up gaps. PR_EDATA with the sentence when frames are damaged or missing (exit
 * status 1); 0 when all that was written could be read: an open end alone is no failure.
 */
int pr_notes_end(struct pr_trace *t, const char *path, struct pr_errinfo *ei);

/* Notes the segments of other boots that lie in the same directory. */
void pr_notes_boots(struct pr_trace *t, const char *path);

/* The same as pr_notes_end where perhaps only the beginning was read (`part`): then it says nothing of the end. */
int pr_notes_read(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei);

#endif

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

/* Why the index beside the trace was not used. */
void pr_notes_index(const struct pr_errinfo *why);

/*
 * Which boot of a directory this is, where there are others and nobody asked for one. how: what picks another, a whole sentence without its
 * full stop.
 */
#define PR_NOTES_BOOT "--boot picks another"
void pr_notes_boot(struct pr_trace *t, const char *path, const char *how);

/*
 * After PR_END: notes an open end, sums up gaps. PR_EDATA with the sentence when frames are damaged or missing (exit
 * status 1); 0 when all that was written could be read: an open end alone is no failure. part: perhaps only the beginning was read: then it
 * says nothing of the end.
 */
int pr_notes_whole(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei);

/* Both, of commands that take --boot. */
int pr_notes_read(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei);

/* Both, of commands that read all and have no --boot. */
int pr_notes_end(struct pr_trace *t, const char *path, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * livetab.h: the state that a later segment must repeat to be readable alone, built from the frames that were written, and from
 * nothing else: what lives, by which frames it came to be, and the ancestors that it refers to.
 *
 * A second scan of /proc would race with the frames. So the frames of each identity are kept while it lives, or while something
 * that lives descends from it; memory is bounded by the living processes (and ANCESTORS_MAX for each).
 */
#ifndef PROCREC_SCHEMA_LIVETAB_H
#define PROCREC_SCHEMA_LIVETAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "schema/segment.h"

struct pr_livetab {
	struct pr_map by_key; /* (pid, ktime) -> struct live * */
	struct pr_map current; /* (pid, 0) -> the one of them that lives */
	struct pr_map names; /* (uid, 0) -> struct kept *: its USER_NAME frame */
	struct pr_map data; /* id of data frames that no exec took yet -> struct kept * */
	struct pr_map streams; /* (cpu << 8 | stream, 0) -> struct stream * */
	struct pr_buf host, recorder; /* those frames, with their envelopes */
	struct pr_buf info; /* an EXEC_INFO or CLONE_INFO that waits for its frame */
	size_t data_bytes;
	size_t dead, sweep_at; /* entries that do not live; how many are a reason to look which are still needed */
	bool failed; /* memory ran out: what is told may lack something */
};

void pr_livetab_init(struct pr_livetab *t);
void pr_livetab_release(struct pr_livetab *t);

/* Takes note of the frames of a block. Those that repeat state are passed over. */
void pr_livetab_block(struct pr_livetab *t, const struct pr_block *b);

/*
 * The same of one frame, for who begins in the midst of a recording: state that is repeated there takes the place of all that was known
 * (processes may have ended unseen), and so does the beginning of another recording. META ones may name hosts and users.
 */
void pr_livetab_frame(struct pr_livetab *t, const struct pr_frame *f);

/* The same for all blocks of the segment at `path`: for a table that was not kept from the start. What can't be read is left out. */
void pr_livetab_segment(struct pr_livetab *t, const char *path);

/*
 * Appends a keyframe of the present state, told at `now` (ktime), all under PR_ENV_REPEAT: host, recorder, `clock` (a CLOCK frame in its
 * envelope), where the streams go on, names, and parents before their children. Forgets what nothing refers to any more. PR_ENOMEM.
 */
int pr_livetab_keyframe(struct pr_livetab *t, uint64_t now, const struct pr_buf *clock, struct pr_buf *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink.h: where the frames go: one file, or a directory of segments; with index and signatures.
 *
 * What was given to it and is not yet in a file whose writes worked stays here. So when a file fails (it is then never written
 * again), pr_sink_recover() goes on in a new one, and nothing is lost or there twice. Opened by one thread, then of the
 * writing thread alone.
 */
#ifndef PROCREC_RECORDER_SINK_H
#define PROCREC_RECORDER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "recorder/freezer.h"
#include "schema/frame.h"

struct pr_sink;
struct pr_spool_options;

/* Files beside segments that could not be written: how many, and of the first one what failed, where and why (one line). */
struct pr_sink_trouble {
	uint64_t failed;
	char why[sizeof(((struct pr_errinfo *)0)->msg)];
};

/* Files that are not where they were written any more: deleted, moved or replaced by somebody else. */
struct pr_sink_gone {
	uint64_t files;
	uint64_t events; /* that were written into them: execs, clones, exits and failed execs */
	bool all; /* nothing can be looked at under the recording's path */
	bool folder; /* `name` is the directory */
	bool deleted; /* `name`: no name leads to it any more; else it may be elsewhere */
	char name[sizeof(((struct pr_errinfo *)0)->msg)]; /* of the first one, or of the directory, cut where it is too long */
};

struct pr_sink_state {
	uint64_t raw_bytes, file_bytes, blocks, frames; /* written so far, over all files */
	uint64_t written[PR_STREAM_COUNT]; /* of these frames, by stream, repeated ones left out */
	uint64_t execs, clones, exits, fails, others; /* of the kernel's among them, by kind; `others` are data and details */
	uint64_t segments; /* files begun */
	uint64_t deleted; /* segments, by retention or for room */
	bool untold; /* the last deletion for room: no segment could be begun behind it that tells of it */
	struct pr_sink_trouble minisig; /* NAME.minisig; the trace is signed without it */
	struct pr_sink_trouble index; /* NAME.idx was given up; the trace is whole without it */
	struct pr_sink_gone gone; /* as pr_sink_look() found it last */
	struct pr_freezer_state frozen; /* of a rotation */
};

/* As for pr_spool_open(): creates the (first) file, with the caller's rights. */
int pr_sink_open(struct pr_sink **out, const struct pr_spool_options *opt, struct pr_errinfo *ei);
/* First thing in the writing thread: gives up its rights, and from now on is who may make files there. */
int pr_sink_begin(struct pr_sink *s, struct pr_errinfo *ei);

/* Takes n bytes of whole envelopes; with `sync` all is written, and committed as the options say. Begins the next segment when due. */
int pr_sink_write(struct pr_sink *s, const void *p, size_t n, bool sync, struct pr_errinfo *ei);
/*
 * Of a rotation: the next pr_sink_write, or pr_sink_end, freezes the history with what it writes, as far as that may be; where it fails, the
 * one after it. why: who asked for it. A set that could not be made is no failure.
 */
void pr_sink_freeze(struct pr_sink *s, const char *why);
/* Nothing came for a while: signs what is not signed yet. */
int pr_sink_idle(struct pr_sink *s, struct pr_errinfo *ei);

/*
 * After any of these failed: goes on in a new segment (of one file PATH: in PATH.1 and so on). Where the disk is full the oldest
 * segments of a rotation make room. May be tried again and again. PR_EUSAGE: this recording can't be gone on with like that.
 */
int pr_sink_recover(struct pr_sink *s, struct pr_errinfo *ei);
bool pr_sink_can_recover(const struct pr_sink *s);

/* Looks whether what was written is still there: pr_sink_state.gone. The sink does that itself at each end of a segment, and at each sync. */
void pr_sink_look(struct pr_sink *s);

int pr_sink_end(struct pr_sink *s, struct pr_errinfo *ei); /* seals */
void pr_sink_discard(struct pr_sink *s); /* deletes what was begun: nothing of use came to be recorded */
void pr_sink_drop_index(struct pr_sink *s); /* an unfinished one is removed: in the writing thread, while it is who made it */
void pr_sink_get_state(const struct pr_sink *s, struct pr_sink_state *out);
void pr_sink_free(struct pr_sink *s); /* NULL is allowed */

#endif

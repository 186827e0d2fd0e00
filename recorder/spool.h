/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h: the way of frames from the ring to the disk: a bounded queue and one thread that compresses, writes and syncs.
 *
 * So a disk that takes seconds for a sync costs memory, not frames: the ring goes on being emptied until the queue is full,
 * and then fills up itself, where the kernel counts each loss at its place. One thread puts, the spool's own thread writes.
 */
#ifndef PROCREC_RECORDER_SPOOL_H
#define PROCREC_RECORDER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "recorder/redactor.h"
#include "recorder/sink.h"
#include "schema/segment.h"
#include "schema/sign.h"

#define PR_SPOOL_QUEUE_DEFAULT (64u << 20)
#define PR_SPOOL_QUEUE_MIN (1u << 20)

enum pr_sync_when {
	PR_SYNC_SPAN = 0, /* at each pr_spool_tick() */
	PR_SYNC_BLOCK, /* after each block */
	PR_SYNC_NONE /* never before the end; ticks still write ("written", not "committed") */
};

struct pr_spool_options {
	const char *path; /* of the trace; borrowed. A directory with `rotate` */
	bool in_memory; /* path is of pr_memory_create(): what is too old is forgotten, and nothing goes on elsewhere */
	bool rotate; /* into segments, with these limits as in struct pr_rotate_options */
	uint64_t max_bytes, max_ns, keep_bytes, keep_ns;
	struct pr_freeze_options freeze; /* with `rotate` */
	bool force; /* an existing file is replaced by a new one */
	bool index; /* keep PATH.idx beside it */
	enum pr_sync_when sync;
	uint64_t queue_bytes; /* 0: PR_SPOOL_QUEUE_DEFAULT */
	int level; /* of the LZ4 compression */
	bool plain; /* keep the bytes of a block in the stream's order (segment encoding 0) */
	bool give_away; /* chown the files to these: who called sudo can then read what he recorded */
	uid_t uid;
	gid_t gid;
	/*
	 * Sign it: the key, which is wiped before pr_spool_open() returns; NULL: not signed. And where it was read, for PATH.minisig; NULL:
	 * no such file.
	 */
	struct pr_secret_key *sign;
	const char *sign_path;
	/*
	 * Secrets are taken out by it; NULL: everything is kept. Borrowed until the spool is closed or freed, and the writing thread's alone until
	 * then. known: see pr_redactor_new().
	 */
	struct pr_redact *redact;
	const struct pr_resume *known;
	const struct pr_seg_end *resume; /* go on with the trace, which ends there; NULL: begin a new one. Borrowed during pr_spool_open() */
};

struct pr_spool;

/*
 * Creates the trace (0600, never through a symbolic link, never over an existing file unless `force`), writes its header
 * and starts the thread, which gives up all its capabilities at once. PR_EBUSY when the file exists.
 */
int pr_spool_open(struct pr_spool **out, const struct pr_spool_options *opt, struct pr_errinfo *ei);

/*
 * Takes whole envelopes over (copied). PR_EBUSY: the queue is full, nothing was taken (with `wait`: waits for room instead).
 * When a file can't be written the spool goes on in a new one, and where that fails too (a full disk) it tries again each second,
 * while the queue fills up: pr_spool_trouble() tells. Once it has given up it returns that failure, here and below.
 */
int pr_spool_put(struct pr_spool *s, const void *p, size_t n, bool wait, struct pr_errinfo *ei);

/*
 * Everything put so far is to be written, and synced as `sync` says. Returns at once. `position` is the caller's name for this
 * point of the stream.
 */
int pr_spool_tick(struct pr_spool *s, uint64_t position, struct pr_errinfo *ei);

/* The highest position of a tick up to which all is known to be written (or synced) by now; 0: none yet. */
uint64_t pr_spool_written(struct pr_spool *s);

/*
 * With `rotate`: the next tick that finds room in the queue, or pr_spool_close, also freezes the history, up to all that was put before it.
 * pr_spool_get_state() tells what came of it.
 */
void pr_spool_freeze(struct pr_spool *s);

/* Whether something was put since the last tick. */
bool pr_spool_pending(const struct pr_spool *s);

struct pr_spool_state {
	struct pr_sink_state sink;
	struct pr_redactor_state redactor;
	uint64_t queue_peak_bytes;
};
void pr_spool_get_state(struct pr_spool *s, struct pr_spool_state *out);

/*
 * True once for each time that writing failed: *out says why, and whether it could not go on at once (*out_stuck). And once when it goes
 * on again after that, with *out empty. In order, also where nobody asked in between. False: nothing new, and *out is left alone.
 */
bool pr_spool_trouble(struct pr_spool *s, struct pr_errinfo *out, bool *out_stuck);

/* The recording ends: what can't be written now never will be. */
void pr_spool_hurry(struct pr_spool *s);

/* Writes what is left, ends the thread and seals the trace. 0 or the first failure. Call it once. */
int pr_spool_close(struct pr_spool *s, struct pr_errinfo *ei);

/* Instead of pr_spool_close(): writes what is left, if that is possible, and leaves the end open. The state is then the last one. */
void pr_spool_stop(struct pr_spool *s);

/* Instead of pr_spool_close(): nothing of use was recorded, and the files go. */
void pr_spool_discard(struct pr_spool *s);

/* After one of these, or instead of it, as pr_spool_stop(). NULL is allowed. */
void pr_spool_free(struct pr_spool *s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rotate.h: writing a directory of segments: names, chain, lock, and deletion of what is too old or too much.
 *
 * It makes and deletes files; their content is the segment writer's. Use: pr_rotate_open; then for each segment
 * pr_rotate_begin, pr_seg_writer_new on the descriptor, pr_rotate_commit, write, seal, pr_rotate_end. All failures leave what
 * was written before as it is. One thread at a time.
 */
#ifndef PROCREC_SCHEMA_ROTATE_H
#define PROCREC_SCHEMA_ROTATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "schema/segment.h"

struct pr_rotate_options {
	const char *dir; /* made (0700) where it is not there; copied */
	uint64_t max_bytes, max_ns; /* of one segment, for pr_rotate_due; 0: no limit */
	/*
	 * Of all files together, indexes and signatures included; 0: no limit. What the segment that is being written will take is counted
	 * with max_bytes, or with what the largest of those before took, if that is more.
	 */
	uint64_t keep_bytes;
	uint64_t keep_ns; /* a segment is deleted when it ended longer ago; 0: never */
	uint8_t recording[PR_SEG_UUID], boot_id[PR_SEG_UUID];
	const char *holder; /* "pid 4711": what the lock tells another recorder; borrowed until open returns; may be NULL */
	bool give_away; /* chown what is made to these */
	uid_t uid;
	gid_t gid;
};

struct pr_rotate;

/* PR_EBUSY: another recorder writes there, named in the message. Nothing is deleted yet. */
int pr_rotate_open(struct pr_rotate **out, const struct pr_rotate_options *opt, struct pr_errinfo *ei);
/* Gives up the lock. A segment that was begun and not committed is removed. NULL is allowed. */
void pr_rotate_close(struct pr_rotate *r);

/*
 * Creates the next file, under a temporary name, and fills its header (random uuid, kind recorded). Times: now. *out_fd is the
 * caller's.
 */
int pr_rotate_begin(struct pr_rotate *r, uint64_t realtime, uint64_t boottime, struct pr_seg_header *out, int *out_fd,
	struct pr_errinfo *ei);

/* Header (and key record) are written: syncs the file, gives it its name, and deletes what retention is done with. */
int pr_rotate_commit(struct pr_rotate *r, struct pr_errinfo *ei);

/*
 * The segment takes no more frames; sealed or given up after a failure. p: what its writer says at the end. One that was given up with no
 * frame of its own is replaced by the next one.
 */
void pr_rotate_end(struct pr_rotate *r, const struct pr_seg_progress *p);

/* Nothing was recorded: deletes all segments that were begun since open, where none of them tells of an older one that is gone. */
void pr_rotate_discard(struct pr_rotate *r);

/*
 * Whether the segment is old enough to begin the next, or full: has max_bytes, and at least as much of its own as of repeated state, unless
 * it has half of keep_bytes.
 */
bool pr_rotate_due(const struct pr_rotate *r, const struct pr_seg_progress *p, uint64_t boottime);

/*
 * The disk is full: deletes the oldest segment but the one in use. PR_ENOENT: there is none. After it a new segment is to be
 * begun, whose header tells of it.
 */
int pr_rotate_make_room(struct pr_rotate *r, struct pr_errinfo *ei);

const char *pr_rotate_path(const struct pr_rotate *r); /* of the current segment; for messages and the index beside it */
uint64_t pr_rotate_deleted(const struct pr_rotate *r); /* segments, since open */
uint64_t pr_rotate_oldest(const struct pr_rotate *r); /* those before it were deleted by retention, or for room */
/*
 * False: under the directory's name there is none any more, or another one; *out_deleted: it has no other name either. Where that can't be
 * told: true. Of another one no segment is begun.
 */
bool pr_rotate_is_there(const struct pr_rotate *r, bool *out_deleted);

#endif

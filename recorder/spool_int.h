/* SPDX-License-Identifier: BSD-2-Clause */
/* spool_int.h: what spool.c (queue and thread) and spool_file.c (files of the thread) share. */
#ifndef PROCREC_RECORDER_SPOOL_INT_H
#define PROCREC_RECORDER_SPOOL_INT_H

#include <pthread.h>

#include "recorder/rights.h"
#include "recorder/spool.h"
#include "schema/index.h"

struct chunk {
	struct chunk *next;
	size_t len, cap;
	bool sync; /* write it out and sync behind it */
	bool rotate; /* a new segment begins with it */
	uint64_t position; /* with sync */
	uint8_t data[];
};

struct pr_spool {
	/* of the writing thread alone, once it runs */
	int fd;
	struct pr_seg_writer *writer;
	struct pr_signer *signer; /* NULL: it is not signed */
	struct pr_rotate *rotate; /* NULL: one segment */
	struct pr_seg_options seg; /* of later segments too */
	struct pr_seg_progress sum; /* of the segments before */
	const char *path, *sign_path; /* borrowed; of the segment in use */
	bool want_index;
	uint64_t taken; /* frames that the writers were given, in a rotation */
	bool bare; /* the segment in use was begun after a failure, without a keyframe */
	struct pr_index_writer *index; /* NULL: none, or given up */
	struct pr_seg_header header;
	char *index_path; /* NULL: none wanted */
	bool resumed;
	struct pr_rights_user user; /* as whom the thread goes to the file system */
	enum pr_sync_when when;

	/* of the putting thread alone */
	struct chunk *open;
	bool pending;

	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* what follows is shared */
	pthread_cond_t work, room;
	struct chunk *head, **tail, *spare;
	unsigned spares;
	size_t queue_bytes, queue_max;
	bool stop, seal, due, rotating;
	uint64_t written; /* position of the last tick that is done */
	int err;
	struct pr_errinfo ei;
	struct pr_spool_state state;
};

/* Creates the trace, or the first segment of a rotation, and its writer. */
int pr_spool_file_open(struct pr_spool *s, const struct pr_spool_options *opt, struct pr_errinfo *ei);

/* The thread's first and last act; and closing a segment of a rotation and beginning the next. */
int pr_spool_file_begin(struct pr_spool *s, struct pr_errinfo *ei);
int pr_spool_file_end(struct pr_spool *s, struct pr_errinfo *ei);
int pr_spool_next_segment(struct pr_spool *s, struct pr_errinfo *ei);

/*
 * After writing failed with *ei, in a rotation: that file is never written again, a new segment is begun, where the disk was full
 * in place of the oldest. What the writer had taken and not written is lost.
 */
int pr_spool_recover(struct pr_spool *s, struct pr_errinfo *ei);

/* Frames in n bytes of whole envelopes, those that repeat state left out. */
uint64_t pr_spool_frames(const uint8_t *p, size_t n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recording.h: the segments of a directory, in the order in which they were written.
 *
 * A segment of a rotation is named by its series number, 12 digits and ".seg". Only such names count: what else lies in the
 * directory (indexes, signatures, pieces that were cut out) is none of the recording.
 */
#ifndef PROCREC_SCHEMA_RECORDING_H
#define PROCREC_SCHEMA_RECORDING_H

#include "base/err.h"
#include "schema/segment.h"

#define PR_RECORDING_NAME "%012llu.seg"
#define PR_RECORDING_SUFFIX ".seg"

struct pr_recording_entry {
	char *path; /* owned */
	uint64_t series; /* of the name */
	uint64_t size; /* of the file */
	struct pr_seg_header header;
	int err; /* 0, or why the header can't be read (enum pr_err) */
	char why[256];
};

struct pr_recording {
	char *dir; /* owned */
	struct pr_recording_entry *v; /* owned, by series */
	size_t n;
};

/* PR_EIO, PR_ENOMEM. A segment that can't be read is an entry with its err. */
int pr_recording_list(struct pr_recording *out, const char *dir, struct pr_errinfo *ei);
void pr_recording_release(struct pr_recording *r);

/*
 * Where the newest boot begins: segments of one boot are one stream, since keys of processes are unique in it. Entries
 * from here to the end belong together. r->n when there is no readable one.
 */
size_t pr_recording_newest(const struct pr_recording *r);

/*
 * All readable segments of the newest boot as one. *out_left_out: how many older ones there are. PR_EFORMAT when there is none.
 */
int pr_recording_open(struct pr_seg_reader **out, const char *dir, uint64_t *out_left_out, struct pr_errinfo *ei);

#endif

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
#define PR_RECORDING_LOCK "recorder.lock" /* claimed (pr_file_claim) by the recorder that writes there */

struct pr_recording_entry {
	char *path; /* owned */
	uint64_t series; /* of the name */
	uint64_t size; /* of the file */
	struct pr_seg_header header;
	int err; /* 0, or why the header can't be read (enum pr_err) */
	bool gone; /* err: it was deleted since the directory was listed */
	char why[256];
};

struct pr_recording {
	char *dir; /* owned */
	struct pr_recording_entry *v; /* owned, by series */
	size_t n;
};

/* Whether a file of this name (without folders) counts as a segment. */
bool pr_recording_is_name(const char *name);

/* PR_EIO, PR_ENOMEM. A segment that can't be read is an entry with its err. */
int pr_recording_list(struct pr_recording *out, const char *dir, struct pr_errinfo *ei);
void pr_recording_release(struct pr_recording *r);

/*
 * Where the newest boot begins: segments of one boot are one stream, since keys of processes are unique in it. Entries
 * from here to the end belong together. r->n when there is no readable one.
 */
size_t pr_recording_newest(const struct pr_recording *r);

/* What was opened of a recording, and what not. */
struct pr_recording_span {
	uint64_t left_out; /* segments of other boots in the same directory: no part of it */
	uint64_t before; /* of these: written before this boot */
	uint64_t skipped; /* segments of this boot before the first that was opened */
	uint64_t unreadable; /* segments at its beginning, in it or at its end that can't be read */
	bool unreadable_before; /* one of them lies before the first readable one, so what came before that is not known */
	uint64_t last_series; /* the highest number in the directory */
	struct pr_seg_header first; /* of the first readable one of this boot, opened or not */
};

/*
 * The readable segments of one boot as one: that which `of` belongs to (see pr_boots_load), or the newest where it is NULL; from the one on with
 * whose beginning all state at `since` (ktime; 0: all of them) can be told: it begins by then, and with a keyframe that is whole. When
 * retention deletes one meanwhile, those that are left are listed anew; what is open stays readable. *out_span may be NULL. PR_EFORMAT when
 * there is none.
 */
int pr_recording_open(struct pr_seg_reader **out, const char *dir, uint64_t since, const struct pr_seg_header *of,
	struct pr_recording_span *out_span, struct pr_errinfo *ei);

/* Segments of one recording, or of one boot, are of one stream. */
bool pr_recording_same_stream(const struct pr_seg_header *a, const struct pr_seg_header *b);

/*
 * The readable segment with the lowest number above *series, which becomes *series. *out is the caller's, NULL: there is none. Segments may be
 * deleted meanwhile.
 */
int pr_recording_next(const char *dir, uint64_t *series, struct pr_seg_header *out_header, struct pr_source **out, struct pr_errinfo *ei);

/*
 * The same of a recording into one file: a recorder whose file failed goes on in PATH.1, PATH.2 and so on, the first of them that is free. The
 * first of these that goes on with `last`; *out is the caller's, NULL: there is none. PR_ENOMEM.
 */
int pr_recording_next_piece(const char *path, const struct pr_seg_header *last, struct pr_source **out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* sink_int.h: what the files of the sink share. */
#ifndef PROCREC_RECORDER_SINK_INT_H
#define PROCREC_RECORDER_SINK_INT_H

#include "base/buf.h"
#include "recorder/rights.h"
#include "recorder/sink.h"
#include "recorder/spool.h"
#include "schema/index.h"
#include "schema/livetab.h"
#include "schema/rotate.h"

struct pr_sink {
	struct pr_spool_options opt; /* its strings are borrowed, but for path */
	char *path; /* owned: opt.path, of a directory without the last slashes */
	struct pr_rotate *rotate; /* NULL: into one file */
	struct pr_freezer *freezer; /* with rotate */
	struct pr_livetab live;
	bool tracks; /* it is kept; else it is made from the file when it is needed */
	struct pr_buf unwritten; /* given to the writer, and in none of its blocks yet */
	struct pr_signer *signer; /* NULL: it is not signed */
	struct pr_rights_user user;
	bool threaded; /* pr_sink_begin() was called */

	/* the current segment; fd < 0: there is none */
	int fd;
	struct pr_seg_writer *writer;
	struct pr_index_writer *index; /* NULL: none, or given up */
	struct pr_seg_header header; /* of the last one, where there is none */
	char *name, *index_path; /* owned */
	bool stands; /* it begins as it should; else it is removed again */
	uint64_t number; /* of the next one */

	struct pr_sink_file *files; /* sink_there.c: what was written and is to be there, in order */
	size_t n_files, cap_files;

	struct pr_sink_state total; /* of the segments before; what is counted by stream or kind, and the troubles: of this one too */
	uint64_t room; /* with less of it on the disk there is no use in trying again */
	uint64_t forgotten; /* with opt.in_memory: of pr_memory_forget() */
};

/* ---- sink_segment.c ---------------------------------------------------------------------------------------------- */

int pr_sink_on_block(void *ctx, const struct pr_block *b, struct pr_errinfo *ei); /* of a writer, with ctx the sink */
int pr_sink_name_index(struct pr_sink *s, struct pr_errinfo *ei);
void pr_sink_begin_index(struct pr_sink *s);
void pr_sink_progress(const struct pr_sink *s, struct pr_seg_progress *out); /* of the current segment; zeros without one */

/* Begins the next segment; all but the first one with a keyframe of what was recorded so far. It gets its name when it stands. */
int pr_sink_next_segment(struct pr_sink *s, struct pr_errinfo *ei);
int pr_sink_seal(struct pr_sink *s, struct pr_errinfo *ei);
/* The segment takes nothing more. One that holds nothing of its own goes, for the next one (`again`) to take its place. */
void pr_sink_retire(struct pr_sink *s, bool again);

/* ---- sink_there.c ------------------------------------------------------------------------------------------------ */

int pr_sink_note_file(struct pr_sink *s, struct pr_errinfo *ei); /* the current segment has its name */
void pr_sink_close_file(struct pr_sink *s, const struct pr_seg_progress *p); /* it takes nothing more */
bool pr_sink_is_there(const struct pr_sink *s); /* the current segment is where it was begun, as far as that can be told */
void pr_sink_release_files(struct pr_sink *s);

#endif

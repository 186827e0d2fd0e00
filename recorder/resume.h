/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resume.h: what a trace whose recorder was killed holds already, so that a new one can go on with it from the pinned ring:
 * nothing twice, nothing left out.
 */
#ifndef PROCREC_RECORDER_RESUME_H
#define PROCREC_RECORDER_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "redact/redact.h"
#include "schema/segment.h"

struct pr_resume {
	struct pr_map next; /* (cpu << 8 | stream, 0) -> the sequence number behind the last frame in the trace */
	uint64_t got[PR_STREAM_COUNT]; /* frames in the trace, by stream */
	uint64_t user_next; /* sequence number of the recorder's own next frame */
	uint64_t missed[PR_STREAM_COUNT], map_full; /* told of in LOSS frames */
	bool has_keyframe; /* a whole one */
	bool has_recorder; /* a RECORDER frame; the first says: */
	struct pr_redact_label redacted; /* how it is redacted; empty: it is not */
	struct pr_seg_end end;
};

/*
 * Reads the trace at `path`. PR_EBUSY: it was closed properly, or is signed or damaged, so that it cannot be gone on with.
 * On success pr_resume_release() is the caller's.
 */
int pr_resume_scan(struct pr_resume *out, const char *path, struct pr_errinfo *ei);
void pr_resume_release(struct pr_resume *r);

/*
 * Makes the index of the closed trace that fd is: the frames of the part before went by another recorder. Fails where the thread's user
 * may not read the trace.
 */
int pr_resume_index(int fd, const char *index_path, struct pr_errinfo *ei);

/* Whether the frame under this envelope (as in a ring record) is in the trace already. */
bool pr_resume_has(const struct pr_resume *r, const uint8_t *envelope);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * repair.h: what is good of a damaged or open trace, as a new sealed segment that says what it lacks.
 */
#ifndef PROCREC_SCHEMA_REPAIR_H
#define PROCREC_SCHEMA_REPAIR_H

#include "base/err.h"
#include "schema/segment.h"

struct pr_repaired {
	uint64_t blocks, frames; /* copied */
	uint64_t damages; /* places that were left out */
	uint64_t lost; /* frames in them, as far as they are known */
	bool lost_known;
	bool open; /* the end was open; tail_bytes of it could not be read */
	uint64_t tail_bytes;
	bool header_lost; /* the header was damaged: made anew, with what the blocks tell */
};

/*
 * Reads a file whose header may be damaged. Takes src over. PR_EFORMAT when there is no block of any segment in it.
 */
int pr_repair_open(struct pr_seg_reader **out, struct pr_source *src, bool *out_header_lost, struct pr_errinfo *ei);

/*
 * Copies r, from its beginning, to fd (empty). Each damaged place becomes a LOSS frame of reason PR_LOSS_DAMAGE under a META
 * envelope, so that every view of the copy tells it; an open end becomes one that counts no frames. on_damage may be NULL.
 */
int pr_repair_copy(struct pr_seg_reader *r, bool header_lost, int fd, void (*on_damage)(void *ctx, const struct pr_seg_damage *d), void *ctx,
	struct pr_repaired *out, struct pr_errinfo *ei);

#endif

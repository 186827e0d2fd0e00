/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rewrite.h: frames in, frames out, with other strings in them and everything that counts those strings made right.
 *
 * Strings are wherever frames have them: inline in an execve, in data frames (a secret may begin in one and end in the next), in the
 * items of procrec's own frames. What was sent as data is rewritten when the frame that refers to it comes, and so are the sizes that an
 * EXEC_INFO announces; until then frames are held back, so that they leave in the order in which they came, as many as came.
 * Frames that can't be understood keep their header and lose their content; so does data of which a part is missing, or to which no
 * frame refers: what stands at its edges may be a part of a secret.
 */
#ifndef PROCREC_REDACT_REWRITE_H
#define PROCREC_REDACT_REWRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "replay/decode/decode.h"
#include "schema/segment.h"

#define PR_REWRITE_HELD_MAX 65536u /* frames that wait, at most */
#define PR_REWRITE_BYTES_MAX (256u << 20) /* and their bytes: then the oldest goes, as if what it waits for did not come */

/* Which string: an enum pr_item_type, or one of these. */
enum pr_rewrite_string {
	PR_REWRITE_FILENAME = 0x100, /* of an execve */
	PR_REWRITE_CWD, /* of an execve */
	PR_REWRITE_USER, /* of a USER_NAME */
	PR_REWRITE_DOCKER_ID
};

/*
 * What is done. Each appends the new bytes to `out` (PR_ENOMEM: no memory); NULL: nothing is changed. `args` takes lists with NULs between
 * their elements. program: may be empty.
 */
struct pr_rewrite_ops {
	int (*args)(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out);
	int (*string)(void *ctx, unsigned which, struct pr_slice in, struct pr_buf *out);
	/* Takes what is done: frames in the order in which they came. env->size is right. */
	int (*emit)(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei);
	void *ctx;
};

struct pr_rewrite_held;

struct pr_rewrite {
	struct pr_rewrite_ops ops;
	struct pr_rewrite_held *head, *tail; /* owned: what waits, or waits behind it */
	size_t n_held, held_bytes;
	struct pr_map data; /* id of data -> the first held frame of it */
	struct pr_map infos; /* (cpu, stream) -> the held EXEC_INFO */
	struct pr_buf one, two, out;
	uint64_t taken; /* frames so far */
	uint64_t blanked; /* frames that lost their content */
	uint64_t cut; /* argument lists that had to be cut, because the new ones did not fit */
};

void pr_rewrite_init(struct pr_rewrite *w, const struct pr_rewrite_ops *ops);
void pr_rewrite_release(struct pr_rewrite *w);

/* One frame. Its envelope's fields are handed on. PR_ENOMEM, or what emit returns. */
int pr_rewrite_frame(struct pr_rewrite *w, const struct pr_envelope *env, const uint8_t *frame, size_t size, struct pr_errinfo *ei);

/* What waits, of the first `number` frames, goes: what it waits for does not come. */
int pr_rewrite_until(struct pr_rewrite *w, uint64_t number, struct pr_errinfo *ei);

/* No more frames: what still waits goes. */
int pr_rewrite_end(struct pr_rewrite *w, struct pr_errinfo *ei);

#endif

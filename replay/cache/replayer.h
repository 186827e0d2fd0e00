/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replayer.h: frames in, the state of a live agent's cache out: which primitive each frame calls, in which order.
 *
 * Before it: decode/. It owns the cache, the data map and the names that the trace brought so far.
 */
#ifndef PROCREC_REPLAY_CACHE_REPLAYER_H
#define PROCREC_REPLAY_CACHE_REPLAYER_H

#include "base/err.h"
#include "replay/cache/cache.h"
#include "replay/cache/datamap.h"
#include "replay/decode/decode.h"
#include "replay/names.h"
#include "schema/segment.h"

/* argv[0] and the argument size that an EXEC_INFO frame announced, until the next execve. */
struct pr_pending_exec {
	bool is_set, has_argv0;
	struct pr_id id;
	uint32_t args_bytes;
	struct pr_buf argv0; /* empty unless has_argv0 */
};

/* Appends what is to stand in the place of arguments (NULs between them) to out. program: may be empty. PR_ENOMEM. */
typedef int pr_replayer_args_fn(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out);

struct pr_replayer {
	pr_replayer_args_fn *args; /* NULL: arguments, argv[0] among them, stay as they were recorded. Set before the first frame */
	void *args_ctx;
	struct pr_cache_settings settings;
	struct pr_cache cache;
	struct pr_datamap data;
	struct pr_names names;
	struct pr_pending_exec pending;
	uint64_t frames; /* all that have a seq */
	uint64_t malformed;
	uint64_t clone_misses; /* clones dropped for want of a parent */
	uint64_t by_op[256]; /* well-formed ones, and those of ops that are kept raw */
	struct pr_event event; /* the frame that was applied last; see pr_applied */
};

/* What became of one frame. */
struct pr_applied {
	enum { PR_APPLIED_OTHER, PR_APPLIED_LIFECYCLE, PR_APPLIED_MALFORMED, PR_APPLIED_META } kind;
	uint64_t seq;
	const struct pr_event *event; /* LIFECYCLE (execve, clone, exit) and OTHER; for META may be NULL; borrowed until the next */
	struct pr_id id; /* LIFECYCLE: whose event it is */
	const char *why; /* MALFORMED: what is wrong */
};

/* observer: borrowed, may be NULL. The replayer must not be moved afterwards. */
void pr_replayer_init(struct pr_replayer *r, const struct pr_cache_settings *settings, const struct pr_observer *observer);
void pr_replayer_release(struct pr_replayer *r);

/*
 * Applies the frame. Malformed frames change nothing and are counted; that is no failure. PR_ENOMEM, PR_ELIMIT: the replay can't
 * go on.
 */
int pr_replayer_apply(struct pr_replayer *r, const struct pr_frame *f, struct pr_applied *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * details.h: what a process image was: binary, arguments, cwd, user, read from its frames through decode/ and cache/, so that
 * text is made in one place only.
 */
#ifndef PROCREC_REPLAY_QUERY_DETAILS_H
#define PROCREC_REPLAY_QUERY_DETAILS_H

#include "base/map.h"
#include "replay/cache/replayer.h"
#include "replay/query/fetch.h"

struct pr_details {
	struct pr_fetch *frames; /* borrowed */
	struct pr_index *index; /* borrowed */
	struct pr_cache_settings settings;
	struct pr_replayer replayer;
	/* What find_exec() has found, of chains of clones that are long: else asking for each of a chain would take the square of its length. */
	struct pr_map exec_of; /* identity -> number in execs, from 1; 0: none */
	struct pr_proc_key *execs, *way; /* way: of the walk in progress */
	size_t n_execs, cap_execs, n_way, cap_way;
};

void pr_details_init(struct pr_details *d, struct pr_fetch *frames, struct pr_index *index);
void pr_details_release(struct pr_details *d);

/*
 * The image of p, with a reference for the caller; of a process that was cloned and did not exec, the image that it shares
 * with its creator. PR_ENOENT: no frame tells (*out is NULL).
 */
int pr_details_image(struct pr_details *d, const struct pr_proc *p, struct pr_image **out, struct pr_errinfo *ei);

/* Whether a trace tells what ran, and why not. */
enum pr_unknown {
	PR_KNOWN,
	PR_UNREADABLE, /* the recorder could not read it */
	PR_LOST, /* the data that holds it did not come, or not whole */
	PR_MALFORMED, /* its frame's sizes can't be true */
	PR_EMPTY /* the frame has an empty name */
};
const char *pr_unknown_name(enum pr_unknown u); /* "unreadable", ...; NULL: PR_KNOWN */

/*
 * Of the executable of an image that pr_details_image gave for p. Where it is not known, *comm becomes the name that the kernel had for the
 * process then, if a frame tells: else empty.
 */
int pr_details_unknown(struct pr_details *d, const struct pr_proc *p, const struct pr_image *image, enum pr_unknown *out, struct pr_buf *comm,
	struct pr_errinfo *ei);

/* What EXEC_INFO or CLONE_INFO says of p. PR_ENOENT: there is none. Slices in *out are valid until the next question. */
int pr_details_info(struct pr_details *d, const struct pr_proc *p, struct pr_own *out, struct pr_errinfo *ei);

/* The host's name when p began; empty when not known. Appends. */
int pr_details_host(struct pr_details *d, const struct pr_proc *p, struct pr_buf *out, struct pr_errinfo *ei);

#endif

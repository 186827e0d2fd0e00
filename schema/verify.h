/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.h: is a trace as it was written, and up to where is that signed?
 *
 * Stricter than reading: whatever can't have been written by an honest writer is a problem, also where all frames can be read.
 */
#ifndef PROCREC_SCHEMA_VERIFY_H
#define PROCREC_SCHEMA_VERIFY_H

#include "base/err.h"
#include "schema/recording.h"
#include "schema/sign.h"

struct pr_verify_options {
	const struct pr_public_key *key; /* that must have signed it; NULL: signatures are checked against the key that they name */
	const uint8_t *expect; /* a link (PR_SEG_LINK bytes) that must be in the chain; NULL: none */
	uint64_t at_least; /* it must be signed up to this time at least, ns since 1970; 0: not asked */
	/* Called for each problem, in order. Never NULL. frames: how many are lost; UINT64_MAX: not known. */
	void (*on_problem)(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why);
	void *ctx;
	struct pr_pool *pool; /* reads ahead on its threads; NULL: none */
	const struct pr_meter *meter; /* borrowed; NULL: nobody wants to know how far it has come */
};

enum pr_verify_end { PR_VERIFY_OPEN, PR_VERIFY_SEALED };

struct pr_verified {
	uint64_t segments, blocks, frames; /* good ones */
	uint64_t problems;
	uint64_t unmet; /* of these: no damage, but not what the options ask for: key, link, time */
	uint64_t tail_bytes; /* of a torn last block */
	bool sealed; /* the last segment was closed */
	uint8_t link[PR_SEG_LINK]; /* the last good one */
	bool has_key; /* a key record was found; `signer` is what it names */
	struct pr_public_key signer;
	uint64_t checkpoints; /* good ones */
	uint64_t signed_frames, signed_blocks; /* of the frames and blocks, how many lie before the last good checkpoint of their segment */
	uint64_t signed_realtime; /* when the last good checkpoint was signed, ns since 1970; 0: there is none */
	uint64_t deleted; /* segments that retention deleted before the first */
};

/* One segment. Takes src over. 0 also where there are problems; a failure only where it could not be read. */
int pr_verify_segment(struct pr_source *src, const struct pr_verify_options *opt, struct pr_verified *out, struct pr_errinfo *ei);

/* A directory of them, of all boots. */
int pr_verify_directory(const char *dir, const struct pr_verify_options *opt, struct pr_verified *out, struct pr_errinfo *ei);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sign.h: signed checkpoints of a recording, forward-secure: FORMAT.md, "Signatures".
 *
 * The long-term key signs one root key and is wiped. Below the root stands a binary tree of key pairs, one leaf for each segment;
 * a node signs its two children and is wiped. The leaf signs the segment's first checkpoint, and each checkpoint names
 * the key of the next; the old one is wiped. So at any time only keys for what is to come are in memory, and each
 * segment carries the few hundred bytes that tie it to the long-term key, whichever other segments were deleted.
 */
#ifndef PROCREC_SCHEMA_SIGN_H
#define PROCREC_SCHEMA_SIGN_H

#include "base/err.h"
#include "schema/minisign.h"
#include "schema/segment.h"

#define PR_SIGN_DEPTH_MAX 24u /* 16 million segments */
#define PR_SIGN_DEPTH_ONE 0u /* of a recording that is one segment */

enum pr_sig_kind { PR_SIG_START = 1, PR_SIG_CHECKPOINT = 2, PR_SIG_CLOSE = 3 };

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Secrets in locked memory, left out of core dumps. Used by one thread at a time. */
struct pr_signer;

/*
 * For the recording `recording` of at most 2^depth segments. The key is used here only, and the caller wipes it right after
 * (pr_secret_key_wipe). realtime: now, ns since 1970.
 */
int pr_signer_new(struct pr_signer **out, const struct pr_secret_key *key, const uint8_t recording[PR_SEG_UUID], unsigned depth,
	uint64_t realtime, struct pr_errinfo *ei);
void pr_signer_free(struct pr_signer *s); /* wipes; NULL is allowed */

/* For the writer. Segments are begun in ascending order; PR_ELIMIT behind the last of the tree. */
int pr_signer_begin(struct pr_signer *s, const struct pr_seg_header *h, struct pr_errinfo *ei);
size_t pr_signer_key_size(const struct pr_signer *s);
/* Fills the fields of a key record whose head was written by pr_seg_record_begin. */
void pr_signer_key_fill(const struct pr_signer *s, uint8_t *rec);
/*
 * Signs rec[0..144), where all but the next key is filled in; draws the next key pair and wipes the old one. After
 * PR_SIG_CLOSE there is none.
 */
void pr_signer_sign(struct pr_signer *s, uint8_t rec[PR_SEG_SIG_SIZE], enum pr_sig_kind kind);

/* ---- checking ---------------------------------------------------------------------------------------------------- */

struct pr_checkpoint {
	enum pr_sig_kind kind;
	uint64_t number; /* in its segment, from 0 */
	uint64_t blocks, frames; /* before it */
	uint64_t realtime, boottime; /* when it was signed */
	uint64_t offset; /* of the record in the file */
	uint8_t next_key[PR_KEY_PUBLIC]; /* that must sign the one behind it */
};

/* What the key record says about itself: id and long-term key. False when it is not a key record. */
bool pr_sign_key_read(const uint8_t *rec, size_t size, struct pr_public_key *out);

/*
 * NULL when the record leads from `trusted` (NULL: from the key that it names itself) to the key of this segment, which
 * is put to out_leaf; else what is wrong. rec was passed by pr_seg_record_decode.
 */
const char *pr_sign_check_keys(const uint8_t *rec, size_t size, const struct pr_seg_header *h, const struct pr_public_key *trusted,
	uint8_t out_leaf[PR_KEY_PUBLIC]);

/* NULL when the checkpoint was signed by `key`; else what is wrong. Fills *out in either case. */
const char *pr_sign_check(const uint8_t *rec, size_t size, const uint8_t key[PR_KEY_PUBLIC], struct pr_checkpoint *out);

#endif

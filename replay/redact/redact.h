/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact.h: secrets among arguments, replaced by marks: the rules, and what they do to a list of arguments.
 *
 * A mark is "[REDACTED:" + 8 hexadecimal digits of a keyed hash of the secret + "]": with one key, equal secrets have equal marks, and
 * without the key nothing can be learned by trying secrets out. rewrite.h applies them to frames.
 */
#ifndef PROCREC_REPLAY_REDACT_REDACT_H
#define PROCREC_REPLAY_REDACT_REDACT_H

#include "base/buf.h"
#include "base/err.h"
#include "replay/decode/decode.h"

#define PR_REDACT_KEY 32u /* bytes */

struct pr_redact;

extern const char pr_redact_default_rules[]; /* rules.txt */

/* Rules as rules.txt tells. name: of the text, for messages. PR_EUSAGE with the line. */
int pr_redact_new(struct pr_redact **out, const char *name, const void *rules, size_t n, const uint8_t key[PR_REDACT_KEY],
	struct pr_errinfo *ei);
/* Further rules, behind those. PR_EUSAGE. */
int pr_redact_add(struct pr_redact *r, const char *name, const void *rules, size_t n, struct pr_errinfo *ei);
void pr_redact_free(struct pr_redact *r); /* NULL is allowed */

/*
 * Appends the arguments (NULs between them) with their secrets replaced; as many arguments as before. program: its path or name, may be
 * empty. PR_ENOMEM.
 */
int pr_redact_args(struct pr_redact *r, struct pr_slice program, struct pr_slice args, struct pr_buf *out);

uint64_t pr_redact_count(const struct pr_redact *r); /* secrets that were replaced so far */

/* Appends PREFIX + 8 digits of the keyed hash of `what`: for anything else that is to be made unreadable with the same key. */
void pr_redact_tag(const uint8_t key[PR_REDACT_KEY], const char *prefix, struct pr_slice what, struct pr_buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact.h: secrets among arguments, replaced by marks: the rules, and what they do to a list of arguments.
 *
 * A mark is "[REDACTED:" + 8 hexadecimal digits of a keyed hash of the secret + "]": with one key, equal secrets have equal marks, and
 * without the key nothing can be learned by trying secrets out. rewrite.h applies them to frames.
 */
#ifndef PROCREC_REDACT_REDACT_H
#define PROCREC_REDACT_REDACT_H

#include "base/buf.h"
#include "base/err.h"
#include "replay/decode/decode.h"

#define PR_REDACT_KEY 32u /* bytes */

struct pr_redact;

extern const char pr_redact_default_rules[]; /* rules.txt */

/* Rules as rules.txt tells. libsodium has been started. name: of the text, for messages. PR_EUSAGE with the line. */
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

/* The program of the command line that a recorder tells of itself. */
#define PR_REDACT_OWN_NAME ((struct pr_slice){(const uint8_t *)"procrec", 7})

uint64_t pr_redact_count(const struct pr_redact *r); /* secrets that were replaced so far */

/* What a trace says of how it was redacted. */
struct pr_redact_label {
	char rules[2 * 65]; /* SHA-256 of the texts of the rules, in hexadecimal: of the first, and of all others together */
	char key_id[17]; /* a keyed hash of a constant: tells keys apart, and nothing about them */
};
void pr_redact_label(const struct pr_redact *r, struct pr_redact_label *out);

/* What is chosen on a command line; NULL: the default rules alone, and a key that is drawn. */
struct pr_redact_choice {
	const char *rules_file; /* its rules come behind the default ones */
	const char *key_file; /* its bytes, however many, give the key */
};
/* Reads the files. *out_key (PR_REDACT_KEY bytes) may be NULL; whoever takes it wipes it. PR_EUSAGE, PR_EIO and the like. */
int pr_redact_open(struct pr_redact **out, const struct pr_redact_choice *choice, uint8_t *out_key, struct pr_errinfo *ei);

/* Appends PREFIX + 8 digits of the keyed hash of `what`: for anything else that is to be made unreadable with the same key. */
void pr_redact_tag(const uint8_t key[PR_REDACT_KEY], const char *prefix, struct pr_slice what, struct pr_buf *out);

#endif

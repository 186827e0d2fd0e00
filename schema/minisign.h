/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minisign.h: Ed25519 keys and detached signatures in the file formats of minisign(1), so that its users need nothing new.
 */
#ifndef PROCREC_SCHEMA_MINISIGN_H
#define PROCREC_SCHEMA_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PR_KEY_ID 8
#define PR_KEY_PUBLIC 32
#define PR_KEY_SECRET 64
#define PR_KEY_SIG 64
#define PR_KEY_FILE_MAX 4096u

struct pr_public_key {
	uint8_t id[PR_KEY_ID]; /* minisign shows it as one little-endian number */
	uint8_t key[PR_KEY_PUBLIC];
};

struct pr_secret_key {
	uint8_t id[PR_KEY_ID];
	uint8_t key[PR_KEY_SECRET]; /* seed and public key */
};

/* "RWQ..." alone, or the content of a public key file. name is for messages. PR_EFORMAT. */
int pr_public_key_parse(struct pr_public_key *out, const char *text, size_t n, const char *name, struct pr_errinfo *ei);

/* Whether the content of a secret key file needs a password. */
bool pr_secret_key_encrypted(const char *text, size_t n);

/*
 * The content of a secret key file. password NULL: it must not need one (PR_EPERM). Wrong password: PR_EPERM. The caller
 * wipes *out and the text as soon as it can.
 */
int pr_secret_key_parse(struct pr_secret_key *out, const char *text, size_t n, const char *password, const char *name,
	struct pr_errinfo *ei);

/* A new pair. PR_EPERM when the library can't start. */
int pr_key_generate(struct pr_secret_key *out, struct pr_errinfo *ei);
void pr_secret_key_wipe(struct pr_secret_key *k);
struct pr_public_key pr_secret_key_public(const struct pr_secret_key *k);

/* The content of a public key file, and of a secret one (password NULL: not encrypted), appended to b. */
void pr_public_key_print(struct pr_buf *b, const struct pr_public_key *k);
int pr_secret_key_print(struct pr_buf *b, const struct pr_secret_key *k, const char *password, struct pr_errinfo *ei);

/* "E303A0887DFBB423" as minisign prints it. */
void pr_key_id_text(const uint8_t id[PR_KEY_ID], char out[17]);

/* The content of FILE.minisig for the BLAKE2b-512 of FILE. comment: trusted comment, one line. */
void pr_minisig_print(struct pr_buf *b, const struct pr_secret_key *k, const uint8_t digest[64], const char *comment);

/* Checks the content of a .minisig against the digest. 0, PR_EFORMAT (no such file), PR_ECHECKSUM (the signature is not good). */
int pr_minisig_check(const char *text, size_t n, const struct pr_public_key *k, const uint8_t digest[64], const char *name,
	struct pr_errinfo *ei);

#endif

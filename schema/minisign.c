/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minisign.c: the text files of minisign(1). Each has a comment line and a line of base64; a signature has a trusted
 * comment and a second signature over the first and that comment as well.
 *
 *   public key   "Ed" id[8] key[32]
 *   secret key   "Ed" kdf[2] "B2" salt[32] ops:u64 mem:u64 { id[8] key[64] check[32] }, the braces XORed with scrypt's output
 *   signature    "ED" id[8] sig[64] over BLAKE2b-512 of the file; older ones "Ed", over the file itself
 */
#include "schema/minisign.h"

#include <sodium.h>

#include "base/text.h"

#define PUBLIC_BYTES 42u
#define SECRET_BYTES 158u
#define SIG_BYTES 74u
#define SEALED_AT 54u /* of the part of a secret key that the password covers */
#define SEALED_BYTES 104u
#define COMMENT_MAX 1024u

/* The line `index` of a text; *out_n without its end. NULL: there is none. */
static const char *line_at(const char *text, size_t n, unsigned index, size_t *out_n)
{
	const char *end = text + n, *nl;

	*out_n = 0;
	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		if (!nl)
			nl = end;
		if (!index--) {
			*out_n = (size_t)(nl - text);
			if (*out_n && text[*out_n - 1] == '\r')
				--*out_n;
			return text;
		}
		if (nl == end)
			break;
	}
	return NULL;
}

static bool decode(uint8_t *out, size_t want, const char *p, size_t n)
{
	size_t got;

	return p && !sodium_base642bin(out, want, p, n, " \t", &got, NULL, sodium_base64_VARIANT_ORIGINAL) && got == want;
}

/* Of the comment line's file, or of a bare line. */
static bool decode_file(uint8_t *out, size_t want, const char *text, size_t n)
{
	size_t k;
	const char *second = line_at(text, n, 1, &k);

	if (decode(out, want, second, k))
		return true;
	text = line_at(text, n, 0, &k);
	return decode(out, want, text, k);
}

int pr_public_key_parse(struct pr_public_key *out, const char *text, size_t n, const char *name, struct pr_errinfo *ei)
{
	uint8_t p[PUBLIC_BYTES];

	if (n > PR_KEY_FILE_MAX || !decode_file(p, sizeof(p), text, n) || memcmp(p, "Ed", 2))
		return pr_fail(ei, PR_EFORMAT, "%s: not a minisign public key; 'procrec keygen' makes a pair, and NAME.pub is the public one",
			name);
	memcpy(out->id, p + 2, PR_KEY_ID);
	memcpy(out->key, p + 10, PR_KEY_PUBLIC);
	return PR_OK;
}

bool pr_secret_key_encrypted(const char *text, size_t n)
{
	uint8_t p[SECRET_BYTES];
	bool is = n <= PR_KEY_FILE_MAX && decode_file(p, sizeof(p), text, n) && !memcmp(p + 2, "Sc", 2);

	sodium_memzero(p, sizeof(p));
	return is;
}

static void checksum(uint8_t out[32], const uint8_t sealed[SEALED_BYTES])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(&st, (const uint8_t *)"Ed", 2);
	crypto_generichash_update(&st, sealed, PR_KEY_ID + PR_KEY_SECRET);
	crypto_generichash_final(&st, out, 32);
}

/* XORs the sealed part with what scrypt makes of the password. p: the whole 158 bytes. */
static int apply_password(uint8_t p[SECRET_BYTES], const char *password, const char *name, struct pr_errinfo *ei)
{
	uint8_t stream[SEALED_BYTES];
	uint64_t ops = pr_get_u64(p + 38), mem = pr_get_u64(p + 46);

	/* A key file is the user's own, but a wrong one must not eat the machine. */
	if (mem > (UINT64_C(4) << 30) || ops > (UINT64_C(1) << 32))
		return pr_fail(ei, PR_ELIMIT, "%s: wants %llu bytes of memory to open the key, which is too much", name,
			(unsigned long long)mem);
	if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password, strlen(password), p + 6, ops, (size_t)mem))
		return pr_fail(ei, PR_ENOMEM, "%s: not enough memory to open the key (it wants %llu bytes)", name, (unsigned long long)mem);
	for (size_t i = 0; i < SEALED_BYTES; i++)
		p[SEALED_AT + i] ^= stream[i];
	sodium_memzero(stream, sizeof(stream));
	return PR_OK;
}

static int open_secret(struct pr_secret_key *out, uint8_t p[SECRET_BYTES], const char *password, const char *name, struct pr_errinfo *ei)
{
	bool sealed = !memcmp(p + 2, "Sc", 2);
	uint8_t sum[32], again[PR_KEY_SECRET], public[PR_KEY_PUBLIC];
	int err;

	if (sealed && !password)
		return pr_fail(ei, PR_EPERM, "%s: the key needs a password; make one that can be used unattended by 'minisign -C -W -s %s'",
			name, name);
	if (sealed) {
		err = apply_password(p, password, name, ei);
		if (err)
			return err;
		checksum(sum, p + SEALED_AT);
		if (sodium_memcmp(sum, p + SEALED_AT + PR_KEY_ID + PR_KEY_SECRET, sizeof(sum)))
			return pr_fail(ei, PR_EPERM, "%s: wrong password", name);
	}
	crypto_sign_seed_keypair(public, again, p + SEALED_AT + PR_KEY_ID);
	err = sodium_memcmp(again, p + SEALED_AT + PR_KEY_ID, sizeof(again));
	sodium_memzero(again, sizeof(again));
	if (err)
		return pr_fail(ei, PR_EFORMAT, "%s: the secret key is damaged", name);
	memcpy(out->id, p + SEALED_AT, PR_KEY_ID);
	memcpy(out->key, p + SEALED_AT + PR_KEY_ID, PR_KEY_SECRET);
	return PR_OK;
}

int pr_secret_key_parse(struct pr_secret_key *out, const char *text, size_t n, const char *password, const char *name,
	struct pr_errinfo *ei)
{
	uint8_t p[SECRET_BYTES];
	int err;

	if (sodium_init() < 0)
		return pr_fail(ei, PR_EPERM, "libsodium cannot start");
	if (n > PR_KEY_FILE_MAX || !decode_file(p, sizeof(p), text, n) || memcmp(p, "Ed", 2) || memcmp(p + 4, "B2", 2) ||
		(memcmp(p + 2, "Sc", 2) && memcmp(p + 2, "\0\0", 2)))
		err = pr_fail(ei, PR_EFORMAT, "%s: not a minisign secret key; 'procrec keygen' makes one", name);
	else
		err = open_secret(out, p, password, name, ei);
	sodium_memzero(p, sizeof(p));
	return err;
}

int pr_key_generate(struct pr_secret_key *out, struct pr_errinfo *ei)
{
	uint8_t public[PR_KEY_PUBLIC];

	if (sodium_init() < 0)
		return pr_fail(ei, PR_EPERM, "libsodium cannot start");
	randombytes_buf(out->id, sizeof(out->id));
	crypto_sign_keypair(public, out->key);
	return PR_OK;
}

void pr_secret_key_wipe(struct pr_secret_key *k)
{
	sodium_memzero(k, sizeof(*k));
}

struct pr_public_key pr_secret_key_public(const struct pr_secret_key *k)
{
	struct pr_public_key p;

	memcpy(p.id, k->id, PR_KEY_ID);
	memcpy(p.key, k->key + PR_KEY_SECRET - PR_KEY_PUBLIC, PR_KEY_PUBLIC);
	return p;
}

void pr_key_id_text(const uint8_t id[PR_KEY_ID], char out[17])
{
	snprintf(out, 17, "%016llX", (unsigned long long)pr_get_u64(id));
}

void pr_public_key_print(struct pr_buf *b, const struct pr_public_key *k)
{
	uint8_t p[PUBLIC_BYTES] = "Ed";
	char id[17];

	pr_key_id_text(k->id, id);
	memcpy(p + 2, k->id, PR_KEY_ID);
	memcpy(p + 10, k->key, PR_KEY_PUBLIC);
	pr_buf_printf(b, "untrusted comment: minisign public key %s\n", id);
	pr_base64(b, p, sizeof(p));
	pr_buf_u8(b, '\n');
}

int pr_secret_key_print(struct pr_buf *b, const struct pr_secret_key *k, const char *password, struct pr_errinfo *ei)
{
	uint8_t p[SECRET_BYTES] = {'E', 'd', 0, 0, 'B', '2'};
	int err = PR_OK;

	memcpy(p + SEALED_AT, k->id, PR_KEY_ID);
	memcpy(p + SEALED_AT + PR_KEY_ID, k->key, PR_KEY_SECRET);
	if (password) {
		memcpy(p + 2, "Sc", 2);
		randombytes_buf(p + 6, 32);
		pr_put_u64(p + 38, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE);
		pr_put_u64(p + 46, crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE);
		checksum(p + SEALED_AT + PR_KEY_ID + PR_KEY_SECRET, p + SEALED_AT);
		err = apply_password(p, password, "new key", ei);
	}
	if (!err) {
		pr_buf_str(b, password ? "untrusted comment: minisign encrypted secret key\n" : "untrusted comment: minisign secret key\n");
		pr_base64(b, p, sizeof(p));
		pr_buf_u8(b, '\n');
	}
	sodium_memzero(p, sizeof(p));
	return err;
}

void pr_minisig_print(struct pr_buf *b, const struct pr_secret_key *k, const uint8_t digest[64], const char *comment)
{
	uint8_t p[SIG_BYTES] = "ED", global[PR_KEY_SIG], signed_part[PR_KEY_SIG + COMMENT_MAX];
	size_t n = strnlen(comment, COMMENT_MAX);

	memcpy(p + 2, k->id, PR_KEY_ID);
	crypto_sign_detached(p + 10, NULL, digest, 64, k->key);
	memcpy(signed_part, p + 10, PR_KEY_SIG);
	memcpy(signed_part + PR_KEY_SIG, comment, n);
	crypto_sign_detached(global, NULL, signed_part, PR_KEY_SIG + n, k->key);
	pr_buf_str(b, "untrusted comment: signature from procrec\n");
	pr_base64(b, p, sizeof(p));
	pr_buf_printf(b, "\ntrusted comment: %.*s\n", (int)n, comment);
	pr_base64(b, global, sizeof(global));
	pr_buf_u8(b, '\n');
}

int pr_minisig_check(const char *text, size_t n, const struct pr_public_key *k, const uint8_t digest[64], const char *name,
	struct pr_errinfo *ei)
{
	static const char head[] = "trusted comment: ";
	uint8_t p[SIG_BYTES], global[PR_KEY_SIG], signed_part[PR_KEY_SIG + COMMENT_MAX];
	size_t n_sig, n_comment, n_global;
	const char *sig = line_at(text, n, 1, &n_sig), *comment = line_at(text, n, 2, &n_comment);
	const char *last = line_at(text, n, 3, &n_global);
	char id[17], id_key[17];

	if (!decode(p, sizeof(p), sig, n_sig) || !decode(global, sizeof(global), last, n_global) || n_comment < sizeof(head) - 1 ||
		memcmp(comment, head, sizeof(head) - 1) || n_comment - (sizeof(head) - 1) > COMMENT_MAX)
		return pr_fail(ei, PR_EFORMAT, "%s: not a minisign signature", name);
	if (memcmp(p, "ED", 2))
		return pr_fail(ei, PR_EFORMAT, "%s: not a signature of a prehashed file ('minisign -S' makes those)", name);
	pr_key_id_text(p + 2, id);
	pr_key_id_text(k->id, id_key);
	if (memcmp(p + 2, k->id, PR_KEY_ID))
		return pr_fail(ei, PR_ECHECKSUM, "%s: made by key %s, not by %s", name, id, id_key);
	n_comment -= sizeof(head) - 1;
	memcpy(signed_part, p + 10, PR_KEY_SIG);
	memcpy(signed_part + PR_KEY_SIG, comment + sizeof(head) - 1, n_comment);
	if (crypto_sign_verify_detached(p + 10, digest, 64, k->key))
		return pr_fail(ei, PR_ECHECKSUM, "%s: the file is not the one that was signed", name);
	if (crypto_sign_verify_detached(global, signed_part, PR_KEY_SIG + n_comment, k->key))
		return pr_fail(ei, PR_ECHECKSUM, "%s: its trusted comment was changed", name);
	return PR_OK;
}

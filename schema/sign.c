/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/sign.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/bytes.h"

/* Key record: offsets. */
#define KEY_DEPTH 16u
#define KEY_ID 24u
#define KEY_TIME 32u
#define KEY_RECORDING 40u
#define KEY_LONG 112u
#define KEY_ROOT 144u
#define KEY_ROOT_SIG 176u
#define KEY_NODES 240u
#define NODE_BYTES 128u /* left key, right key, signature */
#define RECORD_END 40u /* link, 4 bytes, CRC */

/* Checkpoint: offsets. */
#define SIG_KIND 16u
#define SIG_NUMBER 24u
#define SIG_BLOCKS 32u
#define SIG_FRAMES 40u
#define SIG_REALTIME 48u
#define SIG_BOOTTIME 56u
#define SIG_OFFSET 64u
#define SIG_NEXT 112u
#define SIG_SIG 144u

#define ROOT_MESSAGE 88u
#define NODE_MESSAGE 112u

struct secret {
	uint8_t sk[PR_KEY_SECRET];
	uint8_t pk[PR_KEY_PUBLIC];
};

struct pr_signer { /* in memory of sodium_malloc: locked, wiped when freed */
	unsigned depth;
	uint64_t next_number;
	uint8_t id[PR_KEY_ID], long_term[PR_KEY_PUBLIC], root[PR_KEY_PUBLIC], root_sig[PR_KEY_SIG], recording[PR_SEG_UUID];
	uint64_t realtime;
	uint8_t nodes[PR_SIGN_DEPTH_MAX][NODE_BYTES]; /* certificates on the way from the root to the leaf in use */
	struct secret right[PR_SIGN_DEPTH_MAX + 1]; /* of the right sibling at each depth, where it is still to come */
	struct secret current; /* signs the next checkpoint */
};

static void root_message(
	uint8_t m[ROOT_MESSAGE], unsigned depth, const uint8_t *id, uint64_t realtime, const uint8_t *recording, const uint8_t *root)
{
	memset(m, 0, ROOT_MESSAGE);
	memcpy(m, "procrec-root-1", 14);
	pr_put_u32(m + 16, depth);
	memcpy(m + 24, id, PR_KEY_ID);
	pr_put_u64(m + 32, realtime);
	memcpy(m + 40, recording, PR_SEG_UUID);
	memcpy(m + 56, root, PR_KEY_PUBLIC);
}

/* For the node at `depth` that is number `index` there; children: left and right public key. */
static void node_message(
	uint8_t m[NODE_MESSAGE], const uint8_t *recording, unsigned depth, uint64_t index, const uint8_t children[2 * PR_KEY_PUBLIC])
{
	memset(m, 0, NODE_MESSAGE);
	memcpy(m, "procrec-node-1", 14);
	memcpy(m + 16, recording, PR_SEG_UUID);
	pr_put_u32(m + 32, depth);
	pr_put_u64(m + 40, index);
	memcpy(m + 48, children, 2 * PR_KEY_PUBLIC);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void draw(struct secret *s)
{
	crypto_sign_keypair(s->pk, s->sk);
}

int pr_signer_new(struct pr_signer **out, const struct pr_secret_key *key, const uint8_t recording[PR_SEG_UUID], unsigned depth,
	uint64_t realtime, struct pr_errinfo *ei)
{
	uint8_t m[ROOT_MESSAGE];
	struct pr_signer *s;

	if (sodium_init() < 0)
		return pr_fail(ei, PR_EPERM, "libsodium cannot start");
	if (depth > PR_SIGN_DEPTH_MAX)
		return pr_fail(ei, PR_ELIMIT, "a tree of %u levels is too deep", depth);
	s = sodium_malloc(sizeof(*s));
	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory for the signing keys");
	memset(s, 0, sizeof(*s));
	s->depth = depth;
	memcpy(s->id, key->id, PR_KEY_ID);
	memcpy(s->long_term, key->key + PR_KEY_SECRET - PR_KEY_PUBLIC, PR_KEY_PUBLIC);
	memcpy(s->recording, recording, PR_SEG_UUID);
	s->realtime = realtime;
	draw(&s->current);
	memcpy(s->root, s->current.pk, PR_KEY_PUBLIC);
	root_message(m, depth, s->id, realtime, recording, s->root);
	crypto_sign_detached(s->root_sig, NULL, m, sizeof(m), key->key);
	*out = s;
	return PR_OK;
}

void pr_signer_free(struct pr_signer *s)
{
	sodium_free(s);
}

/* From the node key in s->current at `depth` down along the left children to the leaf of segment n. */
static void descend(struct pr_signer *s, unsigned depth, uint64_t n)
{
	struct secret left;
	uint8_t m[NODE_MESSAGE];

	for (; depth < s->depth; depth++) {
		uint8_t *node = s->nodes[depth];

		draw(&left);
		draw(&s->right[depth + 1]);
		memcpy(node, left.pk, PR_KEY_PUBLIC);
		memcpy(node + PR_KEY_PUBLIC, s->right[depth + 1].pk, PR_KEY_PUBLIC);
		node_message(m, s->recording, depth, n >> (s->depth - depth), node);
		crypto_sign_detached(node + 2 * PR_KEY_PUBLIC, NULL, m, sizeof(m), s->current.sk);
		s->current = left;
	}
	sodium_memzero(&left, sizeof(left));
}

/* Moves on to the leaf of segment n, the one behind the leaf in use. */
static void step(struct pr_signer *s, uint64_t n)
{
	unsigned depth = 0;

	if (n) { /* the lowest node on the way to n - 1 that has n below its right child */
		depth = s->depth - (unsigned)__builtin_ctzll(n);
		s->current = s->right[depth];
		sodium_memzero(&s->right[depth], sizeof(s->right[depth]));
	}
	descend(s, depth, n);
	s->next_number = n + 1;
}

int pr_signer_begin(struct pr_signer *s, const struct pr_seg_header *h, struct pr_errinfo *ei)
{
	if (h->number < s->next_number || memcmp(h->recording, s->recording, PR_SEG_UUID))
		return pr_fail(ei, PR_EUSAGE, "segments are to be signed in order: %llu was next", (unsigned long long)s->next_number);
	if (h->number >> s->depth)
		return pr_fail(ei, PR_ELIMIT, "the signing keys of this recording are used up after %llu segments: begin a new recording",
			(unsigned long long)h->number);
	while (s->next_number <= h->number) /* a number may be left out when a file could not be made */
		step(s, s->next_number);
	return PR_OK;
}

size_t pr_signer_key_size(const struct pr_signer *s)
{
	return KEY_NODES + s->depth * NODE_BYTES + RECORD_END;
}

void pr_signer_key_fill(const struct pr_signer *s, uint8_t *rec)
{
	pr_put_u32(rec + KEY_DEPTH, s->depth);
	memcpy(rec + KEY_ID, s->id, PR_KEY_ID);
	pr_put_u64(rec + KEY_TIME, s->realtime);
	memcpy(rec + KEY_RECORDING, s->recording, PR_SEG_UUID);
	memcpy(rec + KEY_LONG, s->long_term, PR_KEY_PUBLIC);
	memcpy(rec + KEY_ROOT, s->root, PR_KEY_PUBLIC);
	memcpy(rec + KEY_ROOT_SIG, s->root_sig, PR_KEY_SIG);
	memcpy(rec + KEY_NODES, s->nodes, s->depth * NODE_BYTES);
}

void pr_signer_sign(struct pr_signer *s, uint8_t rec[PR_SEG_SIG_SIZE], enum pr_sig_kind kind)
{
	struct secret next;

	memset(&next, 0, sizeof(next));
	if (kind != PR_SIG_CLOSE)
		draw(&next);
	pr_put_u32(rec + SIG_KIND, kind);
	memcpy(rec + SIG_NEXT, next.pk, PR_KEY_PUBLIC);
	crypto_sign_detached(rec + SIG_SIG, NULL, rec, SIG_SIG, s->current.sk);
	s->current = next;
	sodium_memzero(&next, sizeof(next));
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

bool pr_sign_key_read(const uint8_t *rec, size_t size, struct pr_public_key *out)
{
	if (size < KEY_NODES + RECORD_END || memcmp(rec + 8, PR_SEG_TAG_KEY, 8))
		return false;
	memcpy(out->id, rec + KEY_ID, PR_KEY_ID);
	memcpy(out->key, rec + KEY_LONG, PR_KEY_PUBLIC);
	return true;
}

const char *pr_sign_check_keys(const uint8_t *rec, size_t size, const struct pr_seg_header *h, const struct pr_public_key *trusted,
	uint8_t out_leaf[PR_KEY_PUBLIC])
{
	uint32_t depth = pr_get_u32(rec + KEY_DEPTH);
	const uint8_t *key = rec + KEY_ROOT;
	struct pr_public_key named;
	uint8_t m[NODE_MESSAGE > ROOT_MESSAGE ? NODE_MESSAGE : ROOT_MESSAGE];

	if (!pr_sign_key_read(rec, size, &named) || depth > PR_SIGN_DEPTH_MAX || size != KEY_NODES + depth * NODE_BYTES + RECORD_END)
		return "its key record is not of this format";
	if (trusted && (memcmp(trusted->id, named.id, PR_KEY_ID) || memcmp(trusted->key, named.key, PR_KEY_PUBLIC)))
		return "it was signed with another key";
	if (memcmp(rec + KEY_RECORDING, h->recording, PR_SEG_UUID) || h->number >> depth)
		return "its key record belongs to another recording";
	root_message(m, depth, rec + KEY_ID, pr_get_u64(rec + KEY_TIME), rec + KEY_RECORDING, key);
	if (crypto_sign_verify_detached(rec + KEY_ROOT_SIG, m, ROOT_MESSAGE, named.key))
		return "the key that it names did not sign it";
	for (uint32_t d = 0; d < depth; d++) {
		const uint8_t *node = rec + KEY_NODES + d * NODE_BYTES;

		node_message(m, h->recording, d, h->number >> (depth - d), node);
		if (crypto_sign_verify_detached(node + 2 * PR_KEY_PUBLIC, m, NODE_MESSAGE, key))
			return "its key record does not lead to a key of this segment";
		key = node + (h->number >> (depth - d - 1) & 1 ? PR_KEY_PUBLIC : 0);
	}
	memcpy(out_leaf, key, PR_KEY_PUBLIC);
	return NULL;
}

const char *pr_sign_check(const uint8_t *rec, size_t size, const uint8_t key[PR_KEY_PUBLIC], struct pr_checkpoint *out)
{
	memset(out, 0, sizeof(*out));
	if (size != PR_SEG_SIG_SIZE || memcmp(rec + 8, PR_SEG_TAG_SIG, 8))
		return "its checkpoint is not of this format";
	out->kind = pr_get_u32(rec + SIG_KIND);
	out->number = pr_get_u64(rec + SIG_NUMBER);
	out->blocks = pr_get_u64(rec + SIG_BLOCKS);
	out->frames = pr_get_u64(rec + SIG_FRAMES);
	out->realtime = pr_get_u64(rec + SIG_REALTIME);
	out->boottime = pr_get_u64(rec + SIG_BOOTTIME);
	out->offset = pr_get_u64(rec + SIG_OFFSET);
	memcpy(out->next_key, rec + SIG_NEXT, PR_KEY_PUBLIC);
	if (out->kind < PR_SIG_START || out->kind > PR_SIG_CLOSE)
		return "its checkpoint is of an unknown kind";
	if (crypto_sign_verify_detached(rec + SIG_SIG, rec, SIG_SIG, key))
		return "the signature of a checkpoint is not good";
	return NULL;
}

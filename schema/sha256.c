/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/sha256.h"

#include <sodium/crypto_hash_sha256.h>

_Static_assert(PR_SHA256_SIZE == crypto_hash_sha256_BYTES, "PR_SHA256_SIZE");

void pr_sha256_portable(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb)
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, a, na);
	if (nb)
		crypto_hash_sha256_update(&st, b, nb);
	crypto_hash_sha256_final(&st, out);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK 64
#define SHA_CODE __attribute__((target("sha,sse4.1,ssse3")))

/* FIPS 180-4, 4.2.2 */
static const uint32_t k[64] __attribute__((aligned(16))) = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* The eight working variables, in the two registers that the instructions want: a b e f and c d g h, first in the highest lane. */
struct state {
	__m128i abef, cdgh;
};

SHA_CODE static struct state first_state(void)
{
	return (struct state){_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
		_mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

/* One after another, n blocks. */
SHA_CODE static void blocks(struct state *s, const uint8_t *p, size_t n)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i w[4], abef = s->abef, cdgh = s->cdgh;

	for (; n; n--, p += BLOCK) {
		__m128i abef_before = abef, cdgh_before = cdgh, x;

#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), big_endian);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) { /* four rounds, and the four words of the schedule that come sixteen later */
			x = _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)(const void *)(k + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, x);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(x, 0x0e));
			if (i >= 12)
				continue;
			x = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
			w[i & 3] = _mm_sha256msg2_epu32(x, w[(i + 3) & 3]);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	s->abef = abef;
	s->cdgh = cdgh;
}

/* Bytes that do not make a block yet. */
struct rest {
	uint8_t bytes[2 * BLOCK];
	size_t n; /* below BLOCK between calls */
};

SHA_CODE static void update(struct state *s, struct rest *r, const uint8_t *p, size_t n)
{
	size_t head = BLOCK - r->n;

	if (r->n && n >= head) {
		memcpy(r->bytes + r->n, p, head);
		blocks(s, r->bytes, 1);
		r->n = 0;
		p += head;
		n -= head;
	}
	if (!r->n) {
		blocks(s, p, n / BLOCK);
		p += n / BLOCK * BLOCK;
		n %= BLOCK;
	}
	if (n)
		memcpy(r->bytes + r->n, p, n);
	r->n += n;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

SHA_CODE static void sha256_ni(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb)
{
	struct state s = first_state();
	struct rest r = {.n = 0};
	uint64_t bits = htobe64(((uint64_t)na + nb) * 8);
	size_t padded;

	update(&s, &r, a, na);
	update(&s, &r, b, nb);
	padded = r.n + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	r.bytes[r.n] = 0x80;
	memset(r.bytes + r.n + 1, 0, padded - r.n - 1);
	memcpy(r.bytes + padded - 8, &bits, sizeof(bits));
	blocks(&s, r.bytes, padded / BLOCK);
	put_be32(out, (uint32_t)_mm_extract_epi32(s.abef, 3));
	put_be32(out + 4, (uint32_t)_mm_extract_epi32(s.abef, 2));
	put_be32(out + 8, (uint32_t)_mm_extract_epi32(s.cdgh, 3));
	put_be32(out + 12, (uint32_t)_mm_extract_epi32(s.cdgh, 2));
	put_be32(out + 16, (uint32_t)_mm_extract_epi32(s.abef, 1));
	put_be32(out + 20, (uint32_t)_mm_extract_epi32(s.abef, 0));
	put_be32(out + 24, (uint32_t)_mm_extract_epi32(s.cdgh, 1));
	put_be32(out + 28, (uint32_t)_mm_extract_epi32(s.cdgh, 0));
}

static bool has_ni; /* written once: asking the CPU is slow inside a virtual machine */
static pthread_once_t has_ni_once = PTHREAD_ONCE_INIT;

static void ask_cpu(void)
{
	unsigned a, b, c, d;

	has_ni = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
		 (b & bit_SHA);
}

void pr_sha256(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb)
{
	pthread_once(&has_ni_once, ask_cpu);
	(has_ni ? sha256_ni : pr_sha256_portable)(out, a, na, b, nb);
}

#else

void pr_sha256(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb)
{
	pr_sha256_portable(out, a, na, b, nb);
}

#endif

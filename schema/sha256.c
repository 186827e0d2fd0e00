/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/sha256.h"

#include <nettle/sha2.h>

_Static_assert(PR_SHA256_SIZE == SHA256_DIGEST_SIZE, "PR_SHA256_SIZE");

void pr_sha256(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, na, a);
	if (nb)
		sha256_update(&ctx, nb, b);
	sha256_digest(&ctx, sizeof(uint8_t[PR_SHA256_SIZE]), out);
}

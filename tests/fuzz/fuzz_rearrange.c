/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoding 1: the bytes of a block that claim to be rearranged (first 3 bytes: the size that they should give), and both ways. */
#include <string.h>

#include "base/bytes.h"
#include "schema/rearrange.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_buf a = PR_BUF_INIT, b = PR_BUF_INIT, c = PR_BUF_INIT;
	uint8_t *copy;
	size_t want;

	if (size < 3)
		return 0;
	want = data[0] | (size_t)data[1] << 8 | (size_t)(data[2] & 0x3f) << 16;
	data += 3;
	size -= 3;
	copy = malloc(size ? size : 1);
	FUZZ_ASSERT(copy);
	memcpy(copy, data, size);
	if (pr_rearrange_back(&a, copy, size, want)) {
		FUZZ_ASSERT(a.len == want);
		/* Whatever it gave: if that is whole envelopes, it must survive the way there and back. */
		if (pr_rearrange(&b, a.data, a.len))
			FUZZ_ASSERT(pr_rearrange_back(&c, b.data, b.len, a.len) && c.len == a.len &&
				    (!a.len || !memcmp(a.data, c.data, a.len)));
	}
	pr_buf_clear(&b);
	pr_buf_clear(&c);
	if (pr_rearrange(&b, copy, size))
		FUZZ_ASSERT(pr_rearrange_back(&c, b.data, b.len, size) && c.len == size && (!size || !memcmp(copy, c.data, size)));
	pr_buf_release(&a);
	pr_buf_release(&b);
	pr_buf_release(&c);
	free(copy);
	return 0;
}

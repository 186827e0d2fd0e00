/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256: the standard's examples, and the same as another library's at every length and cut around the block sizes. */
#include "tests/unit/unit.h"

#include <sodium/crypto_hash_sha256.h>

#include "base/text.h"
#include "schema/sha256.h"

static void expect(const char *bytes, const char *want)
{
	uint8_t hash[PR_SHA256_SIZE];
	struct pr_buf b = PR_BUF_INIT;

	pr_sha256(hash, bytes, strlen(bytes), NULL, 0);
	pr_hex(&b, hash, sizeof(hash));
	assert_int_equal(b.len, 64);
	assert_memory_equal(b.data, want, 64);
	pr_buf_release(&b);
}

static void known_values(void **state)
{
	(void)state;
	expect("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void libraries_agree(void **state)
{
	uint8_t bytes[400], one[PR_SHA256_SIZE], two[PR_SHA256_SIZE];
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)unit_random(&seed);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		for (size_t cut = 0; cut <= n; cut += n % 7 + 1) {
			pr_sha256(one, bytes, cut, bytes + cut, n - cut);
			crypto_hash_sha256(two, bytes, n);
			assert_memory_equal(one, two, sizeof(one));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(libraries_agree),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}

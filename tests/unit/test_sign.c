/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, the tree of signing keys, and files that minisign(1) must agree about. */
#include "tests/unit/unit.h"

#include <sodium.h>
#include <stdio.h>

#include "schema/minisign.h"
#include "schema/sign.h"

static char dir[] = "/tmp/procrec-sign-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[2][128];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void put_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static struct pr_buf get_file(const char *name)
{
	int fd = open(path_of(name), O_RDONLY);

	assert_true(fd >= 0);
	return unit_slurp(fd);
}

static bool have_minisign(void)
{
	return !system("command -v minisign >/dev/null 2>&1");
}

/* Runs the words, joined by spaces, in a shell. */
static int sh(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "%s %s %s %s %s >/dev/null", a, b, c, d, e);
	return system(cmd);
}

static void keys_survive_their_files(void **state)
{
	struct pr_secret_key k, back;
	struct pr_public_key pub, pub_back;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_key_generate(&k, &ei), 0);
	assert_int_equal(pr_secret_key_print(&b, &k, NULL, &ei), 0);
	assert_false(pr_secret_key_encrypted((char *)b.data, b.len));
	assert_int_equal(pr_secret_key_parse(&back, (char *)b.data, b.len, NULL, "x", &ei), 0);
	assert_memory_equal(&back, &k, sizeof(k));
	pr_buf_clear(&b);
	pub = pr_secret_key_public(&k);
	pr_public_key_print(&b, &pub);
	assert_int_equal(pr_public_key_parse(&pub_back, (char *)b.data, b.len, "x", &ei), 0);
	assert_memory_equal(&pub_back, &pub, sizeof(pub));
	assert_int_equal(pr_secret_key_parse(&back, (char *)b.data, b.len, NULL, "x.pub", &ei), PR_EFORMAT);
	assert_int_equal(pr_public_key_parse(&pub_back, "rubbish", 7, "x", &ei), PR_EFORMAT);
	assert_int_equal(pr_public_key_parse(&pub_back, "", 0, "x", &ei), PR_EFORMAT);
	pr_buf_release(&b);
}

/* Every flipped bit of a secret key file is an error or leaves the same key: never another one. */
static void damaged_key_files_are_found(void **state)
{
	struct pr_secret_key k, back;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_key_generate(&k, &ei), 0);
	assert_int_equal(pr_secret_key_print(&b, &k, NULL, &ei), 0);
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!pr_secret_key_encrypted((char *)b.data, b.len) &&
			!pr_secret_key_parse(&back, (char *)b.data, b.len, NULL, "x", &ei))
			assert_memory_equal(back.key, k.key, sizeof(k.key));
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	pr_buf_release(&b);
}

static void minisign_reads_our_keys_and_signatures(void **state)
{
	struct pr_secret_key k;
	struct pr_public_key pub;
	struct pr_buf b = PR_BUF_INIT;
	struct pr_errinfo ei;
	uint8_t digest[64];

	(void)state;
	if (!have_minisign())
		skip();
	assert_int_equal(pr_key_generate(&k, &ei), 0);
	assert_int_equal(pr_secret_key_print(&b, &k, NULL, &ei), 0);
	put_file("ours.key", b.data, b.len);
	pr_buf_clear(&b);
	pub = pr_secret_key_public(&k);
	pr_public_key_print(&b, &pub);
	put_file("ours.pub", b.data, b.len);
	put_file("data", "some bytes", 10);
	crypto_generichash(digest, 64, (const uint8_t *)"some bytes", 10, NULL, 0);
	pr_buf_clear(&b);
	pr_minisig_print(&b, &k, digest, "trace of now");
	put_file("data.minisig", b.data, b.len);
	assert_int_equal(sh("minisign -qVm", path_of("data"), "-p", path_of("ours.pub"), ""), 0);
	assert_int_equal(pr_minisig_check((char *)b.data, b.len, &pub, digest, "x", &ei), 0);
	/* Signed by minisign with our key, checked by us. */
	assert_int_equal(sh("minisign -Sm", path_of("data"), "-s", path_of("ours.key"), "-t hello"), 0);
	pr_buf_release(&b);
	b = get_file("data.minisig");
	assert_int_equal(pr_minisig_check((char *)b.data, b.len, &pub, digest, "x", &ei), 0);
	digest[5] ^= 1;
	assert_int_equal(pr_minisig_check((char *)b.data, b.len, &pub, digest, "x", &ei), PR_ECHECKSUM);
	digest[5] ^= 1;
	pub.id[0] ^= 1;
	assert_int_equal(pr_minisig_check((char *)b.data, b.len, &pub, digest, "x", &ei), PR_ECHECKSUM);
	pr_buf_release(&b);
}

static void we_read_keys_of_minisign(void **state)
{
	struct pr_secret_key k;
	struct pr_public_key pub, own;
	struct pr_errinfo ei;
	struct pr_buf b;

	(void)state;
	if (!have_minisign())
		skip();
	assert_int_equal(sh("minisign -GfW -p", path_of("plain.pub"), "-s", path_of("plain.key"), ""), 0);
	b = get_file("plain.key");
	assert_int_equal(pr_secret_key_parse(&k, (char *)b.data, b.len, NULL, "plain.key", &ei), 0);
	pr_buf_release(&b);
	b = get_file("plain.pub");
	assert_int_equal(pr_public_key_parse(&pub, (char *)b.data, b.len, "plain.pub", &ei), 0);
	own = pr_secret_key_public(&k);
	assert_memory_equal(&own, &pub, sizeof(pub));
	pr_buf_release(&b);
}

static void keys_with_a_password(void **state)
{
	static const char key[] = /* made by minisign 0.11 with the password "pw" */
		"untrusted comment: minisign encrypted secret key\n"
		"RWRTY0Iymkb6YtyxrlDSYbq7CJWQk1ipA/2RCEhK1knFsal3lOoAAAACAAAAAAAAAEAAAAAAtaYI6x2dFD/TY4By2cliTmUd+3Fp7EsZnN+eDalQQuUh"
		"B0V88/xmR4WE3mA/qjMmUDT3vA2ZLk9j458zvzALTiokXSGsc7OAZrnc0mIkkPdTVy69LqIf/wE1jIAdciNfROIUrYZ5Sog=\n";
	static const char public[] = "RWTFS8Dg/ujYxQoCCORcm07VveJeblWNdpkZ22I8AQ+Ps4PQORgLA7tX";
	struct pr_public_key pub, own;
	struct pr_secret_key k;
	struct pr_errinfo ei;
	int err;

	(void)state;
	assert_true(pr_secret_key_encrypted(key, sizeof(key) - 1));
	assert_int_equal(pr_secret_key_parse(&k, key, sizeof(key) - 1, NULL, "b.key", &ei), PR_EPERM);
	err = pr_secret_key_parse(&k, key, sizeof(key) - 1, "pw", "b.key", &ei); /* takes 1 GiB of memory for a second */
	if (err == PR_ENOMEM)
		skip();
	assert_int_equal(err, 0);
	assert_int_equal(pr_public_key_parse(&pub, public, sizeof(public) - 1, "x", &ei), 0);
	own = pr_secret_key_public(&k);
	assert_memory_equal(&own, &pub, sizeof(pub));
}

/* A key record and a first checkpoint for segment n, checked against what a verifier knows. */
static void one_leaf(struct pr_signer *s, const struct pr_public_key *pub, uint64_t n)
{
	struct pr_seg_header h = {.number = n};
	uint8_t rec[PR_SEG_RECORD_MAX], sig[PR_SEG_SIG_SIZE], leaf[32], link[32], prev[32] = {7};
	struct pr_checkpoint cp;
	struct pr_errinfo ei;
	size_t size = pr_signer_key_size(s);

	memcpy(h.recording, "recording uuid..", 16);
	assert_int_equal(pr_signer_begin(s, &h, &ei), 0);
	pr_seg_record_begin(rec, size, PR_SEG_TAG_KEY, h.uuid, prev);
	pr_signer_key_fill(s, rec);
	pr_seg_record_finish(rec, size, link);
	assert_null(pr_sign_check_keys(rec, size, &h, pub, leaf));
	pr_seg_record_begin(sig, sizeof(sig), PR_SEG_TAG_SIG, h.uuid, link);
	pr_signer_sign(s, sig, PR_SIG_START);
	assert_null(pr_sign_check(sig, sizeof(sig), leaf, &cp));
	assert_int_equal(cp.kind, PR_SIG_START);
	/* The same path is no path to a neighbour, nor in another recording. */
	h.number = n ^ 1;
	assert_true(pr_sign_check_keys(rec, size, &h, pub, leaf) || pr_sign_check(sig, sizeof(sig), leaf, &cp));
	h.number = n;
	h.recording[3] ^= 1;
	assert_non_null(pr_sign_check_keys(rec, size, &h, pub, leaf));
}

static void every_leaf_of_a_tree(void **state)
{
	struct pr_secret_key k;
	struct pr_public_key pub;
	struct pr_seg_header h = {.number = 64};
	struct pr_signer *s;
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_key_generate(&k, &ei), 0);
	pub = pr_secret_key_public(&k);
	assert_int_equal(pr_signer_new(&s, &k, (const uint8_t *)"recording uuid..", 6, 1, &ei), 0);
	pr_secret_key_wipe(&k);
	for (uint64_t n = 0; n < 64; n++)
		one_leaf(s, &pub, n);
	memcpy(h.recording, "recording uuid..", 16);
	assert_int_equal(pr_signer_begin(s, &h, &ei), PR_ELIMIT);
	h.number = 3;
	assert_int_equal(pr_signer_begin(s, &h, &ei), PR_EUSAGE);
	pr_signer_free(s);
}

static void the_deepest_tree(void **state)
{
	struct pr_secret_key k;
	struct pr_public_key pub;
	struct pr_signer *s;
	struct pr_errinfo ei;

	(void)state;
	assert_int_equal(pr_key_generate(&k, &ei), 0);
	pub = pr_secret_key_public(&k);
	assert_int_equal(pr_signer_new(&s, &k, (const uint8_t *)"recording uuid..", PR_SIGN_DEPTH_MAX, 1, &ei), 0);
	for (uint64_t n = 0; n < 20; n++)
		one_leaf(s, &pub, n);
	pr_signer_free(s);
	assert_int_equal(pr_signer_new(&s, &k, (const uint8_t *)"recording uuid..", PR_SIGN_DEPTH_MAX + 1, 1, &ei), PR_ELIMIT);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return sh("rm -rf", dir, "", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_survive_their_files),
		cmocka_unit_test(damaged_key_files_are_found),
		cmocka_unit_test(minisign_reads_our_keys_and_signatures),
		cmocka_unit_test(we_read_keys_of_minisign),
		cmocka_unit_test(keys_with_a_password),
		cmocka_unit_test(every_leaf_of_a_tree),
		cmocka_unit_test(the_deepest_tree),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

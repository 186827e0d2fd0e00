/* SPDX-License-Identifier: BSD-2-Clause */
/* open.c: rules and key as a command line names them. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "redact/redact.h"

#define FILE_MAX (1u << 20)
#define KEY_FILE_MIN 16u

static int read_file(const char *path, struct pr_buf *out, struct pr_errinfo *ei)
{
	int fd, err = pr_file_open_input(path, &fd, ei);
	ssize_t k = 1;

	if (err)
		return err;
	while (!err && k > 0) {
		uint8_t chunk[4096];

		k = read(fd, chunk, sizeof(chunk));
		if (k < 0 && errno == EINTR)
			k = 1;
		else if (k < 0)
			err = pr_fail_errno(ei, "%s: cannot read", path);
		else
			pr_buf_append(out, chunk, (size_t)k);
		if (out->len > FILE_MAX)
			err = pr_fail(ei, PR_EUSAGE, "%s: is too large: 1 MiB is the most", path);
	}
	close(fd);
	if (!err && pr_buf_failed(out))
		err = pr_fail(ei, PR_ENOMEM, "%s: out of memory", path);
	return err;
}

/* The bytes of a file, however many, give the key; without a file it is drawn, and forgotten. */
static int get_key(const char *path, uint8_t key[PR_REDACT_KEY], struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	int err = PR_OK;

	if (sodium_init() < 0)
		return pr_fail(ei, PR_EPERM, "libsodium cannot start");
	if (!path) {
		randombytes_buf(key, PR_REDACT_KEY);
		return PR_OK;
	}
	err = read_file(path, &b, ei);
	if (!err && b.len < KEY_FILE_MIN)
		err = pr_fail(ei, PR_EUSAGE, "%s: a key needs %u bytes at least: head -c 32 /dev/urandom > %s", path, KEY_FILE_MIN, path);
	if (!err)
		crypto_generichash(key, PR_REDACT_KEY, b.data, b.len, NULL, 0);
	if (b.data)
		sodium_memzero(b.data, b.len);
	pr_buf_release(&b);
	return err;
}

int pr_redact_open(struct pr_redact **out, const struct pr_redact_choice *choice, uint8_t *out_key, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	uint8_t key[PR_REDACT_KEY];
	int err = PR_OK;

	*out = NULL;
	if (choice->rules_file)
		err = read_file(choice->rules_file, &b, ei);
	if (!err)
		err = get_key(choice->key_file, key, ei);
	if (!err)
		err = pr_redact_new(out, "the default rules", pr_redact_default_rules, strlen(pr_redact_default_rules), key, ei);
	if (!err && choice->rules_file)
		err = pr_redact_add(*out, choice->rules_file, b.data, b.len, ei);
	if (!err && out_key)
		memcpy(out_key, key, sizeof(key));
	if (err) {
		pr_redact_free(*out);
		*out = NULL;
	}
	sodium_memzero(key, sizeof(key));
	pr_buf_release(&b);
	return err;
}

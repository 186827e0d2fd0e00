/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/signing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/out.h"

static int read_file(const char *path, char text[PR_KEY_FILE_MAX + 1], size_t *out_n, struct pr_errinfo *ei)
{
	ssize_t n;
	int fd, err = pr_file_open_input(path, &fd, ei);

	if (err)
		return err;
	n = read(fd, text, PR_KEY_FILE_MAX + 1);
	close(fd);
	*out_n = n > 0 ? (size_t)n : 0;
	return n < 0 ? pr_fail_errno(ei, "%s: cannot read", path) : PR_OK;
}

int pr_signing_key_sealed(const char *path, bool *out, struct pr_errinfo *ei)
{
	char text[PR_KEY_FILE_MAX + 1];
	size_t n;
	int err = read_file(path, text, &n, ei);

	*out = !err && pr_secret_key_encrypted(text, n);
	explicit_bzero(text, sizeof(text));
	return err;
}

int pr_signing_read_key(struct pr_secret_key *out, const char *path, const char *password, struct pr_errinfo *ei)
{
	char text[PR_KEY_FILE_MAX + 1];
	size_t n;
	int err = read_file(path, text, &n, ei);

	if (!err)
		err = pr_secret_key_parse(out, text, n, password, path, ei);
	explicit_bzero(text, sizeof(text));
	return err;
}

void pr_signing_now(void *ctx, uint64_t *out_realtime, uint64_t *out_boottime)
{
	struct timespec real, boot;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	*out_realtime = (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
	*out_boottime = (uint64_t)boot.tv_sec * 1000000000u + (uint64_t)boot.tv_nsec;
}

static int write_beside(const char *trace, const struct pr_buf *b, struct pr_errinfo *ei)
{
	char *path;
	int fd, err;

	if (asprintf(&path, "%s.minisig", trace) < 0)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = pr_file_create(path, true, &fd, ei);
	if (!err) {
		if (pr_write_all(fd, b->data, b->len) || pr_file_commit(fd))
			err = pr_fail_errno(ei, "%s: cannot write", path);
		close(fd);
		if (err)
			unlink(path);
	}
	free(path);
	return err;
}

int pr_signing_detached(const char *trace, const char *key_path, const uint8_t digest[64], struct pr_errinfo *ei)
{
	const char *name = strrchr(trace, '/');
	struct pr_buf b = PR_BUF_INIT;
	struct pr_secret_key key;
	uint64_t real, boot;
	char comment[512];
	int err = pr_signing_read_key(&key, key_path, NULL, ei);

	if (err)
		return err;
	pr_signing_now(NULL, &real, &boot);
	snprintf(comment, sizeof(comment), "timestamp:%llu\tfile:%s\thashed", (unsigned long long)(real / 1000000000u),
		name ? name + 1 : trace);
	for (char *p = comment; *p; p++) /* a name may hold anything; a comment is one line */
		if (*p == '\n' || *p == '\r')
			*p = '?';
	pr_minisig_print(&b, &key, digest, comment);
	pr_secret_key_wipe(&key);
	err = pr_buf_failed(&b) ? pr_fail(ei, PR_ENOMEM, "out of memory") : write_beside(trace, &b, ei);
	pr_buf_release(&b);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_keygen.c: makes a pair of keys for `record --sign` and `verify --pubkey`, as files of minisign(1). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/out.h"
#include "replay/commands.h"
#include "schema/minisign.h"

#define PASSWORD_MAX 1024

/* One line from standard input, not shown where that is a terminal. */
static int read_password(const char *prompt, char out[PASSWORD_MAX], struct pr_errinfo *ei)
{
	bool tty = isatty(STDIN_FILENO);
	struct termios old, quiet;
	bool ok;

	if (tty && !tcgetattr(STDIN_FILENO, &old)) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fprintf(stderr, "%s", prompt);
	}
	ok = fgets(out, PASSWORD_MAX, stdin) != NULL;
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (!ok)
		return pr_fail(ei, PR_EUSAGE, "keygen: no password on standard input");
	out[strcspn(out, "\n")] = '\0';
	return PR_OK;
}

static int write_file(const char *path, const struct pr_buf *b, bool force, mode_t mode, struct pr_errinfo *ei)
{
	int fd, err = pr_file_create(path, force, &fd, ei);

	if (err)
		return err;
	if (pr_write_all(fd, b->data, b->len) || fchmod(fd, mode) || fsync(fd))
		err = pr_fail_errno(ei, "%s: cannot write", path);
	close(fd);
	if (err)
		unlink(path);
	return err;
}

static int write_pair(const char *name, const struct pr_secret_key *k, const char *password, bool force, struct pr_errinfo *ei)
{
	struct pr_public_key public = pr_secret_key_public(k);
	struct pr_buf secret = PR_BUF_INIT, text = PR_BUF_INIT;
	char *key_path = NULL, *pub_path = NULL;
	int err = pr_secret_key_print(&secret, k, password, ei);

	pr_public_key_print(&text, &public);
	if (!err && (asprintf(&key_path, "%s.key", name) < 0 || asprintf(&pub_path, "%s.pub", name) < 0))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err)
		err = write_file(key_path, &secret, force, 0600, ei);
	if (!err) {
		err = write_file(pub_path, &text, force, 0644, ei);
		if (err)
			unlink(key_path); /* ours since a moment */
	}
	if (!err)
		printf("%s: secret: for 'procrec record --sign %s', and for nobody else\n%s: public: for 'procrec verify --pubkey %s'\n",
			key_path, key_path, pub_path, pub_path);
	if (secret.data)
		explicit_bzero(secret.data, secret.cap);
	pr_buf_release(&secret);
	pr_buf_release(&text);
	free(key_path);
	free(pub_path);
	return err;
}

static int generate(const char *name, bool ask, bool force, struct pr_errinfo *ei)
{
	char password[PASSWORD_MAX], again[PASSWORD_MAX];
	struct pr_secret_key k;
	int err = pr_key_generate(&k, ei);

	if (!err && ask)
		err = read_password("password: ", password, ei);
	if (!err && ask && isatty(STDIN_FILENO)) {
		err = read_password("once more: ", again, ei);
		if (!err && strcmp(password, again))
			err = pr_fail(ei, PR_EUSAGE, "keygen: these were two passwords; nothing was written");
	}
	if (!err)
		err = write_pair(name, &k, ask ? password : NULL, force, ei);
	pr_secret_key_wipe(&k);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(again, sizeof(again));
	return err;
}

int pr_cmd_keygen(struct pr_term *term, int argc, char **argv)
{
	bool ask = false, force = false;
	const struct pr_option options[] = {
		{'p', "password", PR_OPT_FLAG, &ask, NULL, "protect the secret key by a password, read from standard input", NULL},
		{'f', "force", PR_OPT_FLAG, &force, NULL, "replace existing files", NULL},
		{0},
	};
	const struct pr_usage usage = {"keygen", "NAME [--password] [--force]",
		"Makes a pair of Ed25519 keys in the format of minisign(1): NAME.key, which is secret, and NAME.pub.\n"
		"Keep NAME.pub where whoever gets into the recorded machine can't change it.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err)
		err = *argv[0] ? generate(argv[0], ask, force, &ei) : pr_fail(&ei, PR_EUSAGE, "keygen: the name is empty");
	return pr_report(err, &ei);
}

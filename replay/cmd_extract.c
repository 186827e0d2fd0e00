/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_extract.c: `procrec extract TRACE -o NEW`: a subtree, or all, as a new trace; without secrets, without names. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "replay/commands.h"
#include "replay/extract/extract.h"

#define FILE_MAX (1u << 20)
#define KEY_FILE_MIN 16u

struct extract_args {
	struct pr_extract_options opt;
	const char *output, *rules, *key_file;
	struct pr_term *term;
	bool force, redact, anonymize;
	uint8_t key[PR_REDACT_KEY];
};

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
static int get_key(struct extract_args *a, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	int err = PR_OK;

	if (sodium_init() < 0)
		return pr_fail(ei, PR_EPERM, "libsodium cannot start");
	if (!a->key_file) {
		randombytes_buf(a->key, sizeof(a->key));
		return PR_OK;
	}
	err = read_file(a->key_file, &b, ei);
	if (!err && b.len < KEY_FILE_MIN)
		err = pr_fail(ei, PR_EUSAGE, "%s: a key needs %u bytes at least: head -c 32 /dev/urandom > %s", a->key_file, KEY_FILE_MIN,
			a->key_file);
	if (!err)
		crypto_generichash(a->key, sizeof(a->key), b.data, b.len, NULL, 0);
	if (b.data)
		sodium_memzero(b.data, b.len);
	pr_buf_release(&b);
	return err;
}

/* The rules of a file come after the default ones. */
static int get_rules(struct extract_args *a, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	int err = PR_OK;

	if (a->rules)
		err = read_file(a->rules, &b, ei);
	if (!err)
		err = pr_redact_new(&a->opt.redact, "the default rules", pr_redact_default_rules, strlen(pr_redact_default_rules), a->key, ei);
	if (!err && a->rules)
		err = pr_redact_add(a->opt.redact, a->rules, b.data, b.len, ei);
	pr_buf_release(&b);
	return err;
}

static int parse(struct extract_args *a, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->term;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->output, "NEW", "where to write the new trace", NULL},
		{'f', "force", PR_OPT_FLAG, &a->force, NULL, "replace NEW if it is there", NULL},
		{0, "pid", PR_OPT_U64, &a->opt.pid, "PID", "only this process, what descends from it, and its ancestors", &a->opt.has_pid},
		{0, "at", PR_OPT_STR, &a->opt.at, "TIME", "the newest process with that pid that began by TIME", NULL},
		{0, "redact", PR_OPT_FLAG, &a->redact, NULL, "replace secrets in arguments by marks", NULL},
		{0, "redact-rules", PR_OPT_STR, &a->rules, "FILE", "with these rules, too", NULL},
		{0, "redact-key", PR_OPT_STR, &a->key_file, "FILE", "with a key of its own: the same secret has the same mark in each trace", NULL},
		{0, "anonymize", PR_OPT_FLAG, &a->anonymize, NULL, "replace secrets, and names of hosts and people", NULL},
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"extract", "TRACE -o NEW [--pid PID [--at TIME]] [--redact] [--anonymize]",
		"Makes a new trace of a part of one, to keep or to share.", options, 1, 1, false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (err)
		return err;
	a->opt.trace = argv[0];
	if (!a->output)
		return pr_fail(ei, PR_EUSAGE, "extract: where to? give -o NEW");
	if (a->opt.at && !a->opt.has_pid)
		return pr_fail(ei, PR_EUSAGE, "extract: --at picks one of the processes with a pid: give --pid, too");
	if (!a->opt.has_pid && !a->redact && !a->anonymize && !a->rules)
		return pr_fail(ei, PR_EUSAGE, "extract: say what: --pid PID, --redact or --anonymize");
	if (a->key_file && !a->redact && !a->anonymize && !a->rules)
		return pr_fail(ei, PR_EUSAGE, "extract: --redact-key is for --redact and --anonymize");
	a->redact |= a->anonymize || a->rules;
	return PR_OK;
}

static int prepare(struct extract_args *a, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (a->redact) {
		err = get_key(a, ei);
		a->opt.key = a->key;
		if (!err)
			err = get_rules(a, ei);
	}
	if (!err && a->anonymize && pr_anonymizer_new(&a->opt.anonymizer, a->key))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	return err;
}

static void tell(const struct extract_args *a, const struct pr_extracted *r)
{
	if (r->instances > 1)
		pr_note("pid %llu was used %llu times; this is the newest%s. --at TIME picks one", (unsigned long long)a->opt.pid,
			(unsigned long long)r->instances, a->opt.at ? " of that time" : "");
	if (r->open)
		pr_note("%s: the end is open: whether more was recorded is not known", a->opt.trace);
	if (r->cut)
		pr_note("cut lists of arguments, because the marks made them longer than a frame may be: %llu", (unsigned long long)r->cut);
	if (r->blanked)
		pr_note("frames that are malformed, or of other kinds, and so lost their content: %llu", (unsigned long long)r->blanked);
	printf("%s: %llu of %llu frames", a->output, (unsigned long long)r->frames, (unsigned long long)r->frames_of);
	if (a->opt.has_pid)
		printf(", %llu processes", (unsigned long long)r->processes);
	if (a->opt.redact)
		printf(", %llu secrets replaced", (unsigned long long)pr_redact_count(a->opt.redact));
	printf("\n");
}

static int run(struct extract_args *a, struct pr_errinfo *ei)
{
	struct pr_extracted res;
	struct stat in, old;
	int fd = -1, err;

	if (!stat(a->opt.trace, &in) && !stat(a->output, &old) && in.st_dev == old.st_dev && in.st_ino == old.st_ino)
		return pr_fail(ei, PR_EUSAGE, "extract: %s is the trace itself: the new one needs another name", a->output);
	err = prepare(a, ei);
	if (!err)
		err = pr_file_create(a->output, a->force, &fd, ei);
	if (err)
		return err;
	a->opt.meter = pr_term_meter(a->term, "extracting from", a->opt.trace);
	err = pr_extract(&a->opt, fd, &res, ei);
	pr_line_hide();
	if (close(fd) && !err)
		err = pr_fail_errno(ei, "%s: cannot be written", a->output);
	if (err && err != PR_EDATA)
		unlink(a->output); /* ours since pr_file_create */
	else
		tell(a, &res);
	return err;
}

int pr_cmd_extract(struct pr_term *term, int argc, char **argv)
{
	struct extract_args a = {.term = term};
	struct pr_errinfo ei;
	int err = parse(&a, argc, argv, &ei);

	if (!err)
		err = run(&a, &ei);
	pr_redact_free(a.opt.redact);
	pr_anonymizer_free(a.opt.anonymizer);
	sodium_memzero(a.key, sizeof(a.key));
	return pr_report(err, &ei);
}

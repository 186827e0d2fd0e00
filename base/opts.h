/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opts.h: command-line options from one declarative table, which gives parsing, --help and completion.
 *
 * Long options take `--name VALUE` and `--name=VALUE`; short ones `-n VALUE` and `-nVALUE`. Options and positional arguments
 * may be mixed; `--` ends the options. A name may be shortened to an unambiguous prefix. Typing errors get a suggestion.
 */
#ifndef PROCREC_BASE_OPTS_H
#define PROCREC_BASE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum pr_opt_type {
	PR_OPT_FLAG, /* bool */
	PR_OPT_STR, /* const char * (borrowed from argv) */
	PR_OPT_U64, /* uint64_t, decimal or 0x */
	PR_OPT_PID, /* uint64_t, decimal or 0x, of 32 bits */
	PR_OPT_SIZE, /* uint64_t bytes: 64K, 16M */
	PR_OPT_SPAN, /* uint64_t ns: 3s, 100ms, 1.5m */
	PR_OPT_LIST, /* struct pr_strlist: may be given again and again */
	PR_OPT_OPTSTR /* const char *; the value may be left out (then "") and must be given as --name=VALUE */
};

struct pr_strlist {
	const char **v; /* the array is owned, the strings are borrowed from argv */
	size_t n;
};
void pr_strlist_release(struct pr_strlist *l);

struct pr_option {
	char short_name; /* 0: none */
	const char *name;
	enum pr_opt_type type;
	void *value; /* what the type says; for PR_OPT_FLAG bool *, ... */
	const char *arg; /* name of the value in the help, e.g. "PID", or all words that it may be: "auto|never"; NULL for flags */
	const char *help;
	bool *seen; /* set when the option was given; may be NULL */
};

struct pr_usage {
	const char *command; /* e.g. "replay" */
	const char *synopsis; /* e.g. "TRACE [--ancestry PID]" */
	const char *about; /* one or two sentences */
	const struct pr_option *options; /* ends with name NULL */
	size_t min_args, max_args; /* positional arguments */
	bool stop_at_first; /* options end at the first positional argument (record -- CMD) */
};

/*
 * Parses argv[1..argc). Positional arguments are moved to the front: argv[0..*out_n). --help prints the help to stdout, and
 * --completion-helper one option a line (--name, with = where it takes a value; what it is for; the value's name, in which | parts the
 * words that there are; the short name; parted by tabs), and both return PR_END: the caller exits with 0. PR_EUSAGE with a sentence in ei.
 */
int pr_opts_parse(const struct pr_usage *u, int argc, char **argv, int *out_n, struct pr_errinfo *ei);

void pr_opts_help(const struct pr_usage *u, FILE *out);

/*
 * The candidate (NULL-terminated list) that is nearest to `word` by edit distance (two neighbours that changed places are one edit),
 * if it is near enough to be meant: one edit in short words, one more for each four letters; else NULL.
 */
const char *pr_nearest(const char *word, const char *const *candidates);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h: what a subcommand is. Each lives in its own cmd_<name>.c of replay/ or recorder/ and exports one function;
 * cli/main.c holds the table. A command parses its options (base/opts.h), wires the stages, prints, and returns the
 * exit status of the program. It is the only kind of code that prints.
 */
#ifndef PROCREC_BASE_COMMAND_H
#define PROCREC_BASE_COMMAND_H

#include "base/err.h"
#include "base/opts.h"
#include "base/term.h"

/* argv[0] is the command's name. Returns an exit status. */
typedef int pr_command_fn(struct pr_term *term, int argc, char **argv);

/* Where a command stands in `procrec help`. */
enum pr_command_group { PR_GROUP_RECORD, PR_GROUP_LOOK, PR_GROUP_TRUST, PR_GROUP_PASS_ON, PR_GROUP_DEVELOP, PR_COMMAND_GROUPS };

struct pr_command {
	const char *name;
	pr_command_fn *run;
	const char *summary; /* one line of `procrec help` */
	enum pr_command_group group;
	enum {
		PR_COMMAND_UNCONFINED = 1, /* starts programs or talks to the kernel: all others run in the sandbox (base/sandbox.h, base/landlock.h) */
		PR_COMMAND_PAGES = 2, /* its answer may be long: on a terminal it may go through the pager (base/pager.h) */
		PR_COMMAND_WRITES = 4 /* writes files: all others may not */
	} flags;
};

/* Prints "procrec: " and the message to stderr, and returns the exit status that belongs to `code`. */
int pr_report(int code, const struct pr_errinfo *ei);

/* "procrec: " + text + newline on stderr: notes and warnings. */
void pr_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* redaction.h: the options --redact, --redact-rules and --redact-key of commands that pass arguments on. */
#ifndef PROCREC_REPLAY_REDACTION_H
#define PROCREC_REPLAY_REDACTION_H

#include "base/opts.h"
#include "redact/redact.h"
#include "replay/cache/replayer.h"

struct pr_redaction { /* all 0 at first */
	const char *with; /* --redact's value: "" where it has none */
	struct pr_redact_choice choice;
	struct pr_redact *redact; /* owned; NULL: nothing is taken out */
};

/* Entries of a struct pr_option table. r: struct pr_redaction *; each: "trace", ...: what else has the same marks with the same key. */
#define PR_REDACTION_OPTIONS(r, each) \
	{0, "redact", PR_OPT_OPTSTR, &(r)->with, "RULES", "replace secrets in arguments by marks; by the rules of a file, too", NULL}, \
	{0, "redact-rules", PR_OPT_STR, &(r)->choice.rules_file, "RULES", "the same as --redact=RULES", NULL}, \
	{0, "redact-key", PR_OPT_STR, &(r)->choice.key_file, "FILE", "with a key of its own: the same secret has the same mark in each " each, NULL}

/* Once the options are parsed: whether it is asked for. */
bool pr_redaction_asked(struct pr_redaction *r);

/* Where it is asked for, reads rules and key. PR_EUSAGE: a key without it; else as pr_redact_open. */
int pr_redaction_open(struct pr_redaction *r, const char *command, struct pr_errinfo *ei);
void pr_redaction_release(struct pr_redaction *r);

/* All arguments that the replayer gives from now on are without their secrets. The redaction outlives it. */
void pr_redaction_attach(const struct pr_redaction *r, struct pr_replayer *to);

/* Notes how many were replaced. */
void pr_redaction_note(const struct pr_redaction *r, const char *path);

#endif

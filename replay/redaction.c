/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/redaction.h"

#include "base/command.h"

bool pr_redaction_asked(struct pr_redaction *r)
{
	if (r->with && *r->with)
		r->choice.rules_file = r->with;
	return r->with || r->choice.rules_file;
}

int pr_redaction_open(struct pr_redaction *r, const char *command, struct pr_errinfo *ei)
{
	if (pr_redaction_asked(r))
		return pr_redact_open(&r->redact, &r->choice, NULL, ei);
	if (r->choice.key_file)
		return pr_fail(ei, PR_EUSAGE, "%s: --redact-key is for --redact", command);
	return PR_OK;
}

void pr_redaction_release(struct pr_redaction *r)
{
	pr_redact_free(r->redact);
	r->redact = NULL;
}

static int put_args(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	return pr_redact_args(ctx, program, args, out);
}

void pr_redaction_attach(const struct pr_redaction *r, struct pr_replayer *to)
{
	if (!r->redact)
		return;
	to->args = put_args;
	to->args_ctx = r->redact;
}

void pr_redaction_note(const struct pr_redaction *r, const char *path)
{
	if (r->redact)
		pr_note("%s: secrets replaced: %llu", path, (unsigned long long)pr_redact_count(r->redact));
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/progress.h"
#include "base/text.h"

/* Messages quote file names and arguments: nothing of them may reach a terminal raw. */
static void say(const char *text)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_line_hide();
	pr_text_escape_lossy(&b, text, strlen(text));
	fprintf(stderr, "procrec: %.*s\n", (int)b.len, b.data ? (const char *)b.data : "");
	pr_buf_release(&b);
}

int pr_report(int code, const struct pr_errinfo *ei)
{
	if (code < 0)
		say(ei->msg);
	return pr_exit_status(code);
}

void pr_note(const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(text);
}

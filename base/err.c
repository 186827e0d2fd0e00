/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int set(struct pr_errinfo *ei, enum pr_err code, int sys_errno, const char *fmt, va_list ap)
{
	if (!ei)
		return code;
	ei->code = code;
	ei->sys_errno = sys_errno;
	vsnprintf(ei->msg, sizeof(ei->msg), fmt, ap);
	return code;
}

int pr_fail(struct pr_errinfo *ei, enum pr_err code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	set(ei, code, code == PR_EIO || code == PR_EPERM ? saved : 0, fmt, ap);
	va_end(ap);
	return code;
}

int pr_fail_errno(struct pr_errinfo *ei, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	set(ei, PR_EIO, saved, fmt, ap);
	va_end(ap);
	if (ei) {
		n = strlen(ei->msg);
		snprintf(ei->msg + n, sizeof(ei->msg) - n, ": %s", strerror(saved));
	}
	return PR_EIO;
}

int pr_context(struct pr_errinfo *ei, int code, const char *fmt, ...)
{
	char old[sizeof(ei->msg)];
	size_t n;
	va_list ap;

	if (!ei)
		return code;
	memcpy(old, ei->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(ei->msg, sizeof(ei->msg), fmt, ap);
	va_end(ap);
	n = strlen(ei->msg);
	snprintf(ei->msg + n, sizeof(ei->msg) - n, ": %s", old);
	return code;
}

int pr_exit_status(int code)
{
	static const struct {
		int code, status;
	} table[] = {
		{PR_OK, PR_EXIT_OK},
		{PR_END, PR_EXIT_OK},
		{PR_ENOENT, PR_EXIT_NO},
		{PR_EDATA, PR_EXIT_NO},
		{PR_EUSAGE, PR_EXIT_USAGE},
		{PR_EFORMAT, PR_EXIT_FORMAT},
		{PR_ECHECKSUM, PR_EXIT_FORMAT},
		{PR_ETRUNC, PR_EXIT_FORMAT},
		{PR_EVERSION, PR_EXIT_FORMAT},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].status;
	return PR_EXIT_SYSTEM;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * err.h: how functions below the commands report failure.
 *
 * They return 0, or PR_END (1) at the end of a sequence, or a negative enum pr_err; they never print or exit. The one
 * that detects a failure describes it in the caller's struct pr_errinfo (what, where, what to do); callers above may put
 * their own context in front with pr_context(). A NULL errinfo is allowed everywhere.
 */
#ifndef PROCREC_BASE_ERR_H
#define PROCREC_BASE_ERR_H

enum pr_err {
	PR_OK = 0,
	PR_END = 1, /* end of a sequence; not an error */
	PR_EIO = -1, /* the system refused a read or write */
	PR_EFORMAT = -2, /* not what it claims to be */
	PR_ECHECKSUM = -3, /* bytes were changed */
	PR_ETRUNC = -4, /* bytes are missing at the end */
	PR_EVERSION = -5, /* needs a newer reader */
	PR_ENOMEM = -6,
	PR_ELIMIT = -7, /* a named limit was passed */
	PR_ENOENT = -8, /* not there; the answer is "no" */
	PR_EUSAGE = -9, /* the caller's words are off */
	PR_EPERM = -10, /* not allowed, or the system lacks something */
	PR_EBUSY = -11, /* somebody else holds it */
	PR_EDATA = -12 /* done as far as possible, but data is damaged or missing */
};

/* Exit statuses of the program (DESIGN section 6). */
enum pr_exit { PR_EXIT_OK = 0, PR_EXIT_NO = 1, PR_EXIT_USAGE = 2, PR_EXIT_FORMAT = 3, PR_EXIT_SYSTEM = 4 };

struct pr_errinfo {
	enum pr_err code;
	int sys_errno; /* errno at the failure, 0 if it has none */
	char msg[1024];
};

/*
 * Describes a failure in *ei (cut to its size) and returns `code`. errno is kept in ei->sys_errno for PR_EIO and
 * PR_EPERM. Typical use: return pr_fail(ei, PR_EFORMAT, "%s: ...", path).
 */
int pr_fail(struct pr_errinfo *ei, enum pr_err code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As pr_fail with PR_EIO, and appends ": " and the text of the current errno. */
int pr_fail_errno(struct pr_errinfo *ei, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the message in *ei; returns `code` unchanged. */
int pr_context(struct pr_errinfo *ei, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The exit status that a failure (or success) leads to. PR_END counts as success. */
int pr_exit_status(int code);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printer.h: `record --print`: a process of its own that follows the trace and prints what comes (replay --follow=stdin). A terminal or reader
 * that is slow, or stopped, costs it time and the recorder nothing.
 */
#ifndef PROCREC_RECORDER_PRINTER_H
#define PROCREC_RECORDER_PRINTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct pr_printer {
	pid_t pid; /* 0: none */
	int go_fd; /* -1: it was let go, or never will be */
	int end_fd; /* its standard input: it prints what is left when that is closed, and ends */
};

struct pr_printer_options {
	const char *path; /* of the trace */
	int fd; /* path is of pr_memory_create(), with this descriptor; else -1 */
	bool json;
	const char *color; /* as for --color; NULL: not given */
};

/*
 * Forks it, held back. To be called first of all, while there is one thread and nothing is open. It can read files and nothing
 * else, and leaves the signals of the terminal to the recorder.
 */
int pr_printer_hold(struct pr_printer *p, const struct pr_printer_options *o, struct pr_errinfo *ei);

/* The trace is there. */
void pr_printer_release(struct pr_printer *p);

/* False: it has ended. */
bool pr_printer_lives(struct pr_printer *p);

/*
 * Nothing more comes: waits until all is printed. False: nobody has taken anything for a while; then it goes on by itself. A signal to the
 * recorder ends it.
 */
bool pr_printer_finish(struct pr_printer *p);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h: a trace that is nowhere but in memory, for who follows it (`record --print --no-trace`): a file without a name, gone with the
 * last process that has it open. Its beginning and what is newest are kept; what lies between is given back to the system.
 */
#ifndef PROCREC_RECORDER_MEMORY_H
#define PROCREC_RECORDER_MEMORY_H

#include <stdint.h>

#include "base/err.h"

#define PR_MEMORY_HEAD (4u << 20) /* bytes of its beginning: header and keyframe */
#define PR_MEMORY_NEWEST (64u << 20) /* and of its end: so far, compressed, a reader may be behind */

/*
 * *out_fd: the caller's, closed on exec. path: room for the name under which this process can open it, and what it execs with that
 * descriptor open.
 */
int pr_memory_create(int *out_fd, char path[32], struct pr_errinfo *ei);

/* An open file of its own for the same trace: *out_fd is the caller's. */
int pr_memory_open(const char *path, int *out_fd, struct pr_errinfo *ei);

/* The file has `size` bytes by now: gives back what is too old. *io_from: up to where that was done, 0 at first. */
void pr_memory_forget(int fd, uint64_t size, uint64_t *io_from);

#endif

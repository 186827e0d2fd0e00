/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procfs.h: what only /proc tells of a living process: its command line, executable and working directory.
 *
 * Everything is read below a folder that the caller opened, so that tests can hand in a made-up tree. A process may end
 * or exec at any moment: each part is either there or marked as missing, and that is no error.
 */
#ifndef PROCREC_RECORDER_PROCFS_H
#define PROCREC_RECORDER_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PR_PROCFS_ARGS_MAX (2u << 20) /* the kernel's limit on arguments; a rewritten command line may claim more */

/* Opens the folder; *out_fd is the caller's. */
int pr_procfs_open(const char *path, int *out_fd, struct pr_errinfo *ei);

struct pr_proc_stat {
	char comm[65]; /* any bytes but NUL; kernel threads have longer names here than in the kernel's own field */
	char state; /* R, S, Z, ... */
	uint32_t ppid, pgid, sid;
	uint64_t start_ticks; /* since boot, in clock ticks */
	uint64_t arg_start; /* address of the arguments: changes with the image; 0: not shown to us */
};

/* The text of /proc/PID/stat. The name in it may hold spaces, parentheses and newlines. False: malformed. */
bool pr_procfs_parse_stat(const char *text, size_t n, struct pr_proc_stat *out);

/* False: the process is gone, or the text malformed. */
bool pr_procfs_stat(int proc_fd, uint32_t pid, struct pr_proc_stat *out);

struct pr_proc_image {
	struct pr_buf cmdline; /* as the process has it: argv[0] NUL argv[1] NUL ...; empty for kernel threads and zombies */
	struct pr_buf exe; /* path, without the " (deleted)" of a file that is gone */
	struct pr_buf cwd; /* likewise */
	uint64_t exe_ino; /* 0: unknown */
	bool has_cmdline, has_exe, has_cwd; /* could be read */
	bool args_cut; /* longer than PR_PROCFS_ARGS_MAX */
};

void pr_proc_image_init(struct pr_proc_image *img);
void pr_proc_image_release(struct pr_proc_image *img);

/* Reads the three; what cannot be read is marked. The buffers are reused from call to call. */
void pr_procfs_image(int proc_fd, uint32_t pid, struct pr_proc_image *img);

struct pr_args_view { /* borrowed from the command line */
	const uint8_t *argv0;
	size_t argv0_len;
	const uint8_t *rest; /* argv[1..], NUL-separated, without the NUL that ends the last one */
	size_t rest_len;
	uint32_t argc; /* 0: no command line */
	size_t rest_bytes; /* size of argv[1..] with all its NULs */
};

/* Takes a command line apart. One that a process rewrote without a final NUL is taken as it stands. */
void pr_procfs_split(const uint8_t *cmdline, size_t n, struct pr_args_view *out);

#endif

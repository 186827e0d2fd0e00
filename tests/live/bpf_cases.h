/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_cases.h: the frame of bpf_cases: what the kernel side emits, against what this program itself did.
 *
 * A case forks an actor, lets it act, and looks at the frames that came. bpf_frames.c gathers and takes apart,
 * bpf_exec.c, bpf_image.c, bpf_fork.c and bpf_orphans.c hold the cases, bpf_cases.c runs them. It links the capture alone, so that it
 * runs in a bare guest kernel too.
 */
#ifndef PROCREC_TESTS_BPF_CASES_H
#define PROCREC_TESTS_BPF_CASES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "recorder/capture.h"

struct bytes {
	uint8_t *p;
	size_t n;
};

struct frame {
	uint8_t op;
	struct bytes b; /* the whole frame */
};

struct frames {
	struct frame *v;
	size_t n, room;
	uint64_t gaps;
};

/* An exec, taken apart: as schema/frame.h says, data frames put together. */
struct exec_seen {
	struct pr_msg_execve m;
	struct pr_exec_info info;
	struct bytes filename, args, cwd;                  /* as in the frame; cwd "/" under ROOT_CWD */
	struct bytes argv0, interp, exe, long_cwd, cgroup; /* items; p NULL: absent */
};

extern char scratch[]; /* a folder of this run alone, on /tmp, where others may go */
extern char self_path[4096]; /* this program; exits at once with status $BPF_CASES_EXIT when that is set */
extern struct pr_capture *the_capture;
extern bool old_argc0; /* before 5.18 argc 0 stays 0 */

void frames_take(struct frames *f); /* appends what is in the ring now */
void frames_clear(struct frames *f);
/* The n-th (from 0) frame of this op whose subject is pid; NULL. */
const struct frame *frames_find(const struct frames *f, uint8_t op, uint32_t pid, size_t n);
size_t frames_count(const struct frames *f, uint8_t op, uint32_t pid);
bool exec_find(const struct frames *f, uint32_t pid, size_t n, struct exec_seen *out);

/* Forks, runs act(arg) in the child (its return is the exit status), waits, takes the frames. Returns the child's pid.
 */
pid_t run_actor(struct frames *f, int (*act)(void *arg), void *arg, int *out_status);

void check_that(bool ok, const char *what, const char *file, int line);
#define CHECK(cond) check_that(cond, #cond, __FILE__, __LINE__)

struct bpf_case {
	const char *name;
	void (*run)(void);
};
extern const struct bpf_case exec_cases[], image_cases[], fork_cases[], orphan_cases[];

/* Of bpf_exec.c, for the others too. */
struct plan {
	const char *path;
	char **argv;
	const char *cwd;
};
extern char *const quick[]; /* environment with which this program exits at once, status 0 */
int act_exec(void *plan);   /* an actor: goes to cwd, execs; returns errno */
bool is(struct bytes b, const char *s);
const char *put_file(const char *name, const char *text, mode_t mode); /* scratch/NAME; valid for 8 calls */

#endif

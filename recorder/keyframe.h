/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyframe.h: what a trace begins with, so that it needs nothing from outside: the host, the recording, the clocks, and each living process
 * as an execve frame with the PROCFS flag.
 *
 * The kernel's scan gives what only it knows exactly; /proc adds the strings. Between the two a process may exec or end:
 * strings that may belong to another image are left out and marked ERROR_*, never mixed with what the scan said.
 */
#ifndef PROCREC_RECORDER_KEYFRAME_H
#define PROCREC_RECORDER_KEYFRAME_H

#include "base/err.h"
#include "base/map.h"
#include "recorder/capture.h"
#include "recorder/frames.h"
#include "recorder/procfs.h"
#include "recorder/users.h"
#include "redact/redact.h"

struct pr_keyframe_about { /* of the recording; strings borrowed */
	char *const *argv; /* the recorder's own command line, NULL-terminated */
	const char *options; /* as text */
	const struct pr_redact_label *redacted; /* NULL: nothing is taken out */
	uint32_t root_pid; /* CMD; 0: none */
	bool only_tree;
};

struct pr_keyframe_job {
	struct pr_capture *cap;
	struct pr_frames *frames; /* its buffer is emptied through `put` */
	struct pr_users *users;
	int proc_fd;
	struct pr_keyframe_about about;
	/* Takes the collected frames away (whole envelopes, for the trace). */
	int (*put)(void *arg, const void *p, size_t n, struct pr_errinfo *ei);
	void *arg;
	uint32_t processes; /* out: how many were written */
};

int pr_keyframe_write(struct pr_keyframe_job *job, enum pr_snapshot_mode mode, struct pr_errinfo *ei);

/* The RECORDER frame: at the start with `about`; at the end with the reason alone. */
void pr_keyframe_recorder(struct pr_frames *f, uint64_t ktime, const struct pr_keyframe_about *about, const char *end_reason);

#endif

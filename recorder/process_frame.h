/* SPDX-License-Identifier: BSD-2-Clause */
/* process_frame.h: a process of the snapshot as frames: [data frames] EXEC_INFO, EXECVE with the PROCFS flag. */
#ifndef PROCREC_RECORDER_PROCESS_FRAME_H
#define PROCREC_RECORDER_PROCESS_FRAME_H

#include "bpf/snapshot.h"
#include "recorder/frames.h"
#include "recorder/procfs.h"

/* The uid that the frame states: the effective one; 0 for kernel threads, as the reference has it. */
uint32_t pr_process_frame_uid(const struct pr_snap *snap);

/*
 * Appends the frames to f. `cgroup` has snap->cgroup_len bytes. `img`: the strings from /proc; NULL, or a part of it missing:
 * the matching ERROR flags are set. Ignored for kernel threads, whose name is their binary.
 */
void pr_process_frame(struct pr_frames *f, uint64_t now, const struct pr_snap *snap, const char *cgroup,
	const struct pr_proc_image *img);

#endif

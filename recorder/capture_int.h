/* SPDX-License-Identifier: BSD-2-Clause */
/* capture_int.h: what the files of the capture share among themselves; nobody else includes it. */
#ifndef PROCREC_RECORDER_CAPTURE_INT_H
#define PROCREC_RECORDER_CAPTURE_INT_H

#include <bpf/libbpf.h>

#include "bpf/maps.h"
#include "bpf/procrec.skel.h"
#include "recorder/capture.h"
#include "recorder/capture_ring.h"
#include "recorder/probe.h"

/* In the order of attaching: a second instance runs after the first one only if it is attached after it. */
enum {
	PR_CAPTURE_EXIT,
	PR_CAPTURE_EXIT2,
	PR_CAPTURE_EXEC,
	PR_CAPTURE_EXEC2,
	PR_CAPTURE_CLONE,
	PR_CAPTURE_CLONE2,
	PR_CAPTURE_FAIL,
	PR_CAPTURE_PROGRAMS
};

struct pr_capture {
	struct procrec_bpf *skel;
	struct bpf_program *prog[PR_CAPTURE_PROGRAMS]; /* NULL: not used, or (after a resume) not loaded by us */
	struct bpf_link *link[PR_CAPTURE_PROGRAMS];
	int prog_fd[PR_CAPTURE_PROGRAMS]; /* after a resume: the running programs; else 0 */
	struct pr_ring ring;
	uint64_t ring_bytes;
	uint32_t cpus;
	bool btf;
	bool second;     /* the programs are there twice: see bpf/emit.bpf.h */
	bool group_dead; /* the exit tracepoint says which thread is the last */
	char *pin_dir;
	struct pr_bpf_counts *counts;                         /* of one instance: one per possible CPU */
	struct pr_capture_stream (*streams)[PR_STREAM_COUNT]; /* 2 x CPUs */
};

struct pr_capture *pr_capture_alloc(struct pr_errinfo *ei);
int pr_capture_start(struct pr_capture *cap, struct pr_errinfo *ei);

/* capture_pin.c */
int pr_pin_prepare(const char *dir, struct pr_errinfo *ei);
int pr_pin_save(struct pr_capture *cap, struct pr_errinfo *ei);
void pr_pin_remove_links(const char *dir);

#endif

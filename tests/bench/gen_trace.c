/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_trace.c: writes a large trace of a made-up machine: gen_trace FILE PROCESSES [PID_MAX [build|servers|forks]]
 *
 * Blocks are rearranged, as the recorder's are. Prints how many frames the trace has and how many events (execve, clone, exit).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/segment.h"
#include "tests/bench/scene.h"

static void die(const struct pr_errinfo *ei)
{
	fprintf(stderr, "gen_trace: %s\n", ei->msg);
	exit(1);
}

static void on_record(void *arg, const void *bytes, size_t n, uint32_t frames)
{
	struct pr_errinfo ei;

	(void)frames;
	if (pr_seg_writer_append(arg, bytes, n, &ei))
		die(&ei);
}

int main(int argc, char **argv)
{
	struct pr_seg_options opt = {.header.kind = PR_SEG_PACKED, .rearrange = true};
	struct pr_seg_progress p;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	struct scene s;
	enum scene_kind kind = SCENE_BUILD;
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int fd;

	if (!n || (argc > 4 && !scene_kind_parse(argv[4], &kind))) {
		fprintf(stderr, "usage: gen_trace FILE PROCESSES [PID_MAX [build|servers|forks]]\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	memcpy(opt.header.uuid, "generated trace!", PR_SEG_UUID);
	if (fd < 0 || pr_seg_writer_new(&w, fd, &opt, &ei)) {
		perror(argv[1]);
		return 1;
	}
	scene_init(&s, kind, argc > 3 ? (uint32_t)atoi(argv[3]) : 4194303, on_record, w);
	for (uint64_t i = 0; i < n; i++)
		scene_step(&s);
	if (pr_seg_writer_seal(w, &ei))
		die(&ei);
	pr_seg_writer_progress(w, &p);
	printf("%llu %llu\n", (unsigned long long)p.frames,
		(unsigned long long)(s.f.seq[PR_STREAM_EXEC] / 2 + s.f.seq[PR_STREAM_CLONE] / 2 + s.f.seq[PR_STREAM_EXIT]));
	pr_seg_writer_free(w);
	scene_release(&s);
	return close(fd) != 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* nobpf.c: stands in for the recorder in a build without BPF (`make BPF=0`): says so instead of being absent. */
#include "recorder/commands.h"

static int without(const char *command)
{
	struct pr_errinfo ei;

	return pr_report(pr_fail(&ei, PR_EPERM,
				 "%s: this procrec was built without the recorder (make BPF=0); build it with clang, "
				 "libbpf-dev and bpftool installed",
				 command),
		&ei);
}

int pr_cmd_record(struct pr_term *term, int argc, char **argv)
{
	(void)term;
	(void)argc;
	return without(argv[0]);
}

int pr_cmd_doctor(struct pr_term *term, int argc, char **argv)
{
	(void)term;
	(void)argc;
	return without(argv[0]);
}

int pr_cmd_stop(struct pr_term *term, int argc, char **argv)
{
	(void)term;
	(void)argc;
	return without(argv[0]);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: the program. One table of commands; `help`, `--version` and typing errors. Everything else is in the commands.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/sandbox.h"
#include "recorder/commands.h"
#include "replay/commands.h"

#define COMMANDS_MAX 64

static const struct pr_command commands[] = {
	PR_RECORDER_COMMANDS
	PR_REPLAY_COMMANDS
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))
_Static_assert(N_COMMANDS < COMMANDS_MAX, "COMMANDS_MAX");

static const struct pr_command *find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void help(FILE *out)
{
	fprintf(out, "procrec: a flight recorder for Linux processes\n\n"
		     "usage: procrec COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		     "to begin:\n"
		     "  sudo procrec record -o trace.seg -- make    record while a command runs\n"
		     "  procrec replay trace.seg                    what happened, in order\n"
		     "  procrec replay trace.seg --ancestry PID     who started it\n\n"
		     "commands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'procrec COMMAND --help' tells more; so does 'man procrec'.\n");
}

static int unknown(const char *word)
{
	const char *names[COMMANDS_MAX + 1], *near;
	struct pr_errinfo ei;

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	names[N_COMMANDS] = NULL;
	near = pr_nearest(word, names);
	pr_fail(&ei, PR_EUSAGE, near ? "'%s' is not a command; did you mean '%s'?" : "'%s' is not a command; see 'procrec help'",
		word, near);
	return pr_report(PR_EUSAGE, &ei);
}

static int run(const struct pr_command *c, int argc, char **argv)
{
	int status;

	if (!c->unconfined)
		pr_sandbox_enter();
	status = c->run(argc, argv);
	/* Results go to stdout: one that did not arrive whole is a failure. */
	if (fflush(stdout) && status == PR_EXIT_OK) {
		pr_note("cannot write the output: %m");
		return PR_EXIT_SYSTEM;
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct pr_command *c;

	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, not the end of the recorder */
	if (argc < 2) {
		help(stderr);
		return PR_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		if (argc < 3) {
			help(stdout);
			return PR_EXIT_OK;
		}
		c = find(argv[2]);
		return c ? run(c, 2, (char *[]){argv[2], (char *)"--help", NULL}) : unknown(argv[2]);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
		printf("procrec %s%s\n", PR_VERSION, PR_WITH_BPF ? "" : " (without the recorder)");
		return PR_EXIT_OK;
	}
	if (!strcmp(argv[1], "--commands")) { /* for completion */
		for (size_t i = 0; i < N_COMMANDS; i++)
			puts(commands[i].name);
		return PR_EXIT_OK;
	}
	c = find(argv[1]);
	return c ? run(c, argc - 1, argv + 1) : unknown(argv[1]);
}

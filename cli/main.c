/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: the program. One table of commands; `help`, `--version` and typing errors. Everything else is in the commands.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/file.h"
#include "base/landlock.h"
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

static const char *const group_titles[PR_COMMAND_GROUPS] = {
	[PR_GROUP_RECORD] = "record",
	[PR_GROUP_LOOK] = "look at a trace",
	[PR_GROUP_TRUST] = "trust it, mend it",
	[PR_GROUP_PASS_ON] = "pass it on",
	[PR_GROUP_DEVELOP] = "frames and decoders",
};

static void help(FILE *out)
{
	fprintf(out, "procrec: a flight recorder for Linux processes\n\n"
		     "usage: procrec COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		     "to begin:\n"
		     "  sudo procrec record -o trace.seg -- make    record while a command runs\n"
		     "  procrec replay trace.seg                    what happened, in order\n"
		     "  procrec replay trace.seg --tree             who started what\n"
		     "  procrec replay trace.seg --why PID          the story of one process\n");
	for (int g = 0; g < PR_COMMAND_GROUPS; g++) {
		bool any = false;

		for (size_t i = 0; i < N_COMMANDS; i++) {
			if ((int)commands[i].group != g)
				continue;
			if (!any)
				fprintf(out, "\n%s:\n", group_titles[g]);
			any = true;
			fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
		}
	}
	fprintf(out, "\n'procrec help COMMAND' has the options of each; 'man procrec-COMMAND' tells all.\n");
}

/* Said for what stands where a command should. */
static int unknown(const char *word)
{
	const char *names[COMMANDS_MAX + 2], *near;
	struct pr_errinfo ei;

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	names[N_COMMANDS] = "help";
	names[N_COMMANDS + 1] = NULL;
	near = pr_nearest(word, names);
	if (word[0] == '-')
		pr_fail(&ei, PR_EUSAGE, "'%s' is not a command; options stand behind one: procrec COMMAND %s; see 'procrec help'", word, word);
	else if (pr_replay_is_view(word))
		pr_fail(&ei, PR_EUSAGE, "'%s' is not a command but a view: procrec replay TRACE --%s", word, word);
	else if (near)
		pr_fail(&ei, PR_EUSAGE, "'%s' is not a command; did you mean '%s'?", word, near);
	else if (!access(word, F_OK))
		pr_fail(&ei, PR_EUSAGE, "'%s' is not a command; to look at a trace: procrec replay %s", word, word);
	else
		pr_fail(&ei, PR_EUSAGE, "'%s' is not a command; see 'procrec help'", word);
	return pr_report(PR_EUSAGE, &ei);
}

static int run(struct pr_term *term, const struct pr_command *c, int argc, char **argv)
{
	int status;

	if (c->flags & PR_COMMAND_PAGES && !term->out_dumb)
		pr_pager_prepare(&term->pager); /* before the sandbox, which lets nobody start programs */
	if (!(c->flags & PR_COMMAND_UNCONFINED)) {
		pr_file_allow_many(); /* the sandbox lets nobody change limits either */
		pr_landlock_enter(argv + 1, (size_t)argc - 1, c->flags & PR_COMMAND_WRITES);
		pr_sandbox_enter();
	}
	status = c->run(term, argc, argv);
	/* Results go to stdout: one that did not arrive whole is a failure. */
	if (fflush(stdout) && status == PR_EXIT_OK) {
		pr_note("cannot write the output: %m");
		status = PR_EXIT_SYSTEM;
	}
	if (!pr_term_finish(term)) {
		pr_note("the pager could not be started, so nothing was shown: set PROCREC_PAGER or PAGER, or give --no-pager");
		status = PR_EXIT_SYSTEM;
	}
	return status;
}

static int help_for(struct pr_term *term, const char *word)
{
	const struct pr_command *c = find(word);

	if (!strcmp(word, "help")) {
		help(stdout);
		return PR_EXIT_OK;
	}
	return c ? run(term, c, 2, (char *[]){(char *)word, (char *)"--help", NULL}) : unknown(word);
}

/* For completion: one command a line; with summaries behind a tab. */
static int list_commands(bool summaries)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("%s%s%s\n", commands[i].name, summaries ? "\t" : "", summaries ? commands[i].summary : "");
	if (summaries)
		printf("help\thow a command is used\n");
	return PR_EXIT_OK;
}

static int dispatch(struct pr_term *term, int argc, char **argv)
{
	const struct pr_command *c;

	if (argc < 2) {
		help(stderr);
		return PR_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help_for(term, argc < 3 ? "help" : argv[2]);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
		printf("procrec %s%s\n", PR_VERSION, PR_WITH_BPF ? "" : " (without the recorder)");
		return PR_EXIT_OK;
	}
	if (!strcmp(argv[1], "--commands") || !strcmp(argv[1], "--completion-helper"))
		return list_commands(!strcmp(argv[1], "--completion-helper"));
	c = find(argv[1]);
	return c ? run(term, c, argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	struct pr_term term;
	int status;

	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, not the end of the recorder */
	pr_term_init(&term);
	status = dispatch(&term, argc, argv);
	pr_term_release(&term);
	return status;
}

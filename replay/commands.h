/* SPDX-License-Identifier: BSD-2-Clause */
/* commands.h: the commands of the offline half, for the table of cli/main.c. */
#ifndef PROCREC_REPLAY_COMMANDS_H
#define PROCREC_REPLAY_COMMANDS_H

#include "base/command.h"

pr_command_fn pr_cmd_keygen, pr_cmd_repair;
pr_command_fn pr_cmd_pack, pr_cmd_unpack, pr_cmd_info, pr_cmd_verify, pr_cmd_asm, pr_cmd_disasm, pr_cmd_golden;
pr_command_fn pr_cmd_replay, pr_cmd_stats, pr_cmd_audit, pr_cmd_reindex, pr_cmd_sql;
pr_command_fn pr_cmd_export, pr_cmd_report, pr_cmd_diff, pr_cmd_extract, pr_cmd_dump;

/* Is it the name of a view of `replay`? For who types it as a command. */
bool pr_replay_is_view(const char *word);

/* clang-format off */
#define PR_REPLAY_COMMANDS \
	{"replay", pr_cmd_replay, "show what was recorded: events, ancestry, the cache, ...", PR_GROUP_LOOK, PR_COMMAND_PAGES}, \
	{"stats", pr_cmd_stats, "what is in this trace, in numbers", PR_GROUP_LOOK, PR_COMMAND_PAGES}, \
	{"info", pr_cmd_info, "what this trace is", PR_GROUP_LOOK, PR_COMMAND_PAGES}, \
	{"sql", pr_cmd_sql, "ask a trace in SQL", PR_GROUP_LOOK, PR_COMMAND_PAGES}, \
	{"report", pr_cmd_report, "one HTML page to look at: timeline, tree, search, details", PR_GROUP_LOOK, PR_COMMAND_WRITES}, \
	{"diff", pr_cmd_diff, "what differs between the processes of two traces", PR_GROUP_LOOK, PR_COMMAND_PAGES}, \
	{"verify", pr_cmd_verify, "prove that a trace is as it was written, or say where not", PR_GROUP_TRUST, 0}, \
	{"keygen", pr_cmd_keygen, "make a pair of keys to sign recordings with", PR_GROUP_TRUST, PR_COMMAND_WRITES}, \
	{"repair", pr_cmd_repair, "copy what is good of a damaged trace to a new one", PR_GROUP_TRUST, PR_COMMAND_WRITES}, \
	{"reindex", pr_cmd_reindex, "make the index of a trace anew", PR_GROUP_TRUST, PR_COMMAND_WRITES}, \
	{"export", pr_cmd_export, "the processes of a trace for other tools: Perfetto, flame graphs, CSV, ECS, ...", PR_GROUP_PASS_ON, PR_COMMAND_WRITES}, \
	{"extract", pr_cmd_extract, "a part of a trace as a new one, without secrets or names if you like", PR_GROUP_PASS_ON, PR_COMMAND_WRITES}, \
	{"dump", pr_cmd_dump, "the last minutes of a recording, or other ones, as a trace of their own", PR_GROUP_PASS_ON, PR_COMMAND_WRITES}, \
	{"pack", pr_cmd_pack, "make a trace of raw frames", PR_GROUP_DEVELOP, PR_COMMAND_WRITES}, \
	{"unpack", pr_cmd_unpack, "give the raw frames of a trace back", PR_GROUP_DEVELOP, PR_COMMAND_WRITES}, \
	{"asm", pr_cmd_asm, "make a trace of frames written as text", PR_GROUP_DEVELOP, PR_COMMAND_WRITES}, \
	{"disasm", pr_cmd_disasm, "print the frames of a trace as text", PR_GROUP_DEVELOP, \
		PR_COMMAND_PAGES | PR_COMMAND_WRITES}, \
	{"audit", pr_cmd_audit, "find leaks and early evictions of the cache, with the frames that caused them", PR_GROUP_DEVELOP, \
		PR_COMMAND_PAGES}, \
	{"golden", pr_cmd_golden, "golden tests for your own frames", PR_GROUP_DEVELOP, PR_COMMAND_UNCONFINED},
/* clang-format on */

#endif

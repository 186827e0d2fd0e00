/* SPDX-License-Identifier: BSD-2-Clause */
/* commands.h: the commands of the live half, for the table of cli/main.c. */
#ifndef PROCREC_RECORDER_COMMANDS_H
#define PROCREC_RECORDER_COMMANDS_H

#include "base/command.h"

pr_command_fn pr_cmd_record, pr_cmd_stop, pr_cmd_doctor;

#define PR_PIN_DIR_DEFAULT "/sys/fs/bpf/procrec" /* of record --resume */

/* clang-format off */
#define PR_RECORDER_COMMANDS \
	{"record", pr_cmd_record, "record every exec, clone and exit into a trace", PR_GROUP_RECORD, PR_COMMAND_UNCONFINED}, \
	{"stop", pr_cmd_stop, "end a recording that a killed recorder left behind", PR_GROUP_RECORD, PR_COMMAND_UNCONFINED}, \
	{"doctor", pr_cmd_doctor, "can this machine record? each requirement, and what to do", PR_GROUP_RECORD, PR_COMMAND_UNCONFINED},
/* clang-format on */

#endif

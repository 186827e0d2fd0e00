/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/asm/table.h"

#include <string.h>

#include "base/bytes.h"
#include "base/opts.h"
#include "schema/frame.h"

#define NEAR_MAX 160

/* ---- names ------------------------------------------------------------------------------------------------------ */

const struct pr_asm_name pr_asm_streams[] = {
	{"user", PR_STREAM_USER},
	{"exec", PR_STREAM_EXEC},
	{"clone", PR_STREAM_CLONE},
	{"exit", PR_STREAM_EXIT},
	{"data", PR_STREAM_DATA},
	{"fail", PR_STREAM_FAIL},
	{NULL, 0},
};

const struct pr_asm_name pr_asm_env_flags[] = {
	{"META", PR_ENV_META}, {"RAW", PR_ENV_RAW}, {"CONT", PR_ENV_CONT}, {NULL, 0}};

static const struct pr_asm_name exec_flags[] = {
	{"EXECVE", PR_EXEC_EXECVE},
	{"EXECVEAT", PR_EXEC_EXECVEAT},
	{"PROCFS", PR_EXEC_PROCFS},
	{"TRUNC_FILENAME", PR_EXEC_TRUNC_FILENAME},
	{"TRUNC_ARGS", PR_EXEC_TRUNC_ARGS},
	{"TASK_WALK", PR_EXEC_TASK_WALK},
	{"MISS", PR_EXEC_MISS},
	{"NEEDS_AUID", PR_EXEC_NEEDS_AUID},
	{"ERROR_FILENAME", PR_EXEC_ERROR_FILENAME},
	{"ERROR_ARGS", PR_EXEC_ERROR_ARGS},
	{"NEEDS_CWD", PR_EXEC_NEEDS_CWD},
	{"NO_CWD_SUPPORT", PR_EXEC_NO_CWD_SUPPORT},
	{"ROOT_CWD", PR_EXEC_ROOT_CWD},
	{"ERROR_CWD", PR_EXEC_ERROR_CWD},
	{"CLONE", PR_EXEC_CLONE},
	{"ERROR_SOCK", PR_EXEC_ERROR_SOCK},
	{"ERROR_CGROUP_NAME", PR_EXEC_ERROR_CGROUP_NAME},
	{"ERROR_CGROUP_KN", PR_EXEC_ERROR_CGROUP_KN},
	{"ERROR_CGROUP_SUBSYSCGRP", PR_EXEC_ERROR_CGROUP_SUBSYSCGRP},
	{"ERROR_CGROUP_SUBSYS", PR_EXEC_ERROR_CGROUP_SUBSYS},
	{"ERROR_CGROUPS", PR_EXEC_ERROR_CGROUPS},
	{"ERROR_CGROUP_ID", PR_EXEC_ERROR_CGROUP_ID},
	{"ERROR_PATH_COMPONENTS", PR_EXEC_ERROR_PATH_COMPONENTS},
	{"DATA_FILENAME", PR_EXEC_DATA_FILENAME},
	{"DATA_ARGS", PR_EXEC_DATA_ARGS},
	{NULL, 0},
};

static const struct pr_asm_name secure_flags[] = {
	{"SETUID", PR_SECURE_SETUID},
	{"SETGID", PR_SECURE_SETGID},
	{"FILECAPS", PR_SECURE_FILECAPS},
	{"SETUID_ROOT", PR_SECURE_SETUID_ROOT},
	{"SETGID_ROOT", PR_SECURE_SETGID_ROOT},
	{NULL, 0},
};

/* Values of the kernel's interface, which never change; the low byte is the exit signal and has no names here. */
static const struct pr_asm_name clone_flags[] = {
	{"VM", 0x100},
	{"FS", 0x200},
	{"FILES", 0x400},
	{"SIGHAND", 0x800},
	{"PIDFD", 0x1000},
	{"PTRACE", 0x2000},
	{"VFORK", 0x4000},
	{"PARENT", 0x8000},
	{"THREAD", 0x10000},
	{"NEWNS", 0x20000},
	{"SYSVSEM", 0x40000},
	{"SETTLS", 0x80000},
	{"PARENT_SETTID", 0x100000},
	{"CHILD_CLEARTID", 0x200000},
	{"DETACHED", 0x400000},
	{"UNTRACED", 0x800000},
	{"CHILD_SETTID", 0x1000000},
	{"NEWCGROUP", 0x2000000},
	{"NEWUTS", 0x4000000},
	{"NEWIPC", 0x8000000},
	{"NEWUSER", 0x10000000},
	{"NEWPID", 0x20000000},
	{"NEWNET", 0x40000000},
	{"IO", 0x80000000},
	{"CLEAR_SIGHAND", 0x100000000},
	{"INTO_CGROUP", 0x200000000},
	{NULL, 0},
};

static const struct pr_asm_name loss_reasons[] = {
	{"recursion", PR_LOSS_RECURSION},
	{"map_full", PR_LOSS_MAP_FULL},
	{"disk", PR_LOSS_DISK},
	{"queue", PR_LOSS_QUEUE},
	{"damage", PR_LOSS_DAMAGE},
	{"before", PR_LOSS_BEFORE},
	{"retention", PR_LOSS_RETENTION},
	{NULL, 0},
};

const struct pr_asm_name pr_asm_items[] = {
	{"argv0", PR_ITEM_ARGV0},
	{"interp", PR_ITEM_INTERP},
	{"exe", PR_ITEM_EXE},
	{"cwd", PR_ITEM_CWD},
	{"cgroup", PR_ITEM_CGROUP},
	{"tty_name", PR_ITEM_TTY},
	{"filename", PR_ITEM_FILENAME},
	{"args", PR_ITEM_ARGS},
	{"comm", PR_ITEM_COMM},
	{"hostname", PR_ITEM_HOSTNAME},
	{"boot_id", PR_ITEM_BOOT_ID},
	{"machine_id", PR_ITEM_MACHINE_ID},
	{"kernel", PR_ITEM_KERNEL},
	{"kernel_version", PR_ITEM_KERNEL_VERSION},
	{"arch", PR_ITEM_ARCH},
	{"os", PR_ITEM_OS},
	{"cpus", PR_ITEM_CPUS},
	{"pid_max", PR_ITEM_PID_MAX},
	{"boot_time", PR_ITEM_BOOT_TIME},
	{"version", PR_ITEM_VERSION},
	{"cmdline", PR_ITEM_CMDLINE},
	{"options", PR_ITEM_OPTIONS},
	{"end_reason", PR_ITEM_END_REASON},
	{"root_pid", PR_ITEM_ROOT_PID},
	{"scope", PR_ITEM_SCOPE},
	{"redact_rules", PR_ITEM_REDACT_RULES},
	{"redact_key", PR_ITEM_REDACT_KEY},
	{"segment", PR_ITEM_SEGMENT},
	{NULL, 0},
};

/* ---- fields ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define AT(type, member) __builtin_offsetof(struct type, member)
#define WIDTH(type, member) sizeof(((struct type *)0)->member)
#define FIELD(name, kind, type, member, line, dflt, def, names) \
	{name, kind, AT(type, member), 0, WIDTH(type, member), line, dflt, def, names}
#define DEC(name, type, member, line) FIELD(name, PR_AK_DEC, type, member, line, PR_AD_CONST, 0, NULL)
#define HEX(name, type, member, line) FIELD(name, PR_AK_HEX, type, member, line, PR_AD_CONST, 0, NULL)
#define LIKE(name, type, member, line, like) FIELD(name, PR_AK_DEC, type, member, line, PR_AD_LIKE, AT(type, like), NULL)
#define OPT(name, type, member, line) FIELD(name, PR_AK_OPT, type, member, line, PR_AD_CONST, PR_UNKNOWN_U32, NULL)
#define FLAGS(name, type, member, line, names) FIELD(name, PR_AK_FLAGS, type, member, line, PR_AD_CONST, 0, names)
#define ENUM(name, type, member, line, names) FIELD(name, PR_AK_ENUM, type, member, line, PR_AD_ALWAYS, 0, names)
#define SPLIT_KEY(name, type, pid, ktime, line, dflt) {name, PR_AK_KEY, AT(type, pid), AT(type, ktime), 4, line, dflt, 0, NULL}
#define KEY(name, type, member, line, dflt) SPLIT_KEY(name, type, member.pid, member.ktime, line, dflt)
#define PAD(name, type, member) HEX(name, type, member, 9)
#define TIME_LIKE(type, member) LIKE("time", type, common.ktime, 0, member)
#define TIME() {"time", PR_AK_DEC, AT(pr_msg_common, ktime), 0, 8, 0, PR_AD_ALWAYS, 0, NULL}
#define END {NULL, PR_AK_END, 0, 0, 0, 0, PR_AD_CONST, 0, NULL}
/* clang-format on */

const struct pr_asm_field pr_asm_common[] = {
	{"size", PR_AK_DEC, AT(pr_msg_common, size), 0, 4, 0, PR_AD_LENGTH, 0, NULL},
	HEX("common_flags", pr_msg_common, flags, 9),
	{"common_pad", PR_AK_HEX, AT(pr_msg_common, pad), 0, 2, 9, PR_AD_CONST, 0, NULL},
	END,
};

const struct pr_asm_field pr_asm_desc[] = {
	{"id", PR_AK_ID, AT(pr_data_desc, id), 0, 16, 0, PR_AD_ALWAYS, 0, NULL},
	FIELD("size", PR_AK_DEC, pr_data_desc, size, 0, PR_AD_ALWAYS, 0, NULL),
	DEC("leftover", pr_data_desc, leftover, 0),
	FIELD("error", PR_AK_SIGNED, pr_data_desc, error, 0, PR_AD_CONST, 0, NULL),
	HEX("pad", pr_data_desc, pad, 0),
	END,
};

/* A field that others are like stands before them. */
static const struct pr_asm_field execve_fields[] = {
	SPLIT_KEY("pid", pr_msg_execve, process.pid, process.ktime, 0, PR_AD_ALWAYS),
	LIKE("tid", pr_msg_execve, process.tid, 0, process.pid),
	TIME_LIKE(pr_msg_execve, process.ktime),
	KEY("parent", pr_msg_execve, parent, 0, PR_AD_ALWAYS),
	KEY("cleanup", pr_msg_execve, cleanup, 0, PR_AD_CONST),
	FLAGS("flags", pr_msg_execve, process.flags, 0, exec_flags),
	DEC("uid", pr_msg_execve, process.uid, 2),
	LIKE("creds_uid", pr_msg_execve, creds.uid, 2, process.uid),
	LIKE("suid", pr_msg_execve, creds.suid, 2, creds.uid),
	LIKE("euid", pr_msg_execve, creds.euid, 2, creds.uid),
	LIKE("fsuid", pr_msg_execve, creds.fsuid, 2, creds.euid),
	DEC("gid", pr_msg_execve, creds.gid, 2),
	LIKE("sgid", pr_msg_execve, creds.sgid, 2, creds.gid),
	LIKE("egid", pr_msg_execve, creds.egid, 2, creds.gid),
	LIKE("fsgid", pr_msg_execve, creds.fsgid, 2, creds.egid),
	OPT("auid", pr_msg_execve, process.auid, 2),
	{"caps", PR_AK_CAPS, AT(pr_msg_execve, creds.permitted), 0, 24, 2, PR_AD_CONST, 0, NULL},
	HEX("securebits", pr_msg_execve, creds.securebits, 2),
	FLAGS("secureexec", pr_msg_execve, process.secureexec, 2, secure_flags),
	FIELD("user_ns_level", PR_AK_SIGNED, pr_msg_execve, creds.user_ns_level, 3, PR_AD_CONST, 0, NULL),
	DEC("user_ns_uid", pr_msg_execve, creds.user_ns_uid, 3),
	DEC("user_ns_gid", pr_msg_execve, creds.user_ns_gid, 3),
	DEC("user_ns_inum", pr_msg_execve, creds.user_ns_inum, 3),
	DEC("nspid", pr_msg_execve, process.nspid, 3),
	DEC("ns_uts", pr_msg_execve, ns.uts, 4),
	DEC("ns_ipc", pr_msg_execve, ns.ipc, 4),
	DEC("ns_mnt", pr_msg_execve, ns.mnt, 4),
	DEC("ns_pid", pr_msg_execve, ns.pid, 4),
	LIKE("ns_pid_for_children", pr_msg_execve, ns.pid_for_children, 4, ns.pid),
	DEC("ns_net", pr_msg_execve, ns.net, 4),
	DEC("ns_time", pr_msg_execve, ns.time, 4),
	LIKE("ns_time_for_children", pr_msg_execve, ns.time_for_children, 4, ns.time),
	DEC("ns_cgroup", pr_msg_execve, ns.cgroup, 4),
	DEC("ns_user", pr_msg_execve, ns.user, 4),
	LIKE("net_ns", pr_msg_execve, kube.net_ns, 5, ns.net),
	DEC("cid", pr_msg_execve, kube.cid, 5),
	DEC("cgrpid", pr_msg_execve, kube.cgrpid, 5),
	{"docker_id", PR_AK_CHARS, AT(pr_msg_execve, kube.docker_id), 0, 128, 5, PR_AD_CONST, 0, NULL},
	DEC("ino", pr_msg_execve, process.i_ino, 5),
	DEC("nlink", pr_msg_execve, process.i_nlink, 5),
	HEX("parent_flags", pr_msg_execve, parent_flags, 5),
	{"process_size", PR_AK_DEC, AT(pr_msg_execve, process.size), 0, 4, 9, PR_AD_LENGTH, PR_EXECVE_FIXED, NULL},
	PAD("parent_pad", pr_msg_execve, parent.pad),
	PAD("cleanup_pad", pr_msg_execve, cleanup.pad),
	PAD("creds_pad", pr_msg_execve, creds.pad),
	PAD("process_pad", pr_msg_execve, process.pad),
	END,
};

static const struct pr_asm_field clone_fields[] = {
	SPLIT_KEY("pid", pr_msg_clone, tgid, ktime, 0, PR_AD_ALWAYS),
	LIKE("tid", pr_msg_clone, tid, 0, tgid),
	TIME_LIKE(pr_msg_clone, ktime),
	KEY("parent", pr_msg_clone, parent, 0, PR_AD_ALWAYS),
	DEC("nspid", pr_msg_clone, nspid, 0),
	HEX("flags", pr_msg_clone, flags, 0),
	PAD("parent_pad", pr_msg_clone, parent.pad),
	END,
};

static const struct pr_asm_field exit_fields[] = {
	KEY("pid", pr_msg_exit, current, 0, PR_AD_ALWAYS),
	LIKE("tid", pr_msg_exit, tid, 0, current.pid),
	TIME(),
	FIELD("code", PR_AK_WAIT, pr_msg_exit, code, 0, PR_AD_ALWAYS, 0, NULL),
	PAD("pid_pad", pr_msg_exit, current.pad),
	END,
};

static const struct pr_asm_field data_fields[] = {
	{"id", PR_AK_ID, AT(pr_msg_data, id), 0, 16, 0, PR_AD_ALWAYS, 0, NULL},
	TIME_LIKE(pr_msg_data, id.time),
	END,
};

static const struct pr_asm_field exec_info_fields[] = {
	KEY("pid", pr_exec_info, key, 0, PR_AD_ALWAYS),
	LIKE("tid", pr_exec_info, tid, 0, key.pid),
	TIME_LIKE(pr_exec_info, key.ktime),
	OPT("argc", pr_exec_info, argc, 0),
	DEC("args_bytes", pr_exec_info, args_bytes, 0),
	OPT("envc", pr_exec_info, envc, 0),
	DEC("sid", pr_exec_info, sid, 0),
	DEC("pgid", pr_exec_info, pgid, 0),
	HEX("tty", pr_exec_info, tty, 0),
	DEC("ppid", pr_exec_info, ppid, 0),
	PAD("pid_pad", pr_exec_info, key.pad),
	END,
};

static const struct pr_asm_field clone_info_fields[] = {
	KEY("pid", pr_clone_info, key, 0, PR_AD_ALWAYS),
	TIME_LIKE(pr_clone_info, key.ktime),
	FLAGS("clone_flags", pr_clone_info, clone_flags, 0, clone_flags),
	DEC("creator_tid", pr_clone_info, creator_tid, 0),
	DEC("ppid", pr_clone_info, ppid, 0),
	DEC("sid", pr_clone_info, sid, 0),
	DEC("pgid", pr_clone_info, pgid, 0),
	PAD("pid_pad", pr_clone_info, key.pad),
	END,
};

static const struct pr_asm_field exit_info_fields[] = {
	KEY("pid", pr_exit_info, key, 0, PR_AD_ALWAYS),
	TIME(),
	DEC("ppid", pr_exit_info, ppid, 0),
	DEC("start", pr_exit_info, start, 0),
	PAD("pid_pad", pr_exit_info, key.pad),
	PAD("pad", pr_exit_info, pad),
	END,
};

static const struct pr_asm_field reparent_fields[] = {
	KEY("pid", pr_reparent, key, 0, PR_AD_ALWAYS),
	TIME(),
	KEY("old_parent", pr_reparent, old_parent, 0, PR_AD_ALWAYS),
	KEY("new_parent", pr_reparent, new_parent, 0, PR_AD_ALWAYS),
	PAD("pid_pad", pr_reparent, key.pad),
	PAD("old_parent_pad", pr_reparent, old_parent.pad),
	PAD("new_parent_pad", pr_reparent, new_parent.pad),
	END,
};

static const struct pr_asm_field exec_fail_fields[] = {
	KEY("pid", pr_exec_fail, key, 0, PR_AD_ALWAYS),
	LIKE("tid", pr_exec_fail, tid, 0, key.pid),
	TIME(),
	FIELD("error", PR_AK_SIGNED, pr_exec_fail, error, 0, PR_AD_ALWAYS, 0, NULL),
	PAD("pid_pad", pr_exec_fail, key.pad),
	END,
};

/* Frames about the stream: a time is seldom of interest to who writes them. */
static const struct pr_asm_field items_fields[] = {DEC("time", pr_msg_common, ktime, 0), END};

static const struct pr_asm_field user_name_fields[] = {
	FIELD("uid", PR_AK_DEC, pr_user_name, uid, 0, PR_AD_ALWAYS, 0, NULL),
	DEC("time", pr_msg_common, ktime, 0),
	PAD("pad", pr_user_name, pad),
	END,
};

static const struct pr_asm_field clock_fields[] = {
	TIME(),
	LIKE("monotonic", pr_clock, monotonic, 0, common.ktime),
	FIELD("realtime", PR_AK_SIGNED, pr_clock, realtime, 0, PR_AD_ALWAYS, 0, NULL),
	DEC("uncertainty", pr_clock, uncertainty, 0),
	END,
};

static const struct pr_asm_field stream_state_fields[] = {
	TIME(),
	DEC("final", pr_stream_state, final, 0),
	PAD("pad", pr_stream_state, pad),
	END,
};

static const struct pr_asm_field loss_fields[] = {
	TIME(),
	ENUM("reason", pr_loss, reason, 0, loss_reasons),
	ENUM("of", pr_loss, stream, 0, pr_asm_streams),
	FIELD("count", PR_AK_DEC, pr_loss, count, 0, PR_AD_ALWAYS, 0, NULL),
	DEC("since", pr_loss, since, 0),
	END,
};

static const struct pr_asm_field keyframe_fields[] = {
	TIME(),
	DEC("end", pr_keyframe, end, 0),
	DEC("processes", pr_keyframe, processes, 0),
	END,
};

static const struct pr_asm_field origin_fields[] = {
	TIME(),
	DEC("since", pr_origin, since, 0),
	FIELD("until", PR_AK_DEC, pr_origin, until, 0, PR_AD_ALWAYS, 0, NULL),
	FIELD("from", PR_AK_DEC, pr_origin, from, 0, PR_AD_ALWAYS, 0, NULL),
	FIELD("to", PR_AK_DEC, pr_origin, to, 0, PR_AD_ALWAYS, 0, NULL),
	END,
};

static const struct pr_asm_name ended_hows[] = {{"exit", PR_ENDED_BY_EXIT}, {"exec", PR_ENDED_BY_EXEC}, {NULL, 0}};

static const struct pr_asm_field ended_fields[] = {
	KEY("pid", pr_ended, key, 0, PR_AD_ALWAYS),
	TIME(),
	FIELD("when", PR_AK_DEC, pr_ended, when, 0, PR_AD_ALWAYS, 0, NULL),
	ENUM("how", pr_ended, how, 0, ended_hows),
	FIELD("code", PR_AK_WAIT, pr_ended, status, 0, PR_AD_ALWAYS, 0, NULL),
	PAD("pid_pad", pr_ended, key.pad),
	END,
};

static const struct pr_asm_field family_fields[] = {TIME(), END};

const struct pr_asm_name pr_asm_ops_names[] = {{"execve", PR_OP_EXECVE}, {"exit", PR_OP_EXIT}, {"clone", PR_OP_CLONE},
	{"data", PR_OP_DATA}, {"exec_info", PR_OP_EXEC_INFO}, {"clone_info", PR_OP_CLONE_INFO}, {"exit_info", PR_OP_EXIT_INFO},
	{"reparent", PR_OP_REPARENT}, {"exec_fail", PR_OP_EXEC_FAIL}, {"host", PR_OP_HOST}, {"user", PR_OP_USER_NAME},
	{"clock", PR_OP_CLOCK}, {"stream_state", PR_OP_STREAM_STATE}, {"loss", PR_OP_LOSS}, {"keyframe", PR_OP_KEYFRAME},
	{"recorder", PR_OP_RECORDER}, {"origin", PR_OP_ORIGIN}, {"ended", PR_OP_ENDED}, {NULL, 0}};

static const struct pr_asm_field generic_fields[] = {
	{"op", PR_AK_ENUM, AT(pr_msg_common, op), 0, 1, 0, PR_AD_ALWAYS, 0, pr_asm_ops_names}, TIME(), END};
static const struct pr_asm_field no_fields[] = {END};

static const struct pr_asm_op ops[] = {
	{"execve", PR_OP_EXECVE, PR_STREAM_EXEC, sizeof(struct pr_msg_execve), PR_AT_STRINGS, execve_fields},
	{"exit", PR_OP_EXIT, PR_STREAM_EXIT, sizeof(struct pr_msg_exit), PR_AT_TRAIL, exit_fields},
	{"clone", PR_OP_CLONE, PR_STREAM_CLONE, sizeof(struct pr_msg_clone), PR_AT_TRAIL, clone_fields},
	{"data", PR_OP_DATA, PR_STREAM_DATA, sizeof(struct pr_msg_data), PR_AT_BYTES, data_fields},
	{"exec_info", PR_OP_EXEC_INFO, PR_STREAM_EXEC, sizeof(struct pr_exec_info), PR_AT_ITEMS, exec_info_fields},
	{"clone_info", PR_OP_CLONE_INFO, PR_STREAM_CLONE, sizeof(struct pr_clone_info), PR_AT_ITEMS, clone_info_fields},
	{"exit_info", PR_OP_EXIT_INFO, PR_STREAM_EXIT, sizeof(struct pr_exit_info), PR_AT_TRAIL, exit_info_fields},
	{"reparent", PR_OP_REPARENT, PR_STREAM_EXIT, sizeof(struct pr_reparent), PR_AT_TRAIL, reparent_fields},
	{"exec_fail", PR_OP_EXEC_FAIL, PR_STREAM_FAIL, sizeof(struct pr_exec_fail), PR_AT_ITEMS, exec_fail_fields},
	{"host", PR_OP_HOST, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_ITEMS, items_fields},
	{"user", PR_OP_USER_NAME, PR_STREAM_USER, sizeof(struct pr_user_name), PR_AT_NAME, user_name_fields},
	{"clock", PR_OP_CLOCK, PR_STREAM_USER, sizeof(struct pr_clock), PR_AT_TRAIL, clock_fields},
	{"stream_state", PR_OP_STREAM_STATE, PR_STREAM_USER, sizeof(struct pr_stream_state), PR_AT_ROWS, stream_state_fields},
	{"loss", PR_OP_LOSS, PR_STREAM_USER, sizeof(struct pr_loss), PR_AT_TRAIL, loss_fields},
	{"keyframe", PR_OP_KEYFRAME, PR_STREAM_USER, sizeof(struct pr_keyframe), PR_AT_TRAIL, keyframe_fields},
	{"recorder", PR_OP_RECORDER, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_ITEMS, items_fields},
	{"origin", PR_OP_ORIGIN, PR_STREAM_USER, sizeof(struct pr_origin), PR_AT_ITEMS, origin_fields},
	{"ended", PR_OP_ENDED, PR_STREAM_USER, sizeof(struct pr_ended), PR_AT_TRAIL, ended_fields},
	/* Of the family, kept as they are. */
	{"generic_kprobe", 13, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"generic_tracepoint", 14, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"generic_uprobe", 15, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"cgroup", 25, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"loader", 26, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"throttle", 27, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
	{"test", PR_OP_TEST, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, family_fields},
};
#define N_OPS (sizeof(ops) / sizeof(ops[0]))

const struct pr_asm_op pr_asm_raw = {"raw", 0, PR_STREAM_USER, 0, PR_AT_HEX, no_fields};
const struct pr_asm_op pr_asm_generic = {"frame", 0, PR_STREAM_USER, PR_COMMON_SIZE, PR_AT_BODY, generic_fields};

_Static_assert(sizeof(execve_fields) / sizeof(execve_fields[0]) + 4 < PR_ASM_FIELDS_MAX, "PR_ASM_FIELDS_MAX");

/* ---- look-ups --------------------------------------------------------------------------------------------------- */

const struct pr_asm_op *pr_asm_op_by_number(uint8_t op)
{
	for (size_t i = 0; i < N_OPS; i++)
		if (ops[i].op == op)
			return &ops[i];
	return NULL;
}

const struct pr_asm_op *pr_asm_op_by_name(const char *name)
{
	for (size_t i = 0; i < N_OPS; i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	if (!strcmp(name, pr_asm_raw.name))
		return &pr_asm_raw;
	return strcmp(name, pr_asm_generic.name) ? NULL : &pr_asm_generic;
}

const struct pr_asm_field *pr_asm_field_by_name(const struct pr_asm_field *table, const char *name)
{
	for (; table->kind != PR_AK_END; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

const char *pr_asm_name_of(const struct pr_asm_name *table, uint64_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

bool pr_asm_value_of(const struct pr_asm_name *table, const char *name, uint64_t *out_value)
{
	for (; table->name; table++) {
		if (!strcmp(table->name, name)) {
			*out_value = table->value;
			return true;
		}
	}
	return false;
}

const char *pr_asm_near_op(const char *name)
{
	const char *names[N_OPS + 4];

	for (size_t i = 0; i < N_OPS; i++)
		names[i] = ops[i].name;
	names[N_OPS] = pr_asm_raw.name;
	names[N_OPS + 1] = pr_asm_generic.name;
	names[N_OPS + 2] = "meta";
	names[N_OPS + 3] = NULL;
	return pr_nearest(name, names);
}

const char *pr_asm_near_field(const struct pr_asm_op *op, const char *name)
{
	static const char *const env[] = {"cpu", "stream", "seq", "env", "length"};
	static const char *const tails[][5] = {
		[PR_AT_TRAIL] = {"trail"},
		[PR_AT_STRINGS] = {"filename", "args", "cwd", "strings"},
		[PR_AT_BYTES] = {"bytes"},
		[PR_AT_NAME] = {"name"},
		[PR_AT_ITEMS] = {"item", "trail"},
		[PR_AT_ROWS] = {"row", "trail"},
		[PR_AT_BODY] = {"body"},
		[PR_AT_HEX] = {"hex", "bytes"},
	};
	const char *names[NEAR_MAX];
	size_t k = 0;

	for (size_t i = 0; i < sizeof(env) / sizeof(env[0]); i++)
		names[k++] = env[i];
	for (size_t i = 0; i < 4 && tails[op->tail][i]; i++)
		names[k++] = tails[op->tail][i];
	for (const struct pr_asm_field *f = pr_asm_common; op->fixed && f->kind != PR_AK_END; f++)
		names[k++] = f->name;
	for (const struct pr_asm_field *f = op->fields; f->kind != PR_AK_END; f++)
		names[k++] = f->name;
	for (const struct pr_asm_name *i = pr_asm_items; op->tail == PR_AT_ITEMS && i->name; i++)
		names[k++] = i->name;
	names[k] = NULL;
	return pr_nearest(name, names);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

uint64_t pr_asm_get(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = width; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

void pr_asm_put(uint8_t *p, unsigned width, uint64_t v)
{
	for (unsigned i = 0; i < width; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static uint64_t default_of(const struct pr_asm_field *f, const uint8_t *frame, size_t len)
{
	if (f->dflt == PR_AD_LIKE)
		return pr_asm_get(frame + f->def, f->width);
	return f->dflt == PR_AD_LENGTH ? (uint32_t)(len - f->def) : f->def;
}

bool pr_asm_is_default(const struct pr_asm_field *f, const uint8_t *frame, size_t len)
{
	switch (f->kind) {
	case PR_AK_KEY:
		return all_zero(frame + f->off, 4) && all_zero(frame + f->off2, 8);
	case PR_AK_ID:
	case PR_AK_CAPS:
	case PR_AK_CHARS:
		return all_zero(frame + f->off, f->width);
	default:
		return pr_asm_get(frame + f->off, f->width) == default_of(f, frame, len);
	}
}

void pr_asm_set_default(const struct pr_asm_field *f, uint8_t *frame, size_t len)
{
	switch (f->kind) {
	case PR_AK_KEY:
	case PR_AK_ID:
	case PR_AK_CAPS:
	case PR_AK_CHARS:
		return; /* 0, as the frame began */
	default:
		pr_asm_put(frame + f->off, f->width, default_of(f, frame, len));
	}
}

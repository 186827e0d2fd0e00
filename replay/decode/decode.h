/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h: frame bytes in, fields out. Pure: no memory, no state, no names.
 *
 * Step one, pr_decode: checks every size that the frame claims against its real length and reads its numbers. Strings are slices
 * into the frame, valid as long as its bytes. Step two, only when somebody wants to see it: text (text.h).
 * Before it: schema/ gives the frames. After it: cache/ and query/.
 */
#ifndef PROCREC_REPLAY_DECODE_H
#define PROCREC_REPLAY_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/frame.h"

/* Identity of a process image. */
struct pr_id {
	uint32_t pid;
	uint64_t ktime;
};

static inline bool pr_id_equal(struct pr_id a, struct pr_id b)
{
	return a.pid == b.pid && a.ktime == b.ktime;
}

/* Order of (pid, ktime), as unsigned numbers: -1, 0, 1. */
static inline int pr_id_compare(struct pr_id a, struct pr_id b)
{
	int by_pid = (a.pid > b.pid) - (a.pid < b.pid);

	return by_pid ? by_pid : (a.ktime > b.ktime) - (a.ktime < b.ktime);
}

struct pr_slice {
	const uint8_t *p; /* borrowed; may be NULL when n is 0 */
	size_t n;
};

/* Bytes that went out in data frames. */
struct pr_desc {
	int32_t error;
	uint32_t leftover, size;
	uint64_t id_pid, id_time;
};

static inline uint32_t pr_desc_sent(const struct pr_desc *d)
{
	return d->size - d->leftover; /* unsigned, wraps */
}

struct pr_execve {
	struct pr_id id, parent, cleanup;
	uint64_t parent_flags;
	uint32_t flags; /* PR_EXEC_* */
	uint32_t size; /* process.size as claimed */
	uint32_t tid, nspid, secureexec, auid, nlink;
	uint64_t inode;
	uint32_t uid; /* process.uid: the one that is shown */
	uint32_t cred_uid, gid, suid, sgid, euid, egid, fsuid, fsgid, securebits;
	uint64_t permitted, effective, inheritable;
	int32_t user_ns_level;
	uint32_t user_ns_uid, user_ns_gid, user_ns_inum;
	uint32_t net_ns, cid;
	uint64_t cgroup_id;
	struct pr_slice docker_id; /* 128 bytes, NUL-padded */
	uint32_t ns[10]; /* in the order of struct pr_namespaces */
	bool oversized; /* process.size - 56 > 1592: binary, arguments and cwd are all "enomem" */
	struct pr_slice strings; /* what follows the fixed part; empty when oversized */
};

/* The key that the value descends from. */
struct pr_id pr_execve_parent(const struct pr_execve *e);

struct pr_clone {
	struct pr_id id, parent;
	uint32_t tid, nspid, flags;
};

struct pr_exit_event {
	struct pr_id id;
	uint32_t status; /* the kernel's wait status */
	uint32_t tid;
};

struct pr_data {
	uint64_t id_pid, id_time;
	struct pr_slice payload;
};

/* procrec's own frames: see the structs of schema/frame.h for the fields' meaning. */
struct pr_own {
	struct pr_id id; /* EXEC_INFO, CLONE_INFO, EXIT_INFO, REPARENT, EXEC_FAIL, ENDED */
	struct pr_id old_parent, new_parent; /* REPARENT */
	uint32_t argc, args_bytes, tid, sid, pgid, tty, ppid, envc; /* EXEC_INFO; CLONE_INFO: tid (the creator's), sid, pgid, ppid; EXIT_INFO: ppid */
	uint64_t clone_flags; /* CLONE_INFO */
	uint64_t start; /* EXIT_INFO */
	int32_t error; /* EXEC_FAIL */
	uint32_t uid; /* USER_NAME */
	struct pr_slice name; /* USER_NAME */
	uint64_t monotonic, uncertainty; /* CLOCK; the CLOCK_BOOTTIME reading is the frame's ktime */
	int64_t realtime; /* CLOCK */
	uint32_t reason, stream; /* LOSS */
	uint64_t count, since; /* LOSS; ORIGIN: since */
	uint64_t until, from, to; /* ORIGIN */
	uint64_t when; /* ENDED */
	uint32_t status, how; /* ENDED: of an exit; enum pr_ended_how */
	uint32_t end, processes; /* KEYFRAME; STREAM_STATE: end is `final` */
	struct pr_slice items; /* checked: walk it with pr_own_item_next. EXEC_INFO, CLONE_INFO, EXEC_FAIL, HOST, RECORDER, ORIGIN */
	struct pr_slice rows; /* STREAM_STATE: whole rows */
};

struct pr_event {
	uint8_t op; /* selects the member */
	uint64_t ktime; /* common.ktime */
	union {
		struct pr_execve execve;
		struct pr_clone clone;
		struct pr_exit_event exit;
		struct pr_data data;
		struct pr_own own;
	};
};

/*
 * Decodes the frame of `size` real bytes at p. 0: *out is filled; PR_EFORMAT: malformed (*out untouched but for op and ktime, which are 0
 * where there is no header; *out_why, which may be NULL, says in what); PR_ENOENT: well-formed, of an op that is kept raw.
 */
int pr_decode(const void *p, size_t size, struct pr_event *out, const char **out_why);

/* The name of an op ("execve", "exec_info"; of the family's others too), or NULL. */
const char *pr_op_name(uint8_t op);

/* ---- items ------------------------------------------------------------------------------------------------------- */

struct pr_own_item {
	uint16_t type; /* enum pr_item_type, without PR_ITEM_DESC and PR_ITEM_CUT */
	bool cut;
	bool is_desc; /* then `desc` holds, else `bytes` */
	struct pr_desc desc;
	struct pr_slice bytes;
};

/* The next item; moves *left on; false at the end. */
bool pr_own_item_next(struct pr_slice *left, struct pr_own_item *out);

/* The number that an item holds as decimal text (PR_ITEM_ROOT_PID); false: it holds none. */
bool pr_own_item_number(const struct pr_own_item *it, uint64_t *out);

/* ---- the strings of an execve ------------------------------------------------------------------------------------ */

enum pr_enomem {
	PR_ENOMEM_NONE,
	PR_ENOMEM_ARGS, /* arguments and cwd are "enomem", binary is the filename as it stands */
	PR_ENOMEM_ALL /* all three are; the filename is empty */
};

struct pr_exec_strings {
	enum pr_enomem enomem;
	bool filename_data, args_data; /* the bytes are to be taken from the data map by the desc beside */
	struct pr_desc filename_desc, args_desc;
	struct pr_slice filename, args, cwd; /* inline ones; cwd as shown, where it is not "enomem": ROOT_CWD and the trimming of PROCFS are done */
};

/* Splits e->strings by the flags. No byte is copied, nothing is taken. */
void pr_execve_strings(const struct pr_execve *e, struct pr_exec_strings *out);

#endif

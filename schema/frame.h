/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * frame.h: the frames on the wire, shared by the BPF programs and by user space.
 *
 * The structs describe layout only. The BPF side fills them; user space must never cast wire bytes to them, but
 * reads through base/cursor.h (bounded, little-endian on every host) and uses sizeof/offsetof from here.
 * Everything is little-endian on the wire. Padding is explicit, written as 0 and ignored when read.
 *
 *   envelope (16 bytes) | frame: msg_common (16 bytes) | rest
 *
 * A stream is a plain sequence of those. Ops below 200 are the coolbpf "security" family's, byte for byte; procrec's own
 * ops are 200 and up and precede the frame that they complete. schema/FORMAT.md is the specification in prose.
 */
#ifndef PROCREC_SCHEMA_FRAME_H
#define PROCREC_SCHEMA_FRAME_H

#ifdef __bpf__
typedef unsigned char pr_u8;
typedef unsigned short pr_u16;
typedef unsigned int pr_u32;
typedef int pr_s32;
typedef unsigned long long pr_u64;
typedef long long pr_s64;
#else
#include <stdint.h>
typedef uint8_t pr_u8;
typedef uint16_t pr_u16;
typedef uint32_t pr_u32;
typedef int32_t pr_s32;
typedef uint64_t pr_u64;
typedef int64_t pr_s64;
#endif

/* ---- envelope -------------------------------------------------------------------------------------------------- */

/*
 * Streams. Every (cpu, stream) pair counts its own sequence from 0. A number is consumed even when the frame is lost,
 * so a jump is an exactly sized gap, at its place, and tells what kind of frame is missing. A BPF program never
 * interrupts itself on one CPU (the kernel skips it, and counts that in recursion_misses), so one counter per program and
 * CPU needs no fetching atomics, which Linux 5.10 lacks.
 */
enum pr_stream {
	PR_STREAM_USER = 0, /* written by user space: keyframe, clocks, counts; cpu is PR_CPU_NONE. Also all of `pack` */
	PR_STREAM_EXEC = 1, /* execve and its own frames, from the exec program */
	PR_STREAM_CLONE = 2, /* clone and its own frames, from the fork program */
	PR_STREAM_EXIT = 3, /* exit and its own frames, from the exit program */
	PR_STREAM_DATA = 4, /* data frames, from the exec program */
	PR_STREAM_FAIL = 5, /* failed execs, from their own program */
	PR_STREAM_COUNT = 8 /* room for more; part of the BPF map's size, not of the wire format */
};

#define PR_CPU_NONE 0xffffu

/* Envelope flags. */
#define PR_ENV_META 0x01u /* added by procrec about the stream (host name, users); not a frame of the stream: unpack leaves it out, seq does not count it */
#define PR_ENV_RAW 0x02u /* the bytes are not delimited by a frame header of their own (damaged or foreign input) */
#define PR_ENV_CONT 0x04u /* the bytes go on where the envelope before left off (only with PR_ENV_RAW) */
#define PR_ENV_REPEAT 0x08u /* state that earlier segments of the recording gave: seq is 0, a reader that has those passes over it */

struct pr_envelope {
	pr_u16 cpu; /* PR_CPU_NONE: not from a CPU */
	pr_u8 stream; /* enum pr_stream */
	pr_u8 flags; /* PR_ENV_* */
	pr_u32 size; /* bytes that follow; equals the frame's own size unless PR_ENV_RAW */
	pr_u64 seq; /* per (cpu, stream), from 0 */
};
_Static_assert(sizeof(struct pr_envelope) == 16, "envelope");

/* ---- common ---------------------------------------------------------------------------------------------------- */

enum pr_op {
	PR_OP_EXECVE = 5,
	PR_OP_EXIT = 7,
	PR_OP_CLONE = 23,
	PR_OP_DATA = 24,
	PR_OP_TEST = 254,
	/* procrec's own */
	PR_OP_EXEC_INFO = 200, /* struct pr_exec_info + items: precedes its execve */
	PR_OP_CLONE_INFO = 201, /* struct pr_clone_info + items: precedes its clone */
	PR_OP_EXIT_INFO = 202, /* struct pr_exit_info: precedes its exit */
	PR_OP_REPARENT = 203, /* struct pr_reparent: a living process gets a new kernel parent */
	PR_OP_EXEC_FAIL = 204, /* struct pr_exec_fail + items: an exec that returned an error */
	PR_OP_HOST = 210, /* items: facts of the recorded host */
	PR_OP_USER_NAME = 211, /* struct pr_user_name + name */
	PR_OP_CLOCK = 212, /* struct pr_clock: one reading of three clocks */
	PR_OP_STREAM_STATE = 213, /* struct pr_stream_state + rows: counters of every (cpu, stream) */
	PR_OP_LOSS = 214, /* struct pr_loss: what was never given a sequence number */
	PR_OP_KEYFRAME = 215, /* struct pr_keyframe: begin or end of a keyframe */
	PR_OP_RECORDER = 216, /* items: how this recording was made: version, command line, options, end */
	PR_OP_ORIGIN = 217, /* struct pr_origin + items: of a piece: what it was cut out of */
	PR_OP_ENDED = 218 /* struct pr_ended: in a keyframe: an ancestor that does not live any more */
};

struct pr_msg_common {
	pr_u8 op;
	pr_u8 flags; /* 0 on the wire */
	pr_u8 pad[2];
	pr_u32 size; /* of the whole frame, this header included */
	pr_u64 ktime; /* when it was emitted, CLOCK_BOOTTIME ns */
};
_Static_assert(sizeof(struct pr_msg_common) == 16, "msg_common");

/* The identity of a process image. */
struct pr_key {
	pr_u32 pid; /* tgid */
	pr_u32 pad;
	pr_u64 ktime; /* CLOCK_BOOTTIME ns: exec time, or the start time of a process that was cloned and did not exec yet */
};
_Static_assert(sizeof(struct pr_key) == 16, "key");

/* ---- execve (op 5) ---------------------------------------------------------------------------------------------- */

struct pr_kube {
	pr_u32 net_ns;
	pr_u32 cid;
	pr_u64 cgrpid;
	char docker_id[128];
};

struct pr_creds {
	pr_u32 uid, gid, suid, sgid, euid, egid, fsuid, fsgid, securebits, pad;
	pr_u64 permitted, effective, inheritable;
	pr_s32 user_ns_level;
	pr_u32 user_ns_uid, user_ns_gid, user_ns_inum;
};

struct pr_namespaces {
	pr_u32 uts, ipc, mnt, pid, pid_for_children, net, time, time_for_children, cgroup, user;
};

struct pr_process { /* the fixed part; process.size counts it and what follows */
	pr_u32 size, pid, tid, nspid, secureexec, uid, auid, flags, i_nlink, pad;
	pr_u64 i_ino, ktime;
};

struct pr_msg_execve {
	struct pr_msg_common common;
	struct pr_kube kube;
	struct pr_key parent;
	pr_u64 parent_flags;
	struct pr_creds creds;
	struct pr_namespaces ns;
	struct pr_key cleanup;
	struct pr_process process;
	/* filename, arguments, cwd follow */
};
_Static_assert(sizeof(struct pr_kube) == 144, "kube");
_Static_assert(sizeof(struct pr_creds) == 80, "creds");
_Static_assert(sizeof(struct pr_namespaces) == 40, "namespaces");
_Static_assert(sizeof(struct pr_process) == 56, "process");
_Static_assert(__builtin_offsetof(struct pr_msg_execve, parent) == 160, "parent");
_Static_assert(__builtin_offsetof(struct pr_msg_execve, creds) == 184, "creds");
_Static_assert(__builtin_offsetof(struct pr_msg_execve, ns) == 264, "ns");
_Static_assert(__builtin_offsetof(struct pr_msg_execve, cleanup) == 304, "cleanup");
_Static_assert(__builtin_offsetof(struct pr_msg_execve, process) == 320, "process");
_Static_assert(sizeof(struct pr_msg_execve) == 376, "execve");

#define PR_EXECVE_FIXED 320u /* bytes before `process` */
#define PR_PROCESS_FIXED 56u /* bytes of `process` before the strings */
#define PR_PROCESS_SIZE_MAX 1648u /* largest valid process.size */
#define PR_EXEC_STRINGS_MAX (PR_PROCESS_SIZE_MAX - PR_PROCESS_FIXED) /* 1592 */
#define PR_CWD_INLINE_MAX 256u

/* What procrec's own recorder keeps inline; longer goes out as data frames. */
#define PR_FILENAME_INLINE_MAX 255u /* without the NUL */
#define PR_ARGS_INLINE_MAX 1024u

/* process.secureexec */
#define PR_SECURE_SETUID 1u
#define PR_SECURE_SETGID 2u
#define PR_SECURE_FILECAPS 4u
#define PR_SECURE_SETUID_ROOT 8u
#define PR_SECURE_SETGID_ROOT 16u

/* process.flags */
#define PR_EXEC_EXECVE 0x1u
#define PR_EXEC_EXECVEAT 0x2u
#define PR_EXEC_PROCFS 0x4u
#define PR_EXEC_TRUNC_FILENAME 0x8u
#define PR_EXEC_TRUNC_ARGS 0x10u
#define PR_EXEC_TASK_WALK 0x20u
#define PR_EXEC_MISS 0x40u
#define PR_EXEC_NEEDS_AUID 0x80u
#define PR_EXEC_ERROR_FILENAME 0x100u
#define PR_EXEC_ERROR_ARGS 0x200u
#define PR_EXEC_NEEDS_CWD 0x400u
#define PR_EXEC_NO_CWD_SUPPORT 0x800u
#define PR_EXEC_ROOT_CWD 0x1000u
#define PR_EXEC_ERROR_CWD 0x2000u
#define PR_EXEC_CLONE 0x4000u
#define PR_EXEC_ERROR_SOCK 0x8000u
#define PR_EXEC_ERROR_CGROUP_NAME 0x10000u
#define PR_EXEC_ERROR_CGROUP_KN 0x20000u
#define PR_EXEC_ERROR_CGROUP_SUBSYSCGRP 0x40000u
#define PR_EXEC_ERROR_CGROUP_SUBSYS 0x80000u
#define PR_EXEC_ERROR_CGROUPS 0x100000u
#define PR_EXEC_ERROR_CGROUP_ID 0x200000u
#define PR_EXEC_ERROR_PATH_COMPONENTS 0x400000u
#define PR_EXEC_DATA_FILENAME 0x800000u
#define PR_EXEC_DATA_ARGS 0x1000000u

/* ---- data (op 24) ----------------------------------------------------------------------------------------------- */

struct pr_data_id {
	pr_u64 pid; /* pid_tgid: tgid in the upper half */
	pr_u64 time;
};

struct pr_data_desc {
	pr_s32 error;
	pr_u32 pad;
	pr_u32 leftover; /* bytes that the process had and that were not sent */
	pr_u32 size; /* bytes that the process had */
	struct pr_data_id id;
};
_Static_assert(sizeof(struct pr_data_desc) == 32, "data_event_desc");

struct pr_msg_data {
	struct pr_msg_common common;
	struct pr_data_id id;
	/* payload */
};
_Static_assert(sizeof(struct pr_msg_data) == 32, "msg_data");

#define PR_DATA_PAYLOAD_MAX 32736u

/* ---- clone (op 23), exit (op 7) --------------------------------------------------------------------------------- */

struct pr_msg_clone {
	struct pr_msg_common common;
	struct pr_key parent;
	pr_u32 tgid, tid, nspid, flags;
	pr_u64 ktime;
};
_Static_assert(sizeof(struct pr_msg_clone) == 56, "msg_clone_event");

struct pr_msg_exit {
	struct pr_msg_common common;
	struct pr_key current;
	pr_u32 code; /* the kernel's wait status */
	pr_u32 tid;
};
_Static_assert(sizeof(struct pr_msg_exit) == 40, "msg_exit");

/* ---- procrec's own ---------------------------------------------------------------------------------------------- */

/*
 * Items: a sequence of {u16 type, u16 len, bytes[len]}, unpadded, to the end of the frame. Unknown types are skipped, an
 * item that would pass the end of the frame makes the frame malformed. A string item is not NUL-terminated. A type with
 * PR_ITEM_DESC set holds a data_event_desc (32 bytes) instead: the bytes went out in data frames under that id.
 */
struct pr_item {
	pr_u16 type;
	pr_u16 len;
};
#define PR_ITEM_DESC 0x8000u
#define PR_ITEM_CUT 0x4000u /* the string was longer; for paths the front is missing */

enum pr_item_type {
	/* of a process: EXEC_INFO, CLONE_INFO, EXEC_FAIL */
	PR_ITEM_ARGV0 = 1,
	PR_ITEM_INTERP = 2, /* bprm->interp where it differs from the filename: the interpreter of a script */
	PR_ITEM_EXE = 3, /* path of the executed file, where the filename does not tell it (fd, memfd, relative, script) */
	PR_ITEM_CWD = 4, /* the whole cwd where it did not fit inline */
	PR_ITEM_CGROUP = 5, /* cgroup path, v2 hierarchy, or v1 of the first controller that has one */
	PR_ITEM_TTY = 6, /* name of the controlling terminal */
	PR_ITEM_FILENAME = 7, /* EXEC_FAIL: the path that was tried */
	PR_ITEM_ARGS = 8, /* EXEC_FAIL: as in execve */
	PR_ITEM_COMM = 9,
	/* of the host: HOST */
	PR_ITEM_HOSTNAME = 32,
	PR_ITEM_BOOT_ID = 33, /* /proc/sys/kernel/random/boot_id, text */
	PR_ITEM_MACHINE_ID = 34,
	PR_ITEM_KERNEL = 35, /* uname release */
	PR_ITEM_KERNEL_VERSION = 36, /* uname version */
	PR_ITEM_ARCH = 37, /* uname machine */
	PR_ITEM_OS = 38, /* PRETTY_NAME of os-release */
	PR_ITEM_CPUS = 39, /* decimal: possible CPUs */
	PR_ITEM_PID_MAX = 40, /* decimal */
	PR_ITEM_BOOT_TIME = 41,
	/* of the recording: RECORDER */
	PR_ITEM_VERSION = 64,
	PR_ITEM_CMDLINE = 65, /* the recorder's own, NUL-separated */
	PR_ITEM_OPTIONS = 66,
	PR_ITEM_END_REASON = 67, /* "command exited", "signal 2", "disk full", ... */
	PR_ITEM_ROOT_PID = 68, /* decimal: pid of CMD */
	PR_ITEM_SCOPE = 69, /* "machine" or "tree" */
	PR_ITEM_REDACT_RULES = 70, /* secrets were replaced by marks: SHA-256 of the texts of the rules, hexadecimal, a space between two */
	PR_ITEM_REDACT_KEY = 71, /* hexadecimal: which key the marks were made with. Never the key */
	/* of a piece: ORIGIN */
	PR_ITEM_SEGMENT = 80 /* struct pr_origin_segment */
};

struct pr_exec_info { /* op 200 */
	struct pr_msg_common common;
	struct pr_key key; /* identity of the new image: that of the execve frame that follows */
	pr_u32 argc; /* as the kernel has it, argv[0] included; PR_UNKNOWN_U32: not known */
	pr_u32 args_bytes; /* true size of argv[1..] with its NULs, before any cut */
	pr_u32 tid; /* the thread that called exec (its old tid) */
	pr_u32 sid; /* session, pid of its leader in the initial pid namespace; 0: none */
	pr_u32 pgid; /* process group, likewise */
	pr_u32 tty; /* device number, (major << 20) | minor as in the kernel's dev_t; 0: none */
	pr_u32 ppid; /* kernel parent (real_parent's tgid) at this moment */
	pr_u32 envc; /* PR_UNKNOWN_U32: not known */
	/* items */
};
_Static_assert(sizeof(struct pr_exec_info) == 64, "exec_info");

struct pr_clone_info { /* op 201 */
	struct pr_msg_common common;
	struct pr_key key; /* identity of the child: that of the clone frame that follows */
	pr_u64 clone_flags; /* with the exit signal in the low byte, as clone(2) takes them */
	pr_u32 creator_tid; /* the thread that called clone; its tgid is the clone frame's parent.pid */
	pr_u32 ppid; /* kernel parent (real_parent's tgid): differs from the creator under CLONE_PARENT */
	pr_u32 sid, pgid;
	/* items */
};
_Static_assert(sizeof(struct pr_clone_info) == 56, "clone_info");

struct pr_exit_info { /* op 202 */
	struct pr_msg_common common;
	struct pr_key key; /* identity: that of the exit frame that follows */
	pr_u32 ppid; /* kernel parent at the exit: differs from the creator after reparenting */
	pr_u32 pad;
	pr_u64 start; /* the process's start time, CLOCK_BOOTTIME ns */
};
_Static_assert(sizeof(struct pr_exit_info) == 48, "exit_info");

struct pr_reparent { /* op 203 */
	struct pr_msg_common common;
	struct pr_key key; /* the orphan */
	struct pr_key old_parent; /* the kernel parent that exits */
	struct pr_key new_parent;
};
_Static_assert(sizeof(struct pr_reparent) == 64, "reparent");

struct pr_exec_fail { /* op 204 */
	struct pr_msg_common common;
	struct pr_key key; /* identity of the image that went on */
	pr_u32 tid;
	pr_s32 error; /* errno, positive */
	/* items: FILENAME, ARGV0, ARGS */
};
_Static_assert(sizeof(struct pr_exec_fail) == 40, "exec_fail");

struct pr_user_name { /* op 211; the name follows, to the end of the frame, not terminated */
	struct pr_msg_common common;
	pr_u32 uid;
	pr_u32 pad;
};
_Static_assert(sizeof(struct pr_user_name) == 24, "user_name");

struct pr_clock { /* op 212: common.ktime is the CLOCK_BOOTTIME reading */
	struct pr_msg_common common;
	pr_u64 monotonic;
	pr_s64 realtime; /* ns since 1970-01-01 UTC */
	pr_u64 uncertainty; /* ns that the three readings may be apart */
};
_Static_assert(sizeof(struct pr_clock) == 40, "clock");

struct pr_stream_row {
	pr_u16 cpu;
	pr_u8 stream;
	pr_u8 pad[5];
	pr_u64 next; /* the next sequence number of this (cpu, stream): all below it stand before this frame, or are lost */
	pr_u64 lost; /* of those, how many never came to the ring */
};
struct pr_stream_state { /* op 213; rows follow, to the end of the frame; rows that are all 0 may be left out */
	struct pr_msg_common common;
	pr_u32 final; /* 1: no frame of these streams comes after this one */
	pr_u32 pad;
};
_Static_assert(sizeof(struct pr_stream_row) == 24, "stream_row");
_Static_assert(sizeof(struct pr_stream_state) == 24, "stream_state");

enum pr_loss_reason {
	PR_LOSS_RECURSION = 1, /* runs of a program that the kernel skipped */
	PR_LOSS_MAP_FULL = 2, /* processes that the kernel-side map could not hold */
	PR_LOSS_DISK = 3, /* frames read from the ring that could not be written */
	PR_LOSS_QUEUE = 4, /* frames dropped because the writer's queue was full */
	PR_LOSS_DAMAGE = 5, /* frames of a damaged place, left out by repair; count 0: it is not known how many */
	PR_LOSS_BEFORE = 6, /* frames that were missing before the beginning of a piece: its state may lack them; 0: not known how many */
	PR_LOSS_RETENTION = 7 /* frames of segments that retention had deleted when a piece was cut out; 0: not known how many */
};
struct pr_loss { /* op 214 */
	struct pr_msg_common common;
	pr_u32 reason; /* enum pr_loss_reason */
	pr_u32 stream; /* enum pr_stream */
	pr_u64 count; /* since the last such frame of the same reason and stream */
	pr_u64 since; /* ktime from which on it may have happened */
};
_Static_assert(sizeof(struct pr_loss) == 40, "loss");

struct pr_keyframe { /* op 215 */
	struct pr_msg_common common;
	pr_u32 end; /* 0: begin, 1: end */
	pr_u32 processes; /* end: how many PROCFS execve frames stand between the two marks */
};
_Static_assert(sizeof(struct pr_keyframe) == 24, "keyframe");

struct pr_origin { /* op 217, under a META envelope at the front of a piece */
	struct pr_msg_common common;
	pr_u64 since, until; /* ktime: what was asked for; 0 and UINT64_MAX: no limit */
	pr_u64 from, to; /* ktime of the first and of the last frame that was copied */
	/* items: SEGMENT, in order */
};
_Static_assert(sizeof(struct pr_origin) == 48, "origin");

enum pr_ended_how { PR_ENDED_BY_EXIT = 1, PR_ENDED_BY_EXEC = 2 };
struct pr_ended { /* op 218: in a later keyframe, behind all processes */
	struct pr_msg_common common;
	struct pr_key key;
	pr_u64 when; /* ktime: of the exit frame, or of the image that replaced it */
	pr_u32 status; /* wait status, PR_ENDED_BY_EXIT */
	pr_u32 how; /* enum pr_ended_how */
};
_Static_assert(sizeof(struct pr_ended) == 48, "ended");

#define PR_ORIGIN_SEALED 1u /* of flags: it was closed when the piece was cut out */
struct pr_origin_segment { /* an item's content */
	pr_u8 uuid[16], recording[16];
	pr_u64 series, number; /* as in its header */
	pr_u64 first_block, last_block; /* numbers of the blocks that frames were copied from */
	pr_u8 before[32]; /* link before the first of them: its `previous link` */
	pr_u8 link[32]; /* of the last */
	pr_u32 flags;
	pr_u32 pad;
};
_Static_assert(sizeof(struct pr_origin_segment) == 136, "origin_segment");

#define PR_UNKNOWN_U32 0xffffffffu

/* ---- limits of a stream ----------------------------------------------------------------------------------------- */

#define PR_COMMON_SIZE 16u
#define PR_ENVELOPE_SIZE 16u
#define PR_FRAME_MAX (16u << 20) /* a header that claims more is taken for damage: the rest is kept as PR_ENV_RAW */
#define PR_RAW_CHUNK (64u << 10) /* bytes of one PR_ENV_RAW envelope, at most */

#endif

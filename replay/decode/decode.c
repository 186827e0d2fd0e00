/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c: the table of ops. Each has the size of its fixed part and a function that reads its fields; before that function
 * runs, the fixed part is known to be there, so its reads by offset stay inside the frame. What follows the fixed part is
 * checked by the function itself.
 */
#include "replay/decode/decode.h"

#include "base/bytes.h"
#include "base/err.h"

/* The field of a struct of frame.h, read from wire bytes at p. */
#define AT(type, field) (p + __builtin_offsetof(struct type, field))
#define U32(type, field) pr_get_u32(AT(type, field))
#define U64(type, field) pr_get_u64(AT(type, field))

typedef const char *decode_fn(const uint8_t *p, size_t size, struct pr_event *out); /* NULL, or what is malformed */

static struct pr_id get_key(const uint8_t *p)
{
	return (struct pr_id){pr_get_u32(p), U64(pr_key, ktime)};
}

static void get_creds(const uint8_t *p, struct pr_execve *e)
{
	e->cred_uid = U32(pr_creds, uid);
	e->gid = U32(pr_creds, gid);
	e->suid = U32(pr_creds, suid);
	e->sgid = U32(pr_creds, sgid);
	e->euid = U32(pr_creds, euid);
	e->egid = U32(pr_creds, egid);
	e->fsuid = U32(pr_creds, fsuid);
	e->fsgid = U32(pr_creds, fsgid);
	e->securebits = U32(pr_creds, securebits);
	e->permitted = U64(pr_creds, permitted);
	e->effective = U64(pr_creds, effective);
	e->inheritable = U64(pr_creds, inheritable);
	e->user_ns_level = (int32_t)U32(pr_creds, user_ns_level);
	e->user_ns_uid = U32(pr_creds, user_ns_uid);
	e->user_ns_gid = U32(pr_creds, user_ns_gid);
	e->user_ns_inum = U32(pr_creds, user_ns_inum);
}

static void get_process(const uint8_t *p, struct pr_execve *e)
{
	e->size = U32(pr_process, size);
	e->tid = U32(pr_process, tid);
	e->nspid = U32(pr_process, nspid);
	e->secureexec = U32(pr_process, secureexec);
	e->uid = U32(pr_process, uid);
	e->auid = U32(pr_process, auid);
	e->flags = U32(pr_process, flags);
	e->nlink = U32(pr_process, i_nlink);
	e->inode = U64(pr_process, i_ino);
	e->id = (struct pr_id){U32(pr_process, pid), U64(pr_process, ktime)};
}

static const char *decode_execve(const uint8_t *p, size_t size, struct pr_event *out)
{
	struct pr_execve *e = &out->execve;
	uint32_t n = U32(pr_msg_execve, process.size) - PR_PROCESS_FIXED; /* below 56 it wraps, and is then oversized */

	if (n <= PR_EXEC_STRINGS_MAX && n > size - sizeof(struct pr_msg_execve))
		return "process.size passes the end of the frame";
	e->net_ns = U32(pr_msg_execve, kube.net_ns);
	e->cid = U32(pr_msg_execve, kube.cid);
	e->cgroup_id = U64(pr_msg_execve, kube.cgrpid);
	e->docker_id = (struct pr_slice){AT(pr_msg_execve, kube.docker_id), sizeof(((struct pr_kube *)0)->docker_id)};
	e->parent = get_key(AT(pr_msg_execve, parent));
	e->parent_flags = U64(pr_msg_execve, parent_flags);
	get_creds(AT(pr_msg_execve, creds), e);
	for (unsigned i = 0; i < 10; i++)
		e->ns[i] = pr_get_u32(AT(pr_msg_execve, ns) + 4 * i);
	e->cleanup = get_key(AT(pr_msg_execve, cleanup));
	get_process(AT(pr_msg_execve, process), e);
	e->oversized = n > PR_EXEC_STRINGS_MAX;
	e->strings = (struct pr_slice){p + sizeof(struct pr_msg_execve), e->oversized ? 0 : n};
	return NULL;
}

static const char *decode_clone(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->clone = (struct pr_clone){
		.id = {U32(pr_msg_clone, tgid), U64(pr_msg_clone, ktime)},
		.parent = get_key(AT(pr_msg_clone, parent)),
		.tid = U32(pr_msg_clone, tid),
		.nspid = U32(pr_msg_clone, nspid),
		.flags = U32(pr_msg_clone, flags),
	};
	return NULL;
}

static const char *decode_exit(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->exit = (struct pr_exit_event){
		.id = get_key(AT(pr_msg_exit, current)),
		.status = U32(pr_msg_exit, code),
		.tid = U32(pr_msg_exit, tid),
	};
	return NULL;
}

static const char *decode_data(const uint8_t *p, size_t size, struct pr_event *out)
{
	size_t n = size - sizeof(struct pr_msg_data);

	if (n > PR_DATA_PAYLOAD_MAX)
		return "more than 32736 bytes of payload";
	out->data = (struct pr_data){U64(pr_msg_data, id.pid), U64(pr_msg_data, id.time), {p + sizeof(struct pr_msg_data), n}};
	return NULL;
}

/* The items from `off` to the end of the frame, each checked to be whole. */
static const char *get_items(const uint8_t *p, size_t size, size_t off, struct pr_own *o)
{
	size_t i = off;

	while (i < size) {
		uint16_t type, len;

		if (size - i < sizeof(struct pr_item))
			return "bytes left over behind the last item";
		type = pr_get_u16(p + i);
		len = pr_get_u16(p + i + 2);
		i += sizeof(struct pr_item);
		if (len > size - i)
			return "an item passes the end of the frame";
		if ((type & PR_ITEM_DESC) && len != sizeof(struct pr_data_desc))
			return "an item's descriptor has a wrong size";
		i += len;
	}
	o->items = (struct pr_slice){p + off, size - off};
	return NULL;
}

static const char *decode_exec_info(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){
		.id = get_key(AT(pr_exec_info, key)),
		.argc = U32(pr_exec_info, argc),
		.args_bytes = U32(pr_exec_info, args_bytes),
		.tid = U32(pr_exec_info, tid),
		.sid = U32(pr_exec_info, sid),
		.pgid = U32(pr_exec_info, pgid),
		.tty = U32(pr_exec_info, tty),
		.ppid = U32(pr_exec_info, ppid),
		.envc = U32(pr_exec_info, envc),
	};
	return get_items(p, size, sizeof(struct pr_exec_info), &out->own);
}

static const char *decode_clone_info(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){
		.id = get_key(AT(pr_clone_info, key)),
		.clone_flags = U64(pr_clone_info, clone_flags),
		.tid = U32(pr_clone_info, creator_tid),
		.ppid = U32(pr_clone_info, ppid),
		.sid = U32(pr_clone_info, sid),
		.pgid = U32(pr_clone_info, pgid),
	};
	return get_items(p, size, sizeof(struct pr_clone_info), &out->own);
}

static const char *decode_exit_info(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){
		.id = get_key(AT(pr_exit_info, key)),
		.ppid = U32(pr_exit_info, ppid),
		.start = U64(pr_exit_info, start),
	};
	return NULL;
}

static const char *decode_reparent(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){
		.id = get_key(AT(pr_reparent, key)),
		.old_parent = get_key(AT(pr_reparent, old_parent)),
		.new_parent = get_key(AT(pr_reparent, new_parent)),
	};
	return NULL;
}

static const char *decode_exec_fail(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){
		.id = get_key(AT(pr_exec_fail, key)),
		.tid = U32(pr_exec_fail, tid),
		.error = (int32_t)U32(pr_exec_fail, error),
	};
	return get_items(p, size, sizeof(struct pr_exec_fail), &out->own);
}

static const char *decode_items_only(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){.uid = 0};
	return get_items(p, size, PR_COMMON_SIZE, &out->own);
}

static const char *decode_user_name(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){
		.uid = U32(pr_user_name, uid),
		.name = {p + sizeof(struct pr_user_name), size - sizeof(struct pr_user_name)},
	};
	return NULL;
}

static const char *decode_clock(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){
		.monotonic = U64(pr_clock, monotonic),
		.realtime = (int64_t)U64(pr_clock, realtime),
		.uncertainty = U64(pr_clock, uncertainty),
	};
	return NULL;
}

static const char *decode_stream_state(const uint8_t *p, size_t size, struct pr_event *out)
{
	size_t n = size - sizeof(struct pr_stream_state);

	if (n % sizeof(struct pr_stream_row))
		return "part of a row left over";
	out->own = (struct pr_own){
		.end = U32(pr_stream_state, final),
		.rows = {p + sizeof(struct pr_stream_state), n},
	};
	return NULL;
}

static const char *decode_loss(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){
		.reason = U32(pr_loss, reason),
		.stream = U32(pr_loss, stream),
		.count = U64(pr_loss, count),
		.since = U64(pr_loss, since),
	};
	return NULL;
}

static const char *decode_keyframe(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){.end = U32(pr_keyframe, end), .processes = U32(pr_keyframe, processes)};
	return NULL;
}

static const char *decode_origin(const uint8_t *p, size_t size, struct pr_event *out)
{
	out->own = (struct pr_own){
		.since = U64(pr_origin, since),
		.until = U64(pr_origin, until),
		.from = U64(pr_origin, from),
		.to = U64(pr_origin, to),
	};
	return get_items(p, size, sizeof(struct pr_origin), &out->own);
}

static const char *decode_ended(const uint8_t *p, size_t size, struct pr_event *out)
{
	(void)size;
	out->own = (struct pr_own){
		.id = get_key(AT(pr_ended, key)),
		.when = U64(pr_ended, when),
		.status = U32(pr_ended, status),
		.how = U32(pr_ended, how),
	};
	return NULL;
}

/* Ops without a function are kept raw. */
static const struct op {
	const char *name;
	decode_fn *decode;
	uint16_t fixed;
} ops[256] = {
	[PR_OP_EXECVE] = {"execve", decode_execve, sizeof(struct pr_msg_execve)},
	[PR_OP_EXIT] = {"exit", decode_exit, sizeof(struct pr_msg_exit)},
	[13] = {"generic_kprobe", NULL, 0},
	[14] = {"generic_tracepoint", NULL, 0},
	[15] = {"generic_uprobe", NULL, 0},
	[PR_OP_CLONE] = {"clone", decode_clone, sizeof(struct pr_msg_clone)},
	[PR_OP_DATA] = {"data", decode_data, sizeof(struct pr_msg_data)},
	[25] = {"cgroup", NULL, 0},
	[26] = {"loader", NULL, 0},
	[27] = {"throttle", NULL, 0},
	[PR_OP_TEST] = {"test", NULL, 0},
	[PR_OP_EXEC_INFO] = {"exec_info", decode_exec_info, sizeof(struct pr_exec_info)},
	[PR_OP_CLONE_INFO] = {"clone_info", decode_clone_info, sizeof(struct pr_clone_info)},
	[PR_OP_EXIT_INFO] = {"exit_info", decode_exit_info, sizeof(struct pr_exit_info)},
	[PR_OP_REPARENT] = {"reparent", decode_reparent, sizeof(struct pr_reparent)},
	[PR_OP_EXEC_FAIL] = {"exec_fail", decode_exec_fail, sizeof(struct pr_exec_fail)},
	[PR_OP_HOST] = {"host", decode_items_only, PR_COMMON_SIZE},
	[PR_OP_USER_NAME] = {"user_name", decode_user_name, sizeof(struct pr_user_name)},
	[PR_OP_CLOCK] = {"clock", decode_clock, sizeof(struct pr_clock)},
	[PR_OP_STREAM_STATE] = {"stream_state", decode_stream_state, sizeof(struct pr_stream_state)},
	[PR_OP_LOSS] = {"loss", decode_loss, sizeof(struct pr_loss)},
	[PR_OP_KEYFRAME] = {"keyframe", decode_keyframe, sizeof(struct pr_keyframe)},
	[PR_OP_RECORDER] = {"recorder", decode_items_only, PR_COMMON_SIZE},
	[PR_OP_ORIGIN] = {"origin", decode_origin, sizeof(struct pr_origin)},
	[PR_OP_ENDED] = {"ended", decode_ended, sizeof(struct pr_ended)},
};

static int malformed(const char **out_why, const char *why)
{
	if (out_why)
		*out_why = why;
	return PR_EFORMAT;
}

int pr_decode(const void *data, size_t size, struct pr_event *out, const char **out_why)
{
	const uint8_t *p = data;
	const struct op *op;
	const char *why;

	out->op = 0;
	out->ktime = 0;
	if (size < PR_COMMON_SIZE)
		return malformed(out_why, "shorter than a header");
	if (U32(pr_msg_common, size) != size)
		return malformed(out_why, "the header's size is not the real one");
	out->op = p[0];
	out->ktime = U64(pr_msg_common, ktime);
	op = &ops[p[0]];
	if (!op->decode)
		return PR_ENOENT;
	if (size < op->fixed)
		return malformed(out_why, "shorter than its fixed part");
	why = op->decode(p, size, out);
	return why ? malformed(out_why, why) : PR_OK;
}

const char *pr_op_name(uint8_t op)
{
	return ops[op].name;
}

struct pr_id pr_execve_parent(const struct pr_execve *e)
{
	return e->cleanup.ktime == 0 || (e->flags & PR_EXEC_CLONE) ? e->parent : e->cleanup;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/rearrange_table.h"

#include "base/bytes.h"

#define AT(type, field) (uint16_t) __builtin_offsetof(struct type, field)
#define KTIME(type, field) {AT(type, field), 8, PR_RE_KTIME, 0}
#define SAME(type, field, as) {AT(type, field), 4, PR_RE_SAME, AT(type, as)}

/* The order is part of the format: new classes go to the end, and need an incompat bit. */
const struct pr_re_class pr_re_classes[PR_RE_CLASSES] = {
	{0, 0, {{0}}},
	{PR_OP_EXECVE, sizeof(struct pr_msg_execve),
		{KTIME(pr_msg_execve, cleanup.ktime), KTIME(pr_msg_execve, process.ktime),
			SAME(pr_msg_execve, process.tid, process.pid), SAME(pr_msg_execve, process.nspid, process.pid),
			SAME(pr_msg_execve, cleanup.pid, process.pid), {0}}},
	{PR_OP_EXIT, sizeof(struct pr_msg_exit), {KTIME(pr_msg_exit, current.ktime), SAME(pr_msg_exit, tid, current.pid), {0}}},
	{PR_OP_CLONE, sizeof(struct pr_msg_clone),
		{KTIME(pr_msg_clone, ktime), SAME(pr_msg_clone, tid, tgid),
			SAME(pr_msg_clone, nspid, tgid), {0}}},
	{PR_OP_DATA, sizeof(struct pr_msg_data), {KTIME(pr_msg_data, id.time), {0}}},
	{PR_OP_EXEC_INFO, sizeof(struct pr_exec_info),
		{KTIME(pr_exec_info, key.ktime), SAME(pr_exec_info, tid, key.pid), {0}}},
	{PR_OP_CLONE_INFO, sizeof(struct pr_clone_info),
		{KTIME(pr_clone_info, key.ktime), SAME(pr_clone_info, ppid, creator_tid), {0}}},
	{PR_OP_EXIT_INFO, sizeof(struct pr_exit_info), {KTIME(pr_exit_info, key.ktime), KTIME(pr_exit_info, start), {0}}},
	{PR_OP_REPARENT, sizeof(struct pr_reparent),
		{KTIME(pr_reparent, key.ktime), KTIME(pr_reparent, old_parent.ktime), {0}}},
	{PR_OP_EXEC_FAIL, sizeof(struct pr_exec_fail), {KTIME(pr_exec_fail, key.ktime), {0}}},
	{PR_OP_CLOCK, sizeof(struct pr_clock), {{0}}},
	{PR_OP_USER_NAME, sizeof(struct pr_user_name), {{0}}},
	{PR_OP_STREAM_STATE, sizeof(struct pr_stream_state), {{0}}},
};

uint8_t pr_re_class_of(uint8_t env_flags, const uint8_t *frame, uint32_t size)
{
	if (env_flags || size < PR_COMMON_SIZE || pr_get_u32(frame + 4) != size)
		return 0;
	for (uint8_t c = 1; c < PR_RE_CLASSES; c++)
		if (pr_re_classes[c].op == frame[0])
			return size >= pr_re_classes[c].fixed ? c : 0;
	return 0;
}

const struct pr_re_special *pr_re_special_at(const struct pr_re_class *c, uint32_t off)
{
	for (const struct pr_re_special *s = c->special; s->width; s++)
		if (s->off == off)
			return s;
	return NULL;
}

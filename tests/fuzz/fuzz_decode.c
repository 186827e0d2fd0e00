/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame decoder: the input is one frame. Every slice that it gives must lie within the frame. */
#include <string.h>

#include "replay/decode/decode.h"
#include "replay/decode/text.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t *frame;
static size_t frame_size;

static void check(struct pr_slice s)
{
	FUZZ_ASSERT(!s.n || (s.p >= frame && s.n <= frame_size && (size_t)(s.p - frame) <= frame_size - s.n));
	fuzz_touch(s.p, s.n);
}

static void check_execve(const struct pr_execve *e)
{
	struct pr_exec_strings s;
	struct pr_buf b = PR_BUF_INIT;

	check(e->strings);
	check(e->docker_id);
	pr_execve_strings(e, &s);
	check(s.filename);
	check(s.args);
	if (!(e->flags & PR_EXEC_ROOT_CWD)) /* then it is our own "/" */
		check(s.cwd);
	pr_text_arguments(&b, s.args.p, s.args.n);
	FUZZ_ASSERT(b.len <= 2 * s.args.n + 2 * (s.args.n + 1)); /* at most quotes and backslashes are added */
	pr_text_binary(&b, s.filename, s.cwd);
	pr_text_caps(&b, e->permitted);
	pr_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_event ev;
	struct pr_own_item item;
	const char *why = NULL;
	uint8_t *copy = malloc(size ? size : 1);
	int err;

	FUZZ_ASSERT(copy);
	if (size)
		memcpy(copy, data, size);
	frame = copy;
	frame_size = size;
	memset(&ev, 0xa5, sizeof(ev));
	err = pr_decode(copy, size, &ev, &why);
	FUZZ_ASSERT(err == 0 || err == PR_ENOENT || (err == PR_EFORMAT && why));
	if (!err && ev.op == PR_OP_EXECVE) {
		check_execve(&ev.execve);
	} else if (!err && ev.op == PR_OP_DATA) {
		check(ev.data.payload);
		FUZZ_ASSERT(ev.data.payload.n <= PR_DATA_PAYLOAD_MAX);
	} else if (!err && (ev.op == PR_OP_EXEC_INFO || ev.op == PR_OP_CLONE_INFO || ev.op == PR_OP_EXEC_FAIL ||
				   ev.op == PR_OP_HOST || ev.op == PR_OP_RECORDER)) {
		check(ev.own.items);
		while (pr_own_item_next(&ev.own.items, &item))
			if (!item.is_desc)
				check(item.bytes);
	} else if (!err && ev.op == PR_OP_USER_NAME) {
		check(ev.own.name);
	} else if (!err && ev.op == PR_OP_STREAM_STATE) {
		check(ev.own.rows);
	}
	free(copy);
	return 0;
}

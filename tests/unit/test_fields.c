/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every field of every frame, read from its documented place: frames of bytes that are all different, so that a field taken
 * from a wrong offset, of a wrong width, or not at all, shows. The offsets are written out here, not taken from schema/frame.h.
 */
#include "tests/unit/unit.h"

#include "base/text.h"
#include "replay/decode/decode.h"
#include "replay/decode/text.h"

struct field {
	size_t at, width; /* in struct pr_event */
	size_t wire, wire_width;
	const char *name;
};

#define FIELD(member, wire_at, wire_bytes)                                                                             \
	{                                                                                                              \
		offsetof(struct pr_event, member), sizeof(((struct pr_event *)0)->member), wire_at, wire_bytes, #member \
	}
#define ID(member, wire_at) FIELD(member.pid, wire_at, 4), FIELD(member.ktime, (wire_at) + 8, 8)
#define END {0, 0, 0, 0, NULL}

static const struct field execve_fields[] = {FIELD(ktime, 8, 8), FIELD(execve.net_ns, 16, 4), FIELD(execve.cid, 20, 4),
	FIELD(execve.cgroup_id, 24, 8), ID(execve.parent, 160), FIELD(execve.parent_flags, 176, 8), FIELD(execve.cred_uid, 184, 4),
	FIELD(execve.gid, 188, 4), FIELD(execve.suid, 192, 4), FIELD(execve.sgid, 196, 4), FIELD(execve.euid, 200, 4),
	FIELD(execve.egid, 204, 4), FIELD(execve.fsuid, 208, 4), FIELD(execve.fsgid, 212, 4), FIELD(execve.securebits, 216, 4),
	FIELD(execve.permitted, 224, 8), FIELD(execve.effective, 232, 8), FIELD(execve.inheritable, 240, 8),
	FIELD(execve.user_ns_level, 248, 4), FIELD(execve.user_ns_uid, 252, 4), FIELD(execve.user_ns_gid, 256, 4),
	FIELD(execve.user_ns_inum, 260, 4), FIELD(execve.ns[0], 264, 4), FIELD(execve.ns[1], 268, 4), FIELD(execve.ns[2], 272, 4),
	FIELD(execve.ns[3], 276, 4), FIELD(execve.ns[4], 280, 4), FIELD(execve.ns[5], 284, 4), FIELD(execve.ns[6], 288, 4),
	FIELD(execve.ns[7], 292, 4), FIELD(execve.ns[8], 296, 4), FIELD(execve.ns[9], 300, 4), ID(execve.cleanup, 304),
	FIELD(execve.size, 320, 4), FIELD(execve.id.pid, 324, 4), FIELD(execve.tid, 328, 4), FIELD(execve.nspid, 332, 4),
	FIELD(execve.secureexec, 336, 4), FIELD(execve.uid, 340, 4), FIELD(execve.auid, 344, 4), FIELD(execve.flags, 348, 4),
	FIELD(execve.nlink, 352, 4), FIELD(execve.inode, 360, 8), FIELD(execve.id.ktime, 368, 8), END};
static const struct field clone_fields[] = {FIELD(ktime, 8, 8), ID(clone.parent, 16), FIELD(clone.id.pid, 32, 4), FIELD(clone.tid, 36, 4),
	FIELD(clone.nspid, 40, 4), FIELD(clone.flags, 44, 4), FIELD(clone.id.ktime, 48, 8), END};
static const struct field exit_fields[] = {
	FIELD(ktime, 8, 8), ID(exit.id, 16), FIELD(exit.status, 32, 4), FIELD(exit.tid, 36, 4), END};
static const struct field data_fields[] = {FIELD(ktime, 8, 8), FIELD(data.id_pid, 16, 8), FIELD(data.id_time, 24, 8), END};
static const struct field exec_info_fields[] = {FIELD(ktime, 8, 8), ID(own.id, 16), FIELD(own.argc, 32, 4), FIELD(own.args_bytes, 36, 4),
	FIELD(own.tid, 40, 4), FIELD(own.sid, 44, 4), FIELD(own.pgid, 48, 4), FIELD(own.tty, 52, 4), FIELD(own.ppid, 56, 4),
	FIELD(own.envc, 60, 4), END};
static const struct field clone_info_fields[] = {FIELD(ktime, 8, 8), ID(own.id, 16), FIELD(own.clone_flags, 32, 8), FIELD(own.tid, 40, 4),
	FIELD(own.ppid, 44, 4), FIELD(own.sid, 48, 4), FIELD(own.pgid, 52, 4), END};
static const struct field exit_info_fields[] = {
	FIELD(ktime, 8, 8), ID(own.id, 16), FIELD(own.ppid, 32, 4), FIELD(own.start, 40, 8), END};
static const struct field reparent_fields[] = {
	FIELD(ktime, 8, 8), ID(own.id, 16), ID(own.old_parent, 32), ID(own.new_parent, 48), END};
static const struct field exec_fail_fields[] = {
	FIELD(ktime, 8, 8), ID(own.id, 16), FIELD(own.tid, 32, 4), FIELD(own.error, 36, 4), END};
static const struct field user_name_fields[] = {FIELD(ktime, 8, 8), FIELD(own.uid, 16, 4), END};
static const struct field clock_fields[] = {
	FIELD(ktime, 8, 8), FIELD(own.monotonic, 16, 8), FIELD(own.realtime, 24, 8), FIELD(own.uncertainty, 32, 8), END};
static const struct field stream_state_fields[] = {FIELD(ktime, 8, 8), FIELD(own.end, 16, 4), END};
static const struct field loss_fields[] = {FIELD(ktime, 8, 8), FIELD(own.reason, 16, 4), FIELD(own.stream, 20, 4), FIELD(own.count, 24, 8),
	FIELD(own.since, 32, 8), END};
static const struct field keyframe_fields[] = {FIELD(ktime, 8, 8), FIELD(own.end, 16, 4), FIELD(own.processes, 20, 4), END};
static const struct field origin_fields[] = {FIELD(ktime, 8, 8), FIELD(own.since, 16, 8), FIELD(own.until, 24, 8), FIELD(own.from, 32, 8),
	FIELD(own.to, 40, 8), END};
static const struct field ended_fields[] = {
	FIELD(ktime, 8, 8), ID(own.id, 16), FIELD(own.when, 32, 8), FIELD(own.status, 40, 4), FIELD(own.how, 44, 4), END};

static const struct {
	uint8_t op;
	const char *name;
	size_t fixed; /* bytes of the frame without what follows the fixed part */
	const struct field *fields;
} kinds[] = {
	{5, "execve", 376, execve_fields},
	{7, "exit", 40, exit_fields},
	{23, "clone", 56, clone_fields},
	{24, "data", 32, data_fields},
	{200, "exec_info", 64, exec_info_fields},
	{201, "clone_info", 56, clone_info_fields},
	{202, "exit_info", 48, exit_info_fields},
	{203, "reparent", 64, reparent_fields},
	{204, "exec_fail", 40, exec_fail_fields},
	{211, "user_name", 24, user_name_fields},
	{212, "clock", 40, clock_fields},
	{213, "stream_state", 24, stream_state_fields},
	{214, "loss", 40, loss_fields},
	{215, "keyframe", 24, keyframe_fields},
	{217, "origin", 48, origin_fields},
	{218, "ended", 48, ended_fields},
};

static uint64_t little_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* The number in memory, whatever the host's byte order. */
static uint64_t member(const void *p, size_t width)
{
	uint32_t v32;
	uint64_t v64;

	if (width == 4) {
		memcpy(&v32, p, 4);
		return v32;
	}
	assert_int_equal(width, 8);
	memcpy(&v64, p, 8);
	return v64;
}

/* A frame of op, `size` bytes, all different from their neighbours at any of the distances in question. */
static void fill(uint8_t *p, uint8_t op, size_t size, unsigned salt)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)((i * 167 + (i >> 3) * 29 + salt) >> (i & 1) | 1);
	p[0] = op;
	for (unsigned i = 0; i < 4; i++)
		p[4 + i] = (uint8_t)(size >> 8 * i);
	if (op == PR_OP_EXECVE) {
		for (unsigned i = 0; i < 4; i++)
			p[320 + i] = (uint8_t)((size - 320) >> 8 * i);
	}
}

static void each_field(void **state)
{
	uint8_t frame[512];
	struct pr_event e;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (unsigned salt = 0; salt < 256; salt += 51) {
			fill(frame, kinds[k].op, kinds[k].fixed, salt);
			memset(&e, 0xee, sizeof(e));
			assert_int_equal(pr_decode(frame, kinds[k].fixed, &e, NULL), 0);
			assert_int_equal(e.op, kinds[k].op);
			for (const struct field *f = kinds[k].fields; f->name; f++) {
				uint64_t got = member((const uint8_t *)&e + f->at, f->width);

				assert_int_equal(f->width, f->wire_width);
				if (got != little_endian(frame + f->wire, f->wire_width))
					fail_msg("%s: %s is 0x%llx", kinds[k].name, f->name, (unsigned long long)got);
			}
		}
	}
}

static void what_follows_the_fixed_part(void **state)
{
	static const struct {
		uint8_t op;
		size_t fixed, at; /* of the slice in struct pr_event */
	} tails[] = {{5, 376, offsetof(struct pr_event, execve.strings)}, {24, 32, offsetof(struct pr_event, data.payload)},
		{211, 24, offsetof(struct pr_event, own.name)}, {213, 24, offsetof(struct pr_event, own.rows)}};
	struct pr_slice got;
	uint8_t frame[512];
	struct pr_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		for (size_t n = 0; n <= 48; n += 24) {
			fill(frame, tails[i].op, tails[i].fixed + n, 3);
			assert_int_equal(pr_decode(frame, tails[i].fixed + n, &e, NULL), 0);
			memcpy(&got, (const uint8_t *)&e + tails[i].at, sizeof(got));
			assert_int_equal(got.n, n);
			if (n)
				assert_ptr_equal(got.p, frame + tails[i].fixed);
		}
	}
	fill(frame, 5, 400, 9);
	assert_int_equal(pr_decode(frame, 400, &e, NULL), 0);
	assert_int_equal(e.execve.docker_id.n, 128);
	assert_ptr_equal(e.execve.docker_id.p, frame + 32);
	assert_false(e.execve.oversized);
	frame[320] = frame[321] = frame[322] = frame[323] = 0; /* process.size 0 wraps */
	assert_int_equal(pr_decode(frame, 400, &e, NULL), 0);
	assert_true(e.execve.oversized);
	assert_int_equal(e.execve.strings.n, 0);
}

static void items(void **state)
{
	static const uint8_t ops[] = {200, 201, 204, 210, 216};
	static const uint8_t fixed[] = {64, 56, 40, 16, 16};
	struct pr_own_item item;
	struct pr_slice left;
	uint8_t frame[256];
	struct pr_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(ops); i++) {
		size_t at = fixed[i], size = at + 4 + 3 + 4 + 32 + 4;

		fill(frame, ops[i], size, 5);
		memcpy(frame + at, "\x01\x40\x03\x00", 4); /* ARGV0 | CUT, 3 bytes */
		memcpy(frame + at + 7, "\x04\x80\x20\x00", 4); /* CWD | DESC, 32 bytes */
		memcpy(frame + at + 43, "\x01\x00\x00\x00", 4); /* ARGV0, empty */
		memset(&item, 0, sizeof(item));
		assert_int_equal(pr_decode(frame, size, &e, NULL), 0);
		left = e.own.items;
		assert_ptr_equal(left.p, frame + at);
		assert_int_equal(left.n, size - at);
		assert_true(pr_own_item_next(&left, &item));
		assert_int_equal(item.type, PR_ITEM_ARGV0);
		assert_true(item.cut);
		assert_false(item.is_desc);
		assert_int_equal(item.bytes.n, 3);
		assert_ptr_equal(item.bytes.p, frame + at + 4);
		assert_true(pr_own_item_next(&left, &item));
		assert_int_equal(item.type, PR_ITEM_CWD);
		assert_false(item.cut);
		assert_true(item.is_desc);
		assert_int_equal((uint32_t)item.desc.error, little_endian(frame + at + 11, 4));
		assert_int_equal(item.desc.leftover, little_endian(frame + at + 19, 4));
		assert_int_equal(item.desc.size, little_endian(frame + at + 23, 4));
		assert_true(item.desc.id_pid == little_endian(frame + at + 27, 8));
		assert_true(item.desc.id_time == little_endian(frame + at + 35, 8));
		assert_true(pr_own_item_next(&left, &item));
		assert_int_equal(item.type, PR_ITEM_ARGV0);
		assert_false(item.cut);
		assert_false(item.is_desc);
		assert_int_equal(item.bytes.n, 0);
		assert_false(pr_own_item_next(&left, &item));
		assert_int_equal(left.n, 0);
		frame[at + 9] = 31; /* a descriptor of 31 bytes, and one left over */
		assert_int_equal(pr_decode(frame, size, &e, NULL), PR_EFORMAT);
	}
}

/* Bytes that nobody checked before: the walk ends, and stays in bounds. */
static void items_unchecked(void **state)
{
	uint8_t three[3] = {1, 0, 0}, beyond[5] = {1, 0, 2, 0, 'x'}, desc[4 + 31] = {4, 0x80, 31, 0};
	struct pr_slice left[] = {{three, 3}, {beyond, 5}, {desc, sizeof(desc)}};
	struct pr_own_item item;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_false(pr_own_item_next(&left[i], &item));
		assert_int_equal(left[i].n, 0);
		assert_false(pr_own_item_next(&left[i], &item));
	}
}

static void items_as_numbers(void **state)
{
	static const char *const numbers[] = {"0", "7", "4194304", "18446744073709551615"};
	static const char *const others[] = {"", "-1", "+1", " 1", "1 ", "0x10", "18446744073709551616", "000000000000000000001", "000000000000000000000000000000001", "1x"};
	struct pr_own_item item = {.type = PR_ITEM_ROOT_PID};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		item.bytes = (struct pr_slice){(const uint8_t *)numbers[i], strlen(numbers[i])};
		assert_true(pr_own_item_number(&item, &v));
		assert_true(v == strtoull(numbers[i], NULL, 10));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		item.bytes = (struct pr_slice){(const uint8_t *)others[i], strlen(others[i])};
		assert_false(pr_own_item_number(&item, &v));
	}
	item.bytes = (struct pr_slice){(const uint8_t *)"1\0002", 3};
	assert_false(pr_own_item_number(&item, &v));
	item.bytes = (struct pr_slice){(const uint8_t *)"12", 1}; /* not ended by a NUL */
	assert_true(pr_own_item_number(&item, &v) && v == 1);
	item.is_desc = true;
	assert_false(pr_own_item_number(&item, &v));
}

static void malformed_says_why(void **state)
{
	uint8_t frame[512];
	const char *why;
	struct pr_event e;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		fill(frame, kinds[k].op, kinds[k].fixed - 1, 1);
		why = NULL;
		assert_int_equal(pr_decode(frame, kinds[k].fixed - 1, &e, &why), PR_EFORMAT);
		assert_non_null(why);
		assert_int_equal(e.op, kinds[k].op);
		assert_true(e.ktime == little_endian(frame + 8, 8));
	}
	why = NULL;
	e.op = 9;
	e.ktime = 9;
	assert_int_equal(pr_decode(frame, 15, &e, &why), PR_EFORMAT);
	assert_string_equal(why, "shorter than a header");
	assert_int_equal(e.op, 0);
	assert_int_equal(e.ktime, 0);
	fill(frame, 7, 40, 1);
	assert_int_equal(pr_decode(frame, 41, &e, &why), PR_EFORMAT);
	assert_int_equal(pr_decode(frame, 39, &e, &why), PR_EFORMAT);
	assert_int_equal(pr_decode(frame, 40, &e, &why), 0);
}

/* The cwd goes in front of a relative filename alone. */
static void binary_of_filename_and_cwd(void **state)
{
	static const struct {
		const char *filename, *cwd, *binary;
	} cases[] = {{"/x", "/c", "/x"}, {"x", "/c", "/c/x"}, {"x", "/c/", "/c/x"}, {"x", "/", "/x"}, {"x", "", "x"}, {"/x", "", "/x"},
		{"", "/c", "enomem"}, {"", "", "enomem"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pr_slice filename = {(const uint8_t *)cases[i].filename, strlen(cases[i].filename)};
		struct pr_slice cwd = {(const uint8_t *)cases[i].cwd, strlen(cases[i].cwd)};
		struct pr_buf b = PR_BUF_INIT;

		pr_text_binary(&b, filename, cwd);
		pr_buf_u8(&b, 0);
		assert_string_equal((const char *)b.data, cases[i].binary);
		pr_buf_release(&b);
	}
}

/* Short host names and such as do not fit a small buffer. */
static void exec_id_of_any_host(void **state)
{
	char host[200];

	(void)state;
	memset(host, 'h', sizeof(host));
	for (size_t n = 0; n <= sizeof(host); n++) {
		struct pr_buf b = PR_BUF_INIT, plain = PR_BUF_INIT, want = PR_BUF_INIT;

		pr_text_exec_id(&b, (struct pr_slice){(const uint8_t *)host, n}, (struct pr_id){4194304, UINT64_MAX});
		pr_buf_append(&plain, host, n);
		pr_buf_str(&plain, ":18446744073709551615:4194304");
		pr_base64(&want, plain.data, plain.len);
		assert_int_equal(b.len, want.len);
		assert_memory_equal(b.data, want.data, b.len);
		pr_buf_release(&b);
		pr_buf_release(&plain);
		pr_buf_release(&want);
	}
}

/* Which strings are "enomem" is told beside them. */
static void enomem(void **state)
{
	static const struct {
		uint32_t size, flags;
		size_t n;
		enum pr_enomem want;
	} cases[] = {{0, 0, 0, PR_ENOMEM_ALL}, {56 + 1593, 0, 0, PR_ENOMEM_ALL}, {56 + 31, PR_EXEC_DATA_FILENAME, 31, PR_ENOMEM_ALL},
		{56 + 31, PR_EXEC_DATA_FILENAME | PR_EXEC_DATA_ARGS, 31, PR_ENOMEM_ALL}, {56 + 32, PR_EXEC_DATA_FILENAME, 32, PR_ENOMEM_NONE}, {56 + 31, PR_EXEC_DATA_ARGS | PR_EXEC_ERROR_FILENAME, 31, PR_ENOMEM_ARGS},
		{56 + 32, PR_EXEC_DATA_ARGS | PR_EXEC_ERROR_FILENAME, 32, PR_ENOMEM_NONE}, {56, 0, 0, PR_ENOMEM_NONE}};
	struct pr_exec_strings strings;
	uint8_t frame[512];
	struct pr_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fill(frame, 5, 376 + cases[i].n, 1);
		for (unsigned b = 0; b < 4; b++) {
			frame[320 + b] = (uint8_t)(cases[i].size >> 8 * b);
			frame[348 + b] = (uint8_t)(cases[i].flags >> 8 * b);
		}
		assert_int_equal(pr_decode(frame, 376 + cases[i].n, &e, NULL), 0);
		pr_execve_strings(&e.execve, &strings);
		assert_int_equal(strings.enomem, cases[i].want);
	}
}

static void names_of_signals(void **state)
{
	(void)state;
	assert_null(pr_signal_name(0));
	assert_string_equal(pr_signal_name(1), "SIGHUP");
	assert_string_equal(pr_signal_name(9), "SIGKILL");
	assert_string_equal(pr_signal_name(31), "SIGSYS");
	assert_null(pr_signal_name(32));
	assert_null(pr_signal_name(127));
}

static void names_of_ops(void **state)
{
	static const struct {
		uint8_t op;
		const char *name;
	} raw[] = {{13, "generic_kprobe"}, {14, "generic_tracepoint"}, {15, "generic_uprobe"}, {25, "cgroup"}, {26, "loader"},
		{27, "throttle"}, {254, "test"}};
	uint8_t frame[512];
	struct pr_event e;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		assert_string_equal(pr_op_name(kinds[k].op), kinds[k].name);
	assert_string_equal(pr_op_name(210), "host");
	assert_string_equal(pr_op_name(216), "recorder");
	for (unsigned op = 0, known = 0; op < 256; op++) {
		known += pr_op_name((uint8_t)op) != NULL;
		if (op == 255)
			assert_int_equal(known, sizeof(kinds) / sizeof(kinds[0]) + 2 + sizeof(raw) / sizeof(raw[0]));
	}
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		assert_string_equal(pr_op_name(raw[i].op), raw[i].name);
		fill(frame, raw[i].op, 16, 1);
		assert_int_equal(pr_decode(frame, 16, &e, NULL), PR_ENOENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field),
		cmocka_unit_test(what_follows_the_fixed_part),
		cmocka_unit_test(items),
		cmocka_unit_test(items_unchecked),
		cmocka_unit_test(items_as_numbers),
		cmocka_unit_test(malformed_says_why),
		cmocka_unit_test(binary_of_filename_and_cwd),
		cmocka_unit_test(exec_id_of_any_host),
		cmocka_unit_test(enomem),
		cmocka_unit_test(names_of_signals),
		cmocka_unit_test(names_of_ops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The text form: every frame comes back byte for byte, canonical text is stable, and errors name their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "replay/asm/asm.h"

/* ---- a stream of frames in memory ------------------------------------------------------------------------------- */

struct stream {
	struct pr_buf bytes; /* envelopes in host order, each followed by its frame */
};

static int put(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct stream *s = ctx;

	(void)ei;
	pr_buf_append(&s->bytes, env, sizeof(*env));
	pr_buf_append(&s->bytes, frame, env->size);
	return 0;
}

static void disassemble(const struct stream *s, struct pr_buf *out)
{
	struct pr_disasm d;
	struct pr_envelope env;

	pr_disasm_init(&d);
	for (size_t i = 0; i < s->bytes.len; i += sizeof(env) + env.size) {
		memcpy(&env, s->bytes.data + i, sizeof(env));
		assert_int_equal(pr_disasm_frame(&d, &env, s->bytes.data + i + sizeof(env), out), 0);
	}
	pr_disasm_release(&d);
}

static void round_trip(const struct stream *s)
{
	struct stream back = {PR_BUF_INIT};
	struct pr_buf text = PR_BUF_INIT, again = PR_BUF_INIT;
	struct pr_errinfo ei = {.msg = ""};

	disassemble(s, &text);
	if (pr_asm_text("text", text.data, text.len, put, &back, &ei)) {
		printf("%.*s\n%s\n", (int)text.len, (char *)text.data, ei.msg);
		fail();
	}
	assert_int_equal(back.bytes.len, s->bytes.len);
	assert_true(!s->bytes.len || !memcmp(back.bytes.data, s->bytes.data, s->bytes.len));
	disassemble(&back, &again);
	assert_int_equal(again.len, text.len);
	assert_true(!text.len || !memcmp(again.data, text.data, text.len));
	pr_buf_release(&back.bytes);
	pr_buf_release(&text);
	pr_buf_release(&again);
}

/* ---- random frames ---------------------------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(rnd() >> 32) % n;
}

static void put_text(struct pr_buf *b, size_t n)
{
	static const char *const pieces[] = {"a", "/usr/bin", " ", "\"", "\\", "\n", "\x1b[31m", "\xe2\x80\xae", "\xff\xfe", "é", "#",
		"]", "}", "=", "\t", "\r", "\x7f", "\xc2\x85", "*3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\xf0\x9f\x90\xa7", "\xed\xa0\x80"};

	for (size_t i = 0; i < n; i++) {
		if (below(6) == 0)
			pr_buf_u8(b, 0);
		else
			pr_buf_str(b, pieces[below(sizeof(pieces) / sizeof(pieces[0]))]);
	}
}

static void put_items(struct pr_buf *b)
{
	for (uint32_t i = below(4); i > 0; i--) {
		size_t at = b->len;
		uint32_t type = below(3) ? below(70) : (uint32_t)rnd() & 0xffff;

		pr_buf_u32(b, 0);
		if (below(4) == 0)
			for (int k = 0; k < 4; k++)
				pr_buf_u64(b, below(2) ? rnd() : below(9));
		else
			put_text(b, below(9));
		if (below(5) == 0)
			type |= 0x4000u << below(2);
		pr_put_u16(b->data + at, (uint16_t)type);
		pr_put_u16(b->data + at + 2, (uint16_t)(b->len - at - 4 + (below(30) ? 0 : below(9))));
	}
}

static void put_fixed(struct pr_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i += 4)
		pr_buf_u32(b, below(3) ? 0 : below(2) ? below(300) : (uint32_t)rnd());
}

/* A frame that is nearly right, of any kind. */
static void put_likely(struct pr_buf *b)
{
	static const struct {
		uint8_t op, fixed;
		uint16_t more;
	} kinds[] = {{PR_OP_EXIT, 40, 0}, {PR_OP_CLONE, 56, 0}, {PR_OP_DATA, 32, 1}, {PR_OP_EXEC_INFO, 64, 2}, {PR_OP_CLONE_INFO, 56, 2},
		{PR_OP_EXIT_INFO, 48, 0}, {PR_OP_REPARENT, 64, 0}, {PR_OP_EXEC_FAIL, 40, 2}, {PR_OP_HOST, 16, 2}, {PR_OP_USER_NAME, 24, 1},
		{PR_OP_CLOCK, 40, 0}, {PR_OP_STREAM_STATE, 24, 3}, {PR_OP_LOSS, 40, 0}, {PR_OP_KEYFRAME, 24, 0}, {PR_OP_RECORDER, 16, 2}, {PR_OP_ORIGIN, 48, 2}, {PR_OP_ENDED, 48, 0},
		{PR_OP_TEST, 16, 1}, {13, 16, 1}, {99, 16, 1}};
	size_t k = below(sizeof(kinds) / sizeof(kinds[0]));
	size_t at = b->len;

	put_fixed(b, kinds[k].fixed);
	if (kinds[k].more == 1 || below(20) == 0)
		put_text(b, below(60));
	if (kinds[k].more == 2)
		put_items(b);
	if (kinds[k].more == 3)
		put_fixed(b, 24 * below(4));
	b->data[at] = kinds[k].op;
	pr_put_u32(b->data + at + 4, (uint32_t)(b->len - at));
	if (below(4))
		memset(b->data + at + 1, 0, 3);
}

static void put_execve(struct pr_buf *b)
{
	static const uint32_t flags[] = {PR_EXEC_EXECVE, PR_EXEC_CLONE, PR_EXEC_PROCFS, PR_EXEC_ROOT_CWD, PR_EXEC_NO_CWD_SUPPORT,
		PR_EXEC_ERROR_CWD, PR_EXEC_ERROR_FILENAME, PR_EXEC_DATA_FILENAME, PR_EXEC_DATA_ARGS, 0x80000000};
	size_t at = b->len;
	uint32_t f = 0;

	put_fixed(b, sizeof(struct pr_msg_execve));
	for (uint32_t i = below(4); i > 0; i--)
		f |= flags[below(10)];
	for (int i = 0; i < 2; i++)
		if (f & (i ? PR_EXEC_DATA_ARGS : PR_EXEC_DATA_FILENAME))
			put_fixed(b, below(6) ? 32 : below(32));
		else
			put_text(b, below(12));
	put_text(b, below(12));
	b->data[at] = PR_OP_EXECVE;
	memset(b->data + at + 1, 0, 3);
	pr_put_u32(b->data + at + 4, (uint32_t)(b->len - at));
	pr_put_u32(b->data + at + 320, (uint32_t)(b->len - at - 320));
	pr_put_u32(b->data + at + 348, f);
	if (below(3) == 0)
		memset(b->data + at + 32, 'd', 64);
}

static void put_random_frame(struct stream *s, uint64_t next[4])
{
	struct pr_envelope env = {.cpu = PR_CPU_NONE};
	struct pr_buf b = PR_BUF_INIT;
	uint32_t kind = below(10);

	if (kind < 4)
		put_execve(&b);
	else if (kind < 8)
		put_likely(&b);
	else
		put_fixed(&b, below(kind == 8 ? 60 : 700));
	if (below(8) == 0)
		b.len -= below((uint32_t)b.len + 1);
	for (uint32_t i = below(8) ? 0 : below(6); i > 0 && b.len; i--)
		b.data[below((uint32_t)b.len)] ^= (uint8_t)(1u << below(8));
	if (below(3))
		env.cpu = (uint16_t)below(4);
	env.stream = (uint8_t)(below(20) ? below(6) : rnd() & 0xff);
	env.flags = (uint8_t)(below(6) ? 0 : below(4) ? below(8) : rnd() & 0xff);
	env.seq = below(8) ? next[env.cpu & 3]++ : rnd();
	env.size = (uint32_t)b.len;
	assert_int_equal(put(s, &env, b.data, NULL), 0);
	pr_buf_release(&b);
}

static void test_random_streams(void **unused)
{
	size_t frames = 0;

	(void)unused;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct stream s = {PR_BUF_INIT};
		uint64_t next[4] = {0};

		state = seed * 0x9e3779b97f4a7c15ull;
		for (uint32_t n = 20 + below(80); n > 0; n--, frames++)
			put_random_frame(&s, next);
		round_trip(&s);
		pr_buf_release(&s.bytes);
	}
	printf("%zu frames\n", frames);
	assert_true(frames > 50000);
}

/* Frames that are as they should be must not fall back to bytes. */
static void test_likely_frames_are_symbolic(void **unused)
{
	(void)unused;
	state = 42;
	for (int i = 0; i < 5000; i++) {
		struct stream s = {PR_BUF_INIT};
		struct pr_envelope env = {.cpu = PR_CPU_NONE};
		struct pr_buf b = PR_BUF_INIT, text = PR_BUF_INIT;
		uint8_t op;

		if (i & 1)
			put_execve(&b);
		else
			put_likely(&b);
		op = b.data[0];
		env.size = (uint32_t)b.len;
		put(&s, &env, b.data, NULL);
		disassemble(&s, &text);
		if (op != 99 && text.len > 6 && (!memcmp(text.data, "frame ", 6) || !memcmp(text.data, "raw", 3))) {
			printf("%.*s\n", (int)text.len, (char *)text.data);
			fail();
		}
		pr_buf_release(&b);
		pr_buf_release(&text);
		pr_buf_release(&s.bytes);
	}
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static void expect_bytes(const char *text, const uint8_t *want, size_t n)
{
	struct stream s = {PR_BUF_INIT};
	struct pr_errinfo ei = {.msg = ""};

	if (pr_asm_text("t", text, strlen(text), put, &s, &ei))
		fail_msg("%s", ei.msg);
	assert_int_equal(s.bytes.len, sizeof(struct pr_envelope) + n);
	assert_memory_equal(s.bytes.data + sizeof(struct pr_envelope), want, n);
	pr_buf_release(&s.bytes);
}

static void test_layout(void **unused)
{
	static const uint8_t exit_frame[40] = {7, 0, 0, 0, 40, 0, 0, 0, 0x39, 5, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0,
		0, 0, 0x8b, 0, 0, 0, 2, 0, 0, 0};
	static const uint8_t data_frame[39] = {24, 0, 0, 0, 39, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0,
		0, 'a', 'a', 0, 'b', 0xff, '"', '\n'};

	(void)unused;
	expect_bytes("exit pid=2@20 time=1337 code=signal:11+core", exit_frame, sizeof(exit_frame));
	expect_bytes("exit\n\n # why\n  pid=2@20 code=0x8b\n\ttime=0x539 # so\n", exit_frame, sizeof(exit_frame));
	expect_bytes("data id=4:5@9 bytes=\"a\"*2 \"\\0b\"\n\t\"\\xff\\\"\\n\"", data_frame, sizeof(data_frame));
}

static void test_defaults_of_execve(void **unused)
{
	struct stream s = {PR_BUF_INIT};
	const char *text = "execve pid=2@20 parent=1@1 uid=7 gid=8 filename=\"/bin/a\" args=[\"x\", \"\"] cwd=\"/r\"";
	const uint8_t *f;

	(void)unused;
	assert_int_equal(pr_asm_text("t", text, strlen(text), put, &s, NULL), 0);
	f = s.bytes.data + sizeof(struct pr_envelope);
	assert_int_equal(pr_get_u32(f + 4), 376 + 12);
	assert_int_equal(pr_get_u64(f + 8), 20);
	assert_int_equal(pr_get_u32(f + 320), 56 + 12);
	assert_int_equal(pr_get_u32(f + 324), 2);
	assert_int_equal(pr_get_u32(f + 328), 2);
	assert_int_equal(pr_get_u64(f + 368), 20);
	assert_int_equal(pr_get_u32(f + 340), 7); /* process.uid */
	assert_int_equal(pr_get_u32(f + 344), 0xffffffff); /* auid */
	for (int i = 0; i < 8; i++) /* creds: uid, gid, suid, ... */
		assert_int_equal(pr_get_u32(f + 184 + 4 * i), i % 2 ? 8 : 7);
	assert_memory_equal(f + 376, "/bin/a\0x\0\0/r", 12);
	pr_buf_release(&s.bytes);
}

static void test_errors_name_their_place(void **unused)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"exit pid=2@20\nexitt pid=3@3", "t:2:1: 'exitt' is not a kind of frame; did you mean 'exit'?"},
		{"xyzzyx", "t:1:1: 'xyzzyx' is not a kind of frame; procrec-frames(5) lists them"},
		{" exit", "t:1:2: a frame begins in column 1; lines that begin with a blank continue one"},
		{"exit pid=2", "t:1:10: pid: '2' is not PID@KTIME, such as 2@20"},
		{"exit pid=2@20 code=exit:256", "t:1:20: code: 'exit:256' is not exit:N, signal:N, signal:N+core, or the kernel's number"},
		{"exit\n\tpid=2@20\n\tcodee=3", "t:3:2: exit has no field 'codee'; did you mean 'code'?"},
		{"exit code=1 code=2", "t:1:13: code= is given twice; a frame has it once"},
		{"exit cpu=1 cpu=2", "t:1:12: cpu= is given twice; a frame has it once"},
		{"exit code 1", "t:1:6: NAME=VALUE is expected here; is '=' missing, or a quote?"},
		{"exit =1", "t:1:6: NAME=VALUE is expected here"},
		{"execve filename=\"/bin/a\n", "t:1:17: this string is not closed; a newline in it is written \\n"},
		{"execve filename=\"a\\q\"", "t:1:19: unknown escape; there are \\n \\t \\r \\0 \\\\ \\\" \\xNN and \\u{HEX}"},
		{"execve filename=\"\\xg0\"", "t:1:18: \\x needs two hexadecimal digits: \\x1b"},
		{"execve filename=\"\\u{110000}\"", "t:1:18: \\u{...} needs a code point in hexadecimal, 10ffff at most"},
		{"execve filename=\"\x01\"", "t:1:18: control byte in a string; write it as \\x01"},
		{"execve filename=x", "t:1:17: a string in double quotes is expected here"},
		{"execve args=\"a\"", "t:1:13: args: a list is expected here: [\"-l\", \"file\"], or desc{...}"},
		{"execve args=[\"a\" 1]", "t:1:18: args: ',' or ']' is expected behind a string of the list"},
		{"execve args=[\"a\"", "t:1:13: args: this list is not closed: ']' is missing"},
		{"execve strings=\"a\" cwd=\"b\"", "t:1:1: strings= stands alone: it is filename, args and cwd in one"},
		{"execve filename=desc{id=1@2", "t:1:21: desc{ is not closed: '}' is missing"},
		{"execve filename=desc{size=1 idd=1@2}", "t:1:29: desc{} has id=, size=, leftover=, error= and pad="},
		{"data id=1@2 bytes=\"a\"*99999999", "t:1:22: longer than a frame can be (17301504 bytes)"},
		{"raw hex=123", "t:1:9: '123' has an odd number of digits; a byte has two"},
		{"execve uid=4294967296", "t:1:12: uid: '4294967296' is not a whole number (decimal or 0x) of 4 bytes"},
		{"stream_state row=1/2/3", "t:1:18: row: CPU/STREAM/NEXT/LOST is expected here, such as 0/exec/12/0"},
		{"loss reason=fire", "t:1:13: reason: 'fire' is not a number or one of: recursion map_full disk queue damage before retention"},
		{"exit cpu=65536", "t:1:10: cpu: '65536' is not a CPU's number, or none"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream s = {PR_BUF_INIT};
		struct pr_errinfo ei = {.msg = ""};

		assert_int_equal(pr_asm_text("t", cases[i].text, strlen(cases[i].text), put, &s, &ei), PR_EFORMAT);
		assert_string_equal(ei.msg, cases[i].message);
		pr_buf_release(&s.bytes);
	}
}

/* Text that somebody damaged: an error or frames, and nothing else. */
static void test_mutated_text(void **unused)
{
	static const char text[] = "meta host hostname=\"h\"\nexecve cpu=3 seq=9 pid=2@20 parent=1@1 flags=EXECVE|CLONE filename=\"/a\\x01\" args=[\"a\", "
				   "\"b\"*30] cwd=\"/\" caps=1/2/3\ndata id=1:2@3 bytes=\"x\"\nraw env=CONT hex=00 11\nstream_state row=0/exec/1/1 "
				   "trail=00\nexec_info argv0:cut=desc{id=1@1 size=3} item:9=\"z\"\n";
	char copy[sizeof(text)];

	(void)unused;
	state = 7;
	for (int i = 0; i < 30000; i++) {
		struct stream s = {PR_BUF_INIT};
		struct pr_errinfo ei;
		size_t n = sizeof(text) - 1;
		int err;

		memcpy(copy, text, sizeof(text));
		for (uint32_t k = 1 + below(3); k > 0; k--)
			copy[below((uint32_t)n)] = below(2) ? text[below((uint32_t)n)] : (char)rnd();
		n -= below(4) ? 0 : below((uint32_t)n);
		err = pr_asm_text("t", copy, n, put, &s, &ei);
		assert_true(err == 0 || err == PR_EFORMAT);
		round_trip(&s);
		pr_buf_release(&s.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_streams),
		cmocka_unit_test(test_likely_frames_are_symbolic),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_defaults_of_execve),
		cmocka_unit_test(test_errors_name_their_place),
		cmocka_unit_test(test_mutated_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Boots: their ids, those of a directory, and which one is meant. */
#include "tests/unit/rig.h"

#include "schema/boot.h"
#include "schema/build.h"
#include "schema/trace.h"

static char dir[] = "/tmp/procrec-boot-XXXXXX";

static const uint8_t id[PR_SEG_UUID] = {0x4f, 0x0f, 0x7a, 0x3e, 0x6d, 0x1c, 0x4b, 0x52, 0x9a, 0x51, 0x0c, 0x6a, 0x0f, 0x6f, 0x4f, 0x11};

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	rig_clear(dir);
	return rmdir(dir);
}

static void ids(void **state)
{
	static const char *const good[] = {"4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f11", "4F0F7A3E6D1C4B529A510C6A0F6F4F11", "-4f0f7a3e6d1c4b52-9a510c6a0f6f4f11-"};
	static const char *const bad[] = {"", "4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f1", "4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f112", "4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f1g",
		"4f0f7a3e 6d1c 4b52 9a51 0c6a0f6f4f11"};
	uint8_t out[PR_SEG_UUID];
	struct pr_buf b = PR_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(out, 0, sizeof(out));
		assert_true(pr_boot_id_parse(good[i], strlen(good[i]), out));
		assert_memory_equal(out, id, sizeof(id));
	}
	memset(out, 7, sizeof(out));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pr_boot_id_parse(bad[i], strlen(bad[i]), out));
	assert_int_equal(out[0], 7);
	pr_boot_id_put(&b, id);
	pr_buf_u8(&b, 0);
	assert_string_equal((char *)b.data, good[0]);
	pr_buf_release(&b);
	assert_true(pr_boot_id_is_stated(id));
	memset(out, 0, sizeof(out));
	assert_false(pr_boot_id_is_stated(out));
}

/* A HOST frame of `size` bytes, however long it says that its items are. */
static void frames(void **state)
{
	static const char text[] = "4f0f7a3e-6d1c-4b52-9a51-0c6a0f6f4f11", other[] = "00000000-0000-0000-0000-000000000001";
	uint8_t out[PR_SEG_UUID], boot[PR_SEG_UUID] = {0};
	struct pr_buf b = PR_BUF_INIT, c = PR_BUF_INIT;
	size_t at = pr_frame_begin(&b, PR_OP_HOST, 5);

	(void)state;
	pr_put_item(&b, PR_ITEM_HOSTNAME, "h", 1);
	pr_put_item(&b, PR_ITEM_BOOT_ID, text, sizeof(text) - 1);
	pr_frame_end(&b, at);
	assert_true(pr_boot_id_of_frame(b.data, b.len, out));
	assert_memory_equal(out, id, sizeof(id));
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, b.data, n);
		assert_false(pr_boot_id_of_frame(copy, n, out));
		free(copy);
	}
	assert_false(pr_boot_id_changes(boot, b.data, b.len));
	assert_memory_equal(boot, id, sizeof(id));
	assert_false(pr_boot_id_changes(boot, b.data, b.len));
	at = pr_frame_begin(&c, PR_OP_HOST, 5);
	pr_frame_end(&c, at); /* says nothing of it */
	assert_false(pr_boot_id_changes(boot, c.data, c.len));
	pr_put_item(&c, PR_ITEM_BOOT_ID, other, sizeof(other) - 1);
	assert_true(pr_boot_id_changes(boot, c.data, c.len));
	b.data[0] = PR_OP_EXIT;
	assert_false(pr_boot_id_of_frame(b.data, b.len, out));
	pr_buf_release(&b);
	pr_buf_release(&c);
}

static size_t find(const struct pr_boots *b, const char *text)
{
	struct pr_errinfo ei;
	size_t i = 99;
	int err = pr_boots_find(b, dir, text, &i, &ei);

	assert_true(!err || (err == PR_EUSAGE && strstr(ei.msg, "--boot") && i == 99));
	return i;
}

static uint64_t frames_of(const struct pr_boot *boot, uint64_t *out_left_out)
{
	struct pr_trace_state st;
	struct pr_trace *t;
	struct pr_frame f;
	struct pr_errinfo ei;

	assert_int_equal(pr_trace_open_boot(&t, dir, boot ? &boot->first : NULL, &ei), 0);
	while (!pr_trace_next(t, &f, &ei))
		;
	pr_trace_get_state(t, &st);
	*out_left_out = st.left_out;
	pr_trace_close(t);
	return st.frames;
}

static void boots(void **state)
{
	struct rig g = {.dir = dir, .segments = 2, .blocks = 3, .frames = 10, .seed = 7, .boot = 0x90};
	struct pr_boots b;
	struct pr_errinfo ei;
	uint64_t left;

	(void)state;
	rig_clear(dir);
	assert_int_equal(pr_boots_load(&b, dir, &ei), 0);
	assert_int_equal(b.n, 0);
	rig_record(&g);
	rig_record(&g); /* the same boot */
	g.boot = 0xa1;
	g.segments = 3;
	rig_record(&g);
	g.boot = 0xb2;
	g.segments = 1;
	rig_record(&g);
	assert_int_equal(pr_boots_load(&b, dir, &ei), 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.v[0].segments, 4);
	assert_int_equal(b.v[1].segments, 3);
	assert_int_equal(b.v[2].segments, 1);
	assert_int_equal(b.v[0].first.series, 0);
	assert_int_equal(b.v[1].first.series, 4);
	assert_int_equal(find(&b, "0"), 2);
	assert_int_equal(find(&b, "-1"), 1);
	assert_int_equal(find(&b, "-2"), 0);
	assert_int_equal(find(&b, "1"), 0);
	assert_int_equal(find(&b, "3"), 2);
	assert_int_equal(find(&b, "a1a1"), 1);
	assert_int_equal(find(&b, "B2B2-B2"), 2);
	assert_int_equal(find(&b, "9090909090909090909090909090"), 0);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(find(&b, ((const char *[]){"4", "-3", "", "a1", "a1a2", "-", "all", "90909090909090909090909090909090a", "0000"})[i]), 99);
	assert_int_equal(frames_of(&b.v[0], &left), 120);
	assert_int_equal(left, 4);
	assert_int_equal(frames_of(&b.v[1], &left), 90);
	assert_int_equal(left, 5);
	assert_int_equal(frames_of(&b.v[2], &left), 30);
	assert_int_equal(left, 7);
	assert_int_equal(frames_of(NULL, &left), 30);
	pr_boots_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(frames),
		cmocka_unit_test(boots),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

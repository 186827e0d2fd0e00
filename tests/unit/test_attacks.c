/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attacks on signed recordings. Each function hurts a copy of a good one of four segments; `verify` with the public key must
 * notice. Where only somebody who knows of a later state can notice, the attack says so and is tried with that knowledge.
 */
#include "tests/unit/attack_segment.h"

static char scratch[64];
static struct pr_public_key pub;
static uint8_t last_link[PR_SEG_LINK];
static uint64_t last_time;

/* ---- the directory ------------------------------------------------------------------------------------------------ */

static void move_file(const char *from, const char *to)
{
	char *a = rig_path(hurt, from), *b = rig_path(hurt, to);

	assert_int_equal(rename(a, b), 0);
	free(a);
	free(b);
}

static void delete_file(unsigned n)
{
	char name[32];

	attack_name(name, n);
	move_file(name, "gone");
}

static void delete_the_first(void)
{
	delete_file(0);
}

static void delete_the_second(void)
{
	delete_file(1);
}

static void delete_the_last(void)
{
	delete_file(3);
}

static void delete_the_first_and_say_retention_did(void)
{
	struct attack_file f;

	delete_file(0);
	attack_open(&f, hurt, 3);
	pr_put_u64(f.r[0].bytes.data + 128, 1);
	attack_relink(&f);
	attack_save(&f, hurt);
}

static void swap_two_names(void)
{
	move_file("000000000001.seg", "t");
	move_file("000000000002.seg", "000000000001.seg");
	move_file("t", "000000000002.seg");
}

static void renumber(unsigned from, unsigned to, const uint8_t prev[32])
{
	struct attack_file f;
	char old[32];

	attack_open(&f, hurt, from);
	strcpy(old, f.name);
	attack_name(f.name, to);
	pr_put_u64(f.r[0].bytes.data + 120, to);
	pr_put_u64(f.r[0].bytes.data + 64, to);
	memcpy(f.r[0].bytes.data + 72, prev, 32);
	attack_relink(&f);
	attack_save(&f, hurt);
	move_file(old, "gone");
}

static void close_the_gap_of_a_deleted_one(void)
{
	struct attack_file f;
	uint8_t link[32];

	attack_open(&f, hurt, 0);
	attack_link_of(&f, f.n - 1, link);
	attack_release(&f);
	delete_file(1);
	renumber(2, 1, link);
	attack_open(&f, hurt, 1);
	attack_link_of(&f, f.n - 1, link);
	attack_release(&f);
	renumber(3, 2, link);
}

static void take_a_file_of_another(void)
{
	struct pr_buf b = rig_get(other, "000000000001.seg");

	rig_put(hurt, "000000000001.seg", b.data, b.len);
	pr_buf_release(&b);
}

static void double_the_last_file(void)
{
	struct pr_buf b = rig_get(hurt, "000000000003.seg");

	rig_put(hurt, "000000000004.seg", b.data, b.len);
	pr_buf_release(&b);
}

static void record_it_again_with_another_key(void)
{
	struct rig g = {.dir = hurt, .key = &foreign, .segments = 4, .blocks = 4, .frames = 10, .seed = 11};

	rig_clear(hurt);
	rig_record(&g);
}

static void record_it_again_without_a_key(void)
{
	struct rig g = {.dir = hurt, .segments = 4, .blocks = 4, .frames = 10, .seed = 11};

	rig_clear(hurt);
	rig_record(&g);
}

static void go_on_with_another_key(void)
{
	struct rig g = {.dir = hurt, .key = &foreign, .segments = 1, .blocks = 4, .frames = 10, .seed = 12};

	rig_record(&g);
}

static void replay_an_old_end_of(unsigned n)
{
	struct attack_file f;

	attack_open(&f, hurt, n);
	cut_at_a_checkpoint(&f);
	attack_save(&f, hurt);
}

static void replay_an_old_end_in_the_middle(void)
{
	replay_an_old_end_of(1);
}

static void replay_an_old_end(void)
{
	replay_an_old_end_of(3);
}

/*
 * Somebody breaks in while the last segment is recorded, and takes the memory of the recorder: it holds the keys for what comes,
 * and he signs the past of segment 3 again with them.
 */
static void sign_the_past_with_keys_of_today(void)
{
	struct pr_seg_header h = {.number = 3};
	struct pr_signer *s;
	struct attack_file f;
	struct pr_errinfo ei;
	size_t i;

	attack_open(&f, hurt, 3);
	memcpy(h.recording, f.r[0].bytes.data + 48, 16);
	assert_int_equal(pr_signer_new(&s, &key, h.recording, PR_SIGN_DEPTH_MAX, RIG_START, &ei), 0); /* stands for that memory */
	assert_int_equal(pr_signer_begin(s, &h, &ei), 0);
	replace_a_block(&f);
	attack_relink(&f);
	i = attack_find(&f, PR_SEG_TAG_SIG, 1);
	pr_signer_sign(s, f.r[i].bytes.data, PR_SIG_CHECKPOINT);
	attack_relink(&f);
	attack_save(&f, hurt);
	pr_signer_free(s);
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

#define F(name) {#name, name, NULL, false}
#define H(name) {"change_" #name, change_##name, NULL, false}, {"change_" #name "_and_relink", change_##name##_and_relink, NULL, false}
#define D(name) {#name, NULL, name, false}
#define LATER(name) {#name, NULL, name, true} /* only somebody who knows of a later state can tell */

static const struct {
	const char *name;
	void (*file)(struct attack_file *f); /* on segment 1 */
	void (*dir)(void);
	bool later;
} attacks[] = {
	F(edit_a_byte), F(edit_a_byte_and_link), F(edit_a_count_and_crc), F(replace_a_block), F(replace_a_block_and_relink),
	F(insert_a_block), F(insert_before_the_footer), F(append_behind_the_footer), F(append_rubbish), F(swap_blocks),
	F(swap_blocks_and_relink), F(double_a_block), F(double_a_block_and_relink), F(delete_a_block), F(delete_a_block_and_relink),
	F(delete_the_last_block_and_relink), F(delete_all_blocks_and_relink), F(cut_within_a_block), F(cut_between_blocks),
	F(cut_at_a_checkpoint), F(cut_to_the_header), F(cut_to_nothing), F(cut_and_reseal), F(cut_and_reseal_behind_the_old_close),
	F(strip_the_footer), F(strip_all_signatures), F(strip_the_key_record), F(strip_a_checkpoint), F(strip_the_closing_checkpoint),
	F(move_a_checkpoint), F(double_a_checkpoint), F(change_the_time_of_a_checkpoint), F(name_ones_own_next_key),
	F(change_the_named_key), H(compat), H(kind), H(uuid), H(recording), H(number), H(prev_link), H(wall_time), H(boot_time), H(series),
	H(oldest), H(frames_before), H(boot_id), H(reserved), F(claim_a_required_feature), F(lie_in_the_footer),
	F(lie_about_time_in_the_footer), F(lie_about_raw_bytes_in_the_footer), F(lie_about_time_in_a_descriptor),
	F(hide_a_block_as_repeated), F(use_reserved_bytes), F(use_reserved_bytes_of_the_footer), F(add_an_unknown_record),
	F(splice_a_block_of_another), F(splice_a_checkpoint_of_another_segment), F(take_keys_of_another_segment),
	F(become_a_segment_of_another), D(delete_the_first), D(delete_the_second), LATER(delete_the_last),
	D(delete_the_first_and_say_retention_did), D(swap_two_names), D(close_the_gap_of_a_deleted_one), D(take_a_file_of_another),
	D(double_the_last_file), D(record_it_again_with_another_key), D(record_it_again_without_a_key), D(go_on_with_another_key),
	D(replay_an_old_end_in_the_middle), LATER(replay_an_old_end), D(sign_the_past_with_keys_of_today),
};
#define N_ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

static char first_why[256];

static void on_problem(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	(void)name;
	(void)from;
	(void)to;
	(void)frames;
	if (!(*(unsigned *)ctx)++)
		snprintf(first_why, sizeof(first_why), "%s", why);
}

/* Problems that verify finds in a directory; more than none when it can't be read at all. */
static unsigned check(const char *dir, const struct pr_public_key *k, const uint8_t *expect, uint64_t at_least, struct pr_verified *v)
{
	unsigned n = 0;
	struct pr_verify_options opt = {.key = k, .expect = expect, .at_least = at_least, .on_problem = on_problem, .ctx = &n};
	struct pr_errinfo ei;

	if (pr_verify_directory(dir, &opt, v, &ei))
		return 1000;
	assert_int_equal(n, v->problems);
	return n;
}

static void hurt_it(size_t i)
{
	struct attack_file f;

	rig_copy(good, hurt);
	if (!attacks[i].file) {
		attacks[i].dir();
		return;
	}
	attack_open(&f, hurt, 1);
	attacks[i].file(&f);
	attack_save(&f, hurt);
}

static void every_attack_is_found(void **state)
{
	struct pr_verified v;
	unsigned missed = 0;

	(void)state;
	for (size_t i = 0; i < N_ATTACKS; i++) {
		unsigned n;

		hurt_it(i);
		n = check(hurt, &pub, NULL, 0, &v);
		if (!n && attacks[i].later) {
			assert_true(check(hurt, &pub, last_link, 0, &v));
			assert_true(check(hurt, &pub, NULL, last_time, &v));
			n = 1;
		}
		if (!n)
			missed++;
		print_message("  %-50s %s\n", attacks[i].name, n ? first_why : "MISSED");
	}
	print_message("%zu attacks tried, %zu found\n", N_ATTACKS, N_ATTACKS - missed);
	assert_int_equal(missed, 0);
	assert_true(N_ATTACKS >= 30);
}

/* The same recordings, unsigned or signed, whole, killed at any byte, trimmed by retention, gone on with: none is suspected. */
static void honest_recordings_are_not_suspected(void **state)
{
	struct pr_verified v;
	uint64_t seed = 20261125;
	unsigned suspected = 0, total = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct rig g = {.dir = hurt,
			.key = i % 4 ? &key : NULL,
			.segments = 1 + (unsigned)(unit_random(&seed) % 5),
			.blocks = (unsigned)(unit_random(&seed) % 5),
			.frames = 1 + (unsigned)(unit_random(&seed) % 20),
			.seed = seed,
			.open = i % 3 == 1,
			.keep_bytes = i % 5 == 2 ? 12000 : 0};
		unsigned runs = 1 + i % 2;

		rig_clear(hurt);
		for (unsigned k = 0; k < runs; k++) {
			struct pr_dir_names names;
			struct pr_buf b;
			size_t least;

			rig_record(&g);
			if (!g.open)
				continue;
			/* Killed: the file ends anywhere behind its beginning, which it has when it gets its name. */
			assert_int_equal(pr_dir_list(hurt, ".seg", &names, NULL), 0);
			b = rig_get(hurt, names.v[names.n - 1]);
			least = PR_SEG_HEADER_SIZE + (g.key ? 280 + 128 * PR_SIGN_DEPTH_MAX + PR_SEG_SIG_SIZE : 0);
			rig_put(hurt, names.v[names.n - 1], b.data, least + unit_random(&seed) % (b.len - least + 1));
			pr_buf_release(&b);
			pr_dir_release(&names);
		}
		total++;
		if (check(hurt, g.key ? &pub : NULL, NULL, 0, &v)) {
			suspected++;
			print_message("round %u: %s\n", i, first_why);
		}
		if (g.key)
			assert_true(v.checkpoints > 0);
	}
	print_message("%u honest recordings, %u suspected\n", total, suspected);
	assert_int_equal(suspected, 0);
}

/* Every single flipped bit of a signed segment is a problem or an error. */
static void every_bit_flip_is_found(void **state)
{
	struct rig g = {.dir = hurt, .key = &key, .segments = 1, .blocks = 2, .frames = 2, .seed = 33, .depth = 2};
	struct pr_verified v;
	struct pr_buf b;
	unsigned n = 0;
	struct pr_verify_options opt = {.key = &pub, .on_problem = on_problem, .ctx = &n};

	(void)state;
	rig_clear(hurt);
	rig_record(&g);
	b = rig_get(hurt, "000000000000.seg");
	assert_int_equal(pr_verify_segment(pr_source_memory(b.data, b.len), &opt, &v, NULL), 0);
	assert_true(!v.problems && v.sealed && v.signed_frames == 4);
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!pr_verify_segment(pr_source_memory(b.data, b.len), &opt, &v, NULL))
			assert_true(v.problems > 0);
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < b.len; len++) /* and cut anywhere it is not whole */
		if (!pr_verify_segment(pr_source_memory(b.data, len), &opt, &v, NULL))
			assert_true(v.problems > 0 || !v.sealed);
	print_message("%zu bit flips tried, all found\n", b.len * 8);
	pr_buf_release(&b);
}

static int setup(void **state)
{
	struct rig g = {.segments = 4, .blocks = 4, .frames = 10, .seed = 11, .key = &key};
	struct pr_verified v;
	struct pr_errinfo ei;

	(void)state;
	if (!rig_scratch(scratch, "procrec-attacks") || pr_key_generate(&key, &ei) || pr_key_generate(&foreign, &ei))
		return -1;
	pub = pr_secret_key_public(&key);
	good = rig_path(scratch, "good");
	other = rig_path(scratch, "other");
	hurt = rig_path(scratch, "hurt");
	g.dir = good;
	rig_clear(good);
	rig_record(&g);
	g.dir = other;
	g.seed = 77;
	rig_clear(other);
	rig_record(&g);
	rig_clear(hurt);
	if (check(good, &pub, NULL, 0, &v)) {
		print_error("the good one: %s\n", first_why);
		return -1;
	}
	memcpy(last_link, v.link, sizeof(last_link));
	last_time = v.signed_realtime;
	return v.sealed && v.signed_frames == v.frames && v.frames == 169 ? 0 : -1;
}

static int teardown(void **state)
{
	char *dirs[] = {good, other, hurt};

	(void)state;
	for (int i = 0; i < 3; i++) {
		rig_clear(dirs[i]);
		rmdir(dirs[i]);
		free(dirs[i]);
	}
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attack_is_found),
		cmocka_unit_test(honest_recordings_are_not_suspected),
		cmocka_unit_test(every_bit_flip_is_found),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

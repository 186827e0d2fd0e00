/* SPDX-License-Identifier: BSD-2-Clause */
/* attack_segment.h: attacks on one segment of a recording. Each changes an opened file; the caller saves it. */
#ifndef PROCREC_TESTS_ATTACK_SEGMENT_H
#define PROCREC_TESTS_ATTACK_SEGMENT_H

#include "tests/unit/attack.h"

static char *good, *other, *hurt; /* directories: the recording, another one of the same key, the victim */
static struct pr_secret_key key, foreign;

static void edit_a_byte(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 1);

	f->r[i].bytes.data[f->r[i].bytes.len - 20] ^= 1;
}

static void edit_a_byte_and_link(struct attack_file *f)
{
	edit_a_byte(f);
	attack_reseal_one(f, attack_find(f, PR_SEG_TAG_BLOCK, 1));
}

static void edit_a_count_and_crc(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 1);

	f->r[i].bytes.data[20] ^= 1;
	attack_crc(f->r[i].bytes.data, PR_SEG_BLOCK_SIZE);
}

static void replace_a_block(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 1);
	struct pr_buf b = attack_forge_block(10);

	attack_remove(f, i);
	attack_insert(f, i, b.data, b.len);
	pr_buf_release(&b);
}

static void replace_a_block_and_relink(struct attack_file *f)
{
	replace_a_block(f);
	attack_relink(f);
}

static void insert_a_block(struct attack_file *f)
{
	struct pr_buf b = attack_forge_block(3);

	attack_insert(f, attack_find(f, PR_SEG_TAG_BLOCK, 1), b.data, b.len);
	attack_relink(f);
	pr_buf_release(&b);
}

static void insert_before_the_footer(struct attack_file *f)
{
	struct pr_buf b = attack_forge_block(3);

	attack_insert(f, f->n - 1, b.data, b.len);
	attack_relink(f);
	pr_buf_release(&b);
}

static void append_behind_the_footer(struct attack_file *f)
{
	struct pr_buf b = attack_forge_block(3);

	attack_insert(f, f->n, b.data, b.len);
	memcpy(f->r[f->n - 1].bytes.data + 72, f->r[0].bytes.data + 32, 8);
	attack_link_of(f, f->n - 2, f->r[f->n - 1].bytes.data + 80);
	attack_reseal_one(f, f->n - 1);
	pr_buf_release(&b);
}

static void append_rubbish(struct attack_file *f)
{
	pr_buf_append(&f->r[f->n - 1].bytes, "rubbish", 7);
}

static void swap_blocks(struct attack_file *f)
{
	attack_swap(f, attack_find(f, PR_SEG_TAG_BLOCK, 1), attack_find(f, PR_SEG_TAG_BLOCK, 2));
}

static void swap_blocks_and_relink(struct attack_file *f)
{
	swap_blocks(f);
	attack_relink(f);
}

static void double_a_block(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 1);

	attack_insert(f, i, f->r[i].bytes.data, f->r[i].bytes.len);
}

static void double_a_block_and_relink(struct attack_file *f)
{
	double_a_block(f);
	attack_relink(f);
}

static void delete_a_block(struct attack_file *f)
{
	attack_remove(f, attack_find(f, PR_SEG_TAG_BLOCK, 2));
}

static void delete_a_block_and_relink(struct attack_file *f)
{
	delete_a_block(f);
	attack_relink(f);
}

static void delete_the_last_block_and_relink(struct attack_file *f)
{
	attack_remove(f, attack_find(f, PR_SEG_TAG_BLOCK, -1));
	attack_relink(f);
}

static void delete_all_blocks_and_relink(struct attack_file *f)
{
	for (size_t i = f->n; i-- > 0;)
		if (attack_is(f, i, PR_SEG_TAG_BLOCK))
			attack_remove(f, i);
	attack_relink(f);
}

static void cut_within_a_block(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 2);

	while (f->n > i + 1)
		attack_remove(f, f->n - 1);
	f->r[i].bytes.len -= 30;
}

static void cut_between_blocks(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 2);

	while (f->n > i)
		attack_remove(f, f->n - 1);
}

static void cut_at_a_checkpoint(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1);

	while (f->n > i + 1)
		attack_remove(f, f->n - 1);
}

static void cut_to_the_header(struct attack_file *f)
{
	while (f->n > 1)
		attack_remove(f, f->n - 1);
}

static void cut_to_nothing(struct attack_file *f)
{
	while (f->n)
		attack_remove(f, f->n - 1);
}

static void cut_and_reseal(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1);

	while (f->n > i + 2)
		attack_remove(f, f->n - 2);
	attack_relink(f);
}

static void cut_and_reseal_behind_the_old_close(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1);

	while (f->n > i + 3)
		attack_remove(f, f->n - 3); /* keeps the closing checkpoint and the footer */
	attack_relink(f);
}

static void strip_the_footer(struct attack_file *f)
{
	attack_remove(f, f->n - 1);
}

static void strip_all_signatures(struct attack_file *f)
{
	for (size_t i = f->n; i-- > 0;)
		if (attack_is(f, i, PR_SEG_TAG_SIG) || attack_is(f, i, PR_SEG_TAG_KEY))
			attack_remove(f, i);
	attack_relink(f);
}

static void strip_the_key_record(struct attack_file *f)
{
	attack_remove(f, attack_find(f, PR_SEG_TAG_KEY, 0));
	attack_relink(f);
}

static void strip_a_checkpoint(struct attack_file *f)
{
	attack_remove(f, attack_find(f, PR_SEG_TAG_SIG, 1));
	attack_relink(f);
}

static void strip_the_closing_checkpoint(struct attack_file *f)
{
	attack_remove(f, attack_find(f, PR_SEG_TAG_SIG, -1));
	attack_relink(f);
}

static void move_a_checkpoint(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1);

	attack_swap(f, i, i - 1);
	attack_relink(f);
}

static void double_a_checkpoint(struct attack_file *f)
{
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1);

	attack_insert(f, i, f->r[i].bytes.data, f->r[i].bytes.len);
	attack_relink(f);
}

static void change_the_time_of_a_checkpoint(struct attack_file *f)
{
	pr_put_u64(f->r[attack_find(f, PR_SEG_TAG_SIG, 1)].bytes.data + 48, RIG_START);
	attack_relink(f);
}

static void name_ones_own_next_key(struct attack_file *f)
{
	uint8_t pk[32], sk[64];
	uint8_t *p = f->r[attack_find(f, PR_SEG_TAG_SIG, 1)].bytes.data;

	crypto_sign_keypair(pk, sk);
	memcpy(p + 112, pk, 32);
	attack_relink(f);
	p = f->r[attack_find(f, PR_SEG_TAG_SIG, 2)].bytes.data;
	crypto_sign_detached(p + 144, NULL, p, 144, sk);
	attack_relink(f);
}

static void change_the_named_key(struct attack_file *f)
{
	memcpy(f->r[attack_find(f, PR_SEG_TAG_KEY, 0)].bytes.data + 112, foreign.key + 32, 32);
	attack_relink(f);
}

static void change_the_header(struct attack_file *f, unsigned off, bool relink)
{
	f->r[0].bytes.data[off] ^= 1;
	attack_crc(f->r[0].bytes.data, PR_SEG_HEADER_SIZE);
	if (relink)
		attack_relink(f);
}

#define HEADER_ATTACK(name, off) \
	static void change_##name(struct attack_file *f) { change_the_header(f, off, false); } \
	static void change_##name##_and_relink(struct attack_file *f) { change_the_header(f, off, true); }
HEADER_ATTACK(compat, 22)
HEADER_ATTACK(kind, 28)
HEADER_ATTACK(uuid, 40)
HEADER_ATTACK(recording, 48)
HEADER_ATTACK(number, 64)
HEADER_ATTACK(prev_link, 80)
HEADER_ATTACK(wall_time, 107)
HEADER_ATTACK(boot_time, 114)
HEADER_ATTACK(series, 120)
HEADER_ATTACK(oldest, 128)
HEADER_ATTACK(frames_before, 136)
HEADER_ATTACK(boot_id, 150)
HEADER_ATTACK(reserved, 161)

static void claim_a_required_feature(struct attack_file *f)
{
	f->r[0].bytes.data[27] ^= 0x40;
	attack_relink(f);
}

static void lie_in_the_footer(struct attack_file *f)
{
	f->r[f->n - 1].bytes.data[24] ^= 1;
	attack_reseal_one(f, f->n - 1);
}

static void lie_about_time_in_the_footer(struct attack_file *f)
{
	f->r[f->n - 1].bytes.data[58] ^= 1;
	attack_reseal_one(f, f->n - 1);
}

static void lie_about_raw_bytes_in_the_footer(struct attack_file *f)
{
	f->r[f->n - 1].bytes.data[40] ^= 1;
	attack_reseal_one(f, f->n - 1);
}

static void lie_about_time_in_a_descriptor(struct attack_file *f)
{
	f->r[attack_find(f, PR_SEG_TAG_BLOCK, 1)].bytes.data[58] ^= 1;
	attack_relink(f);
}

static void hide_a_block_as_repeated(struct attack_file *f)
{
	f->r[attack_find(f, PR_SEG_TAG_BLOCK, 1)].bytes.data[18] ^= PR_SEG_BLOCK_REPEAT;
	attack_relink(f);
}

static void use_reserved_bytes(struct attack_file *f)
{
	uint8_t *p = f->r[attack_find(f, PR_SEG_TAG_BLOCK, 1)].bytes.data;

	p[145] ^= 1; /* between link and CRC: no link covers it */
	attack_crc(p, PR_SEG_BLOCK_SIZE);
}

static void use_reserved_bytes_of_the_footer(struct attack_file *f)
{
	f->r[f->n - 1].bytes.data[145] ^= 1;
	attack_crc(f->r[f->n - 1].bytes.data, PR_SEG_FOOTER_SIZE);
}

static void add_an_unknown_record(struct attack_file *f)
{
	uint8_t p[200] = {0}, none[32] = {0}, link[32];

	pr_seg_record_begin(p, sizeof(p), "PRECXYZ9", none, none);
	pr_seg_record_finish(p, sizeof(p), link);
	attack_insert(f, 3, p, sizeof(p));
	attack_relink(f);
}

static void splice_a_block_of_another(struct attack_file *f)
{
	struct attack_file g;
	size_t i = attack_find(f, PR_SEG_TAG_BLOCK, 1), k;

	attack_open(&g, other, 1);
	k = attack_find(&g, PR_SEG_TAG_BLOCK, 1);
	attack_remove(f, i);
	attack_insert(f, i, g.r[k].bytes.data, g.r[k].bytes.len);
	attack_relink(f);
	attack_release(&g);
}

static void splice_a_checkpoint_of_another_segment(struct attack_file *f)
{
	struct attack_file g;
	size_t i = attack_find(f, PR_SEG_TAG_SIG, 1), k;

	attack_open(&g, good, 2);
	k = attack_find(&g, PR_SEG_TAG_SIG, 1);
	attack_remove(f, i);
	attack_insert(f, i, g.r[k].bytes.data, g.r[k].bytes.len);
	attack_relink(f);
	attack_release(&g);
}

static void take_keys_of_another_segment(struct attack_file *f)
{
	struct attack_file g;

	attack_open(&g, good, 2);
	attack_remove(f, 1);
	attack_insert(f, 1, g.r[1].bytes.data, g.r[1].bytes.len);
	attack_relink(f);
	attack_release(&g);
}

static void become_a_segment_of_another(struct attack_file *f)
{
	uint8_t link[32];

	memcpy(link, f->r[0].bytes.data + 72, 32);
	attack_release(f);
	attack_open(f, other, 1);
	memcpy(f->r[0].bytes.data + 72, link, 32);
	attack_relink(f);
}

#endif

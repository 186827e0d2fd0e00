/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attack.h: what somebody can do who may write the files of a recording and knows the format, but not the key: take files apart
 * into records, change them, and put them together again with all checksums and links right.
 */
#ifndef PROCREC_TESTS_ATTACK_H
#define PROCREC_TESTS_ATTACK_H

#include <sodium.h>

#include "tests/unit/rig.h"

#define ATTACK_RECORDS_MAX 64

struct attack_file {
	char name[32];
	struct pr_buf b; /* as read */
	struct {
		struct pr_buf bytes; /* record, and the LZ4 frame behind a descriptor */
		char tag[9];
	} r[ATTACK_RECORDS_MAX];
	size_t n;
};

static inline bool attack_is(const struct attack_file *f, size_t i, const char *tag)
{
	return !strcmp(f->r[i].tag, tag);
}

static inline void attack_name(char out[32], unsigned n)
{
	snprintf(out, 32, PR_RECORDING_NAME, (unsigned long long)n);
}

static inline void attack_open(struct attack_file *f, const char *dir, unsigned n)
{
	size_t off = 0;

	memset(f, 0, sizeof(*f));
	attack_name(f->name, n);
	f->b = rig_get(dir, f->name);
	while (off < f->b.len) {
		const uint8_t *p = f->b.data + off;
		size_t size = pr_get_u32(p + 4) + 8u;

		memcpy(f->r[f->n].tag, p + 8, 8);
		if (!memcmp(p + 8, PR_SEG_TAG_BLOCK, 8))
			size += pr_get_u32(p + 32);
		assert_true(f->n < ATTACK_RECORDS_MAX && off + size <= f->b.len);
		pr_buf_append(&f->r[f->n++].bytes, p, size);
		off += size;
	}
}

/* The i-th record with this tag; from the end with i < 0. */
static inline size_t attack_find(const struct attack_file *f, const char *tag, int i)
{
	for (size_t k = 0; k < f->n; k++) {
		size_t at = i < 0 ? f->n - 1 - k : k;

		if (attack_is(f, at, tag) && !(i < 0 ? ++i : i--))
			return at;
	}
	fail_msg("no %s", tag);
	return 0;
}

static inline void attack_crc(uint8_t *p, size_t record)
{
	/* CRC-32 as of zlib, bit by bit. */
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < record - 4; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	pr_put_u32(p + record - 4, ~crc);
}

static inline size_t attack_record_size(const struct attack_file *f, size_t i)
{
	return pr_get_u32(f->r[i].bytes.data + 4) + 8u;
}

/* Makes record i's own link and CRC right. */
static inline void attack_reseal_one(struct attack_file *f, size_t i)
{
	uint8_t *p = f->r[i].bytes.data;
	size_t n = attack_record_size(f, i);
	crypto_hash_sha256_state st;

	if (i || !attack_is(f, i, PR_SEG_TAG_HEADER)) {
		crypto_hash_sha256_init(&st);
		crypto_hash_sha256_update(&st, p, n - 40);
		crypto_hash_sha256_update(&st, p + n, f->r[i].bytes.len - n);
		crypto_hash_sha256_final(&st, p + n - 40);
	}
	attack_crc(p, n);
}

static inline void attack_link_of(const struct attack_file *f, size_t i, uint8_t out[32])
{
	const uint8_t *p = f->r[i].bytes.data;
	size_t n = attack_record_size(f, i);

	if (attack_is(f, i, PR_SEG_TAG_HEADER))
		crypto_hash_sha256(out, p, n);
	else
		memcpy(out, p + n - 40, 32);
}

/* Makes the whole chain right again; numbers, counts and offsets too, as far as they follow from what stands there. */
static inline void attack_relink(struct attack_file *f)
{
	uint64_t blocks = 0, frames = 0, envelopes = 0, raw = 0, sigs = 0, off = 0, kmin = UINT64_MAX, kmax = 0;
	uint8_t link[32];

	for (size_t i = 0; i < f->n; i++) {
		uint8_t *p = f->r[i].bytes.data;

		if (i) {
			memcpy(p + 72, f->r[0].bytes.data + 32, 8);
			memcpy(p + 80, link, 32);
		}
		if (attack_is(f, i, PR_SEG_TAG_BLOCK)) {
			pr_put_u64(p + 40, blocks++);
			pr_put_u64(p + 48, frames);
			frames += pr_get_u32(p + 20);
			envelopes += pr_get_u32(p + 24);
			raw += pr_get_u32(p + 28);
			kmin = pr_get_u64(p + 56) < kmin ? pr_get_u64(p + 56) : kmin;
			kmax = pr_get_u64(p + 64) > kmax ? pr_get_u64(p + 64) : kmax;
		} else if (attack_is(f, i, PR_SEG_TAG_SIG)) {
			pr_put_u64(p + 24, sigs++);
			pr_put_u64(p + 32, blocks);
			pr_put_u64(p + 40, frames);
			pr_put_u64(p + 64, off);
		} else if (attack_is(f, i, PR_SEG_TAG_FOOTER)) {
			pr_put_u64(p + 16, blocks);
			pr_put_u64(p + 24, frames);
			pr_put_u64(p + 32, envelopes);
			pr_put_u64(p + 40, raw);
			pr_put_u64(p + 48, off + PR_SEG_FOOTER_SIZE);
			pr_put_u64(p + 56, kmin);
			pr_put_u64(p + 64, kmax);
		}
		attack_reseal_one(f, i);
		attack_link_of(f, i, link);
		off += f->r[i].bytes.len;
	}
}

static inline void attack_remove(struct attack_file *f, size_t i)
{
	pr_buf_release(&f->r[i].bytes);
	f->n--;
	memmove(&f->r[i], &f->r[i + 1], (f->n - i) * sizeof(f->r[0]));
}

static inline void attack_insert(struct attack_file *f, size_t i, const void *p, size_t n)
{
	memmove(&f->r[i + 1], &f->r[i], (f->n - i) * sizeof(f->r[0]));
	memset(&f->r[i], 0, sizeof(f->r[i]));
	memcpy(f->r[i].tag, (const uint8_t *)p + 8, 8);
	pr_buf_append(&f->r[i].bytes, p, n);
	f->n++;
}

static inline void attack_swap(struct attack_file *f, size_t i, size_t k)
{
	__typeof__(f->r[0]) t = f->r[i];

	f->r[i] = f->r[k];
	f->r[k] = t;
}

static inline void attack_release(struct attack_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		pr_buf_release(&f->r[i].bytes);
	pr_buf_release(&f->b);
}

static inline void attack_save_as(struct attack_file *f, const char *dir, const char *name)
{
	struct pr_buf out = PR_BUF_INIT;

	for (size_t i = 0; i < f->n; i++)
		pr_buf_append(&out, f->r[i].bytes.data, f->r[i].bytes.len);
	rig_put(dir, name, out.data, out.len);
	pr_buf_release(&out);
	attack_release(f);
}

static inline void attack_save(struct attack_file *f, const char *dir)
{
	attack_save_as(f, dir, f->name);
}

/* A block as the writer makes it, with `n` exits of a process that never was. */
static inline struct pr_buf attack_forge_block(unsigned n)
{
	struct pr_seg_options opt = {.header.kind = PR_SEG_RECORDED};
	struct pr_buf env = PR_BUF_INIT, seg, block = PR_BUF_INIT;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	int fd = memfd_create("forged", 0);

	for (unsigned i = 0; i < n; i++)
		rig_frame(&env, PR_OP_EXIT, PR_STREAM_EXIT, 0, 7 + i, 7);
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, env.data, env.len, &ei), 0);
	assert_int_equal(pr_seg_writer_flush(w, &ei), 0);
	pr_seg_writer_free(w);
	seg = unit_slurp(fd);
	pr_buf_append(&block, seg.data + PR_SEG_HEADER_SIZE, seg.len - PR_SEG_HEADER_SIZE);
	pr_buf_release(&seg);
	pr_buf_release(&env);
	return block;
}

#endif

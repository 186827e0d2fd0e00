/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <lz4frame.h>
#include <sodium/crypto_hash_sha256.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

struct pr_buf fuzz_segment(const uint8_t *raw, size_t n)
{
	static const LZ4F_preferences_t prefs = {.frameInfo = {.blockMode = LZ4F_blockIndependent,
							 .contentChecksumFlag = LZ4F_contentChecksumEnabled}};
	LZ4F_preferences_t p = prefs;
	struct pr_seg_header h = {.version = PR_SEG_VERSION, .kind = PR_SEG_PACKED, .uuid = "fuzzing target."};
	struct pr_seg_block d = {.raw_size = (uint32_t)n, .stored_size = (uint32_t)n, .ktime_min = 1};
	struct pr_frame_iter it;
	struct pr_block block = {.raw = raw};
	struct pr_frame f;
	struct pr_buf out = PR_BUF_INIT, lz4 = PR_BUF_INIT;
	uint8_t record[PR_SEG_HEADER_SIZE];

	p.frameInfo.contentSize = n;
	block.desc.raw_size = (uint32_t)n;
	pr_frame_iter_init(&it, &block);
	while (pr_frame_iter_next(&it, &f)) {
		d.envelopes++;
		d.frames += !(f.env_flags & (PR_ENV_META | PR_ENV_CONT));
	}
	FUZZ_ASSERT(pr_buf_grow(&lz4, LZ4F_compressFrameBound(n, &p)));
	d.comp_size = (uint32_t)LZ4F_compressFrame(lz4.data, lz4.cap, raw, n, &p);
	FUZZ_ASSERT(!LZ4F_isError(d.comp_size));
	pr_seg_header_encode(&h, record);
	pr_buf_append(&out, record, PR_SEG_HEADER_SIZE);
	memcpy(d.prev, h.link, PR_SEG_LINK);
	pr_seg_block_encode(&d, lz4.data, h.uuid, record);
	pr_buf_append(&out, record, PR_SEG_BLOCK_SIZE);
	pr_buf_append(&out, lz4.data, d.comp_size);
	pr_buf_release(&lz4);
	FUZZ_ASSERT(!out.failed);
	return out;
}

struct pr_trace *fuzz_trace(const uint8_t *raw, size_t n, struct pr_buf *keep)
{
	struct pr_trace *t;
	struct pr_source *src;

	*keep = fuzz_segment(raw, n);
	src = pr_source_memory(keep->data, keep->len);
	FUZZ_ASSERT(src);
	return pr_trace_open_source(&t, src, NULL) ? NULL : t;
}

static void crc(uint8_t *p, size_t n)
{
	pr_put_u32(p + n - 4, (uint32_t)crc32(0, p, (uInt)(n - 4)));
}

void fuzz_repair(uint8_t *p, size_t n)
{
	uint8_t link[PR_SEG_LINK], uuid[8];
	size_t at = PR_SEG_HEADER_SIZE, comp;

	if (n < PR_SEG_HEADER_SIZE)
		return;
	crc(p, PR_SEG_HEADER_SIZE);
	crypto_hash_sha256(link, p, PR_SEG_HEADER_SIZE);
	memcpy(uuid, p + 32, sizeof(uuid));
	while (n - at >= PR_SEG_BLOCK_SIZE) {
		crypto_hash_sha256_state s;

		comp = memcmp(p + at + 8, PR_SEG_TAG_BLOCK, 8) ? 0 : pr_get_u32(p + at + 32);
		if (comp > n - at - PR_SEG_BLOCK_SIZE)
			comp = 0;
		memcpy(p + at + 72, uuid, sizeof(uuid));
		memcpy(p + at + 80, link, sizeof(link));
		crypto_hash_sha256_init(&s);
		crypto_hash_sha256_update(&s, p + at, 112);
		crypto_hash_sha256_update(&s, p + at + PR_SEG_BLOCK_SIZE, comp);
		crypto_hash_sha256_final(&s, link);
		memcpy(p + at + 112, link, sizeof(link));
		crc(p + at, PR_SEG_BLOCK_SIZE);
		at += PR_SEG_BLOCK_SIZE + comp;
	}
}

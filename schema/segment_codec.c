/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_codec.c: the metadata records of a segment, to and from bytes. Layouts: FORMAT.md, "Records".
 *
 * Each is one LZ4 skippable frame: u32 magic, u32 size, char tag[8], fields, and at its end the CRC-32 of all before it. All but
 * the header have the beginning of the segment's uuid at 72, the previous link at 80, and their own link 40 bytes before the end.
 */
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "schema/segment.h"
#include "schema/sha256.h"

#define RECORD_HEAD 16u /* magic, size, tag */
#define LINKED 112u /* bytes of a block or footer record that its link covers: all before the link */

static uint32_t crc_of(const uint8_t *p, size_t n)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), p, (uInt)n);
}

static void begin(uint8_t *p, size_t size, const char *tag)
{
	memset(p, 0, size);
	pr_put_u32(p, PR_SEG_SKIP_MAGIC);
	pr_put_u32(p + 4, (uint32_t)(size - 8));
	memcpy(p + 8, tag, 8);
}

static void seal_crc(uint8_t *p, size_t size)
{
	pr_put_u32(p + size - 4, crc_of(p, size - 4));
}

static bool record_ok(const uint8_t *p, size_t size, const char *tag)
{
	return pr_get_u32(p) == PR_SEG_SKIP_MAGIC && pr_get_u32(p + 4) == size - 8 && !memcmp(p + 8, tag, 8) &&
	       pr_get_u32(p + size - 4) == crc_of(p, size - 4);
}

void pr_seg_header_encode(struct pr_seg_header *h, uint8_t out[PR_SEG_HEADER_SIZE])
{
	begin(out, PR_SEG_HEADER_SIZE, PR_SEG_TAG_HEADER);
	pr_put_u16(out + 16, h->version);
	pr_put_u32(out + 20, h->compat);
	pr_put_u32(out + 24, h->incompat);
	pr_put_u32(out + 28, h->kind);
	memcpy(out + 32, h->uuid, PR_SEG_UUID);
	memcpy(out + 48, h->recording, PR_SEG_UUID);
	pr_put_u64(out + 64, h->number);
	memcpy(out + 72, h->prev_link, PR_SEG_LINK);
	pr_put_u64(out + 104, h->created_realtime);
	pr_put_u64(out + 112, h->created_boottime);
	pr_put_u64(out + 120, h->series);
	pr_put_u64(out + 128, h->oldest);
	pr_put_u64(out + 136, h->frames_before);
	memcpy(out + 144, h->boot_id, PR_SEG_UUID);
	/* 160..164 reserved, 0 */
	seal_crc(out, PR_SEG_HEADER_SIZE);
	pr_sha256(h->link, out, PR_SEG_HEADER_SIZE, NULL, 0);
}

static int check_versions(const struct pr_seg_header *h, const char *name, struct pr_errinfo *ei)
{
	uint32_t unknown = h->incompat & ~PR_SEG_INCOMPAT_KNOWN;

	if (h->version != PR_SEG_VERSION)
		return pr_fail(ei, PR_EVERSION, "%s: segment format version %u, this procrec reads version %u; use a newer procrec",
			name, h->version, PR_SEG_VERSION);
	if (unknown)
		return pr_fail(ei, PR_EVERSION, "%s: needs the feature of bit %d (of required features 0x%x), which this procrec "
			"does not have; use a newer procrec", name, __builtin_ctz(unknown), h->incompat);
	return PR_OK;
}

int pr_seg_header_decode(struct pr_seg_header *out, const uint8_t *p, size_t n, const char *name, struct pr_errinfo *ei)
{
	struct pr_seg_header h = {0};
	int err;

	if (n < RECORD_HEAD || pr_get_u32(p) != PR_SEG_SKIP_MAGIC || memcmp(p + 8, PR_SEG_TAG_HEADER, 8))
		return pr_fail(ei, PR_EFORMAT, "%s: not a procrec trace (it does not begin with a segment header); "
			"raw frames become one by 'procrec pack'", name);
	if (n < PR_SEG_HEADER_SIZE)
		return pr_fail(ei, PR_ETRUNC, "%s: the segment header is cut off: %zu bytes of %u", name, n, PR_SEG_HEADER_SIZE);
	h.version = pr_get_u16(p + 16);
	h.compat = pr_get_u32(p + 20);
	h.incompat = pr_get_u32(p + 24);
	/* A newer version may have another header size, so the version goes before the checksum. */
	if (h.version <= PR_SEG_VERSION && !record_ok(p, PR_SEG_HEADER_SIZE, PR_SEG_TAG_HEADER))
		return pr_fail(ei, PR_ECHECKSUM, "%s: the segment header is damaged (checksum); 'procrec repair' can copy the rest",
			name);
	err = check_versions(&h, name, ei);
	if (err)
		return err;
	h.kind = pr_get_u32(p + 28);
	memcpy(h.uuid, p + 32, PR_SEG_UUID);
	memcpy(h.recording, p + 48, PR_SEG_UUID);
	h.number = pr_get_u64(p + 64);
	memcpy(h.prev_link, p + 72, PR_SEG_LINK);
	h.created_realtime = pr_get_u64(p + 104);
	h.created_boottime = pr_get_u64(p + 112);
	h.series = pr_get_u64(p + 120);
	h.oldest = pr_get_u64(p + 128);
	h.frames_before = pr_get_u64(p + 136);
	memcpy(h.boot_id, p + 144, PR_SEG_UUID);
	pr_sha256(h.link, p, PR_SEG_HEADER_SIZE, NULL, 0);
	*out = h;
	return PR_OK;
}

bool pr_seg_record_decode(const uint8_t *p, size_t n, const uint8_t uuid[PR_SEG_UUID], uint32_t *out_size)
{
	uint64_t size;

	if (n < PR_SEG_RECORD_MIN || pr_get_u32(p) != PR_SEG_SKIP_MAGIC || memcmp(p + 8, "PREC", 4) || memcmp(p + 72, uuid, 8))
		return false;
	size = (uint64_t)pr_get_u32(p + 4) + 8;
	if (size < PR_SEG_RECORD_MIN || size > PR_SEG_RECORD_MAX || size > n)
		return false;
	if (pr_get_u32(p + size - 4) != crc_of(p, size - 4) || pr_get_u32(p + size - 8))
		return false;
	*out_size = (uint32_t)size;
	return true;
}

bool pr_seg_record_link_ok(const uint8_t *p, size_t size)
{
	uint8_t link[PR_SEG_LINK];

	pr_sha256(link, p, size - 40, NULL, 0);
	return !memcmp(link, pr_seg_record_link(p, size), PR_SEG_LINK);
}

void pr_seg_record_begin(uint8_t *p, size_t size, const char *tag, const uint8_t uuid[PR_SEG_UUID], const uint8_t prev[PR_SEG_LINK])
{
	begin(p, size, tag);
	memcpy(p + 72, uuid, 8);
	memcpy(p + 80, prev, PR_SEG_LINK);
}

void pr_seg_record_finish(uint8_t *p, size_t size, uint8_t out_link[PR_SEG_LINK])
{
	pr_sha256(out_link, p, size - 40, NULL, 0);
	memcpy(p + size - 40, out_link, PR_SEG_LINK);
	seal_crc(p, size);
}

void pr_seg_block_encode(
	struct pr_seg_block *d, const uint8_t *lz4, const uint8_t uuid[PR_SEG_UUID], uint8_t out[PR_SEG_BLOCK_SIZE])
{
	begin(out, PR_SEG_BLOCK_SIZE, PR_SEG_TAG_BLOCK);
	pr_put_u16(out + 16, (uint16_t)d->encoding);
	pr_put_u16(out + 18, (uint16_t)d->flags);
	pr_put_u32(out + 20, d->frames);
	pr_put_u32(out + 24, d->envelopes);
	pr_put_u32(out + 28, d->raw_size);
	pr_put_u32(out + 32, d->comp_size);
	pr_put_u32(out + 36, d->stored_size);
	pr_put_u64(out + 40, d->number);
	pr_put_u64(out + 48, d->first_frame);
	pr_put_u64(out + 56, d->ktime_min);
	pr_put_u64(out + 64, d->ktime_max);
	memcpy(out + 72, uuid, 8);
	memcpy(out + 80, d->prev, PR_SEG_LINK);
	pr_sha256(d->link, out, LINKED, lz4, d->comp_size);
	memcpy(out + LINKED, d->link, PR_SEG_LINK);
	seal_crc(out, PR_SEG_BLOCK_SIZE);
}

static bool sizes_ok(const struct pr_seg_block *d)
{
	const uint32_t max = PR_SEG_RAW_MAX + (1u << 20); /* rearranging and LZ4 may make rubbish a little larger */

	if (d->encoding > 1 || (d->encoding == 0 && d->stored_size != d->raw_size))
		return false;
	if (d->raw_size > PR_SEG_RAW_MAX || d->stored_size > max || d->comp_size > max || !d->comp_size)
		return false;
	return d->frames <= d->envelopes && d->envelopes <= d->raw_size / PR_ENVELOPE_SIZE;
}

bool pr_seg_block_decode(struct pr_seg_block *out, const uint8_t p[PR_SEG_BLOCK_SIZE], const uint8_t uuid[PR_SEG_UUID])
{
	struct pr_seg_block d = {0};

	/* Cheap tests first: resynchronising looks at many places. */
	if (pr_get_u32(p) != PR_SEG_SKIP_MAGIC || memcmp(p + 72, uuid, 8) || !record_ok(p, PR_SEG_BLOCK_SIZE, PR_SEG_TAG_BLOCK) ||
		pr_get_u32(p + PR_SEG_BLOCK_SIZE - 8))
		return false;
	d.encoding = pr_get_u16(p + 16);
	d.flags = pr_get_u16(p + 18);
	d.frames = pr_get_u32(p + 20);
	d.envelopes = pr_get_u32(p + 24);
	d.raw_size = pr_get_u32(p + 28);
	d.comp_size = pr_get_u32(p + 32);
	d.stored_size = pr_get_u32(p + 36);
	d.number = pr_get_u64(p + 40);
	d.first_frame = pr_get_u64(p + 48);
	d.ktime_min = pr_get_u64(p + 56);
	d.ktime_max = pr_get_u64(p + 64);
	memcpy(d.prev, p + 80, PR_SEG_LINK);
	memcpy(d.link, p + LINKED, PR_SEG_LINK);
	if (!sizes_ok(&d))
		return false;
	*out = d;
	return true;
}

bool pr_seg_block_link_ok(const struct pr_seg_block *d, const uint8_t p[PR_SEG_BLOCK_SIZE], const uint8_t *lz4)
{
	uint8_t link[PR_SEG_LINK];

	pr_sha256(link, p, LINKED, lz4, d->comp_size);
	return !memcmp(link, d->link, PR_SEG_LINK);
}

void pr_seg_footer_encode(struct pr_seg_footer *f, const uint8_t uuid[PR_SEG_UUID], uint8_t out[PR_SEG_FOOTER_SIZE])
{
	begin(out, PR_SEG_FOOTER_SIZE, PR_SEG_TAG_FOOTER);
	pr_put_u64(out + 16, f->blocks);
	pr_put_u64(out + 24, f->frames);
	pr_put_u64(out + 32, f->envelopes);
	pr_put_u64(out + 40, f->raw_bytes);
	pr_put_u64(out + 48, f->file_size);
	pr_put_u64(out + 56, f->ktime_min);
	pr_put_u64(out + 64, f->ktime_max);
	memcpy(out + 72, uuid, 8);
	memcpy(out + 80, f->prev, PR_SEG_LINK);
	pr_sha256(f->link, out, LINKED, NULL, 0);
	memcpy(out + LINKED, f->link, PR_SEG_LINK);
	seal_crc(out, PR_SEG_FOOTER_SIZE);
}

bool pr_seg_footer_decode(struct pr_seg_footer *out, const uint8_t p[PR_SEG_FOOTER_SIZE], const uint8_t uuid[PR_SEG_UUID])
{
	uint8_t link[PR_SEG_LINK];

	if (!record_ok(p, PR_SEG_FOOTER_SIZE, PR_SEG_TAG_FOOTER) || memcmp(p + 72, uuid, 8) || pr_get_u32(p + PR_SEG_FOOTER_SIZE - 8))
		return false;
	pr_sha256(link, p, LINKED, NULL, 0);
	if (memcmp(link, p + LINKED, PR_SEG_LINK))
		return false;
	out->blocks = pr_get_u64(p + 16);
	out->frames = pr_get_u64(p + 24);
	out->envelopes = pr_get_u64(p + 32);
	out->raw_bytes = pr_get_u64(p + 40);
	out->file_size = pr_get_u64(p + 48);
	out->ktime_min = pr_get_u64(p + 56);
	out->ktime_max = pr_get_u64(p + 64);
	memcpy(out->prev, p + 80, PR_SEG_LINK);
	memcpy(out->link, link, PR_SEG_LINK);
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_part.c: blocks out of one untrusted file.
 *
 * Order of distrust: the descriptor's CRC, then its sizes against what the file has, then the chain link over the compressed
 * bytes, then LZ4's own checksums, then the decompressed size. Where a block fails, the reader looks for the next place that
 * is a good record of this segment (its uuid is in each, so bytes that a recorded process planted in its arguments
 * can't pass for one) and reports what lies between.
 */
#include "schema/segment_part.h"

#include <lz4frame.h>
#include <string.h>

#include "base/bytes.h"
#include "schema/ahead.h"
#include "schema/rearrange.h"

#define SCAN_CHUNK (256u << 10)
#define SIG_FRAMES 40u /* offset in a checkpoint: counted frames before it */

int pr_seg_scratch_init(struct pr_seg_scratch *s, struct pr_errinfo *ei)
{
	*s = (struct pr_seg_scratch){0};
	if (LZ4F_isError(LZ4F_createDecompressionContext(&s->dctx, LZ4F_VERSION)))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	return PR_OK;
}

void pr_seg_scratch_release(struct pr_seg_scratch *s)
{
	pr_ahead_free(s->ahead);
	s->ahead = NULL;
	LZ4F_freeDecompressionContext(s->dctx);
	pr_buf_release(&s->comp);
	pr_buf_release(&s->stored);
	pr_buf_release(&s->raw);
	pr_buf_release(&s->scan);
	pr_buf_release(&s->rec);
}

void pr_seg_scratch_set_pool(struct pr_seg_scratch *s, struct pr_pool *pool)
{
	pr_ahead_free(s->ahead);
	s->ahead = pr_ahead_new(pool);
}

static int read_exact(struct pr_seg_part *r, uint64_t off, void *p, size_t n, bool *out_whole, struct pr_errinfo *ei)
{
	size_t got = 0;
	int err = r->src->ops->read_at(r->src, off, p, n, &got, ei);

	*out_whole = !err && got == n;
	return err;
}

/* Looks for the footer at the very end; a segment that was cut or goes on behind it has none that fits. */
static int find_end(struct pr_seg_part *r, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_FOOTER_SIZE];
	bool whole;
	int err = r->src->ops->size(r->src, &r->size, ei);

	if (err)
		return err;
	r->end = r->size;
	r->sealed = false;
	if (r->size < PR_SEG_HEADER_SIZE + PR_SEG_FOOTER_SIZE)
		return PR_OK;
	err = read_exact(r, r->size - PR_SEG_FOOTER_SIZE, p, sizeof(p), &whole, ei);
	if (err)
		return err;
	if (whole && pr_seg_footer_decode(&r->footer, p, r->header.uuid) && r->footer.file_size == r->size) {
		r->sealed = true;
		r->end = r->size - PR_SEG_FOOTER_SIZE;
	}
	return PR_OK;
}

int pr_seg_part_open(struct pr_seg_part *r, struct pr_source *src, struct pr_seg_scratch *scratch, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_HEADER_SIZE];
	size_t n = 0;
	int err;

	*r = (struct pr_seg_part){.src = src, .scratch = scratch};
	err = src->ops->read_at(src, 0, p, sizeof(p), &n, ei);
	if (!err)
		err = pr_seg_header_decode(&r->header, p, n, src->name, ei);
	if (!err)
		err = find_end(r, ei);
	if (err) {
		pr_seg_part_close(r);
		return err;
	}
	pr_seg_part_rewind(r);
	return PR_OK;
}

int pr_seg_part_refresh(struct pr_seg_part *r, bool *out_more, struct pr_errinfo *ei)
{
	uint64_t size = r->size;
	bool sealed = r->sealed;
	int err = find_end(r, ei);

	*out_more = !err && (r->size > size || r->sealed != sealed);
	if (*out_more)
		r->tail = 0; /* known again at the end */
	if (!err && r->end < r->pos)
		return pr_fail(ei, PR_EDATA, "%s: it was cut to %llu bytes while it was read: %llu of them were read before", r->src->name,
			(unsigned long long)r->size, (unsigned long long)r->pos);
	return err;
}

void pr_seg_part_close(struct pr_seg_part *r)
{
	pr_source_close(r->src);
	r->src = NULL;
}

void pr_seg_part_seek(struct pr_seg_part *r, uint64_t offset, const uint8_t prev_link[PR_SEG_LINK], uint64_t frames_before)
{
	r->pos = offset;
	r->link_known = true;
	memcpy(r->link, prev_link, PR_SEG_LINK);
	r->next_frame = frames_before;
	r->next_number = UINT64_MAX; /* not known here */
}

void pr_seg_part_rewind(struct pr_seg_part *r)
{
	pr_seg_part_seek(r, PR_SEG_HEADER_SIZE, r->header.link, 0);
	r->next_number = 0;
	r->last_ktime = 0;
	r->tail = 0;
}

/* NULL when the LZ4 frame gives exactly stored_size bytes, which are then in *out; else what is wrong. */
static const char *decompress(struct pr_seg_scratch *s, const struct pr_seg_block *d, struct pr_buf *out)
{
	/* The link, which was checked, stands for these very bytes: LZ4's own checksum of them would tell nothing new. */
	const LZ4F_decompressOptions_t opt = {.skipChecksums = 1};
	size_t in = d->comp_size, outn = d->stored_size, hint;

	pr_buf_clear(out);
	if (!pr_buf_reserve(out, d->stored_size + 1u))
		return "there is not enough memory to read it";
	LZ4F_resetDecompressionContext(s->dctx);
	hint = LZ4F_decompress(s->dctx, out->data, &outn, s->comp.data, &in, &opt);
	if (LZ4F_isError(hint))
		return "its compressed bytes are damaged";
	if (hint || in != d->comp_size || outn != d->stored_size)
		return "its compressed bytes do not give the size that its descriptor claims";
	out->len = outn;
	return NULL;
}

const char *pr_seg_scratch_expand(struct pr_seg_scratch *s, const struct pr_seg_block *d)
{
	const char *why = decompress(s, d, d->encoding ? &s->stored : &s->raw);

	if (why || !d->encoding)
		return why;
	pr_buf_clear(&s->raw);
	return pr_rearrange_back(&s->raw, s->stored.data, s->stored.len, d->raw_size) ? NULL
										   : "its rearranged bytes do not add up";
}

/* CUT: the file ends within it. RECORD: none with frames; it is in scratch->rec. */
enum verdict { GOOD, BAD, CUT, RECORD };

/* A record that is no descriptor. head: its first bytes. */
static int load_record(struct pr_seg_part *r, uint64_t off, const uint8_t head[PR_SEG_RECORD_MIN], enum verdict *v, const char **why,
	struct pr_errinfo *ei)
{
	uint64_t size = (uint64_t)pr_get_u32(head + 4) + 8;
	struct pr_buf *b = &r->scratch->rec;
	uint32_t n;
	bool whole;
	int err;

	if (pr_get_u32(head) != PR_SEG_SKIP_MAGIC || memcmp(head + 8, "PREC", 4) || memcmp(head + 72, r->header.uuid, 8) ||
		size < PR_SEG_RECORD_MIN || size > PR_SEG_RECORD_MAX)
		return PR_OK;
	*why = "a block descriptor is damaged";
	if (!memcmp(head + 8, PR_SEG_TAG_BLOCK, 8))
		return PR_OK;
	*why = "a closing record or header stands there that does not fit this place";
	if (!memcmp(head + 8, PR_SEG_TAG_HEADER, 8) || !memcmp(head + 8, PR_SEG_TAG_FOOTER, 8))
		return PR_OK;
	pr_buf_clear(b);
	if (!pr_buf_grow(b, size))
		return pr_fail(ei, PR_ENOMEM, "out of memory for a record");
	err = read_exact(r, off, b->data, size, &whole, ei);
	if (err)
		return err;
	if (!whole) {
		*v = CUT;
		return PR_OK;
	}
	*why = "a record is damaged";
	if (pr_seg_record_decode(b->data, size, r->header.uuid, &n) && pr_seg_record_link_ok(b->data, size))
		*v = RECORD;
	return PR_OK;
}

/* Reads and checks what stands at `off`: a block, whose raw bytes are then in scratch->raw, or another record. */
static int load(struct pr_seg_part *r, uint64_t off, struct pr_block *out, enum verdict *v, const char **why, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_BLOCK_SIZE];
	struct pr_seg_scratch *s = r->scratch;
	bool whole;
	int err = read_exact(r, off, p, sizeof(p), &whole, ei);

	*v = CUT;
	if (err || !whole)
		return err;
	*v = BAD;
	*why = "there is no block descriptor";
	if (!pr_seg_block_decode(&out->desc, p, r->header.uuid))
		return load_record(r, off, p, v, why, ei);
	pr_buf_clear(&s->comp);
	if (!pr_buf_grow(&s->comp, out->desc.comp_size))
		return pr_fail(ei, PR_ENOMEM, "out of memory for a block of %u bytes", out->desc.comp_size);
	err = read_exact(r, off + PR_SEG_BLOCK_SIZE, s->comp.data, out->desc.comp_size, &whole, ei);
	if (err)
		return err;
	if (!whole) {
		*v = CUT;
		return PR_OK;
	}
	*why = "its bytes do not fit its SHA-256 link";
	if (!pr_seg_block_link_ok(&out->desc, p, s->comp.data))
		return PR_OK;
	*why = pr_seg_scratch_expand(s, &out->desc);
	if (*why)
		return PR_OK;
	out->offset = off;
	out->raw = s->raw.data;
	*v = GOOD;
	return PR_OK;
}

int pr_seg_part_at(struct pr_seg_part *r, uint64_t offset, struct pr_block *out, struct pr_errinfo *ei)
{
	const char *why = NULL;
	enum verdict v;
	int err = load(r, offset, out, &v, &why, ei);

	if (err || v == GOOD)
		return err;
	return pr_fail(ei, v == CUT ? PR_ETRUNC : PR_ECHECKSUM, "%s: the block at byte %llu can't be read: %s", r->src->name,
		(unsigned long long)offset, v == CUT ? "the file ends within it" : v == RECORD ? "it is another record" : why);
}

/* Is there, in the n bytes at p, a place where reading can go on? */
static bool good_start(const struct pr_seg_part *r, const uint8_t *p, size_t n)
{
	struct pr_seg_block d;
	uint32_t size;

	if (pr_get_u32(p) != PR_SEG_SKIP_MAGIC)
		return false;
	if (pr_seg_block_decode(&d, p, r->header.uuid))
		return true;
	return !memcmp(p + 8, PR_SEG_TAG_SIG, 8) && pr_seg_record_decode(p, n, r->header.uuid, &size) && size == PR_SEG_SIG_SIZE;
}

/* The first place at or behind `from` where reading can go on; r->end if there is none. */
static int resync(struct pr_seg_part *r, uint64_t from, uint64_t *out_pos, struct pr_errinfo *ei)
{
	struct pr_buf *scan = &r->scratch->scan;
	uint64_t pos = from;
	size_t n;

	*out_pos = r->end;
	pr_buf_clear(scan);
	if (!pr_buf_grow(scan, SCAN_CHUNK))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	while (pos + PR_SEG_BLOCK_SIZE <= r->end) {
		int err = r->src->ops->read_at(r->src, pos, scan->data, SCAN_CHUNK, &n, ei);
		size_t step;

		if (err)
			return err;
		if (n < PR_SEG_BLOCK_SIZE)
			return PR_OK;
		/* A record that begins in the last bytes of this chunk is looked at in the next. */
		step = n < SCAN_CHUNK ? n - PR_SEG_BLOCK_SIZE + 1 : n - PR_SEG_SIG_SIZE + 1;
		for (size_t i = 0; i < step; i++) {
			if (good_start(r, scan->data + i, n - i) && pos + i < r->end) {
				*out_pos = pos + i;
				return PR_OK;
			}
		}
		pos += step;
	}
	return PR_OK;
}

static void advance(struct pr_seg_part *r, const struct pr_block *b)
{
	r->pos = b->offset + PR_SEG_BLOCK_SIZE + b->desc.comp_size;
	memcpy(r->link, b->desc.link, PR_SEG_LINK);
	r->link_known = true;
	r->next_number = b->desc.number + 1;
	r->next_frame = b->desc.first_frame + b->desc.frames;
	if (b->desc.ktime_min <= b->desc.ktime_max && b->desc.ktime_max > r->last_ktime)
		r->last_ktime = b->desc.ktime_max;
}

/*
 * Fills *d for the bytes from r->pos to `to`. Behind them comes what was loaded there (v): a block, a record, or nothing
 * that is whole. Sequential reading goes on at `to`.
 */
static int skip_to(struct pr_seg_part *r, uint64_t to, enum verdict v, const struct pr_seg_block *next, const char *why,
	struct pr_seg_damage *d)
{
	const uint8_t *rec = r->scratch->rec.data;
	uint64_t frame = UINT64_MAX; /* that comes next; UINT64_MAX: not known */

	*d = (struct pr_seg_damage){
		.from = r->pos, .to = to, .ktime_from = r->last_ktime, .ktime_to = UINT64_MAX, .missing = to == r->pos, .why = why};
	if (v == GOOD || v == BAD) { /* of a bad block the descriptor at least is good */
		frame = next->first_frame;
		d->ktime_to = next->ktime_min <= next->ktime_max ? next->ktime_min : UINT64_MAX;
	} else if (v == RECORD && !memcmp(rec + 8, PR_SEG_TAG_SIG, 8)) {
		frame = pr_get_u64(rec + SIG_FRAMES);
	} else if (v == CUT && r->sealed) {
		frame = r->footer.frames;
		d->ktime_to = r->footer.ktime_max;
	}
	d->frames_known = frame >= r->next_frame && frame != UINT64_MAX;
	d->frames = d->frames_known ? frame - r->next_frame : 0;
	if (frame != UINT64_MAX)
		r->next_frame = frame; /* what is damaged behind it counts from there */
	r->pos = to;
	r->link_known = false;
	r->tail = 0;
	return PR_EDATA;
}

/* Behind r->pos nothing is whole any more: an open end, or damage that reaches to the end. */
static int finish(struct pr_seg_part *r, enum verdict v, const char *why, struct pr_seg_damage *d)
{
	if (!r->sealed && (v == CUT || r->growing)) {
		r->tail = r->end - r->pos;
		return PR_END;
	}
	return skip_to(r, r->end, CUT, NULL, v == CUT ? "the file ends within a block" : why, d);
}

/* The end was reached in good order: does it agree with the footer? */
static int check_end(struct pr_seg_part *r, struct pr_seg_damage *d)
{
	if (!r->sealed || !r->link_known)
		return PR_END;
	if (memcmp(r->link, r->footer.prev, PR_SEG_LINK) || r->footer.frames != r->next_frame)
		return skip_to(r, r->end, CUT, NULL, "blocks are missing before the footer", d);
	return PR_END;
}

/* Takes a good record in. */
static int pass_record(struct pr_seg_part *r)
{
	const struct pr_buf *b = &r->scratch->rec;
	uint64_t offset = r->pos;

	memcpy(r->link, pr_seg_record_link(b->data, b->len), PR_SEG_LINK);
	r->link_known = true;
	r->pos += b->len;
	return r->on_record ? r->on_record(r->ctx, b->data, b->len, offset) : PR_OK;
}

/* Where nothing good stands at r->pos: goes on at the next good place. */
static int skip_damage(struct pr_seg_part *r, enum verdict v, const char *why, struct pr_seg_damage *d, struct pr_errinfo *ei)
{
	const char *why_next;
	struct pr_block b;
	uint64_t to;
	int err = resync(r, r->pos + 1, &to, ei);

	if (err)
		return err;
	if (to == r->end)
		return finish(r, v, why, d);
	err = load(r, to, &b, &v, &why_next, ei); /* for what it tells of itself */
	if (!err && v == CUT && r->growing && !r->sealed)
		return finish(r, v, why, d);
	return err ? err : skip_to(r, to, v, &b.desc, why, d);
}

static bool ahead(struct pr_seg_part *r, struct pr_block *out)
{
	struct pr_ahead *a = r->scratch->ahead;

	return a && pr_ahead_next(a, r->src, r->header.uuid, r->pos, r->end, out);
}

int pr_seg_part_next(struct pr_seg_part *r, struct pr_block *out, struct pr_seg_damage *out_damage, struct pr_errinfo *ei)
{
	while (r->pos < r->end) {
		const char *why = "the file ends within a block";
		const uint8_t *prev;
		struct pr_block b;
		enum verdict v = GOOD;
		int err = ahead(r, &b) ? PR_OK : load(r, r->pos, &b, &v, &why, ei);

		if (err)
			return err;
		if (v != GOOD && v != RECORD)
			return skip_damage(r, v, why, out_damage, ei);
		prev = v == GOOD ? b.desc.prev : pr_seg_record_prev(r->scratch->rec.data);
		if (r->link_known && memcmp(prev, r->link, PR_SEG_LINK))
			return skip_to(r, r->pos, v, &b.desc, "blocks before this one are missing, doubled or out of order", out_damage);
		if (v == GOOD) {
			advance(r, &b);
			*out = b;
			return PR_OK;
		}
		err = pass_record(r);
		if (err)
			return err;
	}
	return check_end(r, out_damage);
}

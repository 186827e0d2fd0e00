/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_read.c: blocks out of an untrusted segment.
 *
 * Order of distrust: the descriptor's CRC, then its sizes against what the file has, then the chain link over the compressed
 * bytes, then LZ4's own checksums, then the decompressed size. Where a block fails, the reader looks for the next place that
 * is a good descriptor of this segment (its uuid is in each, so bytes that a recorded process planted in its arguments
 * can't pass for one) and reports what lies between.
 */
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "schema/rearrange.h"
#include "schema/segment.h"

#define SCAN_CHUNK (256u << 10)

struct pr_seg_reader {
	struct pr_source *src; /* owned */
	struct pr_seg_header header;
	struct pr_seg_footer footer;
	bool sealed;
	uint64_t end; /* where blocks end: the footer, or the size of the file */
	uint64_t pos; /* of the next descriptor */
	uint8_t link[PR_SEG_LINK]; /* expected in its prev */
	bool link_known; /* false behind damage: the next good block is taken as it is */
	uint64_t next_number, next_frame; /* expected of it */
	uint64_t last_ktime; /* largest ktime_max so far */
	uint64_t tail;
	LZ4F_dctx *dctx;
	struct pr_buf comp, stored, raw, scan;
};

static int read_exact(
	struct pr_seg_reader *r, uint64_t off, void *p, size_t n, bool *out_whole, struct pr_errinfo *ei)
{
	size_t got = 0;
	int err = r->src->ops->read_at(r->src, off, p, n, &got, ei);

	*out_whole = !err && got == n;
	return err;
}

/* Looks for the footer at the very end; a segment that was cut or goes on behind it has none that fits. */
static int find_end(struct pr_seg_reader *r, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_FOOTER_SIZE];
	uint64_t size;
	bool whole;
	int err = r->src->ops->size(r->src, &size, ei);

	if (err)
		return err;
	r->end = size;
	r->sealed = false;
	if (size < PR_SEG_HEADER_SIZE + PR_SEG_FOOTER_SIZE)
		return PR_OK;
	err = read_exact(r, size - PR_SEG_FOOTER_SIZE, p, sizeof(p), &whole, ei);
	if (err)
		return err;
	if (whole && pr_seg_footer_decode(&r->footer, p, r->header.uuid) && r->footer.file_size == size) {
		r->sealed = true;
		r->end = size - PR_SEG_FOOTER_SIZE;
	}
	return PR_OK;
}

static int open_reader(struct pr_seg_reader *r, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_HEADER_SIZE];
	size_t n = 0;
	int err = r->src->ops->read_at(r->src, 0, p, sizeof(p), &n, ei);

	if (err)
		return err;
	err = pr_seg_header_decode(&r->header, p, n, r->src->name, ei);
	if (err)
		return err;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&r->dctx, LZ4F_VERSION)))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	pr_seg_reader_rewind(r);
	return find_end(r, ei);
}

int pr_seg_reader_new(struct pr_seg_reader **out, struct pr_source *src, struct pr_errinfo *ei)
{
	struct pr_seg_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r) {
		pr_source_close(src);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	r->src = src;
	err = open_reader(r, ei);
	if (err) {
		pr_seg_reader_free(r);
		return err;
	}
	*out = r;
	return PR_OK;
}

void pr_seg_reader_free(struct pr_seg_reader *r)
{
	if (!r)
		return;
	pr_source_close(r->src);
	LZ4F_freeDecompressionContext(r->dctx);
	pr_buf_release(&r->comp);
	pr_buf_release(&r->stored);
	pr_buf_release(&r->raw);
	pr_buf_release(&r->scan);
	free(r);
}

const struct pr_seg_header *pr_seg_reader_header(const struct pr_seg_reader *r)
{
	return &r->header;
}

const char *pr_seg_reader_name(const struct pr_seg_reader *r)
{
	return r->src->name;
}

const struct pr_seg_footer *pr_seg_reader_footer(const struct pr_seg_reader *r)
{
	return r->sealed ? &r->footer : NULL;
}

uint64_t pr_seg_reader_tail(const struct pr_seg_reader *r)
{
	return r->tail;
}

void pr_seg_reader_seek(struct pr_seg_reader *r, uint64_t offset, const uint8_t prev_link[PR_SEG_LINK], uint64_t frames_before)
{
	r->pos = offset;
	r->link_known = true;
	memcpy(r->link, prev_link, PR_SEG_LINK);
	r->next_frame = frames_before;
	r->next_number = UINT64_MAX; /* not known here */
}

void pr_seg_reader_rewind(struct pr_seg_reader *r)
{
	pr_seg_reader_seek(r, PR_SEG_HEADER_SIZE, r->header.link, 0);
	r->next_number = 0;
	r->last_ktime = 0;
	r->tail = 0;
}

/* NULL when the LZ4 frame gives exactly stored_size bytes, which are then in *out; else what is wrong. */
static const char *decompress(struct pr_seg_reader *r, const struct pr_seg_block *d, struct pr_buf *out)
{
	size_t in = d->comp_size, outn = d->stored_size, hint;

	pr_buf_clear(out);
	if (!pr_buf_reserve(out, d->stored_size + 1u))
		return "there is not enough memory to read it";
	LZ4F_resetDecompressionContext(r->dctx);
	hint = LZ4F_decompress(r->dctx, out->data, &outn, r->comp.data, &in, NULL);
	if (LZ4F_isError(hint))
		return "its compressed bytes are damaged";
	if (hint || in != d->comp_size || outn != d->stored_size)
		return "its compressed bytes do not give the size that its descriptor claims";
	out->len = outn;
	return NULL;
}

/* The block's envelopes, as they were appended, into r->raw. */
static const char *expand(struct pr_seg_reader *r, const struct pr_seg_block *d)
{
	const char *why = decompress(r, d, d->encoding ? &r->stored : &r->raw);

	if (why || !d->encoding)
		return why;
	pr_buf_clear(&r->raw);
	return pr_rearrange_back(&r->raw, r->stored.data, r->stored.len, d->raw_size) ? NULL
										   : "its rearranged bytes do not add up";
}

enum verdict { GOOD, BAD, CUT }; /* CUT: the file ends within it */

/* Reads and checks the block at `off`. out->raw is in r->raw. */
static int load(struct pr_seg_reader *r, uint64_t off, struct pr_block *out, enum verdict *v, const char **why, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_BLOCK_SIZE];
	bool whole;
	int err = read_exact(r, off, p, sizeof(p), &whole, ei);

	*v = CUT;
	if (err || !whole)
		return err;
	*v = BAD;
	*why = "there is no block descriptor";
	if (!pr_seg_block_decode(&out->desc, p, r->header.uuid))
		return PR_OK;
	pr_buf_clear(&r->comp);
	if (!pr_buf_grow(&r->comp, out->desc.comp_size))
		return pr_fail(ei, PR_ENOMEM, "out of memory for a block of %u bytes", out->desc.comp_size);
	err = read_exact(r, off + PR_SEG_BLOCK_SIZE, r->comp.data, out->desc.comp_size, &whole, ei);
	if (err)
		return err;
	if (!whole) {
		*v = CUT;
		return PR_OK;
	}
	*why = "its bytes do not fit its SHA-256 link";
	if (!pr_seg_block_link_ok(&out->desc, p, r->comp.data))
		return PR_OK;
	*why = expand(r, &out->desc);
	if (*why)
		return PR_OK;
	out->offset = off;
	out->raw = r->raw.data;
	*v = GOOD;
	return PR_OK;
}

int pr_seg_reader_at(struct pr_seg_reader *r, uint64_t offset, struct pr_block *out, struct pr_errinfo *ei)
{
	const char *why = NULL;
	enum verdict v;
	int err = load(r, offset, out, &v, &why, ei);

	if (err || v == GOOD)
		return err;
	return pr_fail(ei, v == CUT ? PR_ETRUNC : PR_ECHECKSUM, "%s: the block at byte %llu can't be read: %s", r->src->name,
		(unsigned long long)offset, v == CUT ? "the file ends within it" : why);
}

/* The first place at or behind `from` where a descriptor of this segment stands; r->end if there is none. */
static int resync(struct pr_seg_reader *r, uint64_t from, uint64_t *out_pos, struct pr_errinfo *ei)
{
	struct pr_seg_block d;
	uint64_t pos = from;
	size_t n;

	*out_pos = r->end;
	pr_buf_clear(&r->scan);
	if (!pr_buf_grow(&r->scan, SCAN_CHUNK))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	while (pos + PR_SEG_BLOCK_SIZE <= r->end) {
		int err = r->src->ops->read_at(r->src, pos, r->scan.data, SCAN_CHUNK, &n, ei);

		if (err)
			return err;
		if (n < PR_SEG_BLOCK_SIZE)
			return PR_OK;
		for (size_t i = 0; i + PR_SEG_BLOCK_SIZE <= n; i++) {
			if (pr_seg_block_decode(&d, r->scan.data + i, r->header.uuid) && pos + i < r->end) {
				*out_pos = pos + i;
				return PR_OK;
			}
		}
		pos += n - PR_SEG_BLOCK_SIZE + 1;
	}
	return PR_OK;
}

static void advance(struct pr_seg_reader *r, const struct pr_block *b)
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
 * Fills *d for the bytes from r->pos to `to`, where the block `next` stands (NULL: nothing comes behind). Sequential
 * reading goes on at `to`.
 */
static int skip_to(struct pr_seg_reader *r, uint64_t to, const struct pr_seg_block *next, const char *why, struct pr_seg_damage *d)
{
	*d = (struct pr_seg_damage){
		.from = r->pos, .to = to, .ktime_from = r->last_ktime, .ktime_to = UINT64_MAX, .why = why};
	if (next) {
		d->frames_known = next->first_frame >= r->next_frame;
		d->frames = d->frames_known ? next->first_frame - r->next_frame : 0;
		r->next_frame = next->first_frame; /* a block that is damaged too counts from there */
		d->ktime_to = next->ktime_min <= next->ktime_max ? next->ktime_min : UINT64_MAX;
	} else if (r->sealed) {
		d->frames_known = r->footer.frames >= r->next_frame;
		d->frames = d->frames_known ? r->footer.frames - r->next_frame : 0;
		d->ktime_to = r->footer.ktime_max;
	}
	r->pos = to;
	r->link_known = false;
	return PR_EDATA;
}

/* Behind r->pos nothing is whole any more: an open end, or damage that reaches to the end. */
static int finish(struct pr_seg_reader *r, enum verdict v, const char *why, struct pr_seg_damage *d)
{
	uint64_t left = r->end - r->pos;

	if (!r->sealed && v == CUT) {
		r->tail = left;
		return PR_END;
	}
	return skip_to(r, r->end, NULL, v == CUT ? "the file ends within a block" : why, d);
}

/* The end was reached in good order: does it agree with the footer? */
static int check_end(struct pr_seg_reader *r, struct pr_seg_damage *d)
{
	if (!r->sealed || !r->link_known)
		return PR_END;
	if (memcmp(r->link, r->footer.prev, PR_SEG_LINK) || r->footer.frames != r->next_frame)
		return skip_to(r, r->end, NULL, "blocks are missing before the footer", d);
	return PR_END;
}

int pr_seg_reader_next(struct pr_seg_reader *r, struct pr_block *out, struct pr_seg_damage *out_damage, struct pr_errinfo *ei)
{
	const char *why = "the file ends within a block", *why_next;
	struct pr_block b;
	enum verdict v;
	uint64_t to;
	int err;

	if (r->pos >= r->end)
		return check_end(r, out_damage);
	err = load(r, r->pos, &b, &v, &why, ei);
	if (err)
		return err;
	if (v == GOOD && r->link_known && memcmp(b.desc.prev, r->link, PR_SEG_LINK)) {
		err = skip_to(r, r->pos, &b.desc, "blocks before this one are missing, doubled or out of order", out_damage);
		r->next_number = b.desc.number;
		r->next_frame = b.desc.first_frame;
		return err;
	}
	if (v == GOOD) {
		advance(r, &b);
		*out = b;
		return PR_OK;
	}
	err = resync(r, r->pos + 1, &to, ei);
	if (err)
		return err;
	if (to == r->end)
		return finish(r, v, why, out_damage);
	err = load(r, to, &b, &v, &why_next, ei); /* for its descriptor alone */
	if (err)
		return err;
	return skip_to(r, to, &b.desc, why, out_damage);
}

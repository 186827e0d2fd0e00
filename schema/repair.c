/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/repair.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "schema/build.h"

#define SCAN_CHUNK (64u << 10)

/* ---- a header made anew ------------------------------------------------------------------------------------------ */

/* Another source with its first bytes replaced. */
struct patched {
	struct pr_source base;
	struct pr_source *src; /* owned */
	uint8_t header[PR_SEG_HEADER_SIZE];
};

static int patched_read_at(struct pr_source *s, uint64_t off, void *p, size_t n, size_t *out_n, struct pr_errinfo *ei)
{
	struct patched *t = (struct patched *)s;
	int err = t->src->ops->read_at(t->src, off, p, n, out_n, ei);

	if (!err && off < PR_SEG_HEADER_SIZE) {
		size_t k = PR_SEG_HEADER_SIZE - (size_t)off;

		memcpy(p, t->header + off, k < *out_n ? k : *out_n);
	}
	return err;
}

static int patched_size(struct pr_source *s, uint64_t *out_size, struct pr_errinfo *ei)
{
	struct patched *t = (struct patched *)s;

	return t->src->ops->size(t->src, out_size, ei);
}

static enum pr_file_writer patched_writer(struct pr_source *s)
{
	struct patched *t = (struct patched *)s;

	return t->src->ops->writer(t->src);
}

static void patched_close(struct pr_source *s)
{
	pr_source_close(((struct patched *)s)->src);
	free(s);
}

static const struct pr_source_ops patched_ops = {patched_read_at, patched_size, patched_writer, patched_close};

/* The first block descriptor of any segment in the file: its place and the beginning of its uuid. */
static int find_block(struct pr_source *src, uint8_t uuid[PR_SEG_UUID], uint32_t *out_encoding, struct pr_errinfo *ei)
{
	uint8_t buf[SCAN_CHUNK];
	struct pr_seg_block d;
	uint64_t pos = 0;
	size_t n;
	int err;

	while (!(err = src->ops->read_at(src, pos, buf, sizeof(buf), &n, ei)) && n >= PR_SEG_BLOCK_SIZE) {
		size_t step = n - PR_SEG_BLOCK_SIZE + 1;

		for (size_t i = 0; i < step; i++) {
			if (pr_get_u32(buf + i) != PR_SEG_SKIP_MAGIC || !pr_seg_block_decode(&d, buf + i, buf + i + 72))
				continue;
			memcpy(uuid, buf + i + 72, 8);
			*out_encoding = d.encoding;
			return PR_OK;
		}
		pos += step;
	}
	return err ? err : pr_fail(ei, PR_EFORMAT, "%s: there is no block of a trace in it", src->name);
}

static int open_patched(struct pr_seg_reader **out, struct pr_source *src, struct pr_errinfo *ei)
{
	struct pr_seg_header h = {.version = PR_SEG_VERSION, .kind = PR_SEG_DERIVED};
	struct patched *t = malloc(sizeof(*t));
	uint32_t encoding = 0;
	int err = t ? find_block(src, h.uuid, &encoding, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");

	if (err) {
		pr_source_close(src);
		free(t);
		return err;
	}
	h.incompat = encoding ? PR_SEG_INCOMPAT_REARRANGED : 0;
	*t = (struct patched){.base = {&patched_ops, src->name}, .src = src};
	pr_seg_header_encode(&h, t->header);
	return pr_seg_reader_new(out, &t->base, ei);
}

int pr_repair_open(struct pr_seg_reader **out, struct pr_source *src, bool *out_header_lost, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_HEADER_SIZE];
	struct pr_seg_header h;
	size_t n = 0;
	int err = src->ops->read_at(src, 0, p, sizeof(p), &n, ei);

	*out_header_lost = false;
	if (err) {
		pr_source_close(src);
		return err;
	}
	err = pr_seg_header_decode(&h, p, n, src->name, ei);
	if (!err || err == PR_EVERSION)
		return pr_seg_reader_new(out, src, ei); /* tells why */
	*out_header_lost = true;
	return open_patched(out, src, ei);
}

/* ---- the copy ---------------------------------------------------------------------------------------------------- */

struct copy {
	struct pr_seg_writer *w;
	struct pr_repaired *out;
	uint64_t last_ktime;
	uint64_t seq; /* of META envelopes */
};

/* Says in the copy that frames are missing from `from` on. */
static int put_loss(struct copy *c, uint64_t count, uint64_t from, uint64_t upto, struct pr_errinfo *ei)
{
	struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META, .seq = c->seq++};
	struct pr_buf b = PR_BUF_INIT;
	size_t at = pr_enveloped_begin(&b, &env, PR_OP_LOSS, upto);
	int err;

	pr_buf_u32(&b, PR_LOSS_DAMAGE);
	pr_buf_u32(&b, PR_STREAM_USER);
	pr_buf_u64(&b, count);
	pr_buf_u64(&b, from);
	pr_enveloped_end(&b, at);
	err = pr_buf_failed(&b) ? pr_fail(ei, PR_ENOMEM, "out of memory") : pr_seg_writer_append(c->w, b.data, b.len, ei);
	pr_buf_release(&b);
	return err;
}

static int put_damage(struct copy *c, const struct pr_seg_damage *d, struct pr_errinfo *ei)
{
	c->out->damages++;
	c->out->lost += d->frames;
	c->out->lost_known &= d->frames_known;
	return put_loss(c, d->frames_known ? d->frames : 0, d->ktime_from, d->ktime_to, ei);
}

/* All whole envelopes of a block. Its link was right, so one that does not add up was written so. */
static int put_block(struct copy *c, const struct pr_block *b, struct pr_errinfo *ei)
{
	struct pr_frame_iter it;
	uint32_t whole = 0;
	struct pr_frame f;
	int err;

	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f))
		whole = it.off;
	err = pr_seg_writer_append(c->w, b->raw, whole, ei);
	c->out->blocks++;
	c->out->frames += it.next_seq - b->desc.first_frame;
	if (b->desc.ktime_min <= b->desc.ktime_max)
		c->last_ktime = b->desc.ktime_max;
	if (!err && it.damaged)
		err = put_damage(c, &(struct pr_seg_damage){.ktime_from = b->desc.ktime_min, .ktime_to = b->desc.ktime_max}, ei);
	return err;
}

static int copy_all(struct copy *c, struct pr_seg_reader *r, void (*on_damage)(void *, const struct pr_seg_damage *), void *ctx,
	struct pr_errinfo *ei)
{
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	pr_seg_reader_rewind(r);
	while ((err = pr_seg_reader_next(r, &b, &d, ei)) != PR_END) {
		if (err && err != PR_EDATA)
			return err;
		if (err && c->out->header_lost && d.missing && d.frames_known && !d.frames)
			continue; /* the first block does not follow a header that was made anew */
		if (err && on_damage)
			on_damage(ctx, &d);
		err = err ? put_damage(c, &d, ei) : put_block(c, &b, ei);
		if (err)
			return err;
	}
	c->out->tail_bytes = pr_seg_reader_tail(r);
	c->out->open = !pr_seg_reader_footer(r);
	return c->out->open ? put_loss(c, 0, c->last_ktime, UINT64_MAX, ei) : PR_OK;
}

int pr_repair_copy(struct pr_seg_reader *r, bool header_lost, int fd, void (*on_damage)(void *ctx, const struct pr_seg_damage *d), void *ctx,
	struct pr_repaired *out, struct pr_errinfo *ei)
{
	const struct pr_seg_header *h = pr_seg_reader_header(r);
	struct pr_seg_options opt = {.header = *h, .rearrange = h->incompat & PR_SEG_INCOMPAT_REARRANGED};
	uint8_t id[crypto_hash_sha256_BYTES];
	struct copy c = {.out = out};
	int err;

	*out = (struct pr_repaired){.lost_known = true, .header_lost = header_lost};
	/* The same trace gives the same copy, and no other segment has its uuid. */
	crypto_hash_sha256(id, h->link, sizeof(h->link));
	memcpy(opt.header.uuid, id, PR_SEG_UUID);
	memset(opt.header.prev_link, 0, PR_SEG_LINK);
	opt.header.kind = PR_SEG_DERIVED;
	opt.header.number = opt.header.series = opt.header.oldest = 0;
	err = pr_seg_writer_new(&c.w, fd, &opt, ei);
	if (!err)
		err = copy_all(&c, r, on_damage, ctx, ei);
	if (!err)
		err = pr_seg_writer_seal(c.w, ei);
	pr_seg_writer_free(c.w);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_write.c: envelopes in, blocks out.
 *
 * Envelopes gather in `raw` until a block is full; a block goes out as descriptor and LZ4 frame in one write, so that a
 * kill leaves at most one torn block at the end. The writer never seeks and never rewrites: what was written stays.
 */
#include <errno.h>
#include <lz4frame.h>
#include <sodium/crypto_generichash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/out.h"
#include "schema/rearrange.h"
#include "schema/segment.h"
#include "schema/sign.h"

#define CHECKPOINT_NS UINT64_C(60000000000)

struct pr_seg_writer {
	int fd; /* borrowed */
	struct pr_seg_options opt;
	struct pr_buf raw; /* the block that is being filled */
	struct pr_buf rearranged;
	struct pr_buf out; /* descriptor and LZ4 frame */
	struct pr_seg_block cur; /* what is known of the block that is being filled */
	struct pr_seg_progress done;
	uint64_t ktime_min, ktime_max;
	LZ4F_cctx *cctx;
	crypto_generichash_state digest; /* of what was written, with opt.digest */
	uint64_t signed_boottime; /* of the last checkpoint */
	bool dirty; /* something was written since */
	bool sealed;
	int failed; /* enum pr_err: after a failed write the end of the file is not known: nothing more is written */
};

static int write_out(struct pr_seg_writer *w, const void *p, size_t n, struct pr_errinfo *ei)
{
	if (pr_write_all(w->fd, p, n)) {
		w->failed = pr_fail_errno(ei, "cannot write the trace at byte %llu", (unsigned long long)w->done.file_bytes);
		return w->failed;
	}
	w->done.file_bytes += n;
	if (w->opt.digest)
		crypto_generichash_update(&w->digest, p, n);
	return PR_OK;
}

static int usable(const struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	if (w->failed)
		return pr_fail(ei, w->failed, "an earlier write of this trace failed");
	return w->sealed ? pr_fail(ei, PR_EUSAGE, "the trace is sealed") : PR_OK;
}

/* Chain and CRC for a record whose fields are there, and out with it. */
static int put_record(struct pr_seg_writer *w, uint8_t *rec, size_t size, struct pr_errinfo *ei)
{
	uint8_t link[PR_SEG_LINK];
	int err;

	pr_seg_record_finish(rec, size, link);
	err = write_out(w, rec, size, ei);
	if (err)
		return err;
	memcpy(w->done.link, link, PR_SEG_LINK);
	memcpy(w->cur.prev, link, PR_SEG_LINK);
	return PR_OK;
}

static int put_checkpoint(struct pr_seg_writer *w, enum pr_sig_kind kind, struct pr_errinfo *ei)
{
	uint8_t rec[PR_SEG_SIG_SIZE];
	uint64_t realtime, boottime;
	int err;

	w->opt.now(w->opt.ctx_now, &realtime, &boottime);
	pr_seg_record_begin(rec, sizeof(rec), PR_SEG_TAG_SIG, w->opt.header.uuid, w->done.link);
	pr_put_u64(rec + 24, w->done.checkpoints);
	pr_put_u64(rec + 32, w->done.blocks);
	pr_put_u64(rec + 40, w->done.frames);
	pr_put_u64(rec + 48, realtime);
	pr_put_u64(rec + 56, boottime);
	pr_put_u64(rec + 64, w->done.file_bytes);
	pr_signer_sign(w->opt.signer, rec, kind);
	err = put_record(w, rec, sizeof(rec), ei);
	if (err)
		return err;
	w->done.checkpoints++;
	w->signed_boottime = boottime;
	w->dirty = false;
	return PR_OK;
}

static int put_keys(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	uint8_t rec[PR_SEG_RECORD_MAX];
	size_t size;
	int err = pr_signer_begin(w->opt.signer, &w->opt.header, ei);

	if (err)
		return err;
	size = pr_signer_key_size(w->opt.signer);
	pr_seg_record_begin(rec, size, PR_SEG_TAG_KEY, w->opt.header.uuid, w->done.link);
	pr_signer_key_fill(w->opt.signer, rec);
	err = put_record(w, rec, size, ei);
	return err ? err : put_checkpoint(w, PR_SIG_START, ei);
}

static void begin_block(struct pr_seg_writer *w)
{
	pr_buf_clear(&w->raw);
	w->cur = (struct pr_seg_block){
		.number = w->done.blocks, .first_frame = w->done.frames, .ktime_min = UINT64_MAX, .ktime_max = 0};
	memcpy(w->cur.prev, w->done.link, PR_SEG_LINK);
}

static struct pr_seg_writer *alloc(int fd, const struct pr_seg_options *opt)
{
	struct pr_seg_writer *w = calloc(1, sizeof(*w));

	if (!w || LZ4F_isError(LZ4F_createCompressionContext(&w->cctx, LZ4F_VERSION))) {
		free(w);
		return NULL;
	}
	w->fd = fd;
	w->opt = *opt;
	if (!w->opt.block_bytes)
		w->opt.block_bytes = PR_SEG_BLOCK_TARGET;
	if (!w->opt.checkpoint_ns)
		w->opt.checkpoint_ns = CHECKPOINT_NS;
	w->ktime_min = UINT64_MAX;
	return w;
}

int pr_seg_writer_resume(struct pr_seg_writer **out, int fd, const struct pr_seg_options *opt, const struct pr_seg_end *at,
	struct pr_errinfo *ei)
{
	struct pr_seg_writer *w = alloc(fd, opt);

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->opt.signer = NULL;
	w->opt.digest = false;
	w->opt.header = at->header;
	w->opt.rearrange = at->header.incompat & PR_SEG_INCOMPAT_REARRANGED;
	w->done.blocks = at->blocks;
	w->done.frames = at->frames;
	w->done.envelopes = at->envelopes;
	w->done.raw_bytes = at->raw_bytes;
	w->done.file_bytes = at->file_bytes;
	memcpy(w->done.link, at->link, PR_SEG_LINK);
	w->ktime_min = at->ktime_min;
	w->ktime_max = at->ktime_max;
	begin_block(w);
	*out = w;
	return PR_OK;
}

int pr_seg_writer_new(struct pr_seg_writer **out, int fd, const struct pr_seg_options *opt, struct pr_errinfo *ei)
{
	struct pr_seg_writer *w = alloc(fd, opt);
	uint8_t header[PR_SEG_HEADER_SIZE];
	int err;

	if (!w)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	w->opt.header.version = PR_SEG_VERSION;
	w->opt.header.compat = 0;
	w->opt.header.incompat = opt->rearrange ? PR_SEG_INCOMPAT_REARRANGED : 0;
	pr_seg_header_encode(&w->opt.header, header);
	memcpy(w->done.link, w->opt.header.link, PR_SEG_LINK);
	crypto_generichash_init(&w->digest, NULL, 0, 64);
	err = write_out(w, header, sizeof(header), ei);
	if (!err && w->opt.signer)
		err = put_keys(w, ei);
	if (err) {
		pr_seg_writer_free(w);
		return err;
	}
	begin_block(w);
	*out = w;
	return PR_OK;
}

void pr_seg_writer_free(struct pr_seg_writer *w)
{
	if (!w)
		return;
	LZ4F_freeCompressionContext(w->cctx);
	pr_buf_release(&w->raw);
	pr_buf_release(&w->rearranged);
	pr_buf_release(&w->out);
	free(w);
}

/* What goes into the LZ4 frame: the pending bytes, rearranged if that is asked for. NULL when memory runs out. */
static const struct pr_buf *stored(struct pr_seg_writer *w)
{
	if (!w->opt.rearrange)
		return &w->raw;
	pr_buf_clear(&w->rearranged);
	return pr_rearrange(&w->rearranged, w->raw.data, w->raw.len) ? &w->rearranged : NULL;
}

/* Bytes written to p, or an LZ4F error. */
static size_t lz4_frame(
	struct pr_seg_writer *w, const struct pr_buf *in, const LZ4F_preferences_t *prefs, uint8_t *p, size_t room)
{
	size_t n = LZ4F_compressBegin(w->cctx, p, room, prefs), k;

	if (LZ4F_isError(n))
		return n;
	k = LZ4F_compressUpdate(w->cctx, p + n, room - n, in->data, in->len, NULL);
	if (LZ4F_isError(k))
		return k;
	n += k;
	k = LZ4F_compressEnd(w->cctx, p + n, room - n, NULL);
	return LZ4F_isError(k) ? k : n + k;
}

/* One LZ4 frame: independent blocks, content size and checksum, appended to w->out behind room for the descriptor. */
static int compress(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	const struct pr_buf *in = stored(w);
	LZ4F_preferences_t prefs = {0};
	size_t bound, n;

	if (!in)
		return pr_fail(ei, PR_ENOMEM, "out of memory for a block of %zu bytes", w->raw.len);
	prefs.frameInfo.blockSizeID = in->len > (1u << 20)     ? LZ4F_max4MB
				      : in->len > (256u << 10) ? LZ4F_max1MB
				      : in->len > (64u << 10)  ? LZ4F_max256KB
							       : LZ4F_max64KB;
	prefs.frameInfo.blockMode = LZ4F_blockIndependent;
	prefs.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	prefs.frameInfo.contentSize = in->len;
	prefs.compressionLevel = w->opt.level;
	prefs.autoFlush = 1; /* the whole block is at hand: no copy into the library's own buffer */
	bound = LZ4F_compressFrameBound(in->len, &prefs);
	pr_buf_clear(&w->out);
	if (!pr_buf_grow(&w->out, PR_SEG_BLOCK_SIZE) || !pr_buf_reserve(&w->out, bound))
		return pr_fail(ei, PR_ENOMEM, "out of memory for a block of %zu bytes", w->raw.len);
	n = lz4_frame(w, in, &prefs, w->out.data + w->out.len, bound);
	if (LZ4F_isError(n))
		return pr_fail(ei, PR_ENOMEM, "cannot compress a block: %s", LZ4F_getErrorName(n));
	w->out.len += n;
	w->cur.comp_size = (uint32_t)n;
	w->cur.stored_size = (uint32_t)in->len;
	w->cur.encoding = w->opt.rearrange;
	w->cur.raw_size = (uint32_t)w->raw.len;
	return PR_OK;
}

static void account(struct pr_seg_writer *w)
{
	w->done.blocks++;
	w->done.frames += w->cur.frames;
	w->done.envelopes += w->cur.envelopes;
	w->done.raw_bytes += w->cur.raw_size;
	if (w->cur.flags & PR_SEG_BLOCK_REPEAT) {
		w->done.repeat_frames += w->cur.frames;
		w->done.repeat_bytes += w->out.len;
	}
	w->dirty = true;
	memcpy(w->done.link, w->cur.link, PR_SEG_LINK);
	if (w->cur.ktime_min < w->ktime_min)
		w->ktime_min = w->cur.ktime_min;
	if (w->cur.ktime_max > w->ktime_max)
		w->ktime_max = w->cur.ktime_max;
}

int pr_seg_writer_flush(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	struct pr_block b;
	int err = usable(w, ei);

	if (err)
		return err;
	if (!w->raw.len)
		return PR_OK;
	err = compress(w, ei);
	if (err)
		return err;
	pr_seg_block_encode(&w->cur, w->out.data + PR_SEG_BLOCK_SIZE, w->opt.header.uuid, w->out.data);
	b = (struct pr_block){w->cur, w->done.file_bytes, w->raw.data};
	err = write_out(w, w->out.data, w->out.len, ei);
	if (err)
		return err;
	account(w);
	if (w->opt.on_block)
		err = w->opt.on_block(w->opt.ctx, &b, ei);
	begin_block(w);
	return err;
}

/* The size of the envelope at p with its frame, 0 when it is not whole. */
static size_t envelope_size(const uint8_t *p, size_t n)
{
	uint32_t size;

	if (n < PR_ENVELOPE_SIZE)
		return 0;
	size = pr_get_u32(p + 4);
	if (size > n - PR_ENVELOPE_SIZE || size > PR_FRAME_MAX)
		return 0;
	return PR_ENVELOPE_SIZE + (size_t)size;
}

static bool all_whole(const uint8_t *p, size_t n)
{
	while (n) {
		size_t k = envelope_size(p, n);

		if (!k)
			return false;
		p += k;
		n -= k;
	}
	return true;
}

static int append_one(struct pr_seg_writer *w, const uint8_t *p, size_t k, struct pr_errinfo *ei)
{
	uint8_t flags = p[3];
	int err;

	/*
	 * A frame that would make the block larger than a reader takes begins the next one. So does one where repeated state
	 * begins or ends: a reader passes over such blocks as a whole.
	 */
	if (w->raw.len && (w->raw.len + k > PR_SEG_RAW_MAX || !(flags & PR_ENV_REPEAT) != !(w->cur.flags & PR_SEG_BLOCK_REPEAT))) {
		err = pr_seg_writer_flush(w, ei);
		if (err)
			return err;
	}
	pr_buf_append(&w->raw, p, k);
	if (pr_buf_failed(&w->raw))
		return pr_fail(ei, PR_ENOMEM, "out of memory for a block");
	if (flags & PR_ENV_REPEAT)
		w->cur.flags |= PR_SEG_BLOCK_REPEAT;
	w->cur.envelopes++;
	if (!(flags & (PR_ENV_META | PR_ENV_CONT)))
		w->cur.frames++;
	if (!(flags & (PR_ENV_RAW | PR_ENV_META)) && k >= PR_ENVELOPE_SIZE + PR_COMMON_SIZE) {
		uint64_t ktime = pr_get_u64(p + PR_ENVELOPE_SIZE + 8);

		if (ktime < w->cur.ktime_min)
			w->cur.ktime_min = ktime;
		if (ktime > w->cur.ktime_max)
			w->cur.ktime_max = ktime;
	}
	return w->raw.len >= w->opt.block_bytes ? pr_seg_writer_flush(w, ei) : PR_OK;
}

int pr_seg_writer_append(struct pr_seg_writer *w, const void *data, size_t n, struct pr_errinfo *ei)
{
	const uint8_t *p = data;
	int err = usable(w, ei);

	if (err)
		return err;
	if (!all_whole(p, n))
		return pr_fail(ei, PR_EFORMAT, "%zu bytes that are not whole envelopes", n);
	while (n && !err) {
		size_t k = envelope_size(p, n);

		err = append_one(w, p, k, ei);
		p += k;
		n -= k;
	}
	return err;
}

int pr_seg_writer_frame(struct pr_seg_writer *w, const struct pr_envelope *env, const void *frame, struct pr_errinfo *ei)
{
	uint8_t head[PR_ENVELOPE_SIZE];
	struct pr_buf b = PR_BUF_INIT;
	int err;

	pr_put_u16(head, env->cpu);
	head[2] = env->stream;
	head[3] = env->flags;
	pr_put_u32(head + 4, env->size);
	pr_put_u64(head + 8, env->seq);
	pr_buf_append(&b, head, sizeof(head));
	pr_buf_append(&b, frame, env->size);
	err = pr_buf_failed(&b) ? pr_fail(ei, PR_ENOMEM, "out of memory") : pr_seg_writer_append(w, b.data, b.len, ei);
	pr_buf_release(&b);
	return err;
}

static int commit(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	if (pr_file_commit(w->fd)) {
		/* The kernel may have dropped what it could not write and forget that: the file is not to be trusted further. */
		w->failed = pr_fail_errno(ei, "cannot commit the trace to disk");
		return w->failed;
	}
	w->done.synced_bytes = w->done.file_bytes;
	return PR_OK;
}

bool pr_seg_writer_unsigned(const struct pr_seg_writer *w)
{
	return w->opt.signer && (w->dirty || w->raw.len) && !w->failed;
}

int pr_seg_writer_checkpoint(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	int err = pr_seg_writer_flush(w, ei);

	return err || !w->opt.signer || !w->dirty ? err : put_checkpoint(w, PR_SIG_CHECKPOINT, ei);
}

static bool checkpoint_due(const struct pr_seg_writer *w)
{
	uint64_t realtime, boottime;

	if (!pr_seg_writer_unsigned(w))
		return false;
	w->opt.now(w->opt.ctx_now, &realtime, &boottime);
	return boottime - w->signed_boottime >= w->opt.checkpoint_ns;
}

int pr_seg_writer_tick(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	return checkpoint_due(w) ? pr_seg_writer_checkpoint(w, ei) : pr_seg_writer_flush(w, ei);
}

int pr_seg_writer_sync(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	int err = pr_seg_writer_tick(w, ei);

	return err ? err : commit(w, ei);
}

int pr_seg_writer_seal(struct pr_seg_writer *w, struct pr_errinfo *ei)
{
	uint8_t footer[PR_SEG_FOOTER_SIZE];
	struct pr_seg_footer f;
	int err = pr_seg_writer_flush(w, ei);

	if (!err && w->opt.signer)
		err = put_checkpoint(w, PR_SIG_CLOSE, ei);
	if (err)
		return err;
	f = (struct pr_seg_footer){
		.blocks = w->done.blocks,
		.frames = w->done.frames,
		.envelopes = w->done.envelopes,
		.raw_bytes = w->done.raw_bytes,
		.file_size = w->done.file_bytes + PR_SEG_FOOTER_SIZE,
		.ktime_min = w->ktime_min,
		.ktime_max = w->ktime_max,
	};
	memcpy(f.prev, w->done.link, PR_SEG_LINK);
	pr_seg_footer_encode(&f, w->opt.header.uuid, footer);
	err = write_out(w, footer, sizeof(footer), ei);
	if (err)
		return err;
	memcpy(w->done.link, f.link, PR_SEG_LINK);
	w->sealed = true;
	return commit(w, ei);
}

void pr_seg_writer_digest(const struct pr_seg_writer *w, uint8_t out[64])
{
	crypto_generichash_state st = w->digest;

	crypto_generichash_final(&st, out, 64);
}

void pr_seg_writer_progress(const struct pr_seg_writer *w, struct pr_seg_progress *out)
{
	*out = w->done;
	out->pending_bytes = (uint32_t)w->raw.len;
	out->sealed = w->sealed;
}

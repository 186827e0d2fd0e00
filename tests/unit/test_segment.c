/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments: round trip, and every way in which a file can be hurt. */
#include "tests/unit/unit.h"

#include <lz4frame.h>

#include "schema/trace.h"

/* Exit frames of growing ktime in envelopes of cpu 0. */
static struct pr_buf some_envelopes(unsigned n, uint64_t seed)
{
	struct pr_buf b = PR_BUF_INIT;

	for (unsigned i = 0; i < n; i++) {
		struct pr_envelope env = {.cpu = 0, .stream = PR_STREAM_EXIT, .seq = i};
		size_t at = pr_enveloped_begin(&b, &env, PR_OP_EXIT, 1000 + i);

		pr_put_key(&b, (uint32_t)unit_random(&seed), unit_random(&seed));
		pr_buf_u32(&b, i);
		pr_buf_u32(&b, i);
		pr_enveloped_end(&b, at);
	}
	return b;
}

struct outcome {
	int open_err;
	uint64_t frames, blocks, damages, tail, lost;
	bool sealed, lost_known;
	struct pr_buf raw; /* of the good blocks */
};

static struct outcome read_all(const void *p, size_t n)
{
	struct outcome o = {.lost_known = true};
	struct pr_seg_damage d;
	struct pr_seg_reader *r;
	struct pr_errinfo ei;
	struct pr_block b;
	int err;

	o.open_err = pr_seg_reader_new(&r, pr_source_memory(p, n), &ei);
	if (o.open_err) {
		assert_true(ei.msg[0] != '\0');
		return o;
	}
	o.sealed = pr_seg_reader_footer(r) != NULL;
	while ((err = pr_seg_reader_next(r, &b, &d, &ei)) == 0 || err == PR_EDATA) {
		if (err == PR_EDATA) {
			assert_true(d.from <= d.to && d.to <= n);
			assert_non_null(d.why);
			o.damages++;
			o.lost += d.frames;
			o.lost_known &= d.frames_known;
			assert_true(o.damages < 1000);
			continue;
		}
		o.blocks++;
		o.frames += b.desc.frames;
		pr_buf_append(&o.raw, b.raw, b.desc.raw_size);
	}
	assert_int_equal(err, PR_END);
	o.tail = pr_seg_reader_tail(r);
	pr_seg_reader_free(r);
	return o;
}

static bool whole(const struct outcome *o)
{
	return !o->open_err && o->sealed && !o->damages && !o->tail;
}

static void round_trip(void **state)
{
	static const uint32_t sizes[] = {1, 100, 1000, 65536, 300000};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pr_buf env = some_envelopes(500, 7), seg = unit_segment_as(&env, sizes[i / 2], i % 2);
		struct outcome o = read_all(seg.data, seg.len);

		assert_true(whole(&o));
		assert_int_equal(o.frames, 500);
		assert_int_equal(o.raw.len, env.len);
		assert_memory_equal(o.raw.data, env.data, env.len);
		pr_buf_release(&o.raw);
		pr_buf_release(&seg);
		pr_buf_release(&env);
	}
}

/* The file is plain LZ4: a decoder that knows nothing of procrec gives the envelopes. */
static void plain_lz4_reads_it(void **state)
{
	struct pr_buf env = some_envelopes(300, 3), seg = unit_segment(&env, 2000), out = PR_BUF_INIT;
	LZ4F_dctx *ctx;
	size_t off = 0;

	(void)state;
	assert_false(LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)));
	while (off < seg.len) {
		size_t in = seg.len - off, n = 65536;
		uint8_t *p = pr_buf_grow(&out, n);

		assert_false(LZ4F_isError(LZ4F_decompress(ctx, p, &n, seg.data + off, &in, NULL)));
		out.len -= 65536 - n;
		off += in;
	}
	LZ4F_freeDecompressionContext(ctx);
	assert_int_equal(out.len, env.len);
	assert_memory_equal(out.data, env.data, env.len);
	pr_buf_release(&out);
	pr_buf_release(&seg);
	pr_buf_release(&env);
}

static void flip_every_bit(bool rearrange)
{
	struct pr_buf env = some_envelopes(40, 5), seg = unit_segment_as(&env, 600, rearrange);

	for (size_t bit = 0; bit < seg.len * 8; bit++) {
		struct outcome o;

		seg.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		o = read_all(seg.data, seg.len);
		assert_false(whole(&o));
		/* One damaged block costs itself: never more than the frames of one block. */
		if (!o.open_err)
			assert_true(o.frames + 11 >= 40);
		if (!o.open_err && o.damages && o.lost_known && o.sealed)
			assert_int_equal(o.frames + o.lost, 40);
		pr_buf_release(&o.raw);
		seg.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	pr_buf_release(&seg);
	pr_buf_release(&env);
}

static void every_bit_flip_is_found(void **state)
{
	(void)state;
	flip_every_bit(false);
	flip_every_bit(true);
}

/* Cut at any byte: what is there of whole blocks reads, as a prefix, and the end is known to be open. */
static void every_truncation_reads_a_prefix(void **state)
{
	struct pr_buf env = some_envelopes(40, 5), seg = unit_segment(&env, 600);
	uint64_t before = 0;

	(void)state;
	for (size_t n = 0; n < seg.len; n++) {
		struct outcome o = read_all(seg.data, n);

		assert_false(whole(&o));
		if (n < PR_SEG_HEADER_SIZE) {
			assert_true(o.open_err == PR_EFORMAT || o.open_err == PR_ETRUNC);
			continue;
		}
		assert_int_equal(o.open_err, 0);
		assert_false(o.sealed);
		assert_true(o.frames >= before);
		before = o.frames;
		assert_true(o.raw.len <= env.len);
		if (o.raw.len)
			assert_memory_equal(o.raw.data, env.data, o.raw.len);
		pr_buf_release(&o.raw);
	}
	assert_int_equal(before, 40);
	pr_buf_release(&seg);
	pr_buf_release(&env);
}

struct span {
	size_t at, len;
};

/* Where the blocks stand in the file. */
static size_t block_spans(const struct pr_buf *seg, struct span *out, size_t max)
{
	struct pr_seg_damage d;
	struct pr_seg_reader *r;
	struct pr_errinfo ei;
	struct pr_block b;
	size_t n = 0;

	assert_int_equal(pr_seg_reader_new(&r, pr_source_memory(seg->data, seg->len), &ei), 0);
	while (n < max && pr_seg_reader_next(r, &b, &d, &ei) == 0)
		out[n++] = (struct span){(size_t)b.offset, PR_SEG_BLOCK_SIZE + b.desc.comp_size};
	pr_seg_reader_free(r);
	return n;
}

static void put_span(struct pr_buf *b, const struct pr_buf *seg, struct span s)
{
	pr_buf_append(b, seg->data + s.at, s.len);
}

/* Builds the file again with its blocks in the given order and says whether it passes for whole. */
static struct outcome reordered(const struct pr_buf *seg, const struct span *s, const size_t *order, size_t n)
{
	struct pr_buf b = PR_BUF_INIT;
	struct outcome o;

	pr_buf_append(&b, seg->data, PR_SEG_HEADER_SIZE);
	for (size_t i = 0; i < n; i++)
		put_span(&b, seg, s[order[i]]);
	pr_buf_append(&b, seg->data + seg->len - PR_SEG_FOOTER_SIZE, PR_SEG_FOOTER_SIZE);
	o = read_all(b.data, b.len);
	pr_buf_release(&b);
	return o;
}

static void moved_blocks_are_found(void **state)
{
	static const struct {
		size_t order[5], n;
	} cases[] = {
		{{1, 0, 2, 3}, 4}, /* swapped */
		{{0, 1, 3}, 3}, /* one deleted */
		{{0, 1, 2}, 3}, /* the last deleted */
		{{1, 2, 3}, 3}, /* the first deleted */
		{{0, 1, 1, 2, 3}, 5}, /* one doubled */
		{{0, 1, 2, 3, 3}, 5}, /* the last doubled */
		{{0}, 0}, /* all deleted */
	};
	struct pr_buf env = some_envelopes(44, 5), seg = unit_segment(&env, 600);
	struct span s[8];

	(void)state;
	assert_int_equal(block_spans(&seg, s, 8), 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o = reordered(&seg, s, cases[i].order, cases[i].n);

		assert_false(whole(&o));
		assert_true(o.damages > 0 || !o.sealed);
		pr_buf_release(&o.raw);
	}
	pr_buf_release(&seg);
	pr_buf_release(&env);
}

static void a_foreign_block_is_found(void **state)
{
	struct pr_buf env = some_envelopes(44, 5), other = some_envelopes(44, 9);
	struct pr_buf seg = unit_segment(&env, 600), seg2 = unit_segment(&other, 600), b = PR_BUF_INIT;
	struct outcome o;
	struct span s[8], s2[8];

	(void)state;
	block_spans(&seg, s, 8);
	block_spans(&seg2, s2, 8);
	pr_buf_append(&b, seg.data, PR_SEG_HEADER_SIZE);
	put_span(&b, &seg, s[0]);
	put_span(&b, &seg2, s2[1]);
	pr_buf_append(&b, seg.data + s[2].at, seg.len - s[2].at);
	o = read_all(b.data, b.len);
	assert_false(whole(&o));
	assert_true(o.damages > 0 || !o.sealed);
	pr_buf_release(&o.raw);
	pr_buf_release(&b);
	pr_buf_release(&seg);
	pr_buf_release(&seg2);
	pr_buf_release(&env);
	pr_buf_release(&other);
}

/* A process may put a whole block of another segment into its arguments; resynchronising must not take it for one. */
static void planted_descriptors_are_not_taken(void **state)
{
	struct pr_buf inner = some_envelopes(3, 1), planted = unit_segment(&inner, 600), env = PR_BUF_INIT, seg;
	uint64_t seed = 99;
	struct outcome o;
	struct pr_seg_options opt = {.header.kind = PR_SEG_RECORDED, .block_bytes = 4096};
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	int fd = memfd_create("segment", 0);

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		struct pr_envelope e = {.cpu = 1, .stream = PR_STREAM_DATA, .seq = i};
		size_t at = pr_enveloped_begin(&env, &e, PR_OP_DATA, 5);

		pr_buf_u64(&env, 1);
		pr_buf_u64(&env, i);
		for (int k = 0; k < 100; k++)
			pr_buf_u64(&env, unit_random(&seed)); /* LZ4 stores what it can't compress as it is */
		pr_buf_append(&env, planted.data, planted.len);
		pr_enveloped_end(&env, at);
	}
	memcpy(opt.header.uuid, "another uuid ...", PR_SEG_UUID);
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, env.data, env.len, &ei), 0);
	assert_int_equal(pr_seg_writer_seal(w, &ei), 0);
	pr_seg_writer_free(w);
	seg = unit_slurp(fd);
	seg.data[PR_SEG_HEADER_SIZE + PR_SEG_BLOCK_SIZE + 20] ^= 1; /* in the first block's bytes */
	o = read_all(seg.data, seg.len);
	assert_int_equal(o.damages, 1);
	assert_int_equal(o.frames + o.lost, 12);
	pr_buf_release(&o.raw);
	pr_buf_release(&seg);
	pr_buf_release(&env);
	pr_buf_release(&planted);
	pr_buf_release(&inner);
}

static void unknown_features(void **state)
{
	struct pr_seg_header h = {.version = 1, .incompat = PR_SEG_INCOMPAT_KNOWN | 1u << 5}, back;
	uint8_t p[PR_SEG_HEADER_SIZE];
	struct pr_errinfo ei;

	(void)state;
	pr_seg_header_encode(&h, p);
	assert_int_equal(pr_seg_header_decode(&back, p, sizeof(p), "x.seg", &ei), PR_EVERSION);
	assert_non_null(strstr(ei.msg, "bit 5"));
	h = (struct pr_seg_header){.version = 1, .compat = 0x80000000u};
	pr_seg_header_encode(&h, p);
	assert_int_equal(pr_seg_header_decode(&back, p, sizeof(p), "x.seg", &ei), 0);
	assert_int_equal(back.compat, 0x80000000u);
	h = (struct pr_seg_header){.version = 2};
	pr_seg_header_encode(&h, p);
	assert_int_equal(pr_seg_header_decode(&back, p, sizeof(p), "x.seg", &ei), PR_EVERSION);
	assert_non_null(strstr(ei.msg, "version 2"));
}

static void header_fields_survive(void **state)
{
	struct pr_seg_header h = {.version = 1, .number = 7, .created_realtime = 1, .created_boottime = 2, .kind = 3}, back;
	uint8_t p[PR_SEG_HEADER_SIZE];
	struct pr_errinfo ei;

	(void)state;
	memset(h.uuid, 1, sizeof(h.uuid));
	memset(h.recording, 2, sizeof(h.recording));
	memset(h.prev_link, 3, sizeof(h.prev_link));
	pr_seg_header_encode(&h, p);
	assert_int_equal(pr_seg_header_decode(&back, p, sizeof(p), "x.seg", &ei), 0);
	assert_memory_equal(&back, &h, sizeof(h));
}

static void writer_refuses_half_envelopes(void **state)
{
	struct pr_buf env = some_envelopes(2, 1);
	struct pr_seg_options opt = {.header.kind = PR_SEG_PACKED};
	struct pr_seg_progress p;
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	int fd = memfd_create("segment", 0);

	(void)state;
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, env.data, env.len - 1, &ei), PR_EFORMAT);
	pr_seg_writer_progress(w, &p);
	assert_int_equal(p.pending_bytes, 0);
	pr_seg_writer_free(w);
	close(fd);
	pr_buf_release(&env);
}

static void a_failed_write_ends_the_segment(void **state)
{
	struct pr_buf env = some_envelopes(2, 1);
	struct pr_seg_options opt = {.header.kind = PR_SEG_PACKED};
	struct pr_seg_writer *w;
	struct pr_errinfo ei;
	int fd = memfd_create("segment", MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(pr_seg_writer_new(&w, fd, &opt, &ei), 0);
	assert_int_equal(pr_seg_writer_append(w, env.data, env.len, &ei), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0); /* from now on writes fail */
	assert_int_equal(pr_seg_writer_flush(w, &ei), PR_EIO);
	assert_int_equal(pr_seg_writer_seal(w, &ei), PR_EIO);
	pr_seg_writer_free(w);
	close(fd);
	pr_buf_release(&env);
}

static void random_access(void **state)
{
	struct pr_buf env = some_envelopes(44, 5), seg = unit_segment(&env, 600);
	struct pr_seg_reader *r;
	struct pr_errinfo ei;
	struct pr_block b;
	struct span s[8];
	size_t n = block_spans(&seg, s, 8);

	(void)state;
	assert_int_equal(pr_seg_reader_new(&r, pr_source_memory(seg.data, seg.len), &ei), 0);
	for (size_t i = n; i-- > 0;) {
		assert_int_equal(pr_seg_reader_at(r, s[i].at, &b, &ei), 0);
		assert_int_equal(b.desc.number, i);
	}
	assert_int_equal(pr_seg_reader_at(r, s[0].at + 1, &b, &ei), PR_ECHECKSUM);
	assert_int_equal(pr_seg_reader_at(r, seg.len + 5, &b, &ei), PR_ETRUNC);
	pr_seg_reader_free(r);
	pr_buf_release(&seg);
	pr_buf_release(&env);
}

/* Random bytes after a good header: no crash, no endless loop, nothing taken for a block. */
static void rubbish_after_the_header(void **state)
{
	struct pr_buf none = PR_BUF_INIT, seg = unit_segment(&none, 0), b = PR_BUF_INIT;
	uint64_t seed = 4711;
	struct outcome o;

	(void)state;
	for (int round = 0; round < 20; round++) {
		pr_buf_clear(&b);
		pr_buf_append(&b, seg.data, PR_SEG_HEADER_SIZE);
		for (int i = 0; i < 500 * round; i++)
			pr_buf_u64(&b, unit_random(&seed));
		o = read_all(b.data, b.len);
		assert_int_equal(o.open_err, 0);
		assert_int_equal(o.blocks, 0);
		pr_buf_release(&o.raw);
	}
	pr_buf_release(&b);
	pr_buf_release(&seg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(plain_lz4_reads_it),
		cmocka_unit_test(every_bit_flip_is_found),
		cmocka_unit_test(every_truncation_reads_a_prefix),
		cmocka_unit_test(moved_blocks_are_found),
		cmocka_unit_test(a_foreign_block_is_found),
		cmocka_unit_test(planted_descriptors_are_not_taken),
		cmocka_unit_test(unknown_features),
		cmocka_unit_test(header_fields_survive),
		cmocka_unit_test(writer_refuses_half_envelopes),
		cmocka_unit_test(a_failed_write_ends_the_segment),
		cmocka_unit_test(random_access),
		cmocka_unit_test(rubbish_after_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

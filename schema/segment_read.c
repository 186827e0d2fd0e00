/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_read.c: one or more files of a recording, read as one: numbers and offsets go on from file to file, as if they had
 * been written one behind the other. State that later files repeat for readers that have them alone is passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "schema/segment_part.h"

struct member {
	struct pr_seg_part part;
	uint64_t base_offset, base_block, base_frame; /* of its first ones, in the whole */
	uint64_t frames, blocks; /* in it; of an open one, as many as were found */
	uint64_t repeat; /* frames at its beginning that the one before makes unneeded: passed over */
	uint8_t last_link[PR_SEG_LINK];
	bool repeats; /* it may be read before all of these frames are written: those at its beginning are added to `repeat` then */
	struct pr_seg_damage before; /* what is missing between it and the one before; why NULL: nothing */
};

struct pr_seg_reader {
	struct pr_seg_scratch scratch;
	struct member *m; /* owned, n of them */
	size_t n, cur;
	bool told; /* m[cur].before was reported */
	struct pr_seg_damage behind; /* what is missing behind the last; why NULL: nothing that is known of */
	bool behind_told;
	bool forward; /* files that were read are closed */
	char *name; /* owned; NULL: the one source's */
	struct pr_seg_footer footer; /* of all together */
	const struct pr_meter *meter; /* borrowed; NULL: none */
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Frames of the leading blocks that only repeat state. */
static int count_repeats(struct member *m, uint64_t *out, struct pr_errinfo *ei)
{
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	*out = 0;
	pr_seg_part_rewind(&m->part);
	while (!(err = pr_seg_part_next(&m->part, &b, &d, ei)) && b.desc.flags & PR_SEG_BLOCK_REPEAT)
		*out = b.desc.first_frame + b.desc.frames;
	pr_seg_part_rewind(&m->part);
	return err == PR_END || err == PR_EDATA ? PR_OK : err;
}

/* How many frames and blocks the file has, and its last link: from the footer, or by reading it. */
static int measure(struct member *m, struct pr_errinfo *ei)
{
	struct pr_seg_part *p = &m->part;
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	if (p->sealed) {
		m->frames = p->footer.frames;
		m->blocks = p->footer.blocks;
		memcpy(m->last_link, p->footer.link, PR_SEG_LINK);
		return PR_OK;
	}
	pr_seg_part_rewind(p);
	while ((err = pr_seg_part_next(p, &b, &d, ei)) != PR_END) {
		if (err && err != PR_EDATA)
			return err;
		if (!err)
			m->blocks = b.desc.number + 1;
	}
	m->frames = p->next_frame;
	memcpy(m->last_link, p->link, PR_SEG_LINK);
	pr_seg_part_rewind(p);
	return PR_OK;
}

/* Fills b->before for what is missing between a and b; *out_unique: frames of the recording that a adds to those before it. */
static void compare(struct member *b, const struct member *a, uint64_t unique)
{
	const struct pr_seg_header *ha = &a->part.header, *hb = &b->part.header;
	bool same = !memcmp(ha->recording, hb->recording, PR_SEG_UUID);
	uint64_t upto = ha->frames_before + unique;
	struct pr_seg_damage d = {.from = b->base_offset, .to = b->base_offset, .missing = true};

	d.ktime_from = a->part.sealed ? a->part.footer.ktime_max : 0;
	d.ktime_to = hb->created_boottime ? hb->created_boottime : UINT64_MAX;
	if (same && !memcmp(hb->prev_link, a->last_link, PR_SEG_LINK) && hb->frames_before == upto)
		return;
	d.frames_known = same && hb->frames_before >= upto;
	d.frames = d.frames_known ? hb->frames_before - upto : 0;
	if (hb->series > ha->series + 1)
		d.why = "segments between these two are missing or can't be read";
	else if (!same)
		d.why = "no recorder was running between these two segments";
	else
		d.why = "the segment before is not whole";
	b->before = d;
}

/* Places m[i] behind the one before it. */
static int place(struct pr_seg_reader *r, size_t i, struct pr_errinfo *ei)
{
	struct member *b = &r->m[i], *a = b - 1;
	uint64_t repeats_a, repeats_b;
	int err;

	if (!i)
		return PR_OK;
	err = measure(a, ei);
	if (!err)
		err = count_repeats(a, &repeats_a, ei);
	if (!err)
		err = count_repeats(b, &repeats_b, ei);
	if (err)
		return err;
	b->base_offset = a->base_offset + a->part.size;
	b->base_block = a->base_block + a->blocks;
	compare(b, a, a->frames - repeats_a);
	b->base_frame = a->base_frame + a->frames - a->repeat + b->before.frames;
	if (!b->before.why)
		b->repeat = repeats_b;
	return PR_OK;
}

static void sum_up(struct pr_seg_reader *r)
{
	const struct member *last = &r->m[r->n - 1];
	struct pr_seg_footer f = last->part.footer;

	for (size_t i = 0; i + 1 < r->n; i++) {
		const struct pr_seg_footer *g = &r->m[i].part.footer;

		if (!r->m[i].part.sealed)
			continue;
		f.envelopes += g->envelopes;
		f.raw_bytes += g->raw_bytes;
		f.ktime_min = g->ktime_min < f.ktime_min ? g->ktime_min : f.ktime_min;
		f.ktime_max = g->ktime_min <= g->ktime_max && g->ktime_max > f.ktime_max ? g->ktime_max : f.ktime_max;
	}
	f.blocks += last->base_block;
	f.frames += last->base_frame - last->repeat;
	f.file_size = last->base_offset + last->part.size;
	r->footer = f;
}

static int open_members(struct pr_seg_reader *r, struct pr_source **src, size_t n, struct pr_errinfo *ei)
{
	int err = pr_seg_scratch_init(&r->scratch, ei);

	for (size_t i = 0; i < n; i++) {
		if (err) {
			pr_source_close(src[i]);
			continue;
		}
		err = pr_seg_part_open(&r->m[r->n].part, src[i], &r->scratch, ei);
		if (!err)
			err = place(r, r->n++, ei);
	}
	return err;
}

int pr_seg_reader_new_list(struct pr_seg_reader **out, struct pr_source **src, size_t n, const char *name, struct pr_errinfo *ei)
{
	struct pr_seg_reader *r = calloc(1, sizeof(*r));
	int err;

	if (r) {
		r->m = calloc(n, sizeof(*r->m));
		r->name = name ? strdup(name) : NULL;
	}
	if (!r || !r->m || (name && !r->name)) {
		for (size_t i = 0; i < n; i++)
			pr_source_close(src[i]);
		pr_seg_reader_free(r);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	err = open_members(r, src, n, ei);
	if (err) {
		pr_seg_reader_free(r);
		return err;
	}
	sum_up(r);
	pr_seg_reader_rewind(r);
	*out = r;
	return PR_OK;
}

int pr_seg_reader_new(struct pr_seg_reader **out, struct pr_source *src, struct pr_errinfo *ei)
{
	return pr_seg_reader_new_list(out, &src, 1, NULL, ei);
}

void pr_seg_reader_free(struct pr_seg_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		pr_seg_part_close(&r->m[i].part);
	pr_seg_scratch_release(&r->scratch);
	free(r->name);
	free(r->m);
	free(r);
}

void pr_seg_reader_set_pool(struct pr_seg_reader *r, struct pr_pool *pool)
{
	pr_seg_scratch_set_pool(&r->scratch, pool);
}

/* ---- files that are still written -------------------------------------------------------------------------------- */

void pr_seg_reader_growing(struct pr_seg_reader *r, bool growing)
{
	r->m[r->n - 1].part.growing = growing;
}

bool pr_seg_reader_is_growing(const struct pr_seg_reader *r)
{
	return r->m[r->n - 1].part.growing;
}

void pr_seg_reader_forward(struct pr_seg_reader *r)
{
	r->forward = true;
}

int pr_seg_reader_grow(struct pr_seg_reader *r, bool *out_more, struct pr_errinfo *ei)
{
	int err = pr_seg_part_refresh(&r->m[r->n - 1].part, out_more, ei);

	if (!err && *out_more)
		sum_up(r);
	return err;
}

/* The one before was read to its end, where its position stays. */
int pr_seg_reader_append(struct pr_seg_reader *r, struct pr_source *src, struct pr_errinfo *ei)
{
	struct member *m = realloc(r->m, (r->n + 1) * sizeof(*m)), *b;
	struct pr_seg_part last;
	int err;

	if (!m) {
		pr_source_close(src);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	r->m = m;
	b = &m[r->n];
	*b = (struct member){0};
	err = pr_seg_part_open(&b->part, src, &r->scratch, ei);
	if (err)
		return err;
	last = b[-1].part;
	b->part.on_record = last.on_record;
	b->part.ctx = last.ctx;
	err = place(r, r->n, ei);
	b[-1].part = last;
	if (err) {
		pr_seg_part_close(&b->part);
		return err;
	}
	b->repeats = !b->before.why;
	r->behind.why = NULL; /* it now lies between the two, and is told there */
	r->n++;
	sum_up(r);
	return PR_OK;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

const struct pr_seg_header *pr_seg_reader_header(const struct pr_seg_reader *r)
{
	return &r->m[0].part.header;
}

const char *pr_seg_reader_name(const struct pr_seg_reader *r)
{
	return r->name ? r->name : r->m[0].part.src->name;
}

const struct pr_seg_footer *pr_seg_reader_footer(const struct pr_seg_reader *r)
{
	return r->m[r->n - 1].part.sealed ? &r->footer : NULL;
}

const struct pr_seg_header *pr_seg_reader_last_header(const struct pr_seg_reader *r)
{
	return &r->m[r->n - 1].part.header;
}

const char *pr_seg_reader_last_name(const struct pr_seg_reader *r)
{
	return r->m[r->n - 1].part.src->name;
}

enum pr_file_writer pr_seg_reader_writer(const struct pr_seg_reader *r)
{
	struct pr_source *src = r->m[r->n - 1].part.src;

	return src->ops->writer(src);
}

uint64_t pr_seg_reader_tail(const struct pr_seg_reader *r)
{
	return r->m[r->n - 1].part.tail;
}

size_t pr_seg_reader_segments(const struct pr_seg_reader *r)
{
	return r->n;
}

void pr_seg_reader_member(const struct pr_seg_reader *r, size_t i, struct pr_seg_member *out)
{
	const struct member *m = &r->m[i];

	*out = (struct pr_seg_member){.header = &m->part.header,
		.name = m->part.src->name,
		.offset = m->base_offset,
		.block = m->base_block,
		.frame = m->base_frame,
		.repeat = m->repeat,
		.before = m->before.why ? &m->before : NULL,
		.source = m->part.src,
		.sealed = m->part.sealed};
	if (m->part.sealed)
		memcpy(out->link, m->part.footer.link, PR_SEG_LINK);
}

void pr_seg_reader_set_meter(struct pr_seg_reader *r, const struct pr_meter *m)
{
	r->meter = m;
}

void pr_seg_reader_on_record(
	struct pr_seg_reader *r, int (*fn)(void *ctx, const uint8_t *rec, size_t size, uint64_t offset), void *ctx)
{
	for (size_t i = 0; i < r->n; i++) {
		r->m[i].part.on_record = fn;
		r->m[i].part.ctx = ctx;
	}
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct member *member_at(struct pr_seg_reader *r, uint64_t offset)
{
	size_t i = r->n - 1;

	while (i && offset < r->m[i].base_offset)
		i--;
	return &r->m[i];
}

static uint64_t whole_size(const struct pr_seg_reader *r)
{
	const struct member *last = &r->m[r->n - 1];

	return last->base_offset + last->part.size;
}

/* From the numbers of a file to those of the whole. */
static void rebase(const struct member *m, struct pr_block *b)
{
	b->offset += m->base_offset;
	b->desc.number += m->base_block;
	b->desc.first_frame += m->base_frame - m->repeat;
}

void pr_seg_reader_seek(struct pr_seg_reader *r, uint64_t offset, const uint8_t prev_link[PR_SEG_LINK], uint64_t frames_before)
{
	struct member *m = member_at(r, offset);

	r->cur = (size_t)(m - r->m);
	r->told = true;
	r->behind_told = false;
	for (size_t i = r->cur; i < r->n; i++)
		pr_seg_part_rewind(&r->m[i].part);
	if (offset - m->base_offset >= PR_SEG_HEADER_SIZE)
		pr_seg_part_seek(&m->part, offset - m->base_offset, prev_link, frames_before - m->base_frame + m->repeat);
}

void pr_seg_reader_rewind(struct pr_seg_reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		pr_seg_part_rewind(&r->m[i].part);
	r->cur = 0;
	r->told = false;
	r->behind_told = false;
}

void pr_seg_reader_set_unreadable(struct pr_seg_reader *r, bool before, bool behind)
{
	const struct member *last = &r->m[r->n - 1];
	const struct pr_seg_header *h = &r->m[0].part.header;

	if (before)
		r->m[0].before = (struct pr_seg_damage){.ktime_to = h->created_boottime ? h->created_boottime : UINT64_MAX,
			.missing = true,
			.why = "a segment before this place can't be read: 'procrec verify' tells which"};
	if (behind)
		r->behind = (struct pr_seg_damage){.from = whole_size(r),
			.to = whole_size(r),
			.ktime_from = last->part.sealed ? last->part.footer.ktime_max : 0,
			.ktime_to = UINT64_MAX,
			.missing = true,
			.why = "a segment behind this place can't be read: 'procrec verify' tells which"};
	pr_seg_reader_rewind(r);
}

bool pr_seg_reader_has_unreadable(const struct pr_seg_reader *r)
{
	return r->m[0].before.why || r->behind.why;
}

int pr_seg_reader_at(struct pr_seg_reader *r, uint64_t offset, struct pr_block *out, struct pr_errinfo *ei)
{
	struct member *m = member_at(r, offset);
	int err = pr_seg_part_at(&m->part, offset - m->base_offset, out, ei);

	if (!err)
		rebase(m, out);
	return err;
}

/* Whether the block only says again what the files before said. */
static bool is_repeat(struct member *m, const struct pr_seg_block *d)
{
	if (!(d->flags & PR_SEG_BLOCK_REPEAT)) {
		m->repeats = false;
		return false;
	}
	if (m->repeats && d->first_frame == m->repeat)
		m->repeat += d->frames;
	return d->first_frame < m->repeat;
}

static void go_on(struct pr_seg_reader *r)
{
	if (r->forward)
		pr_seg_part_close(&r->m[r->cur].part);
	r->cur++;
	r->told = false;
}

int pr_seg_reader_next(struct pr_seg_reader *r, struct pr_block *out, struct pr_seg_damage *out_damage, struct pr_errinfo *ei)
{
	for (;;) {
		struct member *m = &r->m[r->cur];
		int err;

		if (!r->told && m->before.why) {
			r->told = true;
			*out_damage = m->before;
			return PR_EDATA;
		}
		err = pr_seg_part_next(&m->part, out, out_damage, ei);
		if (err == PR_END && r->cur + 1 < r->n) {
			go_on(r);
			continue;
		}
		if (err == PR_END && r->behind.why && !r->behind_told) {
			r->behind_told = true;
			*out_damage = r->behind;
			return PR_EDATA;
		}
		if (err == PR_EDATA) {
			out_damage->from += m->base_offset;
			out_damage->to += m->base_offset;
		}
		if (err)
			return err;
		if (is_repeat(m, &out->desc))
			continue;
		rebase(m, out);
		pr_meter_at(r->meter, out->offset + PR_SEG_BLOCK_SIZE + out->desc.comp_size, whole_size(r));
		return PR_OK;
	}
}

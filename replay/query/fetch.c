/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/fetch.h"

#include <stdlib.h>
#include <string.h>

void pr_fetch_init(struct pr_fetch *fs, struct pr_seg_reader *seg, struct pr_index *index)
{
	*fs = (struct pr_fetch){.seg = seg, .index = index};
}

static void drop(struct pr_held_block *h)
{
	free(h->raw);
	free(h->at);
	*h = (struct pr_held_block){0};
}

void pr_fetch_release(struct pr_fetch *fs)
{
	for (size_t i = 0; i < PR_FETCH_BLOCKS; i++)
		drop(&fs->held[i]);
}

static struct pr_held_block *least_used(struct pr_fetch *fs)
{
	struct pr_held_block *h = &fs->held[0];

	for (size_t i = 1; i < PR_FETCH_BLOCKS && h->used; i++)
		if (!fs->held[i].used || fs->held[i].last_use < h->last_use)
			h = &fs->held[i];
	return h;
}

/* Notes where the counted frames stand. */
static void find_frames(struct pr_held_block *h, const struct pr_block *b)
{
	struct pr_frame_iter it;
	struct pr_frame f;

	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f))
		if (!(f.env_flags & (PR_ENV_META | PR_ENV_CONT)) && f.seq - h->first_seq < h->frames)
			h->at[f.seq - h->first_seq] = f.raw_off;
}

static int load(struct pr_fetch *fs, uint64_t offset, struct pr_held_block **out, struct pr_errinfo *ei)
{
	struct pr_held_block *h = least_used(fs);
	struct pr_block b;
	int err = pr_seg_reader_at(fs->seg, offset, &b, ei);

	if (err)
		return err == PR_ENOMEM || err == PR_EIO ? err : PR_EDATA;
	drop(h);
	h->raw = malloc((size_t)b.desc.raw_size + 1);
	h->at = malloc(((size_t)b.desc.frames + 1) * sizeof(*h->at));
	if (!h->raw || !h->at) {
		drop(h);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	memcpy(h->raw, b.raw, b.desc.raw_size);
	memset(h->at, 0xff, ((size_t)b.desc.frames + 1) * sizeof(*h->at));
	h->used = true;
	h->desc = b.desc;
	h->offset = offset;
	h->first_seq = b.desc.first_frame;
	h->frames = b.desc.frames;
	find_frames(h, &b);
	fs->loads++;
	*out = h;
	return PR_OK;
}

static struct pr_held_block *holder(struct pr_fetch *fs, uint64_t seq)
{
	for (size_t i = 0; i < PR_FETCH_BLOCKS; i++)
		if (fs->held[i].used && seq - fs->held[i].first_seq < fs->held[i].frames)
			return &fs->held[i];
	return NULL;
}

static int disagree(struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_EDATA, "the index does not fit the trace");
}

int pr_fetch_get(struct pr_fetch *fs, uint64_t seq, struct pr_frame *out, struct pr_errinfo *ei)
{
	struct pr_held_block *h = holder(fs, seq);
	struct pr_index_block ib;
	struct pr_frame_iter it;
	int err;

	if (!h) {
		err = pr_index_block(fs->index, seq, &ib, ei);
		if (!err)
			err = load(fs, ib.offset, &h, ei);
		if (err)
			return err;
	}
	h->last_use = ++fs->clock;
	if (seq - h->first_seq >= h->frames || h->at[seq - h->first_seq] == UINT32_MAX)
		return disagree(ei);
	it = (struct pr_frame_iter){h->raw, h->desc.raw_size, h->at[seq - h->first_seq], h->desc.number, seq, false};
	return pr_frame_iter_next(&it, out) ? PR_OK : disagree(ei);
}

int pr_fetch_copy(struct pr_fetch *fs, uint64_t offset, struct pr_buf *raw, struct pr_frame_iter *it, struct pr_errinfo *ei)
{
	struct pr_block b;
	int err = pr_seg_reader_at(fs->seg, offset, &b, ei);

	if (err)
		return err == PR_ENOMEM || err == PR_EIO ? err : PR_EDATA;
	fs->loads++;
	pr_buf_clear(raw);
	pr_buf_append(raw, b.raw, b.desc.raw_size);
	if (pr_buf_failed(raw))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	b.raw = raw->data;
	pr_frame_iter_init(it, &b);
	return PR_OK;
}

int pr_fetch_block(struct pr_fetch *fs, uint64_t offset, int (*fn)(void *ctx, const struct pr_frame *f), void *ctx, struct pr_errinfo *ei)
{
	struct pr_block b;
	struct pr_frame_iter it;
	struct pr_frame f;
	int err = pr_seg_reader_at(fs->seg, offset, &b, ei);

	if (err)
		return err == PR_ENOMEM || err == PR_EIO ? err : PR_EDATA;
	pr_frame_iter_init(&it, &b);
	while (!err && pr_frame_iter_next(&it, &f))
		err = fn(ctx, &f);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "schema/segment_part.h"

/* One segment while it is read. */
struct check {
	const struct pr_verify_options *opt;
	struct pr_verified *all; /* of the whole directory */
	struct pr_seg_part part;
	uint64_t blocks, frames, envelopes, raw_bytes, ktime_min, ktime_max; /* so far */
	uint64_t records;
	bool intact; /* no problem so far, so counts from its beginning are right */
	bool has_key, broken; /* a key record was good; a signature was not, so nothing behind it can be */
	struct pr_public_key signer; /* that the key record names */
	uint8_t key[PR_KEY_PUBLIC]; /* that signs the next checkpoint */
	uint64_t checkpoints, signed_frames, signed_blocks, signed_realtime;
	bool closed; /* the closing checkpoint was seen */
	bool found; /* opt->expect was */
	uint64_t before, total; /* bytes of the segments before it, and of all */
};

static void problem(struct check *c, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	c->intact = false;
	c->all->problems++;
	c->opt->on_problem(c->opt->ctx, c->part.src->name, from, to, frames, why);
}

static void at(struct check *c, uint64_t offset, const char *why)
{
	problem(c, offset, offset, 0, why);
}

/* The segment is not what the options ask for, which says nothing of what it holds. */
static void unmet(struct check *c, uint64_t offset, const char *why)
{
	bool intact = c->intact;

	at(c, offset, why);
	c->intact = intact;
	c->all->unmet++;
}

static void see_link(struct check *c, const uint8_t link[PR_SEG_LINK])
{
	if (c->opt->expect && !memcmp(link, c->opt->expect, PR_SEG_LINK))
		c->found = true;
	memcpy(c->all->link, link, PR_SEG_LINK);
}

static void key_record(struct check *c, const uint8_t *rec, size_t size, uint64_t offset)
{
	struct pr_public_key named;
	const char *why;

	if (offset != PR_SEG_HEADER_SIZE) {
		at(c, offset, "a key record stands where none belongs");
		return;
	}
	why = pr_sign_check_keys(rec, size, &c->part.header, c->opt->key, c->key);
	if (pr_sign_key_read(rec, size, &named) && !c->all->has_key) {
		c->all->has_key = true;
		c->all->signer = named;
	}
	if (why) {
		c->broken = true;
		if (c->opt->key && !pr_sign_check_keys(rec, size, &c->part.header, NULL, c->key))
			unmet(c, offset, why); /* good, but of another key */
		else
			at(c, offset, why);
		return;
	}
	c->has_key = true;
	c->signer = named;
}

static const char *check_order(const struct check *c, const struct pr_checkpoint *p, uint64_t offset)
{
	if (p->offset != offset || p->number != c->checkpoints || p->blocks != c->blocks || p->frames != c->frames)
		return "a checkpoint was signed at another place";
	if ((p->kind == PR_SIG_START) != !c->checkpoints || c->closed)
		return "a checkpoint is out of order";
	return NULL;
}

static void checkpoint(struct check *c, const uint8_t *rec, size_t size, uint64_t offset)
{
	struct pr_checkpoint p;
	const char *why = "a checkpoint without a key record before it";

	if (c->broken)
		return;
	if (c->has_key)
		why = pr_sign_check(rec, size, c->key, &p);
	if (!why && c->intact)
		why = check_order(c, &p, offset);
	if (why) {
		c->broken = true;
		at(c, offset, why);
		return;
	}
	memcpy(c->key, p.next_key, PR_KEY_PUBLIC);
	c->checkpoints = p.number + 1;
	c->closed = p.kind == PR_SIG_CLOSE;
	if (!c->intact)
		return;
	c->all->checkpoints++;
	c->signed_frames = p.frames;
	c->signed_blocks = p.blocks;
	c->signed_realtime = p.realtime;
}

static int on_record(void *ctx, const uint8_t *rec, size_t size, uint64_t offset)
{
	struct check *c = ctx;

	c->records++;
	see_link(c, pr_seg_record_link(rec, size));
	if (!memcmp(rec + 8, PR_SEG_TAG_KEY, 8))
		key_record(c, rec, size, offset);
	else if (!memcmp(rec + 8, PR_SEG_TAG_SIG, 8))
		checkpoint(c, rec, size, offset);
	return PR_OK;
}

/* Does what a descriptor claims of its frames hold? Its link was right, so a block that lies was written so. */
static const char *check_block(const struct check *c, const struct pr_block *b)
{
	uint64_t min = UINT64_MAX, max = 0;
	uint32_t frames = 0, envelopes = 0, repeats = 0;
	struct pr_frame_iter it;
	struct pr_frame f;

	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f)) {
		uint8_t flags = b->raw[f.raw_off + 3]; /* as written; the iterator adds RAW where a frame is not what it claims */

		envelopes++;
		repeats += flags & PR_ENV_REPEAT ? 1 : 0;
		frames += flags & (PR_ENV_META | PR_ENV_CONT) ? 0 : 1;
		if (flags & (PR_ENV_RAW | PR_ENV_META) || f.size < PR_COMMON_SIZE)
			continue;
		min = pr_get_u64(f.data + 8) < min ? pr_get_u64(f.data + 8) : min;
		max = pr_get_u64(f.data + 8) > max ? pr_get_u64(f.data + 8) : max;
	}
	if (it.damaged)
		return "its envelopes pass the end of the block";
	if (frames != b->desc.frames || envelopes != b->desc.envelopes || min != b->desc.ktime_min || max != b->desc.ktime_max)
		return "a descriptor does not tell what its block holds";
	if (b->desc.flags & PR_SEG_BLOCK_REPEAT ? repeats != envelopes : repeats)
		return "a block mixes repeated and new frames";
	if (c->intact && (b->desc.number != c->blocks || b->desc.first_frame != c->frames))
		return "blocks are not numbered in order";
	return NULL;
}

static void block(struct check *c, const struct pr_block *b)
{
	const struct pr_seg_block *d = &b->desc;
	const char *why = check_block(c, b);

	if (why)
		problem(c, b->offset, b->offset + PR_SEG_BLOCK_SIZE + d->comp_size, 0, why);
	if (c->closed)
		at(c, b->offset, "a block stands behind the closing checkpoint");
	see_link(c, d->link);
	c->blocks++;
	c->frames += d->frames;
	c->envelopes += d->envelopes;
	c->raw_bytes += d->raw_size;
	c->ktime_min = d->ktime_min < c->ktime_min ? d->ktime_min : c->ktime_min;
	c->ktime_max = d->ktime_max > c->ktime_max ? d->ktime_max : c->ktime_max;
}

static void check_footer(struct check *c)
{
	const struct pr_seg_footer *f = &c->part.footer;

	see_link(c, f->link);
	if (!c->intact)
		return;
	if (f->blocks != c->blocks || f->frames != c->frames || f->envelopes != c->envelopes || f->raw_bytes != c->raw_bytes ||
		f->ktime_min != c->ktime_min || f->ktime_max != c->ktime_max)
		at(c, c->part.end, "the closing record does not tell what the segment holds");
	else if (c->has_key && !c->broken && !c->closed)
		at(c, c->part.end, "it was closed without the closing signature");
}

static int read_all(struct check *c, struct pr_errinfo *ei)
{
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	while ((err = pr_seg_part_next(&c->part, &b, &d, ei)) != PR_END) {
		if (err && err != PR_EDATA)
			return err;
		if (err)
			problem(c, d.from, d.to, d.frames_known ? d.frames : UINT64_MAX, d.why);
		else
			block(c, &b);
		if (!err)
			pr_meter_at(c->opt->meter, c->before + b.offset + PR_SEG_BLOCK_SIZE + b.desc.comp_size, c->total ? c->total : c->part.size);
	}
	if (c->part.sealed)
		check_footer(c);
	return PR_OK;
}

/* Reads the opened c->part and adds what it gives to c->all. */
static int check_part(struct check *c, struct pr_errinfo *ei)
{
	struct pr_verified *all = c->all;
	int err;

	c->intact = true;
	c->ktime_min = UINT64_MAX;
	c->part.on_record = on_record;
	c->part.ctx = c;
	see_link(c, c->part.header.link);
	err = read_all(c, ei);
	if (err)
		return err;
	if (c->opt->key && !c->has_key && !c->broken) {
		/* A recorder that was killed between the header and the signature beneath it leaves nothing else either. */
		if (c->records || c->blocks || c->part.sealed)
			unmet(c, PR_SEG_HEADER_SIZE, "it is not signed");
	}
	all->segments++;
	all->blocks += c->blocks;
	all->frames += c->frames;
	all->signed_frames += c->signed_frames;
	all->signed_blocks += c->signed_blocks;
	if (c->signed_realtime)
		all->signed_realtime = c->signed_realtime;
	all->sealed = c->part.sealed;
	all->tail_bytes = c->part.tail;
	return PR_OK;
}

/* What was asked of the trace as a whole. */
static void check_wishes(struct check *c, bool found, const char *name)
{
	const struct pr_verify_options *opt = c->opt;
	const char *why[2] = {NULL, NULL};

	if (opt->expect && !found)
		why[0] = "the link that was expected is not in its chain: it is an older state, or another trace";
	if (opt->at_least && c->all->signed_realtime < opt->at_least)
		why[1] = c->all->signed_realtime
			? "it is not signed up to the time that was asked for: it is an older state, or was cut"
			: "no signature was found in it, so nothing tells up to which time it is whole: it was recorded without --sign, or was cut";
	for (int i = 0; i < 2; i++) {
		if (!why[i])
			continue;
		c->all->problems++;
		c->all->unmet++;
		opt->on_problem(opt->ctx, name, 0, 0, 0, why[i]);
	}
}

int pr_verify_segment(struct pr_source *src, const struct pr_verify_options *opt, struct pr_verified *out, struct pr_errinfo *ei)
{
	struct check c = {.opt = opt, .all = out};
	struct pr_seg_scratch scratch;
	int err = pr_seg_scratch_init(&scratch, ei);

	memset(out, 0, sizeof(*out));
	if (err) {
		pr_source_close(src);
		return err;
	}
	pr_seg_scratch_set_pool(&scratch, opt->pool);
	err = pr_seg_part_open(&c.part, src, &scratch, ei);
	if (!err) {
		err = check_part(&c, ei);
		if (!err)
			check_wishes(&c, c.found, src->name);
		pr_seg_part_close(&c.part);
	}
	pr_seg_scratch_release(&scratch);
	return err;
}

/* ---- directories ------------------------------------------------------------------------------------------------- */

struct chain {
	const struct pr_verify_options *opt;
	struct pr_verified *all;
	struct pr_seg_scratch scratch;
	bool found; /* what was expected, in any of them */
	uint64_t before, total; /* bytes of the segments that were read, and of all */
	bool any, last_known; /* a segment was read; its last link and counts are right */
	struct pr_seg_header last;
	uint8_t link[PR_SEG_LINK]; /* its last */
	bool last_sealed, last_has_key;
	struct pr_public_key last_signer;
};

static void tell(struct chain *ch, const char *name, const char *why)
{
	ch->all->problems++;
	ch->opt->on_problem(ch->opt->ctx, name, 0, 0, UINT64_MAX, why);
}

/* Does the segment follow the one before it? */
static void check_follows(struct chain *ch, const struct pr_recording_entry *e)
{
	static const uint8_t none[PR_SEG_LINK];
	const struct pr_seg_header *h = &e->header;

	if (h->series != e->series)
		tell(ch, e->path, "its name is not the one that it was written under");
	if (!ch->any) {
		if (!h->series && memcmp(h->prev_link, none, PR_SEG_LINK))
			tell(ch, e->path, "it is the first of its directory, but names one before it");
		return;
	}
	if (h->series != ch->last.series + 1)
		tell(ch, e->path, "segments before it are missing");
	else if (ch->last_known && memcmp(h->prev_link, ch->link, PR_SEG_LINK))
		tell(ch, e->path, ch->last_sealed ? "it does not follow the segment before it" : "the end of the segment before it is missing");
	if (h->oldest < ch->last.oldest)
		tell(ch, e->path, "it knows less of deleted segments than the one before it");
}

/* Why it can't be read: the path stands before that anyway. */
static const char *without_path(const struct pr_recording_entry *e)
{
	size_t n = strlen(e->path);

	return !strncmp(e->why, e->path, n) && !strncmp(e->why + n, ": ", 2) ? e->why + n + 2 : e->why;
}

static int one_segment(struct chain *ch, const struct pr_recording_entry *e, struct pr_errinfo *ei)
{
	struct check c = {.opt = ch->opt, .all = ch->all, .before = ch->before, .total = ch->total};
	struct pr_source *src;
	uint64_t before = ch->all->problems;
	bool same;
	int err;

	ch->before += e->size;
	if (e->err) {
		tell(ch, e->path, without_path(e));
		ch->last_known = false;
		ch->last.series = e->series;
		ch->any = true;
		return PR_OK;
	}
	check_follows(ch, e);
	same = ch->any && !memcmp(e->header.recording, ch->last.recording, PR_SEG_UUID);
	err = pr_source_file(&src, e->path, ei);
	if (!err)
		err = pr_seg_part_open(&c.part, src, &ch->scratch, ei);
	if (err)
		return err;
	err = check_part(&c, ei);
	if (same && c.records && (c.has_key != ch->last_has_key || memcmp(&c.signer, &ch->last_signer, sizeof(c.signer))))
		tell(ch, e->path, "it is not signed with the key of the segments before");
	ch->last_has_key = c.has_key;
	ch->last_signer = c.signer;
	ch->found |= c.found;
	ch->any = true;
	ch->last_known = ch->all->problems == before || c.intact;
	ch->last = c.part.header;
	ch->last_sealed = c.part.sealed;
	memcpy(ch->link, ch->all->link, PR_SEG_LINK);
	pr_seg_part_close(&c.part);
	return err;
}

/* What lies before the first one must have been deleted by retention, as the newest one tells. */
static void check_front(struct chain *ch, const struct pr_recording *r)
{
	const struct pr_recording_entry *first = &r->v[0];

	if (first->series > ch->last.oldest)
		tell(ch, first->path, "segments before it are missing, and retention did not delete them");
	ch->all->deleted = first->series < ch->last.oldest ? first->series : ch->last.oldest;
}

int pr_verify_directory(const char *dir, const struct pr_verify_options *opt, struct pr_verified *out, struct pr_errinfo *ei)
{
	struct chain ch = {.opt = opt, .all = out};
	struct check wishes = {.opt = opt, .all = out};
	struct pr_recording r;
	int err = pr_recording_list(&r, dir, ei);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	if (!r.n)
		err = pr_fail(ei, PR_EFORMAT, "%s: a directory without segments (names like 000000000042.seg)", dir);
	if (!err)
		err = pr_seg_scratch_init(&ch.scratch, ei);
	if (!err)
		pr_seg_scratch_set_pool(&ch.scratch, opt->pool);
	for (size_t i = 0; i < r.n; i++)
		ch.total += r.v[i].size;
	for (size_t i = 0; !err && i < r.n; i++)
		err = one_segment(&ch, &r.v[i], ei);
	if (!err) {
		check_front(&ch, &r);
		check_wishes(&wishes, ch.found, dir);
	}
	if (r.n)
		pr_seg_scratch_release(&ch.scratch);
	pr_recording_release(&r);
	return err;
}

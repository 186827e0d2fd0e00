/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut.c: two passes over the same open files. The first finds the first and the last frame of the time; the second takes the state from
 * the frames before, and copies those between.
 */
#include "replay/dump/cut.h"

#include <sodium/crypto_generichash.h>
#include <string.h>

#include "base/bytes.h"
#include "replay/decode/decode.h"
#include "replay/notes.h"
#include "schema/boot.h"
#include "schema/build.h"
#include "schema/livetab.h"
#include "schema/recording.h"
#include "schema/trace.h"

#define DISORDER_NS UINT64_C(10000000000) /* recorded frames are in order but for microseconds: so far behind the end none of before it comes */

struct cut {
	const struct pr_cut_options *opt;
	struct pr_cut *out;
	struct pr_trace *trace;
	struct pr_seg_header boot; /* a segment of the boot that was asked for */
	const struct pr_seg_header *of; /* the same; NULL: nobody asked */
	struct pr_recording_span span;
	uint64_t since, until; /* ktime, both included */
	uint64_t at; /* number of the frame, META ones counted too */
	uint64_t first, last; /* such numbers; last is 0 where there is none */
	uint64_t start; /* of the first that was recorded: neither META nor repeated state, which stands before it */
	bool found, started;
	bool told; /* the gap that comes next is that of damage which was told already */
	/* first pass */
	size_t member; /* of the block that is read */
	uint64_t block; /* its number in that */
	struct pr_seg_block desc;
	struct pr_buf segments; /* struct pr_origin_segment each, as items */
	struct pr_origin_segment cur;
	bool has_cur;
	/* second pass */
	struct pr_livetab live;
	struct pr_buf clock; /* the last CLOCK frame before the first one, in its envelope */
	struct pr_buf older; /* ORIGIN frames of the trace, which is a piece itself */
	struct pr_buf before, damage; /* LOSS frames for what is missing before: but for damage; damage */
	struct pr_buf here; /* and in it: goes before the next frame */
	struct pr_seg_writer *w;
};

static int no_memory(struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_ENOMEM, "out of memory");
}

/* ---- which time --------------------------------------------------------------------------------------------------- */

/* The time of the newest frame. */
static int newest(const struct cut *c, uint64_t *out_ktime, struct pr_errinfo *ei)
{
	const struct pr_seg_footer *foot;
	struct pr_recording_span span;
	struct pr_seg_damage d;
	struct pr_trace *t;
	struct pr_block b;
	int err = pr_trace_open_since(&t, c->opt->trace, UINT64_MAX, c->of, &span, ei);

	if (err)
		return err;
	*out_ktime = 0;
	foot = pr_seg_reader_footer(pr_trace_segment(t));
	if (foot)
		*out_ktime = foot->ktime_min <= foot->ktime_max ? foot->ktime_max : 0;
	while (!foot && (!(err = pr_seg_reader_next(pr_trace_segment(t), &b, &d, ei)) || err == PR_EDATA))
		if (!err && b.desc.ktime_min <= b.desc.ktime_max && b.desc.ktime_max > *out_ktime)
			*out_ktime = b.desc.ktime_max;
	pr_trace_close(t);
	return err == PR_END ? PR_OK : err;
}

/* Times are understood as in all views: with the readings of the whole trace, where they need them. */
static int understand(struct cut *c, struct pr_errinfo *ei)
{
	const struct pr_cut_options *o = c->opt;
	const char *texts[] = {o->since, o->until};
	bool readings = (o->since && pr_timeline_wants_clock(o->since)) || (o->until && pr_timeline_wants_clock(o->until));
	struct pr_timeline tl;
	struct pr_trace *t;
	int err;

	c->until = UINT64_MAX;
	if (!texts[0] && !texts[1])
		return PR_OK;
	err = pr_trace_open_boot(&t, o->trace, c->of, ei);
	if (err)
		return err;
	pr_timeline_init(&tl);
	tl.zone = o->zone;
	pr_seg_reader_set_meter(pr_trace_segment(t), o->meter);
	err = readings ? pr_timeline_scan(&tl, t, true, ei) : pr_timeline_scan_start(&tl, t, ei);
	if (!err && o->since)
		err = pr_timeline_parse(&tl, "--since", o->since, &c->since, ei);
	if (!err && o->until)
		err = pr_timeline_parse(&tl, "--until", o->until, &c->until, ei);
	pr_timeline_release(&tl);
	pr_trace_close(t);
	return err;
}

static int choose_time(struct cut *c, struct pr_errinfo *ei)
{
	uint64_t end = 0;
	int err = understand(c, ei);

	if (!err && c->opt->has_last)
		err = newest(c, &end, ei);
	if (err || !c->opt->has_last)
		return err;
	if (c->until < end)
		end = c->until;
	c->since = end > c->opt->last_ns ? end - c->opt->last_ns : 0;
	return err;
}

/* ---- first pass --------------------------------------------------------------------------------------------------- */

static int put_segment(struct cut *c)
{
	if (c->has_cur)
		pr_put_item(&c->segments, PR_ITEM_SEGMENT, &c->cur, sizeof(c->cur));
	c->has_cur = false;
	return pr_buf_failed(&c->segments) ? PR_ENOMEM : PR_OK;
}

static int on_block(void *ctx, const struct pr_block *b)
{
	struct cut *c = ctx;
	struct pr_seg_reader *seg = pr_trace_segment(c->trace);
	struct pr_seg_member m;
	size_t n = pr_seg_reader_segments(seg);

	while (c->member + 1 < n) {
		pr_seg_reader_member(seg, c->member + 1, &m);
		if (b->offset < m.offset)
			break;
		c->member++;
	}
	pr_seg_reader_member(seg, c->member, &m);
	c->block = b->desc.number - m.block;
	c->desc = b->desc;
	return PR_OK;
}

static void put_u64(pr_u64 *p, uint64_t v)
{
	pr_put_u64((uint8_t *)p, v);
}

/* The block that is read holds a frame of the time. */
static int use_block(struct cut *c)
{
	struct pr_seg_member m;

	pr_seg_reader_member(pr_trace_segment(c->trace), c->member, &m);
	if (c->has_cur && memcmp(c->cur.uuid, m.header->uuid, PR_SEG_UUID) && put_segment(c))
		return PR_ENOMEM;
	if (!c->has_cur) {
		c->out->segments++;
		memset(&c->cur, 0, sizeof(c->cur));
		memcpy(c->cur.uuid, m.header->uuid, PR_SEG_UUID);
		memcpy(c->cur.recording, m.header->recording, PR_SEG_UUID);
		put_u64(&c->cur.series, m.header->series);
		put_u64(&c->cur.number, m.header->number);
		put_u64(&c->cur.first_block, c->block);
		memcpy(c->cur.before, c->desc.prev, PR_SEG_LINK);
		pr_put_u32((uint8_t *)&c->cur.flags, m.sealed ? PR_ORIGIN_SEALED : 0);
		c->has_cur = true;
	}
	put_u64(&c->cur.last_block, c->block);
	memcpy(c->cur.link, c->desc.link, PR_SEG_LINK);
	return PR_OK;
}

/* State that is told again has the time at which it was told: frames behind it may be older. */
static bool has_time(const struct pr_frame *f)
{
	return !(f->env_flags & (PR_ENV_META | PR_ENV_RAW | PR_ENV_CONT | PR_ENV_REPEAT));
}

static int look_at(struct cut *c, const struct pr_frame *f)
{
	if (!(f->env_flags & (PR_ENV_META | PR_ENV_REPEAT)) && !c->started) {
		c->started = true;
		c->start = c->at;
	}
	if (!has_time(f) || f->ktime < c->since || f->ktime > c->until)
		return PR_OK;
	if (!c->found) {
		c->first = c->at;
		c->out->from = f->ktime;
	}
	c->found = true;
	c->last = c->at;
	if (f->ktime > c->out->to)
		c->out->to = f->ktime;
	if (f->ktime < c->out->from)
		c->out->from = f->ktime;
	return use_block(c);
}

/* Is what comes behind the time for certain? */
static bool is_over(const struct cut *c, const struct pr_frame *f)
{
	bool in_order = pr_seg_reader_header(pr_trace_segment(c->trace))->kind == PR_SEG_RECORDED;

	return in_order && has_time(f) && c->until < UINT64_MAX - DISORDER_NS && f->ktime > c->until + DISORDER_NS;
}

static int find(struct cut *c, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err;

	pr_trace_set_events(c->trace, &(struct pr_trace_events){.on_block = on_block, .ctx = c});
	while (!(err = pr_trace_next(c->trace, &f, ei)) && !is_over(c, &f)) {
		if (look_at(c, &f))
			return no_memory(ei);
		c->at++;
	}
	if (err && err != PR_END)
		return err;
	if (put_segment(c))
		return no_memory(ei);
	if (!c->found)
		return pr_fail(ei, PR_ENOENT, "%s: nothing was recorded in that time", c->opt->trace);
	if (c->first <= c->start)
		c->first = 0; /* all that stands before it describes the whole */
	c->out->open = !pr_seg_reader_footer(pr_trace_segment(c->trace));
	pr_trace_rewind(c->trace);
	return PR_OK;
}

/* ---- what is missing ----------------------------------------------------------------------------------------------- */

static void put_loss(struct pr_buf *b, uint32_t reason, uint32_t stream, uint64_t count, uint64_t from, uint64_t to)
{
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	size_t at = pr_enveloped_begin(b, &env, PR_OP_LOSS, to);

	pr_buf_u32(b, reason);
	pr_buf_u32(b, stream);
	pr_buf_u64(b, count);
	pr_buf_u64(b, from);
	pr_enveloped_end(b, at);
}

/* What could not be read of the file does not come along: it is told. */
static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	struct cut *c = ctx;

	c->told = true;
	put_loss(c->at < c->first ? &c->damage : &c->here, PR_LOSS_DAMAGE, PR_STREAM_USER, d->frames_known ? d->frames : 0, d->ktime_from,
		d->ktime_to);
	return PR_OK;
}

/* In the piece, sequence numbers and LOSS frames tell it as they did before. */
static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct cut *c = ctx;
	bool told = c->told;

	c->told = false;
	if (c->at > c->last && g->kind != PR_GAP_DAMAGE)
		return PR_OK; /* noticed at a frame that is none of the piece */
	c->out->lost++;
	if (told || c->at >= c->first)
		return PR_OK;
	if (g->kind == PR_GAP_DAMAGE)
		put_loss(&c->damage, PR_LOSS_DAMAGE, PR_STREAM_USER, g->count, g->ktime_from, g->ktime_to);
	else
		put_loss(&c->before, PR_LOSS_BEFORE, g->stream, g->count, g->ktime_from, g->ktime_to);
	return PR_OK;
}

/* Frames of the time may have been in segments that are gone. The first segment of a recording has none before it. */
static void look_for_deleted(struct cut *c)
{
	const struct pr_seg_header *h = &c->span.first;
	bool all = !c->span.skipped && !c->first && c->since < c->out->from; /* what came before was asked for, too */

	c->out->since = c->since;
	all &= !c->span.unreadable_before; /* it may be there still: that is told as damage */
	c->out->deleted = all && h->kind == PR_SEG_RECORDED && (h->number || (h->series && !c->span.before));
	c->out->late = all && c->since && !c->out->deleted;
}

/* ---- second pass --------------------------------------------------------------------------------------------------- */

static void keep(struct pr_buf *b, const struct pr_frame *f)
{
	pr_buf_append(b, f->data - PR_ENVELOPE_SIZE, PR_ENVELOPE_SIZE + f->size);
}

/* Before the cut. A reading of a crafted trace that is no whole frame would not pass as one. */
static void take_state(struct cut *c, const struct pr_frame *f)
{
	struct pr_event ev;

	pr_livetab_frame(&c->live, f);
	if (!(f->env_flags & PR_ENV_RAW) && f->op == PR_OP_CLOCK && !pr_decode(f->data, f->size, &ev, NULL)) {
		pr_buf_clear(&c->clock);
		keep(&c->clock, f);
	}
	if (f->env_flags & PR_ENV_META && f->op == PR_OP_ORIGIN)
		keep(&c->older, f);
}

static int put(struct cut *c, const struct pr_buf *b, struct pr_errinfo *ei)
{
	return pr_buf_failed(b) ? no_memory(ei) : pr_seg_writer_append(c->w, b->data, b->len, ei);
}

static int put_origin(struct cut *c, struct pr_errinfo *ei)
{
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	struct pr_buf b = PR_BUF_INIT;
	size_t at = pr_enveloped_begin(&b, &env, PR_OP_ORIGIN, c->out->from);
	int err;

	pr_buf_u64(&b, c->since);
	pr_buf_u64(&b, c->until);
	pr_buf_u64(&b, c->out->from);
	pr_buf_u64(&b, c->out->to);
	pr_buf_append(&b, c->segments.data, c->segments.len);
	pr_enveloped_end(&b, at);
	err = put(c, &b, ei);
	pr_buf_release(&b);
	return err;
}

static int put_keyframe(struct cut *c, struct pr_errinfo *ei)
{
	struct pr_buf b = PR_BUF_INIT;
	int err = c->live.failed || pr_buf_failed(&c->clock) ? no_memory(ei) : PR_OK;

	if (!err)
		err = pr_livetab_keyframe(&c->live, c->out->from, &c->clock, &b, ei);
	c->out->alive = c->live.by_key.len;
	if (!err)
		err = put(c, &b, ei);
	pr_buf_release(&b);
	return err;
}

/* All that stands before the first frame. */
static int begin(struct cut *c, struct pr_errinfo *ei)
{
	int err = put_origin(c, ei);

	if (c->out->deleted)
		put_loss(&c->before, PR_LOSS_RETENTION, PR_STREAM_USER, 0, c->since, c->out->from);
	if (!err)
		err = put(c, &c->older, ei);
	if (!err)
		err = put(c, &c->before, ei);
	if (!err && c->first)
		err = put_keyframe(c, ei);
	/* Behind it no number is expected: the keyframe's are of before the damage. */
	return err ? err : put(c, &c->damage, ei);
}

static int copy_frame(struct cut *c, const struct pr_frame *f, struct pr_errinfo *ei)
{
	struct pr_envelope env = {.cpu = f->cpu, .stream = f->stream, .flags = f->env_flags, .size = f->size, .seq = f->env_seq};
	struct pr_event ev;
	int err = c->at == c->first ? begin(c, ei) : PR_OK;

	if (!err)
		err = put(c, &c->here, ei);
	pr_buf_clear(&c->here);
	c->out->frames += !(f->env_flags & (PR_ENV_META | PR_ENV_CONT));
	if (!err && !(f->env_flags & PR_ENV_RAW) && f->op == PR_OP_CLOCK && !pr_decode(f->data, f->size, &ev, NULL) &&
		pr_timeline_add(&c->out->timeline, ev.ktime, ev.own.realtime))
		err = no_memory(ei);
	return err ? err : pr_seg_writer_frame(c->w, &env, f->data, ei);
}

static int take_reading(struct cut *c)
{
	struct pr_event ev;
	const uint8_t *p = c->clock.data + PR_ENVELOPE_SIZE;

	if (!c->clock.len || pr_decode(p, c->clock.len - PR_ENVELOPE_SIZE, &ev, NULL))
		return PR_OK;
	return pr_timeline_add(&c->out->timeline, ev.ktime, ev.own.realtime);
}

/* A piece that ends where the recording does tells what could not be read behind its last frame. */
static int copy_end(struct cut *c, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err;

	while (!(err = pr_trace_next(c->trace, &f, ei)))
		c->at++;
	return err == PR_END ? put(c, &c->here, ei) : err;
}

static int copy(struct cut *c, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err = PR_OK;

	pr_trace_set_events(c->trace, &(struct pr_trace_events){.on_damage = on_damage, .on_gap = on_gap, .ctx = c});
	for (c->at = 0; !err && c->at <= c->last; c->at++) {
		err = pr_trace_next(c->trace, &f, ei);
		if (err == PR_END)
			return pr_fail(ei, PR_EIO, "%s: it became shorter while it was read", c->opt->trace);
		if (err)
			break;
		if (c->at < c->first)
			take_state(c, &f);
		else
			err = copy_frame(c, &f, ei);
	}
	if (!err && !c->opt->until)
		err = copy_end(c, ei);
	if (!err && take_reading(c))
		err = no_memory(ei);
	return err;
}

/* The same frames of the same recording give the same file. */
static void set_header(struct cut *c, struct pr_seg_options *opt)
{
	const struct pr_seg_header *h = pr_seg_reader_header(pr_trace_segment(c->trace));
	uint8_t id[crypto_generichash_BYTES];
	struct pr_buf b = PR_BUF_INIT;

	pr_buf_append(&b, c->segments.data, c->segments.len);
	pr_buf_u64(&b, c->since);
	pr_buf_u64(&b, c->until);
	pr_buf_u64(&b, c->first);
	pr_buf_u64(&b, c->last);
	crypto_generichash(id, sizeof(id), b.data, b.len, h->link, sizeof(h->link));
	pr_buf_release(&b);
	*opt = (struct pr_seg_options){.header.kind = PR_SEG_DERIVED, .rearrange = h->incompat & PR_SEG_INCOMPAT_REARRANGED};
	memcpy(opt->header.uuid, id, PR_SEG_UUID);
	memcpy(opt->header.recording, h->recording, PR_SEG_UUID);
	memcpy(opt->header.boot_id, h->boot_id, PR_SEG_UUID);
}

static int write_piece(struct cut *c, int fd, struct pr_errinfo *ei)
{
	struct pr_seg_options opt;
	int err;

	set_header(c, &opt);
	err = pr_seg_writer_new(&c->w, fd, &opt, ei);
	if (!err)
		err = copy(c, ei);
	if (!err)
		err = pr_seg_writer_seal(c->w, ei);
	return err;
}

int pr_cut(const struct pr_cut_options *opt, int fd, struct pr_cut *out, struct pr_errinfo *ei)
{
	struct cut c = {.opt = opt, .out = out};
	int err;

	*out = (struct pr_cut){.from = UINT64_MAX};
	pr_timeline_init(&out->timeline);
	out->timeline.zone = opt->zone;
	pr_livetab_init(&c.live);
	err = pr_boot_choose(opt->trace, opt->boot, &c.boot, &c.of, ei);
	if (!err)
		err = choose_time(&c, ei);
	if (!err && c.since > c.until)
		err = pr_fail(ei, PR_EUSAGE, "dump: --since lies behind --until");
	if (!err)
		err = pr_trace_open_since(&c.trace, opt->trace, c.since, c.of, &c.span, ei);
	if (!err) {
		pr_seg_reader_set_meter(pr_trace_segment(c.trace), opt->meter);
		err = find(&c, ei);
	}
	if (!err) {
		look_for_deleted(&c);
		err = write_piece(&c, fd, ei);
		pr_notes_boot(c.trace, opt->trace, PR_NOTES_BOOT);
	}
	pr_seg_writer_free(c.w);
	pr_trace_close(c.trace);
	pr_livetab_release(&c.live);
	pr_buf_release(&c.segments);
	pr_buf_release(&c.clock);
	pr_buf_release(&c.older);
	pr_buf_release(&c.before);
	pr_buf_release(&c.damage);
	pr_buf_release(&c.here);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/extract/extract.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "redact/rewrite.h"
#include "replay/extract/select.h"
#include "replay/notes.h"
#include "schema/boot.h"
#include "schema/build.h"
#include "schema/trace.h"

struct extract {
	const struct pr_extract_options *opt;
	struct pr_extracted *out;
	struct pr_trace *trace;
	struct pr_map ids; /* identities to keep */
	struct pr_map data; /* ids of the data to keep */
	struct pr_map next; /* (cpu, stream) -> its next sequence number */
	struct pr_rewrite rewrite;
	struct pr_seg_writer *w;
	struct pr_buf gaps; /* frames that tell of what is missing, in envelopes: they go before the next frame */
	struct pr_buf scratch;
	struct pr_redact_label label; /* what RECORDER frames say of the redaction */
	bool has_recorder; /* the trace has such a frame */
	uint64_t last_ktime;
};

/* ---- what is kept --------------------------------------------------------------------------------------------------- */

static bool has_id(const struct extract *x, struct pr_id id)
{
	return pr_map_get(&x->ids, id.pid, id.ktime);
}

static bool is_kept(const struct extract *x, const struct pr_frame *f)
{
	struct pr_event ev;
	bool sound = !(f->env_flags & (PR_ENV_RAW | PR_ENV_CONT)) && !pr_decode(f->data, f->size, &ev, NULL);

	if (sound && ev.op == PR_OP_STREAM_STATE) /* of the old numbers */
		return false;
	if (!x->opt->has_pid)
		return true;
	if (!sound)
		return false;
	switch (ev.op) {
	case PR_OP_EXECVE:
		return has_id(x, ev.execve.id);
	case PR_OP_CLONE:
		return has_id(x, ev.clone.id);
	case PR_OP_EXIT:
		return has_id(x, ev.exit.id);
	case PR_OP_DATA:
		return pr_map_get(&x->data, ev.data.id_pid, ev.data.id_time);
	case PR_OP_EXEC_INFO:
	case PR_OP_CLONE_INFO:
	case PR_OP_EXIT_INFO:
	case PR_OP_REPARENT:
	case PR_OP_EXEC_FAIL:
	case PR_OP_ENDED:
		return has_id(x, ev.own.id);
	default:
		return ev.op == PR_OP_HOST || ev.op == PR_OP_USER_NAME || ev.op == PR_OP_CLOCK || ev.op == PR_OP_LOSS || ev.op == PR_OP_RECORDER ||
		       ev.op == PR_OP_ORIGIN;
	}
}

static int want_data(struct extract *x, const struct pr_desc *d)
{
	return pr_map_put(&x->data, d->id_pid, d->id_time, NULL) ? PR_OK : PR_ENOMEM;
}

static int note_data(struct extract *x, const struct pr_event *ev)
{
	struct pr_exec_strings s;
	struct pr_own_item it;
	struct pr_slice left;
	int err = PR_OK;

	if (ev->op == PR_OP_EXECVE && has_id(x, ev->execve.id)) {
		pr_execve_strings(&ev->execve, &s);
		if (s.filename_data)
			err = want_data(x, &s.filename_desc);
		if (!err && s.args_data)
			err = want_data(x, &s.args_desc);
	} else if ((ev->op == PR_OP_EXEC_INFO || ev->op == PR_OP_CLONE_INFO || ev->op == PR_OP_EXEC_FAIL) && has_id(x, ev->own.id)) {
		for (left = ev->own.items; !err && pr_own_item_next(&left, &it);)
			if (it.is_desc)
				err = want_data(x, &it.desc);
	}
	return err;
}

/* The pass before the writing: which data is wanted, which names there are. */
static int look(struct extract *x, struct pr_errinfo *ei)
{
	struct pr_event ev;
	struct pr_frame f;
	int err;

	while (!(err = pr_trace_next(x->trace, &f, ei))) {
		if (f.env_flags & (PR_ENV_RAW | PR_ENV_CONT) || pr_decode(f.data, f.size, &ev, NULL))
			continue;
		x->has_recorder |= ev.op == PR_OP_RECORDER;
		if (x->opt->anonymizer)
			err = pr_anonymizer_learn(x->opt->anonymizer, &ev);
		if (!err && x->opt->has_pid)
			err = note_data(x, &ev);
		if (err)
			break;
	}
	pr_trace_rewind(x->trace);
	return err == PR_END ? PR_OK : err;
}

/* ---- what is missing ------------------------------------------------------------------------------------------------ */

/*
 * A gap of a sequence is told by two STREAM_STATE frames, one at each end: so it has the same time and size. Their rows get their
 * numbers when they are written (`lost` tells by how much it goes on).
 */
static void put_state(struct extract *x, const struct pr_gap *g, uint64_t ktime, uint64_t count)
{
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER};
	size_t at = pr_enveloped_begin(&x->gaps, &env, PR_OP_STREAM_STATE, ktime);

	pr_buf_u64(&x->gaps, 0);
	pr_buf_u16(&x->gaps, g->cpu);
	pr_buf_u16(&x->gaps, g->stream);
	pr_buf_u32(&x->gaps, 0);
	pr_buf_u64(&x->gaps, 0);
	pr_buf_u64(&x->gaps, count);
	pr_enveloped_end(&x->gaps, at);
}

static void put_damage(struct extract *x, uint64_t count, uint64_t from, uint64_t to)
{
	const struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	size_t at = pr_enveloped_begin(&x->gaps, &env, PR_OP_LOSS, to);

	pr_buf_u32(&x->gaps, PR_LOSS_DAMAGE);
	pr_buf_u32(&x->gaps, PR_STREAM_USER);
	pr_buf_u64(&x->gaps, count);
	pr_buf_u64(&x->gaps, from);
	pr_enveloped_end(&x->gaps, at);
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct extract *x = ctx;

	if (g->kind == PR_GAP_SEQ) {
		put_state(x, g, g->ktime_from, 0);
		put_state(x, g, g->ktime_to, g->count);
	} /* a LOSS frame is kept as it is, and damage of the file is told by on_damage */
	return pr_buf_failed(&x->gaps) ? PR_ENOMEM : PR_OK;
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	struct extract *x = ctx;

	put_damage(x, d->frames_known ? d->frames : 0, d->ktime_from, d->ktime_to);
	return pr_buf_failed(&x->gaps) ? PR_ENOMEM : PR_OK;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static struct pr_map_slot *next_of(struct extract *x, uint16_t cpu, uint8_t stream)
{
	return pr_map_put(&x->next, (uint64_t)cpu << 8 | stream, 0, NULL);
}

/* Fills in the row of a frame of put_state. */
static int fill_state(struct extract *x, uint8_t *frame)
{
	uint8_t *row = frame + sizeof(struct pr_stream_state);
	struct pr_map_slot *s = next_of(x, pr_get_u16(row), row[2]);

	if (!s)
		return PR_ENOMEM;
	s->v.u += pr_get_u64(row + offsetof(struct pr_stream_row, lost));
	pr_put_u64(row + offsetof(struct pr_stream_row, next), s->v.u);
	return PR_OK;
}

/*
 * A RECORDER frame that says how the trace was redacted, as the recorder's own do; the items that it has already, perhaps of an earlier
 * redaction, follow. items: n bytes.
 */
static int put_recorder(struct extract *x, uint64_t ktime, const uint8_t *items, size_t n)
{
	struct pr_buf *b = &x->scratch;
	size_t at;

	pr_buf_clear(b);
	at = pr_frame_begin(b, PR_OP_RECORDER, ktime);
	pr_put_item(b, PR_ITEM_REDACT_RULES, x->label.rules, strlen(x->label.rules));
	pr_put_item(b, PR_ITEM_REDACT_KEY, x->label.key_id, strlen(x->label.key_id));
	pr_buf_append(b, items, n);
	pr_frame_end(b, at);
	return pr_buf_failed(b) ? PR_ENOMEM : PR_OK;
}

static bool is_recorder(const struct pr_envelope *env, const uint8_t *frame)
{
	struct pr_event ev;

	return !(env->flags & (PR_ENV_RAW | PR_ENV_CONT)) && frame[0] == PR_OP_RECORDER && !pr_decode(frame, env->size, &ev, NULL);
}

static int emit(void *ctx, const struct pr_envelope *in, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct extract *x = ctx;
	struct pr_envelope env = *in;
	struct pr_map_slot *s = next_of(x, env.cpu, env.stream);
	int err;

	if (!s)
		return PR_ENOMEM;
	env.flags &= (uint8_t)~PR_ENV_REPEAT;
	env.seq = s->v.u;
	if (!(env.flags & (PR_ENV_META | PR_ENV_CONT))) {
		s->v.u++;
		x->out->frames += frame[0] != PR_OP_STREAM_STATE || env.flags & PR_ENV_RAW;
	}
	if (frame[0] == PR_OP_STREAM_STATE && !(env.flags & PR_ENV_RAW)) {
		pr_buf_clear(&x->scratch);
		pr_buf_append(&x->scratch, frame, env.size);
		if (pr_buf_failed(&x->scratch) || fill_state(x, x->scratch.data))
			return PR_ENOMEM;
		frame = x->scratch.data;
	} else if (x->opt->redact && is_recorder(&env, frame)) {
		err = put_recorder(x, pr_get_u64(frame + offsetof(struct pr_msg_common, ktime)), frame + PR_COMMON_SIZE, env.size - PR_COMMON_SIZE);
		if (err)
			return err;
		frame = x->scratch.data;
		env.size = (uint32_t)x->scratch.len;
	}
	return pr_seg_writer_frame(x->w, &env, frame, ei);
}

static int put(struct extract *x, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	if (!x->opt->redact && !x->opt->anonymizer)
		return emit(x, env, frame, ei);
	return pr_rewrite_frame(&x->rewrite, env, frame, env->size, ei);
}

static int put_gaps(struct extract *x, struct pr_errinfo *ei)
{
	int err = PR_OK;

	for (size_t at = 0; !err && at < x->gaps.len;) {
		const uint8_t *p = x->gaps.data + at;
		struct pr_envelope env = {.cpu = pr_get_u16(p), .stream = p[2], .flags = p[3], .size = pr_get_u32(p + 4)};

		err = put(x, &env, p + PR_ENVELOPE_SIZE, ei);
		at += PR_ENVELOPE_SIZE + env.size;
	}
	pr_buf_clear(&x->gaps);
	return err;
}

/* Of a trace without RECORDER frames: one beside the stream, in front of it. */
static int label(struct extract *x, struct pr_errinfo *ei)
{
	struct pr_envelope env = {.cpu = PR_CPU_NONE, .stream = PR_STREAM_USER, .flags = PR_ENV_META};
	int err;

	if (!x->opt->redact)
		return PR_OK;
	pr_redact_label(x->opt->redact, &x->label);
	if (x->has_recorder)
		return PR_OK;
	err = put_recorder(x, 0, NULL, 0);
	env.size = (uint32_t)x->scratch.len;
	return err ? err : pr_seg_writer_frame(x->w, &env, x->scratch.data, ei);
}

static int copy(struct extract *x, struct pr_errinfo *ei)
{
	struct pr_trace_state st;
	struct pr_frame f;
	int err;

	pr_trace_set_events(x->trace, &(struct pr_trace_events){.on_damage = on_damage, .on_gap = on_gap, .ctx = x});
	while (!(err = pr_trace_next(x->trace, &f, ei))) {
		struct pr_envelope env = {.cpu = f.cpu, .stream = f.stream, .flags = f.env_flags, .size = f.size};

		err = put_gaps(x, ei);
		if (!err && is_kept(x, &f))
			err = put(x, &env, f.data, ei);
		if (err)
			return err;
		if (f.ktime > x->last_ktime)
			x->last_ktime = f.ktime;
	}
	if (err != PR_END)
		return err;
	pr_trace_get_state(x->trace, &st);
	x->out->open = !st.sealed;
	x->out->frames_of = st.frames;
	if (!st.sealed)
		put_damage(x, 0, x->last_ktime, UINT64_MAX);
	err = put_gaps(x, ei);
	return err ? err : pr_rewrite_end(&x->rewrite, ei);
}

/* ---- strings -------------------------------------------------------------------------------------------------------- */

static int put_args(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	const struct pr_extract_options *opt = ((struct extract *)ctx)->opt;
	struct pr_buf b = PR_BUF_INIT;
	int err;

	if (!opt->anonymizer)
		return pr_redact_args(opt->redact, program, args, out);
	err = opt->redact ? pr_redact_args(opt->redact, program, args, &b) : PR_OK;
	if (!err)
		err = pr_anonymizer_string(opt->anonymizer, PR_ITEM_ARGS, opt->redact ? (struct pr_slice){b.data, b.len} : args, out);
	pr_buf_release(&b);
	return err;
}

/* argv[0] is an argument, too: programs write into it. */
static int put_string(void *ctx, unsigned which, struct pr_slice in, struct pr_buf *out)
{
	const struct pr_extract_options *opt = ((struct extract *)ctx)->opt;

	if (which == PR_ITEM_ARGV0)
		return put_args(ctx, (struct pr_slice){NULL, 0}, in, out);
	if (opt->anonymizer)
		return pr_anonymizer_string(opt->anonymizer, which, in, out);
	pr_buf_append(out, in.p, in.n);
	return PR_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* The same trace, options and key give the same file. */
static void set_header(struct extract *x, struct pr_seg_options *opt)
{
	const struct pr_seg_header *h = pr_seg_reader_header(pr_trace_segment(x->trace));
	const uint8_t what[] = {x->opt->redact != NULL, x->opt->anonymizer != NULL, x->opt->has_pid};
	uint8_t id[crypto_generichash_BYTES];
	struct pr_buf b = PR_BUF_INIT;

	pr_buf_append(&b, h->link, sizeof(h->link));
	pr_buf_append(&b, what, sizeof(what));
	pr_buf_u64(&b, x->opt->pid);
	pr_buf_str(&b, x->opt->at ? x->opt->at : "");
	if (x->opt->key) /* other marks make another file */
		pr_redact_tag(x->opt->key, "", (struct pr_slice){h->link, sizeof(h->link)}, &b);
	crypto_generichash(id, sizeof(id), b.data, b.len, NULL, 0);
	pr_buf_release(&b);
	*opt = (struct pr_seg_options){.header.kind = PR_SEG_DERIVED, .rearrange = h->incompat & PR_SEG_INCOMPAT_REARRANGED};
	memcpy(opt->header.uuid, id, PR_SEG_UUID);
	memcpy(opt->header.recording, id, PR_SEG_UUID);
	if (!x->opt->anonymizer) {
		memcpy(opt->header.boot_id, h->boot_id, PR_SEG_UUID);
		opt->header.created_realtime = h->created_realtime;
		opt->header.created_boottime = h->created_boottime;
	}
}

static int write_all(struct extract *x, int fd, struct pr_errinfo *ei)
{
	const struct pr_rewrite_ops ops = {.args = put_args, .string = put_string, .emit = emit, .ctx = x};
	struct pr_seg_options opt;
	int err;

	set_header(x, &opt);
	pr_rewrite_init(&x->rewrite, &ops);
	err = pr_seg_writer_new(&x->w, fd, &opt, ei);
	if (!err)
		err = label(x, ei);
	if (!err)
		err = copy(x, ei);
	if (!err)
		err = pr_seg_writer_seal(x->w, ei);
	x->out->blanked = x->rewrite.blanked;
	x->out->cut = x->rewrite.cut;
	return err;
}

int pr_extract(const struct pr_extract_options *opt, int fd, struct pr_extracted *out, struct pr_errinfo *ei)
{
	struct extract x = {.opt = opt, .out = out};
	const struct pr_seg_header *of;
	struct pr_seg_header room;
	struct pr_trace_state st;
	int err = pr_boot_choose(opt->trace, opt->boot, &room, &of, ei);

	*out = (struct pr_extracted){0};
	if (!err && opt->has_pid)
		err = pr_select(opt, &x.ids, out, ei);
	if (!err)
		err = pr_trace_open_boot(&x.trace, opt->trace, of, ei);
	if (!err) {
		pr_seg_reader_set_meter(pr_trace_segment(x.trace), opt->meter);
		err = look(&x, ei);
	}
	if (!err)
		err = write_all(&x, fd, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "%s: out of memory", opt->trace);
	if (!err) {
		pr_notes_boot(x.trace, opt->trace, PR_NOTES_BOOT);
		pr_trace_get_state(x.trace, &st);
		if (st.gaps) /* each damaged place is one of them */
			err = pr_fail(ei, PR_EDATA, "%s: frames are missing or damaged at %llu place%s; the new trace says so at the same places",
				opt->trace, (unsigned long long)st.gaps, st.gaps == 1 ? "" : "s");
	}
	pr_seg_writer_free(x.w);
	pr_trace_close(x.trace);
	pr_rewrite_release(&x.rewrite);
	pr_map_release(&x.ids);
	pr_map_release(&x.data);
	pr_map_release(&x.next);
	pr_buf_release(&x.gaps);
	pr_buf_release(&x.scratch);
	return err;
}

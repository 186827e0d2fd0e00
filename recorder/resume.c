/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/resume.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "schema/build.h"
#include "schema/index.h"
#include "schema/trace.h"

static uint64_t place(uint16_t cpu, uint8_t stream)
{
	return (uint64_t)cpu << 8 | stream;
}

static int on_block(void *ctx, const struct pr_block *b)
{
	struct pr_seg_end *end = &((struct pr_resume *)ctx)->end;

	end->blocks++;
	end->frames += b->desc.frames;
	end->envelopes += b->desc.envelopes;
	end->raw_bytes += b->desc.raw_size;
	end->file_bytes = b->offset + PR_SEG_BLOCK_SIZE + b->desc.comp_size;
	if (b->desc.ktime_min < end->ktime_min)
		end->ktime_min = b->desc.ktime_min;
	if (b->desc.ktime_max > end->ktime_max)
		end->ktime_max = b->desc.ktime_max;
	memcpy(end->link, b->desc.link, PR_SEG_LINK);
	return PR_OK;
}

static void take_loss(struct pr_resume *r, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	uint32_t reason, stream;
	uint64_t count;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	reason = pr_cursor_u32(&c);
	stream = pr_cursor_u32(&c);
	count = pr_cursor_u64(&c);
	if (reason == PR_LOSS_RECURSION && stream < PR_STREAM_COUNT)
		r->missed[stream] += count;
	else if (reason == PR_LOSS_MAP_FULL)
		r->map_full += count;
}

static void take_keyframe(struct pr_resume *r, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	if (pr_cursor_u32(&c) == 1)
		r->has_keyframe = true;
}

static void take_text(const struct pr_item_view *it, char *out, size_t size)
{
	size_t n = it->len < size - 1 ? it->len : size - 1;

	memcpy(out, it->p, n);
	out[n] = 0;
}

static void take_recorder(struct pr_resume *r, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_item_view it;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	while (!r->has_recorder && pr_item_next(&c, &it)) {
		if (it.type == PR_ITEM_REDACT_RULES)
			take_text(&it, r->redacted.rules, sizeof(r->redacted.rules));
		else if (it.type == PR_ITEM_REDACT_KEY)
			take_text(&it, r->redacted.key_id, sizeof(r->redacted.key_id));
	}
	r->has_recorder = true;
}

static int take(struct pr_resume *r, const struct pr_frame *f, struct pr_errinfo *ei)
{
	struct pr_map_slot *s;

	if (f->stream == PR_STREAM_USER) {
		r->user_next = f->env_seq + 1;
		if (f->op == PR_OP_LOSS)
			take_loss(r, f);
		else if (f->op == PR_OP_KEYFRAME)
			take_keyframe(r, f);
		else if (f->op == PR_OP_RECORDER)
			take_recorder(r, f);
		return PR_OK;
	}
	s = pr_map_put(&r->next, place(f->cpu, f->stream), 0, NULL);
	if (!s)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->v.u = f->env_seq + 1;
	r->got[f->stream % PR_STREAM_COUNT]++;
	return PR_OK;
}

static int read_all(struct pr_resume *r, struct pr_trace *t, const char *path, struct pr_errinfo *ei)
{
	const struct pr_trace_events events = {.on_block = on_block, .ctx = r};
	struct pr_trace_state state;
	struct pr_frame f;
	int err;

	r->end.header = *pr_seg_reader_header(pr_trace_segment(t));
	r->end.file_bytes = PR_SEG_HEADER_SIZE;
	r->end.ktime_min = UINT64_MAX;
	memcpy(r->end.link, r->end.header.link, PR_SEG_LINK);
	pr_trace_set_events(t, &events);
	while (!(err = pr_trace_next(t, &f, ei)))
		if ((err = take(r, &f, ei)))
			return err;
	if (err != PR_END)
		return err;
	pr_trace_get_state(t, &state);
	if (state.sealed)
		return pr_fail(ei, PR_EBUSY, "%s was closed properly: there is nothing to go on with; choose another name", path);
	if (state.damages)
		return pr_fail(ei, PR_EBUSY, "%s is damaged and cannot be gone on with; end it with 'procrec stop'", path);
	return PR_OK;
}

int pr_resume_scan(struct pr_resume *out, const char *path, struct pr_errinfo *ei)
{
	struct pr_trace *t;
	int err;

	memset(out, 0, sizeof(*out));
	err = pr_trace_open(&t, path, ei);
	if (err)
		return err;
	err = read_all(out, t, path, ei);
	pr_trace_close(t);
	if (err)
		pr_resume_release(out);
	return err;
}

int pr_resume_index(int fd, const char *index_path, struct pr_errinfo *ei)
{
	struct pr_trace *t;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = pr_trace_open(&t, path, ei);
	if (err)
		return err;
	err = pr_index_rebuild(index_path, t, NULL, ei);
	pr_trace_close(t);
	return err;
}

void pr_resume_release(struct pr_resume *r)
{
	pr_map_release(&r->next);
}

bool pr_resume_has(const struct pr_resume *r, const uint8_t *envelope)
{
	const struct pr_map_slot *s =
		pr_map_get(&r->next, place(pr_get_u16(envelope), envelope[offsetof(struct pr_envelope, stream)]), 0);

	return s && pr_get_u64(envelope + offsetof(struct pr_envelope, seq)) < s->v.u;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/redactor.h"

#include <stdlib.h>
#include <string.h>

#include "recorder/resume.h"
#include "redact/redact.h"
#include "redact/rewrite.h"

struct pr_redactor {
	struct pr_redact *redact; /* borrowed */
	const struct pr_resume *known; /* borrowed; may be NULL */
	struct pr_rewrite rewrite;
	struct pr_buf *out; /* of the call in hand */
	uint64_t ticks[2]; /* frames taken at the last tick, and at the one before */
};

static void put_envelope(struct pr_buf *b, const struct pr_envelope *env)
{
	pr_buf_u16(b, env->cpu);
	pr_buf_u8(b, env->stream);
	pr_buf_u8(b, env->flags);
	pr_buf_u32(b, env->size);
	pr_buf_u64(b, env->seq);
}

static int emit(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct pr_redactor *d = ctx;
	struct pr_buf *b = d->out;
	size_t at = b->len;

	put_envelope(b, env);
	if (!pr_buf_failed(b) && d->known && pr_resume_has(d->known, b->data + at)) {
		b->len = at;
		return PR_OK;
	}
	pr_buf_append(b, frame, env->size);
	return pr_buf_failed(b) ? pr_fail(ei, PR_ENOMEM, "out of memory") : PR_OK;
}

static int put_args(void *ctx, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	return pr_redact_args(((struct pr_redactor *)ctx)->redact, program, args, out);
}

static int put_string(void *ctx, unsigned which, struct pr_slice in, struct pr_buf *out)
{
	if (which == PR_ITEM_ARGV0) /* programs write into it */
		return put_args(ctx, (struct pr_slice){NULL, 0}, in, out);
	pr_buf_append(out, in.p, in.n);
	return PR_OK;
}

int pr_redactor_new(struct pr_redactor **out, struct pr_redact *redact, const struct pr_resume *known, struct pr_errinfo *ei)
{
	struct pr_redactor *d = calloc(1, sizeof(*d));

	if (!d)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	d->redact = redact;
	d->known = known;
	pr_rewrite_init(&d->rewrite, &(struct pr_rewrite_ops){.args = put_args, .string = put_string, .emit = emit, .ctx = d});
	*out = d;
	return PR_OK;
}

void pr_redactor_free(struct pr_redactor *d)
{
	if (d)
		pr_rewrite_release(&d->rewrite);
	free(d);
}

int pr_redactor_put(struct pr_redactor *d, const void *bytes, size_t n, struct pr_buf *out, struct pr_errinfo *ei)
{
	const uint8_t *p = bytes;
	int err = PR_OK;

	d->out = out;
	for (size_t at = 0; !err && n - at >= PR_ENVELOPE_SIZE;) {
		struct pr_envelope env = {
			.cpu = pr_get_u16(p + at),
			.stream = p[at + offsetof(struct pr_envelope, stream)],
			.flags = p[at + offsetof(struct pr_envelope, flags)],
			.size = pr_get_u32(p + at + offsetof(struct pr_envelope, size)),
			.seq = pr_get_u64(p + at + offsetof(struct pr_envelope, seq)),
		};

		at += PR_ENVELOPE_SIZE;
		if (env.size > n - at)
			return pr_fail(ei, PR_EFORMAT, "a frame is larger than the record that it came in");
		err = pr_rewrite_frame(&d->rewrite, &env, p + at, env.size, ei);
		at += env.size;
	}
	return err;
}

int pr_redactor_tick(struct pr_redactor *d, struct pr_buf *out, struct pr_errinfo *ei)
{
	int err;

	d->out = out;
	err = pr_rewrite_until(&d->rewrite, d->ticks[1], ei);
	d->ticks[1] = d->ticks[0];
	d->ticks[0] = d->rewrite.taken;
	return err;
}

int pr_redactor_flush(struct pr_redactor *d, struct pr_buf *out, struct pr_errinfo *ei)
{
	d->out = out;
	return pr_rewrite_end(&d->rewrite, ei);
}

bool pr_redactor_holds(const struct pr_redactor *d)
{
	return d->rewrite.head;
}

void pr_redactor_get_state(const struct pr_redactor *d, struct pr_redactor_state *out)
{
	out->secrets = pr_redact_count(d->redact);
	out->cut = d->rewrite.cut;
	out->blanked = d->rewrite.blanked;
}

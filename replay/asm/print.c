/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.c: envelopes and frames in, canonical text out. Each frame is printed field by field, and that text is assembled
 * again: where it does not give the same bytes, the frame is printed with less structure.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "replay/asm/parse.h"
#include "replay/asm/tail.h"
#include "replay/asm/value.h"

#define LINES 10 /* numbers of pr_asm_field.line */

void pr_disasm_init(struct pr_disasm *d)
{
	*d = (struct pr_disasm){{PR_MAP_INIT}, PR_BUF_INIT};
}

void pr_disasm_release(struct pr_disasm *d)
{
	pr_asm_seq_release(&d->seq);
	pr_buf_release(&d->line);
}

static void print_envelope(
	struct pr_buf *out, const struct pr_asm_op *op, const struct pr_asm_seq *seq, const struct pr_envelope *env)
{
	uint8_t flags = op->fixed ? 0 : PR_ENV_RAW;
	const char *stream = pr_asm_name_of(pr_asm_streams, env->stream);

	if (env->flags & PR_ENV_META) {
		pr_buf_str(out, "meta ");
		flags |= PR_ENV_META;
	}
	pr_buf_str(out, op->name);
	if (env->cpu != PR_CPU_NONE)
		pr_buf_printf(out, " cpu=%u", env->cpu);
	if (env->stream != pr_asm_default_stream(op, env->cpu) && stream)
		pr_buf_printf(out, " stream=%s", stream);
	else if (env->stream != pr_asm_default_stream(op, env->cpu))
		pr_buf_printf(out, " stream=%u", env->stream);
	if (env->seq != pr_asm_seq_next(seq, env))
		pr_buf_printf(out, " seq=%" PRIu64, env->seq);
	if (env->flags != flags) {
		pr_buf_str(out, " env=");
		pr_asm_flags_print(out, pr_asm_env_flags, env->flags);
	}
}

static void print_fields(struct pr_buf *out, const struct pr_asm_field *table, unsigned line, bool *started,
	const uint8_t *frame, size_t len)
{
	for (const struct pr_asm_field *f = table; f->kind != PR_AK_END; f++) {
		if (f->line != line || (f->dflt != PR_AD_ALWAYS && pr_asm_is_default(f, frame, len)))
			continue;
		pr_buf_str(out, *started ? " " : "\n\t");
		*started = true;
		pr_buf_printf(out, "%s=", f->name);
		pr_asm_value_print(out, f, frame);
	}
}

static void print_frame(struct pr_buf *out, const struct pr_asm_op *op, const struct pr_asm_seq *seq,
	const struct pr_envelope *env, const uint8_t *frame)
{
	bool started = true;

	print_envelope(out, op, seq, env);
	if (op->fixed) {
		print_fields(out, op->fields, 0, &started, frame, env->size);
		print_fields(out, pr_asm_common, 0, &started, frame, env->size);
	}
	pr_asm_tail_print(out, op, frame, env->size);
	for (unsigned line = 1; op->fixed && line < LINES; line++) {
		started = false;
		print_fields(out, op->fields, line, &started, frame, env->size);
		print_fields(out, pr_asm_common, line, &started, frame, env->size);
	}
	pr_buf_u8(out, '\n');
}

struct same {
	const struct pr_envelope *env;
	const uint8_t *frame;
	bool ok;
};

/* Ends the parsing at the first frame, before the sequence numbers move on. */
static int compare(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct same *s = ctx;

	(void)ei;
	s->ok = !memcmp(env, s->env, sizeof(*env)) && (!env->size || !memcmp(frame, s->frame, env->size));
	return PR_END;
}

/* PR_OK: d->line gives the frame; PR_END: it does not; PR_ENOMEM. */
static int try(struct pr_disasm *d, const struct pr_asm_op *op, const struct pr_envelope *env, const uint8_t *frame)
{
	struct same s = {env, frame, false};
	int err;

	if (env->size < op->fixed)
		return PR_END;
	pr_buf_clear(&d->line);
	print_frame(&d->line, op, &d->seq, env, frame);
	if (d->line.failed)
		return PR_ENOMEM;
	err = pr_asm_parse("", d->line.data, d->line.len, &d->seq, compare, &s, NULL);
	if (err == PR_ENOMEM)
		return err;
	return s.ok ? PR_OK : PR_END;
}

int pr_disasm_frame(struct pr_disasm *d, const struct pr_envelope *env, const uint8_t *frame, struct pr_buf *out)
{
	const struct pr_asm_op *op = NULL;
	int err = PR_END;

	if (!(env->flags & PR_ENV_RAW) && env->size >= PR_COMMON_SIZE)
		op = pr_asm_op_by_number(frame[0]);
	if (op)
		err = try(d, op, env, frame);
	if (err == PR_END && !(env->flags & PR_ENV_RAW))
		err = try(d, &pr_asm_generic, env, frame);
	if (err == PR_END)
		err = try(d, &pr_asm_raw, env, frame);
	if (err)
		return PR_ENOMEM; /* raw text gives every frame back */
	pr_buf_append(out, d->line.data, d->line.len);
	return out->failed || pr_asm_seq_advance(&d->seq, env) ? PR_ENOMEM : PR_OK;
}

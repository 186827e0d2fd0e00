/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.c: text in, envelopes and frames out. A statement begins in column 1 and goes on until the next that does; so lines
 * that begin with a blank continue it. Its first word names the op, the others are NAME=VALUE.
 */
#include "replay/asm/parse.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "replay/asm/tail.h"
#include "replay/asm/value.h"

struct parser {
	struct pr_lex lex;
	struct pr_asm_seq *seq; /* borrowed */
	pr_asm_sink *sink;
	void *ctx;
	/* of the statement */
	struct pr_lex_place at;
	const struct pr_asm_op *op;
	struct pr_envelope env;
	uint64_t length;
	bool meta, has_cpu, has_stream, has_seq, has_env, has_length;
	bool given[PR_ASM_FIELDS_MAX], common_given[PR_ASM_FIELDS_MAX];
	struct pr_buf frame;
	struct pr_asm_tail_parts tail;
};

uint8_t pr_asm_default_stream(const struct pr_asm_op *op, uint16_t cpu)
{
	return cpu == PR_CPU_NONE ? PR_STREAM_USER : op->stream;
}

static int number(struct parser *p, const char *name, uint64_t max, const struct pr_asm_name *names, const char *want,
	uint64_t *out)
{
	struct pr_lex_place at = pr_lex_here(&p->lex);
	char word[PR_LEX_WORD_MAX];
	int err = pr_lex_word(&p->lex, word);

	if (err)
		return err;
	if (names && pr_asm_value_of(names, word, out))
		return PR_OK;
	if (pr_parse_u64(word, true, out) && *out <= max)
		return PR_OK;
	return pr_lex_fail(&p->lex, at, "%s: '%.60s' is not %s", name, word, want);
}

/* ---- fields of the envelope ------------------------------------------------------------------------------------- */

static int parse_cpu(struct parser *p)
{
	static const struct pr_asm_name none[] = {{"none", PR_CPU_NONE}, {NULL, 0}};
	uint64_t v = 0;
	int err = number(p, "cpu", UINT16_MAX, none, "a CPU's number, or none", &v);

	p->env.cpu = (uint16_t)v;
	return err;
}

static int parse_stream(struct parser *p)
{
	uint64_t v = 0;
	int err = number(p, "stream", UINT8_MAX, pr_asm_streams, "user, exec, clone, exit, data, fail or a number to 255", &v);

	p->env.stream = (uint8_t)v;
	return err;
}

static int parse_seq(struct parser *p)
{
	uint64_t v = 0;
	int err = number(p, "seq", UINT64_MAX, NULL, "a sequence number", &v);

	p->env.seq = v;
	return err;
}

static int parse_env(struct parser *p)
{
	static const struct pr_asm_field field = {"env", PR_AK_FLAGS, 0, 0, 1, 0, PR_AD_CONST, 0, pr_asm_env_flags};

	return pr_asm_value_parse(&p->lex, &field, &p->env.flags);
}

static int parse_length(struct parser *p)
{
	return number(p, "length", PR_ASM_FRAME_MAX, NULL, "a number of bytes that a frame can have", &p->length);
}

/* PR_END: the name is none of the envelope's. */
static int parse_envelope(struct parser *p, const char *name, struct pr_lex_place at)
{
	const struct {
		const char *name;
		bool *has;
		int (*parse)(struct parser *p);
	} fields[] = {
		{"cpu", &p->has_cpu, parse_cpu},
		{"stream", &p->has_stream, parse_stream},
		{"seq", &p->has_seq, parse_seq},
		{"env", &p->has_env, parse_env},
		{"length", &p->has_length, parse_length},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].name, name))
			continue;
		if (*fields[i].has)
			return pr_lex_fail(&p->lex, at, "%s= is given twice; a frame has it once", name);
		*fields[i].has = true;
		return fields[i].parse(p);
	}
	return PR_END;
}

/* ---- fields of the frame ---------------------------------------------------------------------------------------- */

static int parse_fixed(struct parser *p, const struct pr_asm_field *table, bool *given, const char *name,
	struct pr_lex_place at)
{
	const struct pr_asm_field *f = pr_asm_field_by_name(table, name);

	if (!f)
		return PR_END;
	if (given[f - table])
		return pr_lex_fail(&p->lex, at, "%s= is given twice; a frame has it once", name);
	given[f - table] = true;
	return pr_asm_value_parse(&p->lex, f, p->frame.data);
}

static int unknown_field(struct parser *p, const char *name, struct pr_lex_place at)
{
	const char *near = pr_asm_near_field(p->op, name);

	if (near)
		return pr_lex_fail(&p->lex, at, "%s has no field '%.60s'; did you mean '%s'?", p->op->name, name, near);
	return pr_lex_fail(&p->lex, at, "%s has no field '%.60s'; procrec-frames(5) lists them", p->op->name, name);
}

static int parse_field(struct parser *p)
{
	struct pr_lex_place at = pr_lex_here(&p->lex);
	char name[PR_LEX_WORD_MAX];
	int err = pr_lex_name(&p->lex, name);

	if (err)
		return err;
	if (!*name || !pr_lex_accept(&p->lex, '='))
		return pr_lex_fail(&p->lex, at, "NAME=VALUE is expected here%s", *name ? "; is '=' missing, or a quote?" : "");
	err = parse_envelope(p, name, at);
	if (err == PR_END && p->op->fixed)
		err = parse_fixed(p, p->op->fields, p->given, name, at);
	if (err == PR_END && p->op->fixed)
		err = parse_fixed(p, pr_asm_common, p->common_given, name, at);
	if (err == PR_END)
		err = pr_asm_tail_parse(&p->lex, p->op, name, at, &p->tail);
	return err == PR_END ? unknown_field(p, name, at) : err;
}

/* ---- statements ------------------------------------------------------------------------------------------------- */

static int begin(struct parser *p)
{
	char word[PR_LEX_WORD_MAX];
	int err;

	p->at = pr_lex_here(&p->lex);
	if (p->at.column != 1)
		return pr_lex_fail(&p->lex, p->at, "a frame begins in column 1; lines that begin with a blank continue one");
	err = pr_lex_name(&p->lex, word);
	p->meta = !err && !strcmp(word, "meta");
	if (p->meta)
		err = pr_lex_more(&p->lex) ? pr_lex_name(&p->lex, word) : pr_lex_fail(&p->lex, p->at, "an op is expected behind meta");
	if (err)
		return err;
	if (!*word)
		return pr_lex_fail(&p->lex, pr_lex_here(&p->lex),
			"a kind of frame is expected here, such as execve; is this the text of frames?");
	p->op = pr_asm_op_by_name(word);
	if (!p->op) {
		const char *near = pr_asm_near_op(word);

		return pr_lex_fail(&p->lex, p->at, near ? "'%.60s' is not a kind of frame; did you mean '%s'?" :
							   "'%.60s' is not a kind of frame; procrec-frames(5) lists them",
			word, near);
	}
	p->has_cpu = p->has_stream = p->has_seq = p->has_env = p->has_length = false;
	memset(p->given, 0, sizeof(p->given));
	memset(p->common_given, 0, sizeof(p->common_given));
	p->env = (struct pr_envelope){0};
	pr_asm_parts_clear(&p->tail);
	pr_buf_clear(&p->frame);
	if (p->op->fixed) {
		uint8_t *frame = pr_buf_grow(&p->frame, p->op->fixed);

		if (!frame)
			return pr_fail(p->lex.ei, PR_ENOMEM, "out of memory");
		memset(frame, 0, p->op->fixed);
		frame[0] = p->op->op;
	}
	return PR_OK;
}

static void set_defaults(struct parser *p, const struct pr_asm_field *table, const bool *given, size_t len)
{
	for (const struct pr_asm_field *f = table; f->kind != PR_AK_END; f++)
		if (!given[f - table] && f->dflt != PR_AD_ALWAYS)
			pr_asm_set_default(f, p->frame.data, len);
}

static void set_envelope(struct parser *p)
{
	if (!p->has_cpu)
		p->env.cpu = PR_CPU_NONE;
	if (!p->has_stream)
		p->env.stream = pr_asm_default_stream(p->op, p->env.cpu);
	if (!p->has_env)
		p->env.flags = p->op->fixed ? 0 : PR_ENV_RAW;
	if (p->meta)
		p->env.flags |= PR_ENV_META;
	if (!p->has_seq)
		p->env.seq = pr_asm_seq_next(p->seq, &p->env);
	p->env.size = (uint32_t)p->frame.len;
}

static int finish(struct parser *p)
{
	size_t len;
	int err = pr_asm_tail_finish(&p->lex, p->at, &p->tail);

	if (err)
		return err;
	len = p->op->fixed + p->tail.bytes.len;
	if (len > PR_ASM_FRAME_MAX)
		return pr_lex_fail(&p->lex, p->at, "this frame has %zu bytes; %u is the most", len, PR_ASM_FRAME_MAX);
	if (p->op->fixed) {
		set_defaults(p, p->op->fields, p->given, len);
		set_defaults(p, pr_asm_common, p->common_given, len);
	}
	pr_buf_append(&p->frame, p->tail.bytes.data, p->tail.bytes.len);
	if (p->has_length && p->length > len) {
		uint8_t *more = pr_buf_grow(&p->frame, p->length - len);

		if (more)
			memset(more, 0, p->length - len);
	} else if (p->has_length) {
		p->frame.len = p->length;
	}
	if (p->frame.failed)
		return pr_fail(p->lex.ei, PR_ENOMEM, "out of memory");
	set_envelope(p);
	err = p->sink(p->ctx, &p->env, p->frame.data, p->lex.ei);
	if (!err && pr_asm_seq_advance(p->seq, &p->env))
		err = pr_fail(p->lex.ei, PR_ENOMEM, "out of memory");
	return err;
}

static int statement(struct parser *p)
{
	int err = begin(p);

	while (!err && pr_lex_more(&p->lex))
		err = parse_field(p);
	return err ? err : finish(p);
}

int pr_asm_parse(const char *name, const void *text, size_t n, struct pr_asm_seq *seq, pr_asm_sink *sink, void *ctx,
	struct pr_errinfo *ei)
{
	struct parser p = {.lex = pr_lex_make(name, text, n, PR_ASM_FRAME_MAX, ei), .seq = seq, .sink = sink, .ctx = ctx};
	int err = PR_OK;

	while (!err && pr_lex_statement(&p.lex))
		err = statement(&p);
	pr_buf_release(&p.frame);
	pr_asm_parts_release(&p.tail);
	return err;
}

int pr_asm_text(const char *name, const void *text, size_t n, pr_asm_sink *sink, void *ctx, struct pr_errinfo *ei)
{
	struct pr_asm_seq seq = {PR_MAP_INIT};
	int err = pr_asm_parse(name, text, n, &seq, sink, ctx, ei);

	pr_asm_seq_release(&seq);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_disasm.c: a trace -> its frames as text. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "replay/asm/asm.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/output.h"
#include "schema/trace.h"

struct disasm {
	struct pr_trace *trace;
	const char *path;
	const uint8_t *raw; /* of the block that is being read */
	struct pr_disasm text;
	struct pr_out out;
	bool number;
	struct pr_term *term;
};

static int on_block(void *ctx, const struct pr_block *b)
{
	struct disasm *d = ctx;

	d->raw = b->raw;
	return PR_OK;
}

static int on_damage(void *ctx, const struct pr_seg_damage *damage)
{
	struct disasm *d = ctx;

	pr_notes_damage(d->path, damage);
	return PR_OK;
}

static int print(struct disasm *d, const struct pr_frame *f, struct pr_errinfo *ei)
{
	/* The flags as they are written: the reader adds PR_ENV_RAW to frames that contradict their envelope. */
	struct pr_envelope env = {.cpu = f->cpu,
		.stream = f->stream,
		.flags = d->raw[f->raw_off + __builtin_offsetof(struct pr_envelope, flags)],
		.size = f->size,
		.seq = f->env_seq};

	if (d->number && !(env.flags & (PR_ENV_META | PR_ENV_CONT)))
		pr_buf_printf(&d->out.buf, "# %" PRIu64 "\n", f->seq);
	if (pr_disasm_frame(&d->text, &env, f->data, &d->out.buf))
		return pr_fail(ei, PR_ENOMEM, "disasm: out of memory");
	return PR_OK;
}

static int print_all(struct disasm *d, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err;

	while (!(err = pr_trace_next(d->trace, &f, ei))) {
		err = print(d, &f, ei);
		if (err || !pr_out_check(&d->out))
			return err; /* pr_out_close says why writing failed */
	}
	return err == PR_END ? PR_OK : err;
}

static int disasm_to(int fd, struct disasm *d, struct pr_errinfo *ei)
{
	const struct pr_trace_events events = {.on_block = on_block, .on_damage = on_damage, .ctx = d};
	int err, err_out;

	pr_trace_set_events(d->trace, &events);
	pr_seg_reader_set_meter(pr_trace_segment(d->trace), pr_term_meter_unseen(d->term, fd == STDOUT_FILENO, "disassembling", d->path));
	pr_disasm_init(&d->text);
	if (fd == STDOUT_FILENO)
		pr_term_out(d->term, &d->out);
	else
		pr_out_init(&d->out, fd);
	err = print_all(d, ei);
	err_out = pr_out_close(&d->out, err ? NULL : ei);
	if (!err)
		err = err_out ? err_out : pr_notes_end(d->trace, d->path, ei);
	pr_disasm_release(&d->text);
	return err;
}

/* output: NULL or "-" for standard output. */
static int disasm(struct disasm *d, const char *output, bool force, struct pr_errinfo *ei)
{
	bool is_file = !pr_output_is_stdout(output);
	struct pr_output out = PR_OUTPUT_NONE;
	int err, err_out;

	err = pr_trace_open(&d->trace, d->path, ei);
	if (err)
		return err;
	if (is_file)
		err = pr_output_create(&out, "disasm", d->path, output, force, ei);
	if (!err)
		err = disasm_to(is_file ? out.fd : STDOUT_FILENO, d, ei);
	err_out = pr_output_end(&out, !err || err == PR_EDATA, err ? NULL : ei);
	pr_trace_close(d->trace);
	return err ? err : err_out;
}

int pr_cmd_disasm(struct pr_term *term, int argc, char **argv)
{
	struct disasm d = {.term = term};
	const char *output = NULL;
	bool force = false;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &output, "FILE", "where to write the text (standard output)", NULL},
		{'n', "number", PR_OPT_FLAG, &d.number, NULL, "a comment with its number before each frame", NULL},
		{'f', "force", PR_OPT_FLAG, &force, NULL, "replace an existing FILE", NULL},
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"disasm", "TRACE [-o FILE] [--number]",
		"Prints the frames of a trace as text, one after the other: see procrec-frames(5). 'asm' makes of it the same\n"
		"frames again, byte for byte.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err) {
		d.path = argv[0];
		err = disasm(&d, output, force, &ei);
	}
	return pr_report(err, &ei);
}

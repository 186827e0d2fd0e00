/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_unpack.c: a trace -> its raw frames, byte for byte what was packed or recorded. */
#include <unistd.h>

#include "base/out.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/output.h"
#include "schema/trace.h"

static int copy_frames(struct pr_trace *t, struct pr_out *out, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err;

	while (!(err = pr_trace_next(t, &f, ei))) {
		if (f.env_flags & PR_ENV_META)
			continue;
		pr_buf_append(&out->buf, f.data, f.size);
		if (!pr_out_check(out))
			return PR_OK; /* pr_out_close says why */
	}
	return err == PR_END ? PR_OK : err;
}

static int unpack_to(int fd, struct pr_trace *t, const char *path, const struct pr_meter *meter, struct pr_errinfo *ei)
{
	struct pr_out out;
	int err, err_out;

	pr_notes_attach(t);
	pr_seg_reader_set_meter(pr_trace_segment(t), meter);
	pr_out_init(&out, fd);
	err = copy_frames(t, &out, ei);
	err_out = pr_out_close(&out, err ? NULL : ei);
	if (!err)
		err = err_out ? err_out : pr_notes_end(t, path, ei);
	return err;
}

/* output: NULL for standard output. */
static int unpack(const char *path, const char *output, bool force, const struct pr_meter *meter, struct pr_errinfo *ei)
{
	struct pr_output out = PR_OUTPUT_NONE;
	struct pr_trace *t;
	int err, err_out;

	err = pr_trace_open(&t, path, ei);
	if (err)
		return err;
	if (output)
		err = pr_output_create(&out, "unpack", path, output, force, ei);
	if (!err)
		err = unpack_to(output ? out.fd : STDOUT_FILENO, t, path, meter, ei);
	err_out = pr_output_end(&out, !err || err == PR_EDATA, err ? NULL : ei);
	pr_trace_close(t);
	return err ? err : err_out;
}

int pr_cmd_unpack(struct pr_term *term, int argc, char **argv)
{
	const char *output = NULL;
	bool force = false;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &output, "FRAMES", "where to write the frames (standard output)", NULL},
		{'f', "force", PR_OPT_FLAG, &force, NULL, "replace an existing FRAMES", NULL},
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"unpack", "TRACE [-o FRAMES]",
		"Gives the raw frames of a trace: a plain concatenation, without envelopes.", options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err && pr_output_is_stdout(output))
		output = NULL;
	if (!err && !output && isatty(STDOUT_FILENO))
		err = pr_fail(&ei, PR_EUSAGE, "unpack: frames are binary and would garble the terminal; give -o FRAMES or a pipe");
	if (!err)
		err = unpack(argv[0], output, force, pr_term_meter(term, "unpacking", argv[0]), &ei);
	return pr_report(err, &ei);
}

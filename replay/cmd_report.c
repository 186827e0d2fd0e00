/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_report.c: `procrec report TRACE -o report.html`: a trace to look at. */
#include <stdlib.h>
#include <unistd.h>

#include "replay/boot_option.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/output.h"
#include "replay/redaction.h"
#include "replay/report/report.h"

struct report_args {
	struct pr_replay_args replay;
	struct pr_walk_selection sel;
	const char *output;
	struct pr_redaction redaction;
	bool force;
};

static int parse(struct report_args *a, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->replay.term;
	struct pr_selection *s = &a->replay.sel;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->output, "FILE", "the page; - is standard output (TRACE.html)", NULL},
		{0, "force", PR_OPT_FLAG, &a->force, NULL, "replace FILE if it is there", NULL},
		{0, "since", PR_OPT_STR, &s->since, "TIME", "only processes that lived at TIME or later", NULL},
		{0, "until", PR_OPT_STR, &s->until, "TIME", "only processes that lived at TIME or earlier", NULL},
		PR_BOOT_OPTION(&a->replay.boot),
		{0, "tree", PR_OPT_PID, &a->sel.tree, "PID", "only the process with this pid and what descends from it", &a->sel.has_tree},
		PR_REDACTION_OPTIONS(&a->redaction, "page"),
		PR_TERM_ZONE_TYPED(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"report", "TRACE [-o FILE] [SELECTION]",
		"Writes one HTML file that shows the processes of a trace: timeline, tree, search, details. It needs no network.", options,
		1, 1, false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (err)
		return err;
	a->replay.trace = argv[0];
	return pr_redaction_open(&a->redaction, "report", ei);
}

static int write_page(struct pr_report *r, int fd, struct pr_errinfo *ei)
{
	struct pr_out out;
	int err, err_out;

	pr_out_init(&out, fd);
	err = pr_report_emit(r, &out);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	err_out = pr_out_close(&out, err ? NULL : ei);
	return err ? err : err_out;
}

static int read_and_write(struct pr_report *r, struct report_args *a, const char *path, struct pr_errinfo *ei)
{
	bool is_stdout = pr_output_is_stdout(path);
	struct pr_output out = PR_OUTPUT_NONE;
	int err, err_out;

	err = pr_walk_run(&r->walk, ei);
	if (!err && pr_report_settle(r))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err && !is_stdout)
		err = pr_output_create(&out, "report", a->replay.trace, path, a->force, ei);
	if (err)
		return err;
	err = write_page(r, is_stdout ? STDOUT_FILENO : out.fd, ei);
	err_out = pr_output_end(&out, !err, err ? NULL : ei);
	err = err ? err : err_out;
	if (!err && !is_stdout)
		pr_note("%s: %zu process%s; open it in any browser", path, r->n_lives, r->n_lives == 1 ? "" : "es");
	if (!err)
		pr_redaction_note(&a->redaction, a->replay.trace);
	return err ? err : pr_notes_read(r->walk.session.trace, a->replay.trace, r->walk.session.held, ei);
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct pr_report *r = ctx;

	pr_notes_damage(r->path, d);
	return PR_OK;
}

static int run(struct pr_report *r, struct report_args *a, struct pr_errinfo *ei)
{
	struct pr_walk_sink sink = pr_report_sink;
	struct pr_buf path = PR_BUF_INIT;
	int err;

	sink.ctx = r;
	sink.damage = on_damage;
	r->path = a->replay.trace;
	r->ei = ei;
	pr_buf_str(&path, a->output ? a->output : a->replay.trace);
	if (!a->output) {
		while (path.len > 1 && path.data[path.len - 1] == '/') /* a trace may be a directory */
			path.len--;
		pr_buf_str(&path, ".html");
	}
	pr_buf_u8(&path, 0);
	if (pr_buf_failed(&path))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	a->replay.meter = pr_term_meter(a->replay.term, "reading", a->replay.trace);
	r->redact = a->redaction.redact;
	err = pr_walk_open(&r->walk, &a->replay, &a->sel, &sink, ei);
	if (!err) {
		pr_redaction_attach(&a->redaction, &r->walk.session.replayer);
		err = read_and_write(r, a, (const char *)path.data, ei);
		pr_walk_close(&r->walk);
	}
	pr_buf_release(&path);
	return err;
}

int pr_cmd_report(struct pr_term *term, int argc, char **argv)
{
	struct report_args a = {.replay.term = term, .replay.cache = PR_CACHE_SETTINGS_DEFAULT};
	struct pr_report *r = calloc(1, sizeof(*r));
	struct pr_errinfo ei;
	int err = r ? parse(&a, argc, argv, &ei) : pr_fail(&ei, PR_ENOMEM, "out of memory");

	if (!err)
		err = run(r, &a, &ei);
	if (r)
		pr_report_release(r);
	free(r);
	pr_redaction_release(&a.redaction);
	return pr_report(err, &ei);
}

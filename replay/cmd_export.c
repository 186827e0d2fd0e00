/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_export.c: `procrec export TRACE --format FORMAT`: a trace for other tools. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/boot_option.h"
#include "replay/commands.h"
#include "replay/export/export.h"
#include "replay/notes.h"
#include "replay/output.h"
#include "replay/redaction.h"

static const struct pr_export_format *const formats[] = {&pr_export_perfetto, &pr_export_chrome, &pr_export_folded, &pr_export_dot,
	&pr_export_csv, &pr_export_ecs, &pr_export_ocsf};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

struct export_args {
	struct pr_replay_args replay;
	struct pr_walk_selection sel;
	const char *format, *output;
	struct pr_redaction redaction;
	bool force;
};

static int find_format(const char *name, const struct pr_export_format **out, struct pr_errinfo *ei)
{
	const char *names[N_FORMATS + 1] = {NULL}, *near;
	char list[128] = "";

	for (size_t i = 0; i < N_FORMATS; i++) {
		names[i] = formats[i]->name;
		if (name && !strcmp(name, formats[i]->name)) {
			*out = formats[i];
			return PR_OK;
		}
		strncat(list, i ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, formats[i]->name, sizeof(list) - strlen(list) - 1);
	}
	if (!name)
		return pr_fail(ei, PR_EUSAGE, "export: say which format: --format with one of %s", list);
	near = pr_nearest(name, names);
	if (near)
		return pr_fail(ei, PR_EUSAGE, "export: there is no format '%s'; did you mean '%s'?", name, near);
	return pr_fail(ei, PR_EUSAGE, "export: there is no format '%s'; there are %s", name, list);
}


static int parse(struct export_args *a, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->replay.term;
	struct pr_selection *s = &a->replay.sel;
	const struct pr_option options[] = {
		{'f', "format", PR_OPT_STR, &a->format, "perfetto|chrome|folded|dot|csv|ecs|ocsf", "what other tools read; see procrec-export(1)", NULL},
		{'o', "output", PR_OPT_STR, &a->output, "FILE", "write to FILE instead of standard output", NULL},
		{0, "force", PR_OPT_FLAG, &a->force, NULL, "replace FILE if it is there", NULL},
		{0, "since", PR_OPT_STR, &s->since, "TIME", "only what lived or happened at TIME or later", NULL},
		{0, "until", PR_OPT_STR, &s->until, "TIME", "only what lived or happened at TIME or earlier", NULL},
		{0, "until-frame", PR_OPT_U64, &s->until_frame, "N", "only the frames 0 to N - 1", &s->has_until_frame},
		PR_BOOT_OPTION(&a->replay.boot),
		{0, "pid", PR_OPT_PID, &s->pid, "PID", "only the processes with this pid", &s->has_pid},
		{0, "tree", PR_OPT_PID, &a->sel.tree, "PID", "only the process with this pid and what descends from it", &a->sel.has_tree},
		PR_TERM_ZONE_TYPED(term),
		PR_REDACTION_OPTIONS(&a->redaction, "export"),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"export", "TRACE --format FORMAT [-o FILE] [SELECTION]",
		"Writes the processes of a trace in a format of other tools. procrec-export(1) has the fields of each.", options, 1, 1,
		false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (!err && s->has_pid && a->sel.has_tree)
		err = pr_fail(ei, PR_EUSAGE, "export: --pid and --tree are two selections: give one of them");
	if (err)
		return err;
	if (pr_output_is_stdout(a->output))
		a->output = NULL;
	a->replay.trace = argv[0];
	return pr_redaction_open(&a->redaction, "export", ei);
}

static int write_all(struct pr_export *x, const struct pr_export_format *f, struct pr_errinfo *ei)
{
	int err = f->open ? f->open(x) : PR_OK;

	if (!err)
		err = pr_walk_run(&x->walk, ei);
	if (err == PR_END) /* nobody reads on, or the disk is full: pr_out_close knows */
		return PR_OK;
	if (!err && f->close)
		err = f->close(x);
	return err;
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	const struct pr_export *x = ctx;

	pr_notes_damage(x->path, d);
	return PR_OK;
}

static int run(struct pr_export *x, const struct pr_export_format *f, struct export_args *a, struct pr_errinfo *ei)
{
	struct pr_walk_sink sink = f->sink;
	struct pr_output out = PR_OUTPUT_NONE;
	int err, err_out;

	sink.ctx = x;
	sink.damage = on_damage;
	x->path = a->replay.trace;
	a->replay.meter = pr_term_meter_aside(a->replay.term, !a->output, "exporting", a->replay.trace);
	err = pr_walk_open(&x->walk, &a->replay, &a->sel, &sink, ei);
	if (err)
		return err;
	pr_redaction_attach(&a->redaction, &x->walk.session.replayer);
	if (a->output)
		err = pr_output_create(&out, "export", a->replay.trace, a->output, a->force, ei);
	if (!err) {
		if (f->needs_clock && !x->walk.session.timeline.n)
			pr_note("%s has no clock readings: its times are counted from the boot of the machine, as if that had been 1970",
				a->replay.trace);
		pr_out_init(&x->out, a->output ? out.fd : STDOUT_FILENO);
		err = write_all(x, f, ei);
		err_out = pr_out_close(&x->out, err ? NULL : ei);
		err = err ? err : err_out;
		if (!err)
			pr_redaction_note(&a->redaction, a->replay.trace);
		if (!err)
			err = pr_notes_read(x->walk.session.trace, a->replay.trace, x->walk.session.held, ei);
	}
	err_out = pr_output_end(&out, !err || err == PR_EDATA, err ? NULL : ei);
	pr_walk_close(&x->walk);
	return err ? err : err_out;
}

int pr_cmd_export(struct pr_term *term, int argc, char **argv)
{
	struct export_args a = {.replay.term = term, .replay.cache = PR_CACHE_SETTINGS_DEFAULT};
	const struct pr_export_format *f = NULL;
	struct pr_errinfo ei;
	struct pr_export *x = calloc(1, sizeof(*x));
	int err = x ? parse(&a, argc, argv, &ei) : pr_fail(&ei, PR_ENOMEM, "out of memory");

	if (!err)
		err = find_format(a.format, &f, &ei);
	if (!err)
		err = run(x, f, &a, &ei);
	if (x) {
		pr_buf_release(&x->scratch);
		pr_buf_release(&x->text);
		pr_map_release(&x->pids);
	}
	free(x);
	pr_redaction_release(&a.redaction);
	return pr_report(err, &ei);
}

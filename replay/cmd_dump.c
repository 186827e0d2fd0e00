/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_dump.c: `procrec dump TRACE -o NEW`: some time of a recording, which may still go on, as a trace that stands alone. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/out.h"
#include "replay/boot_option.h"
#include "replay/commands.h"
#include "replay/dump/cut.h"
#include "replay/output.h"

struct dump_args {
	struct pr_term *term;
	struct pr_cut_options opt;
	const char *output;
	bool force;
};

static int parse(struct dump_args *a, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->term;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->output, "NEW", "where to write the new trace", NULL},
		{'f', "force", PR_OPT_FLAG, &a->force, NULL, "replace NEW if it is there", NULL},
		PR_BOOT_OPTION(&a->opt.boot),
		{0, "last", PR_OPT_SPAN, &a->opt.last_ns, "SPAN", "the last 10m, 1.5h, ... before its newest frame (or before --until)", &a->opt.has_last},
		{0, "since", PR_OPT_STR, &a->opt.since, "TIME", "from this time on", NULL},
		{0, "until", PR_OPT_STR, &a->opt.until, "TIME", "up to this time", NULL},
		PR_TERM_ZONE(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"dump", "TRACE|DIR -o NEW [--last SPAN | --since TIME] [--until TIME]",
		"Cuts a time out of a recording, which may go on meanwhile: a whole trace, with the state that it begins with.", options, 1, 1, false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (err)
		return err;
	a->opt.trace = argv[0];
	a->opt.zone = &term->zone;
	if (!a->output || !*a->output)
		return pr_fail(ei, PR_EUSAGE, "dump: where to? give -o NEW");
	if (a->opt.has_last && a->opt.since)
		return pr_fail(ei, PR_EUSAGE, "dump: --last says where to begin, and so does --since: give one of them");
	return PR_OK;
}

static void show_time(const struct pr_cut *c, uint64_t ktime, struct pr_buf *b)
{
	pr_buf_clear(b);
	pr_timeline_show(&c->timeline, b, ktime);
	pr_buf_u8(b, 0);
}

static void tell(const struct dump_args *a, const struct pr_cut *c)
{
	struct pr_buf from = PR_BUF_INIT, to = PR_BUF_INIT, since = PR_BUF_INIT;

	show_time(c, c->from, &from);
	show_time(c, c->to, &to);
	show_time(c, c->since, &since);
	if (pr_buf_failed(&from) || pr_buf_failed(&to) || pr_buf_failed(&since))
		return;
	if (c->deleted && c->since)
		pr_note("%s: of the time from %s on, what was recorded before %s is gone: the older segments were deleted", a->opt.trace,
			(const char *)since.data, (const char *)from.data);
	else if (c->deleted)
		pr_note("%s: what was recorded before %s is gone: the older segments were deleted", a->opt.trace, (const char *)from.data);
	if (c->late)
		pr_note("%s: the recording begins at %s, later than was asked for", a->opt.trace, (const char *)from.data);
	if (c->open)
		pr_note("%s: the end is open: up to its last whole block", a->opt.trace);
	printf("%s: %" PRIu64 " frames of %" PRIu64 " segment%s, from %s to %s", a->output, c->frames, c->segments,
		c->segments == 1 ? "" : "s", (const char *)from.data, (const char *)to.data);
	if (c->alive)
		printf("; it begins with %" PRIu64 " process%s, ancestors included", c->alive, c->alive == 1 ? "" : "es");
	printf("\n");
	pr_buf_release(&from);
	pr_buf_release(&to);
	pr_buf_release(&since);
}

static int run(struct dump_args *a, struct pr_errinfo *ei)
{
	struct pr_output out;
	struct pr_cut c;
	int err = pr_output_create(&out, "dump", a->opt.trace, a->output, a->force, ei), err_out;

	if (err)
		return err;
	a->opt.meter = pr_term_meter(a->term, "dumping from", a->opt.trace);
	err = pr_cut(&a->opt, out.fd, &c, ei);
	pr_line_hide();
	err_out = pr_output_end(&out, !err, err ? NULL : ei);
	err = err ? err : err_out;
	if (!err)
		tell(a, &c);
	if (!err && c.lost)
		err = pr_fail(ei, PR_EDATA, "%s: frames are missing or damaged at %" PRIu64 " place%s; the new trace says so, too", a->opt.trace,
			c.lost, c.lost == 1 ? "" : "s");
	else if (!err && c.deleted)
		err = pr_fail(ei, PR_EDATA, "%s: not all of that time is there any more; the new trace says so, too", a->opt.trace);
	pr_timeline_release(&c.timeline);
	return err;
}

int pr_cmd_dump(struct pr_term *term, int argc, char **argv)
{
	struct dump_args a = {.term = term};
	struct pr_errinfo ei;
	int err = parse(&a, argc, argv, &ei);

	if (!err)
		err = run(&a, &ei);
	return pr_report(err, &ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_extract.c: `procrec extract TRACE -o NEW`: a subtree, or all, as a new trace; without secrets, without names. */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "replay/boot_option.h"
#include "replay/commands.h"
#include "replay/extract/extract.h"
#include "replay/output.h"
#include "replay/redaction.h"

struct extract_args {
	struct pr_extract_options opt;
	const char *output;
	struct pr_redaction redaction;
	struct pr_term *term;
	bool force, redact, anonymize;
	uint8_t key[PR_REDACT_KEY];
};

static int parse(struct extract_args *a, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->term;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->output, "NEW", "where to write the new trace", NULL},
		{'f', "force", PR_OPT_FLAG, &a->force, NULL, "replace NEW if it is there", NULL},
		{0, "pid", PR_OPT_PID, &a->opt.pid, "PID", "only this process, what descends from it, and its ancestors", &a->opt.has_pid},
		{0, "at", PR_OPT_STR, &a->opt.at, "TIME", "the newest process with that pid that began by TIME", NULL},
		PR_BOOT_OPTION(&a->opt.boot),
		PR_REDACTION_OPTIONS(&a->redaction, "trace"),
		{0, "anonymize", PR_OPT_FLAG, &a->anonymize, NULL, "replace secrets, and names of hosts and people", NULL},
		PR_TERM_ZONE_TYPED(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"extract", "TRACE -o NEW [--pid PID [--at TIME]] [--redact[=RULES]] [--anonymize]",
		"Makes a new trace of a part of one, to keep or to share.", options, 1, 1, false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (err)
		return err;
	a->opt.trace = argv[0];
	a->opt.term = term;
	if (!a->output)
		return pr_fail(ei, PR_EUSAGE, "extract: where to? give -o NEW");
	if (a->opt.at && !a->opt.has_pid)
		return pr_fail(ei, PR_EUSAGE, "extract: --at picks one of the processes with a pid: give --pid, too");
	a->redact = pr_redaction_asked(&a->redaction) || a->anonymize;
	if (!a->opt.has_pid && !a->redact)
		return pr_fail(ei, PR_EUSAGE, "extract: say what: --pid PID, --redact or --anonymize");
	if (a->redaction.choice.key_file && !a->redact)
		return pr_fail(ei, PR_EUSAGE, "extract: --redact-key is for --redact and --anonymize");
	return PR_OK;
}

static int prepare(struct extract_args *a, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (a->redact) {
		err = pr_redact_open(&a->redaction.redact, &a->redaction.choice, a->key, ei);
		a->opt.redact = a->redaction.redact;
		a->opt.key = a->key;
	}
	if (!err && a->anonymize && pr_anonymizer_new(&a->opt.anonymizer, a->key))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	return err;
}

static void tell(const struct extract_args *a, const struct pr_extracted *r)
{
	if (r->instances > 1)
		pr_note("pid %llu was used %llu times; this is the newest%s. --at TIME picks one", (unsigned long long)a->opt.pid,
			(unsigned long long)r->instances, a->opt.at ? " of that time" : "");
	if (r->open)
		pr_note("%s: the end is open: whether more was recorded is not known", a->opt.trace);
	if (r->cut)
		pr_note("cut lists of arguments, because the marks made them longer than a frame may be: %llu", (unsigned long long)r->cut);
	if (r->blanked)
		pr_note("frames that are malformed, of other kinds, or data without its rest, and so lost their content: %llu", (unsigned long long)r->blanked);
	printf("%s: %llu of %llu frames", a->output, (unsigned long long)r->frames, (unsigned long long)r->frames_of);
	if (a->opt.has_pid)
		printf(", %llu processes", (unsigned long long)r->processes);
	if (a->opt.redact)
		printf(", %llu secrets replaced", (unsigned long long)pr_redact_count(a->opt.redact));
	printf("\n");
}

static int run(struct extract_args *a, struct pr_errinfo *ei)
{
	struct pr_extracted res;
	struct pr_output out;
	int err = prepare(a, ei), err_out;

	if (!err)
		err = pr_output_create(&out, "extract", a->opt.trace, a->output, a->force, ei);
	if (err)
		return err;
	a->opt.meter = pr_term_meter(a->term, "extracting from", a->opt.trace);
	err = pr_extract(&a->opt, out.fd, &res, ei);
	pr_line_hide();
	err_out = pr_output_end(&out, !err || err == PR_EDATA, err ? NULL : ei);
	if (!err_out && (!err || err == PR_EDATA))
		tell(a, &res);
	return err ? err : err_out;
}

int pr_cmd_extract(struct pr_term *term, int argc, char **argv)
{
	struct extract_args a = {.term = term};
	struct pr_errinfo ei;
	int err = parse(&a, argc, argv, &ei);

	if (!err)
		err = run(&a, &ei);
	pr_redaction_release(&a.redaction);
	pr_anonymizer_free(a.opt.anonymizer);
	sodium_memzero(a.key, sizeof(a.key));
	return pr_report(err, &ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_diff.c: `procrec diff A B`: which processes ran only in one of two traces, and what differs in the others. */
#include <string.h>

#include "replay/commands.h"
#include "replay/diff/diff.h"

struct diff_args {
	const char *trace[2], *root, *root_of[2], *boot, *boot_of[2];
	struct pr_strlist masks;
	bool json, no_default_masks;
	struct pr_term *term;
};

static int parse(struct diff_args *a, struct pr_diff *d, int argc, char **argv, struct pr_errinfo *ei)
{
	struct pr_term *term = a->term;
	const struct pr_option options[] = {
		{0, "root", PR_OPT_STR, &a->root, "WHAT", "compare only processes with this pid, name or path, and what descends from them", NULL},
		{0, "root-a", PR_OPT_STR, &a->root_of[0], "WHAT", "the same, for A alone", NULL},
		{0, "root-b", PR_OPT_STR, &a->root_of[1], "WHAT", "the same, for B alone", NULL},
		{0, "boot", PR_OPT_STR, &a->boot, "BOOT", "of directories: 0 the newest boot, -1 the one before, 1 the oldest, or an id", NULL},
		{0, "boot-a", PR_OPT_STR, &a->boot_of[0], "BOOT", "the same, for A alone", NULL},
		{0, "boot-b", PR_OPT_STR, &a->boot_of[1], "BOOT", "the same, for B alone", NULL},
		{0, "durations", PR_OPT_SPAN, &d->durations_ns, "SPAN", "tell of processes that took longer or shorter by more than SPAN",
			&d->has_durations},
		{0, "mask", PR_OPT_LIST, &a->masks, "REGEX", "what matches counts as equal; may be given again and again", NULL},
		{0, "no-default-masks", PR_OPT_FLAG, &a->no_default_masks, NULL, "temporary names, memfds and pids are not masked", NULL},
		{0, "json", PR_OPT_FLAG, &a->json, NULL, "one JSON object a line", NULL},
		PR_TERM_COLOR(term),
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"diff", "A B [--root WHAT] [--mask REGEX]... [--durations SPAN] [--json]",
		"Compares the processes of two traces, matched by their place in the tree and their command: what ran only in one, and\n"
		"what changed in arguments, cwd, rights and exit status. Exit status 0: nothing differs; 1: something does.",
		options, 2, 2, false};
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, ei);

	if (!err) {
		a->trace[0] = argv[0];
		a->trace[1] = argv[1];
		if (!a->no_default_masks)
			err = pr_masks_add_defaults(&d->masks, ei);
	}
	for (size_t i = 0; !err && i < a->masks.n; i++)
		err = pr_masks_add(&d->masks, a->masks.v[i], ei);
	return err;
}

/* *out_missing: frames of one of them are missing, which may be what differs. */
static int load(const struct diff_args *a, struct pr_diff *d, bool *out_missing, struct pr_errinfo *ei)
{
	int err = PR_OK;

	for (int i = 0; !err && i < 2; i++) {
		const struct pr_diff_source src = {
			.path = a->trace[i],
			.root = a->root_of[i] ? a->root_of[i] : a->root,
			.boot = a->boot_of[i] ? a->boot_of[i] : a->boot,
			.boot_note = i ? "--boot-b picks another" : "--boot-a picks another",
			.meter = pr_term_meter(a->term, "reading", a->trace[i]),
		};

		err = pr_diff_load(&d->side[i], &src, ei);
		if (err == PR_EDATA) {
			pr_note("%s; what differs may come from that", ei->msg);
			*out_missing = true;
			err = PR_OK;
		}
	}
	return err;
}

static int run(const struct diff_args *a, struct pr_diff *d, bool *out_differ, struct pr_errinfo *ei)
{
	struct pr_diff_sums sums = {0};
	struct pr_out out;
	bool missing = false;
	int err = load(a, d, &missing, ei), err_out;

	if (!err)
		err = pr_diff_match(d, pr_term_meter_of(a->term, "comparing", a->trace[1], "processes"), ei);
	if (err)
		return err;
	pr_term_out(a->term, &out);
	err = pr_diff_tell(d, a->json, &a->term->style, &out, &sums);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory for the comparison");
	if (err == PR_END) /* pr_out_close knows why */
		err = PR_OK;
	err_out = pr_out_close(&out, err ? NULL : ei);
	*out_differ = missing || sums.changed || sums.only[0] || sums.only[1];
	return err ? err : err_out;
}

int pr_cmd_diff(struct pr_term *term, int argc, char **argv)
{
	struct diff_args a = {.term = term};
	struct pr_diff d = {0};
	struct pr_errinfo ei;
	bool differ = false;
	int err = parse(&a, &d, argc, argv, &ei);

	if (!err)
		err = run(&a, &d, &differ, &ei);
	pr_diff_release(&d);
	pr_strlist_release(&a.masks);
	if (!err && differ)
		return PR_EXIT_NO;
	return err == PR_ENOENT ? pr_report(PR_EUSAGE, &ei) : pr_report(err, &ei);
}

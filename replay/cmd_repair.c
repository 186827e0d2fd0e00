/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_repair.c: a new, closed segment with all that is good of a damaged or open trace. The original is only read. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/output.h"
#include "schema/recording.h"
#include "schema/repair.h"

static int open_input(const char *path, struct pr_seg_reader **out, bool *out_header_lost, struct pr_errinfo *ei)
{
	struct pr_source *src;
	struct stat st;
	int err;

	*out_header_lost = false;
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return pr_recording_open(out, path, 0, NULL, NULL, ei);
	err = pr_source_file(&src, path, ei);
	return err ? err : pr_repair_open(out, src, out_header_lost, ei);
}

static void on_damage(void *ctx, const struct pr_seg_damage *d)
{
	pr_notes_damage(ctx, d);
}

static void tell(const char *path, const char *output, const struct pr_repaired *r)
{
	if (r->header_lost)
		pr_note("%s: the header is damaged; the copy has a new one, which knows neither recording nor time", path);
	if (r->open)
		pr_note("%s: the end is open: whether more was recorded is not known%s", path,
			r->tail_bytes ? "; the last, torn block was left out" : "");
	printf("%s: %" PRIu64 " frames in %" PRIu64 " blocks copied", output, r->frames, r->blocks);
	if (!r->damages)
		printf(", nothing was damaged\n");
	else
		printf("; left out at %" PRIu64 " place%s: ", r->damages, r->damages == 1 ? "" : "s");
	if (r->damages && !r->lost_known && !r->lost)
		printf("an unknown number of frames\n");
	else if (r->damages)
		printf("%s%" PRIu64 " frames\n", r->lost_known ? "" : "at least ", r->lost);
}

static int repair(struct pr_term *term, const char *path, const char *output, bool force, struct pr_errinfo *ei)
{
	struct pr_seg_reader *r;
	struct pr_repaired res;
	struct pr_output out;
	bool header_lost;
	int err = open_input(path, &r, &header_lost, ei), err_out;

	if (err)
		return err;
	err = pr_output_create(&out, "repair", path, output, force, ei);
	if (!err) {
		pr_seg_reader_set_meter(r, pr_term_meter(term, "copying", path));
		err = pr_repair_copy(r, header_lost, out.fd, on_damage, (void *)path, &res, ei);
		pr_line_hide();
		err_out = pr_output_end(&out, !err, err ? NULL : ei);
		err = err ? err : err_out;
	}
	pr_seg_reader_free(r);
	if (err)
		return err;
	tell(path, output, &res);
	return res.damages || header_lost
		       ? pr_fail(ei, PR_EDATA, "%s: was damaged; %s says what it lacks, and is a copy: evidence is the original", path, output)
		       : PR_OK;
}

int pr_cmd_repair(struct pr_term *term, int argc, char **argv)
{
	const char *output = NULL;
	bool force = false;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &output, "NEW", "where to write the copy", NULL},
		{'f', "force", PR_OPT_FLAG, &force, NULL, "replace an existing NEW", NULL},
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"repair", "TRACE -o NEW [--force]",
		"Copies all good blocks of a damaged, open or divided (DIR) trace to a new one, which records what is missing.\n"
		"TRACE is only read. Nothing needs this to be read: every command reads what is good of TRACE as it is.\n"
		"Exit status 0: nothing was damaged, 1: the copy lacks what was.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err && !output)
		err = pr_fail(&ei, PR_EUSAGE, "repair: where to? give -o NEW");
	if (!err)
		err = repair(term, argv[0], output, force, &ei);
	return pr_report(err, &ei);
}

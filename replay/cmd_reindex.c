/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_reindex.c: makes the index of a trace anew from its frames, or checks the one that is there against them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/commands.h"
#include "replay/jobs.h"
#include "schema/index.h"

static int make(struct pr_term *term, const char *path, const char *idx, unsigned jobs, uint64_t *out_n, struct pr_errinfo *ei)
{
	struct pr_pool *pool;
	struct pr_trace *t;
	int err = pr_trace_open(&t, path, ei);

	if (err)
		return err;
	pool = pr_pool_for(jobs);
	pr_trace_set_pool(t, pool);
	pr_seg_reader_set_meter(pr_trace_segment(t), pr_term_meter(term, "indexing", path));
	err = pr_index_rebuild(idx, t, out_n, ei);
	pr_trace_close(t);
	pr_pool_free(pool);
	return err;
}

/* An index follows from the trace byte for byte. */
static int compare(const char *idx, const char *fresh, struct pr_errinfo *ei)
{
	FILE *a = fopen(idx, "re"), *b = a ? fopen(fresh, "re") : NULL;
	char pa[65536], pb[sizeof(pa)];
	size_t na = 0, nb = 0;
	bool same = true;
	int err = PR_OK;

	if (!a || !b)
		err = pr_fail_errno(ei, "%s: cannot open it", a ? fresh : idx);
	do {
		if (err)
			break;
		na = fread(pa, 1, sizeof(pa), a);
		nb = fread(pb, 1, sizeof(pb), b);
		same = na == nb && !memcmp(pa, pb, na);
	} while (same && na);
	if (!err && (ferror(a) || ferror(b)))
		err = pr_fail(ei, PR_EIO, "%s: cannot read it", ferror(a) ? idx : fresh);
	if (a)
		fclose(a);
	if (b)
		fclose(b);
	if (!err && !same)
		err = pr_fail(ei, PR_EDATA, "%s is not what the trace gives: 'procrec reindex' makes it anew", idx);
	return err;
}

static int check(struct pr_term *term, const char *path, const char *idx, unsigned jobs, struct pr_errinfo *ei)
{
	char *fresh;
	int err;

	if (asprintf(&fresh, "%s.check", idx) < 0)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	err = make(term, path, fresh, jobs, NULL, ei);
	if (!err) {
		err = compare(idx, fresh, ei);
		unlink(fresh);
	}
	if (!err && !term->wish.quiet)
		pr_note("%s is what the trace gives", idx);
	free(fresh);
	return err;
}

static int reindex(struct pr_term *term, const char *path, unsigned jobs, bool only_check, struct pr_errinfo *ei)
{
	char *idx = pr_index_path(path);
	uint64_t n = 0;
	int err;

	if (!idx)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (only_check) {
		err = check(term, path, idx, jobs, ei);
	} else {
		err = make(term, path, idx, jobs, &n, ei);
		if (!err && !term->wish.quiet)
			pr_note("%s: %llu process images", idx, (unsigned long long)n);
	}
	free(idx);
	return err;
}

int pr_cmd_reindex(struct pr_term *term, int argc, char **argv)
{
	bool only_check = false;
	uint64_t jobs = 0;
	const struct pr_option options[] = {
		{0, "check", PR_OPT_FLAG, &only_check, NULL, "change nothing: is the index what the trace gives?", NULL},
		PR_JOBS_OPTION(&jobs),
		{'q', "quiet", PR_OPT_FLAG, &term->wish.quiet, NULL, "say nothing when it went well, and show no progress", NULL},
		{0},
	};
	const struct pr_usage usage = {"reindex", "TRACE",
		"Makes TRACE" PR_INDEX_SUFFIX " anew from the trace. An index only makes answers faster: without one they are the same.", options, 1, 1,
		false};
	struct pr_errinfo ei;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (!err)
		err = pr_jobs_check("reindex", jobs, &ei);
	if (!err)
		err = reindex(term, argv[0], (unsigned)jobs, only_check, &ei);
	return pr_report(err, &ei);
}

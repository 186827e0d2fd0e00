/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_reindex.c: makes the index of a trace anew from its frames. */
#include <stdlib.h>

#include "replay/commands.h"
#include "schema/index.h"

static int reindex(const char *path, bool quiet, struct pr_errinfo *ei)
{
	struct pr_trace *t;
	uint64_t n = 0;
	char *idx;
	int err = pr_trace_open(&t, path, ei);

	if (err)
		return err;
	idx = pr_index_path(path);
	if (!idx) {
		pr_trace_close(t);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	err = pr_index_rebuild(idx, t, &n, ei);
	if (!err && !quiet)
		pr_note("%s: %llu process images", idx, (unsigned long long)n);
	free(idx);
	pr_trace_close(t);
	return err;
}

int pr_cmd_reindex(int argc, char **argv)
{
	bool quiet = false;
	const struct pr_option options[] = {
		{'q', "quiet", PR_OPT_FLAG, &quiet, NULL, "say nothing when it went well", NULL},
		{0},
	};
	const struct pr_usage usage = {"reindex", "TRACE",
		"Makes TRACE" PR_INDEX_SUFFIX " anew from the trace. An index only makes answers faster: without one they are the same.", options, 1, 1,
		false};
	struct pr_errinfo ei;
	int n, err = pr_opts_parse(&usage, argc, argv, &n, &ei);

	if (!err)
		err = reindex(argv[0], quiet, &ei);
	return pr_report(err, &ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h: what the recorder tells people: the status line while it runs, the summary at its end. */
#ifndef PROCREC_RECORDER_REPORT_H
#define PROCREC_RECORDER_REPORT_H

#include "base/buf.h"
#include "base/style.h"
#include "recorder/session.h"

/* One line without its end, cut to style->columns. */
void pr_report_status(struct pr_buf *b, const struct pr_session_stats *s, const struct pr_style *style);

/* The summary, each line with "procrec: " in front. `path`: of the trace; NULL: it was kept nowhere. */
void pr_report_summary(struct pr_buf *b, const struct pr_session_result *r, const char *path, const struct pr_style *style);

/* The name of a stream for people: "exec", "clone", ... */
const char *pr_report_stream(unsigned stream);

#endif

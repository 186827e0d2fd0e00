/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/filter.h"

#include <string.h>

#include "replay/decode/text.h"

static bool show_time(const void *ctx, struct pr_buf *b, uint64_t ktime)
{
	int64_t realtime;

	if (!pr_timeline_real(ctx, ktime, &realtime))
		return false;
	pr_time_utc(b, realtime);
	return true;
}

int pr_filter_init(struct pr_filter *f, const struct pr_selection *sel, const struct pr_session *s, struct pr_errinfo *ei)
{
	*f = (struct pr_filter){.sel = sel, .session = s, .scratch = PR_BUF_INIT};
	return sel->where ? pr_where_new(&f->where, "--where", sel->where, show_time, &s->timeline, ei) : PR_OK;
}

void pr_filter_release(struct pr_filter *f)
{
	pr_where_free(f->where);
	pr_buf_release(&f->scratch);
}

static bool has_exec_id(struct pr_filter *f, const struct pr_event_view *v, struct pr_id id)
{
	const struct pr_name *host = v->entry ? v->entry->host : f->session->replayer.names.host;

	pr_buf_clear(&f->scratch);
	pr_text_exec_id(&f->scratch, host ? (struct pr_slice){host->bytes, host->len} : (struct pr_slice){NULL, 0}, id);
	return f->scratch.len == strlen(f->sel->exec_id) && !memcmp(f->scratch.data, f->sel->exec_id, f->scratch.len);
}

int pr_filter_test(struct pr_filter *f, const struct pr_event_view *v, bool *out, struct pr_errinfo *ei)
{
	const struct pr_session *s = f->session;
	struct pr_id id = v->applied ? v->applied->id : v->entry->id;
	bool ok = true;

	if (v->applied)
		ok = !(s->has_since && v->applied->event->ktime < s->since) && !(s->has_until && v->applied->event->ktime > s->until);
	ok = ok && (!f->sel->has_pid || id.pid == f->sel->pid) && (!f->sel->exec_id || has_exec_id(f, v, id));
	*out = ok;
	return ok && f->where ? pr_where_test(f->where, v, out, ei) : PR_OK;
}

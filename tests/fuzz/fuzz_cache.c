/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole replay: the input is the raw bytes of a block; events, cache and findings are rendered into a buffer, which must
 * be harmless text and JSON. Small limits, so that clearing and expiring happen in short inputs as well.
 */
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "replay/cache/audit.h"
#include "replay/render/render.h"
#include "tests/fuzz/fuzz.h"

/* No byte that a terminal would act on; only whole lines. */
static void check_harmless(struct pr_buf *b, bool json)
{
	size_t i = 0, k, bad;
	uint32_t cp;

	FUZZ_ASSERT(!b->len || b->data[b->len - 1] == '\n');
	for (; i < b->len; i += k) {
		k = pr_utf8_next(b->data + i, b->len - i, &cp, &bad);
		FUZZ_ASSERT(k && (!pr_text_unsafe(cp) || cp == '\n'));
		FUZZ_ASSERT(!json || cp != '\n' || b->data[i - 1] == '}');
	}
	pr_buf_clear(b);
}

static void found(void *ctx, const struct pr_finding *f)
{
	(void)ctx;
	FUZZ_ASSERT(f->kind < PR_FIND_KINDS && pr_finding_name(f->kind));
}

static void render_cache(struct pr_renderer *rr, const struct pr_replayer *r, struct pr_buf *text, struct pr_buf *json)
{
	struct pr_entry **entries;
	size_t n;

	if (pr_cache_sorted(&r->cache, &entries, &n))
		return;
	FUZZ_ASSERT(n == r->cache.map.len);
	for (size_t i = 0; i < n; i++) {
		pr_render_entry_text(rr, text, entries[i]);
		pr_render_entry_json(rr, json, entries[i]);
	}
	free(entries);
}

static void replay(struct pr_trace *t, const struct pr_cache_settings *settings)
{
	struct pr_auditor *auditor;
	struct pr_timeline tl;
	struct pr_replayer r;
	struct pr_renderer rr;
	struct pr_buf text = PR_BUF_INIT, json = PR_BUF_INIT;
	struct pr_frame f;

	pr_timeline_init(&tl);
	FUZZ_ASSERT(pr_timeline_scan(&tl, t, true, NULL) == 0);
	FUZZ_ASSERT(!pr_auditor_new(&auditor, found, NULL));
	pr_replayer_init(&r, settings, pr_auditor_observer(auditor));
	pr_renderer_init(&rr, &tl);
	while (!pr_trace_next(t, &f, NULL)) {
		struct pr_applied a;
		struct pr_event_line e;
		struct pr_event_view v;
		int err;

		pr_auditor_before(auditor, &f);
		err = pr_replayer_apply(&r, &f, &a, NULL);
		if (err == PR_ELIMIT || err == PR_ENOMEM)
			break;
		FUZZ_ASSERT(!err);
		FUZZ_ASSERT(r.data.map.len <= settings->max_data + 1);
		if (a.kind != PR_APPLIED_LIFECYCLE)
			continue;
		pr_event_view_make(&v, &a, &r.cache);
		pr_event_line_make(&e, &v, &tl);
		pr_render_event_text(&rr, &text, &e);
		pr_render_event_json(&rr, &json, &e);
	}
	render_cache(&rr, &r, &text, &json);
	check_harmless(&text, false);
	check_harmless(&json, true);
	pr_renderer_release(&rr);
	pr_replayer_release(&r);
	pr_auditor_free(auditor);
	pr_timeline_release(&tl);
	pr_buf_release(&text);
	pr_buf_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_cache_settings settings = PR_CACHE_SETTINGS_DEFAULT;
	struct pr_buf keep;
	struct pr_trace *t;

	if (size < 1)
		return 0;
	if (data[0] & 1) {
		settings.max_entries = 5;
		settings.max_clone_entries = 3;
		settings.max_data = 4;
		settings.max_age_ns = 100;
	}
	t = fuzz_trace(data + 1, size - 1, &keep);
	if (t)
		replay(t, &settings);
	pr_trace_close(t);
	pr_buf_release(&keep);
	return 0;
}

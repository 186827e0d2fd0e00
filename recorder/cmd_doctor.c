/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_doctor.c: procrec doctor: can this machine record? Each requirement, found or not, and what to do. */
#include <stdio.h>
#include <unistd.h>

#include "base/command.h"
#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "recorder/capture.h"
#include "recorder/commands.h"
#include "recorder/probe.h"

static const char *state_name(enum pr_probe_state state)
{
	static const char *const names[] = {[PR_PROBE_OK] = "ok", [PR_PROBE_WARN] = "warning", [PR_PROBE_MISSING] = "missing"};

	return names[state];
}

static bool can_record(const struct pr_probe *p)
{
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].state == PR_PROBE_MISSING)
			return false;
	return true;
}

static enum pr_role state_role(enum pr_probe_state state)
{
	static const enum pr_role roles[] = {
		[PR_PROBE_OK] = PR_ROLE_GOOD, [PR_PROBE_WARN] = PR_ROLE_WARNING, [PR_PROBE_MISSING] = PR_ROLE_LOSS};

	return roles[state];
}

static void as_text(struct pr_buf *b, const struct pr_probe *p, const struct pr_style *style)
{
	for (size_t i = 0; i < p->n_items; i++) {
		const struct pr_probe_item *it = &p->items[i];
		size_t at = b->len;

		pr_buf_printf(b, "%-8s", state_name(it->state));
		pr_paint(b, style, state_role(it->state), at);
		pr_buf_printf(b, " %-24s ", it->name);
		pr_text_escape(b, it->detail, strlen(it->detail));
		pr_buf_str(b, "\n");
		if (!*it->advice)
			continue;
		pr_buf_printf(b, "%-8s %-24s -> ", "", "");
		pr_text_escape(b, it->advice, strlen(it->advice));
		pr_buf_str(b, "\n");
	}
	pr_buf_u8(b, '\n');
	pr_paint_str(b, style, can_record(p) ? PR_ROLE_GOOD : PR_ROLE_LOSS,
		can_record(p) ? "This machine can record." : "This machine cannot record: see what is missing above.");
	pr_buf_u8(b, '\n');
}

static void as_json(struct pr_buf *b, const struct pr_probe *p)
{
	struct pr_json j = pr_json_make(b);

	for (size_t i = 0; i < p->n_items; i++) {
		const struct pr_probe_item *it = &p->items[i];

		pr_json_object(&j, NULL);
		pr_json_str(&j, "type", "requirement");
		pr_json_str(&j, "name", it->name);
		pr_json_str(&j, "state", state_name(it->state));
		pr_json_bytes(&j, "detail", it->detail, strlen(it->detail));
		pr_json_bytes(&j, "advice", it->advice, strlen(it->advice));
		pr_json_object_end(&j);
		pr_json_newline(&j);
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "summary");
	pr_json_bool(&j, "can_record", can_record(p));
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

static void look_for_left_over(struct pr_probe *p)
{
	struct pr_probe_item *it = &p->items[p->n_items];

	if (p->n_items == PR_PROBE_ITEMS_MAX || !pr_capture_is_pinned(PR_PIN_DIR_DEFAULT))
		return;
	*it = (struct pr_probe_item){.name = "left over", .state = PR_PROBE_WARN};
	snprintf(it->detail, sizeof(it->detail), "a recording that was cut off is pinned in %s", PR_PIN_DIR_DEFAULT);
	snprintf(it->advice, sizeof(it->advice), "go on with it (procrec record --resume -o ITS-TRACE) or end it (procrec stop)");
	p->n_items++;
}

int pr_cmd_doctor(struct pr_term *term, int argc, char **argv)
{
	bool json = false;
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &json, NULL, "one JSON object a line", NULL},
		PR_TERM_COLOR(term),
		{0, NULL, PR_OPT_FLAG, NULL, NULL, NULL, NULL},
	};
	const struct pr_usage usage = {
		"doctor", "[--json]",
		"Looks for what recording needs, and says what to do about what is missing.\n"
		"Exit status: 0 when this machine can record, else 1.",
		options, 0, 0, false,
	};
	struct pr_probe probe;
	struct pr_errinfo ei;
	struct pr_out out;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (err)
		return pr_report(err, &ei);
	pr_probe_run(&probe);
	look_for_left_over(&probe);
	pr_term_out(term, &out);
	if (json)
		as_json(&out.buf, &probe);
	else
		as_text(&out.buf, &probe, &term->style);
	err = pr_out_close(&out, &ei);
	if (err)
		return pr_report(err, &ei);
	return can_record(&probe) ? PR_EXIT_OK : PR_EXIT_NO;
}

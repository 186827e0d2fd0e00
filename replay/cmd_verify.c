/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_verify.c: proves that nothing in a trace was changed, dropped or reordered since it was written; says where not. */
#include <inttypes.h>
#include <unistd.h>

#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "schema/trace.h"

struct result {
	uint64_t blocks, damages, frames, tail;
	bool sealed;
	uint8_t link[PR_SEG_LINK]; /* the last good one */
};

static int check(struct pr_seg_reader *r, struct result *res, struct pr_errinfo *ei)
{
	const struct pr_seg_footer *f = pr_seg_reader_footer(r);
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	memcpy(res->link, pr_seg_reader_header(r)->link, PR_SEG_LINK);
	while ((err = pr_seg_reader_next(r, &b, &d, ei)) == PR_OK || err == PR_EDATA) {
		if (err == PR_EDATA) {
			pr_notes_damage(pr_seg_reader_name(r), &d);
			res->damages++;
			continue;
		}
		res->blocks++;
		res->frames += b.desc.frames;
		memcpy(res->link, b.desc.link, PR_SEG_LINK);
	}
	res->tail = pr_seg_reader_tail(r);
	res->sealed = f != NULL;
	if (f)
		memcpy(res->link, f->link, PR_SEG_LINK);
	return err == PR_END ? PR_OK : err;
}

static const char *verdict(const struct result *res)
{
	return res->damages ? "damaged" : res->sealed ? "whole" : "open";
}

static void print(const struct result *res, const char *path, bool json, struct pr_buf *b)
{
	struct pr_json j = pr_json_make(b);
	struct pr_buf hex = PR_BUF_INIT;

	pr_hex(&hex, res->link, PR_SEG_LINK);
	if (json) {
		pr_json_object(&j, NULL);
		pr_json_str(&j, "type", "verify");
		pr_json_str(&j, "verdict", verdict(res));
		pr_json_u64(&j, "blocks", res->blocks);
		pr_json_u64(&j, "frames", res->frames);
		pr_json_u64(&j, "damaged", res->damages);
		pr_json_u64(&j, "tail_bytes", res->tail);
		pr_json_bytes(&j, "link", hex.data, hex.len);
		pr_json_object_end(&j);
		pr_json_newline(&j);
	} else {
		pr_text_escape(b, path, strlen(path));
		pr_buf_printf(b, ": %s: %" PRIu64 " blocks, %" PRIu64 " frames, chain ends in %.*s\n", verdict(res), res->blocks,
			res->frames, (int)hex.len, hex.data);
	}
	pr_buf_release(&hex);
}

static int verify(const char *path, bool json, struct pr_errinfo *ei)
{
	struct result res = {0};
	struct pr_trace *t;
	struct pr_out out;
	int err;

	err = pr_trace_open(&t, path, ei);
	if (err)
		return err;
	err = check(pr_trace_segment(t), &res, ei);
	pr_out_init(&out, STDOUT_FILENO);
	if (!err)
		print(&res, path, json, &out.buf);
	err = err ? (pr_out_close(&out, NULL), err) : pr_out_close(&out, ei);
	if (!err && !res.sealed)
		pr_note("%s: the end is open: the recording was not closed, so it is not known whether more was recorded%s", path,
			res.tail ? "; the last, torn block can't be read" : "");
	if (!err && res.damages)
		err = pr_fail(ei, PR_EDATA, "%s: not as it was written: damaged at %" PRIu64 " place%s", path, res.damages,
			res.damages == 1 ? "" : "s");
	pr_trace_close(t);
	return err;
}

int pr_cmd_verify(int argc, char **argv)
{
	bool json = false;
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &json, NULL, "one JSON object", NULL},
		{0},
	};
	const struct pr_usage usage = {"verify", "TRACE [--json]",
		"Checks every block: checksums, the SHA-256 chain over all blocks, and the closing record.\n"
		"Exit status 0: as it was written (also when the end is open), 1: damaged.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_opts_parse(&usage, argc, argv, &n, &ei);
	if (!err)
		err = verify(argv[0], json, &ei);
	return pr_report(err, &ei);
}

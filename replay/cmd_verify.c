/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_verify.c: proves that nothing in a trace was changed, dropped or reordered since it was written, and up to when that is
 * signed; says where not.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/jobs.h"
#include "replay/timeline.h"
#include "schema/verify.h"

#define KEY_TEXT 56 /* base64 of a public key of minisign */

struct wishes {
	const char *pubkey, *expect, *at_least;
	bool json, sealed;
	uint64_t jobs; /* as pr_pool_for */
	struct pr_term *term;
};

static void on_problem(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	char lost[64] = "an unknown number of frames";

	(void)ctx;
	if (frames != UINT64_MAX)
		snprintf(lost, sizeof(lost), "%" PRIu64 " frames", frames);
	if (to > from)
		pr_note("%s: bytes %" PRIu64 " to %" PRIu64 " are damaged: %s; %s lost", name, from, to, why, lost);
	else if (from && frames)
		pr_note("%s: at byte %" PRIu64 ": %s; %s lost", name, from, why, lost);
	else if (from)
		pr_note("%s: at byte %" PRIu64 ": %s", name, from, why);
	else
		pr_note("%s: %s", name, why);
}

static const char *verdict(const struct pr_verified *v)
{
	if (v->problems > v->unmet)
		return "damaged";
	return v->unmet ? "refused" : v->sealed ? "whole" : "open";
}

/* "signed": all of it; "partly": up to the last checkpoint; "no". */
static const char *signed_word(const struct pr_verified *v)
{
	if (!v->checkpoints)
		return "no";
	return v->signed_blocks == v->blocks && !v->problems ? "all" : "partly";
}

static void print_json(const struct pr_verified *v, bool trusted, struct pr_buf *b)
{
	struct pr_json j = pr_json_make(b);
	struct pr_buf text = PR_BUF_INIT;
	char id[17];

	pr_hex(&text, v->link, PR_SEG_LINK);
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "verify");
	pr_json_str(&j, "verdict", verdict(v));
	pr_json_u64(&j, "blocks", v->blocks);
	pr_json_u64(&j, "frames", v->frames);
	pr_json_u64(&j, "damaged", v->problems - v->unmet);
	pr_json_u64(&j, "unmet", v->unmet);
	pr_json_u64(&j, "tail_bytes", v->tail_bytes);
	pr_json_bytes(&j, "link", text.data, text.len);
	pr_json_u64(&j, "segments", v->segments);
	pr_json_u64(&j, "segments_deleted", v->deleted);
	pr_json_str(&j, "signed", signed_word(v));
	if (v->has_key) {
		pr_key_id_text(v->signer.id, id);
		pr_json_str(&j, "key", id);
		pr_json_bool(&j, "key_trusted", trusted);
		pr_json_u64(&j, "checkpoints", v->checkpoints);
		pr_json_u64(&j, "signed_frames", v->signed_frames);
	}
	if (v->signed_realtime) {
		pr_buf_clear(&text);
		pr_time_utc(&text, (int64_t)v->signed_realtime);
		pr_json_bytes(&j, "signed_until", text.data, text.len);
	}
	pr_json_object_end(&j);
	pr_json_newline(&j);
	pr_buf_release(&text);
}

static void print_signed(const struct pr_verified *v, const char *path, bool trusted, const struct pr_term *term, struct pr_buf *b)
{
	char id[17];

	if (!v->has_key)
		return;
	pr_key_id_text(v->signer.id, id);
	pr_text_escape(b, path, strlen(path));
	pr_buf_printf(b, ": signed by key %s%s: ", id, trusted ? "" : ", which is named in it (give --pubkey to be sure whose it is)");
	if (!v->checkpoints) {
		pr_buf_str(b, "nothing of it\n");
		return;
	}
	pr_buf_printf(b, "%" PRIu64 " frames, up to ", v->signed_frames);
	pr_time_in_zone(b, &term->zone, (int64_t)v->signed_realtime);
	if (v->frames > v->signed_frames)
		pr_buf_printf(b, "; %" PRIu64 " frames are not signed", v->frames - v->signed_frames);
	pr_buf_u8(b, '\n');
}

static enum pr_role verdict_role(const struct pr_verified *v)
{
	return v->problems ? PR_ROLE_LOSS : v->sealed ? PR_ROLE_GOOD : PR_ROLE_WARNING;
}

static void print_text(const struct pr_verified *v, const char *path, bool trusted, const struct pr_term *term, struct pr_buf *b)
{
	pr_text_escape(b, path, strlen(path));
	pr_buf_str(b, ": ");
	pr_paint_str(b, &term->style, verdict_role(v), verdict(v));
	pr_buf_str(b, ": ");
	if (v->segments != 1)
		pr_buf_printf(b, "%" PRIu64 " segments, ", v->segments);
	pr_buf_printf(b, "%" PRIu64 " blocks, %" PRIu64 " frames, chain ends in ", v->blocks, v->frames);
	pr_hex(b, v->link, PR_SEG_LINK);
	pr_buf_u8(b, '\n');
	if (v->deleted) {
		pr_text_escape(b, path, strlen(path));
		pr_buf_printf(b, ": %" PRIu64 " older segment%s deleted by retention\n", v->deleted, v->deleted == 1 ? " was" : "s were");
	}
	print_signed(v, path, trusted, term, b);
}

/* A file goes before the text of a key. */
static int read_pubkey(const char *arg, struct pr_public_key *out, struct pr_errinfo *ei)
{
	char text[PR_KEY_FILE_MAX + 1];
	ssize_t n;
	int fd, err;

	if (!strncmp(arg, "RW", 2) && access(arg, F_OK) && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)) {
		n = (ssize_t)strlen(arg);
		if (n == KEY_TEXT)
			return pr_public_key_parse(out, arg, (size_t)n, "--pubkey", ei);
		return pr_fail(ei, PR_EUSAGE, "verify: --pubkey %s: neither a file nor a key: a key's line has %d characters, this has %zd", arg,
			KEY_TEXT, n);
	}
	err = pr_file_open_input(arg, &fd, ei);
	if (err)
		return err;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return pr_fail_errno(ei, "%s: cannot read", arg);
	return pr_public_key_parse(out, text, (size_t)n, arg, ei);
}

static int understand(const struct wishes *w, struct pr_verify_options *opt, struct pr_public_key *key, uint8_t link[PR_SEG_LINK],
	struct pr_errinfo *ei)
{
	struct pr_timeline tl;
	size_t n;
	int err;

	*opt = (struct pr_verify_options){.on_problem = on_problem};
	if (w->pubkey) {
		err = read_pubkey(w->pubkey, key, ei);
		if (err)
			return err;
		opt->key = key;
	}
	if (w->expect) {
		if (sodium_hex2bin(link, PR_SEG_LINK, w->expect, strlen(w->expect), NULL, &n, NULL) || n != PR_SEG_LINK)
			return pr_fail(ei, PR_EUSAGE, "verify: --expect %s: not a link: 64 hexadecimal digits, as verify prints them",
				w->expect);
		opt->expect = link;
	}
	if (!w->at_least)
		return PR_OK;
	pr_timeline_init(&tl);
	tl.zone = &w->term->zone;
	err = pr_timeline_add(&tl, 1, 1); /* a time of the clock alone: no trace is needed to understand it */
	if (!err)
		err = pr_timeline_parse(&tl, "--at-least", w->at_least, &opt->at_least, ei);
	pr_timeline_release(&tl);
	return err;
}

static int run(const char *path, const struct pr_verify_options *opt, struct pr_verified *v, struct pr_errinfo *ei)
{
	struct pr_source *src;
	struct stat st;
	int err;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return pr_verify_directory(path, opt, v, ei);
	err = pr_source_file(&src, path, ei);
	return err ? err : pr_verify_segment(src, opt, v, ei);
}

static int verify(const char *path, const struct wishes *w, struct pr_errinfo *ei)
{
	struct pr_verify_options opt;
	uint8_t link[PR_SEG_LINK];
	struct pr_public_key key;
	struct pr_verified v;
	struct pr_out out;
	int err = understand(w, &opt, &key, link, ei);

	opt.meter = pr_term_meter(w->term, "verifying", path);
	if (!err)
		err = pr_jobs_check("verify", w->jobs, ei);
	if (!err) {
		opt.pool = pr_pool_for((unsigned)w->jobs);
		err = run(path, &opt, &v, ei);
		pr_pool_free(opt.pool);
	}
	if (err)
		return err;
	pr_term_out(w->term, &out);
	if (w->json)
		print_json(&v, opt.key, &out.buf);
	else
		print_text(&v, path, opt.key, w->term, &out.buf);
	err = pr_out_close(&out, ei);
	if (!err && !v.sealed)
		pr_note("%s: the end is open: the recording was not closed, so it is not known whether more was recorded%s", path,
			v.tail_bytes ? "; the last, torn block can't be read" : "");
	if (!err && v.problems && v.problems == v.unmet)
		err = pr_fail(ei, PR_EDATA, "%s: not what the options ask for; no damage was found", path);
	else if (!err && v.problems)
		err = pr_fail(ei, PR_EDATA, "%s: not as it was written: damaged at %" PRIu64 " place%s", path, v.problems,
			v.problems == 1 ? "" : "s");
	if (!err && w->sealed && !v.sealed)
		err = pr_fail(ei, PR_EDATA, "%s: not closed, as --sealed asks for", path);
	return err;
}

int pr_cmd_verify(struct pr_term *term, int argc, char **argv)
{
	struct wishes w = {.term = term};
	const struct pr_option options[] = {
		{'p', "pubkey", PR_OPT_STR, &w.pubkey, "FILE", "public key (of minisign, or its RW... line) that must have signed it", NULL},
		{0, "expect", PR_OPT_STR, &w.expect, "LINK", "a link printed by an earlier verify: the trace must go on from there", NULL},
		{0, "at-least", PR_OPT_STR, &w.at_least, "TIME", "it must be signed up to this time (RFC 3339)", NULL},
		{0, "sealed", PR_OPT_FLAG, &w.sealed, NULL, "an open end is a failure too", NULL},
		PR_JOBS_OPTION(&w.jobs),
		{0, "json", PR_OPT_FLAG, &w.json, NULL, "one JSON object", NULL},
		PR_TERM_ZONE(term),
		PR_TERM_COLOR(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"verify", "TRACE|DIR [--pubkey FILE] [--expect LINK] [--at-least TIME] [--sealed] [--jobs N] [--json]",
		"Checks every block: checksums, the SHA-256 chain over all blocks and segments, the closing record, and signatures.\n"
		"Exit status 0: as it was written (also when the end is open), 1: damaged, or not what was asked for.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err)
		err = verify(argv[0], &w, &ei);
	return pr_report(err, &ei);
}

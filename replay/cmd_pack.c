/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_pack.c: raw frames of any agent of the family -> a trace. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/output.h"
#include "schema/boot.h"
#include "schema/raw.h"

struct options {
	const char *output, *hostname, *boot_id;
	struct pr_strlist users;
	bool force;
	const struct pr_meter *meter;
};

/* "UID=NAME" */
static int put_user(struct pr_buf *b, const char *spec, struct pr_errinfo *ei)
{
	const char *eq = strchr(spec, '=');
	char number[24];
	uint64_t uid;

	if (!eq || (size_t)(eq - spec) >= sizeof(number))
		return pr_fail(ei, PR_EUSAGE, "pack: --user: '%s' is not UID=NAME, such as 1000=alice", spec);
	memcpy(number, spec, (size_t)(eq - spec));
	number[eq - spec] = '\0';
	if (!pr_parse_u64(number, false, &uid) || uid > UINT32_MAX)
		return pr_fail(ei, PR_EUSAGE, "pack: --user: '%s' is not a uid", number);
	pr_raw_put_user(b, (uint32_t)uid, eq + 1);
	return PR_OK;
}

static int names(const struct options *o, struct pr_buf *b, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (o->hostname)
		pr_raw_put_host(b, o->hostname);
	for (size_t i = 0; i < o->users.n && !err; i++)
		err = put_user(b, o->users.v[i], ei);
	if (!err && pr_buf_failed(b))
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	return err;
}

/* By the option, else by what the frames say. */
static int find_boot(const struct options *o, const struct pr_buf *head, uint8_t out[PR_SEG_UUID], struct pr_errinfo *ei)
{
	if (!o->boot_id)
		pr_raw_boot_id(head, out);
	else if (!pr_boot_id_parse(o->boot_id, strlen(o->boot_id), out))
		return pr_fail(ei, PR_EUSAGE, "pack: --boot-id: '%s' is not 32 hexadecimal digits, as /proc/sys/kernel/random/boot_id has them", o->boot_id);
	return PR_OK;
}

static int write_trace(const struct options *o, int in, const char *input, int out, const struct pr_buf *meta, struct pr_raw_result *res,
	struct pr_errinfo *ei)
{
	struct pr_seg_writer *w = NULL;
	struct pr_buf head = PR_BUF_INIT;
	struct pr_seg_options opt;
	int err;

	pr_raw_options(&opt, meta->data, meta->len);
	err = pr_raw_read_head(in, input, &head, ei);
	if (!err)
		err = find_boot(o, &head, opt.header.boot_id, ei);
	if (!err)
		err = pr_seg_writer_new(&w, out, &opt, ei);
	if (!err)
		err = pr_seg_writer_append(w, meta->data, meta->len, ei);
	if (!err)
		err = pr_raw_pack(in, input, &head, w, o->meter, res, ei);
	if (!err)
		err = pr_seg_writer_seal(w, ei);
	pr_seg_writer_free(w);
	pr_buf_release(&head);
	return err;
}

static int pack(const struct options *o, const char *input, struct pr_raw_result *res, struct pr_errinfo *ei)
{
	struct pr_buf meta = PR_BUF_INIT;
	struct pr_output out = PR_OUTPUT_NONE;
	int in = -1, err, err_out;

	err = names(o, &meta, ei);
	if (!err)
		err = pr_file_open_input(input, &in, ei);
	if (!err)
		err = pr_output_create(&out, "pack", input, o->output, o->force, ei);
	if (!err)
		err = write_trace(o, in, input, out.fd, &meta, res, ei);
	err_out = pr_output_end(&out, !err, err ? NULL : ei); /* else: the frames are still in the input */
	if (in >= 0)
		close(in);
	pr_buf_release(&meta);
	return err ? err : err_out;
}

int pr_cmd_pack(struct pr_term *term, int argc, char **argv)
{
	struct options o = {0};
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &o.output, "TRACE", "where to write the trace", NULL},
		{0, "hostname", PR_OPT_STR, &o.hostname, "NAME", "name of the recorded host, for exec_id", NULL},
		{0, "boot-id", PR_OPT_STR, &o.boot_id, "ID", "of the recorded boot, where no frame tells it", NULL},
		{0, "user", PR_OPT_LIST, &o.users, "UID=NAME", "login name of a uid; may be given again", NULL},
		{'f', "force", PR_OPT_FLAG, &o.force, NULL, "replace an existing TRACE", NULL},
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"pack", "FRAMES -o TRACE [--hostname NAME] [--boot-id ID] [--user UID=NAME]...",
		"Makes a trace of raw frames: a plain concatenation, each begun by its 16-byte header. '-' reads standard input.\n"
		"What can't be told apart into frames is kept as it is; 'unpack' gives all bytes back.",
		options, 1, 1, false};
	struct pr_raw_result res = {0};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err && !o.output)
		err = pr_fail(&ei, PR_EUSAGE, "pack: where to? give -o TRACE");
	if (!err) {
		o.meter = pr_term_meter(term, "packing", argv[0]);
		err = pack(&o, argv[0], &res, &ei);
	}
	if (!err && res.mixed)
		pr_note("%s: the frames are of several boots, and pids and times of one may be those of another: pack those of each boot alone", argv[0]);
	if (!err && res.unframed)
		err = pr_fail(&ei, PR_EDATA,
			"%s: the frames end at byte %llu: a header there claims %u bytes, %llu are left; they are kept as they are",
			argv[0], (unsigned long long)res.unframed_at, res.claimed, (unsigned long long)res.unframed);
	pr_strlist_release(&o.users);
	return pr_report(err, &ei);
}

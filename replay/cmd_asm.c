/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_asm.c: frames written as text -> a trace. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/out.h"
#include "replay/asm/asm.h"
#include "replay/commands.h"
#include "replay/output.h"
#include "schema/boot.h"
#include "schema/raw.h"

#define READ_CHUNK (64u << 10)

struct job {
	const char *name; /* of the input, for messages */
	struct pr_buf text;
	uint64_t block_bytes; /* 0: as usual */
	bool rearranged;
};

static int read_all(const char *path, struct pr_buf *out, struct pr_errinfo *ei)
{
	ssize_t k = 1;
	int fd, err = pr_file_open_input(path, &fd, ei);

	if (err)
		return err;
	while (k > 0 && !err) {
		uint8_t *room = pr_buf_grow(out, READ_CHUNK);

		k = room ? read(fd, room, READ_CHUNK) : -1;
		if (room)
			out->len -= READ_CHUNK - (k > 0 ? (size_t)k : 0);
		if (!room)
			err = pr_fail(ei, PR_ENOMEM, "%s: out of memory for the text", path);
		else if (k < 0 && errno == EINTR)
			k = 1;
		else if (k < 0)
			err = pr_fail_errno(ei, "%s: cannot read", path);
	}
	close(fd);
	return err;
}

struct assembly {
	struct pr_seg_writer *w;
	uint8_t boot[PR_SEG_UUID]; /* of the last HOST frame */
	bool mixed; /* they name more than one */
};

static int put_frame(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct assembly *a = ctx;

	if (!(env->flags & (PR_ENV_RAW | PR_ENV_CONT)))
		a->mixed |= pr_boot_id_changes(a->boot, frame, env->size);
	return pr_seg_writer_frame(a->w, env, frame, ei);
}

static int look_for_boot(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	(void)ei;
	return !(env->flags & (PR_ENV_RAW | PR_ENV_CONT)) && pr_boot_id_of_frame(frame, env->size, ctx) ? PR_END : PR_OK;
}

/* The uuid comes from the text: the same text gives the same trace. The boot id is that of the first HOST frame that has one. */
static int assemble(const struct job *j, int fd, struct pr_errinfo *ei)
{
	struct assembly a = {0};
	struct pr_seg_options opt;
	int err;

	pr_raw_options(&opt, j->text.data, j->text.len);
	opt.block_bytes = (uint32_t)j->block_bytes;
	opt.rearrange = j->rearranged;
	err = pr_asm_text(j->name, j->text.data, j->text.len, look_for_boot, opt.header.boot_id, ei);
	if (!err || err == PR_END)
		err = pr_seg_writer_new(&a.w, fd, &opt, ei);
	if (!err)
		err = pr_asm_text(j->name, j->text.data, j->text.len, put_frame, &a, ei);
	if (!err)
		err = pr_seg_writer_seal(a.w, ei);
	pr_seg_writer_free(a.w);
	if (!err && a.mixed)
		pr_note("%s: the frames are of several boots, and pids and times of one may be those of another: make a trace of each boot alone", j->name);
	return err;
}

/* A pipe can't be synced: the trace is made in memory first. */
static int assemble_to_stdout(const struct job *j, struct pr_errinfo *ei)
{
	char chunk[READ_CHUNK];
	ssize_t k;
	int err, fd = memfd_create("procrec-asm", MFD_CLOEXEC);

	if (fd < 0)
		return pr_fail_errno(ei, "asm: cannot make a file in memory");
	err = assemble(j, fd, ei);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = pr_fail_errno(ei, "asm: cannot read the trace back");
	while (!err && (k = read(fd, chunk, sizeof(chunk))) != 0) {
		if (k < 0 || pr_write_all(STDOUT_FILENO, chunk, (size_t)k))
			err = pr_fail_errno(ei, "cannot write the output");
	}
	close(fd);
	return err;
}

static int run(struct job *j, const char *input, const char *output, bool force, struct pr_errinfo *ei)
{
	struct pr_output out = PR_OUTPUT_NONE;
	int err = read_all(input, &j->text, ei), err_out;

	if (!err && pr_output_is_stdout(output)) {
		err = assemble_to_stdout(j, ei);
	} else if (!err) {
		err = pr_output_create(&out, "asm", input, output, force, ei);
		if (!err)
			err = assemble(j, out.fd, ei);
	}
	err_out = pr_output_end(&out, !err, err ? NULL : ei); /* half a trace is of no use */
	return err ? err : err_out;
}

int pr_cmd_asm(struct pr_term *term, int argc, char **argv)
{
	const char *output = NULL;
	struct job job = {.text = PR_BUF_INIT};
	bool force = false;
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &output, "TRACE", "where to write the trace; '-' is standard output", NULL},
		{'f', "force", PR_OPT_FLAG, &force, NULL, "replace an existing TRACE", NULL},
		{0, "block-bytes", PR_OPT_SIZE, &job.block_bytes, "SIZE", "close a block of the trace at so many bytes (256K)", NULL},
		{0, "rearranged", PR_OPT_FLAG, &job.rearranged, NULL, "smaller blocks, which 'lz4 -dc' alone gives no frames of", NULL},
		{0},
	};
	const struct pr_usage usage = {"asm", "FILE -o TRACE",
		"Makes a trace of frames written as text: see procrec-frames(5). '-' reads standard input.\n"
		"'disasm' is the way back.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err && !output)
		err = pr_fail(&ei, PR_EUSAGE, "asm: where to? give -o TRACE");
	if (!err && !strcmp(output, "-") && isatty(STDOUT_FILENO))
		err = pr_fail(&ei, PR_EUSAGE, "asm: a trace is binary and would garble the terminal; give -o TRACE or a pipe");
	if (!err && job.block_bytes > PR_SEG_BLOCK_TARGET)
		err = pr_fail(&ei, PR_EUSAGE, "asm: --block-bytes: %u is the most", PR_SEG_BLOCK_TARGET);
	if (!err) {
		job.name = strcmp(argv[0], "-") ? argv[0] : "<stdin>";
		err = run(&job, argv[0], output, force, &ei);
	}
	pr_buf_release(&job.text);
	return pr_report(err, &ei);
}

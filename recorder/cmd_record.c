/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_record.c: procrec record: options in, session run, summary out. */
#include <errno.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"
#include "base/text.h"
#include "recorder/commands.h"
#include "recorder/report.h"
#include "recorder/session.h"
#include "recorder/signing.h"

#define LEVEL_MAX 12
#define SEGMENT_BYTES (64u << 20)
#define STATUS_EVERY_NS 1000000000u

struct args {
	const char *out, *sync, *pins, *sign, *max_segment, *keep;
	struct pr_rotate_options rotate;
	bool rotation;
	bool force, only_tree, failed_exec, raw_tracepoints, no_index, plain, quiet, resume;
	uint64_t ring, queue, level, read_delay_ns;
	bool queue_given;
};

struct screen {
	bool shown;
	bool quiet;
	const char *path;
};

static int parse_sync(const char *word, struct pr_session_options *so, struct pr_errinfo *ei)
{
	so->sync_ns = 1000000000u;
	if (!word)
		return PR_OK;
	if (!strcmp(word, "block"))
		so->spool.sync = PR_SYNC_BLOCK;
	else if (!strcmp(word, "none"))
		so->spool.sync = PR_SYNC_NONE;
	else if (!pr_parse_span(word, &so->sync_ns) || !so->sync_ns)
		return pr_fail(ei, PR_EUSAGE, "record: --sync: '%s' is neither block, none nor a time span such as 1s", word);
	return PR_OK;
}

/* A size (64M) or a span of time (1h). */
static int parse_limit(const char *name, const char *word, uint64_t *out_bytes, uint64_t *out_ns, struct pr_errinfo *ei)
{
	uint64_t v = 0;
	size_t n = word ? strlen(word) : 0;

	if (!word)
		return PR_OK;
	if (n && strchr("smhd", word[n - 1]) ? pr_parse_span(word, &v) : pr_parse_size(word, &v)) {
		*(n && strchr("smhd", word[n - 1]) ? out_ns : out_bytes) = v;
		if (v)
			return PR_OK;
	}
	return pr_fail(ei, PR_EUSAGE, "record: %s: '%s' is neither a size such as 64M nor a time span such as 1h", name, word);
}

static int check(struct args *a, int n_command, struct pr_errinfo *ei)
{
	struct stat st;
	size_t len = a->out ? strlen(a->out) : 0;
	int err;

	if (a->out && !len)
		return pr_fail(ei, PR_EUSAGE, "record: --output: the name is empty");
	a->rotation = len && (a->out[len - 1] == '/' || (!stat(a->out, &st) && S_ISDIR(st.st_mode)));
	if (!a->rotation && (a->max_segment || a->keep))
		return pr_fail(ei, PR_EUSAGE, "record: --max-segment and --keep are for a folder of segments: -o DIR/");
	if (a->rotation && (a->resume || a->force))
		return pr_fail(ei, PR_EUSAGE, "record: %s is a folder, where a new segment is begun: neither --force nor --resume goes with it", a->out);
	err = parse_limit("--max-segment", a->max_segment, &a->rotate.max_bytes, &a->rotate.max_ns, ei);
	if (!err)
		err = parse_limit("--keep", a->keep, &a->rotate.keep_bytes, &a->rotate.keep_ns, ei);
	if (err)
		return err;
	if (!a->rotate.max_bytes)
		a->rotate.max_bytes = a->rotate.keep_bytes ? a->rotate.keep_bytes / 8 : SEGMENT_BYTES;
	if (a->rotate.keep_bytes && a->rotate.keep_bytes < 2 * a->rotate.max_bytes)
		return pr_fail(ei, PR_EUSAGE, "record: --keep has to be at least twice --max-segment, or little would be left of the past");
	if (a->only_tree && !n_command)
		return pr_fail(ei, PR_EUSAGE, "record: --only-tree needs a command: its tree is what is recorded");
	if (a->resume && (!a->out || n_command || a->force))
		return pr_fail(ei, PR_EUSAGE, "record: --resume needs -o PATH, and goes with neither --force nor a command");
	if (a->resume && a->sign)
		return pr_fail(ei, PR_EUSAGE, "record: --sign does not go with --resume: the keys would have to outlive the recorder");
	if (a->level > LEVEL_MAX)
		return pr_fail(ei, PR_EUSAGE, "record: --level: 0 (fast) to %d (small)", LEVEL_MAX);
	if (a->queue_given && a->queue < PR_SPOOL_QUEUE_MIN)
		return pr_fail(ei, PR_EUSAGE, "record: --queue: at least 1M");
	return PR_OK;
}

/* Under sudo the trace belongs to who called it: he is to look at it without sudo. The mode stays 0600. */
static void find_owner(struct pr_spool_options *o)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	uint64_t u, g;

	if (geteuid() || !uid || !gid || !pr_parse_u64(uid, false, &u) || !pr_parse_u64(gid, false, &g))
		return;
	if (u >= UINT32_MAX || g >= UINT32_MAX)
		return;
	o->give_away = true;
	o->uid = (uid_t)u;
	o->gid = (gid_t)g;
}

/* "2a0cc7f8-..." as 16 bytes; 0 where it can't be read. */
static void read_boot_id(uint8_t out[PR_SEG_UUID])
{
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[64] = "";
	size_t n;

	memset(out, 0, PR_SEG_UUID);
	if (!in)
		return;
	if (fgets(text, sizeof(text), in) && sodium_hex2bin(out, PR_SEG_UUID, text, 36, "-", &n, NULL))
		memset(out, 0, PR_SEG_UUID);
	fclose(in);
}

static void default_name(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, size, "procrec-%Y%m%dT%H%M%SZ.seg", &tm);
}

static void describe(const struct args *a, char *out, size_t size)
{
	snprintf(out, size, "ring=%llu sync=%s level=%llu%s%s%s%s", (unsigned long long)(a->ring ? a->ring : PR_CAPTURE_RING_DEFAULT),
		a->sync ? a->sync : "1s", (unsigned long long)a->level, a->plain ? " plain" : "", a->only_tree ? " only-tree" : "",
		a->failed_exec ? " failed-exec" : "", a->raw_tracepoints ? " raw-tracepoints" : "");
}

/* ---- what is shown meanwhile -------------------------------------------------------------------------------------- */

static void clear_status(struct screen *scr)
{
	if (scr->shown)
		fputs("\r\033[K", stderr);
	scr->shown = false;
}

static void on_status(void *arg, const struct pr_session_stats *stats)
{
	struct screen *scr = arg;
	struct pr_buf b = PR_BUF_INIT;
	struct winsize ws = {0};

	ioctl(STDERR_FILENO, TIOCGWINSZ, &ws);
	pr_report_status(&b, stats, ws.ws_col > 1 ? ws.ws_col - 1u : 0);
	fprintf(stderr, "\r\033[K%.*s", (int)b.len, (const char *)b.data);
	fflush(stderr);
	scr->shown = true;
	pr_buf_release(&b);
}

static void on_start(void *arg, const struct pr_session_stats *stats)
{
	struct screen *scr = arg;

	(void)stats;
	if (!scr->quiet)
		pr_note("recording into %s; Ctrl-C ends it", scr->path);
}

static void summary(const struct pr_session_result *r, const char *path)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_report_summary(&b, r, path);
	fwrite(b.data, 1, b.len, stderr);
	pr_buf_release(&b);
}

/*
 * CMD's own status goes first. Where that is 0 (or there is no CMD), a trace that lacks something is 1, so that scripts
 * notice.
 */
static int exit_status(const struct pr_session_options *so, const struct pr_session_result *r)
{
	if (so->command && r->cmd_status)
		return r->cmd_status;
	return pr_session_lost(&r->stats) ? PR_EXIT_NO : PR_EXIT_OK;
}

static int run(const struct args *a, struct pr_session_options *so, struct screen *scr)
{
	struct pr_session_result r;
	struct pr_errinfo ei;
	int err = pr_session_run(so, &r, &ei);

	clear_status(scr);
	if (r.ran && r.cmd_errno)
		pr_note("%s: %s", so->command[0], r.cmd_errno == ENOENT ? "command not found" : strerror(r.cmd_errno));
	if (r.left_pinned)
		pr_note("the recording is still pinned in %s: go on with it by the same command, or end it with 'procrec stop'", a->pins);
	if (err && r.started)
		pr_note("the recording ended early; what %s holds up to there can be read", so->spool.path);
	if (err) {
		pr_report(err, &ei);
		if (r.ran || pr_session_lost(&r.stats))
			summary(&r, so->spool.path);
		return so->command && r.ran && r.cmd_status ? r.cmd_status : pr_exit_status(err);
	}
	if (!a->quiet || pr_session_lost(&r.stats))
		summary(&r, so->spool.path);
	return exit_status(so, &r);
}

static int parse(int argc, char **argv, struct args *a, int *out_n, struct pr_errinfo *ei)
{
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->out, "PATH", "the trace to write (procrec-DATE.seg), or DIR/ for a rotation", NULL},
		{'f', "force", PR_OPT_FLAG, &a->force, NULL, "replace PATH if it exists", NULL},
		{0, "only-tree", PR_OPT_FLAG, &a->only_tree, NULL, "record CMD and its descendants alone", NULL},
		{0, "failed-exec", PR_OPT_FLAG, &a->failed_exec, NULL, "also record execs that fail", NULL},
		{0, "ring", PR_OPT_SIZE, &a->ring, "SIZE", "ring buffer between kernel and recorder (16M)", NULL},
		{0, "queue", PR_OPT_SIZE, &a->queue, "SIZE", "memory for a slow disk (64M)", &a->queue_given},
		{0, "sync", PR_OPT_STR, &a->sync, "WHEN", "commit to the disk: block, a time span, or none (1s)", NULL},
		{0, "level", PR_OPT_U64, &a->level, "N", "LZ4 level, 0 (fast) to 12 (small)", NULL},
		{0, "plain", PR_OPT_FLAG, &a->plain, NULL, "keep the stream's order in blocks, for lz4 -dc; thrice the size", NULL},
		{0, "no-index", PR_OPT_FLAG, &a->no_index, NULL, "keep no index beside the trace", NULL},
		{0, "max-segment", PR_OPT_STR, &a->max_segment, "SIZE|TIME", "with -o DIR/: when to begin the next segment (64M)", NULL},
		{0, "keep", PR_OPT_STR, &a->keep, "SIZE|TIME", "with -o DIR/: delete the oldest segments beyond this (never)", NULL},
		{0, "sign", PR_OPT_STR, &a->sign, "KEY", "sign it with this secret key (procrec keygen, minisign -G -W)", NULL},
		{0, "resume", PR_OPT_FLAG, &a->resume, NULL, "lose nothing when killed; go on with PATH after that", NULL},
		{0, "pin", PR_OPT_STR, &a->pins, "DIR", "with --resume: folder in a bpffs (" PR_PIN_DIR_DEFAULT ")", NULL},
		{'q', "quiet", PR_OPT_FLAG, &a->quiet, NULL, "no status, and a summary only when something was lost", NULL},
		{0, "raw-tracepoints", PR_OPT_FLAG, &a->raw_tracepoints, NULL, "attach untyped (for tests)", NULL},
		{0, "read-delay", PR_OPT_SPAN, &a->read_delay_ns, "SPAN", "read the ring only so often (for tests)", NULL},
		{0, NULL, PR_OPT_FLAG, NULL, NULL, NULL, NULL},
	};
	const struct pr_usage usage = {
		"record", "[-o PATH] [OPTIONS] [-- CMD...]",
		"Records every exec, clone and exit of this machine until it is interrupted, or while CMD runs.\n"
		"Exit status: CMD's own; where that is 0 or there is no CMD, 1 when something was lost, else 0.",
		options, 0, SIZE_MAX, true,
	};
	int err = pr_opts_parse(&usage, argc, argv, out_n, ei);

	return err ? err : check(a, *out_n, ei);
}

static void fill(struct pr_session_options *so, const struct args *a, const char *path)
{
	so->capture = (struct pr_capture_options){
		.ring_bytes = a->ring,
		.only_tree = a->only_tree,
		.failed_exec = a->failed_exec,
		.raw_tracepoints = a->raw_tracepoints,
	};
	if (a->resume)
		so->capture.pin_dir = a->pins;
	so->resume = a->resume;
	so->spool.path = path;
	so->spool.rotate = a->rotation ? &a->rotate : NULL;
	so->spool.force = a->force;
	so->spool.index = !a->no_index;
	so->spool.queue_bytes = a->queue;
	so->spool.level = (int)a->level;
	so->spool.plain = a->plain;
	so->read_delay_ns = a->read_delay_ns;
	find_owner(&so->spool);
}

static int record(int argc, char **argv, char *const *own)
{
	struct args a = {.pins = PR_PIN_DIR_DEFAULT};
	char name[64], text[256], holder[32];
	struct screen scr = {0};
	struct pr_session_options so = {.on_status = on_status, .arg = &scr, .argv = own};
	struct pr_secret_key key;
	struct pr_errinfo ei;
	int n, err = parse(argc, argv, &a, &n, &ei);

	if (!err)
		err = parse_sync(a.sync, &so, &ei);
	if (err)
		return pr_report(err, &ei);
	default_name(name, sizeof(name));
	snprintf(holder, sizeof(holder), "pid %ld", (long)getpid());
	a.rotate.holder = holder;
	read_boot_id(a.rotate.boot_id);
	describe(&a, text, sizeof(text));
	scr.path = a.out ? a.out : name;
	scr.quiet = a.quiet;
	fill(&so, &a, scr.path);
	if (a.sign) {
		err = pr_signing_read_key(&key, a.sign, &ei);
		if (err)
			return pr_report(err, &ei);
		so.spool.sign = &key; /* wiped when the recording begins */
		so.spool.sign_path = a.sign;
	}
	so.options_text = text;
	if (!a.resume && pr_capture_is_pinned(a.pins))
		pr_note("a recording that was cut off is pinned in %s: go on with it (record --resume) or end it (procrec stop)", a.pins);
	argv[n] = NULL; /* what parsing left behind the arguments of CMD */
	so.command = n ? argv : NULL;
	/* With CMD the terminal is CMD's. */
	if (!n && !a.quiet && isatty(STDERR_FILENO))
		so.status_ns = STATUS_EVERY_NS;
	if (!n)
		so.on_start = on_start;
	n = run(&a, &so, &scr);
	pr_secret_key_wipe(&key);
	return n;
}

int pr_cmd_record(int argc, char **argv)
{
	char **own = calloc((size_t)argc + 1, sizeof(*own)); /* parsing moves argv about */
	int status;

	if (!own) {
		pr_note("out of memory");
		return PR_EXIT_SYSTEM;
	}
	memcpy(own, argv, (size_t)argc * sizeof(*own));
	status = record(argc, argv, own);
	free(own);
	return status;
}

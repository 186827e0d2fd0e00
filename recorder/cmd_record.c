/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_record.c: procrec record: options in, session run, summary out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"
#include "base/text.h"
#include "recorder/commands.h"
#include "recorder/memory.h"
#include "recorder/printer.h"
#include "recorder/report.h"
#include "recorder/session.h"
#include "recorder/signing.h"
#include "redact/redact.h"

#define LEVEL_MAX 12
#define STATUS_EVERY_NS 1000000000u
#define PRINT_EVERY_NS 100000000u /* without a trace: no disk is to be spared */
#define SEGMENT_DEFAULT (64ull << 20)
#define SEGMENT_MIN (16ull << 10)
#define PASSWORD_MAX 1024
#define FREEZE_EVERY_NS (60ull * 1000000000u)
#define FREEZES_MAX 8

struct args {
	const char *out, *sync, *pins, *sign, *password_file;
	const char *redact; /* the file with further rules; "": none */
	const char *redact_key;
	bool force, only_tree, failed_exec, raw_tracepoints, no_index, plain, quiet, resume, print, no_trace, json;
	uint64_t ring, queue, level, read_delay_ns;
	bool ring_given, queue_given, level_given, pins_given;
	struct pr_strlist max_segment, keep; /* sizes and time spans */
	const char *trigger;
	uint64_t trigger_every, freezes;
	bool trigger_every_given, freezes_given;
};

struct screen {
	struct pr_style status; /* of the status line: cut to the terminal's width, but for its last column, which may wrap */
	const struct pr_style *style; /* of the summary */
	bool quiet;
	const char *path; /* of the trace; NULL: it is kept nowhere */
	struct pr_printer printer;
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

/* Sizes have the units K, M and G, spans of time ns to d: a number alone would be either. */
static int parse_limits(const char *option, const struct pr_strlist *l, uint64_t *out_bytes, uint64_t *out_ns, struct pr_errinfo *ei)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *word = l->v[i];
		size_t len = strlen(word);
		bool unit = len && (word[len - 1] < '0' || word[len - 1] > '9'), size = unit && strpbrk(word, "KMG");
		uint64_t *out = size ? out_bytes : out_ns, before = *out;

		if (!unit || !(size ? pr_parse_size(word, out) : pr_parse_span(word, out)) || !*out)
			return pr_fail(ei, PR_EUSAGE, "record: --%s: '%s' is neither a size such as 64M nor a time span such as 10m", option, word);
		if (before)
			return pr_fail(ei, PR_EUSAGE, "record: --%s: '%s' is its second %s; give one size and one time span at most", option, word,
				size ? "size" : "time span");
	}
	return PR_OK;
}

/* What to freeze is a rotation's history. An expression that is none is refused before anything begins. */
static int parse_freezing(const struct args *a, struct pr_spool_options *o, struct pr_errinfo *ei)
{
	struct pr_trigger *t;
	int err;

	if (!o->rotate && (a->trigger || a->trigger_every_given || a->freezes_given))
		return pr_fail(ei, PR_EUSAGE, "record: --trigger, --trigger-every and --freezes are for a directory of segments: -o DIR/");
	if (a->trigger_every_given && !a->trigger)
		return pr_fail(ei, PR_EUSAGE, "record: --trigger-every goes with --trigger");
	o->freeze = (struct pr_freeze_options){a->trigger, a->trigger_every, a->freezes};
	err = a->trigger ? pr_trigger_new(&t, a->trigger, ei) : PR_OK;
	if (!err && a->trigger)
		pr_trigger_free(t);
	return err;
}

static bool is_folder(const char *path)
{
	size_t len = path ? strlen(path) : 0;
	struct stat st;

	return len && (path[len - 1] == '/' || (!stat(path, &st) && S_ISDIR(st.st_mode)));
}

/* A directory is a rotation. Nothing of the past is deleted unless the caller says so. */
static int parse_rotation(const struct args *a, struct pr_spool_options *o, struct pr_errinfo *ei)
{
	int err = parse_limits("max-segment", &a->max_segment, &o->max_bytes, &o->max_ns, ei);

	if (!err)
		err = parse_limits("keep", &a->keep, &o->keep_bytes, &o->keep_ns, ei);
	if (err)
		return err;
	o->rotate = is_folder(a->out);
	err = parse_freezing(a, o, ei);
	if (err)
		return err;
	if (!o->rotate && (a->max_segment.n || a->keep.n))
		return pr_fail(ei, PR_EUSAGE, "record: --max-segment and --keep are for a directory of segments: -o DIR/, with a slash at its end");
	if (!o->rotate)
		return PR_OK;
	if (a->force || a->resume)
		return pr_fail(ei, PR_EUSAGE, "record: %s is a directory: neither --force nor --resume goes with one", a->out);
	if (!o->max_bytes)
		o->max_bytes = o->keep_bytes && o->keep_bytes < 8 * SEGMENT_DEFAULT ? o->keep_bytes / 8 : SEGMENT_DEFAULT;
	if (o->max_bytes < SEGMENT_MIN)
		return pr_fail(ei, PR_EUSAGE, "record: segments of at least 16K: --max-segment, or an eighth of --keep");
	if (o->keep_bytes && o->keep_bytes < 2 * o->max_bytes)
		return pr_fail(ei, PR_EUSAGE, "record: --keep: at least twice --max-segment");
	return PR_OK;
}

/* What is said about a trace, where none is kept, was meant otherwise. */
static int check_no_trace(const struct args *a, struct pr_errinfo *ei)
{
	const struct {
		bool given;
		const char *option;
	} about_trace[] = {{a->out, "output"}, {a->force, "force"}, {a->sync, "sync"}, {a->level_given, "level"}, {a->max_segment.n, "max-segment"},
		{a->keep.n, "keep"}, {a->trigger, "trigger"}, {a->trigger_every_given, "trigger-every"}, {a->freezes_given, "freezes"}, {a->plain, "plain"},
		{a->no_index, "no-index"}, {a->sign, "sign"}, {a->password_file, "password-file"}, {a->resume, "resume"}, {a->pins_given, "pin"}};

	if (!a->print)
		return pr_fail(ei, PR_EUSAGE, "record: --no-trace keeps nothing: it goes with --print, which shows what comes");
	for (size_t i = 0; i < sizeof(about_trace) / sizeof(about_trace[0]); i++)
		if (about_trace[i].given)
			return pr_fail(ei, PR_EUSAGE, "record: --%s is for a trace, and --no-trace keeps none: leave one of them out", about_trace[i].option);
	return PR_OK;
}

static int check(const struct args *a, int n_command, struct pr_errinfo *ei)
{
	int err = a->no_trace ? check_no_trace(a, ei) : PR_OK;

	if (err)
		return err;
	if (a->out && !*a->out)
		return pr_fail(ei, PR_EUSAGE, "record: --output: the name is empty");
	if (a->only_tree && !n_command)
		return pr_fail(ei, PR_EUSAGE, "record: --only-tree needs a command: its tree is what is recorded");
	if (a->json && !a->print)
		return pr_fail(ei, PR_EUSAGE, "record: --json is how --print shows events; the trace itself is the same: see 'procrec replay --json'");
	if (a->resume && (!a->out || n_command || a->force))
		return pr_fail(ei, PR_EUSAGE, "record: --resume needs -o PATH, and goes with neither --force nor a command");
	if (a->resume && a->sign)
		return pr_fail(ei, PR_EUSAGE, "record: --sign does not go with --resume: the keys would have to outlive the recorder");
	if (a->password_file && !a->sign)
		return pr_fail(ei, PR_EUSAGE, "record: --password-file is for --sign");
	if (a->redact_key && !a->redact)
		return pr_fail(ei, PR_EUSAGE, "record: --redact-key is for --redact");
	if (a->resume && a->redact && !a->redact_key)
		return pr_fail(ei, PR_EUSAGE, "record: --redact with --resume needs --redact-key FILE: a key that is drawn is gone with the recorder");
	if (a->level > LEVEL_MAX)
		return pr_fail(ei, PR_EUSAGE, "record: --level: 0 (fast) to %d (small)", LEVEL_MAX);
	if (a->ring_given && !a->ring)
		return pr_fail(ei, PR_EUSAGE, "record: --ring: at least 64K");
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

static void default_name(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, size, "procrec-%Y%m%dT%H%M%SZ.seg", &tm);
}

static void describe(const struct args *a, char *out, size_t size)
{
	snprintf(out, size, "ring=%llu sync=%s level=%llu%s%s%s%s%s", (unsigned long long)(a->ring ? a->ring : PR_CAPTURE_RING_DEFAULT),
		a->sync ? a->sync : "1s", (unsigned long long)a->level, a->redact ? " redact" : "", a->plain ? " plain" : "", a->only_tree ? " only-tree" : "",
		a->failed_exec ? " failed-exec" : "", a->raw_tracepoints ? " raw-tracepoints" : "");
}

/* ---- what is shown meanwhile -------------------------------------------------------------------------------------- */

static void on_status(void *arg, const struct pr_session_stats *stats)
{
	struct screen *scr = arg;
	struct pr_buf b = PR_BUF_INIT;
	unsigned columns = pr_term_columns(STDERR_FILENO); /* windows change while it runs */

	scr->status.columns = columns > 1 ? columns - 1 : 0;
	pr_report_status(&b, stats, &scr->status);
	if (!pr_buf_failed(&b))
		pr_line_show(b.data, b.len);
	pr_buf_release(&b);
}

static void on_start(void *arg, const struct pr_session_stats *stats)
{
	struct screen *scr = arg;

	(void)stats;
	if (!scr->quiet && scr->path)
		pr_note("recording into %s; Ctrl-C ends it", scr->path);
	else if (!scr->quiet)
		pr_note("what runs is printed, and kept nowhere; Ctrl-C ends it");
}

static void on_open(void *arg)
{
	pr_printer_release(&((struct screen *)arg)->printer);
}

static bool is_wanted(void *arg)
{
	return pr_printer_lives(&((struct screen *)arg)->printer);
}

static void on_trouble(void *arg, const char *why, bool stuck)
{
	(void)arg;
	if (!why)
		pr_note("writing goes on again");
	else if (stuck)
		pr_note("%s; frames wait in memory as long as there is room, then they are counted as lost", why);
	else
		pr_note("%s; going on in a new segment", why);
}

static void on_gone(void *arg, const struct pr_sink_gone *gone)
{
	(void)arg;
	pr_line_hide();
	if (gone->deleted)
		pr_note("%s was deleted: what was recorded into it is gone", gone->name);
	else
		pr_note("%s is not there any more (deleted, moved or replaced), nor is what was recorded into it", gone->name);
}

static void on_freeze(void *arg, const struct pr_freezer_state *st, bool refused)
{
	const struct screen *scr = arg;
	size_t at = (st->n < PR_FREEZES_TOLD ? st->n : PR_FREEZES_TOLD) - 1;

	pr_line_hide();
	if (refused)
		pr_note("%s", st->refusal);
	else if (!scr->quiet)
		pr_note("frozen: %s%s" PR_FREEZE_NAME ", for: %s", scr->path, scr->path[strlen(scr->path) - 1] == '/' ? "" : "/", (unsigned long long)st->made[at].set.number, st->made[at].why);
}

static void summary(const struct pr_session_result *r, const char *path, const struct pr_style *style)
{
	struct pr_buf b = PR_BUF_INIT;

	pr_report_summary(&b, r, path, style);
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
	return pr_session_lacks(&r->stats) ? PR_EXIT_NO : PR_EXIT_OK;
}

static int run(const struct args *a, struct pr_session_options *so, struct screen *scr)
{
	struct pr_session_result r;
	struct pr_errinfo ei;
	const char *kept; /* where all of it is */
	int err = pr_session_run(so, &r, &ei);

	kept = r.stats.spool.sink.gone.files ? NULL : scr->path;
	pr_line_hide();
	if (!pr_printer_finish(&scr->printer))
		pr_note("nobody takes the events that are printed; process %d goes on with that%s%s", (int)scr->printer.pid,
			kept ? ". All of them are in " : "", kept ? kept : "");
	if (r.ran && r.cmd_errno)
		pr_note("%s: %s", so->command[0], r.cmd_errno == ENOENT ? "command not found" : strerror(r.cmd_errno));
	if (r.left_pinned)
		pr_note("the recording is still pinned in %s: go on with it by the same command, or end it with 'procrec stop'", a->pins);
	if (err && r.started && !r.stats.spool.sink.segments)
		pr_note("the recording ended early, and nothing of it could be written");
	else if (err && r.started && scr->path && !r.stats.spool.sink.gone.all)
		pr_note("the recording ended early; what %s holds up to there can be read", so->spool.path);
	if (err) {
		pr_report(err, &ei);
		if (r.ran || r.uncounted || pr_session_lacks(&r.stats))
			summary(&r, scr->path, scr->style);
		return so->command && r.ran && r.cmd_status ? r.cmd_status : pr_exit_status(err);
	}
	if (!a->quiet || pr_session_lacks(&r.stats))
		summary(&r, scr->path, scr->style);
	return exit_status(so, &r);
}

static int parse(struct pr_term *term, int argc, char **argv, struct args *a, int *out_n, struct pr_errinfo *ei)
{
	const struct pr_option options[] = {
		{'o', "output", PR_OPT_STR, &a->out, "PATH", "the trace to write (procrec-DATE.seg); DIR/: a rotation", NULL},
		{'f', "force", PR_OPT_FLAG, &a->force, NULL, "replace PATH if it exists", NULL},
		{0, "only-tree", PR_OPT_FLAG, &a->only_tree, NULL, "record CMD and its descendants alone", NULL},
		{0, "failed-exec", PR_OPT_FLAG, &a->failed_exec, NULL, "also record execs that fail", NULL},
		{0, "ring", PR_OPT_SIZE, &a->ring, "SIZE", "ring buffer between kernel and recorder (16M)", &a->ring_given},
		{0, "queue", PR_OPT_SIZE, &a->queue, "SIZE", "memory for a slow disk (64M)", &a->queue_given},
		{0, "sync", PR_OPT_STR, &a->sync, "WHEN", "commit to the disk: block, a time span, or none (1s)", NULL},
		{0, "level", PR_OPT_U64, &a->level, "N", "LZ4 level, 0 (fast) to 12 (small)", &a->level_given},
		{0, "max-segment", PR_OPT_LIST, &a->max_segment, "LIMIT", "with -o DIR/: size and age of a segment (64M)", NULL},
		{0, "keep", PR_OPT_LIST, &a->keep, "LIMIT", "with -o DIR/: delete the oldest segments beyond this size or age (never)", NULL},
		{0, "trigger", PR_OPT_STR, &a->trigger, "EXPR", "with -o DIR/: freeze the history when an event meets this (SQL, as for --where)", NULL},
		{0, "trigger-every", PR_OPT_SPAN, &a->trigger_every, "SPAN", "a trigger freezes once in this time at most (1m)", &a->trigger_every_given},
		{0, "freezes", PR_OPT_U64, &a->freezes, "N", "with -o DIR/: as many frozen sets may lie there (8)", &a->freezes_given},
		{0, "plain", PR_OPT_FLAG, &a->plain, NULL, "keep the stream's order in blocks, for lz4 -dc; thrice the size", NULL},
		{0, "no-index", PR_OPT_FLAG, &a->no_index, NULL, "keep no index beside the trace", NULL},
		{0, "redact", PR_OPT_OPTSTR, &a->redact, "RULES", "replace secrets in arguments by marks; by the rules of a file, too", NULL},
		{0, "redact-key", PR_OPT_STR, &a->redact_key, "FILE", "with a key of its own: the same secret has the same mark in each trace", NULL},
		{0, "sign", PR_OPT_STR, &a->sign, "KEY", "sign it with this secret key (procrec keygen, minisign -G -W)", NULL},
		{0, "password-file", PR_OPT_STR, &a->password_file, "FILE", "with --sign: the key's password is the first line of FILE", NULL},
		{0, "resume", PR_OPT_FLAG, &a->resume, NULL, "lose nothing when killed; go on with PATH after that", NULL},
		{0, "pin", PR_OPT_STR, &a->pins, "DIR", "with --resume: folder in a bpffs (" PR_PIN_DIR_DEFAULT ")", &a->pins_given},
		{0, "print", PR_OPT_FLAG, &a->print, NULL, "print events to standard output as they come, as replay does", NULL},
		{0, "no-trace", PR_OPT_FLAG, &a->no_trace, NULL, "with --print: keep nothing", NULL},
		{0, "json", PR_OPT_FLAG, &a->json, NULL, "with --print: one JSON object a line", NULL},
		{'q', "quiet", PR_OPT_FLAG, &a->quiet, NULL, "no status, and a summary only when something was lost", NULL},
		PR_TERM_COLOR(term),
		{0, "raw-tracepoints", PR_OPT_FLAG, &a->raw_tracepoints, NULL, "attach untyped (for tests)", NULL},
		{0, "read-delay", PR_OPT_SPAN, &a->read_delay_ns, "SPAN", "read the ring only so often (for tests)", NULL},
		{0, NULL, PR_OPT_FLAG, NULL, NULL, NULL, NULL},
	};
	const struct pr_usage usage = {
		"record", "[-o PATH] [OPTIONS] [-- CMD...]",
		"Records every exec, clone and exit of this machine until it is interrupted, or while CMD runs.\n"
		"Exit status: CMD's own; where that is 0 or there is no CMD, 1 when something was lost or deleted, else 0.",
		options, 0, SIZE_MAX, true,
	};
	int err = pr_term_parse(term, &usage, argc, argv, out_n, ei);

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
	so->spool.force = a->force;
	so->spool.index = !a->no_index;
	so->spool.queue_bytes = a->queue;
	so->spool.level = (int)a->level;
	so->spool.plain = a->plain;
	so->read_delay_ns = a->read_delay_ns;
	if (a->no_trace) {
		so->spool.in_memory = true;
		so->spool.index = false;
		so->spool.sync = PR_SYNC_NONE;
		so->sync_ns = PRINT_EVERY_NS;
		so->is_wanted = is_wanted;
	}
	find_owner(&so->spool);
}

/* The password of a key that has one: from the terminal, unseen, or a line of standard input. */
static int ask_password(const char *path, char out[PASSWORD_MAX], struct pr_errinfo *ei)
{
	struct termios old, quiet;
	FILE *tty = fopen("/dev/tty", "r+e");
	FILE *in = tty ? tty : stdin;
	bool hidden = tty && !tcgetattr(fileno(tty), &old), got;

	if (hidden) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(tty, "password of %s: ", path);
		fflush(tty);
		tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	}
	got = fgets(out, PASSWORD_MAX, in) != NULL;
	if (hidden) {
		tcsetattr(fileno(tty), TCSAFLUSH, &old);
		fputc('\n', tty);
	}
	if (tty)
		fclose(tty);
	if (!got)
		return pr_fail(ei, PR_EPERM, "%s: the key needs a password, and there is no terminal to ask for it; see --password-file", path);
	out[strcspn(out, "\r\n")] = '\0';
	return PR_OK;
}

static int read_password(const char *path, char out[PASSWORD_MAX], struct pr_errinfo *ei)
{
	FILE *in = fopen(path, "re");
	bool got;

	if (!in)
		return pr_fail_errno(ei, "%s: cannot open", path);
	setbuf(in, NULL); /* no copy of it stays behind */
	got = fgets(out, PASSWORD_MAX, in) != NULL;
	fclose(in);
	if (!got)
		return pr_fail(ei, PR_EUSAGE, "%s: no password in it", path);
	out[strcspn(out, "\r\n")] = '\0';
	return PR_OK;
}

/* The key is wiped when the recording begins. One with a password can't be read again at the end, for the detached signature. */
static int take_key(const struct args *a, struct pr_secret_key *key, struct pr_spool_options *o, struct pr_errinfo *ei)
{
	char password[PASSWORD_MAX];
	bool sealed = false;
	int err;

	if (!a->sign)
		return PR_OK;
	err = pr_signing_key_sealed(a->sign, &sealed, ei);
	if (!err && sealed)
		err = a->password_file ? read_password(a->password_file, password, ei) : ask_password(a->sign, password, ei);
	if (!err)
		err = pr_signing_read_key(key, a->sign, sealed ? password : NULL, ei);
	explicit_bzero(password, sizeof(password));
	if (err)
		return err;
	o->sign = key;
	o->sign_path = sealed ? NULL : a->sign;
	return PR_OK;
}

static int take_rules(const struct args *a, struct pr_spool_options *o, struct pr_errinfo *ei)
{
	struct pr_redact_choice choice = {a->redact && *a->redact ? a->redact : NULL, a->redact_key};

	return a->redact ? pr_redact_open(&o->redact, &choice, NULL, ei) : PR_OK;
}

/* A trace that is kept nowhere has a name all the same, for the two processes: it goes to `memory`. */
static int prepare_printer(const struct args *a, const char *color, char memory[32], struct screen *scr, struct pr_errinfo *ei)
{
	struct pr_printer_options o = {scr->path, -1, a->json, color};
	int err = a->no_trace ? pr_memory_create(&o.fd, memory, ei) : PR_OK;

	if (a->no_trace)
		o.path = memory;
	if (!err)
		err = pr_printer_hold(&scr->printer, &o, ei);
	if (o.fd >= 0 && err)
		close(o.fd);
	return err;
}

static int record(struct pr_term *term, int argc, char **argv, char *const *own)
{
	struct args a = {.pins = PR_PIN_DIR_DEFAULT, .trigger_every = FREEZE_EVERY_NS, .freezes = FREEZES_MAX};
	char name[64], memory[32], text[256];
	struct screen scr = {.printer = {.go_fd = -1, .end_fd = -1}};
	struct pr_session_options so = {.on_status = on_status, .on_trouble = on_trouble, .on_freeze = on_freeze, .on_gone = on_gone, .arg = &scr, .argv = own};
	struct pr_secret_key key;
	struct pr_errinfo ei;
	int n, err = parse(term, argc, argv, &a, &n, &ei);

	if (!err)
		err = parse_sync(a.sync, &so, &ei);
	if (!err)
		err = parse_rotation(&a, &so.spool, &ei);
	pr_strlist_release(&a.max_segment);
	pr_strlist_release(&a.keep);
	if (err)
		return pr_report(err, &ei);
	default_name(name, sizeof(name));
	describe(&a, text, sizeof(text));
	scr.path = a.no_trace ? NULL : a.out ? a.out : name;
	scr.quiet = a.quiet;
	scr.status = term->err_style;
	scr.style = &term->err_style;
	fill(&so, &a, a.no_trace ? memory : scr.path);
	err = take_rules(&a, &so.spool, &ei);
	if (!err)
		err = take_key(&a, &key, &so.spool, &ei);
	if (err) {
		pr_redact_free(so.spool.redact);
		return pr_report(err, &ei);
	}
	so.options_text = text;
	if (!a.resume && pr_capture_is_pinned(a.pins))
		pr_note("a recording that was cut off is pinned in %s: go on with it (record --resume) or end it (procrec stop)", a.pins);
	argv[n] = NULL; /* what parsing left behind the arguments of CMD */
	so.command = n ? argv : NULL;
	if (a.print)
		err = prepare_printer(&a, term->wish.color, memory, &scr, &ei);
	if (err) {
		pr_secret_key_wipe(&key);
		return pr_report(err, &ei);
	}
	so.on_open = a.print ? on_open : NULL;
	/* With CMD the terminal is CMD's, and one on which events are printed is theirs. */
	if (!n && !a.quiet && !term->err_dumb && !(a.print && term->out_tty))
		so.status_ns = STATUS_EVERY_NS;
	if (!n)
		so.on_start = on_start;
	n = run(&a, &so, &scr);
	pr_secret_key_wipe(&key);
	pr_redact_free(so.spool.redact);
	return n;
}

int pr_cmd_record(struct pr_term *term, int argc, char **argv)
{
	char **own = calloc((size_t)argc + 1, sizeof(*own)); /* parsing moves argv about */
	int status;

	if (!own) {
		pr_note("out of memory");
		return PR_EXIT_SYSTEM;
	}
	memcpy(own, argv, (size_t)argc * sizeof(*own));
	status = record(term, argc, argv, own);
	free(own);
	return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_golden.c: golden tests for other people's frames. A folder holds recordings (FILE.frames: text; FILE.raw: raw frames;
 * FILE.seg: a trace) and beside each what replay must say of it (FILE.events.expected, FILE.cache.expected). The
 * views are the commands themselves, each called in a child process, so that what is tested is what users see.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"

#define NAMES_MAX 256 /* arguments made of the file `names` */
#define ARGS_MAX 8 /* of a view */
#define SHOW_LINES 10 /* of a difference */
#define SHOW_BYTES 240 /* of a line */
#define SHOW_BEFORE 100 /* of them, before the first that differs */
#define SUFFIX ".expected"

struct golden {
	const char *dir;
	char *real_dir; /* owned; absolute */
	bool update;
	char tmp[64]; /* scratch folder, made by us */
	struct pr_buf names; /* contents of DIR/names, lines ended by NUL */
	char *pack_args[NAMES_MAX]; /* --hostname NAME --user UID=NAME ..., pointing into names */
	size_t n_pack_args;
	char **files; /* of DIR, sorted */
	size_t n_files;
	uint64_t passed, failed, changed;
};

struct result {
	struct pr_buf out; /* stdout, and then stderr and status as comments */
	struct pr_buf err;
	int status;
};

static const struct view {
	const char *name;
	pr_command_fn *run;
	const char *args[ARGS_MAX]; /* NULL ends; "" stands for the trace */
} views[] = {
	{"events", pr_cmd_replay, {"replay", "", "--json"}},
	{"cache", pr_cmd_replay, {"replay", "", "--cache", "--json"}},
};
#define N_VIEWS (sizeof(views) / sizeof(views[0]))

/* ---- running a command ------------------------------------------------------------------------------------------ */

static int read_fd(int fd, struct pr_buf *b, const char *name, struct pr_errinfo *ei)
{
	for (;;) {
		uint8_t *room = pr_buf_grow(b, 65536);
		ssize_t k;

		if (!room)
			return pr_fail(ei, PR_ENOMEM, "golden: out of memory");
		k = read(fd, room, 65536);
		b->len -= 65536 - (k > 0 ? (size_t)k : 0);
		if (k < 0 && errno != EINTR)
			return pr_fail_errno(ei, "%s: cannot read", name);
		if (!k)
			return PR_OK;
	}
}

static int read_file(const char *path, struct pr_buf *b, struct pr_errinfo *ei)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return pr_fail_errno(ei, "%s: cannot open", path);
	err = read_fd(fd, b, path, ei);
	close(fd);
	return err;
}

static void child(const struct golden *g, pr_command_fn *run, char **argv, const int fds[2])
{
	struct pr_term plain;
	int argc = 0, status;

	while (argv[argc])
		argc++;
	if (chdir(g->tmp) || dup2(fds[0], STDOUT_FILENO) < 0 || dup2(fds[1], STDERR_FILENO) < 0)
		_exit(PR_EXIT_SYSTEM);
	pr_term_init_plain(&plain);
	status = run(&plain, argc, argv);
	if (fflush(stdout))
		status = PR_EXIT_SYSTEM;
	fflush(stderr);
	_exit(status);
}

/* Calls a command in a child process, in the scratch folder. 0 and *r filled, or an error of ours. */
static int call(const struct golden *g, pr_command_fn *run, char **argv, struct result *r, struct pr_errinfo *ei)
{
	int fds[2] = {memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)}, err = PR_OK, st = 0;
	struct pr_buf *bufs[2] = {&r->out, &r->err};
	pid_t pid;

	fflush(NULL);
	pid = fds[0] < 0 || fds[1] < 0 ? -1 : fork();
	if (pid == 0)
		child(g, run, argv, fds);
	while (pid > 0 && waitpid(pid, &st, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		err = pr_fail_errno(ei, "golden: cannot start '%s'", argv[0]);
	r->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	for (int i = 0; i < 2; i++) {
		if (!err && lseek(fds[i], 0, SEEK_SET) < 0)
			err = pr_fail_errno(ei, "golden: cannot read the output back");
		if (!err)
			err = read_fd(fds[i], bufs[i], argv[0], ei);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return err;
}

/* Messages and exit status are part of what is expected. */
static void append_comments(struct pr_buf *out, const struct result *r)
{
	size_t i = 0;

	while (i < r->err.len) {
		const uint8_t *nl = memchr(r->err.data + i, '\n', r->err.len - i);
		size_t n = nl ? (size_t)(nl - r->err.data) - i : r->err.len - i;

		pr_buf_str(out, "# ");
		pr_buf_append(out, r->err.data + i, n);
		pr_buf_u8(out, '\n');
		i += n + 1;
	}
	if (r->status)
		pr_buf_printf(out, "# exit status %d\n", r->status);
}

static void result_release(struct result *r)
{
	pr_buf_release(&r->out);
	pr_buf_release(&r->err);
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static size_t line_length(const struct pr_buf *b, size_t at)
{
	const uint8_t *nl = at < b->len ? memchr(b->data + at, '\n', b->len - at) : NULL;

	return nl ? (size_t)(nl - b->data) - at + 1 : b->len - at;
}

/* Part of a line, made harmless: from a little before `column` on. */
static void print_part(char mark, const uint8_t *p, size_t n, size_t column)
{
	size_t from = n > SHOW_BYTES && column > SHOW_BEFORE ? column - SHOW_BEFORE : 0;
	size_t k = n - from > SHOW_BYTES ? SHOW_BYTES : n - from;
	struct pr_buf b = PR_BUF_INIT;

	while (n && from + k == n && p[n - 1] == '\n')
		n--, k--;
	pr_text_escape_lossy(&b, p + from, k);
	printf("    %c %s%.*s%s\n", mark, from ? "..." : "", (int)b.len, b.data ? (char *)b.data : "", from + k < n ? "..." : "");
	pr_buf_release(&b);
}

static void print_lines(char mark, const struct pr_buf *b, size_t from, size_t to)
{
	for (int k = 0; from < to; k++) {
		size_t n = line_length(b, from);

		if (k == SHOW_LINES) {
			printf("    %c ...\n", mark);
			return;
		}
		print_part(mark, b->data + from, n, 0);
		from += n;
	}
}

static size_t count_lines(const struct pr_buf *b, size_t from, size_t to)
{
	size_t lines = 0;

	for (; from < to; from += line_length(b, from))
		lines++;
	return lines;
}

/* As many lines here as there: each is shown beside its counterpart, where the two begin to differ. */
static void print_pairs(const struct pr_buf *want, const struct pr_buf *got, size_t at, size_t end, size_t line)
{
	size_t w = at, g = at, shown = 0;

	for (; w < end && shown < SHOW_LINES; line++) {
		size_t n = line_length(want, w), m = line_length(got, g), column = 0;

		while (column < n && column < m && want->data[w + column] == got->data[g + column])
			column++;
		if (column < n || column < m) {
			printf("    line %zu, column %zu: - expected, + seen\n", line, column + 1);
			print_part('-', want->data + w, n, column);
			print_part('+', got->data + g, m, column);
			shown++;
		}
		w += n;
		g += m;
	}
	if (w < end)
		printf("    ...\n");
}

/* Lines that both have at the beginning and at the end are left out. */
static void print_difference(const struct pr_buf *want, const struct pr_buf *got)
{
	size_t at = 0, line = 1, end = 0, n;
	size_t least = want->len < got->len ? want->len : got->len;

	while (at < least) {
		n = line_length(want, at);
		if (n != line_length(got, at) || memcmp(want->data + at, got->data + at, n))
			break;
		at += n;
		line++;
	}
	while (end < least - at && want->data[want->len - end - 1] == got->data[got->len - end - 1])
		end++;
	/* Back to where whole lines end in both. */
	while (end && ((want->len - end > at && want->data[want->len - end - 1] != '\n') ||
			      (got->len - end > at && got->data[got->len - end - 1] != '\n')))
		end--;
	if (count_lines(want, at, want->len - end) == count_lines(got, at, got->len - end)) {
		print_pairs(want, got, at, want->len - end, line);
		return;
	}
	printf("    from line %zu on: - expected, + seen\n", line);
	print_lines('-', want, at, want->len - end);
	print_lines('+', got, at, got->len - end);
}

static int write_expected(const char *path, const struct pr_buf *b, struct pr_errinfo *ei)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	bool bad = fd < 0 || pr_write_all(fd, b->data, b->len);

	if (fd >= 0 && close(fd))
		bad = true;
	return bad ? pr_fail_errno(ei, "%s: cannot write", path) : PR_OK;
}

/* Compares what was seen with DIR/FILE.VIEW.expected, or writes it there. */
static int settle(struct golden *g, const char *file, const char *view, const struct pr_buf *got, struct pr_errinfo *ei)
{
	struct pr_buf path = PR_BUF_INIT, want = PR_BUF_INIT;
	bool there, same;
	int err = PR_OK;

	pr_buf_printf(&path, "%s/%s.%s" SUFFIX "%c", g->dir, file, view, 0);
	if (path.failed)
		return pr_fail(ei, PR_ENOMEM, "golden: out of memory");
	there = !access((char *)path.data, F_OK);
	if (there)
		err = read_file((char *)path.data, &want, ei);
	same = there && want.len == got->len && (!got->len || !memcmp(want.data, got->data, got->len));
	if (!err && g->update && !same) {
		err = write_expected((char *)path.data, got, ei);
		g->changed++;
		printf("%s  %s: %s\n", there ? "changed" : "new    ", file, view);
	} else if (!err && !same) {
		printf("FAILED %s: %s%s\n", file, view, there ? "" : " has no expectation; 'procrec golden update' writes it");
		if (there)
			print_difference(&want, got);
	}
	g->passed += same || g->update;
	g->failed += !same && !g->update;
	pr_buf_release(&path);
	pr_buf_release(&want);
	return err;
}

/* ---- one recording ---------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

/* Makes the trace of the file; both are names in the scratch folder. What the maker said is kept in *r. */
static int make_trace(struct golden *g, char *file, char *trace, struct result *r, struct pr_errinfo *ei)
{
	bool raw = ends_with(file, ".raw");
	char *args[NAMES_MAX + 8] = {(char *)(raw ? "pack" : "asm"), file, (char *)"-o", trace};

	if (ends_with(file, ".seg"))
		return PR_OK;
	for (size_t i = 0; i < g->n_pack_args && raw; i++)
		args[4 + i] = g->pack_args[i];
	return call(g, raw ? pr_cmd_pack : pr_cmd_asm, args, r, ei);
}

static int run_view(struct golden *g, const char *file, const struct view *v, char *trace, const struct result *made,
	struct pr_errinfo *ei)
{
	struct result r = {.out = PR_BUF_INIT, .err = PR_BUF_INIT};
	char *args[ARGS_MAX + 1] = {NULL};
	int err;

	for (size_t i = 0; i < ARGS_MAX && v->args[i]; i++)
		args[i] = *v->args[i] ? (char *)v->args[i] : trace;
	err = call(g, v->run, args, &r, ei);
	append_comments(&r.out, made);
	append_comments(&r.out, &r);
	if (!err && r.out.failed)
		err = pr_fail(ei, PR_ENOMEM, "golden: out of memory");
	if (!err)
		err = settle(g, file, v->name, &r.out, ei);
	result_release(&r);
	return err;
}

/* The recording is linked into the scratch folder, where the commands run: so messages name it without a path. */
static int run_file(struct golden *g, char *file, struct pr_errinfo *ei)
{
	struct result made = {.out = PR_BUF_INIT, .err = PR_BUF_INIT};
	struct pr_buf input = PR_BUF_INIT, link = PR_BUF_INIT, trace = PR_BUF_INIT;
	char *name;
	int err = PR_OK;

	pr_buf_printf(&input, "%s/%s%c", g->real_dir, file, 0);
	pr_buf_printf(&link, "%s/%s%c", g->tmp, file, 0);
	pr_buf_printf(&trace, "%s/%s%s%c", g->tmp, file, ends_with(file, ".seg") ? "" : ".seg", 0);
	if (input.failed || link.failed || trace.failed)
		err = pr_fail(ei, PR_ENOMEM, "golden: out of memory");
	else if (symlink((char *)input.data, (char *)link.data))
		err = pr_fail_errno(ei, "%s: cannot make a link", (char *)link.data);
	name = err ? NULL : (char *)trace.data + strlen(g->tmp) + 1;
	if (!err)
		err = make_trace(g, file, name, &made, ei);
	if (!err && access((char *)trace.data, F_OK)) {
		printf("FAILED %s: no trace can be made of it\n", file);
		print_lines(' ', &made.err, 0, made.err.len);
		g->failed += N_VIEWS;
	} else {
		for (size_t i = 0; i < N_VIEWS && !err; i++)
			err = run_view(g, file, &views[i], name, &made, ei);
	}
	if (link.data)
		unlink((char *)link.data);
	if (trace.data)
		unlink((char *)trace.data);
	pr_buf_release(&input);
	pr_buf_release(&link);
	pr_buf_release(&trace);
	result_release(&made);
	return err;
}

/* ---- the folder ------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_recording(const char *name)
{
	return name[0] != '.' && (ends_with(name, ".frames") || ends_with(name, ".raw") || ends_with(name, ".seg"));
}

static int list(struct golden *g, struct pr_errinfo *ei)
{
	DIR *d = opendir(g->dir);
	struct dirent *e;

	if (!d)
		return pr_fail_errno(ei, "%s: cannot open", g->dir);
	while ((e = readdir(d))) {
		char **files = realloc(g->files, (g->n_files + 1) * sizeof(*files));

		if (files)
			g->files = files;
		if (!files || !(files[g->n_files] = strdup(e->d_name))) {
			closedir(d);
			return pr_fail(ei, PR_ENOMEM, "golden: out of memory");
		}
		g->n_files++;
	}
	closedir(d);
	qsort(g->files, g->n_files, sizeof(*g->files), by_name);
	return PR_OK;
}

/* DIR/names: lines "hostname NAME" and "user UID=NAME", for .raw files. */
static int read_names(struct golden *g, struct pr_errinfo *ei)
{
	struct pr_buf path = PR_BUF_INIT;
	char *line, *next;
	int err = PR_OK;

	pr_buf_printf(&path, "%s/names%c", g->dir, 0);
	if (!path.failed && !access((char *)path.data, F_OK))
		err = read_file((char *)path.data, &g->names, ei);
	pr_buf_release(&path);
	pr_buf_u8(&g->names, 0);
	if (err || g->names.failed)
		return err ? err : pr_fail(ei, PR_ENOMEM, "golden: out of memory");
	for (line = (char *)g->names.data; line && *line; line = next) {
		bool host = !strncmp(line, "hostname ", 9), user = !strncmp(line, "user ", 5);

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!*line || *line == '#')
			continue;
		if ((!host && !user) || g->n_pack_args + 2 > NAMES_MAX)
			return pr_fail(ei, PR_EFORMAT, "%s/names: '%.60s' is not 'hostname NAME' or 'user UID=NAME'", g->dir, line);
		g->pack_args[g->n_pack_args++] = (char *)(host ? "--hostname" : "--user");
		g->pack_args[g->n_pack_args++] = line + (host ? 9 : 5);
	}
	return PR_OK;
}

/* FILE.VIEW.expected whose FILE is gone. */
static void check_stale(struct golden *g)
{
	for (size_t i = 0; i < g->n_files; i++) {
		char name[NAME_MAX + 1], *dot;

		if (!ends_with(g->files[i], SUFFIX))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(strlen(g->files[i]) - strlen(SUFFIX)), g->files[i]);
		dot = strrchr(name, '.');
		if (dot)
			*dot = 0;
		if (bsearch(&(char *){name}, g->files, g->n_files, sizeof(*g->files), by_name))
			continue;
		printf("FAILED %s: there is no %s; remove it\n", g->files[i], name);
		g->failed++;
	}
}

static int run(struct golden *g, struct pr_errinfo *ei)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t found = 0;
	int err = list(g, ei);

	if (!err)
		err = read_names(g, ei);
	if (err)
		return err;
	g->real_dir = realpath(g->dir, NULL);
	if (!g->real_dir)
		return pr_fail_errno(ei, "%s: cannot find its place", g->dir);
	snprintf(g->tmp, sizeof(g->tmp), "%s/procrec-golden.XXXXXX", tmp && *tmp == '/' && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(g->tmp))
		return pr_fail_errno(ei, "%s: cannot make a scratch folder", g->tmp);
	for (size_t i = 0; i < g->n_files && !err; i++) {
		if (is_recording(g->files[i])) {
			err = run_file(g, g->files[i], ei);
			found++;
		}
	}
	rmdir(g->tmp);
	if (err)
		return err;
	if (!found)
		return pr_fail(ei, PR_ENOENT, "%s: holds no .frames, .raw or .seg file: nothing to test", g->dir);
	check_stale(g);
	if (g->update)
		printf("%llu files written\n", (unsigned long long)g->changed);
	else
		printf("%llu passed, %llu failed\n", (unsigned long long)g->passed, (unsigned long long)g->failed);
	return PR_OK;
}

int pr_cmd_golden(struct pr_term *term, int argc, char **argv)
{
	const struct pr_option options[] = {{0}};
	const struct pr_usage usage = {"golden", "check|update DIR",
		"Golden tests for your own frames. DIR holds recordings: FILE.raw (raw frames), FILE.frames (text, see\n"
		"procrec-frames(5)) or FILE.seg (traces). 'update' writes what replay says of each beside it, as\n"
		"FILE.events.expected and FILE.cache.expected; 'check' compares, and fails with status 1 where it differs.\n"
		"DIR/names may hold lines 'hostname NAME' and 'user UID=NAME' for the .raw files.",
		options, 2, 2, false};
	struct golden g = {.names = PR_BUF_INIT};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err && strcmp(argv[0], "check") && strcmp(argv[0], "update"))
		err = pr_fail(&ei, PR_EUSAGE, "golden: '%s' is neither check nor update", argv[0]);
	if (!err) {
		g.dir = argv[1];
		g.update = !strcmp(argv[0], "update");
		err = run(&g, &ei);
	}
	for (size_t i = 0; i < g.n_files; i++)
		free(g.files[i]);
	free(g.files);
	free(g.real_dir);
	pr_buf_release(&g.names);
	if (err)
		return pr_report(err, &ei);
	return g.failed ? PR_EXIT_NO : PR_EXIT_OK;
}

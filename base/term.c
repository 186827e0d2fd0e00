/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define DEFAULT_COLUMNS 80u
#define COLUMNS_MAX 65535u

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || !strcmp(term, "dumb");
}

/* COLUMNS goes before what the terminal says, as with other programs. */
unsigned pr_term_columns(int fd)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws = {0};
	uint64_t n;

	if (env && pr_parse_u64(env, false, &n) && n && n <= COLUMNS_MAX)
		return (unsigned)n;
	if (!ioctl(fd, TIOCGWINSZ, &ws) && ws.ws_col)
		return ws.ws_col;
	return DEFAULT_COLUMNS;
}

void pr_term_init_plain(struct pr_term *t)
{
	*t = (struct pr_term){.out_dumb = true, .err_dumb = true, .pager = {.fd = -1, .saved = {-1, -1}}};
}

void pr_term_init(struct pr_term *t)
{
	const char *no_color = getenv("NO_COLOR");

	pr_term_init_plain(t);
	t->no_color = no_color && *no_color;
	t->out_tty = isatty(STDOUT_FILENO);
	t->err_tty = isatty(STDERR_FILENO);
	t->out_dumb = !t->out_tty || is_dumb();
	t->err_dumb = !t->err_tty || is_dumb();
	if (t->out_tty)
		t->out_columns = pr_term_columns(STDOUT_FILENO);
	if (t->err_tty)
		t->err_columns = pr_term_columns(STDERR_FILENO);
	if (t->out_tty || t->err_tty)
		t->style.widths = t->err_style.widths = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void pr_term_release(struct pr_term *t)
{
	if (t->style.widths)
		freelocale(t->style.widths);
	t->style.widths = t->err_style.widths = (locale_t)0;
}

static int settle_color(struct pr_term *t, const char *command, struct pr_errinfo *ei)
{
	const char *c = t->wish.color;
	bool always = c && (!*c || !strcmp(c, "always")), is_auto = !c || !strcmp(c, "auto");

	if (!always && !is_auto && strcmp(c, "never"))
		return pr_fail(ei, PR_EUSAGE, "%s: --color: '%s' is none of auto, always and never", command, c);
	t->style.color = always || (is_auto && !t->out_dumb && !t->no_color);
	t->err_style.color = always || (is_auto && !t->err_dumb && !t->no_color);
	return PR_OK;
}

int pr_term_parse(struct pr_term *t, const struct pr_usage *u, int argc, char **argv, int *out_n, struct pr_errinfo *ei)
{
	int err = pr_opts_parse(u, argc, argv, out_n, ei);

	if (!err)
		err = settle_color(t, u->command, ei);
	if (!err && t->wish.tz) {
		err = pr_zone_parse(&t->zone, t->wish.tz, ei);
		if (err)
			pr_context(ei, err, "%s", u->command);
	}
	if (t->out_tty && !t->wish.wide)
		t->style.columns = t->out_columns;
	return err;
}

void pr_term_begin(struct pr_term *t)
{
	pr_line_hide();
	t->progress.off = !t->progress.aside;
	if (!t->wish.no_pager)
		pr_pager_use(&t->pager);
}

void pr_term_out(struct pr_term *t, struct pr_out *o)
{
	pr_term_begin(t);
	pr_out_init(o, STDOUT_FILENO);
}

const struct pr_meter *pr_term_meter(struct pr_term *t, const char *verb, const char *path)
{
	if (t->err_dumb || t->wish.quiet)
		return NULL;
	t->progress = (struct pr_progress){.verb = verb, .path = path, .style = t->err_style, .off = t->progress.off};
	t->progress.style.columns = t->err_columns;
	t->meter = (struct pr_meter){pr_progress_at, &t->progress};
	return &t->meter;
}

const struct pr_meter *pr_term_meter_of(struct pr_term *t, const char *verb, const char *path, const char *unit)
{
	const struct pr_meter *m = pr_term_meter(t, verb, path);

	t->progress.unit = m ? unit : NULL;
	return m;
}

const struct pr_meter *pr_term_meter_unseen(struct pr_term *t, bool to_stdout, const char *verb, const char *path)
{
	const struct pr_meter *m;
	struct stat st;

	if (to_stdout && (fstat(STDOUT_FILENO, &st) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return NULL;
	m = pr_term_meter_aside(t, to_stdout, verb, path);
	t->progress.aside = m != NULL;
	return m;
}

const struct pr_meter *pr_term_meter_aside(struct pr_term *t, bool to_stdout, const char *verb, const char *path)
{
	return to_stdout && t->out_tty ? NULL : pr_term_meter(t, verb, path);
}

bool pr_term_finish(struct pr_term *t)
{
	pr_line_hide();
	return pr_pager_finish(&t->pager);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * term.h: the terminal manners of a command: colour, width, pager, time zone, progress.
 *
 * main.c makes one struct pr_term of the terminal and the environment and hands it to the command, which parses its options
 * into it. Nobody else asks whether something is a terminal to decide how an answer looks. Where stdout is no terminal, the bytes
 * are always the same ones, unless an option says otherwise.
 */
#ifndef PROCREC_BASE_TERM_H
#define PROCREC_BASE_TERM_H

#include <stdbool.h>

#include "base/meter.h"
#include "base/opts.h"
#include "base/out.h"
#include "base/pager.h"
#include "base/progress.h"
#include "base/style.h"
#include "base/zone.h"

struct pr_term {
	bool out_tty, err_tty; /* stdout, stderr: a terminal (at the start) */
	bool out_dumb, err_dumb; /* that understands no escape sequences, or none at all */
	unsigned out_columns, err_columns;
	bool no_color; /* the environment asks for none */
	struct pr_pager pager;
	struct pr_progress progress;
	struct pr_meter meter; /* feeds it */
	struct pr_term_wishes { /* as the options have it */
		const char *color, *tz; /* NULL: not given */
		bool wide, no_pager, quiet;
	} wish;
	struct pr_style style; /* of stdout */
	struct pr_style err_style; /* of stderr; lines are not cut */
	struct pr_zone zone;
};

/* From isatty, TIOCGWINSZ, TERM, COLUMNS, NO_COLOR. */
void pr_term_init(struct pr_term *t);
/* Without any terminal: plain. */
void pr_term_init_plain(struct pr_term *t);
void pr_term_release(struct pr_term *t);

/* Of the terminal behind fd, as it is now; COLUMNS goes before. 80 where it can't be told. */
unsigned pr_term_columns(int fd);

/* Entries of a struct pr_option table; t: struct pr_term *. A command lists those that mean something to it. */
/* clang-format off */
#define PR_TERM_COLOR(t) \
	{0, "color", PR_OPT_OPTSTR, &(t)->wish.color, "auto|always|never", "colours: on a terminal (auto), always or never", NULL}
#define PR_TERM_PAGER(t) \
	{0, "no-pager", PR_OPT_FLAG, &(t)->wish.no_pager, NULL, "on a terminal: straight to it, not through a pager", NULL}
#define PR_TERM_WIDE(t) \
	{0, "wide", PR_OPT_FLAG, &(t)->wish.wide, NULL, "on a terminal: whole lines, however long", NULL}
#define PR_TERM_ZONE(t) \
	{0, "tz", PR_OPT_STR, &(t)->wish.tz, "ZONE", "times in text: utc, local, +02:00 or Europe/Berlin (utc)", NULL}
#define PR_TERM_ZONE_TYPED(t) \
	{0, "tz", PR_OPT_STR, &(t)->wish.tz, "ZONE", "HH:MM:SS as typed: utc, local, +02:00 or Europe/Berlin (utc)", NULL}
#define PR_TERM_QUIET(t) \
	{'q', "quiet", PR_OPT_FLAG, &(t)->wish.quiet, NULL, "show no progress", NULL}
/* clang-format on */

/* pr_opts_parse, and then takes the wishes up. The command's only call. */
int pr_term_parse(struct pr_term *t, const struct pr_usage *u, int argc, char **argv, int *out_n, struct pr_errinfo *ei);

/* The answer begins: what is written to stdout goes through the pager where there is one. Progress ends. */
void pr_term_begin(struct pr_term *t);
/* The same, and makes o write there. */
void pr_term_out(struct pr_term *t, struct pr_out *o);

/*
 * Who to tell how far a reading has come: shows "VERB PATH: 42 % of 1.2 GiB" on the terminal behind stderr when it takes over a second.
 * NULL where nothing is to be shown. verb and path are borrowed.
 */
const struct pr_meter *pr_term_meter(struct pr_term *t, const char *verb, const char *path);
/* The same of what is counted in units, "VERB PATH: 42 % of 1200 UNIT". unit is borrowed. */
const struct pr_meter *pr_term_meter_of(struct pr_term *t, const char *verb, const char *path, const char *unit);
/* For commands that write what they read to stdout: none where that is the terminal. */
const struct pr_meter *pr_term_meter_aside(struct pr_term *t, bool to_stdout, const char *verb, const char *path);
/* For text that people look at: none where stdout is a pipe either, whose other end may write to the terminal (| less, | grep). */
const struct pr_meter *pr_term_meter_unseen(struct pr_term *t, bool to_stdout, const char *verb, const char *path);

/* After the command, its stdout flushed: waits for the pager. False: the pager could not be started. */
bool pr_term_finish(struct pr_term *t);

#endif

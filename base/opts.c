/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/opts.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define OPT_NAMES_MAX 128

void pr_strlist_release(struct pr_strlist *l)
{
	free(l->v);
	*l = (struct pr_strlist){NULL, 0};
}

static int strlist_add(struct pr_strlist *l, const char *s)
{
	const char **v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return PR_ENOMEM;
	l->v = v;
	l->v[l->n++] = s;
	return PR_OK;
}

#define WORD_MAX 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance (optimal string alignment) of words of at most WORD_MAX characters; longer ones are far from everything. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1]; /* of i - 2, i - 1 and i, in turn */
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX + 1;
	for (unsigned j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = least(least(up[j], row[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

const char *pr_nearest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	unsigned best_d = 2 + (unsigned)strlen(word) / 4, d;

	for (; *candidates; candidates++) {
		d = distance(word, *candidates);
		if (d < best_d && d < strlen(*candidates)) {
			best_d = d;
			best = *candidates;
		}
	}
	return best;
}

static const struct pr_option help_options[] = {
	{'h', "help", PR_OPT_FLAG, NULL, NULL, "show this help", NULL},
	{0, NULL, PR_OPT_FLAG, NULL, NULL, NULL, NULL},
};

static void print_option(const struct pr_option *o, FILE *out)
{
	char left[64];
	const char *open = o->type == PR_OPT_OPTSTR ? "[=" : " ", *close = o->type == PR_OPT_OPTSTR ? "]" : "";
	char sh[8] = "    ";

	if (o->short_name)
		snprintf(sh, sizeof(sh), "-%c, ", o->short_name);
	snprintf(left, sizeof(left), "%s--%s%s%s%s", sh, o->name, o->arg ? open : "", o->arg ? o->arg : "",
		o->arg ? close : "");
	if (strlen(left) > 30)
		fprintf(out, "  %s\n  %-30s  %s\n", left, "", o->help);
	else
		fprintf(out, "  %-30s  %s\n", left, o->help);
}

void pr_opts_help(const struct pr_usage *u, FILE *out)
{
	fprintf(out, "usage: procrec %s %s\n\n%s\n", u->command, u->synopsis, u->about);
	fprintf(out, "\noptions:\n");
	for (const struct pr_option *o = u->options; o && o->name; o++)
		print_option(o, out);
	print_option(&help_options[0], out);
}

static void print_names(const struct pr_usage *u, FILE *out)
{
	for (const struct pr_option *o = u->options; o && o->name; o++) {
		char sh[] = {o->short_name, 0};

		fprintf(out, "--%s%s\t%s\t%s\t%s\n", o->name, o->arg && o->type != PR_OPT_OPTSTR ? "=" : "", o->help, o->arg ? o->arg : "",
			sh);
	}
	fprintf(out, "--help\t%s\t\th\n", help_options[0].help);
}

/* Exact name, else the only one that begins so. */
static const struct pr_option *find_long(const struct pr_usage *u, const char *name, size_t n, bool *out_ambiguous)
{
	const struct pr_option *found = NULL;

	*out_ambiguous = false;
	for (const struct pr_option *o = u->options; o && o->name; o++) {
		if (strncmp(o->name, name, n))
			continue;
		if (!o->name[n])
			return o;
		*out_ambiguous = found != NULL;
		found = o;
	}
	return *out_ambiguous ? NULL : found;
}

static const struct pr_option *find_short(const struct pr_usage *u, char c)
{
	for (const struct pr_option *o = u->options; o && o->name; o++)
		if (o->short_name == c)
			return o;
	return NULL;
}

static const char *nearest_option(const struct pr_usage *u, const char *name)
{
	const char *names[OPT_NAMES_MAX + 2];
	size_t k = 0;

	for (const struct pr_option *o = u->options; o && o->name && k < OPT_NAMES_MAX; o++)
		names[k++] = o->name;
	names[k++] = help_options[0].name;
	names[k] = NULL;
	return pr_nearest(name, names);
}

static int unknown_option(const struct pr_usage *u, const char *word, size_t n, bool ambiguous, struct pr_errinfo *ei)
{
	const char *near;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)n, word);
	if (ambiguous)
		return pr_fail(ei, PR_EUSAGE, "%s: option '--%s' is ambiguous; see 'procrec %s --help'", u->command, name,
			u->command);
	near = nearest_option(u, name);
	if (near)
		return pr_fail(ei, PR_EUSAGE, "%s: unknown option '--%s'; did you mean '--%s'?", u->command, name, near);
	return pr_fail(ei, PR_EUSAGE, "%s: unknown option '--%s'; see 'procrec %s --help'", u->command, name, u->command);
}

static int bad_value(const struct pr_usage *u, const struct pr_option *o, const char *value, const char *want,
	struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_EUSAGE, "%s: --%s: '%s' is not %s", u->command, o->name, value, want);
}

static int set_value(const struct pr_usage *u, const struct pr_option *o, const char *value, struct pr_errinfo *ei)
{
	if (o->seen)
		*o->seen = true;
	switch (o->type) {
	case PR_OPT_FLAG:
		*(bool *)o->value = true;
		return PR_OK;
	case PR_OPT_STR:
	case PR_OPT_OPTSTR:
		*(const char **)o->value = value ? value : "";
		return PR_OK;
	case PR_OPT_U64:
		return pr_parse_u64(value, true, o->value) ? PR_OK : bad_value(u, o, value, "a whole number", ei);
	case PR_OPT_PID:
		return pr_parse_u64(value, true, o->value) && *(uint64_t *)o->value <= UINT32_MAX ? PR_OK
												   : bad_value(u, o, value, "a process id", ei);
	case PR_OPT_SIZE:
		return pr_parse_size(value, o->value) ? PR_OK : bad_value(u, o, value, "a size such as 512K or 16M", ei);
	case PR_OPT_SPAN:
		return pr_parse_span(value, o->value) ? PR_OK : bad_value(u, o, value, "a time span such as 500ms or 2m", ei);
	case PR_OPT_LIST:
		return strlist_add(o->value, value) ? pr_fail(ei, PR_ENOMEM, "out of memory") : PR_OK;
	}
	return PR_EUSAGE;
}

struct parser {
	const struct pr_usage *u;
	int argc;
	char **argv;
	int i; /* the argument looked at */
	struct pr_errinfo *ei;
};

static int take_value(struct parser *p, const struct pr_option *o, const char *attached)
{
	if (o->type == PR_OPT_FLAG && attached)
		return pr_fail(p->ei, PR_EUSAGE, "%s: --%s takes no value", p->u->command, o->name);
	if (o->type == PR_OPT_FLAG || o->type == PR_OPT_OPTSTR || attached)
		return set_value(p->u, o, attached, p->ei);
	if (p->i + 1 >= p->argc)
		return pr_fail(p->ei, PR_EUSAGE, "%s: --%s needs a value: %s", p->u->command, o->name, o->arg);
	return set_value(p->u, o, p->argv[++p->i], p->ei);
}

static int parse_long(struct parser *p, const char *word)
{
	const char *eq = strchr(word, '=');
	size_t n = eq ? (size_t)(eq - word) : strlen(word);
	const struct pr_option *o;
	bool ambiguous;

	if (n == 4 && !strncmp(word, "help", 4)) {
		pr_opts_help(p->u, stdout);
		return PR_END;
	}
	if (!strcmp(word, "completion-helper")) {
		print_names(p->u, stdout);
		return PR_END;
	}
	o = find_long(p->u, word, n, &ambiguous);
	if (!o)
		return unknown_option(p->u, word, n, ambiguous, p->ei);
	return take_value(p, o, eq ? eq + 1 : NULL);
}

/* One dash where two were meant, -ancestry, is more likely than a row of letters that are no options. */
static int unknown_letter(struct parser *p, const char *all, char letter)
{
	const struct pr_usage *u = p->u;
	size_t n = strcspn(all, "=");
	const struct pr_option *o = NULL;
	const char *near = NULL;
	bool ambiguous;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)n, all);
	if (n > 2) {
		o = find_long(u, name, strlen(name), &ambiguous);
		near = o ? o->name : nearest_option(u, name);
	}
	if (near)
		return pr_fail(p->ei, PR_EUSAGE, "%s: unknown option '-%s'; did you mean '--%s'?", u->command, name, near);
	return pr_fail(p->ei, PR_EUSAGE, "%s: unknown option '-%c'; see 'procrec %s --help'", u->command, letter, u->command);
}

static int parse_short(struct parser *p, const char *word)
{
	const char *all = word;

	for (; *word; word++) {
		const struct pr_option *o = find_short(p->u, *word);

		if (!o && *word == 'h') {
			pr_opts_help(p->u, stdout);
			return PR_END;
		}
		if (!o)
			return unknown_letter(p, all, *word);
		if (o->type != PR_OPT_FLAG)
			return take_value(p, o, word[1] ? word + 1 : NULL);
		take_value(p, o, NULL);
	}
	return PR_OK;
}

int pr_opts_parse(const struct pr_usage *u, int argc, char **argv, int *out_n, struct pr_errinfo *ei)
{
	struct parser p = {u, argc, argv, 1, ei};
	bool only_args = false;
	int n = 0, err;

	for (; p.i < argc; p.i++) {
		char *a = argv[p.i];

		if (only_args || a[0] != '-' || !a[1]) {
			only_args |= u->stop_at_first;
			argv[n++] = a;
			continue;
		}
		if (!strcmp(a, "--")) {
			only_args = true;
			continue;
		}
		err = a[1] == '-' ? parse_long(&p, a + 2) : parse_short(&p, a + 1);
		if (err)
			return err;
	}
	if ((size_t)n < u->min_args)
		return pr_fail(ei, PR_EUSAGE, "%s: something is missing: usage: procrec %s %s", u->command, u->command,
			u->synopsis);
	if ((size_t)n > u->max_args)
		return pr_fail(ei, PR_EUSAGE, "%s: '%s' is one argument too many: usage: procrec %s %s", u->command,
			argv[u->max_args], u->command, u->synopsis);
	*out_n = n;
	return PR_OK;
}

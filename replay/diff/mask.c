/* SPDX-License-Identifier: BSD-2-Clause */
/* mask.c: what differs from run to run, replaced by "*". */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "redact/terminated.h"
#include "replay/diff/diff.h"

#define GROUPS 2
#define MIN_PID 10 /* smaller numbers are more likely to be anything else */

/* The manual lists them. */
static const char *const defaults[] = {
	"/tmp/cc([A-Za-z0-9]{6})", /* gcc */
	"/tmp/(tmp[._]?[A-Za-z0-9_]{6,})", /* mktemp, python */
	"/tmp/([A-Za-z0-9_.-]*[0-9a-f]{8,})", /* clang, and others with hexadecimal numbers */
	"/(rustc[A-Za-z0-9]{6})",
	"/go-build([0-9]+)",
	"/GMfifo([0-9]+)", /* the job server of make */
	"memfd:([^ /]*)",
	"/proc/([0-9]+)",
	"/(dev|proc/[^/]*)/fd/[0-9]+",
};

int pr_masks_add(struct pr_masks *m, const char *pattern, struct pr_errinfo *ei)
{
	char why[200];
	regex_t *v = realloc(m->v, (m->n + 1) * sizeof(*v));
	int err;

	if (!v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	m->v = v;
	err = regcomp(&v[m->n], pattern, REG_EXTENDED);
	if (err) {
		regerror(err, &v[m->n], why, sizeof(why));
		return pr_fail(ei, PR_EUSAGE, "diff: --mask '%s' is not an extended regular expression: %s", pattern, why);
	}
	m->n++;
	return PR_OK;
}

int pr_masks_add_defaults(struct pr_masks *m, struct pr_errinfo *ei)
{
	int err = PR_OK;

	m->pids = true;
	for (size_t i = 0; !err && i < sizeof(defaults) / sizeof(defaults[0]); i++)
		err = pr_masks_add(m, defaults[i], ei);
	return err;
}

void pr_masks_release(struct pr_masks *m)
{
	for (size_t i = 0; i < m->n; i++)
		regfree(&m->v[i]);
	free(m->v);
	*m = (struct pr_masks){0};
}

/* One expression over `in`; false when it matches nowhere (nothing is then appended). */
static bool apply_one(const regex_t *re, struct pr_slice in, struct pr_buf *out)
{
	regmatch_t g[GROUPS];
	size_t at = 0, done = 0;

	while (at <= in.n) {
		g[0].rm_so = (regoff_t)at;
		g[0].rm_eo = (regoff_t)in.n;
		if (regexec(re, (const char *)in.p, GROUPS, g, REG_STARTEND))
			break;
		const regmatch_t *cut = g[1].rm_so >= 0 && re->re_nsub ? &g[1] : &g[0];

		if (cut->rm_eo > cut->rm_so) {
			pr_buf_append(out, in.p + done, (size_t)cut->rm_so - done);
			pr_buf_u8(out, '*');
			done = (size_t)cut->rm_eo;
		}
		at = g[0].rm_eo > (regoff_t)at ? (size_t)g[0].rm_eo : at + 1;
	}
	if (done)
		pr_buf_append(out, in.p + done, in.n - done);
	return done;
}

/* Numbers that stand alone and are pids of the trace. */
static void mask_pids(const struct pr_map *pids, struct pr_slice in, struct pr_buf *out)
{
	for (size_t i = 0; i < in.n;) {
		size_t j = i;
		uint64_t v = 0;

		while (j < in.n && j - i < 10 && isdigit(in.p[j]))
			v = v * 10 + (in.p[j++] - '0');
		if (j > i && (j == in.n || !isalnum(in.p[j])) && (!i || !isalnum(in.p[i - 1])) && v >= MIN_PID && pr_map_get(pids, v, 0)) {
			pr_buf_u8(out, '*');
			i = j;
			continue;
		}
		do
			pr_buf_u8(out, in.p[i++]);
		while (i < in.n && isdigit(in.p[i]) && isdigit(in.p[i - 1]));
	}
}

void pr_masks_apply(const struct pr_masks *m, const struct pr_map *pids, struct pr_slice in, struct pr_buf *b)
{
	struct pr_buf one = PR_BUF_INIT, two = PR_BUF_INIT, *now = &one, *other = &two, *swap;

	if (m->n) {
		pr_buf_append(now, in.p, in.n);
		in = pr_terminated(now);
	}
	for (size_t i = 0; i < m->n && in.n; i++) {
		pr_buf_clear(other);
		if (!apply_one(&m->v[i], in, other))
			continue;
		swap = now, now = other, other = swap;
		in = pr_terminated(now);
	}
	if (m->pids && pids)
		mask_pids(pids, in, b);
	else
		pr_buf_append(b, in.p, in.n);
	b->failed |= one.failed | two.failed;
	pr_buf_release(&one);
	pr_buf_release(&two);
}

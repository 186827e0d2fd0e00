/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/redact/redact.h"

#include <regex.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "schema/sha256.h"

#define GROUPS 10
#define TAG_BYTES 4
#define CLEAN_MAX (1u << 16) /* arguments that are known to hold no secret */

static const char mark[] = "[REDACTED:";

struct rule {
	regex_t re, in;
	bool is_next, has_in;
};

struct pr_redact {
	struct rule *v; /* owned */
	size_t n;
	uint8_t key[PR_REDACT_KEY];
	uint64_t count;
	struct pr_map clean; /* hashes of program and argument */
	struct pr_buf one, two, name, arg;
};

/* ---- rules ---------------------------------------------------------------------------------------------------------- */

static char *word(char **at)
{
	char *w = *at + strspn(*at, " \t"), *end = w + strcspn(w, " \t");

	*at = *end ? end + 1 : end;
	*end = 0;
	return w;
}

static int compile(regex_t *re, const char *text, int flags, const char *name, unsigned line, struct pr_errinfo *ei)
{
	char why[160];
	int err = regcomp(re, text, REG_EXTENDED | flags);

	if (!err)
		return PR_OK;
	regerror(err, re, why, sizeof(why));
	return pr_fail(ei, PR_EUSAGE, "%s: line %u: '%s' is not an extended regular expression: %s", name, line, text, why);
}

static int add_rule(struct pr_redact *r, char *text, const char *name, unsigned line, struct pr_errinfo *ei)
{
	struct rule *v = realloc(r->v, (r->n + 1) * sizeof(*v));
	struct rule rule = {0};
	char *kind, *rest = text;
	int flags = 0, err = PR_OK;

	if (!v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->v = v;
	kind = word(&rest);
	rest += strspn(rest, " \t");
	if (strlen(kind) > 2 && !strcmp(kind + strlen(kind) - 2, "/i")) {
		kind[strlen(kind) - 2] = 0;
		flags = REG_ICASE;
	}
	rule.is_next = !strcmp(kind, "next");
	if (!rule.is_next && strcmp(kind, "arg"))
		return pr_fail(ei, PR_EUSAGE, "%s: line %u: a rule begins with 'arg' or 'next' (or 'arg/i', 'next/i'), not with '%s'", name, line, kind);
	if (!strncmp(rest, "in=", 3)) {
		err = compile(&rule.in, word(&rest) + 3, 0, name, line, ei);
		rule.has_in = !err;
		rest += strspn(rest, " \t");
	}
	if (!err && !*rest)
		err = pr_fail(ei, PR_EUSAGE, "%s: line %u: the expression is missing", name, line);
	if (!err)
		err = compile(&rule.re, rest, flags, name, line, ei);
	if (!err)
		r->v[r->n++] = rule;
	else if (rule.has_in)
		regfree(&rule.in);
	return err;
}

int pr_redact_add(struct pr_redact *r, const char *name, const void *rules, size_t n, struct pr_errinfo *ei)
{
	const uint8_t *p = rules;
	unsigned line = 0;
	int err = PR_OK;

	while (n && !err) {
		const uint8_t *nl = memchr(p, '\n', n);
		size_t len = nl ? (size_t)(nl - p) : n, keep = len;
		char *text;

		line++;
		while (keep && (p[keep - 1] == ' ' || p[keep - 1] == '\t' || p[keep - 1] == '\r'))
			keep--;
		text = strndup((const char *)p, keep);
		if (!text)
			err = pr_fail(ei, PR_ENOMEM, "out of memory");
		else if (text[strspn(text, " \t")] && text[0] != '#')
			err = add_rule(r, text, name, line, ei);
		free(text);
		p += len + (nl != NULL);
		n -= len + (nl != NULL);
	}
	return err;
}

int pr_redact_new(struct pr_redact **out, const char *name, const void *rules, size_t n, const uint8_t key[PR_REDACT_KEY],
	struct pr_errinfo *ei)
{
	struct pr_redact *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	memcpy(r->key, key, PR_REDACT_KEY);
	err = pr_redact_add(r, name, rules, n, ei);
	if (err) {
		pr_redact_free(r);
		return err;
	}
	*out = r;
	return PR_OK;
}

void pr_redact_free(struct pr_redact *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		regfree(&r->v[i].re);
		if (r->v[i].has_in)
			regfree(&r->v[i].in);
	}
	free(r->v);
	pr_map_release(&r->clean);
	pr_buf_release(&r->one);
	pr_buf_release(&r->two);
	pr_buf_release(&r->name);
	pr_buf_release(&r->arg);
	sodium_memzero(r->key, sizeof(r->key));
	free(r);
}

uint64_t pr_redact_count(const struct pr_redact *r)
{
	return r->count;
}

void pr_redact_tag(const uint8_t key[PR_REDACT_KEY], const char *prefix, struct pr_slice what, struct pr_buf *out)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof(hash), what.p, what.n, key, PR_REDACT_KEY);
	pr_buf_str(out, prefix);
	for (int i = 0; i < TAG_BYTES; i++) {
		pr_buf_u8(out, (uint8_t)digits[hash[i] >> 4]);
		pr_buf_u8(out, (uint8_t)digits[hash[i] & 15]);
	}
}

/* A NUL behind what is in b: some tools that watch regexec look for one, whatever its length. */
static struct pr_slice terminated(struct pr_buf *b)
{
	pr_buf_u8(b, 0);
	if (pr_buf_failed(b))
		return (struct pr_slice){(const uint8_t *)"", 0};
	b->len--;
	return (struct pr_slice){b->data, b->len};
}

static struct pr_slice copy_of(struct pr_buf *b, struct pr_slice s)
{
	pr_buf_clear(b);
	pr_buf_append(b, s.p, s.n);
	return terminated(b);
}

/* ---- one argument --------------------------------------------------------------------------------------------------- */

static bool is_marked(struct pr_slice s)
{
	return s.n >= sizeof(mark) - 1 && !memcmp(s.p, mark, sizeof(mark) - 1);
}

static void put_mark(struct pr_redact *r, struct pr_slice secret, struct pr_buf *out)
{
	r->count++;
	pr_redact_tag(r->key, mark, secret, out);
	pr_buf_u8(out, ']');
}

static bool matches(const regex_t *re, struct pr_slice s, size_t from, regmatch_t g[GROUPS])
{
	g[0].rm_so = (regoff_t)from;
	g[0].rm_eo = (regoff_t)s.n;
	return !regexec(re, (const char *)s.p, GROUPS, g, REG_STARTEND);
}

/* One rule over an argument; false when it finds nothing (nothing is then appended). */
static bool apply(struct pr_redact *r, const struct rule *rule, struct pr_slice in, struct pr_buf *out)
{
	size_t at = 0, done = 0, group = rule->re.re_nsub < GROUPS ? rule->re.re_nsub : 0;
	regmatch_t g[GROUPS];

	while (at <= in.n && matches(&rule->re, in, at, g)) {
		size_t from = (size_t)g[group].rm_so, to = (size_t)g[group].rm_eo;
		struct pr_slice secret = {in.p + from, to - from};

		if (g[group].rm_so >= 0 && secret.n > 2 && (in.p[from] == '"' || in.p[from] == '\'') && in.p[to - 1] == in.p[from])
			secret = (struct pr_slice){in.p + ++from, --to - from}; /* the quotes are none of it */
		if (g[group].rm_so >= 0 && secret.n && from >= done && !is_marked(secret)) {
			pr_buf_append(out, in.p + done, from - done);
			put_mark(r, secret, out);
			done = to;
		}
		at = (size_t)g[0].rm_eo > at ? (size_t)g[0].rm_eo : at + 1;
	}
	if (done)
		pr_buf_append(out, in.p + done, in.n - done);
	return done;
}

static struct pr_slice base_name(struct pr_slice path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash ? (struct pr_slice){slash + 1, (size_t)(path.p + path.n - slash - 1)} : path;
}

static bool is_for(const struct rule *rule, struct pr_slice name)
{
	regmatch_t g[GROUPS];

	return !rule->has_in || matches(&rule->in, name, 0, g);
}

/* The argument behind `arg` is secret. */
static bool announces(const struct pr_redact *r, struct pr_slice name, struct pr_slice arg)
{
	regmatch_t g[GROUPS];

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].is_next && is_for(&r->v[i], name) && matches(&r->v[i].re, arg, 0, g))
			return true;
	return false;
}

static void redact_arg(struct pr_redact *r, struct pr_slice name, struct pr_slice arg, struct pr_buf *out)
{
	struct pr_buf *now = &r->one, *other = &r->two, *swap;

	for (size_t i = 0; i < r->n && arg.n; i++) {
		pr_buf_clear(other);
		if (r->v[i].is_next || !is_for(&r->v[i], name) || !apply(r, &r->v[i], arg, other))
			continue;
		swap = now, now = other, other = swap;
		arg = terminated(now);
	}
	pr_buf_append(out, arg.p, arg.n);
	out->failed |= r->one.failed | r->two.failed | r->arg.failed | r->name.failed;
}

/* The same argument comes again and again: that of a compiler, say. */
static struct pr_map_slot *clean_slot(struct pr_redact *r, struct pr_slice name, struct pr_slice arg, bool *out_known)
{
	uint8_t hash[PR_SHA256_SIZE], names[PR_SHA256_SIZE];
	struct pr_map_slot *s;
	bool is_new;

	*out_known = false;
	if (r->clean.len >= CLEAN_MAX)
		pr_map_release(&r->clean);
	pr_sha256(names, name.p, name.n, NULL, 0);
	pr_sha256(hash, names, sizeof(names), arg.p, arg.n);
	s = pr_map_put(&r->clean, pr_get_u64(hash), pr_get_u64(hash + 8), &is_new);
	*out_known = s && !is_new && s->v.u;
	return s;
}

int pr_redact_args(struct pr_redact *r, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	struct pr_slice name = copy_of(&r->name, base_name(program));
	bool is_secret = false, known, announced;

	for (size_t at = 0; at <= args.n;) {
		const uint8_t *nul = at < args.n ? memchr(args.p + at, 0, args.n - at) : NULL;
		struct pr_slice arg = {args.p ? args.p + at : (const uint8_t *)"", nul ? (size_t)(nul - args.p) - at : args.n - at};
		struct pr_map_slot *clean = clean_slot(r, name, arg, &known);
		size_t before;

		if (at)
			pr_buf_u8(out, 0);
		before = out->len;
		at += arg.n + 1;
		arg = copy_of(&r->arg, arg);
		announced = !known && announces(r, name, arg);
		if (is_secret && arg.n && !is_marked(arg))
			put_mark(r, arg, out);
		else if (known)
			pr_buf_append(out, arg.p, arg.n);
		else
			redact_arg(r, name, arg, out);
		if (clean && !known)
			clean->v.u = !announced && !is_secret && out->len - before == arg.n && !pr_buf_failed(out) &&
				     (!arg.n || !memcmp(out->data + out->len - arg.n, arg.p, arg.n));
		is_secret = announced;
	}
	return pr_buf_failed(out) ? PR_ENOMEM : PR_OK;
}

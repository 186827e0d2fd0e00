/* SPDX-License-Identifier: BSD-2-Clause */
#include "redact/redact.h"

#include <regex.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "redact/terminated.h"
#include "schema/sha256.h"

#define GROUPS 10
#define TAG_BYTES 4
#define CLEAN_MAX (1u << 16) /* arguments that are known to hold no secret */
#define PROGRAMS_MAX 4096u /* whose rules are known */

static const char mark[] = "[REDACTED:";

enum kind { RULE_ARG, RULE_NEXT, RULE_WRAP };

struct rule {
	enum kind kind;
	char *text; /* owned: of re */
	bool ignore_case;
	regex_t re, in;
	bool has_in;
	bool screened; /* the screen of its kind matches wherever it does */
};

/* All rules of a kind (for any program) in one expression, which tells at once that none of them matches. */
struct screen {
	bool have;
	regex_t re;
};

/* What the name of a program decides. */
struct program {
	bool wraps; /* its arguments hold another command */
	bool is_for[]; /* each rule */
};

struct pr_redact {
	struct rule *v; /* owned */
	size_t n;
	uint8_t key[PR_REDACT_KEY];
	uint8_t pack[2][PR_SHA256_SIZE]; /* of the texts */
	unsigned texts;
	uint64_t count;
	struct screen screens[2][2]; /* by kind, and whether case is ignored */
	bool has_screens;
	struct pr_map programs; /* hashes of names -> struct program *, owned */
	struct program *wrapped; /* owned: of the list in hand, of a program that wraps another */
	struct pr_map clean; /* hashes of program and argument */
	struct pr_buf one, two, name, arg;
};

static void forget_programs(struct pr_redact *r)
{
	struct pr_map_slot *s;
	size_t pos = 0;

	while ((s = pr_map_each(&r->programs, &pos)))
		free(s->v.p);
	pr_map_release(&r->programs);
	pr_map_release(&r->clean);
}

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

static void drop_screens(struct pr_redact *r)
{
	for (int k = 0; k < 4; k++)
		if (r->screens[k / 2][k % 2].have)
			regfree(&r->screens[k / 2][k % 2].re);
	memset(r->screens, 0, sizeof(r->screens));
	r->has_screens = false;
}

/* References to groups would mean others behind one another. */
static bool fits_screen(const struct rule *rule, int kind, int ignore_case)
{
	return rule->kind == (enum kind)kind && rule->ignore_case == ignore_case && !rule->has_in && !strchr(rule->text, '\\');
}

static void make_screen(struct pr_redact *r, int kind, int ignore_case)
{
	struct screen *sc = &r->screens[kind][ignore_case];
	struct pr_buf b = PR_BUF_INIT;

	for (size_t i = 0; i < r->n; i++)
		if (fits_screen(&r->v[i], kind, ignore_case))
			pr_buf_printf(&b, "%s(%s)", b.len ? "|" : "", r->v[i].text);
	pr_buf_u8(&b, 0);
	if (!pr_buf_failed(&b) && b.len > 1)
		sc->have = !regcomp(&sc->re, (const char *)b.data, REG_EXTENDED | REG_NOSUB | (ignore_case ? REG_ICASE : 0));
	for (size_t i = 0; i < r->n; i++)
		if (fits_screen(&r->v[i], kind, ignore_case))
			r->v[i].screened = sc->have;
	pr_buf_release(&b);
}

static void make_screens(struct pr_redact *r)
{
	for (int k = 0; k < 4; k++)
		make_screen(r, k / 2, k % 2);
	r->has_screens = true;
}

static const char *const kinds[] = {[RULE_ARG] = "arg", [RULE_NEXT] = "next", [RULE_WRAP] = "wrap", NULL};

static int add_rule(struct pr_redact *r, char *text, const char *name, unsigned line, struct pr_errinfo *ei)
{
	struct rule *v = realloc(r->v, (r->n + 1) * sizeof(*v));
	struct rule rule = {0};
	char *kind, *rest = text;
	int flags = 0, err = PR_OK, k;

	if (!v)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->v = v;
	kind = word(&rest);
	rest += strspn(rest, " \t");
	if (strlen(kind) > 2 && !strcmp(kind + strlen(kind) - 2, "/i")) {
		kind[strlen(kind) - 2] = 0;
		flags = REG_ICASE;
	}
	for (k = 0; kinds[k] && strcmp(kind, kinds[k]); k++)
		;
	if (!kinds[k])
		return pr_fail(ei, PR_EUSAGE, "%s: line %u: a rule begins with 'arg', 'next' or 'wrap' (or 'arg/i' and so on), not with '%s'", name,
			line, kind);
	rule.kind = (enum kind)k;
	if (!strncmp(rest, "in=", 3)) {
		err = compile(&rule.in, word(&rest) + 3, 0, name, line, ei);
		rule.has_in = !err;
		rest += strspn(rest, " \t");
	}
	if (!err && !*rest)
		err = pr_fail(ei, PR_EUSAGE, "%s: line %u: the expression is missing", name, line);
	rule.ignore_case = flags & REG_ICASE;
	rule.text = strdup(rest);
	if (!err)
		err = rule.text ? compile(&rule.re, rest, flags, name, line, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err) {
		r->v[r->n++] = rule;
		return PR_OK;
	}
	if (rule.has_in)
		regfree(&rule.in);
	free(rule.text);
	return err;
}

int pr_redact_add(struct pr_redact *r, const char *name, const void *rules, size_t n, struct pr_errinfo *ei)
{
	const uint8_t *p = rules;
	unsigned line = 0;
	int err = PR_OK;

	forget_programs(r);
	drop_screens(r);
	if (r->texts++)
		pr_sha256(r->pack[1], r->pack[1], r->texts > 2 ? PR_SHA256_SIZE : 0, rules, n);
	else
		pr_sha256(r->pack[0], rules, n, NULL, 0);
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
	drop_screens(r);
	for (size_t i = 0; i < r->n; i++) {
		regfree(&r->v[i].re);
		free(r->v[i].text);
		if (r->v[i].has_in)
			regfree(&r->v[i].in);
	}
	free(r->v);
	free(r->wrapped);
	forget_programs(r);
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

static void put_hex(struct pr_buf *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		pr_buf_u8(out, (uint8_t)digits[p[i] >> 4]);
		pr_buf_u8(out, (uint8_t)digits[p[i] & 15]);
	}
}

void pr_redact_tag(const uint8_t key[PR_REDACT_KEY], const char *prefix, struct pr_slice what, struct pr_buf *out)
{
	uint8_t hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof(hash), what.p, what.n, key, PR_REDACT_KEY);
	pr_buf_str(out, prefix);
	put_hex(out, hash, TAG_BYTES);
}

void pr_redact_label(const struct pr_redact *r, struct pr_redact_label *out)
{
	static const char what[] = "procrec: id of a redaction key";
	uint8_t hash[crypto_generichash_BYTES];
	struct pr_buf b = PR_BUF_INIT;

	*out = (struct pr_redact_label){.rules = ""};
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)what, sizeof(what) - 1, r->key, PR_REDACT_KEY);
	put_hex(&b, hash, (sizeof(out->key_id) - 1) / 2);
	pr_buf_u8(&b, 0);
	put_hex(&b, r->pack[0], PR_SHA256_SIZE);
	if (r->texts > 1) {
		pr_buf_u8(&b, ' ');
		put_hex(&b, r->pack[1], PR_SHA256_SIZE);
	}
	pr_buf_u8(&b, 0);
	if (!pr_buf_failed(&b)) {
		memcpy(out->key_id, b.data, sizeof(out->key_id));
		memcpy(out->rules, b.data + sizeof(out->key_id), b.len - sizeof(out->key_id));
	}
	pr_buf_release(&b);
}

static struct pr_slice copy_of(struct pr_buf *b, struct pr_slice s)
{
	pr_buf_clear(b);
	pr_buf_append(b, s.p, s.n);
	return pr_terminated(b);
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

/* Which screened rules of the kind may match: by ignore_case. */
static void look(const struct pr_redact *r, enum kind kind, struct pr_slice arg, bool out[2])
{
	regmatch_t g[GROUPS];

	for (int i = 0; i < 2; i++)
		out[i] = r->screens[kind][i].have && matches(&r->screens[kind][i].re, arg, 0, g);
}

static bool is_due(const struct rule *rule, enum kind kind, bool for_program, const bool may[2])
{
	return rule->kind == kind && for_program && (!rule->screened || may[rule->ignore_case]);
}

/* The argument behind `arg` is secret. */
static bool announces(const struct pr_redact *r, const struct program *pg, struct pr_slice arg)
{
	regmatch_t g[GROUPS];
	bool may[2];

	look(r, RULE_NEXT, arg, may);
	for (size_t i = 0; i < r->n; i++)
		if (is_due(&r->v[i], RULE_NEXT, pg->is_for[i], may) && matches(&r->v[i].re, arg, 0, g))
			return true;
	return false;
}

static void redact_arg(struct pr_redact *r, const struct program *pg, struct pr_slice arg, struct pr_buf *out)
{
	struct pr_buf *now = &r->one, *other = &r->two, *swap;
	bool may[2];

	look(r, RULE_ARG, arg, may);
	for (size_t i = 0; i < r->n && arg.n; i++) {
		pr_buf_clear(other);
		if (!is_due(&r->v[i], RULE_ARG, pg->is_for[i], may) || !apply(r, &r->v[i], arg, other))
			continue;
		swap = now, now = other, other = swap;
		arg = pr_terminated(now);
		may[0] = may[1] = true; /* it is another text now */
	}
	pr_buf_append(out, arg.p, arg.n);
	out->failed |= r->one.failed | r->two.failed | r->arg.failed | r->name.failed;
}

/* ---- programs ------------------------------------------------------------------------------------------------------- */

/* Adds what a program of that name is in for. */
static void look_at_name(const struct pr_redact *r, struct pr_slice name, struct program *pg)
{
	regmatch_t g[GROUPS];

	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].kind == RULE_WRAP)
			pg->wraps |= matches(&r->v[i].re, name, 0, g);
		else if (!pg->is_for[i])
			pg->is_for[i] = !r->v[i].has_in || matches(&r->v[i].in, name, 0, g);
	}
}

static size_t program_size(const struct pr_redact *r)
{
	return sizeof(struct program) + r->n * sizeof(bool);
}

/* NULL: out of memory. *out_hash: of the name. */
static const struct program *program_of(struct pr_redact *r, struct pr_slice name, uint8_t out_hash[PR_SHA256_SIZE])
{
	struct pr_map_slot *s;
	bool is_new;

	if (r->programs.len >= PROGRAMS_MAX)
		forget_programs(r);
	pr_sha256(out_hash, name.p, name.n, NULL, 0);
	s = pr_map_put(&r->programs, pr_get_u64(out_hash), pr_get_u64(out_hash + 8), &is_new);
	if (s && is_new) {
		s->v.p = calloc(1, program_size(r));
		if (!s->v.p) {
			pr_map_del(&r->programs, pr_get_u64(out_hash), pr_get_u64(out_hash + 8));
			return NULL;
		}
		look_at_name(r, name, s->v.p);
	}
	return s ? s->v.p : NULL;
}

/* The arguments of sudo, env and the like are those of another program as well: each word may be its name. */
static struct program *begin_wrapped(struct pr_redact *r, const struct program *pg)
{
	free(r->wrapped);
	r->wrapped = malloc(program_size(r));
	if (r->wrapped)
		memcpy(r->wrapped, pg, program_size(r));
	return r->wrapped;
}

/* The same argument comes again and again: that of a compiler, say. */
static struct pr_map_slot *clean_slot(struct pr_redact *r, const uint8_t name[PR_SHA256_SIZE], struct pr_slice arg, bool *out_known)
{
	uint8_t hash[PR_SHA256_SIZE];
	struct pr_map_slot *s;
	bool is_new;

	*out_known = false;
	if (r->clean.len >= CLEAN_MAX)
		pr_map_release(&r->clean);
	pr_sha256(hash, name, PR_SHA256_SIZE, arg.p, arg.n);
	s = pr_map_put(&r->clean, pr_get_u64(hash), pr_get_u64(hash + 8), &is_new);
	*out_known = s && !is_new && s->v.u;
	return s;
}

/* ---- lists ---------------------------------------------------------------------------------------------------------- */

static struct pr_slice arg_at(struct pr_slice args, size_t at)
{
	const uint8_t *nul = at < args.n ? memchr(args.p + at, 0, args.n - at) : NULL;

	return (struct pr_slice){args.p ? args.p + at : (const uint8_t *)"", nul ? (size_t)(nul - args.p) - at : args.n - at};
}

/* One argument; true when the next one is secret, whole. */
static bool put_arg(struct pr_redact *r, const struct program *pg, const uint8_t name[PR_SHA256_SIZE], bool is_secret, struct pr_slice arg,
	struct pr_buf *out)
{
	bool known = false, announced;
	struct pr_map_slot *clean = name ? clean_slot(r, name, arg, &known) : NULL;
	size_t before = out->len;

	arg = copy_of(&r->arg, arg);
	announced = !known && announces(r, pg, arg);
	if (is_secret && arg.n && !is_marked(arg))
		put_mark(r, arg, out);
	else if (known)
		pr_buf_append(out, arg.p, arg.n);
	else
		redact_arg(r, pg, arg, out);
	if (clean && !known)
		clean->v.u = !announced && !is_secret && out->len - before == arg.n && !pr_buf_failed(out) &&
			     (!arg.n || !memcmp(out->data + out->len - arg.n, arg.p, arg.n));
	return announced;
}

int pr_redact_args(struct pr_redact *r, struct pr_slice program, struct pr_slice args, struct pr_buf *out)
{
	uint8_t hash[PR_SHA256_SIZE];
	const struct program *pg = program_of(r, copy_of(&r->name, base_name(program)), hash);
	struct program *wrapped = pg && pg->wraps ? begin_wrapped(r, pg) : NULL;
	bool is_secret = false;

	if (!r->has_screens)
		make_screens(r);
	if (!pg || (pg->wraps && !wrapped))
		return PR_ENOMEM;
	for (size_t at = 0; at <= args.n;) {
		struct pr_slice arg = arg_at(args, at);

		if (at)
			pr_buf_u8(out, 0);
		at += arg.n + 1;
		is_secret = put_arg(r, wrapped ? wrapped : pg, wrapped ? NULL : hash, is_secret, arg, out);
		if (wrapped && arg.n && arg.p[0] != '-')
			look_at_name(r, copy_of(&r->name, base_name(arg)), wrapped);
	}
	return pr_buf_failed(out) ? PR_ENOMEM : PR_OK;
}

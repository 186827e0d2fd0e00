/* SPDX-License-Identifier: BSD-2-Clause */
/* anonymize.c: names of machines and people out of strings. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "replay/extract/extract.h"
#include "redact/rewrite.h"

#define FIRST_PERSON 1000u
#define NOBODY 65534u
#define NAME_MIN 2u /* shorter names would hit anything */
#define HEX_MIN 32u /* digits of an id */
#define NAMES_MAX 65536u

struct name {
	char *s; /* owned */
	size_t n;
	bool is_host;
};

struct pr_anonymizer {
	uint8_t key[PR_REDACT_KEY];
	struct name *v; /* owned */
	size_t n;
};

int pr_anonymizer_new(struct pr_anonymizer **out, const uint8_t key[PR_REDACT_KEY])
{
	struct pr_anonymizer *a = calloc(1, sizeof(*a));

	if (!a)
		return PR_ENOMEM;
	memcpy(a->key, key, PR_REDACT_KEY);
	*out = a;
	return PR_OK;
}

void pr_anonymizer_free(struct pr_anonymizer *a)
{
	for (size_t i = 0; a && i < a->n; i++)
		free(a->v[i].s);
	if (a)
		free(a->v);
	free(a);
}

static int add_name(struct pr_anonymizer *a, struct pr_slice s, bool is_host)
{
	struct name *v;

	if (s.n < NAME_MIN || a->n >= NAMES_MAX)
		return PR_OK;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].n == s.n && !memcmp(a->v[i].s, s.p, s.n))
			return PR_OK;
	v = realloc(a->v, (a->n + 1) * sizeof(*v));
	if (!v)
		return PR_ENOMEM;
	a->v = v;
	v[a->n] = (struct name){malloc(s.n), s.n, is_host};
	if (!v[a->n].s)
		return PR_ENOMEM;
	memcpy(v[a->n++].s, s.p, s.n);
	return PR_OK;
}

int pr_anonymizer_learn(struct pr_anonymizer *a, const struct pr_event *ev)
{
	struct pr_slice left;
	struct pr_own_item it;
	int err = PR_OK;

	if (ev->op == PR_OP_USER_NAME && ev->own.uid >= FIRST_PERSON && ev->own.uid != NOBODY)
		return add_name(a, ev->own.name, false);
	if (ev->op != PR_OP_HOST)
		return PR_OK;
	for (left = ev->own.items; !err && pr_own_item_next(&left, &it);) {
		const uint8_t *dot;

		if (it.type != PR_ITEM_HOSTNAME || it.is_desc || !it.bytes.n)
			continue;
		err = add_name(a, it.bytes, true);
		dot = memchr(it.bytes.p, '.', it.bytes.n);
		if (!err && dot)
			err = add_name(a, (struct pr_slice){it.bytes.p, (size_t)(dot - it.bytes.p)}, true);
	}
	return err;
}

static void put_tag(const struct pr_anonymizer *a, const char *prefix, const void *p, size_t n, struct pr_buf *out)
{
	pr_redact_tag(a->key, prefix, (struct pr_slice){p, n}, out);
}

static bool in_word(uint8_t c)
{
	return isalnum(c) || c == '_' || c >= 0x80;
}

/* The name that stands alone at `at`: the longest. */
static const struct name *name_at(const struct pr_anonymizer *a, struct pr_slice in, size_t at)
{
	const struct name *best = NULL;

	if (at && in_word(in.p[at - 1]))
		return NULL;
	for (size_t i = 0; i < a->n; i++) {
		const struct name *n = &a->v[i];

		if (n->n <= in.n - at && (!best || n->n > best->n) && !memcmp(n->s, in.p + at, n->n) &&
			(at + n->n == in.n || !in_word(in.p[at + n->n])))
			best = n;
	}
	return best;
}

/* Length of the name of a folder in /home that begins at `at`; 0: none. */
static size_t home_at(struct pr_slice in, size_t at)
{
	static const char home[] = "/home/";
	size_t k = sizeof(home) - 1, n = 0;

	if (at < k || memcmp(in.p + at - k, home, k))
		return 0;
	while (at + n < in.n && in.p[at + n] && !strchr("/ \"':;,", in.p[at + n]))
		n++;
	return n;
}

/* Digits of an id that stands alone, dashes (of a UUID) included; 0: none. */
static size_t id_at(struct pr_slice in, size_t at)
{
	size_t n = 0, digits = 0;

	if (at && isxdigit(in.p[at - 1]))
		return 0;
	for (; at + n < in.n && (isxdigit(in.p[at + n]) || (n && in.p[at + n] == '-')); n++)
		digits += in.p[at + n] != '-';
	return digits >= HEX_MIN ? n : 0;
}

static bool has_ids(unsigned which)
{
	return which == PR_ITEM_CGROUP;
}

int pr_anonymizer_string(struct pr_anonymizer *a, unsigned which, struct pr_slice in, struct pr_buf *out)
{
	const struct name *name;
	size_t n;

	if (in.n && (which == PR_ITEM_BOOT_ID || which == PR_ITEM_MACHINE_ID || which == PR_REWRITE_DOCKER_ID)) {
		put_tag(a, "id-", in.p, in.n, out);
		return pr_buf_failed(out) ? PR_ENOMEM : PR_OK;
	}
	for (size_t at = 0; at < in.n; at += n) {
		n = 1;
		if ((name = name_at(a, in, at))) {
			const char *dot = name->is_host ? memchr(name->s, '.', name->n) : NULL; /* one tag for both names of a host */

			put_tag(a, name->is_host ? "host-" : "user-", name->s, dot ? (size_t)(dot - name->s) : name->n, out);
			n = name->n;
		} else if (in.p[at] && home_at(in, at)) {
			n = home_at(in, at);
			put_tag(a, "user-", in.p + at, n, out);
		} else if (has_ids(which) && id_at(in, at)) {
			n = id_at(in, at);
			put_tag(a, "id-", in.p + at, n, out);
		} else {
			pr_buf_u8(out, in.p[at]);
		}
	}
	return pr_buf_failed(out) ? PR_ENOMEM : PR_OK;
}

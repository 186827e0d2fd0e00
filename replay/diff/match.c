/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.c: which process of A is which of B.
 *
 * Everything that is compared gets a number, equal for what is equal when masked: so siblings are sequences of numbers. What
 * is alike as a whole is paired first, then equal commands, then the same program by how many words they share. At each step the
 * longest common subsequence comes first; what it leaves, because a parallel build had another order, is paired whatever its place.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/diff/diff.h"
#include "schema/sha256.h"

#define LCS_CELLS_MAX (1u << 22)
#define PAIRS_MAX (1u << 20)
#define MASKED_MAX (64u << 20) /* bytes of masked strings that are kept */
#define SCORE_ALL 1000u
#define SCORE_MIN 400u /* of SCORE_ALL: less alike ones are two processes, unless they are the only ones */

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

/* The number of the bytes in d->scratch. */
static int number(struct pr_diff *d, uint32_t *out)
{
	uint8_t hash[PR_SHA256_SIZE];
	struct pr_map_slot *s;
	bool is_new;

	if (pr_buf_failed(&d->scratch))
		return PR_ENOMEM;
	pr_sha256(hash, d->scratch.data, d->scratch.len, NULL, 0);
	s = pr_map_put(&d->ids, pr_get_u64(hash), pr_get_u64(hash + 8), &is_new);
	if (!s)
		return PR_ENOMEM;
	if (is_new)
		s->v.u = ++d->n_ids;
	*out = (uint32_t)s->v.u;
	return PR_OK;
}

/*
 * A string, masked, with its length in front: so that lists of strings are told apart. Most strings come again and again, and the
 * expressions are slow.
 */
static void put_masked(struct pr_diff *d, struct pr_diff_side *s, struct pr_slice in)
{
	struct pr_buf *text = &s->masked_text;
	uint8_t hash[PR_SHA256_SIZE];
	struct pr_map_slot *slot;
	size_t at = text->len;
	bool is_new;

	pr_sha256(hash, in.p, in.n, NULL, 0);
	slot = pr_map_put(&s->masked, pr_get_u64(hash), pr_get_u64(hash + 8), &is_new);
	if (!slot) {
		d->scratch.failed = true;
		return;
	}
	if (is_new) {
		slot->v.u = at;
		pr_buf_u32(text, 0);
		pr_masks_apply(&d->masks, &s->pids, in, text);
		if (!pr_buf_failed(text))
			pr_put_u32(text->data + at, (uint32_t)(text->len - at - 4));
	}
	at = slot->v.u;
	if (pr_buf_failed(text))
		d->scratch.failed = true;
	else
		pr_buf_append(&d->scratch, text->data + at, 4 + pr_get_u32(text->data + at));
	if (text->len > MASKED_MAX) {
		pr_map_release(&s->masked);
		pr_buf_clear(text);
	}
}

static void put_binary(struct pr_diff *d, struct pr_diff_side *s, const struct pr_diff_image *im, bool base_only)
{
	struct pr_buf b = PR_BUF_INIT;
	struct pr_slice bin = pr_life_binary(im->im, &b);
	const uint8_t *base = base_only && bin.n ? memrchr(bin.p, '/', bin.n) : NULL;
	size_t skip = base ? (size_t)(base - bin.p) : 0;

	pr_buf_u8(&d->scratch, im->is_fork);
	put_masked(d, s, (struct pr_slice){bin.p + skip, bin.n - skip});
	pr_buf_release(&b);
}

static void put_command(struct pr_diff *d, struct pr_diff_side *s, const struct pr_diff_image *im)
{
	struct pr_slice arg;
	size_t pos = 0;

	put_binary(d, s, im, false);
	while (im->im && !im->is_fork && !im->im->enomem && pr_image_next_arg(im->im, &pos, &arg))
		put_masked(d, s, arg);
	pr_buf_u32(&d->scratch, UINT32_MAX);
}

static void put_surroundings(struct pr_diff *d, struct pr_diff_side *s, const struct pr_image *im)
{
	if (!im)
		return;
	put_masked(d, s, pr_image_argv0(im));
	put_masked(d, s, pr_image_cwd(im));
	pr_buf_u32(&d->scratch, im->uid);
	pr_buf_u64(&d->scratch, im->permitted);
	pr_buf_u64(&d->scratch, im->effective);
	pr_buf_u64(&d->scratch, im->inheritable);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int number_whole(struct pr_diff *d, struct pr_diff_side *s, struct pr_diff_node *n)
{
	uint32_t *kids = malloc((n->n_kids + 1) * sizeof(*kids));
	int err;

	if (!kids)
		return PR_ENOMEM;
	for (uint32_t k = 0; k < n->n_kids; k++)
		kids[k] = s->nodes[s->kids[n->kids + k]].whole;
	qsort(kids, n->n_kids, sizeof(*kids), compare_u32);
	pr_buf_clear(&d->scratch);
	pr_buf_u32(&d->scratch, n->command);
	for (uint32_t i = n->image; i != PR_DIFF_NONE; i = s->images[i].next)
		if (!s->images[i].is_fork)
			put_surroundings(d, s, s->images[i].im);
	pr_buf_u32(&d->scratch, n->end == PR_LIFE_EXIT);
	pr_buf_u32(&d->scratch, n->status);
	for (uint32_t k = 0; k < n->n_kids; k++)
		pr_buf_u32(&d->scratch, kids[k]);
	err = number(d, &n->whole);
	free(kids);
	return err;
}

static int number_node(struct pr_diff *d, struct pr_diff_side *s, struct pr_diff_node *n)
{
	int err = PR_OK;

	pr_buf_clear(&d->scratch);
	for (uint32_t i = n->image; i != PR_DIFF_NONE; i = s->images[i].next)
		put_command(d, s, &s->images[i]);
	err = number(d, &n->command);
	for (int base_only = 0; !err && base_only < 2; base_only++) {
		pr_buf_clear(&d->scratch);
		if (n->last_image != PR_DIFF_NONE)
			put_binary(d, s, &s->images[n->last_image], base_only);
		err = number(d, base_only ? &n->name : &n->program);
	}
	return err ? err : number_whole(d, s, n);
}

/* The work: the nodes of each side are numbered, and then those of the first are paired. It is told as a part of all nodes. */
struct count {
	const struct pr_meter *meter;
	uint64_t done, work, nodes;
};

static void count_one(struct count *c)
{
	pr_meter_at(c->meter, c->done++ * c->nodes / c->work, c->nodes);
}

static int number_side(struct pr_diff *d, struct pr_diff_side *s, struct count *c)
{
	int err = PR_OK;

	for (size_t i = s->n_order; !err && i-- > 0;) {
		count_one(c);
		err = number_node(d, s, &s->nodes[s->order[i]]);
	}
	return err;
}

/* ---- siblings ------------------------------------------------------------------------------------------------------- */

/* What is left to pair of two lists of siblings. */
struct item {
	uint32_t key, place, node;
};
struct siblings {
	struct pr_diff *d;
	const struct pr_diff_node *parent[2];
	struct item *v[2]; /* owned */
	size_t n[2];
};

enum key { KEY_WHOLE, KEY_COMMAND, KEY_PROGRAM, KEY_NAME };

static void pair(struct siblings *s, const struct item *a, const struct item *b)
{
	s->d->side[0].nodes[a->node].match = b->node;
	s->d->side[1].nodes[b->node].match = a->node;
}

static void collect(struct siblings *s, enum key key)
{
	for (int i = 0; i < 2; i++) {
		const struct pr_diff_side *side = &s->d->side[i];

		s->n[i] = 0;
		for (uint32_t k = 0; k < s->parent[i]->n_kids; k++) {
			uint32_t number_ = side->kids[s->parent[i]->kids + k];
			const struct pr_diff_node *n = &side->nodes[number_];
			const uint32_t keys[] = {n->whole, n->command, n->program, n->name};

			if (n->match == PR_DIFF_NONE)
				s->v[i][s->n[i]++] = (struct item){keys[key], k, number_};
		}
	}
}

static int pair_lcs(struct siblings *s)
{
	const struct item *a = s->v[0], *b = s->v[1];
	size_t na = s->n[0], nb = s->n[1], w;
	uint32_t *len;

	for (; na && nb && a->key == b->key; a++, b++, na--, nb--)
		pair(s, a, b);
	for (; na && nb && a[na - 1].key == b[nb - 1].key; na--, nb--)
		pair(s, &a[na - 1], &b[nb - 1]);
	if (!na || !nb || na > LCS_CELLS_MAX / nb)
		return PR_OK;
	w = nb + 1;
	len = calloc((na + 1) * w, sizeof(*len)); /* of what follows */
	if (!len)
		return PR_ENOMEM;
	for (size_t i = na; i-- > 0;)
		for (size_t j = nb; j-- > 0;) {
			uint32_t down = len[(i + 1) * w + j], right = len[i * w + j + 1];

			len[i * w + j] = a[i].key == b[j].key ? len[(i + 1) * w + j + 1] + 1 : down > right ? down : right;
		}
	for (size_t i = 0, j = 0; i < na && j < nb;) {
		if (a[i].key == b[j].key)
			pair(s, &a[i++], &b[j++]);
		else if (len[(i + 1) * w + j] >= len[i * w + j + 1])
			i++;
		else
			j++;
	}
	free(len);
	return PR_OK;
}

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* The next two ranges of one key; false at the end. The lists are sorted. */
static bool next_group(const struct siblings *s, size_t from[2], size_t to[2])
{
	const struct item *const *v = (const struct item *const *)s->v;

	from[0] = to[0];
	from[1] = to[1];
	while (from[0] < s->n[0] && from[1] < s->n[1] && v[0][from[0]].key != v[1][from[1]].key)
		from[v[0][from[0]].key > v[1][from[1]].key]++;
	if (from[0] >= s->n[0] || from[1] >= s->n[1])
		return false;
	for (int i = 0; i < 2; i++)
		for (to[i] = from[i]; to[i] < s->n[i] && v[i][to[i]].key == v[i][from[i]].key;)
			to[i]++;
	return true;
}

static void pair_in_order(struct siblings *s, const size_t from[2], const size_t to[2])
{
	for (size_t i = from[0], j = from[1]; i < to[0] && j < to[1]; i++, j++)
		pair(s, &s->v[0][i], &s->v[1][j]);
}

static int pair_equal(struct siblings *s, enum key key)
{
	size_t from[2], to[2] = {0, 0};
	int err;

	collect(s, key);
	err = pair_lcs(s);
	if (err)
		return err;
	collect(s, key);
	for (int i = 0; i < 2; i++)
		qsort(s->v[i], s->n[i], sizeof(struct item), by_key);
	while (next_group(s, from, to))
		pair_in_order(s, from, to);
	return PR_OK;
}

/* ---- by likeness ---------------------------------------------------------------------------------------------------- */

struct words {
	uint32_t *v; /* owned: hashes, sorted */
	size_t n;
};

static uint32_t hash_word(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static bool is_break(uint8_t c)
{
	return c <= ' ' || c == '=' || c == ',';
}

static int get_words(struct pr_diff *d, int side, uint32_t node, struct words *out)
{
	const struct pr_diff_side *s = &d->side[side];
	const struct pr_diff_image *im = &s->images[s->nodes[node].last_image];
	const uint8_t *p;
	struct pr_slice arg;
	size_t n, pos = 0;

	*out = (struct words){0};
	pr_buf_clear(&d->scratch);
	while (s->nodes[node].last_image != PR_DIFF_NONE && im->im && !im->im->enomem && pr_image_next_arg(im->im, &pos, &arg)) {
		pr_masks_apply(&d->masks, &s->pids, arg, &d->scratch);
		pr_buf_u8(&d->scratch, 0);
	}
	p = d->scratch.data;
	n = d->scratch.len;
	out->v = malloc((n / 2 + 2) * sizeof(*out->v));
	if (!out->v || pr_buf_failed(&d->scratch))
		return PR_ENOMEM;
	for (size_t i = 0, j; i < n; i = j + 1) {
		for (j = i; j < n && !is_break(p[j]); j++)
			;
		if (j > i)
			out->v[out->n++] = hash_word(p + i, j - i);
	}
	qsort(out->v, out->n, sizeof(*out->v), compare_u32);
	return PR_OK;
}

static uint32_t likeness(const struct words *a, const struct words *b)
{
	size_t common = 0;

	if (!a->n && !b->n)
		return SCORE_ALL;
	for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
		common += a->v[i] == b->v[j];
		if (a->v[i] == b->v[j])
			i++, j++;
		else if (a->v[i] < b->v[j])
			i++;
		else
			j++;
	}
	return (uint32_t)(2 * SCORE_ALL * common / (a->n + b->n));
}

struct score {
	uint32_t score, apart, a, b;
};

static int by_score(const void *a, const void *b)
{
	const struct score *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->apart != y->apart)
		return x->apart < y->apart ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* The best pairs first; of equally good ones those whose places are nearest. */
static void pair_best(struct siblings *s, const size_t from[2], const struct words *wa, size_t na, const struct words *wb, size_t nb,
	struct score *scores)
{
	uint32_t least = na == 1 && nb == 1 ? 0 : SCORE_MIN;
	size_t n = 0;

	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			uint32_t score = likeness(&wa[i], &wb[j]);

			if (score >= least)
				scores[n++] = (struct score){score, (uint32_t)(i > j ? i - j : j - i), (uint32_t)i, (uint32_t)j};
		}
	qsort(scores, n, sizeof(*scores), by_score);
	for (size_t k = 0; k < n; k++) {
		const struct item *a = &s->v[0][from[0] + scores[k].a], *b = &s->v[1][from[1] + scores[k].b];

		if (s->d->side[0].nodes[a->node].match == PR_DIFF_NONE && s->d->side[1].nodes[b->node].match == PR_DIFF_NONE)
			pair(s, a, b);
	}
}

static int pair_group(struct siblings *s, const size_t from[2], const size_t to[2])
{
	size_t na = to[0] - from[0], nb = to[1] - from[1];
	struct words *w;
	struct score *scores;
	int err = PR_OK;

	if (na > PAIRS_MAX / nb) {
		pair_in_order(s, from, to);
		return PR_OK;
	}
	w = calloc(na + nb, sizeof(*w));
	scores = malloc(na * nb * sizeof(*scores));
	if (!w || !scores)
		err = PR_ENOMEM;
	for (size_t i = 0; !err && i < na + nb; i++)
		err = get_words(s->d, i >= na, i < na ? s->v[0][from[0] + i].node : s->v[1][from[1] + i - na].node, &w[i]);
	if (!err)
		pair_best(s, from, w, na, w + na, nb, scores);
	for (size_t i = 0; w && i < na + nb; i++)
		free(w[i].v);
	free(w);
	free(scores);
	return err;
}

static int pair_alike(struct siblings *s, enum key key)
{
	size_t from[2], to[2] = {0, 0};
	int err = PR_OK;

	collect(s, key);
	for (int i = 0; i < 2; i++)
		qsort(s->v[i], s->n[i], sizeof(struct item), by_key);
	while (!err && next_group(s, from, to))
		err = pair_group(s, from, to);
	return err;
}

static int pair_children(struct pr_diff *d, const struct pr_diff_node *a, const struct pr_diff_node *b)
{
	struct siblings s = {.d = d, .parent = {a, b}};
	int err = PR_OK;

	if (!a->n_kids || !b->n_kids)
		return PR_OK;
	for (int i = 0; i < 2; i++) {
		s.v[i] = malloc(s.parent[i]->n_kids * sizeof(struct item));
		if (!s.v[i])
			err = PR_ENOMEM;
	}
	if (!err)
		err = pair_equal(&s, KEY_WHOLE);
	if (!err)
		err = pair_equal(&s, KEY_COMMAND);
	if (!err)
		err = pair_alike(&s, KEY_PROGRAM);
	if (!err)
		err = pair_alike(&s, KEY_NAME);
	free(s.v[0]);
	free(s.v[1]);
	return err;
}

int pr_diff_match(struct pr_diff *d, const struct pr_meter *meter, struct pr_errinfo *ei)
{
	const struct pr_diff_side *a = &d->side[0], *b = &d->side[1];
	struct count count = {.meter = meter, .work = 2 * (uint64_t)a->n_order + b->n_order, .nodes = (uint64_t)a->n_order + b->n_order};
	int err = number_side(d, &d->side[0], &count);

	if (!err)
		err = number_side(d, &d->side[1], &count);
	a->nodes[0].match = b->nodes[0].match = 0;
	for (size_t i = 0; !err && i < a->n_order; i++) { /* parents come before their children */
		const struct pr_diff_node *n = &a->nodes[a->order[i]];

		count_one(&count);
		if (n->match != PR_DIFF_NONE)
			err = pair_children(d, n, &b->nodes[n->match]);
	}
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory for the comparison") : err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* compare.c: what differs between two processes that were paired. */
#include <stdlib.h>
#include <string.h>

#include "replay/diff/diff.h"
#include "schema/sha256.h"

#define ARGS_CELLS_MAX (1u << 22)

bool pr_diff_same(struct pr_diff *d, struct pr_slice a, struct pr_slice b)
{
	struct pr_buf m = PR_BUF_INIT;
	size_t n;
	bool same;

	if (a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)))
		return true;
	pr_masks_apply(&d->masks, &d->side[0].pids, a, &m);
	n = m.len;
	pr_masks_apply(&d->masks, &d->side[1].pids, b, &m);
	same = !pr_buf_failed(&m) && m.len == 2 * n && (!n || !memcmp(m.data, m.data + n, n));
	pr_buf_release(&m);
	return same;
}

static size_t count_args(const struct pr_image *im)
{
	struct pr_slice arg;
	size_t pos = 0, n = 0;

	while (!im->enomem && pr_image_next_arg(im, &pos, &arg))
		n++;
	return n;
}

static bool same_args(struct pr_diff *d, const struct pr_image *a, const struct pr_image *b)
{
	struct pr_slice x, y;
	size_t i = 0, j = 0;
	bool more_a, more_b;

	if (a->enomem != b->enomem)
		return false;
	if (a->enomem)
		return true;
	for (;;) {
		more_a = pr_image_next_arg(a, &i, &x);
		more_b = pr_image_next_arg(b, &j, &y);
		if (!more_a || !more_b)
			return more_a == more_b;
		if (!pr_diff_same(d, x, y))
			return false;
	}
}

unsigned pr_diff_images(struct pr_diff *d, const struct pr_diff_image *x, const struct pr_diff_image *y)
{
	const struct pr_image *a = x->im, *b = y->im;
	struct pr_buf s[2] = {PR_BUF_INIT, PR_BUF_INIT};
	unsigned what = 0;

	if (x->is_fork && y->is_fork) /* what they have is their creators', of whom it is told */
		return 0;
	if (!a || !b)
		return a == b ? 0 : PR_DIFF_BINARY;
	if (!pr_diff_same(d, pr_life_binary(a, &s[0]), pr_life_binary(b, &s[1])))
		what |= PR_DIFF_BINARY;
	if (a->has_argv0 && b->has_argv0 && !pr_diff_same(d, pr_image_argv0(a), pr_image_argv0(b)))
		what |= PR_DIFF_ARGV0;
	if (!same_args(d, a, b))
		what |= PR_DIFF_ARGS;
	if (!pr_diff_same(d, pr_image_cwd(a), pr_image_cwd(b)))
		what |= PR_DIFF_CWD;
	if (a->uid != b->uid)
		what |= PR_DIFF_UID;
	if (a->permitted != b->permitted || a->effective != b->effective || a->inheritable != b->inheritable)
		what |= PR_DIFF_CAPS;
	pr_buf_release(&s[0]);
	pr_buf_release(&s[1]);
	return what;
}

unsigned pr_diff_processes(const struct pr_diff *d, const struct pr_diff_node *a, const struct pr_diff_node *b)
{
	uint64_t apart = a->duration_ns > b->duration_ns ? a->duration_ns - b->duration_ns : b->duration_ns - a->duration_ns;
	bool ended = a->end == PR_LIFE_EXIT;
	unsigned what = 0;

	if (a->n_images != b->n_images)
		what |= PR_DIFF_EXECS;
	if (ended != (b->end == PR_LIFE_EXIT) || (ended && a->status != b->status))
		what |= PR_DIFF_EXIT;
	if (d->has_durations && ended && b->end == PR_LIFE_EXIT && apart > d->durations_ns)
		what |= PR_DIFF_DURATION;
	return what;
}

bool pr_diff_next_images(const struct pr_diff *d, uint32_t a, uint32_t b, uint32_t *ia, uint32_t *ib)
{
	const struct pr_diff_node *x = &d->side[0].nodes[a], *y = &d->side[1].nodes[b];

	if (!x->n_images || !y->n_images)
		return false;
	if (x->n_images != y->n_images) {
		bool first = *ia == PR_DIFF_NONE;

		*ia = x->last_image;
		*ib = y->last_image;
		return first;
	}
	*ia = *ia == PR_DIFF_NONE ? x->image : d->side[0].images[*ia].next;
	*ib = *ib == PR_DIFF_NONE ? y->image : d->side[1].images[*ib].next;
	return *ia != PR_DIFF_NONE;
}

/* ---- the arguments ---------------------------------------------------------------------------------------------------- */

struct arg {
	struct pr_slice raw;
	uint64_t masked; /* hash */
};

static bool same_arg(const struct arg *a, const struct arg *b)
{
	return a->masked == b->masked || (a->raw.n == b->raw.n && (!a->raw.n || !memcmp(a->raw.p, b->raw.p, a->raw.n)));
}

static struct arg *list_args(struct pr_diff *d, int side, const struct pr_image *im, size_t n)
{
	struct arg *v = calloc(n + 1, sizeof(*v));
	uint8_t hash[PR_SHA256_SIZE];
	size_t pos = 0;

	for (size_t i = 0; v && i < n; i++) {
		pr_image_next_arg(im, &pos, &v[i].raw);
		pr_buf_clear(&d->scratch);
		pr_masks_apply(&d->masks, &d->side[side].pids, v[i].raw, &d->scratch);
		pr_sha256(hash, d->scratch.data, d->scratch.len, NULL, 0);
		v[i].masked = pr_get_u64(hash);
	}
	return v;
}

/* Adds one argument that differs, to the hunk before if it touches. */
static void add(struct pr_diff_hunk *v, size_t *n, size_t i, size_t j, bool of_a)
{
	struct pr_diff_hunk *h = *n ? &v[*n - 1] : NULL;

	if (!h || h->a_to != i || h->b_to != j) {
		h = &v[(*n)++];
		*h = (struct pr_diff_hunk){(uint32_t)i, (uint32_t)i, (uint32_t)j, (uint32_t)j};
	}
	if (of_a)
		h->a_to++;
	else
		h->b_to++;
}

/* By the longest common subsequence of what lies between `head` equal ones and the equal ones at the end. */
static int find_hunks(const struct arg *a, size_t na, const struct arg *b, size_t nb, size_t head,
	struct pr_diff_hunk *v, size_t *n)
{
	size_t w = nb + 1, i = 0, j = 0;
	bool small = !nb || na <= ARGS_CELLS_MAX / w;
	uint32_t *len = small ? calloc((na + 1) * w, sizeof(*len)) : NULL;

	if (small && !len)
		return PR_ENOMEM;
	for (size_t k = na; small && k-- > 0;)
		for (size_t l = nb; l-- > 0;) {
			uint32_t down = len[(k + 1) * w + l], right = len[k * w + l + 1];

			len[k * w + l] = same_arg(&a[k], &b[l]) ? len[(k + 1) * w + l + 1] + 1 : down > right ? down : right;
		}
	while (i < na || j < nb) {
		if (small && i < na && j < nb && len[i * w + j] == len[(i + 1) * w + j + 1] + 1 && same_arg(&a[i], &b[j])) {
			i++, j++;
		} else if (i < na && (j == nb || !small || len[(i + 1) * w + j] >= len[i * w + j + 1])) {
			add(v, n, head + i, head + j, true);
			i++;
		} else {
			add(v, n, head + i, head + j, false);
			j++;
		}
	}
	free(len);
	return PR_OK;
}

int pr_diff_arguments(struct pr_diff *d, const struct pr_image *a, const struct pr_image *b, struct pr_diff_hunk **out, size_t *out_n)
{
	size_t na = count_args(a), nb = count_args(b), head = 0, n = 0;
	struct arg *x = list_args(d, 0, a, na), *y = list_args(d, 1, b, nb);
	struct pr_diff_hunk *v = malloc((na + nb + 1) * sizeof(*v));
	int err = PR_OK;

	if (!x || !y || !v)
		err = PR_ENOMEM;
	for (; !err && head < na && head < nb && same_arg(&x[head], &y[head]); head++)
		;
	while (!err && na > head && nb > head && same_arg(&x[na - 1], &y[nb - 1]))
		na--, nb--;
	if (!err)
		err = find_hunks(x + head, na - head, y + head, nb - head, head, v, &n);
	free(x);
	free(y);
	if (err) {
		free(v);
		return err;
	}
	*out = v;
	*out_n = n;
	return PR_OK;
}

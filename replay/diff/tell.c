/* SPDX-License-Identifier: BSD-2-Clause */
/* tell.c: the differences, as text or JSON lines, in the order of the trees. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/diff/diff.h"
#include "replay/render/render.h"

struct teller {
	struct pr_diff *d;
	struct pr_out *out;
	const struct pr_style *style; /* of text; may be NULL */
	bool json;
	struct pr_diff_sums sums;
	struct pr_buf one, two;
	bool in_image; /* what is told now is of an image: number `image`, from 0, and of A, called: */
	bool is_last;
	uint32_t image;
	struct pr_diff_image *of;
};

static const char side_names[2][2] = {"a", "b"};

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static const struct pr_diff_image *last_image(const struct pr_diff_side *s, const struct pr_diff_node *n)
{
	return n->last_image == PR_DIFF_NONE ? NULL : &s->images[n->last_image];
}

/* The base name of what the process ran last. */
static struct pr_slice name_of(const struct pr_diff_side *s, const struct pr_diff_node *n, struct pr_buf *scratch)
{
	const struct pr_diff_image *im = last_image(s, n);
	struct pr_slice b = pr_life_binary(im ? im->im : NULL, scratch);
	const uint8_t *base = b.n ? memrchr(b.p, '/', b.n) : NULL;

	if (!b.n)
		return (struct pr_slice){(const uint8_t *)"?", 1};
	return base && base + 1 < b.p + b.n ? (struct pr_slice){base + 1, (size_t)(b.p + b.n - base - 1)} : b;
}

/* The numbers of its creators within the selected tree, uppermost first, at most max; returns how many there are in all. */
#define PATH_MAX_SHOWN 32
static size_t path_of(const struct pr_diff_side *s, const struct pr_diff_node *n, uint32_t out[PATH_MAX_SHOWN])
{
	size_t depth = n->depth ? n->depth - 1 : 0, at = depth;
	uint32_t c = n->creator;

	for (; at > 0 && c; c = s->nodes[c].creator)
		if (--at < PATH_MAX_SHOWN)
			out[at] = c;
	return depth;
}

static void put_path(struct teller *t, const struct pr_diff_side *s, const struct pr_diff_node *n, struct pr_buf *b)
{
	uint32_t path[PATH_MAX_SHOWN];
	size_t depth = path_of(s, n, path);

	for (size_t i = 0; i < depth && i < PATH_MAX_SHOWN; i++) {
		struct pr_slice name = name_of(s, &s->nodes[path[i]], &t->one);

		pr_text_escape(b, name.p, name.n);
		pr_buf_str(b, " > ");
	}
	if (depth > PATH_MAX_SHOWN)
		pr_buf_str(b, "... > ");
}

static void put_command(struct teller *t, const struct pr_diff_side *s, const struct pr_diff_node *n, struct pr_buf *b)
{
	const struct pr_diff_image *im = last_image(s, n);
	struct pr_slice bin = pr_life_binary(im ? im->im : NULL, &t->one), args;

	if (!bin.n)
		bin = (struct pr_slice){(const uint8_t *)"?", 1};
	if (im && im->is_fork) {
		pr_buf_str(b, "(fork of ");
		pr_text_escape(b, bin.p, bin.n);
		pr_buf_str(b, ")");
		return;
	}
	pr_text_escape(b, bin.p, bin.n);
	if (!im || !im->im || im->im->enomem)
		return;
	args = pr_image_arguments(im->im, &t->one);
	if (args.n)
		pr_buf_u8(b, ' ');
	pr_text_escape_lossy(b, args.p, args.n);
}

static void json_argv(struct teller *t, struct pr_json *j, const char *key, const struct pr_image *im, uint32_t from, uint32_t to)
{
	struct pr_slice arg;
	bool exact = true;
	size_t pos = 0;

	pr_json_array(j, key);
	for (uint32_t i = 0; i < to && pr_image_next_arg(im, &pos, &arg); i++)
		if (i >= from)
			exact &= pr_json_bytes_element(j, arg.p, arg.n);
	pr_json_array_end(j);
	if (exact)
		return;
	pr_buf_clear(&t->two);
	pr_buf_str(&t->two, key);
	pr_buf_append(&t->two, "_b64", 5);
	if (pr_buf_failed(&t->two))
		return;
	pr_json_array(j, (const char *)t->two.data);
	pos = 0;
	for (uint32_t i = 0; i < to && pr_image_next_arg(im, &pos, &arg); i++) {
		if (i < from)
			continue;
		if (pr_utf8_valid(arg.p, arg.n))
			pr_json_null(j, NULL);
		else
			pr_json_b64_element(j, arg.p, arg.n);
	}
	pr_json_array_end(j);
}

static void json_process(struct teller *t, struct pr_json *j, const char *key, const struct pr_diff_side *s, const struct pr_diff_node *n)
{
	const struct pr_diff_image *im = last_image(s, n);
	struct pr_slice bin = pr_life_binary(im ? im->im : NULL, &t->one);
	struct pr_slice host = s->host ? (struct pr_slice){s->host->bytes, s->host->len} : (struct pr_slice){NULL, 0};

	pr_json_object(j, key);
	pr_json_u64(j, "pid", n->first.pid);
	pr_json_u64(j, "ktime", im ? im->id.ktime : n->first.ktime);
	pr_json_key(j, "exec_id");
	pr_buf_u8(j->out, '"');
	pr_text_exec_id(j->out, host, im ? im->id : n->first);
	pr_buf_u8(j->out, '"');
	pr_json_bool(j, "fork", im && im->is_fork);
	pr_json_bytes(j, "binary", bin.p, bin.n);
	if (im && im->im && !im->im->enomem)
		json_argv(t, j, "args", im->im, 0, UINT32_MAX);
	pr_json_object_end(j);
}

static void json_path(struct teller *t, struct pr_json *j, const struct pr_diff_side *s, const struct pr_diff_node *n)
{
	uint32_t path[PATH_MAX_SHOWN];
	size_t depth = path_of(s, n, path);

	pr_json_array(j, "path");
	for (size_t i = 0; i < depth && i < PATH_MAX_SHOWN; i++) {
		struct pr_slice name = name_of(s, &s->nodes[path[i]], &t->one);

		pr_json_bytes_element(j, name.p, name.n);
	}
	pr_json_array_end(j);
}

/* ---- changes -------------------------------------------------------------------------------------------------------- */

/* Begins a change: as text "NAME: ", with the image in front where it is not the last one; as JSON {"what":NAME. */
static void put_what(struct teller *t, struct pr_json *j, const char *name)
{
	struct pr_buf scratch = PR_BUF_INIT;
	struct pr_slice b;

	if (t->json) {
		pr_json_object(j, NULL);
		pr_json_str(j, "what", name);
		if (t->in_image)
			pr_json_u64(j, "image", t->image);
		return;
	}
	pr_buf_str(j->out, "    ");
	if (t->in_image && !t->is_last) {
		b = pr_life_binary(t->of->im, &scratch);
		pr_buf_str(j->out, "as ");
		pr_text_escape(j->out, b.p, b.n);
		pr_buf_str(j->out, ": ");
		pr_buf_release(&scratch);
	}
	pr_buf_str(j->out, name);
	pr_buf_str(j->out, ": ");
}

/* Behind the value of A, which begins at `from`. */
static void put_arrow(struct teller *t, struct pr_buf *b, size_t from)
{
	pr_paint(b, t->style, PR_ROLE_REMOVED, from);
	pr_buf_str(b, " -> ");
}

/* One value of each side, as text "NAME: A -> B" or as JSON {"what":NAME,"a":A,"b":B}. */
static void put_strings(struct teller *t, struct pr_json *j, const char *name, struct pr_slice a, struct pr_slice b)
{
	size_t at;

	put_what(t, j, name);
	if (t->json) {
		pr_json_bytes(j, "a", a.p, a.n);
		pr_json_bytes(j, "b", b.p, b.n);
		pr_json_object_end(j);
		return;
	}
	at = j->out->len;
	pr_text_escape(j->out, a.p, a.n);
	pr_buf_str(j->out, a.n ? "" : "\"\"");
	put_arrow(t, j->out, at);
	at = j->out->len;
	pr_text_escape(j->out, b.p, b.n);
	if (!b.n)
		pr_buf_str(j->out, "\"\"");
	pr_paint(j->out, t->style, PR_ROLE_ADDED, at);
	pr_buf_u8(j->out, '\n');
}

static void put_numbers(struct teller *t, struct pr_json *j, const char *name, uint64_t a, uint64_t b)
{
	put_what(t, j, name);
	if (t->json) {
		pr_json_u64(j, "a", a);
		pr_json_u64(j, "b", b);
		pr_json_object_end(j);
		return;
	}
	pr_buf_printf(j->out, "%llu -> %llu\n", (unsigned long long)a, (unsigned long long)b);
}

static void put_caps(struct teller *t, struct pr_json *j, const char *name, uint64_t a, uint64_t b)
{
	if (a == b)
		return;
	pr_buf_clear(&t->one);
	pr_buf_clear(&t->two);
	pr_text_caps(&t->one, a);
	pr_text_caps(&t->two, b);
	put_strings(t, j, name, (struct pr_slice){t->one.data, t->one.len}, (struct pr_slice){t->two.data, t->two.len});
}

/* Arguments from..to of a list, as the argument rule shows them. */
static void put_run(struct pr_buf *b, const struct pr_image *im, uint32_t from, uint32_t to, struct pr_buf *scratch)
{
	struct pr_slice arg, all = {NULL, 0};
	size_t pos = 0;

	for (uint32_t i = 0; i < to && pr_image_next_arg(im, &pos, &arg); i++) {
		if (i == from)
			all = arg;
		if (i >= from)
			all.n = (size_t)(arg.p + arg.n - all.p);
	}
	pr_buf_clear(scratch);
	pr_text_arguments(scratch, all.p, all.n);
	if (from == to)
		pr_buf_str(b, "(none)");
	else if (!scratch->len)
		pr_buf_str(b, "\"\"");
	else
		pr_text_escape_lossy(b, scratch->data, scratch->len);
}

static int put_arguments(struct teller *t, struct pr_json *j, const struct pr_image *a, const struct pr_image *b)
{
	struct pr_diff_hunk *v = NULL;
	size_t n = 0, at;
	int err = pr_diff_arguments(t->d, a, b, &v, &n);

	for (size_t i = 0; !err && i < n; i++) {
		put_what(t, j, "arguments");
		if (t->json) {
			pr_json_u64(j, "at_a", v[i].a_from + 1); /* as argv counts them */
			json_argv(t, j, "a", a, v[i].a_from, v[i].a_to);
			pr_json_u64(j, "at_b", v[i].b_from + 1);
			json_argv(t, j, "b", b, v[i].b_from, v[i].b_to);
			pr_json_object_end(j);
			continue;
		}
		at = j->out->len;
		put_run(j->out, a, v[i].a_from, v[i].a_to, &t->one);
		put_arrow(t, j->out, at);
		at = j->out->len;
		put_run(j->out, b, v[i].b_from, v[i].b_to, &t->one);
		pr_paint(j->out, t->style, PR_ROLE_ADDED, at);
		pr_buf_u8(j->out, '\n');
	}
	free(v);
	return err;
}

static int put_image_changes(struct teller *t, struct pr_json *j, unsigned what, const struct pr_diff_image *x, const struct pr_diff_image *y)
{
	const struct pr_image *a = x->im, *b = y->im;
	int err = PR_OK;

	if (what & PR_DIFF_BINARY)
		put_strings(t, j, "binary", pr_life_binary(a, &t->one), pr_life_binary(b, &t->two));
	if (what & PR_DIFF_ARGV0)
		put_strings(t, j, "argv0", pr_image_argv0(a), pr_image_argv0(b));
	if (what & PR_DIFF_ARGS && !a->enomem && !b->enomem)
		err = put_arguments(t, j, a, b);
	else if (what & PR_DIFF_ARGS)
		put_strings(t, j, "arguments", pr_image_arguments(a, &t->one), pr_image_arguments(b, &t->two));
	if (what & PR_DIFF_CWD)
		put_strings(t, j, "cwd", pr_image_cwd(a), pr_image_cwd(b));
	if (what & PR_DIFF_UID)
		put_numbers(t, j, "uid", a->uid, b->uid);
	if (what & PR_DIFF_CAPS) {
		put_caps(t, j, "permitted", a->permitted, b->permitted);
		put_caps(t, j, "effective", a->effective, b->effective);
		put_caps(t, j, "inheritable", a->inheritable, b->inheritable);
	}
	return err;
}

/* "env > make" */
static struct pr_slice put_execs(struct teller *t, int side, const struct pr_diff_node *n, struct pr_buf *out)
{
	const struct pr_diff_side *s = &t->d->side[side];
	struct pr_buf scratch = PR_BUF_INIT;

	pr_buf_clear(out);
	for (uint32_t i = n->image; i != PR_DIFF_NONE; i = s->images[i].next) {
		struct pr_slice b = pr_life_binary(s->images[i].im, &scratch);

		if (out->len)
			pr_buf_str(out, " > ");
		pr_buf_append(out, b.p, b.n);
	}
	pr_buf_release(&scratch);
	return (struct pr_slice){out->data, out->len};
}

static struct pr_slice put_end(const struct pr_diff_node *n, struct pr_buf *out)
{
	pr_buf_clear(out);
	if (n->end == PR_LIFE_EXIT)
		pr_render_status(out, n->status);
	else
		pr_buf_str(out, "not seen");
	return (struct pr_slice){out->data, out->len};
}

static void put_durations(struct teller *t, struct pr_json *j, uint64_t a, uint64_t b)
{
	if (t->json) {
		put_numbers(t, j, "duration_ns", a, b);
		return;
	}
	put_what(t, j, "duration");
	pr_time_seconds(j->out, a);
	pr_buf_str(j->out, " s -> ");
	pr_time_seconds(j->out, b);
	pr_buf_str(j->out, " s\n");
}

static int put_changes(struct teller *t, struct pr_json *j, uint32_t a, uint32_t b, unsigned own)
{
	const struct pr_diff_node *x = &t->d->side[0].nodes[a], *y = &t->d->side[1].nodes[b];
	uint32_t ia = PR_DIFF_NONE, ib = PR_DIFF_NONE;
	int err = PR_OK;

	t->image = own & PR_DIFF_EXECS ? x->n_images - 1 : 0;
	if (own & PR_DIFF_EXECS)
		put_strings(t, j, "execs", put_execs(t, 0, x, &t->one), put_execs(t, 1, y, &t->two));
	while (!err && pr_diff_next_images(t->d, a, b, &ia, &ib)) {
		struct pr_diff_image *p = &t->d->side[0].images[ia], *q = &t->d->side[1].images[ib];

		t->in_image = true;
		t->of = p;
		t->is_last = ia == x->last_image;
		err = put_image_changes(t, j, pr_diff_images(t->d, p, q), p, q);
		t->image++;
	}
	t->in_image = false;
	if (own & PR_DIFF_EXIT)
		put_strings(t, j, "exit", put_end(x, &t->one), put_end(y, &t->two));
	if (own & PR_DIFF_DURATION)
		put_durations(t, j, x->duration_ns, y->duration_ns);
	return err;
}

/* ---- one process ---------------------------------------------------------------------------------------------------- */

static int tell_pair(struct teller *t, uint32_t a, uint32_t b)
{
	const struct pr_diff_side *sa = &t->d->side[0], *sb = &t->d->side[1];
	const struct pr_diff_node *x = &sa->nodes[a], *y = &sb->nodes[b];
	uint32_t ia = PR_DIFF_NONE, ib = PR_DIFF_NONE;
	unsigned own = pr_diff_processes(t->d, x, y), what = own;
	struct pr_buf *out = &t->out->buf;
	struct pr_json j = pr_json_make(out);
	int err;

	while (pr_diff_next_images(t->d, a, b, &ia, &ib))
		what |= pr_diff_images(t->d, &sa->images[ia], &sb->images[ib]);
	if (!what) {
		t->sums.alike++;
		return PR_OK;
	}
	t->sums.changed++;
	if (!t->json) {
		pr_paint_str(out, t->style, PR_ROLE_CHANGED, "~ ");
		put_path(t, sa, x, out);
		put_command(t, sa, x, out);
		pr_buf_printf(out, "  (pid %u | %u)\n", x->first.pid, y->first.pid);
		return put_changes(t, &j, a, b, own);
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "changed");
	json_path(t, &j, sa, x);
	json_process(t, &j, "a", sa, x);
	json_process(t, &j, "b", sb, y);
	pr_json_array(&j, "changes");
	err = put_changes(t, &j, a, b, own);
	pr_json_array_end(&j);
	pr_json_object_end(&j);
	pr_json_newline(&j);
	return err;
}

static void tell_only(struct teller *t, int side, uint32_t number)
{
	const struct pr_diff_side *s = &t->d->side[side];
	const struct pr_diff_node *n = &s->nodes[number];
	struct pr_buf *out = &t->out->buf;
	struct pr_json j = pr_json_make(out);
	size_t from = out->len;

	t->sums.only[side]++;
	if (!t->json) {
		pr_buf_str(out, side ? "+ " : "- ");
		put_path(t, s, n, out);
		put_command(t, s, n, out);
		pr_buf_printf(out, "  (pid %u)", n->first.pid);
		pr_paint(out, t->style, side ? PR_ROLE_ADDED : PR_ROLE_REMOVED, from);
		pr_buf_u8(out, '\n');
		return;
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", side ? "only_b" : "only_a");
	json_path(t, &j, s, n);
	json_process(t, &j, side_names[side], s, n);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

/* ---- the walk over both trees ---------------------------------------------------------------------------------------- */

/*
 * What is still to be told, the next on top. A pair, or with the other one PR_DIFF_NONE a process of one side; the children of B alone
 * come before the child of A whose partner follows them.
 */
struct todo {
	uint32_t a, b;
};

/* Pushes the children of the pair, or of the one, in reverse. */
static void push_children(const struct pr_diff *d, struct todo at, struct todo *v, size_t *n)
{
	const struct pr_diff_side *sa = &d->side[0], *sb = &d->side[1];
	const struct pr_diff_node *x = at.a == PR_DIFF_NONE ? NULL : &sa->nodes[at.a], *y = at.b == PR_DIFF_NONE ? NULL : &sb->nodes[at.b];
	uint32_t i = x ? x->n_kids : 0, j = y ? y->n_kids : 0;

	while (i || j) {
		uint32_t a = i ? sa->kids[x->kids + i - 1] : PR_DIFF_NONE, b = j ? sb->kids[y->kids + j - 1] : PR_DIFF_NONE;

		if (j && sb->nodes[b].match == PR_DIFF_NONE) {
			v[(*n)++] = (struct todo){PR_DIFF_NONE, b};
			j--;
		} else if (i) {
			uint32_t m = sa->nodes[a].match;

			v[(*n)++] = (struct todo){a, m};
			i--;
			if (j && m != PR_DIFF_NONE)
				j--;
		} else {
			j--; /* told with its partner */
		}
	}
}

static int walk(struct teller *t, struct todo *v)
{
	size_t n = 0;
	int err = PR_OK;

	v[n++] = (struct todo){0, 0};
	while (!err && n) {
		struct todo at = v[--n];
		bool top = !at.a && !at.b;

		if (at.a != PR_DIFF_NONE && at.b != PR_DIFF_NONE && !top)
			err = tell_pair(t, at.a, at.b);
		else if (!top)
			tell_only(t, at.a == PR_DIFF_NONE, at.a == PR_DIFF_NONE ? at.b : at.a);
		push_children(t->d, at, v, &n);
		if (!err && !pr_out_check(t->out))
			err = PR_END;
	}
	return err;
}

static void tell_sums(struct teller *t)
{
	const struct pr_diff_sums *s = &t->sums;
	struct pr_json j = pr_json_make(&t->out->buf);

	if (!t->json) {
		pr_buf_printf(&t->out->buf, "%llu processes in A, %llu in B: %llu alike, %llu changed, %llu only in A, %llu only in B\n",
			(unsigned long long)s->processes[0], (unsigned long long)s->processes[1], (unsigned long long)s->alike,
			(unsigned long long)s->changed, (unsigned long long)s->only[0], (unsigned long long)s->only[1]);
		return;
	}
	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "summary");
	pr_json_u64(&j, "processes_a", s->processes[0]);
	pr_json_u64(&j, "processes_b", s->processes[1]);
	pr_json_u64(&j, "alike", s->alike);
	pr_json_u64(&j, "changed", s->changed);
	pr_json_u64(&j, "only_a", s->only[0]);
	pr_json_u64(&j, "only_b", s->only[1]);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

int pr_diff_tell(struct pr_diff *d, bool json, const struct pr_style *style, struct pr_out *out, struct pr_diff_sums *out_sums)
{
	struct teller t = {.d = d, .out = out, .style = style, .json = json};
	struct todo *v = malloc((d->side[0].n_order + d->side[1].n_order + 1) * sizeof(*v));
	int err = PR_ENOMEM;

	t.sums.processes[0] = d->side[0].n_order - 1;
	t.sums.processes[1] = d->side[1].n_order - 1;
	if (v)
		err = walk(&t, v);
	if (!err)
		tell_sums(&t);
	free(v);
	pr_buf_release(&t.one);
	pr_buf_release(&t.two);
	*out_sums = t.sums;
	return err;
}

void pr_diff_release(struct pr_diff *d)
{
	pr_diff_side_release(&d->side[0]);
	pr_diff_side_release(&d->side[1]);
	pr_masks_release(&d->masks);
	pr_map_release(&d->ids);
	pr_buf_release(&d->scratch);
}

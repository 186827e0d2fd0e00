/* SPDX-License-Identifier: BSD-2-Clause */
/* collect.c: the lives of a walk, gathered and put in order. */
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "replay/report/report.h"

/* ---- images --------------------------------------------------------------------------------------------------------- */

static uint32_t add_word(struct pr_report *r, struct pr_slice s)
{
	return pr_words_add(&r->words, s.p ? s.p : (const uint8_t *)"", s.n);
}

static uint32_t add_argv(struct pr_report *r, const struct pr_image *im)
{
	struct pr_slice arg = pr_image_argv0(im);
	size_t pos = 0;

	pr_buf_clear(&r->list);
	pr_buf_u32(&r->list, im->has_argv0 ? add_word(r, arg) : UINT32_MAX);
	while (!im->enomem && pr_image_next_arg(im, &pos, &arg))
		pr_buf_u32(&r->list, add_word(r, arg));
	return r->list.failed ? UINT32_MAX : pr_words_add(&r->lists, r->list.data, r->list.len);
}

static uint32_t add_user(struct pr_report *r, const struct pr_image *im)
{
	struct pr_slice name = pr_image_user(im);

	pr_buf_clear(&r->list);
	pr_buf_u32(&r->list, im->uid);
	pr_buf_append(&r->list, name.p, name.n);
	return r->list.failed ? UINT32_MAX : pr_words_add(&r->users, r->list.data, r->list.len);
}

static int on_image(void *ctx, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_report *r = ctx;
	struct pr_report_image *ri, *v;
	const struct pr_image *what = im->image;

	v = pr_room(r->images, r->n_images, &r->cap_images, sizeof(*v));
	if (!v)
		return PR_ENOMEM;
	r->images = v;
	ri = &r->images[r->n_images++];
	*ri = (struct pr_report_image){.serial = l->serial, .ktime = im->id.ktime, .from = im->from, .busy_ns = im->busy_ns,
		.argv = UINT32_MAX, .cwd = UINT32_MAX, .user = UINT32_MAX, .how = (uint8_t)im->start};
	ri->binary = add_word(r, pr_life_binary(what, &r->scratch));
	if (!what)
		return PR_OK;
	ri->argv = add_argv(r, what);
	ri->cwd = add_word(r, pr_image_cwd(what));
	ri->user = add_user(r, what);
	return ri->argv == UINT32_MAX || ri->cwd == UINT32_MAX || ri->user == UINT32_MAX ? PR_ENOMEM : PR_OK;
}

/* ---- lives ---------------------------------------------------------------------------------------------------------- */

static int on_life(void *ctx, struct pr_life *l)
{
	struct pr_report *r = ctx;
	bool lasted = l->now.start == PR_LIFE_SNAPSHOT && l->end == PR_LIFE_OPEN;
	struct pr_report_life *v;

	if (r->n_lives >= PR_REPORT_LIVES_MAX)
		return pr_fail(r->ei, PR_ELIMIT, "a page can show %u processes, and there are more: select some with --since, --until or --tree",
			PR_REPORT_LIVES_MAX);
	v = pr_room(r->lives, r->n_lives, &r->cap_lives, sizeof(*v));
	if (!v)
		return PR_ENOMEM;
	r->lives = v;
	r->lives[r->n_lives++] = (struct pr_report_life){
		.first = l->first,
		.serial = l->serial,
		.creator = l->creator && l->creator->seen && l->creator->selected ? l->creator->serial : UINT64_MAX,
		.ppid = l->creator_id.pid,
		.end = l->end_ktime,
		.status = l->status,
		.end_kind = (uint8_t)l->end,
		.certainty = (uint8_t)l->certainty,
		.flags = (uint8_t)((l->gap ? PR_REPORT_GAP : 0) | (l->lost_exec ? PR_REPORT_LOST_EXEC : 0) | (lasted ? PR_REPORT_IDLE : 0)),
		.children = l->children,
	};
	return PR_OK;
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct pr_report *r = ctx;
	struct pr_gap *v;

	v = pr_room(r->gaps, r->n_gaps, &r->cap_gaps, sizeof(*v));
	if (!v)
		return PR_ENOMEM;
	r->gaps = v;
	r->gaps[r->n_gaps++] = *g;
	return PR_OK;
}

/* ---- about the recording -------------------------------------------------------------------------------------------- */

static int set_command(struct pr_report *r, struct pr_slice args)
{
	if (r->redact)
		return pr_redact_args(r->redact, PR_REDACT_OWN_NAME, args, &r->command);
	pr_buf_append(&r->command, args.p, args.n);
	return PR_OK;
}

static int on_own(void *ctx, const struct pr_event *ev)
{
	struct pr_report *r = ctx;
	struct pr_slice items = ev->own.items;
	struct pr_own_item it;
	uint64_t v;

	if (ev->op != PR_OP_RECORDER && ev->op != PR_OP_HOST)
		return PR_OK;
	while (pr_own_item_next(&items, &it)) {
		if (it.is_desc)
			continue;
		if (ev->op == PR_OP_RECORDER && it.type == PR_ITEM_ROOT_PID && pr_own_item_number(&it, &v) && v <= UINT32_MAX)
			r->root_pid = v;
		if (ev->op == PR_OP_RECORDER && it.type == PR_ITEM_CMDLINE && !r->command.len && set_command(r, it.bytes))
			return PR_ENOMEM;
		if (ev->op == PR_OP_HOST && it.type == PR_ITEM_KERNEL && !r->system.len) {
			pr_buf_str(&r->system, "Linux ");
			pr_buf_append(&r->system, it.bytes.p, it.bytes.n);
		}
	}
	return r->command.failed || r->system.failed ? PR_ENOMEM : PR_OK;
}

const struct pr_walk_sink pr_report_sink = {.image = on_image, .life = on_life, .gap = on_gap, .own = on_own};

/* ---- order ---------------------------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct pr_report_life *x = a, *y = b;

	if (x->first.ktime != y->first.ktime)
		return x->first.ktime < y->first.ktime ? -1 : 1;
	if (x->first.pid != y->first.pid)
		return x->first.pid < y->first.pid ? -1 : 1;
	return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static int by_life(const void *a, const void *b)
{
	const struct pr_report_image *x = a, *y = b;

	if (x->serial != y->serial) /* positions of lives by now */
		return x->serial < y->serial ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->ktime < y->ktime ? -1 : x->ktime > y->ktime;
}

/* Idle is what lived all along, and has nothing below it that did not. Children stand behind their creators. */
static void settle_idle(struct pr_report *r)
{
	for (size_t i = r->n_lives; i-- > 0;) {
		struct pr_report_life *l = &r->lives[i];

		if (!(l->flags & PR_REPORT_IDLE) && l->up != UINT32_MAX)
			r->lives[l->up].flags &= (uint8_t)~PR_REPORT_IDLE;
	}
}

int pr_report_settle(struct pr_report *r)
{
	uint32_t *at = malloc((r->walk.n_serials + 1) * sizeof(*at));

	if (!at)
		return PR_ENOMEM;
	memset(at, 0xff, (r->walk.n_serials + 1) * sizeof(*at));
	if (r->n_lives)
		qsort(r->lives, r->n_lives, sizeof(*r->lives), by_start);
	for (size_t i = 0; i < r->n_lives; i++)
		at[r->lives[i].serial] = (uint32_t)i;
	for (size_t i = 0; i < r->n_lives; i++) {
		uint64_t c = r->lives[i].creator;

		r->lives[i].up = c == UINT64_MAX || at[c] >= i ? UINT32_MAX : at[c];
	}
	for (size_t i = 0; i < r->n_images; i++)
		r->images[i].serial = at[r->images[i].serial];
	free(at);
	if (r->n_images)
		qsort(r->images, r->n_images, sizeof(*r->images), by_life);
	settle_idle(r);
	return PR_OK;
}

void pr_report_release(struct pr_report *r)
{
	free(r->lives);
	free(r->images);
	free(r->gaps);
	pr_words_release(&r->words);
	pr_words_release(&r->lists);
	pr_words_release(&r->users);
	pr_buf_release(&r->list);
	pr_buf_release(&r->scratch);
	pr_buf_release(&r->command);
	pr_buf_release(&r->system);
}

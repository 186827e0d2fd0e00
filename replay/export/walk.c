/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.c: frames in, lives out. See walk.h; memory and links are in life.c. */
#include "replay/export/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/command.h"

static uint64_t after(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct pr_slice pr_life_binary(const struct pr_image *im, struct pr_buf *scratch)
{
	if (!im || im->enomem == PR_ENOMEM_ALL || !im->filename_len)
		return (struct pr_slice){(const uint8_t *)"", 0};
	return pr_image_binary(im, scratch);
}

const char *pr_life_certainty_name(enum pr_life_certainty c)
{
	static const char *const names[] = {"observed", "snapshot", "inferred", "unknown"};

	return names[c];
}

const char *pr_life_how(const struct pr_life_image *im)
{
	static const char *const names[] = {"unknown", "clone", "exec", "snapshot"};

	return im->first_exec ? "clone+exec" : names[im->start];
}

const char *pr_life_ended_by(const struct pr_life *l, const struct pr_life_image *im)
{
	static const char *const names[] = {"open", "exit", "reused"};

	return l->is_over && im->number == l->now.number ? names[l->end] : "exec";
}

struct pr_slice pr_walk_host(const struct pr_walk *w)
{
	const struct pr_name *n = w->session.replayer.names.host;

	return n ? (struct pr_slice){n->bytes, n->len} : (struct pr_slice){NULL, 0};
}

/* ---- telling the sink ---------------------------------------------------------------------------------------------- */

static int tell(struct pr_walk *w, int (*fn)(void *ctx, struct pr_life *l, uint64_t when), struct pr_life *l, uint64_t when)
{
	if (!fn || !l->selected || when < w->from || when > w->to)
		return PR_OK;
	return fn(w->sink->ctx, l, when);
}

static bool overlaps(const struct pr_walk *w, const struct pr_life *l, uint64_t from, uint64_t to)
{
	return l->selected && from <= w->to && to >= w->from;
}

/* The image that l has is over at `to`: tells it. */
static int finish_image(struct pr_walk *w, struct pr_life *l, uint64_t to)
{
	struct pr_life_image *im = &l->now;

	im->to = to < im->from ? im->from : to;
	if (l->alive_children)
		im->busy_ns += after(im->to, l->busy_since);
	l->busy_since = im->to;
	if (!w->sink->image || !overlaps(w, l, im->from, im->to))
		return PR_OK;
	return w->sink->image(w->sink->ctx, l, im);
}

/* l has begun, or is over, at `when`: its creator has a child more, or less. */
static void child_begins(struct pr_walk *w, struct pr_life *l, uint64_t when)
{
	struct pr_life *c = l->creator;

	if (!c || c->is_over)
		return;
	l->is_counted = true;
	c->children++;
	if (c->alive_children++ == 0)
		c->busy_since = when < w->start_ktime ? w->start_ktime : when;
}

static void child_ends(struct pr_life *l, uint64_t when)
{
	struct pr_life *c = l->creator;

	if (l->is_counted && --c->alive_children == 0 && !c->is_over)
		c->now.busy_ns += after(when, c->busy_since);
	l->is_counted = false;
}

/* ---- beginning and ending ------------------------------------------------------------------------------------------ */

static int end_life(struct pr_walk *w, struct pr_life *l, enum pr_life_end how, uint64_t when, uint32_t status)
{
	struct pr_map_slot *cur = pr_map_get(&w->by_pid, l->first.pid, 0);
	int err;

	if (cur && cur->v.p == l)
		pr_map_del(&w->by_pid, l->first.pid, 0);
	l->end = how;
	l->end_ktime = when < l->now.from ? l->now.from : when;
	l->status = status;
	l->is_over = true;
	l->gap = how != PR_LIFE_EXIT && w->lost_until >= l->now.from && w->lost_until;
	err = finish_image(w, l, l->end_ktime);
	if (!err && how == PR_LIFE_EXIT)
		err = tell(w, w->sink->end, l, when);
	if (!err && w->sink->life && overlaps(w, l, l->first.ktime, l->end_ktime))
		err = w->sink->life(w->sink->ctx, l);
	child_ends(l, l->end_ktime);
	pr_life_bury(w, l);
	return err;
}

static int settle_displaced(struct pr_walk *w, struct pr_life **slot)
{
	struct pr_life *l = *slot;
	int err = PR_OK;

	*slot = NULL;
	if (l && !l->is_over)
		err = end_life(w, l, PR_LIFE_REUSED, l->reused_at, 0);
	pr_life_unref(w, l);
	return err;
}

/* Another process has its pid: it has ended, or the frames came out of order and its exit comes yet. */
static int displace(struct pr_walk *w, struct pr_life *l, uint64_t when)
{
	struct pr_life **slot = &w->displaced[w->n_displaced++ % PR_WALK_DISPLACED];
	int err = settle_displaced(w, slot);

	child_ends(l, when);
	l->reused_at = when;
	l->refs++;
	*slot = l;
	return err;
}

static void note_time(struct pr_walk *w, uint64_t ktime)
{
	if (w->start_ktime == UINT64_MAX)
		w->start_ktime = ktime;
	if (ktime > w->now_ktime)
		w->now_ktime = ktime;
}

static void select_life(struct pr_walk *w, struct pr_life *l)
{
	bool below = l->creator && l->creator->selected, root = w->has_tree && l->first.pid == w->tree;

	w->found_root |= root;
	if (w->has_tree)
		l->selected = below || root;
	else
		l->selected = !w->has_pid || l->first.pid == w->pid;
}

/* l, new or so far only referred to, becomes an open life. Another one that still has the pid must have ended. */
static int open_life(struct pr_walk *w, struct pr_life *l, uint64_t when)
{
	struct pr_map_slot *s = pr_map_get(&w->by_pid, l->first.pid, 0);
	struct pr_life *old = s ? s->v.p : NULL;
	int err = PR_OK;

	l->seen = true;
	l->refs++;
	w->n_lives++;
	if (old && old != l)
		err = displace(w, old, l->first.ktime);
	if (err)
		return err;
	s = pr_map_put(&w->by_pid, l->first.pid, 0, NULL);
	if (!s)
		return PR_ENOMEM;
	s->v.p = l;
	select_life(w, l);
	child_begins(w, l, l->first.ktime);
	return tell(w, w->sink->begin, l, when);
}

static int get_life(struct pr_walk *w, struct pr_id id, struct pr_life **out)
{
	*out = pr_life_find(w, id);
	if (!*out)
		*out = pr_life_new(w, id);
	return *out ? PR_OK : PR_ENOMEM;
}

/* ---- frames -------------------------------------------------------------------------------------------------------- */

/* The image of the execve that the replayer just applied; the cache itself is not needed. */
static struct pr_image *take_image(struct pr_walk *w, struct pr_id id)
{
	struct pr_cache *c = &w->session.replayer.cache;
	struct pr_entry *e = pr_cache_lookup(c, id);
	struct pr_image *im = e ? pr_image_ref(e->image) : NULL;

	pr_cache_clear(c);
	return im;
}

/* Takes the image over. */
static void set_image(struct pr_life_image *to, struct pr_image *im)
{
	if (to->image)
		pr_image_unref(to->image);
	to->image = im;
}

static void set_info(struct pr_walk *w, struct pr_life_image *im)
{
	if (!pr_id_equal(w->info_id, im->id))
		return;
	im->sid = w->info_sid;
	im->pgid = w->info_pgid;
	im->tty = w->info_tty;
}

static enum pr_life_certainty certainty_of(uint32_t flags, enum pr_life_certainty else_)
{
	return flags & (PR_EXEC_TASK_WALK | PR_EXEC_MISS) ? PR_LIFE_INFERRED : else_;
}

static int on_snapshot(struct pr_walk *w, const struct pr_event *ev, struct pr_image *image)
{
	const struct pr_execve *e = &ev->execve;
	struct pr_life *l;
	int err = get_life(w, e->id, &l);

	if (err || l->is_over || (l->seen && l->now.start != PR_LIFE_CLONE)) {
		pr_image_unref(image);
		return err;
	}
	set_image(&l->now, image);
	l->now.start = PR_LIFE_SNAPSHOT;
	l->now.certainty = l->now.certainty == PR_LIFE_INFERRED ? PR_LIFE_INFERRED : PR_LIFE_SNAPSHOTTED;
	if (l->seen) { /* cloned while the snapshot was taken: the clone frame knows better who created it */
		l->certainty = l->certainty == PR_LIFE_OBSERVED ? PR_LIFE_SNAPSHOTTED : l->certainty;
		return PR_OK;
	}
	l->now.parent = e->parent;
	l->now.certainty = certainty_of(e->flags, PR_LIFE_SNAPSHOTTED);
	set_info(w, &l->now);
	err = pr_life_set_creator(w, l, e->parent, certainty_of(e->flags, PR_LIFE_SNAPSHOTTED));
	return err ? err : open_life(w, l, ev->ktime);
}

/* The life that goes on with this exec; NULL: none that is known. */
static struct pr_life *life_before(struct pr_walk *w, const struct pr_execve *e)
{
	struct pr_life *l = e->cleanup.ktime ? pr_life_find(w, e->cleanup) : NULL;
	struct pr_map_slot *s;

	if (l && l->seen)
		return l;
	if (e->flags & PR_EXEC_CLONE)
		return NULL;
	s = pr_map_get(&w->by_pid, e->id.pid, 0);
	l = s ? s->v.p : NULL;
	if (!l || l->now.id.ktime >= e->id.ktime)
		return NULL;
	l->lost_exec = true; /* most likely: its exec to the image that this one replaced is missing */
	return l;
}

/* An exec whose process was not met before. */
static int first_met_by_exec(struct pr_walk *w, const struct pr_event *ev, struct pr_image *image)
{
	const struct pr_execve *e = &ev->execve;
	struct pr_life *l;
	int err = get_life(w, e->cleanup.ktime && e->cleanup.pid == e->id.pid ? e->cleanup : e->id, &l);

	if (err || l->seen) {
		pr_image_unref(image);
		return err;
	}
	if (!pr_id_equal(l->first, e->id))
		err = pr_life_add_id(w, l, e->id);
	set_image(&l->now, image);
	l->now.id = e->id;
	l->now.start = PR_LIFE_EXEC;
	l->now.first_exec = e->flags & PR_EXEC_CLONE;
	l->now.parent = pr_execve_parent(e);
	l->now.certainty = certainty_of(e->flags, PR_LIFE_OBSERVED);
	l->now.from = l->first.ktime < e->id.ktime ? l->first.ktime : e->id.ktime;
	l->execs++;
	set_info(w, &l->now);
	if (!err)
		err = pr_life_set_creator(w, l, e->parent, certainty_of(e->flags, PR_LIFE_OBSERVED));
	if (!err)
		err = open_life(w, l, ev->ktime);
	return err ? err : tell(w, w->sink->exec, l, ev->ktime);
}

static int on_exec(struct pr_walk *w, const struct pr_event *ev, struct pr_image *image)
{
	const struct pr_execve *e = &ev->execve;
	struct pr_life *l = pr_life_find(w, e->id);
	uint32_t number;
	int err;

	w->n_execs++;
	if (l && l->seen) { /* said twice */
		pr_image_unref(image);
		return PR_OK;
	}
	l = life_before(w, e);
	if (!l)
		return first_met_by_exec(w, ev, image);
	if (l->is_over || e->id.ktime < l->now.from) {
		pr_image_unref(image);
		return PR_OK;
	}
	err = finish_image(w, l, e->id.ktime);
	if (!err)
		err = pr_life_add_id(w, l, e->id);
	number = l->now.number + 1;
	set_image(&l->now, image);
	l->now = (struct pr_life_image){.id = e->id, .parent = pr_execve_parent(e), .image = image, .start = PR_LIFE_EXEC,
		.first_exec = e->flags & PR_EXEC_CLONE, .certainty = certainty_of(e->flags, PR_LIFE_OBSERVED),
		.number = number, .from = e->id.ktime};
	l->execs++;
	set_info(w, &l->now);
	return err ? err : tell(w, w->sink->exec, l, ev->ktime);
}

static int on_execve(struct pr_walk *w, const struct pr_event *ev)
{
	struct pr_image *image = take_image(w, ev->execve.id);

	if (!image)
		return PR_OK;
	return ev->execve.flags & PR_EXEC_PROCFS ? on_snapshot(w, ev, image) : on_exec(w, ev, image);
}

static int on_clone(struct pr_walk *w, const struct pr_event *ev)
{
	const struct pr_clone *c = &ev->clone;
	struct pr_life *l;
	int err = get_life(w, c->id, &l);

	if (err || l->is_over)
		return err;
	if (l->seen) { /* known by a snapshot, which knows less of who created it */
		if (l->now.start != PR_LIFE_SNAPSHOT)
			return PR_OK;
		child_ends(l, l->now.from);
		l->now.parent = c->parent;
		l->now.certainty = certainty_of(c->flags, PR_LIFE_SNAPSHOTTED);
		err = pr_life_set_creator(w, l, c->parent, certainty_of(c->flags, PR_LIFE_SNAPSHOTTED));
		if (!err)
			child_begins(w, l, l->now.from);
		return err;
	}
	err = pr_life_set_creator(w, l, c->parent, certainty_of(c->flags, PR_LIFE_OBSERVED));
	if (err)
		return err;
	l->now.start = PR_LIFE_CLONE;
	l->now.parent = c->parent;
	l->now.certainty = certainty_of(c->flags, PR_LIFE_OBSERVED);
	if (l->creator_image)
		set_image(&l->now, pr_image_ref(l->creator_image));
	return open_life(w, l, ev->ktime);
}

static int on_exit_frame(struct pr_walk *w, const struct pr_event *ev)
{
	struct pr_life *l;
	int err = get_life(w, ev->exit.id, &l);

	if (err || l->is_over)
		return err;
	if (!l->seen) {
		l->is_late = true;
		err = open_life(w, l, ev->ktime);
	}
	return err ? err : end_life(w, l, PR_LIFE_EXIT, ev->ktime, ev->exit.status);
}

/* A keyframe repeats that it ended. One that was replaced is displaced by what replaced it. */
static int on_ended(struct pr_walk *w, const struct pr_own *o)
{
	struct pr_life *l = pr_life_find(w, o->id);

	if (!l || !l->seen || l->is_over || o->how != PR_ENDED_BY_EXIT)
		return PR_OK;
	return end_life(w, l, PR_LIFE_EXIT, o->when, o->status);
}

static int on_frame(struct pr_walk *w, const struct pr_applied *a)
{
	const struct pr_event *ev = a->event;

	if (a->kind == PR_APPLIED_OTHER && ev && ev->op == PR_OP_EXEC_INFO) {
		w->info_id = ev->own.id;
		w->info_sid = ev->own.sid;
		w->info_pgid = ev->own.pgid;
		w->info_tty = ev->own.tty;
	}
	if (a->kind == PR_APPLIED_OTHER && ev && ev->op == PR_OP_ENDED) {
		int err = on_ended(w, &ev->own);

		if (err)
			return err;
	}
	if (a->kind == PR_APPLIED_OTHER && ev && w->sink->own)
		return w->sink->own(w->sink->ctx, ev);
	if (a->kind != PR_APPLIED_LIFECYCLE)
		return PR_OK;
	note_time(w, ev->ktime);
	if (ev->op == PR_OP_EXECVE)
		return on_execve(w, ev);
	return ev->op == PR_OP_CLONE ? on_clone(w, ev) : on_exit_frame(w, ev);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static int compare_lives(const void *a, const void *b)
{
	return pr_id_compare((*(struct pr_life *const *)a)->first, (*(struct pr_life *const *)b)->first);
}

/* Those that live on, by (pid, ktime). */
static int end_open(struct pr_walk *w)
{
	size_t n = w->by_pid.len, k = 0, pos = 0;
	struct pr_life **v = malloc((n + 1) * sizeof(struct pr_life *));
	struct pr_map_slot *s;
	int err = PR_OK;

	if (!v)
		return PR_ENOMEM;
	for (uint64_t i = 0; !err && i < PR_WALK_DISPLACED; i++)
		err = settle_displaced(w, &w->displaced[(w->n_displaced + i) % PR_WALK_DISPLACED]);
	while ((s = pr_map_each(&w->by_pid, &pos)))
		v[k++] = s->v.p;
	qsort(v, n, sizeof(struct pr_life *), compare_lives);
	for (k = 0; !err && k < n; k++)
		err = end_life(w, v[k], PR_LIFE_OPEN, w->now_ktime, 0);
	free(v);
	return err;
}

static int on_gap(void *ctx, const struct pr_gap *g)
{
	struct pr_walk *w = ctx;

	w->n_gaps++;
	if (g->kind == PR_GAP_DAMAGE || g->cpu == PR_CPU_NONE || g->stream == PR_STREAM_EXIT || g->stream == PR_STREAM_EXEC)
		w->lost_until = g->ktime_to > w->lost_until ? g->ktime_to : w->lost_until;
	if (!w->sink->gap || g->ktime_from > w->to || g->ktime_to < w->from)
		return PR_OK;
	return w->sink->gap(w->sink->ctx, g);
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	struct pr_walk *w = ctx;

	return w->sink->damage ? w->sink->damage(w->sink->ctx, d) : PR_OK;
}

int pr_walk_open(struct pr_walk *w, struct pr_replay_args *args, const struct pr_walk_selection *sel, const struct pr_walk_sink *sink,
	struct pr_errinfo *ei)
{
	int err;

	*w = (struct pr_walk){.sink = sink, .args = args, .to = UINT64_MAX, .start_ktime = UINT64_MAX};
	err = pr_session_open(&w->session, args, true, NULL, ei);
	if (err)
		return err;
	if (w->session.has_since)
		w->from = w->session.since;
	if (w->session.has_until)
		w->to = w->session.until;
	w->has_pid = args->sel.has_pid;
	w->pid = args->sel.pid;
	w->has_tree = sel && sel->has_tree;
	w->tree = sel ? sel->tree : 0;
	return PR_OK;
}

/* A tree of nobody is not an empty one. */
static int check_root(const struct pr_walk *w, struct pr_errinfo *ei)
{
	if (!w->has_tree || w->found_root)
		return PR_OK;
	return pr_fail(ei, PR_ENOENT, "%s: no process %llu %s%s", w->args->trace, (unsigned long long)w->tree,
		w->args->sel.has_until_frame ? "in those frames" : "in the trace",
		w->n_gaps ? "; frames were lost, which may have told of it (see --gaps)" : "");
}

int pr_walk_run(struct pr_walk *w, struct pr_errinfo *ei)
{
	struct pr_trace_events events = {.on_gap = on_gap, .on_damage = on_damage, .ctx = w};
	struct pr_applied a;
	int err;

	pr_trace_set_events(w->session.trace, &events);
	while (!(err = pr_session_next(&w->session, &a, ei))) {
		err = on_frame(w, &a);
		if (err)
			break;
	}
	if (err == PR_END)
		err = end_open(w);
	if (!err)
		err = check_root(w, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	return err;
}

void pr_walk_close(struct pr_walk *w)
{
	pr_life_release_all(w);
	pr_session_close(&w->session);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chrome.c: Trace Event JSON, which ui.perfetto.dev and chrome://tracing open. A track a process, a slice an image, an arrow from
 * a creator to what it created, an instant over all tracks where frames are missing.
 *
 * Times are µs from the start of the trace. Tracks are told apart by `pid`: a process that has a used pid again gets the pid plus
 * a multiple of 2^22 (no kernel gives such a pid). Keeps one number for each pid.
 */
#include "replay/decode/text.h"
#include "replay/export/export.h"
#include "replay/render/render.h"

#define PID_STEP (UINT64_C(1) << 22)

static void put_us(struct pr_export *x, struct pr_json *j, const char *key, uint64_t ns)
{
	(void)x;
	pr_json_key(j, key);
	pr_buf_u64_dec(j->out, ns / 1000);
	pr_buf_printf(j->out, ".%03u", (unsigned)(ns % 1000));
}

static void put_ts(struct pr_export *x, struct pr_json *j, uint64_t ktime)
{
	put_us(x, j, "ts", pr_export_clip(x, ktime) - x->walk.start_ktime);
}

static struct pr_json begin(struct pr_export *x, const char *ph)
{
	struct pr_json j;

	if (x->n)
		pr_buf_str(&x->out.buf, ",\n");
	j = pr_json_make(&x->out.buf);
	pr_json_object(&j, NULL);
	pr_json_str(&j, "ph", ph);
	return j;
}

static void metadata(struct pr_export *x, uint64_t track, const char *what, struct pr_slice text)
{
	struct pr_json j = begin(x, "M");

	pr_json_str(&j, "name", what);
	pr_json_u64(&j, "pid", track);
	pr_json_u64(&j, "tid", track);
	pr_json_object(&j, "args");
	pr_json_bytes(&j, "name", text.p, text.n);
	pr_json_object_end(&j);
	pr_json_object_end(&j);
	x->n++;
}

static void sort_index(struct pr_export *x, const struct pr_life *l, uint64_t track)
{
	struct pr_json j = begin(x, "M");

	pr_json_str(&j, "name", "process_sort_index");
	pr_json_u64(&j, "pid", track);
	pr_json_object(&j, "args");
	pr_json_u64(&j, "sort_index", l->serial);
	pr_json_object_end(&j);
	pr_json_object_end(&j);
	x->n++;
}

/* The life's track; 0: out of memory. */
static uint64_t track_of(struct pr_export *x, struct pr_life *l)
{
	struct pr_map_slot *s;

	if (!l->mark) {
		s = pr_map_put(&x->pids, l->first.pid, 0, NULL);
		if (!s)
			return 0;
		l->mark = l->first.pid + PID_STEP * s->v.u++;
		l->mark = l->mark ? l->mark : PID_STEP << 9; /* pid 0 */
	}
	return l->mark;
}

static void put_args(struct pr_export *x, struct pr_json *j, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_slice s = pr_export_binary(x, im->image);

	pr_json_object(j, "args");
	pr_json_u64(j, "pid", im->id.pid);
	pr_export_json_id(x, j, "exec_id", im->id);
	if (im->parent.pid)
		pr_export_json_id(x, j, "parent_exec_id", im->parent);
	pr_json_bytes(j, "binary", s.p, s.n);
	if (im->image) {
		pr_export_json_argv(x, j, "argv", "argv_b64", im->image, false);
		s = pr_image_cwd(im->image);
		pr_json_bytes(j, "cwd", s.p, s.n);
		pr_json_u64(j, "uid", im->image->uid);
		s = pr_image_user(im->image);
		pr_json_bytes(j, "user", s.p, s.n);
	}
	pr_json_str(j, "how", pr_life_how(im));
	pr_json_str(j, "certainty", pr_life_certainty_name(im->certainty));
	pr_json_str(j, "ended_by", pr_life_ended_by(l, im));
	if (l->is_over && l->end == PR_LIFE_EXIT)
		pr_export_json_exit(j, "exit", l->status);
	if (l->is_over && l->gap)
		pr_json_bool(j, "end_may_be_lost", true);
	pr_json_object_end(j);
}

static bool has_creator(const struct pr_export *x, const struct pr_life *l)
{
	return l->creator && l->creator->seen && l->creator->selected && l->first.ktime >= x->walk.start_ktime;
}

/* Two events that share an id: from the creator's track at that moment to the new one. */
static int arrow(struct pr_export *x, struct pr_life *l, uint64_t track)
{
	uint64_t at[2] = {track_of(x, l->creator), track};

	for (int i = 0; i < 2; i++) {
		struct pr_json j = begin(x, i ? "f" : "s");

		if (!at[i])
			return PR_ENOMEM;
		pr_json_str(&j, "name", "fork");
		pr_json_str(&j, "cat", "fork");
		if (i)
			pr_json_str(&j, "bp", "e");
		pr_json_u64(&j, "id", l->serial + 1);
		pr_json_u64(&j, "pid", at[i]);
		pr_json_u64(&j, "tid", at[i]);
		put_ts(x, &j, l->first.ktime);
		pr_json_object_end(&j);
		x->n++;
	}
	return PR_OK;
}

/* The name of a slice: what ran; of a process that did not exec, what it was cloned from. */
static void put_name(struct pr_export *x, struct pr_json *j, const struct pr_life_image *im)
{
	struct pr_slice s = pr_export_name(x, im->image);

	pr_buf_clear(&x->text);
	pr_buf_append(&x->text, s.p, s.n);
	if (im->start == PR_LIFE_CLONE)
		pr_buf_str(&x->text, " (fork)");
	pr_json_bytes(j, "name", x->text.data, x->text.len);
}

static int image(void *ctx, struct pr_life *l, const struct pr_life_image *im)
{
	struct pr_export *x = ctx;
	uint64_t track = track_of(x, l), from = pr_export_clip(x, im->from), to = pr_export_clip(x, im->to);
	struct pr_json j;

	if (!track)
		return PR_ENOMEM;
	if (im->number == 0)
		sort_index(x, l, track);
	j = begin(x, "X");
	put_name(x, &j, im);
	pr_json_str(&j, "cat", "process");
	pr_json_u64(&j, "pid", track);
	pr_json_u64(&j, "tid", track);
	put_ts(x, &j, from);
	/* Readers add floating point numbers: without the ns between them, two slices may seem to overlap. */
	put_us(x, &j, "dur", to - from - (!l->is_over && to > from));
	put_args(x, &j, l, im);
	pr_json_object_end(&j);
	/* Behind the slice: an importer that takes events of one time in their order has one then for the arrow to end at. */
	if (im->number == 0 && has_creator(x, l) && arrow(x, l, track))
		return PR_ENOMEM;
	return pr_export_written(x);
}

static int life(void *ctx, struct pr_life *l)
{
	struct pr_export *x = ctx;
	uint64_t track = track_of(x, l);

	if (!track)
		return PR_ENOMEM;
	metadata(x, track, "process_name", pr_export_name(x, l->now.image));
	pr_buf_clear(&x->text);
	pr_buf_printf(&x->text, "pid %u", l->first.pid);
	metadata(x, track, "thread_name", (struct pr_slice){x->text.data, x->text.len});
	return pr_export_written(x);
}

static int gap(void *ctx, const struct pr_gap *g)
{
	struct pr_export *x = ctx;
	bool open = g->ktime_to == UINT64_MAX;
	uint64_t from = x->walk.start_ktime == UINT64_MAX ? 0 : pr_export_clip(x, g->ktime_from);
	struct pr_json j = begin(x, "i");

	pr_json_str(&j, "name", g->kind == PR_GAP_DAMAGE ? "gap: the file is damaged" : "gap: frames were lost");
	pr_json_str(&j, "cat", "gap");
	pr_json_str(&j, "s", "g");
	pr_json_u64(&j, "pid", 0);
	pr_json_u64(&j, "tid", 0);
	put_us(x, &j, "ts", x->walk.start_ktime == UINT64_MAX ? 0 : from - x->walk.start_ktime);
	pr_json_object(&j, "args");
	if (g->count)
		pr_json_u64(&j, "frames", g->count);
	if (g->kind != PR_GAP_DAMAGE)
		pr_json_str(&j, "stream", pr_stream_name(g->stream));
	pr_json_u64(&j, "ktime_from", g->ktime_from);
	if (!open)
		pr_json_u64(&j, "ktime_to", g->ktime_to);
	pr_json_object_end(&j);
	pr_json_object_end(&j);
	return pr_export_written(x);
}

static int open_(struct pr_export *x)
{
	pr_buf_str(&x->out.buf, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
	return PR_OK;
}

static int close_(struct pr_export *x)
{
	uint64_t start = x->walk.start_ktime == UINT64_MAX ? 0 : x->walk.start_ktime;
	struct pr_slice host = pr_walk_host(&x->walk);
	struct pr_json j;

	pr_buf_str(&x->out.buf, "\n],\"otherData\":");
	j = pr_json_make(&x->out.buf);
	pr_json_object(&j, NULL);
	pr_json_str(&j, "recorded_by", "procrec " PR_VERSION);
	pr_json_bytes(&j, "host", host.p, host.n);
	pr_json_u64(&j, "start_ktime", start);
	pr_render_time_json(&x->walk.session.timeline, &j, "start_time", start);
	pr_json_u64(&j, "processes", x->walk.n_lives);
	pr_json_u64(&j, "gaps", x->walk.n_gaps);
	pr_json_object_end(&j);
	pr_buf_str(&x->out.buf, "}\n");
	return PR_OK;
}

#define CHROME(name_, about_) \
	{ \
		.name = name_, .about = about_, .open = open_, .close = close_, .sink = {.image = image, .life = life, .gap = gap}, \
	}

const struct pr_export_format pr_export_perfetto = CHROME("perfetto", "Trace Event JSON, for ui.perfetto.dev");
const struct pr_export_format pr_export_chrome = CHROME("chrome", "the same, for chrome://tracing");

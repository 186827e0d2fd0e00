/* SPDX-License-Identifier: BSD-2-Clause */
/* json.c: one JSON object a line, keys in the order of the contract. */
#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/render/render.h"

static struct pr_slice host_of(const struct pr_entry *e)
{
	return e->host ? (struct pr_slice){e->host->bytes, e->host->len} : (struct pr_slice){NULL, 0};
}

/* The list of exact arguments, and beside it their base64 where one is not valid UTF-8. */
static void put_argv(struct pr_json *j, const struct pr_image *im)
{
	struct pr_slice arg = pr_image_argv0(im);
	bool exact = true;
	size_t pos = 0;

	pr_json_array(j, "argv");
	if (im->has_argv0)
		exact &= pr_json_bytes_element(j, arg.p, arg.n);
	else
		pr_json_null(j, NULL);
	while (!im->enomem && pr_image_next_arg(im, &pos, &arg))
		exact &= pr_json_bytes_element(j, arg.p, arg.n);
	pr_json_array_end(j);
	if (exact)
		return;
	pr_json_array(j, "argv_b64");
	arg = pr_image_argv0(im);
	if (im->has_argv0 && !pr_utf8_valid(arg.p, arg.n))
		pr_json_b64_element(j, arg.p, arg.n);
	else
		pr_json_null(j, NULL);
	for (pos = 0; !im->enomem && pr_image_next_arg(im, &pos, &arg);) {
		if (pr_utf8_valid(arg.p, arg.n))
			pr_json_null(j, NULL);
		else
			pr_json_b64_element(j, arg.p, arg.n);
	}
	pr_json_array_end(j);
}

/* Capability names need no escaping. */
static void put_cap(struct pr_renderer *r, struct pr_json *j, const char *key, uint64_t bits)
{
	struct pr_slice s = pr_render_caps(r, bits);

	pr_json_key(j, key);
	pr_buf_u8(j->out, '"');
	pr_buf_append(j->out, s.p, s.n);
	pr_buf_u8(j->out, '"');
}

static void put_caps(struct pr_renderer *r, struct pr_json *j, const struct pr_image *im)
{
	pr_json_object(j, "cap");
	put_cap(r, j, "permitted", im->permitted);
	put_cap(r, j, "effective", im->effective);
	put_cap(r, j, "inheritable", im->inheritable);
	pr_json_object_end(j);
}

void pr_render_image_json(struct pr_renderer *r, struct pr_json *j, const struct pr_image *im, bool argv)
{
	struct pr_slice s = pr_image_user(im);

	pr_json_u64(j, "uid", im->uid);
	pr_json_bytes(j, "user", s.p, s.n);
	s = pr_image_binary(im, &r->scratch);
	pr_json_bytes(j, "binary", s.p, s.n);
	s = pr_image_arguments(im, &r->scratch);
	pr_json_bytes(j, "arguments", s.p, s.n);
	if (argv)
		put_argv(j, im);
	s = pr_image_cwd(im);
	pr_json_bytes(j, "cwd", s.p, s.n);
	put_caps(r, j, im);
}

void pr_render_known_json(struct pr_renderer *r, struct pr_json *j, const struct pr_image *im)
{
	struct pr_slice s = pr_image_user(im);

	if (im->filename_len && !im->enomem) {
		pr_render_image_json(r, j, im, true);
		return;
	}
	pr_json_u64(j, "uid", im->uid);
	pr_json_bytes(j, "user", s.p, s.n);
	s = im->filename_len ? pr_image_binary(im, &r->scratch) : (struct pr_slice){NULL, 0};
	if (s.n)
		pr_json_bytes(j, "binary", s.p, s.n);
	else
		pr_json_null(j, "binary");
	if (im->enomem) {
		pr_json_null(j, "arguments");
		pr_json_null(j, "argv");
		pr_json_null(j, "cwd");
	} else {
		s = pr_image_arguments(im, &r->scratch);
		pr_json_bytes(j, "arguments", s.p, s.n);
		put_argv(j, im);
		s = pr_image_cwd(im);
		pr_json_bytes(j, "cwd", s.p, s.n);
	}
	put_caps(r, j, im);
}

static void put_exec_id(struct pr_json *j, const struct pr_entry *e)
{
	pr_json_key(j, "exec_id");
	pr_buf_u8(j->out, '"');
	pr_text_exec_id(j->out, host_of(e), e->id);
	pr_buf_u8(j->out, '"');
}

static void put_time(struct pr_json *j, const char *key, bool known, int64_t realtime)
{
	if (!known) {
		pr_json_null(j, key);
		return;
	}
	pr_json_key(j, key);
	pr_buf_u8(j->out, '"');
	pr_time_utc(j->out, realtime);
	pr_buf_u8(j->out, '"');
}

void pr_render_time_json(const struct pr_timeline *tl, struct pr_json *j, const char *key, uint64_t ktime)
{
	int64_t realtime = 0;
	bool known = pr_timeline_real(tl, ktime, &realtime);

	put_time(j, key, known, realtime);
}

static void put_parent(struct pr_renderer *r, struct pr_json *j, const struct pr_entry *p)
{
	if (!p) {
		pr_json_null(j, "parent");
		return;
	}
	pr_json_object(j, "parent");
	pr_json_u64(j, "pid", p->id.pid);
	pr_json_u64(j, "ktime", p->id.ktime);
	put_exec_id(j, p);
	pr_render_image_json(r, j, p->image, false);
	pr_json_object_end(j);
}

static void put_exit(struct pr_json *j, uint32_t status)
{
	pr_json_object(j, "exit");
	pr_json_u64(j, "code", pr_status_code(status));
	pr_json_u64(j, "signal", pr_status_signal(status));
	pr_json_bool(j, "core", pr_status_core(status));
	pr_json_u64(j, "status", status);
	pr_json_object_end(j);
}

void pr_render_event_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_event_line *e)
{
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", e->op == PR_OP_EXECVE ? "execve" : e->op == PR_OP_CLONE ? "clone" : "exit");
	pr_json_u64(&j, "seq", e->seq);
	put_time(&j, "time", e->has_time, e->time);
	pr_json_u64(&j, "ktime", e->id.ktime);
	pr_json_u64(&j, "pid", e->id.pid);
	if (!e->entry) {
		pr_json_bool(&j, "miss", true);
	} else {
		put_exec_id(&j, e->entry);
		pr_render_image_json(r, &j, e->entry->image, true);
		put_parent(r, &j, e->parent);
		if (e->op == PR_OP_EXIT)
			put_exit(&j, e->status);
	}
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

void pr_render_entry_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_entry *e)
{
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "entry");
	pr_json_u64(&j, "pid", e->id.pid);
	pr_json_u64(&j, "ktime", e->id.ktime);
	pr_json_u64(&j, "ppid", e->parent.pid);
	pr_json_u64(&j, "pktime", e->parent.ktime);
	pr_json_s64(&j, "ref", e->ref);
	put_exec_id(&j, e);
	pr_render_image_json(r, &j, e->image, false);
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

/* A bound of a gap that is not known is null. */
static void put_bound(struct pr_renderer *r, struct pr_json *j, const char *key, const char *time_key, uint64_t ktime, bool known)
{
	if (known) {
		pr_json_u64(j, key, ktime);
		pr_render_time_json(r->timeline, j, time_key, ktime);
		return;
	}
	pr_json_null(j, key);
	pr_json_null(j, time_key);
}

void pr_render_gap_json(struct pr_renderer *r, struct pr_buf *b, const struct pr_gap *g)
{
	static const char *const kinds[] = {
		[PR_GAP_SEQ] = "sequence", [PR_GAP_DAMAGE] = "damage", [PR_GAP_LOSS] = "loss"};
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "gap");
	pr_json_u64(&j, "seq", g->before_seq);
	pr_json_str(&j, "kind", kinds[g->kind]);
	if (g->count)
		pr_json_u64(&j, "count", g->count);
	else
		pr_json_null(&j, "count");
	if (g->kind == PR_GAP_DAMAGE)
		pr_json_null(&j, "stream");
	else
		pr_json_str(&j, "stream", pr_stream_name(g->stream));
	if (g->cpu == PR_CPU_NONE)
		pr_json_null(&j, "cpu");
	else
		pr_json_u64(&j, "cpu", g->cpu);
	put_bound(r, &j, "ktime_from", "time_from", g->ktime_from, g->ktime_from != 0);
	put_bound(r, &j, "ktime_to", "time_to", g->ktime_to, g->ktime_to != UINT64_MAX);
	if (g->kind == PR_GAP_LOSS)
		pr_json_str(&j, "reason", pr_loss_name(g->reason));
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

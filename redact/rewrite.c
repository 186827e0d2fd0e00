/* SPDX-License-Identifier: BSD-2-Clause */
#include "redact/rewrite.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "redact/redact.h"
#include "redact/patch.h"
#include "schema/build.h"

#define DESC_SIZE ((uint32_t)sizeof(struct pr_data_desc))
#define FLAGS_AT (offsetof(struct pr_msg_execve, process) + offsetof(struct pr_process, flags))
#define SIZE_AT (offsetof(struct pr_msg_execve, process) + offsetof(struct pr_process, size))
#define DOCKER_AT (offsetof(struct pr_msg_execve, kube) + offsetof(struct pr_kube, docker_id))
#define DOCKER_SIZE sizeof(((struct pr_kube *)0)->docker_id)

struct pr_rewrite_held {
	struct pr_rewrite_held *next; /* in order */
	struct pr_rewrite_held *next_data; /* of the same id */
	struct pr_rewrite_held *last_data; /* of the first of an id */
	struct pr_envelope env;
	bool waits, is_info;
	uint64_t number; /* of the frame, from 0 */
	uint64_t k0, k1; /* data: its id; EXEC_INFO: the identity of its process */
	uint8_t *frame; /* owned */
	uint32_t size;
};

void pr_rewrite_init(struct pr_rewrite *w, const struct pr_rewrite_ops *ops)
{
	*w = (struct pr_rewrite){.ops = *ops};
}

void pr_rewrite_release(struct pr_rewrite *w)
{
	while (w->head) {
		struct pr_rewrite_held *h = w->head;

		w->head = h->next;
		free(h->frame);
		free(h);
	}
	pr_map_release(&w->data);
	pr_map_release(&w->infos);
	pr_buf_release(&w->one);
	pr_buf_release(&w->two);
	pr_buf_release(&w->out);
	*w = (struct pr_rewrite){0};
}

/* ---- strings -------------------------------------------------------------------------------------------------------- */

static int put_args(struct pr_rewrite *w, struct pr_slice program, struct pr_slice in, struct pr_buf *out)
{
	if (w->ops.args)
		return w->ops.args(w->ops.ctx, program, in, out);
	pr_buf_append(out, in.p, in.n);
	return PR_OK;
}

static int put_string(struct pr_rewrite *w, unsigned which, struct pr_slice in, struct pr_buf *out)
{
	if (w->ops.string)
		return w->ops.string(w->ops.ctx, which, in, out);
	pr_buf_append(out, in.p, in.n);
	return PR_OK;
}

static bool is_list(unsigned which)
{
	return which == PR_ITEM_ARGS || which == PR_ITEM_CMDLINE;
}

static int put_any(struct pr_rewrite *w, unsigned which, struct pr_slice program, struct pr_slice in, struct pr_buf *out)
{
	if (which == PR_ITEM_CMDLINE)
		program = PR_REDACT_OWN_NAME;
	return is_list(which) ? put_args(w, program, in, out) : put_string(w, which, in, out);
}

/* ---- data ----------------------------------------------------------------------------------------------------------- */

/* All that was sent under an id, in w->one; the first of its frames. NULL: nothing is held. */
static struct pr_rewrite_held *gather(struct pr_rewrite *w, const struct pr_desc *d)
{
	struct pr_map_slot *s = pr_map_get(&w->data, d->id_pid, d->id_time);
	struct pr_rewrite_held *first = s ? s->v.p : NULL;

	pr_buf_clear(&w->one);
	for (struct pr_rewrite_held *h = first; h; h = h->next_data)
		pr_buf_append(&w->one, h->frame + sizeof(struct pr_msg_data), h->size - sizeof(struct pr_msg_data));
	return first;
}

static int set_payload(struct pr_rewrite *w, struct pr_rewrite_held *h, const uint8_t *p, size_t n)
{
	uint32_t size = (uint32_t)(sizeof(struct pr_msg_data) + n);
	uint8_t *frame = realloc(h->frame, size);

	if (!frame)
		return PR_ENOMEM;
	if (n)
		memcpy(frame + sizeof(struct pr_msg_data), p, n);
	pr_put_u32(frame + offsetof(struct pr_msg_common, size), size);
	w->held_bytes += size;
	w->held_bytes -= h->size;
	h->frame = frame;
	h->size = size;
	h->env.size = size;
	h->waits = false;
	return PR_OK;
}

/* Puts n new bytes into the frames that had `before` old ones. Returns in *out_put how many found room. */
static int scatter(struct pr_rewrite *w, struct pr_rewrite_held *first, const uint8_t *p, size_t n, size_t before, size_t *out_put)
{
	size_t at = 0;

	pr_map_del(&w->data, first->k0, first->k1);
	for (struct pr_rewrite_held *h = first; h; h = h->next_data) {
		size_t k = n - at < PR_DATA_PAYLOAD_MAX ? n - at : PR_DATA_PAYLOAD_MAX;
		int err;

		if (n == before) /* most likely nothing was changed: nor are the frames */
			k = h->size - sizeof(struct pr_msg_data);
		err = set_payload(w, h, p + at, k);
		if (err)
			return err;
		at += k;
	}
	*out_put = at;
	return PR_OK;
}

/*
 * Data that is not whole, or that no frame refers to, is taken for nothing by whoever reads it. What stands at its edges may be parts of
 * a secret, which no rule can know: its frames stay, without their content.
 */
static int drop_data(struct pr_rewrite *w, struct pr_rewrite_held *first)
{
	pr_map_del(&w->data, first->k0, first->k1);
	for (struct pr_rewrite_held *h = first; h; h = h->next_data) {
		int err = PR_OK;

		if (w->ops.args && h->size > sizeof(struct pr_msg_data)) {
			w->blanked++;
			err = set_payload(w, h, NULL, 0);
		}
		if (err)
			return err;
		h->waits = false;
	}
	return PR_OK;
}

/* Rewrites the data that d refers to. What the desc is to say now goes into *d; *out_delta: by how much the string grew. */
static int rewrite_data(struct pr_rewrite *w, unsigned which, struct pr_slice program, struct pr_desc *d, int64_t *out_delta)
{
	struct pr_rewrite_held *first = gather(w, d);
	size_t put;
	int err;

	*out_delta = 0;
	if (!first)
		return PR_OK;
	if (pr_buf_failed(&w->one))
		return PR_ENOMEM;
	if (w->one.len != pr_desc_sent(d))
		return drop_data(w, first);
	pr_buf_clear(&w->two);
	err = put_any(w, which, program, (struct pr_slice){w->one.data, w->one.len}, &w->two);
	if (err || pr_buf_failed(&w->two))
		return err ? err : PR_ENOMEM;
	err = scatter(w, first, w->two.data, w->two.len, w->one.len, &put);
	if (err)
		return err;
	*out_delta = (int64_t)w->two.len - (int64_t)w->one.len;
	if (put < w->two.len) {
		w->cut++;
		d->leftover += (uint32_t)(w->two.len - put);
	}
	d->size = (uint32_t)put + d->leftover;
	return PR_OK;
}

static void put_desc(struct pr_buf *b, const struct pr_desc *d)
{
	pr_buf_u32(b, (uint32_t)d->error);
	pr_buf_u32(b, 0);
	pr_buf_u32(b, d->leftover);
	pr_buf_u32(b, d->size);
	pr_buf_u64(b, d->id_pid);
	pr_buf_u64(b, d->id_time);
}

/* ---- frames --------------------------------------------------------------------------------------------------------- */

/* How much of a frame of that op can't hold a string. */
static size_t fixed_part(uint8_t op)
{
	static const uint16_t sizes[256] = {
		[PR_OP_EXECVE] = sizeof(struct pr_msg_execve),
		[PR_OP_EXIT] = sizeof(struct pr_msg_exit),
		[PR_OP_CLONE] = sizeof(struct pr_msg_clone),
		[PR_OP_DATA] = sizeof(struct pr_msg_data),
		[PR_OP_EXEC_INFO] = sizeof(struct pr_exec_info),
		[PR_OP_CLONE_INFO] = sizeof(struct pr_clone_info),
		[PR_OP_EXIT_INFO] = sizeof(struct pr_exit_info),
		[PR_OP_REPARENT] = sizeof(struct pr_reparent),
		[PR_OP_EXEC_FAIL] = sizeof(struct pr_exec_fail),
		[PR_OP_USER_NAME] = sizeof(struct pr_user_name),
		[PR_OP_CLOCK] = sizeof(struct pr_clock),
		[PR_OP_STREAM_STATE] = sizeof(struct pr_stream_state),
		[PR_OP_LOSS] = sizeof(struct pr_loss),
		[PR_OP_KEYFRAME] = sizeof(struct pr_keyframe),
		[PR_OP_ORIGIN] = sizeof(struct pr_origin),
		[PR_OP_ENDED] = sizeof(struct pr_ended),
	};

	return sizes[op] ? sizes[op] : PR_COMMON_SIZE;
}

/* What follows `keep` bytes becomes 0xff: never text, and no item that could be well-formed. */
static void blank(struct pr_rewrite *w, const uint8_t *p, size_t n, size_t keep)
{
	size_t at = w->out.len;
	uint8_t *room;

	w->blanked++;
	keep = keep < n ? keep : n;
	pr_buf_append(&w->out, p, keep);
	room = pr_buf_grow(&w->out, n - keep);
	if (room)
		memset(room, 0xff, n - keep);
	if (!pr_buf_failed(&w->out) && keep >= DOCKER_AT + DOCKER_SIZE)
		memset(w->out.data + at + DOCKER_AT, 0, DOCKER_SIZE);
}

/* Copies the fixed part, then each item with its new content. */
static int rewrite_items(struct pr_rewrite *w, const uint8_t *p, const struct pr_event *ev)
{
	struct pr_slice left = ev->own.items, program = {NULL, 0};
	struct pr_own_item it;
	int64_t delta;
	int err = PR_OK;

	pr_buf_append(&w->out, p, (size_t)(left.p - p));
	while (!err && pr_own_item_next(&left, &it)) {
		uint16_t bits = it.cut ? PR_ITEM_CUT : 0;

		if (it.is_desc) {
			err = rewrite_data(w, it.type, program, &it.desc, &delta);
			pr_buf_u16(&w->out, it.type | bits | PR_ITEM_DESC);
			pr_buf_u16(&w->out, DESC_SIZE);
			put_desc(&w->out, &it.desc);
			continue;
		}
		if (it.type == PR_ITEM_FILENAME)
			program = it.bytes;
		pr_buf_clear(&w->two);
		err = put_any(w, it.type, program, it.bytes, &w->two);
		if (pr_buf_failed(&w->two))
			err = PR_ENOMEM;
		pr_put_item(&w->out, it.type | bits, w->two.data, w->two.len);
	}
	return err;
}

/* Where the arguments' descriptor is. */
static size_t args_desc_at(const struct pr_execve *e, const struct pr_exec_strings *s)
{
	if (s->filename_data)
		return DESC_SIZE;
	if (e->flags & PR_EXEC_ERROR_FILENAME)
		return 0;
	return s->filename.n < e->strings.n ? s->filename.n + 1 : e->strings.n;
}

/* The new bytes of filename and arguments, or of what stands for them, into file and args. */
static int rewrite_exec_strings(struct pr_rewrite *w, struct pr_exec_strings *s, struct pr_buf *file, struct pr_buf *args, int64_t *out_delta)
{
	struct pr_slice program = s->filename;
	struct pr_buf name = PR_BUF_INIT;
	int64_t delta;
	int err = PR_OK;

	if (s->filename_data) {
		err = rewrite_data(w, PR_REWRITE_FILENAME, program, &s->filename_desc, &delta);
		put_desc(file, &s->filename_desc);
		pr_buf_append(&name, w->one.data, w->one.len);
		program = (struct pr_slice){name.data, name.len};
	} else if (s->filename.n) {
		err = put_string(w, PR_REWRITE_FILENAME, s->filename, file);
	}
	if (!err && s->args_data) {
		err = rewrite_data(w, PR_ITEM_ARGS, program, &s->args_desc, out_delta);
		put_desc(args, &s->args_desc);
	} else if (!err && s->args.n) {
		err = put_args(w, program, s->args, args);
		*out_delta = (int64_t)args->len - (int64_t)s->args.n;
	}
	pr_buf_release(&name);
	return err;
}

static int put_execve(struct pr_rewrite *w, const uint8_t *p, const struct pr_execve *e, struct pr_exec_strings *s, struct pr_buf b[3],
	int64_t *out_delta)
{
	bool has_cwd = s->cwd.n && s->cwd.p >= e->strings.p && s->cwd.p < e->strings.p + e->strings.n;
	size_t desc_at = args_desc_at(e, s), at;
	struct pr_patch v[3];
	bool cut = false;
	int err = rewrite_exec_strings(w, s, &b[0], &b[1], out_delta);

	if (!err && has_cwd)
		err = put_string(w, PR_REWRITE_CWD, s->cwd, &b[2]);
	if (err || pr_buf_failed(&b[0]) || pr_buf_failed(&b[1]) || pr_buf_failed(&b[2]))
		return err ? err : PR_ENOMEM;
	v[0] = s->filename_data ? (struct pr_patch){0, DESC_SIZE, &b[0]} : pr_patch_slice(e->strings, s->filename, &b[0]);
	v[1] = s->args_data ? (struct pr_patch){desc_at, desc_at + DESC_SIZE, &b[1]} : pr_patch_slice(e->strings, s->args, &b[1]);
	v[2] = pr_patch_slice(e->strings, has_cwd ? s->cwd : (struct pr_slice){NULL, 0}, &b[2]);
	if (!s->args_data)
		cut = pr_patch_fit(e->strings.n, v, 3, PR_EXEC_STRINGS_MAX, &b[1]);
	at = w->out.len;
	pr_buf_append(&w->out, p, sizeof(struct pr_msg_execve));
	pr_patch_put(&w->out, e->strings, v, 3);
	if (pr_buf_failed(&w->out))
		return PR_ENOMEM;
	pr_put_u32(w->out.data + at + offsetof(struct pr_msg_common, size), (uint32_t)(w->out.len - at));
	pr_put_u32(w->out.data + at + SIZE_AT, (uint32_t)(w->out.len - at) - PR_EXECVE_FIXED);
	if (cut) {
		w->cut++;
		pr_put_u32(w->out.data + at + FLAGS_AT, e->flags | PR_EXEC_TRUNC_ARGS);
	}
	return PR_OK;
}

static int rewrite_docker_id(struct pr_rewrite *w, size_t at, struct pr_slice id)
{
	const uint8_t *nul = memchr(id.p, 0, id.n);
	size_t n = nul ? (size_t)(nul - id.p) : id.n;
	int err;

	pr_buf_clear(&w->two);
	err = n ? put_string(w, PR_REWRITE_DOCKER_ID, (struct pr_slice){id.p, n}, &w->two) : PR_OK;
	if (err || pr_buf_failed(&w->two))
		return err ? err : PR_ENOMEM;
	memset(w->out.data + at + DOCKER_AT, 0, DOCKER_SIZE);
	if (w->two.len)
		memcpy(w->out.data + at + DOCKER_AT, w->two.data, w->two.len < DOCKER_SIZE ? w->two.len : DOCKER_SIZE);
	return PR_OK;
}

/* The EXEC_INFO of this exec has waited for it: its args_bytes. */
static void tell_info(struct pr_rewrite *w, const struct pr_envelope *env, struct pr_id id, int64_t delta)
{
	struct pr_map_slot *s = pr_map_get(&w->infos, env->cpu, env->stream);
	struct pr_rewrite_held *h = s ? s->v.p : NULL;
	uint8_t *at;

	if (!h)
		return;
	h->waits = false;
	if (h->k0 == id.pid && h->k1 == id.ktime) {
		at = h->frame + offsetof(struct pr_exec_info, args_bytes);
		if (pr_get_u32(at) && pr_get_u32(at) != PR_UNKNOWN_U32)
			pr_put_u32(at, (uint32_t)(pr_get_u32(at) + delta));
	}
	pr_map_del(&w->infos, env->cpu, env->stream);
}

static int rewrite_execve(struct pr_rewrite *w, const struct pr_envelope *env, const uint8_t *p, size_t size, const struct pr_execve *e)
{
	struct pr_buf b[3] = {PR_BUF_INIT, PR_BUF_INIT, PR_BUF_INIT};
	struct pr_exec_strings s;
	int64_t delta = 0;
	int err = PR_OK;

	pr_execve_strings(e, &s);
	if (e->oversized || s.enomem) /* no reader shows the strings; the filename perhaps */
		blank(w, p, size, sizeof(struct pr_msg_execve) + (s.enomem == PR_ENOMEM_ARGS ? args_desc_at(e, &s) : 0));
	else
		err = put_execve(w, p, e, &s, b, &delta);
	if (!err)
		err = rewrite_docker_id(w, 0, e->docker_id);
	if (!err)
		tell_info(w, env, e->id, delta);
	for (int i = 0; i < 3; i++)
		pr_buf_release(&b[i]);
	return err;
}

/* ---- the order ------------------------------------------------------------------------------------------------------ */

static int emit_ready(struct pr_rewrite *w, struct pr_errinfo *ei)
{
	int err = PR_OK;

	while (!err && w->head && !w->head->waits) {
		struct pr_rewrite_held *h = w->head;

		err = w->ops.emit(w->ops.ctx, &h->env, h->frame, ei);
		w->head = h->next;
		if (!w->head)
			w->tail = NULL;
		w->n_held--;
		w->held_bytes -= h->size;
		free(h->frame);
		free(h);
	}
	return err;
}

/* What the oldest frame waits for does not come. */
static int force(struct pr_rewrite *w)
{
	struct pr_rewrite_held *h = w->head;

	if (!h->is_info)
		return drop_data(w, pr_map_get(&w->data, h->k0, h->k1)->v.p);
	pr_map_del(&w->infos, h->env.cpu, h->env.stream);
	h->waits = false;
	return PR_OK;
}

static int hold_data(struct pr_rewrite *w, struct pr_rewrite_held *h)
{
	bool is_new;
	struct pr_map_slot *s = pr_map_put(&w->data, h->k0, h->k1, &is_new);
	struct pr_rewrite_held *first;

	if (!s)
		return PR_ENOMEM;
	h->waits = true;
	first = is_new ? h : s->v.p;
	if (!is_new)
		first->last_data->next_data = h;
	first->last_data = h;
	s->v.p = first;
	return PR_OK;
}

static int hold_info(struct pr_rewrite *w, struct pr_rewrite_held *h)
{
	struct pr_map_slot *s = pr_map_put(&w->infos, h->env.cpu, h->env.stream, NULL);

	if (!s)
		return PR_ENOMEM;
	if (s->v.p) /* it never got its exec */
		((struct pr_rewrite_held *)s->v.p)->waits = false;
	s->v.p = h;
	h->waits = h->is_info = true;
	return PR_OK;
}

/* The frame is in w->out. */
static int hold(struct pr_rewrite *w, const struct pr_envelope *env, const struct pr_event *ev)
{
	struct pr_rewrite_held *h = calloc(1, sizeof(*h));
	int err = PR_OK;

	if (!h || pr_buf_failed(&w->out)) {
		free(h);
		return PR_ENOMEM;
	}
	h->env = *env;
	h->number = w->taken;
	h->frame = w->out.data;
	h->size = h->env.size = (uint32_t)w->out.len;
	w->out = PR_BUF_INIT;
	if (w->tail)
		w->tail->next = h;
	else
		w->head = h;
	w->tail = h;
	w->n_held++;
	w->held_bytes += h->size;
	if (ev && ev->op == PR_OP_DATA) {
		h->k0 = ev->data.id_pid;
		h->k1 = ev->data.id_time;
		err = hold_data(w, h);
	} else if (ev && ev->op == PR_OP_EXEC_INFO) {
		h->k0 = ev->own.id.pid;
		h->k1 = ev->own.id.ktime;
		err = hold_info(w, h);
	}
	return err;
}

/* The frame is in w->out. One that nothing is in front of goes at once. */
static int pass(struct pr_rewrite *w, const struct pr_envelope *env, const struct pr_event *ev, struct pr_errinfo *ei)
{
	struct pr_envelope now = *env;

	if (w->head || (ev && (ev->op == PR_OP_DATA || ev->op == PR_OP_EXEC_INFO)))
		return hold(w, env, ev);
	if (pr_buf_failed(&w->out))
		return PR_ENOMEM;
	now.size = (uint32_t)w->out.len;
	return w->ops.emit(w->ops.ctx, &now, w->out.data, ei);
}

static int rewrite(struct pr_rewrite *w, const struct pr_envelope *env, const uint8_t *p, size_t size, const struct pr_event *ev)
{
	uint8_t *pad;
	int err;

	switch (ev->op) {
	case PR_OP_EXECVE:
		return rewrite_execve(w, env, p, size, &ev->execve);
	case PR_OP_EXEC_INFO:
	case PR_OP_CLONE_INFO:
	case PR_OP_EXEC_FAIL:
	case PR_OP_HOST:
	case PR_OP_RECORDER:
		err = rewrite_items(w, p, ev);
		break;
	case PR_OP_USER_NAME:
		pr_buf_append(&w->out, p, sizeof(struct pr_user_name));
		err = put_string(w, PR_REWRITE_USER, ev->own.name, &w->out);
		break;
	case PR_OP_DATA:
	case PR_OP_STREAM_STATE:
	case PR_OP_ORIGIN: /* numbers and hashes alone */
		pr_buf_append(&w->out, p, size);
		return PR_OK;
	default: /* numbers; nobody reads what is behind them */
		pr_buf_append(&w->out, p, fixed_part(ev->op) < size ? fixed_part(ev->op) : size);
		pad = pr_buf_grow(&w->out, size - w->out.len);
		if (pad)
			memset(pad, 0xff, w->out.data + size - pad);
		return PR_OK;
	}
	if (!err && !pr_buf_failed(&w->out))
		pr_put_u32(w->out.data + offsetof(struct pr_msg_common, size), (uint32_t)w->out.len);
	return err;
}

int pr_rewrite_frame(struct pr_rewrite *w, const struct pr_envelope *env, const uint8_t *p, size_t size, struct pr_errinfo *ei)
{
	bool raw = env->flags & (PR_ENV_RAW | PR_ENV_CONT);
	struct pr_event ev;
	int err;

	pr_buf_clear(&w->out);
	if (raw || pr_decode(p, size, &ev, NULL)) {
		blank(w, p, size, raw || !size ? 0 : fixed_part(p[0]));
		err = pass(w, env, NULL, ei);
	} else {
		err = rewrite(w, env, p, size, &ev);
		err = err ? err : pass(w, env, &ev, ei);
	}
	w->taken++;
	while (!err && w->head && (w->n_held > PR_REWRITE_HELD_MAX || w->held_bytes > PR_REWRITE_BYTES_MAX || !w->head->waits)) {
		if (w->head->waits)
			err = force(w);
		if (!err)
			err = emit_ready(w, ei);
	}
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory for the frames") : err;
}

int pr_rewrite_until(struct pr_rewrite *w, uint64_t number, struct pr_errinfo *ei)
{
	int err = PR_OK;

	while (!err && w->head && w->head->number < number) {
		err = w->head->waits ? force(w) : PR_OK;
		if (!err)
			err = emit_ready(w, ei);
	}
	return err == PR_ENOMEM ? pr_fail(ei, err, "out of memory for the frames") : err;
}

int pr_rewrite_end(struct pr_rewrite *w, struct pr_errinfo *ei)
{
	return pr_rewrite_until(w, UINT64_MAX, ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/replayer.h"

void pr_replayer_init(struct pr_replayer *r, const struct pr_cache_settings *settings, const struct pr_observer *observer)
{
	*r = (struct pr_replayer){.settings = *settings};
	pr_cache_init(&r->cache, &r->settings, observer);
	pr_datamap_init(&r->data, &r->settings, observer);
	pr_names_init(&r->names);
	pr_buf_init(&r->pending.argv0);
}

void pr_replayer_release(struct pr_replayer *r)
{
	pr_cache_release(&r->cache);
	pr_datamap_release(&r->data);
	pr_names_release(&r->names);
	pr_buf_release(&r->pending.argv0);
}

/* ---- execve ------------------------------------------------------------------------------------------------------- */

static struct pr_slice item_bytes(const struct pr_data_item *item)
{
	return item ? (struct pr_slice){item->bytes.data, item->bytes.len} : (struct pr_slice){NULL, 0};
}

/* argv[0] of the EXEC_INFO that announced this exec. It is used up even when it was meant for another. */
static void take_pending(struct pr_replayer *r, const struct pr_execve *e, struct pr_image_parts *parts)
{
	struct pr_pending_exec *p = &r->pending;

	if (p->is_set && pr_id_equal(p->id, e->id)) {
		parts->has_argv0 = p->has_argv0;
		parts->argv0 = (struct pr_slice){p->argv0.data, p->argv0.len};
		parts->one_empty_arg = p->args_bytes == 1;
	}
	p->is_set = false;
}

/* Other arguments, where they are to be others; their bytes are put into the buffers. */
static int change_args(struct pr_replayer *r, struct pr_image_parts *parts, struct pr_buf *args, struct pr_buf *argv0)
{
	int err = PR_OK;

	if (!r->args)
		return PR_OK;
	if (parts->args.n)
		err = r->args(r->args_ctx, parts->filename, parts->args, args);
	if (!err && parts->argv0.n) /* programs write into it, too */
		err = r->args(r->args_ctx, (struct pr_slice){NULL, 0}, parts->argv0, argv0);
	if (err || pr_buf_failed(args) || pr_buf_failed(argv0))
		return PR_ENOMEM;
	parts->args = (struct pr_slice){args->data, args->len};
	parts->argv0 = (struct pr_slice){argv0->data, argv0->len};
	return PR_OK;
}

static struct pr_image *new_image(struct pr_replayer *r, struct pr_image_parts *parts)
{
	struct pr_buf args = PR_BUF_INIT, argv0 = PR_BUF_INIT;
	struct pr_image *image = change_args(r, parts, &args, &argv0) ? NULL : pr_image_new(parts);

	pr_buf_release(&args);
	pr_buf_release(&argv0);
	return image;
}

static struct pr_image *image_of(struct pr_replayer *r, const struct pr_execve *e)
{
	struct pr_data_item *filename = NULL, *args = NULL;
	struct pr_exec_strings s;
	struct pr_image_parts parts = {
		.uid = e->uid,
		.permitted = e->permitted,
		.effective = e->effective,
		.inheritable = e->inheritable,
		.user = pr_names_user(&r->names, e->uid),
	};
	struct pr_image *image;

	take_pending(r, e, &parts);
	pr_execve_strings(e, &s);
	if (s.filename_data) {
		filename = pr_datamap_take(&r->data, &s.filename_desc);
		s.filename = item_bytes(filename);
	}
	if (s.args_data) {
		args = pr_datamap_take(&r->data, &s.args_desc);
		s.args = item_bytes(args);
	}
	parts.enomem = s.enomem;
	parts.filename = s.filename;
	parts.args = s.args;
	parts.cwd = s.cwd;
	parts.one_empty_arg &= !s.enomem;
	image = new_image(r, &parts);
	pr_data_item_free(filename);
	pr_data_item_free(args);
	return image;
}

/* The process leaves the identity that it had before this exec, and that identity's parent. */
static int clean_up(struct pr_cache *c, struct pr_id cleanup, uint64_t now)
{
	struct pr_entry *old = pr_cache_lookup(c, cleanup);
	int err = old ? pr_cache_dec(c, old->parent, now) : PR_OK;

	return err ? err : pr_cache_dec_found(c, cleanup, old, now);
}

static int apply_execve(struct pr_replayer *r, const struct pr_event *ev)
{
	const struct pr_execve *e = &ev->execve;
	struct pr_id parent = pr_execve_parent(e);
	struct pr_cache *c = &r->cache;
	struct pr_image *image;
	int err;

	pr_map_prefetch(&c->map, e->id.pid, e->id.ktime);
	pr_map_prefetch(&c->map, e->cleanup.pid, e->cleanup.ktime);
	image = image_of(r, e);
	if (!image)
		return PR_ENOMEM;
	if (e->flags & PR_EXEC_PROCFS) /* alive at the start: add alone */
		return pr_cache_add(c, e->id, parent, image, r->names.host);
	pr_cache_inc(c, parent);
	err = pr_cache_add(c, e->id, parent, image, r->names.host);
	if (!err && e->cleanup.ktime != 0)
		err = clean_up(c, e->cleanup, ev->ktime);
	if (err)
		return err;
	pr_cache_clear_expired(c, e->id.ktime);
	if (c->map.len > r->settings.max_entries)
		pr_cache_clear(c);
	return PR_OK;
}

/* ---- clone, exit, data -------------------------------------------------------------------------------------------- */

static int apply_clone(struct pr_replayer *r, const struct pr_event *ev)
{
	const struct pr_clone *e = &ev->clone;
	struct pr_cache *c = &r->cache;
	struct pr_entry *parent = pr_cache_lookup(c, e->parent);
	struct pr_image *image;
	int err;

	if (!parent) {
		r->clone_misses++;
		PR_OBSERVE(c->observer, clone_dropped, e->id, e->parent);
		return PR_OK;
	}
	image = pr_image_ref(parent->image);
	pr_cache_inc_found(c, e->parent, parent);
	err = pr_cache_add(c, e->id, e->parent, image, r->names.host);
	if (err)
		return err;
	pr_cache_clear_expired(c, ev->ktime);
	if (c->map.len > r->settings.max_clone_entries)
		pr_cache_clear(c);
	return PR_OK;
}

static int apply_exit(struct pr_replayer *r, const struct pr_event *ev)
{
	struct pr_cache *c = &r->cache;
	struct pr_entry *e = pr_cache_lookup(c, ev->exit.id);
	int err = PR_OK;

	if (e) {
		err = pr_cache_dec(c, e->parent, ev->ktime);
		if (!err)
			err = pr_cache_dec_found(c, ev->exit.id, e, ev->ktime);
	}
	if (!err)
		pr_cache_clear_expired(c, ev->ktime);
	return err;
}

static int apply_data(struct pr_replayer *r, const struct pr_event *ev)
{
	return pr_datamap_add(&r->data, &ev->data, ev->ktime);
}

/* ---- procrec's own frames ----------------------------------------------------------------------------------------- */

/* What an own frame's items are looked through for. */
struct wanted {
	uint16_t type;
	bool found; /* the last one of that type had its bytes */
	struct pr_buf *out;
};

/* Takes what the items' descriptors refer to, in their order: it leaves the data map whether wanted or not. */
static int walk_items(struct pr_replayer *r, struct pr_slice items, struct wanted *w)
{
	struct pr_own_item it;
	int err = PR_OK;

	while (pr_own_item_next(&items, &it)) {
		struct pr_data_item *item = it.is_desc ? pr_datamap_take(&r->data, &it.desc) : NULL;
		struct pr_slice bytes = it.is_desc ? item_bytes(item) : it.bytes;

		if (w && it.type == w->type) {
			w->found = !it.is_desc || item;
			pr_buf_clear(w->out);
			pr_buf_append(w->out, bytes.p, bytes.n);
			err = pr_buf_failed(w->out) ? PR_ENOMEM : err;
		}
		pr_data_item_free(item);
	}
	return err;
}

static int apply_exec_info(struct pr_replayer *r, const struct pr_own *o)
{
	struct wanted argv0 = {PR_ITEM_ARGV0, false, &r->pending.argv0};
	int err;

	pr_buf_clear(&r->pending.argv0);
	err = walk_items(r, o->items, &argv0);
	r->pending.is_set = true;
	r->pending.has_argv0 = argv0.found;
	r->pending.id = o->id;
	r->pending.args_bytes = o->args_bytes;
	return err;
}

/* A host name whose data is missing changes nothing; each that is there counts, the last one for good. */
static int apply_host(struct pr_replayer *r, const struct pr_own *o, struct pr_errinfo *ei)
{
	struct pr_slice items = o->items;
	struct pr_own_item it;
	int err = PR_OK;

	while (!err && pr_own_item_next(&items, &it)) {
		struct pr_data_item *item = it.is_desc ? pr_datamap_take(&r->data, &it.desc) : NULL;
		struct pr_slice bytes = it.is_desc ? item_bytes(item) : it.bytes;

		if (it.type == PR_ITEM_HOSTNAME && (!it.is_desc || item))
			err = pr_names_set_host(&r->names, bytes.p, bytes.n, ei);
		pr_data_item_free(item);
	}
	return err;
}

static int apply_own(struct pr_replayer *r, const struct pr_event *ev, struct pr_errinfo *ei)
{
	const struct pr_own *o = &ev->own;

	switch (ev->op) {
	case PR_OP_EXEC_INFO:
		return apply_exec_info(r, o);
	case PR_OP_HOST:
		return apply_host(r, o, ei);
	case PR_OP_USER_NAME:
		return pr_names_set_user(&r->names, o->uid, o->name.p, o->name.n, ei);
	case PR_OP_CLONE_INFO:
	case PR_OP_EXEC_FAIL:
	case PR_OP_RECORDER:
	case PR_OP_ORIGIN:
		return walk_items(r, o->items, NULL);
	default:
		return PR_OK;
	}
}

/* ---- any frame ---------------------------------------------------------------------------------------------------- */

static int apply_event(struct pr_replayer *r, struct pr_applied *out, struct pr_errinfo *ei)
{
	const struct pr_event *ev = &r->event;

	switch (ev->op) {
	case PR_OP_EXECVE:
		out->kind = PR_APPLIED_LIFECYCLE;
		out->id = ev->execve.id;
		return apply_execve(r, ev);
	case PR_OP_CLONE:
		out->kind = PR_APPLIED_LIFECYCLE;
		out->id = ev->clone.id;
		return apply_clone(r, ev);
	case PR_OP_EXIT:
		out->kind = PR_APPLIED_LIFECYCLE;
		out->id = ev->exit.id;
		return apply_exit(r, ev);
	case PR_OP_DATA:
		return apply_data(r, ev);
	default:
		return apply_own(r, ev, ei);
	}
}

static int check_limits(const struct pr_replayer *r, uint64_t seq, struct pr_errinfo *ei)
{
	if (r->cache.bytes + r->data.bytes <= r->settings.max_bytes)
		return PR_OK;
	return pr_fail(ei, PR_ELIMIT, "frame %llu: the cache needs more than %llu bytes; raise --cache-max-bytes, or lower --cache-max-entries",
		(unsigned long long)seq, (unsigned long long)r->settings.max_bytes);
}

/* What procrec itself put beside the stream: only names count there, and nothing is counted. */
static int apply_meta(struct pr_replayer *r, const struct pr_frame *f, struct pr_applied *out, struct pr_errinfo *ei)
{
	out->kind = PR_APPLIED_META;
	if ((f->env_flags & PR_ENV_RAW) || pr_decode(f->data, f->size, &r->event, NULL))
		return PR_OK;
	out->event = &r->event;
	if (r->event.op != PR_OP_HOST && r->event.op != PR_OP_USER_NAME)
		return PR_OK;
	return apply_own(r, &r->event, ei); /* names say themselves what is wrong */
}

int pr_replayer_apply(struct pr_replayer *r, const struct pr_frame *f, struct pr_applied *out, struct pr_errinfo *ei)
{
	int err;

	*out = (struct pr_applied){.kind = PR_APPLIED_OTHER, .seq = f->seq};
	if (f->env_flags & PR_ENV_META)
		return apply_meta(r, f, out, ei);
	if (f->env_flags & PR_ENV_CONT) { /* the rest of what was counted before */
		out->kind = PR_APPLIED_META;
		return PR_OK;
	}
	r->frames++;
	out->why = "not delimited by a frame header";
	err = f->env_flags & PR_ENV_RAW ? PR_EFORMAT : pr_decode(f->data, f->size, &r->event, &out->why);
	if (err == PR_EFORMAT) {
		out->kind = PR_APPLIED_MALFORMED;
		r->malformed++;
		return PR_OK;
	}
	out->event = &r->event;
	r->by_op[r->event.op]++;
	err = apply_event(r, out, ei); /* there is no rule for an op that is kept raw */
	if (err == PR_ENOMEM)
		return pr_fail(ei, err, "out of memory");
	return err ? err : check_limits(r, f->seq, ei);
}

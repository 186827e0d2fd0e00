/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/query/details.h"

#include "base/room.h"

#define LEAD_MAX (1u << 20) /* frames before an execve that are looked at: more only where a trace was crafted */
#define NEAR 8 /* clones of clones that are gone up for an image anew each time; where a longer way ended is kept */

void pr_details_init(struct pr_details *d, struct pr_fetch *frames, struct pr_index *index)
{
	*d = (struct pr_details){.frames = frames, .index = index, .settings = PR_CACHE_SETTINGS_DEFAULT};
	d->settings.max_age_ns = UINT64_MAX / 4; /* lineage forgets nothing */
	d->settings.max_data = LEAD_MAX;
	pr_replayer_init(&d->replayer, &d->settings, NULL);
}

static void forget_ways(struct pr_details *d)
{
	pr_map_release(&d->exec_of);
	d->n_execs = 0;
}

void pr_details_release(struct pr_details *d)
{
	pr_replayer_release(&d->replayer);
	forget_ways(d);
	free(d->way);
	free(d->execs);
}

/* Names as they were in force at the frame. */
static int set_names(struct pr_details *d, uint32_t uid, uint64_t seq, struct pr_errinfo *ei)
{
	struct pr_names *names = &d->replayer.names;
	struct pr_buf b = PR_BUF_INIT;
	int err;

	pr_names_release(names);
	err = pr_index_name(d->index, false, uid, seq, &b, ei);
	if (!err && b.len)
		err = pr_names_set_user(names, uid, b.data, b.len, ei);
	pr_buf_release(&b);
	return err;
}

/* Data that the execve may refer to, and its own EXEC_INFO; nothing of other processes. */
static bool belongs(const struct pr_frame *f, const struct pr_proc *p)
{
	struct pr_event ev;

	if (f->op == PR_OP_DATA)
		return true;
	return f->op == PR_OP_EXEC_INFO && !pr_decode(f->data, f->size, &ev, NULL) && ev.own.id.pid == p->key.pid &&
	       ev.own.id.ktime == p->key.ktime;
}

static int apply_lead(struct pr_details *d, const struct pr_proc *p, struct pr_errinfo *ei)
{
	uint64_t lead = p->lead > LEAD_MAX ? LEAD_MAX : p->lead;
	struct pr_applied a;
	struct pr_frame f;
	int err = PR_OK;

	for (uint64_t seq = p->seq - lead; !err && seq < p->seq; seq++) {
		err = pr_fetch_get(d->frames, seq, &f, ei);
		if (err == PR_ENOENT) { /* lost with a damaged block */
			err = PR_OK;
			continue;
		}
		if (!err && belongs(&f, p))
			err = pr_replayer_apply(&d->replayer, &f, &a, ei);
	}
	return err;
}

static int image_of_exec(struct pr_details *d, const struct pr_proc *p, struct pr_image **out, struct pr_errinfo *ei)
{
	struct pr_id id = {p->key.pid, p->key.ktime};
	struct pr_entry *e;
	struct pr_applied a;
	struct pr_event ev;
	struct pr_frame f;
	int err = pr_fetch_get(d->frames, p->seq, &f, ei);

	if (err)
		return err;
	if (f.op != PR_OP_EXECVE || pr_decode(f.data, f.size, &ev, NULL))
		return pr_fail(ei, PR_EDATA, "the index does not fit the trace: frame %llu is no execve", (unsigned long long)p->seq);
	err = set_names(d, ev.execve.uid, p->seq, ei);
	if (!err)
		err = apply_lead(d, p, ei);
	if (!err)
		err = pr_fetch_get(d->frames, p->seq, &f, ei); /* the lead may have pushed its block out */
	if (!err)
		err = pr_replayer_apply(&d->replayer, &f, &a, ei);
	if (err)
		return err;
	e = pr_cache_lookup(&d->replayer.cache, id);
	*out = e ? pr_image_ref(e->image) : NULL;
	pr_cache_clear(&d->replayer.cache);
	return e ? PR_OK : pr_fail(ei, PR_EDATA, "the index does not fit the trace: frame %llu is of another process", (unsigned long long)p->seq);
}

/* One step of a way up. Far up its places are marked as of no execve, which they are if the way, of a crafted trace, comes back to one. */
static int add_step(struct pr_details *d, struct pr_proc_key key, struct pr_errinfo *ei)
{
	struct pr_proc_key *way = pr_room(d->way, d->n_way, &d->cap_way, sizeof(*way));

	if (!way)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	d->way = way;
	way[d->n_way++] = key;
	return d->n_way <= NEAR || pr_map_put(&d->exec_of, key.pid, key.ktime, NULL) ? PR_OK : pr_fail(ei, PR_ENOMEM, "out of memory");
}

/* Where the way led to: `number` of d->execs, from 1; 0: to no execve. */
static int keep_way(struct pr_details *d, uint64_t number, struct pr_errinfo *ei)
{
	for (size_t i = 0; i < d->n_way; i++) {
		struct pr_map_slot *s = pr_map_put(&d->exec_of, d->way[i].pid, d->way[i].ktime, NULL);

		if (!s)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		s->v.u = number;
	}
	return PR_OK;
}

static int keep_exec(struct pr_details *d, struct pr_proc_key key, uint64_t *out_number, struct pr_errinfo *ei)
{
	struct pr_proc_key *execs = pr_room(d->execs, d->n_execs, &d->cap_execs, sizeof(*execs));

	if (!execs)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	d->execs = execs;
	execs[d->n_execs++] = key;
	*out_number = d->n_execs;
	return PR_OK;
}

/* Goes up to an execve, to where it is known, or to an end: PR_ENOENT. *out_number: of d->execs, where that is known. */
static int go_up(struct pr_details *d, struct pr_proc *at, uint64_t *out_number, struct pr_errinfo *ei)
{
	struct pr_map_slot *s;
	int err = PR_OK;

	*out_number = 0;
	d->n_way = 0;
	while (!err && (at->start == PR_START_CLONE || at->start == PR_START_UNSEEN)) {
		s = pr_map_get(&d->exec_of, at->key.pid, at->key.ktime);
		if (s) {
			*out_number = s->v.u;
			return s->v.u ? pr_index_get(d->index, d->execs[s->v.u - 1], at, ei) : PR_ENOENT;
		}
		err = add_step(d, at->key, ei);
		if (!err)
			err = at->has_parent ? pr_index_get(d->index, at->parent, at, ei) : PR_ENOENT;
	}
	return err;
}

/* The identity whose execve tells what p runs: of a clone, the one that it has its image from. PR_ENOENT. */
static int find_exec(struct pr_details *d, const struct pr_proc *p, struct pr_proc *out, struct pr_errinfo *ei)
{
	uint64_t number;
	int err, err_kept = PR_OK;

	*out = *p;
	err = go_up(d, out, &number, ei);
	if (d->n_way > NEAR && (!err || err == PR_ENOENT)) {
		if (!err && !number)
			err_kept = keep_exec(d, out->key, &number, ei);
		if (!err_kept)
			err_kept = keep_way(d, number, ei);
	}
	if ((err && err != PR_ENOENT) || err_kept)
		forget_ways(d); /* marks of a way that was not gone to its end */
	return err_kept ? err_kept : err;
}

int pr_details_image(struct pr_details *d, const struct pr_proc *p, struct pr_image **out, struct pr_errinfo *ei)
{
	struct pr_proc at;
	int err = find_exec(d, p, &at, ei);

	*out = NULL;
	return err ? err : image_of_exec(d, &at, out, ei);
}

/* ---- what is not known of it --------------------------------------------------------------------------------------- */

const char *pr_unknown_name(enum pr_unknown u)
{
	static const char *const names[] = {NULL, "unreadable", "lost", "malformed", "empty"};

	return names[u];
}

static enum pr_unknown why_unknown(const struct pr_image *im, const struct pr_execve *e)
{
	if (im->enomem == PR_ENOMEM_ALL)
		return PR_MALFORMED;
	if (e->flags & PR_EXEC_ERROR_FILENAME)
		return PR_UNREADABLE;
	return e->flags & PR_EXEC_DATA_FILENAME ? PR_LOST : PR_EMPTY;
}

static void find_comm(const struct pr_own *o, struct pr_buf *out)
{
	struct pr_slice left = o->items;
	struct pr_own_item it;

	while (pr_own_item_next(&left, &it)) {
		if (it.type != PR_ITEM_COMM || it.is_desc)
			continue;
		pr_buf_append(out, it.bytes.p, it.bytes.n);
		return;
	}
}

int pr_details_unknown(struct pr_details *d, const struct pr_proc *p, const struct pr_image *image, enum pr_unknown *out, struct pr_buf *comm,
	struct pr_errinfo *ei)
{
	struct pr_event ev;
	struct pr_proc at;
	struct pr_frame f;
	struct pr_own info;
	int err;

	*out = PR_KNOWN;
	pr_buf_clear(comm);
	if (image->filename_len)
		return PR_OK;
	err = find_exec(d, p, &at, ei);
	if (!err)
		err = pr_fetch_get(d->frames, at.seq, &f, ei);
	if (err)
		return err;
	if (pr_decode(f.data, f.size, &ev, NULL) || ev.op != PR_OP_EXECVE)
		return pr_fail(ei, PR_EDATA, "the index does not fit the trace: frame %llu is no execve", (unsigned long long)at.seq);
	*out = why_unknown(image, &ev.execve);
	err = pr_details_info(d, &at, &info, ei);
	if (!err)
		find_comm(&info, comm);
	if (pr_buf_failed(comm))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	return err == PR_ENOENT ? PR_OK : err;
}

int pr_details_info(struct pr_details *d, const struct pr_proc *p, struct pr_own *out, struct pr_errinfo *ei)
{
	uint8_t want = p->start == PR_START_CLONE ? PR_OP_CLONE_INFO : PR_OP_EXEC_INFO;
	uint64_t back = p->lead ? p->lead : 1;
	struct pr_event ev;
	struct pr_frame f;
	int err;

	if (!p->has_seq || p->start == PR_START_UNSEEN)
		return PR_ENOENT;
	for (uint64_t i = 1; i <= back && i <= LEAD_MAX && i <= p->seq; i++) {
		err = pr_fetch_get(d->frames, p->seq - i, &f, ei);
		if (err == PR_ENOENT)
			continue;
		if (err)
			return err;
		if (f.op == want && !pr_decode(f.data, f.size, &ev, NULL) && ev.own.id.pid == p->key.pid && ev.own.id.ktime == p->key.ktime) {
			*out = ev.own;
			return PR_OK;
		}
	}
	return PR_ENOENT;
}

int pr_details_host(struct pr_details *d, const struct pr_proc *p, struct pr_buf *out, struct pr_errinfo *ei)
{
	return pr_index_name(d->index, true, 0, p->has_seq ? p->seq : 0, out, ei);
}

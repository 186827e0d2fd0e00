/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/answer.h"

#include <string.h>

#include "base/command.h"
#include "base/text.h"

int pr_answer_pid(const char *view, const char *text, uint32_t *out, struct pr_errinfo *ei)
{
	uint64_t v;

	if (!pr_parse_u64(text, false, &v) || v > UINT32_MAX)
		return pr_fail(ei, PR_EUSAGE, "replay: --%s: '%s' is not a process id", view, text);
	*out = (uint32_t)v;
	return PR_OK;
}

static void note_others(struct pr_answer *a, uint32_t pid, const struct pr_instances *all)
{
	struct pr_buf b = PR_BUF_INIT;

	for (size_t i = 0; i < all->n_others; i++) {
		pr_buf_str(&b, i ? ", " : "");
		pr_timeline_show(&a->lineage.timeline, &b, all->others[i].ktime);
	}
	if (all->n - 1 > all->n_others)
		pr_buf_printf(&b, ", and %llu more", (unsigned long long)(all->n - 1 - all->n_others));
	pr_buf_u8(&b, 0);
	if (!pr_buf_failed(&b))
		pr_note("pid %u was used %llu times; this is the newest. The others began at: %s. --at TIME picks one", pid,
			(unsigned long long)all->n, (const char *)b.data);
	pr_buf_release(&b);
}

/* Value of a base64 digit; -1: none. */
static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* base64("HOST:KTIME:PID"); the host may hold colons itself. */
static int parse_exec_id(const char *id, struct pr_proc_key *out, struct pr_errinfo *ei)
{
	char text[512], *pid, *ktime;
	uint64_t v = 0, p;
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (; digit(*id) >= 0 && n + 1 < sizeof(text); id++) {
		bits = bits << 6 | (uint32_t)digit(*id);
		have += 6;
		if (have >= 8) {
			have -= 8;
			text[n++] = (char)(bits >> have);
		}
	}
	text[n] = 0;
	id += strspn(id, "=");
	pid = *id ? NULL : memrchr(text, ':', n);
	ktime = pid ? memrchr(text, ':', (size_t)(pid - text)) : NULL;
	if (ktime)
		*pid = 0;
	if (!ktime || !pr_parse_u64(ktime + 1, false, &v) || !pr_parse_u64(pid + 1, false, &p) || p > UINT32_MAX)
		return pr_fail(ei, PR_EUSAGE, "replay: --exec-id: that is not an exec id, as the JSON output shows them");
	*out = (struct pr_proc_key){(uint32_t)p, v};
	return PR_OK;
}

/* The very image that --exec-id names. */
static int find_exec_id(struct pr_answer *a, uint32_t pid, struct pr_link *out, struct pr_errinfo *ei)
{
	struct pr_proc_key key;
	int err = parse_exec_id(a->args->sel.exec_id, &key, ei);

	if (!err && key.pid != pid)
		err = pr_fail(ei, PR_EUSAGE, "replay: --exec-id is of process %u, not of %u", key.pid, pid);
	if (!err)
		err = pr_lineage_get(&a->lineage, key, a->at, out, ei);
	if (!err && !out->known)
		err = pr_fail(ei, PR_ENOENT, "%s: the trace has no frame of this image of process %u", a->args->trace, pid);
	return err;
}

static int none_of_pid(struct pr_answer *a, uint32_t pid, struct pr_errinfo *ei)
{
	bool gap = pr_lineage_gap_in(&a->lineage, a->since, a->at, UINT32_MAX);

	return pr_fail(ei, PR_ENOENT, "%s: no process %u%s%s%s", a->args->trace, pid,
		a->at != UINT64_MAX || a->since ? " in that time" : a->args->sel.has_until_frame ? " in those frames" : " in the trace",
		a->selective ? " that is selected" : "", gap ? "; frames were lost, which may have told of it (see --gaps)" : "");
}

static bool ended_before(const struct pr_answer *a, const struct pr_link *l)
{
	return l->proc.end && l->proc.end_ktime < a->since;
}

static void note_gap(struct pr_answer *a, uint32_t pid)
{
	a->doubtful = true;
	pr_note("frames were lost after this process began or ended: a newer process %u may be missing (see --gaps)", pid);
}

int pr_answer_find(struct pr_answer *a, uint32_t pid, struct pr_link *out, struct pr_errinfo *ei)
{
	struct pr_instances all;
	int err;

	if (a->args->sel.exec_id)
		return find_exec_id(a, pid, out, ei);
	err = pr_lineage_find(&a->lineage, pid, a->at, out, &all, ei);
	if (err == PR_ENOENT || (!err && ended_before(a, out)))
		return none_of_pid(a, pid, ei);
	if (err)
		return err;
	if (all.n > 1)
		note_others(a, pid, &all);
	if (all.gap)
		note_gap(a, pid);
	return PR_OK;
}

/* ---- which ones are meant ------------------------------------------------------------------------------------------ */

static int add_key(void *ctx, const struct pr_proc *p)
{
	pr_buf_append(ctx, &p->key, sizeof(p->key));
	return pr_buf_failed(ctx) ? PR_ENOMEM : PR_OK;
}

/* The first that is selected, of identities from the newest on; PR_ENOENT. */
static int first_selected(struct pr_answer *a, const struct pr_buf *keys, struct pr_link *out, struct pr_errinfo *ei)
{
	for (size_t at = 0; at < keys->len; at += sizeof(struct pr_proc_key)) {
		struct pr_proc_key key;
		bool yes = false;
		int err;

		memcpy(&key, keys->data + at, sizeof(key));
		err = pr_lineage_get(&a->lineage, key, a->at, out, ei);
		if (!err && !ended_before(a, out))
			err = pr_answer_selects(a, out, &yes, ei);
		if (err || yes)
			return err;
	}
	return PR_ENOENT;
}

int pr_answer_find_selected(struct pr_answer *a, uint32_t pid, struct pr_link *out, struct pr_errinfo *ei)
{
	struct pr_buf keys = PR_BUF_INIT;
	struct pr_instances all;
	bool yes = false;
	int err;

	if (!a->selective)
		return pr_answer_find(a, pid, out, ei);
	if (a->args->sel.exec_id) {
		err = find_exec_id(a, pid, out, ei);
		if (!err)
			err = pr_answer_selects(a, out, &yes, ei);
		return err || yes ? err : none_of_pid(a, pid, ei);
	}
	err = pr_lineage_find(&a->lineage, pid, a->at, out, &all, ei);
	if (!err)
		err = pr_index_pid(a->lineage.index, pid, a->at, add_key, &keys, ei);
	if (err == PR_ENOMEM)
		pr_fail(ei, err, "out of memory");
	if (!err)
		err = first_selected(a, &keys, out, ei);
	pr_buf_release(&keys);
	if (!err && all.gap)
		note_gap(a, pid);
	return err == PR_ENOENT ? none_of_pid(a, pid, ei) : err;
}

int pr_answer_only_exec_id(struct pr_answer *a, struct pr_errinfo *ei)
{
	if (!a->args->sel.exec_id)
		return PR_OK;
	a->selective = a->has_only = true;
	return parse_exec_id(a->args->sel.exec_id, &a->only, ei);
}

int pr_answer_selects(struct pr_answer *a, const struct pr_link *l, bool *out, struct pr_errinfo *ei)
{
	const struct pr_selection *s = &a->args->sel;
	struct pr_proc_key k = l->proc.key;
	int err = PR_OK;

	*out = (!s->has_pid || s->pid == k.pid) && (!a->has_only || (k.pid == a->only.pid && k.ktime == a->only.ktime));
	if (!*out || !a->where)
		return PR_OK;
	if (l->known)
		err = pr_lineage_verify(&a->lineage, &l->proc, ei);
	return err ? err : pr_proc_where_test(a->where, l, a->at, out, ei);
}

/* ---- showing ------------------------------------------------------------------------------------------------------- */

static int load(struct pr_answer *a, const struct pr_proc *p, struct pr_process_view *v, struct pr_errinfo *ei)
{
	int err = pr_lineage_verify(&a->lineage, p, ei);

	if (!err)
		err = pr_details_image(&a->lineage.details, p, &v->image, ei);
	if (!err)
		err = pr_details_unknown(&a->lineage.details, p, v->image, &v->unknown, &a->comm, ei);
	return err == PR_ENOENT ? PR_OK : err;
}

int pr_answer_load(struct pr_answer *a, const struct pr_link *l, uint64_t depth, struct pr_process_view *out, struct pr_errinfo *ei)
{
	int err = PR_OK;

	*out = (struct pr_process_view){.link = l, .depth = depth, .boot_id = pr_answer_boot(a)->first.boot_id};
	pr_buf_clear(&a->comm);
	pr_buf_clear(&a->host);
	if (l->known)
		err = load(a, &l->proc, out, ei);
	if (!err)
		err = pr_details_host(&a->lineage.details, &l->proc, &a->host, ei);
	if (err) {
		pr_answer_unload(out);
		return err;
	}
	out->comm = (struct pr_slice){a->comm.data, a->comm.len};
	out->host = (struct pr_slice){a->host.data, a->host.len};
	return PR_OK;
}

void pr_answer_unload(struct pr_process_view *v)
{
	if (v->image)
		pr_image_unref(v->image);
	v->image = NULL;
}

int pr_answer_show(struct pr_answer *a, const struct pr_link *l, uint64_t depth, struct pr_errinfo *ei)
{
	struct pr_process_view v;
	int err = pr_answer_load(a, l, depth, &v, ei);

	if (err)
		return err;
	if (a->args->json)
		pr_render_process_json(&a->renderer, &a->out.buf, &v);
	else
		pr_render_process_text(&a->renderer, &a->out.buf, &v);
	pr_answer_unload(&v);
	return PR_OK;
}

bool pr_answer_first_time(struct pr_answer *a, struct pr_proc_key key)
{
	bool is_new = false;

	return pr_map_put(&a->seen, key.pid, key.ktime, &is_new) && is_new;
}

bool pr_answer_in_time(const struct pr_answer *a, const struct pr_proc *p)
{
	return p->key.ktime <= a->at && (!p->end || p->end_ktime >= a->since);
}

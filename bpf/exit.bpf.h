/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* exit.bpf.h: the end of a process, once, at its last thread. */
#ifndef PROCREC_BPF_EXIT_H
#define PROCREC_BPF_EXIT_H

#include "bpf/exec.bpf.h"
#include "bpf/reparent.bpf.h"

const volatile bool has_group_dead = false; /* the tracepoint says which thread is the last: since 6.16 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set by the loader */
	__type(key, __u32);
	__type(value, struct execve_record);
} exit_scratch SEC(".maps");

struct exit_record {
	struct pr_envelope info_env;
	struct pr_exit_info info;
	struct pr_envelope env;
	struct pr_msg_exit m;
};

/*
 * EXIT_INFO goes with it only where it tells something: another parent than the creator. A function of its own, so that
 * its record is not on the stack any more when orphans are told of.
 */
static __attribute__((noinline)) int exit_emit(
	struct pr_bpf_counts *c, struct task_struct *task, const struct pr_bpf_live *was, const struct pr_key *key)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct exit_record r = {};

	r.m.current = *key;
	r.m.code = task_exit_code(task);
	r.m.tid = rd(task, pid);
	common(&r.m.common, PR_OP_EXIT, sizeof(r.m), now);
	r.info.ppid = rd(task, group_leader, real_parent, tgid);
	if (r.info.ppid != was->parent.pid) {
		r.info.key = *key;
		r.info.start = was->start;
		common(&r.info.common, PR_OP_EXIT_INFO, sizeof(r.info), now);
		envelope(c, &r.info_env, PR_STREAM_EXIT, sizeof(r.info));
		envelope(c, &r.env, PR_STREAM_EXIT, sizeof(r.m));
		emit(c, &r, sizeof(r), PR_STREAM_EXIT, 2, now);
	} else {
		envelope(c, &r.env, PR_STREAM_EXIT, sizeof(r.m));
		emit(c, &r.env, sizeof(r.env) + sizeof(r.m), PR_STREAM_EXIT, 1, now);
	}
	return 0;
}

/*
 * Whether this call is the one that tells the end of its process. Where the tracepoint does not say which thread is the
 * last, several may take themselves for it: then the first to claim it is. A process that has one thread left and is
 * still in `live` has no rival; one that is not there may have lost its entry to a rival that is already gone. The
 * entry of a process that was met late proves nothing: the iterator may have put it in after its end was told.
 */
static __always_inline bool exit_is_ours(struct task_struct *task, const struct pr_bpf_live *was, bool held)
{
	if (has_group_dead ? !(was->flags & PR_LIVE_WALKED) : held && rd(task, signal, nr_threads) == 1)
		return true;
	return claim_late(rd(task, tgid), was->start, CLAIM_END);
}

/* The start of a process whose clone was not seen, if neither the iterator nor an exec told of it. */
static __always_inline void exit_begin(
	struct pr_bpf_counts *c, struct task_struct *task, struct pr_bpf_live *was, __u32 instance)
{
	__u32 slot = slot_of(instance), tgid = rd(task, tgid);
	struct execve_record *r = bpf_map_lookup_elem(&exit_scratch, &slot);
	struct pr_key first = {.pid = tgid, .ktime = was->start};

	if (!r || !(was->flags & PR_LIVE_WALKED) || (was->flags & PR_LIVE_TOLD))
		return;
	if (is_old(was->start) && claim(tgid, was->start, CLAIM_BEGIN))
		emit_unknown(r, c, rd(task, group_leader), &first, &was->parent, PR_STREAM_EXIT, true);
}

static __always_inline int on_exit(struct task_struct *task, bool last, __u32 instance)
{
	struct task_struct *leader = rd(task, group_leader);
	struct pr_key key = {.pid = rd(task, tgid), .ktime = rd(leader, start_boottime)};
	struct pr_bpf_counts *c = counts_get(instance);
	struct pr_bpf_live *v, was = {};

	if (!c)
		return 0;
	if (!last)
		return reparent_later(task, key.pid, key.ktime);
	v = live_get(key.pid, key.ktime);
	if (instance && !v) /* done, as a rule; else unknown, and to stay so */
		return 0;
	c->rescued[PR_STREAM_EXIT] += instance;
	if (v) {
		was = *v;
		key.ktime = was.ktime;
	} else {
		was.start = key.ktime;
		was.flags = PR_LIVE_WALKED | PR_LIVE_SPLIT;
		key_of(rd(leader, real_parent), &was.parent);
	}
	if (exit_is_ours(task, &was, v)) {
		bpf_map_delete_elem(&live, &key.pid);
		if (is_emitted(&was)) {
			exit_begin(c, task, &was, instance);
			exit_emit(c, task, &was, &key);
		}
	}
	reparent(&key, was.flags, instance);
	return 0;
}

/* For a tracepoint that does not say it: the count of threads that live is lowered before it. */
static __always_inline bool is_last(struct task_struct *task)
{
	return !rd(task, signal, live.counter);
}

#endif

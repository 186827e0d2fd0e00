/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* exec.bpf.h: an exec, at its tracepoint: the new image is in place and has not run; and the minimal frame of an
 * unknown process. */
#ifndef PROCREC_BPF_EXEC_H
#define PROCREC_BPF_EXEC_H

#include "bpf/args.bpf.h"
#include "bpf/live.bpf.h"
#include "bpf/task.bpf.h"

/*
 * What every execve frame says of its process. process.uid is the effective uid: the reference's own scan of procfs
 * puts that one there; the real one is in creds.
 */
static __always_inline void execve_fill(
	struct pr_msg_execve *m, struct task_struct *task, __u32 tgid, struct kernfs_node *kn)
{
	struct upid *upid = task_upid(task);
	__u32 zero_flags = 0;

	__builtin_memset(m, 0, sizeof(*m));
	task_creds(task, &m->creds);
	task_namespaces(task, upid, m->creds.user_ns_inum, &m->ns);
	m->kube.net_ns = m->ns.net;
	m->kube.cgrpid = rd(kn, id);
	if (bpf_probe_read_kernel_str(m->kube.docker_id, sizeof(m->kube.docker_id), rd(kn, name)) < 0)
		zero_flags |= PR_EXEC_ERROR_CGROUP_NAME;
	m->process.pid = tgid;
	m->process.tid = tgid;
	m->process.nspid = rd(upid, nr);
	m->process.uid = m->creds.euid;
	if (!task_auid(task, &m->process.auid))
		zero_flags |= PR_EXEC_NEEDS_AUID;
	m->process.flags = zero_flags;
}

/*
 * A process that was alive at the start and that exec or exit meets before the iterator does: its present image gets
 * its one frame here, with what is still to be known of it. `name`: its comm, or 0 when exec has replaced that already.
 */
static __always_inline void emit_unknown(struct execve_record *r, struct pr_bpf_counts *c, struct task_struct *leader,
	const struct pr_key *key, const struct pr_key *parent, __u32 stream, bool name)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 n = 0;
	long len;

	execve_fill(&r->m, leader, key->pid, task_cgroup(leader));
	r->m.process.flags |=
		PR_EXEC_PROCFS | PR_EXEC_TASK_WALK | PR_EXEC_MISS | PR_EXEC_ERROR_ARGS | PR_EXEC_ERROR_CWD;
	len = name ? bpf_probe_read_kernel_str(r->strings, 16, &leader->comm) : 0;
	if (len > 0)
		n = len & 31;
	else
		r->m.process.flags |= PR_EXEC_ERROR_FILENAME;
	r->m.process.size = PR_PROCESS_FIXED + n;
	r->m.process.ktime = key->ktime;
	r->m.parent = *parent;
	common(&r->m.common, PR_OP_EXECVE, sizeof(r->m) + n, now);
	envelope(c, &r->env, stream, sizeof(r->m) + n);
	emit(c, r, sizeof(r->env) + sizeof(r->m) + n, stream, 1, now);
}

static __always_inline __u32 exec_kind(struct linux_binprm *bprm)
{
	return rd(bprm, fdpath) ? PR_EXEC_EXECVEAT : PR_EXEC_EXECVE; /* by a descriptor, or by a path */
}

/* Whether the file that runs is told by the filename: an absolute path, not a descriptor's, not a script's. */
static __always_inline bool exe_is_filename(struct linux_binprm *bprm, bool script)
{
	char head[9] = {};

	bpf_probe_read_kernel_str(head, sizeof(head), rd(bprm, filename));
	if (script || head[0] != '/')
		return false;
	return !(head[1] == 'd' && head[2] == 'e' && head[3] == 'v' && head[4] == '/' && head[5] == 'f' &&
		 head[6] == 'd' && head[7] == '/');
}

static __always_inline void put_items(
	struct scratch *s, struct build *b, struct task_struct *task, struct linux_binprm *bprm, struct kernfs_node *kn)
{
	const char *interp = rd(bprm, interp);
	bool script = interp != rd(bprm, filename);
	struct file *file;
	long len;

	if (script) {
		len = bpf_probe_read_kernel_str(s->path, PR_PATH_MAX, interp);
		if (len > 0)
			b->pos = item_put(s, b->pos, PR_ITEM_INTERP, s->path, len - 1);
	}
	if (!exe_is_filename(bprm, script)) {
		file = rd(bprm, file);
		b->pos = item_put_path(s, b->pos, PR_ITEM_EXE, path_of(s, b->slot, task, &file->f_path));
	}
	if (kernfs_parent(kn))
		b->pos = item_put_path(s, b->pos, PR_ITEM_CGROUP, cgroup_walk(b->slot, (__u64)kn));
}

/* EXEC_INFO on top of the items, its envelope on top of that. */
static __always_inline void put_info(struct scratch *s, struct build *b, struct pr_bpf_counts *c,
	struct task_struct *task, struct linux_binprm *bprm, __u32 old_tid)
{
	struct info_record *r = &s->info;
	__u32 size = sizeof(r->m) + PR_ITEMS_END - b->pos, at = b->pos - sizeof(*r);

	common(&r->m.common, PR_OP_EXEC_INFO, size, b->now);
	r->m.key = (struct pr_key){.pid = s->exec.m.process.pid, .ktime = b->now};
	r->m.argc = rd(bprm, argc);
	r->m.envc = rd(bprm, envc);
	r->m.args_bytes = b->args_bytes;
	r->m.tid = old_tid;
	task_groups(task, &r->m.sid, &r->m.pgid);
	r->m.tty = task_tty(task);
	r->m.ppid = rd(task, real_parent, tgid);
	envelope(c, &r->env, PR_STREAM_EXEC, size);
	b->pos = at;
	opaque(at);
	bpf_probe_read_kernel(s->items + (at & (PR_ITEMS_END - 1)), sizeof(*r), r);
}

static __always_inline void exec_emit(struct scratch *s, struct pr_bpf_counts *c, struct task_struct *task,
	struct linux_binprm *bprm, __u32 old_tid, __u64 now, const struct pr_bpf_live *was, __u32 slot)
{
	struct execve_record *r = &s->exec;
	struct build *b = &s->build;
	struct kernfs_node *kn = task_cgroup(task);
	__u32 tgid = rd(task, tgid), pos, size;

	b->now = now;
	b->pos = PR_ITEMS_END;
	b->n = b->flags = b->args_bytes = 0;
	b->slot = slot;
	execve_fill(&r->m, task, tgid, kn);
	put_filename(s, b, rd(bprm, filename));
	put_args(s, b, rd(task, mm), rd(bprm, argc));
	put_cwd(s, b, slot, task);
	put_items(s, b, task, bprm, kn);
	put_info(s, b, c, task, bprm, old_tid);
	r->m.process.flags |= b->flags | exec_kind(bprm);
	r->m.process.size = PR_PROCESS_FIXED + b->n;
	r->m.process.ktime = now;
	r->m.process.i_ino = rd(bprm, file, f_inode, i_ino);
	r->m.process.i_nlink = rd(bprm, file, f_inode, i_nlink);
	r->m.process.secureexec = task_secureexec(bprm, task, &r->m.creds);
	r->m.parent = was->parent;
	r->m.cleanup = (struct pr_key){.pid = tgid, .ktime = was->ktime};
	if (!live_has_execed(was))
		r->m.process.flags |= PR_EXEC_CLONE;
	if (was->flags & PR_LIVE_WALKED)
		r->m.process.flags |= PR_EXEC_TASK_WALK;
	common(&r->m.common, PR_OP_EXECVE, sizeof(r->m) + b->n, now);
	envelope(c, &r->env, PR_STREAM_EXEC, sizeof(r->m) + b->n);
	pos = b->pos;
	size = PR_ITEMS_END - pos + sizeof(r->env) + sizeof(r->m) + b->n;
	opaque(pos);
	opaque(size);
	emit(c, s->items + (pos & (PR_ITEMS_END - 1)), size & (PR_ITEMS_END - 1), PR_STREAM_EXEC, 2, now);
}

static __always_inline int on_exec(struct task_struct *task, __u32 old_tid, struct linux_binprm *bprm, __u32 instance)
{
	__u64 now = bpf_ktime_get_boot_ns(), start = rd(task, start_boottime);
	__u32 tgid = rd(task, tgid), slot = slot_of(instance), exec_id = 0;
	struct pr_bpf_live *v = live_get(tgid, start);
	struct pr_bpf_counts *c = counts_get(instance);
	struct scratch *s = scratch_get(slot);
	struct pr_key key = {.pid = tgid, .ktime = start};

	bpf_core_read(&exec_id, 4, &task->self_exec_id); /* u32, and u64 in some kernels: the low half will do */
	if (!s || !c || (instance && (live_was_full || (v && v->exec_id == exec_id))))
		return 0;
	c->rescued[PR_STREAM_EXEC] += instance;
	if (v) {
		s->was = *v;
	} else {
		s->was.ktime = s->was.start = start;
		s->was.flags = PR_LIVE_WALKED | PR_LIVE_EXECED;
		s->was.scan = 0;
		key_of(rd(task, real_parent), &s->was.parent);
		s->was.ppid = s->was.parent.pid;
	}
	if (v) {
		live_turn(v, now, exec_id);
	} else {
		s->is = s->was;
		live_turn(&s->is, now, exec_id);
		live_put(tgid, &s->is, BPF_ANY);
	}
	if (!is_emitted(&s->was))
		return 0;
	if ((s->was.flags & PR_LIVE_WALKED) && !(s->was.flags & PR_LIVE_TOLD) && is_old(start) &&
		claim(tgid, start, CLAIM_BEGIN))
		emit_unknown(&s->exec, c, task, &key, &s->was.parent, PR_STREAM_EXEC, false);
	exec_emit(s, c, task, bprm, old_tid, now, &s->was, slot);
	return 0;
}

#endif

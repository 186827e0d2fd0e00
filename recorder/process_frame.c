/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/process_frame.h"

#include <string.h>

/* Strings of one process as they go into the frame; all borrowed. */
struct strings {
	const uint8_t *file;
	size_t file_len;
	struct pr_args_view args;
	bool args_cut;
	const uint8_t *cwd;
	size_t cwd_len; /* whole */
	size_t cwd_inline; /* the last so many bytes of it stand in the frame */
	uint32_t flags; /* PR_EXEC_* */
	uint64_t file_id, args_id, argv0_id; /* ids of their data frames */
};

uint32_t pr_process_frame_uid(const struct pr_snap *snap)
{
	return snap->flags & PR_SNAP_KTHREAD ? 0 : snap->creds.euid;
}

static void take_cwd(struct strings *s, const struct pr_proc_image *img)
{
	if (!img->has_cwd || !img->cwd.len) {
		s->flags |= PR_EXEC_ERROR_CWD;
		return;
	}
	if (img->cwd.len == 1 && img->cwd.data[0] == '/') {
		s->flags |= PR_EXEC_ROOT_CWD;
		return;
	}
	s->cwd = img->cwd.data;
	s->cwd_len = s->cwd_inline = img->cwd.len;
	if (s->cwd_len > PR_CWD_INLINE_MAX) {
		s->cwd_inline = PR_CWD_INLINE_MAX;
		s->flags |= PR_EXEC_ERROR_PATH_COMPONENTS;
	}
}

static void take_args(struct strings *s, const struct pr_proc_image *img)
{
	/* A zombie has neither: its empty command line tells nothing. */
	if (!img->has_cmdline || (!img->cmdline.len && !img->has_exe)) {
		s->flags |= PR_EXEC_ERROR_ARGS;
		return;
	}
	pr_procfs_split(img->cmdline.data, img->cmdline.len, &s->args);
	if (img->args_cut)
		s->flags |= PR_EXEC_TRUNC_ARGS;
	s->args_cut = img->args_cut;
	if (s->args.rest_len > PR_ARGS_INLINE_MAX)
		s->flags |= PR_EXEC_DATA_ARGS;
}

static void take_strings(struct strings *s, const struct pr_snap *snap, const struct pr_proc_image *img)
{
	s->flags = PR_EXEC_PROCFS;
	if (snap->flags & PR_SNAP_KTHREAD) {
		/* No cwd: the decoder would put it in front of the name. */
		s->file = (const uint8_t *)snap->comm;
		s->file_len = strnlen(snap->comm, sizeof(snap->comm));
		return;
	}
	if (!img) {
		s->flags |= PR_EXEC_ERROR_FILENAME | PR_EXEC_ERROR_ARGS | PR_EXEC_ERROR_CWD;
		return;
	}
	take_cwd(s, img);
	take_args(s, img);
	if (!img->has_exe || !img->exe.len) {
		s->flags |= PR_EXEC_ERROR_FILENAME;
		return;
	}
	s->file = img->exe.data;
	s->file_len = img->exe.len;
	if (s->file_len > PR_FILENAME_INLINE_MAX)
		s->flags |= PR_EXEC_DATA_FILENAME;
}

/* Each item of data needs an id of its own; they only have to differ from each other and from those of real execs. */
static void put_data(struct pr_frames *f, struct strings *s, uint64_t now, uint32_t pid)
{
	s->file_id = now;
	s->args_id = now + 1;
	s->argv0_id = now + 2;
	if (s->flags & PR_EXEC_DATA_FILENAME)
		pr_frames_data(f, now, pid, s->file_id, s->file, s->file_len);
	if (s->flags & PR_EXEC_DATA_ARGS)
		pr_frames_data(f, now, pid, s->args_id, s->args.rest, s->args.rest_len);
	if (s->args.argv0_len > UINT16_MAX)
		pr_frames_data(f, now, pid, s->argv0_id, s->args.argv0, s->args.argv0_len);
}

static void put_key(struct pr_buf *b, const struct pr_key *key)
{
	pr_buf_u32(b, key->pid);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, key->ktime);
}

static void put_argv0(struct pr_frames *f, const struct strings *s, uint32_t pid)
{
	if (!s->args.argc)
		return;
	if (s->args.argv0_len <= UINT16_MAX) {
		pr_frames_item(f, PR_ITEM_ARGV0, s->args.argv0, s->args.argv0_len);
		return;
	}
	pr_buf_u16(&f->buf, PR_ITEM_ARGV0 | PR_ITEM_DESC);
	pr_buf_u16(&f->buf, sizeof(struct pr_data_desc));
	pr_frames_desc(f, pid, s->argv0_id, s->args.argv0_len, s->args.argv0_len);
}

static void put_info(struct pr_frames *f, uint64_t now, const struct strings *s, const struct pr_snap *snap,
	const char *cgroup)
{
	struct pr_buf *b = &f->buf;
	bool known = !(s->flags & PR_EXEC_ERROR_ARGS) && !s->args_cut;

	pr_frames_begin(f, PR_OP_EXEC_INFO, now);
	put_key(b, &snap->key);
	pr_buf_u32(b, known ? s->args.argc : PR_UNKNOWN_U32);
	pr_buf_u32(b, (uint32_t)s->args.rest_bytes);
	pr_buf_u32(b, snap->key.pid);
	pr_buf_u32(b, snap->sid);
	pr_buf_u32(b, snap->pgid);
	pr_buf_u32(b, snap->tty);
	pr_buf_u32(b, snap->ppid);
	pr_buf_u32(b, PR_UNKNOWN_U32);
	put_argv0(f, s, snap->key.pid);
	if (s->cwd_inline < s->cwd_len)
		pr_frames_item(f, PR_ITEM_CWD, s->cwd, s->cwd_len);
	if (snap->cgroup_len)
		pr_frames_item(f, PR_ITEM_CGROUP, cgroup, snap->cgroup_len);
	if (s->flags & PR_EXEC_ERROR_FILENAME)
		pr_frames_item(f, PR_ITEM_COMM, snap->comm, strnlen(snap->comm, sizeof(snap->comm)));
	pr_frames_end(f);
}

static void put_kube(struct pr_buf *b, const struct pr_snap *snap)
{
	pr_buf_u32(b, snap->ns.net);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, snap->cgroup_id);
	pr_buf_append(b, snap->docker_id, sizeof(snap->docker_id));
}

static void put_creds(struct pr_buf *b, const struct pr_snap *snap)
{
	const struct pr_creds *c = &snap->creds;
	bool kthread = snap->flags & PR_SNAP_KTHREAD;
	const uint32_t ids[] = {c->uid, c->gid, c->suid, c->sgid, c->euid, c->egid, c->fsuid, c->fsgid, c->securebits, 0};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		pr_buf_u32(b, ids[i]);
	/* A kernel thread has no capabilities shown. */
	pr_buf_u64(b, kthread ? 0 : c->permitted);
	pr_buf_u64(b, kthread ? 0 : c->effective);
	pr_buf_u64(b, kthread ? 0 : c->inheritable);
	pr_buf_u32(b, (uint32_t)c->user_ns_level);
	pr_buf_u32(b, c->user_ns_uid);
	pr_buf_u32(b, c->user_ns_gid);
	pr_buf_u32(b, c->user_ns_inum);
}

static void put_namespaces(struct pr_buf *b, const struct pr_namespaces *n)
{
	const uint32_t ids[] = {n->uts, n->ipc, n->mnt, n->pid, n->pid_for_children, n->net, n->time, n->time_for_children,
		n->cgroup, n->user};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		pr_buf_u32(b, ids[i]);
}

static void put_process(struct pr_buf *b, const struct strings *s, const struct pr_snap *snap)
{
	pr_buf_u32(b, 0); /* size: filled in when the strings are there */
	pr_buf_u32(b, snap->key.pid);
	pr_buf_u32(b, snap->key.pid);
	pr_buf_u32(b, snap->nspid);
	pr_buf_u32(b, 0);
	pr_buf_u32(b, pr_process_frame_uid(snap));
	pr_buf_u32(b, snap->auid);
	pr_buf_u32(b, s->flags);
	pr_buf_u32(b, snap->i_nlink);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, snap->i_ino);
	pr_buf_u64(b, snap->key.ktime);
}

static void put_strings(struct pr_frames *f, const struct strings *s, uint32_t pid)
{
	struct pr_buf *b = &f->buf;
	bool has_cwd = s->cwd_inline > 0;

	if (s->flags & PR_EXEC_DATA_FILENAME) {
		pr_frames_desc(f, pid, s->file_id, s->file_len, s->file_len);
	} else if (!(s->flags & PR_EXEC_ERROR_FILENAME)) {
		pr_buf_append(b, s->file, s->file_len);
		pr_buf_u8(b, 0);
	}
	if (s->flags & PR_EXEC_DATA_ARGS) {
		pr_frames_desc(f, pid, s->args_id, s->args.rest_len, s->args.rest_len);
	} else if (s->args.argc > 1) {
		pr_buf_append(b, s->args.rest, s->args.rest_len);
		if (has_cwd)
			pr_buf_u8(b, 0); /* the last NUL is what separates them */
	}
	if (has_cwd)
		pr_buf_append(b, s->cwd + (s->cwd_len - s->cwd_inline), s->cwd_inline);
}

void pr_process_frame(struct pr_frames *f, uint64_t now, const struct pr_snap *snap, const char *cgroup,
	const struct pr_proc_image *img)
{
	struct strings s = {.flags = 0};
	static const struct pr_key none;
	struct pr_buf *b = &f->buf;
	size_t process_at;

	take_strings(&s, snap, img);
	put_data(f, &s, now, snap->key.pid);
	put_info(f, now, &s, snap, cgroup);
	pr_frames_begin(f, PR_OP_EXECVE, now);
	put_kube(b, snap);
	put_key(b, &snap->parent);
	pr_buf_u64(b, 0);
	put_creds(b, snap);
	put_namespaces(b, &snap->ns);
	put_key(b, &none);
	process_at = b->len;
	put_process(b, &s, snap);
	put_strings(f, &s, snap->key.pid);
	if (!pr_buf_failed(b))
		pr_put_u32(b->data + process_at, (uint32_t)(b->len - process_at));
	pr_frames_end(f);
}

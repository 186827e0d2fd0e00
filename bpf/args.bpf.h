/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * args.bpf.h: the strings of an exec: filename, argument list, cwd, in the order in which they stand in the frame.
 *
 * At the exec tracepoint the new image has not run yet, so the strings lie in its memory as the kernel put them there:
 * one after another from arg_start, each with its NUL. argv[0] is split off into an item, the rest goes inline without
 * the NUL that ends the last argument, or into data frames.
 */
#ifndef PROCREC_BPF_ARGS_H
#define PROCREC_BPF_ARGS_H

#include "bpf/data.bpf.h"
#include "bpf/path.bpf.h"

#define STR_MASK 2047u
#define ARGV0_STEPS 34 /* x 4096 bytes: MAX_ARG_STRLEN and more */

/* s->desc where the string would stand. */
static __always_inline void string_put_desc(struct scratch *s, struct build *b)
{
	__u32 n = b->n;

	opaque(n);
	bpf_probe_read_kernel(s->exec.strings + (n & STR_MASK), sizeof(s->desc), &s->desc);
	b->n += sizeof(s->desc);
}

static __always_inline void put_filename(struct scratch *s, struct build *b, const char *filename)
{
	long len = bpf_probe_read_kernel_str(s->exec.strings, PR_FILENAME_INLINE_MAX + 2, filename);

	if (len <= 0) {
		b->flags |= PR_EXEC_ERROR_FILENAME;
	} else if (len <= (long)PR_FILENAME_INLINE_MAX + 1) {
		b->n = len;
	} else {
		len = bpf_probe_read_kernel_str(s->path, sizeof(s->path), filename);
		data_describe(s, filename, len > 0 ? len - 1 : 0, b->now + ID_FILENAME, false);
		b->flags |= PR_EXEC_DATA_FILENAME | (s->desc.leftover ? PR_EXEC_TRUNC_FILENAME : 0);
		string_put_desc(s, b);
	}
}

/* argv[0] as an item. Returns its length, or -1: it cannot be read. */
static __always_inline long put_argv0(struct scratch *s, struct build *b, __u64 from)
{
	long len = read_user_str(s->path, PR_PATH_MAX, from);
	__u32 total = 0;

	if (len <= 0)
		return -1;
	if (len < (long)PR_PATH_MAX) {
		b->pos = item_put(s, b->pos, PR_ITEM_ARGV0, s->path, len - 1);
		return len - 1;
	}
	for (int i = 0; i < ARGV0_STEPS && len == (long)PR_PATH_MAX; i++) {
		total += PR_PATH_MAX - 1;
		len = read_user_str(s->path, PR_PATH_MAX, from + total);
	}
	if (len <= 0)
		return -1;
	total += len - 1;
	data_describe(s, (void *)from, total, b->now + ID_ARGV0, true);
	b->pos = item_put(s, b->pos, PR_ITEM_ARGV0 | PR_ITEM_DESC, &s->desc, sizeof(s->desc));
	return total;
}

static __always_inline void put_args(struct scratch *s, struct build *b, struct mm_struct *mm, int argc)
{
	__u64 from = rd(mm, arg_start), end = rd(mm, arg_end);
	long len0;
	__u32 len, n = b->n;

	if (argc < 1 || from >= end) /* argc 0: before 5.18 (dcd46d897adb) there may be no argv[0] */
		return;
	len0 = put_argv0(s, b, from);
	if (len0 < 0) {
		b->flags |= PR_EXEC_ERROR_ARGS;
		return;
	}
	from += len0 + 1;
	if (argc < 2 || from >= end)
		return;
	b->args_bytes = end - from;
	len = b->args_bytes - 1;
	if (len > PR_ARGS_INLINE_MAX) {
		data_describe(s, (void *)from, len, b->now + ID_ARGS, true);
		b->flags |= PR_EXEC_DATA_ARGS | (s->desc.leftover ? PR_EXEC_TRUNC_ARGS : 0);
		string_put_desc(s, b);
		return;
	}
	opaque(n);
	opaque(len);
	if (bpf_probe_read_user(s->exec.strings + (n & STR_MASK), len & STR_MASK, (void *)from))
		b->flags |= PR_EXEC_ERROR_ARGS;
	else
		b->n += len;
}

/*
 * The cwd, after the NUL that separates it from inline arguments. Without any argument there is no NUL: a frame without
 * one has a cwd alone. Longer than fits inline: its last bytes here, the whole of it as an item.
 */
static __always_inline void put_cwd(struct scratch *s, struct build *b, __u32 slot, struct task_struct *task)
{
	struct fs_struct *fs = rd(task, fs);
	__u32 walked, off, len, n;

	if (!fs) {
		b->flags |= PR_EXEC_ERROR_CWD;
		return;
	}
	walked = path_of(s, slot, task, &fs->pwd);
	off = walked & (2 * PR_PATH_MAX - 1);
	if (off >= PR_PATH_MAX) {
		b->flags |= PR_EXEC_ROOT_CWD;
		return;
	}
	len = PR_PATH_MAX - off;
	if (len > PR_CWD_INLINE_MAX || (walked & PR_PATH_CUT)) {
		b->pos = item_put_path(s, b->pos, PR_ITEM_CWD, walked);
		b->flags |= PR_EXEC_ERROR_PATH_COMPONENTS;
		len = len > PR_CWD_INLINE_MAX ? PR_CWD_INLINE_MAX : len;
		off = PR_PATH_MAX - len;
	}
	n = b->n;
	opaque(n);
	n &= STR_MASK;
	if (b->args_bytes && !(b->flags & (PR_EXEC_DATA_ARGS | PR_EXEC_ERROR_ARGS)))
		s->exec.strings[n++] = 0;
	opaque(off);
	opaque(len);
	bpf_probe_read_kernel(s->exec.strings + n, len & 511, s->path + (off & (PR_PATH_MAX - 1)));
	b->n = n + len;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/keyframe.h"

#include <string.h>
#include <unistd.h>

#include "recorder/process_frame.h"

#define ANCESTORS_MAX 4096 /* deeper than any sane tree; ends a chain that changes while it is walked */

struct scan {
	struct pr_keyframe_job *job;
	struct pr_proc_image img;
	struct pr_map ancestors; /* of the root, with only_tree: (tgid, 0) */
	uint64_t ticks_per_s;
	struct pr_errinfo *ei;
};

void pr_keyframe_recorder(struct pr_frames *f, uint64_t ktime, const struct pr_keyframe_about *about, const char *end_reason)
{
	struct pr_buf line = PR_BUF_INIT;

	pr_frames_begin(f, PR_OP_RECORDER, ktime);
	pr_frames_item_str(f, PR_ITEM_VERSION, PR_VERSION);
	if (about) {
		for (char *const *a = about->argv; a && *a; a++)
			pr_buf_append(&line, *a, strlen(*a) + 1);
		pr_frames_item(f, PR_ITEM_CMDLINE, line.data, line.len ? line.len - 1 : 0);
		if (about->options)
			pr_frames_item_str(f, PR_ITEM_OPTIONS, about->options);
		if (about->root_pid)
			pr_frames_item_u64(f, PR_ITEM_ROOT_PID, about->root_pid);
		pr_frames_item_str(f, PR_ITEM_SCOPE, about->only_tree ? "tree" : "machine");
		if (about->redacted) {
			pr_frames_item_str(f, PR_ITEM_REDACT_RULES, about->redacted->rules);
			pr_frames_item_str(f, PR_ITEM_REDACT_KEY, about->redacted->key_id);
		}
	}
	if (end_reason)
		pr_frames_item_str(f, PR_ITEM_END_REASON, end_reason);
	pr_frames_end(f);
	pr_buf_release(&line);
}

/*
 * Is what /proc says that of the image which the scan met? The start time tells a reused pid; the executable, the place of the
 * arguments and the identity in the kernel-side map tell an exec in between.
 */
static bool same_image(struct scan *s, const struct pr_snap *snap, const struct pr_proc_stat *before)
{
	struct pr_proc_stat after;
	struct pr_key now;
	uint64_t ticks = snap->start / (1000000000u / s->ticks_per_s);

	if (before->start_ticks != ticks && before->start_ticks + 1 != ticks && before->start_ticks != ticks + 1)
		return false;
	if (s->img.has_exe && snap->i_ino && s->img.exe_ino && s->img.exe_ino != snap->i_ino)
		return false;
	/* Asked last: as long as the process has not been reused or re-imaged by now, all of the above was its. */
	if (!pr_procfs_stat(s->job->proc_fd, snap->key.pid, &after) || after.start_ticks != before->start_ticks ||
		after.arg_start != before->arg_start)
		return false;
	return pr_capture_identity(s->job->cap, snap->key.pid, &now) || now.ktime == snap->key.ktime;
}

static int flush(struct scan *s)
{
	struct pr_buf *b = &s->job->frames->buf;
	int err;

	if (pr_buf_failed(b))
		return pr_fail(s->ei, PR_ENOMEM, "out of memory");
	if (!b->len)
		return PR_OK;
	err = s->job->put(s->job->arg, b->data, b->len, s->ei);
	pr_buf_clear(b);
	return err;
}

static int on_process(void *arg, const struct pr_snap *snap, const char *cgroup)
{
	struct scan *s = arg;
	struct pr_keyframe_job *job = s->job;
	const struct pr_proc_image *img = NULL;
	struct pr_proc_stat stat;
	char name[PR_USER_NAME_MAX];
	uint32_t uid = pr_process_frame_uid(snap);
	uint64_t now = pr_boottime_ns();

	if (job->about.only_tree && !(snap->flags & PR_SNAP_TRACKED) && !pr_map_get(&s->ancestors, snap->key.pid, 0))
		return PR_OK;
	if (!(snap->flags & PR_SNAP_KTHREAD) && pr_procfs_stat(job->proc_fd, snap->key.pid, &stat)) {
		pr_procfs_image(job->proc_fd, snap->key.pid, &s->img);
		if (same_image(s, snap, &stat))
			img = &s->img;
	}
	if (pr_users_first(job->users, uid) && pr_users_name(uid, name))
		pr_frames_user(job->frames, now, uid, name);
	pr_process_frame(job->frames, now, snap, cgroup, img);
	job->processes++;
	return flush(s);
}

/* Where the tree that alone is recorded hangs: without them its lineage would end at CMD. */
static int find_ancestors(struct scan *s)
{
	uint32_t pid = s->job->about.root_pid;
	struct pr_proc_stat stat;

	for (int i = 0; pid && i < ANCESTORS_MAX; i++) {
		if (!pr_map_put(&s->ancestors, pid, 0, NULL))
			return pr_fail(s->ei, PR_ENOMEM, "out of memory");
		if (!pr_procfs_stat(s->job->proc_fd, pid, &stat))
			break;
		pid = stat.ppid;
	}
	return PR_OK;
}

static void begin(struct pr_keyframe_job *job)
{
	struct pr_frames *f = job->frames;
	uint64_t now = pr_boottime_ns();

	pr_frames_keyframe(f, now, false, 0);
	pr_frames_host(f, now);
	pr_keyframe_recorder(f, now, &job->about, NULL);
	now = pr_frames_clock(f);
	/* No rows: every (cpu, stream) begins at 0 behind this frame, so that even a loss of the very first frames shows. */
	pr_frames_begin(f, PR_OP_STREAM_STATE, now);
	pr_buf_u32(&f->buf, 0);
	pr_buf_u32(&f->buf, 0);
	pr_frames_end(f);
}

int pr_keyframe_write(struct pr_keyframe_job *job, enum pr_snapshot_mode mode, struct pr_errinfo *ei)
{
	struct scan s = {.job = job, .ancestors = PR_MAP_INIT, .ei = ei};
	long ticks = sysconf(_SC_CLK_TCK);
	int err = PR_OK;

	s.ticks_per_s = ticks > 0 ? (uint64_t)ticks : 100;
	pr_proc_image_init(&s.img);
	job->processes = 0;
	if (job->about.only_tree)
		err = find_ancestors(&s);
	if (!err) {
		begin(job);
		err = flush(&s);
	}
	if (!err)
		err = pr_capture_snapshot(job->cap, mode, on_process, &s, ei);
	if (!err) {
		pr_frames_keyframe(job->frames, pr_boottime_ns(), true, job->processes);
		err = flush(&s);
	}
	pr_proc_image_release(&s.img);
	pr_map_release(&s.ancestors);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DIR_CHANGES (IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)
#define FILE_CHANGES (IN_MODIFY | IN_CLOSE_WRITE)

struct pr_follow {
	char *path; /* owned */
	bool is_dir;
	int lock_fd; /* of a directory; -1: not there yet */
	bool no_lock; /* it can't be looked at */
	int watch_fd; /* inotify; -1: there is none to be had */
	int file_watch; /* of the last file; -1: none */
	uint64_t series; /* of the last file, or of the last that was looked at */
};

int pr_follow_new(struct pr_follow **out, const char *path, bool is_dir, struct pr_errinfo *ei)
{
	struct pr_follow *f = calloc(1, sizeof(*f));

	if (!f || !(f->path = strdup(path))) {
		free(f);
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	f->is_dir = is_dir;
	f->lock_fd = f->file_watch = -1;
	f->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (is_dir && f->watch_fd >= 0)
		inotify_add_watch(f->watch_fd, path, DIR_CHANGES);
	*out = f;
	return PR_OK;
}

void pr_follow_free(struct pr_follow *f)
{
	if (!f)
		return;
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	if (f->watch_fd >= 0)
		close(f->watch_fd);
	free(f->path);
	free(f);
}

int pr_follow_fd(const struct pr_follow *f)
{
	return f->watch_fd;
}

static void watch_last(struct pr_follow *f, const struct pr_seg_reader *r)
{
	if (f->watch_fd < 0)
		return;
	if (f->file_watch >= 0)
		inotify_rm_watch(f->watch_fd, f->file_watch);
	f->file_watch = inotify_add_watch(f->watch_fd, pr_seg_reader_last_name(r), FILE_CHANGES);
}

void pr_follow_begin(struct pr_follow *f, const struct pr_seg_reader *r, uint64_t last_series)
{
	f->series = last_series;
	watch_last(f, r);
}

/* A directory is claimed as a whole, so that nobody seems to be there between two segments. */
static enum pr_file_writer dir_writer(struct pr_follow *f)
{
	char *name;

	if (f->lock_fd < 0 && !f->no_lock && asprintf(&name, "%s/" PR_RECORDING_LOCK, f->path) >= 0) {
		f->lock_fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		f->no_lock = f->lock_fd < 0 && errno != ENOENT;
		free(name);
	}
	if (f->lock_fd < 0)
		return f->no_lock ? PR_WRITER_UNKNOWN : PR_WRITER_NONE;
	return pr_file_writer(f->lock_fd);
}

enum pr_file_writer pr_follow_writer(struct pr_follow *f, const struct pr_seg_reader *r)
{
	enum pr_file_writer w = PR_WRITER_NONE;
	int fd;

	if (f->is_dir)
		return dir_writer(f);
	if (r)
		return pr_seg_reader_writer(r);
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0) {
		w = pr_file_writer(fd);
		close(fd);
	}
	return w;
}

/* What the events were is found by looking. */
static void drain(struct pr_follow *f)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (f->watch_fd >= 0 && read(f->watch_fd, events, sizeof(events)) > 0)
		;
}

/* Nothing more comes in the last file: what is left of it is told as it is, before anything else. */
static bool settle(struct pr_seg_reader *r)
{
	if (!pr_seg_reader_is_growing(r))
		return false;
	pr_seg_reader_growing(r, false);
	return true;
}

/* The file that follows: what the one before had was read. Taken over. */
static int take_next(struct pr_follow *f, struct pr_seg_reader *r, struct pr_source *next, uint64_t series, struct pr_errinfo *ei)
{
	int err = pr_seg_reader_append(r, next, ei);

	if (err)
		return err;
	f->series = series;
	pr_seg_reader_growing(r, true);
	watch_last(f, r);
	return PR_OK;
}

int pr_follow_look(struct pr_follow *f, struct pr_seg_reader *r, bool last, enum pr_follow_step *out, struct pr_errinfo *ei)
{
	struct pr_source *next = NULL;
	struct pr_seg_header header;
	enum pr_file_writer writer;
	uint64_t series = f->series;
	bool more = false;
	int err = PR_OK;

	/* In this order: of one that is gone by now all is there to be seen, and of a file with another behind it too. */
	drain(f);
	writer = pr_follow_writer(f, r);
	if (f->is_dir)
		err = pr_recording_next(f->path, &series, &header, &next, ei);
	else if (!pr_seg_reader_footer(r) && writer != PR_WRITER_THERE)
		err = pr_recording_next_piece(f->path, pr_seg_reader_last_header(r), &next, ei);
	if (!err)
		err = pr_seg_reader_grow(r, &more, ei);
	*out = PR_FOLLOW_MORE;
	if (!err && !more && next && !settle(r)) {
		if (!f->is_dir || pr_recording_same_stream(&header, pr_seg_reader_last_header(r)))
			return take_next(f, r, next, series, ei);
		*out = PR_FOLLOW_OTHER;
	}
	pr_source_close(next);
	if (err || more || next)
		return err;
	if (!last && !(pr_seg_reader_footer(r) && (!f->is_dir || writer == PR_WRITER_NONE)))
		*out = PR_FOLLOW_WAIT;
	else if (!settle(r))
		*out = PR_FOLLOW_CLOSED;
	return PR_OK;
}

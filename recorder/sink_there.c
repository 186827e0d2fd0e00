/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink_there.c: whether the files that were written are still where they were written. Deleting a file does not make a write to it fail, so
 * it is looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/room.h"
#include "recorder/sink_int.h"

struct pr_sink_file {
	char *name; /* owned */
	dev_t dev;
	ino_t ino;
	uint64_t series; /* of a rotation */
	uint64_t bytes, events; /* once it is closed; events: in the open one, those before it */
	bool open; /* at most the last one */
	bool deleted; /* it was seen that no name leads to it any more; else it may be somewhere */
};

static uint64_t events(const struct pr_sink *s)
{
	return s->total.execs + s->total.clones + s->total.exits + s->total.fails;
}

int pr_sink_note_file(struct pr_sink *s, struct pr_errinfo *ei)
{
	struct pr_sink_file *v, f = {.series = s->header.series, .events = events(s), .open = true};
	struct stat st;

	if (s->opt.in_memory)
		return PR_OK;
	if (fstat(s->fd, &st))
		return pr_fail_errno(ei, "%s: cannot look at it", s->name);
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	v = pr_room(s->files, s->n_files, &s->cap_files, sizeof(*v));
	if (v)
		s->files = v;
	f.name = v ? strdup(s->name) : NULL;
	if (!f.name)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	s->files[s->n_files++] = f;
	return PR_OK;
}

static struct pr_sink_file *current(const struct pr_sink *s)
{
	return s->n_files && s->files[s->n_files - 1].open ? &s->files[s->n_files - 1] : NULL;
}

void pr_sink_close_file(struct pr_sink *s, const struct pr_seg_progress *p)
{
	struct pr_sink_file *f = current(s);
	struct stat st;

	if (!f)
		return;
	if (pr_seg_is_empty(p)) {
		free(f->name);
		s->n_files--;
		return;
	}
	f->deleted = !fstat(s->fd, &st) && !st.st_nlink;
	f->open = false;
	f->bytes = p->file_bytes;
	f->events = events(s) - f->events;
}

/* What can't be looked at is not called gone. */
static bool there(const struct pr_sink *s, struct pr_sink_file *f)
{
	struct stat st;

	if (f->open && !fstat(s->fd, &st))
		f->deleted = !st.st_nlink;
	if (f->deleted)
		return false;
	if (stat(f->name, &st))
		return errno != ENOENT && errno != ENOTDIR;
	if (st.st_dev == f->dev && st.st_ino == f->ino)
		return true;
	/* A file system may give a file another number once nobody has it open; a copy of it does as well. */
	return !f->open && (uint64_t)st.st_size == f->bytes;
}

bool pr_sink_is_there(const struct pr_sink *s)
{
	struct pr_sink_file *f = current(s);

	return !f || there(s, f);
}

/* Retention has deleted those itself. */
static void forget_retired(struct pr_sink *s)
{
	size_t n = 0;

	while (s->rotate && n < s->n_files && s->files[n].series < pr_rotate_oldest(s->rotate))
		free(s->files[n++].name);
	s->n_files -= n;
	if (n)
		memmove(s->files, s->files + n, s->n_files * sizeof(*s->files));
}

/* Counted anew each time: what was moved away may have come back. */
void pr_sink_look(struct pr_sink *s)
{
	struct pr_sink_gone *g = &s->total.gone;
	bool folder, deleted = false, first = false;

	forget_retired(s);
	folder = s->rotate && !pr_rotate_is_there(s->rotate, &deleted);
	*g = (struct pr_sink_gone){.folder = folder, .deleted = deleted};
	if (folder)
		snprintf(g->name, sizeof(g->name), "%s", s->path);
	for (size_t i = 0; i < s->n_files; i++) {
		struct pr_sink_file *f = &s->files[i];

		if (!folder && there(s, f))
			continue;
		first = first || !i;
		if (!g->files++ && !folder) {
			snprintf(g->name, sizeof(g->name), "%s", f->name);
			g->deleted = f->deleted;
		}
		g->events += f->open ? events(s) - f->events : f->events;
	}
	g->all = g->files && (g->files == s->n_files || (!s->rotate && first));
}

void pr_sink_release_files(struct pr_sink *s)
{
	for (size_t i = 0; i < s->n_files; i++)
		free(s->files[i].name);
	free(s->files);
}

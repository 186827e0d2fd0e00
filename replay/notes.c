/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/notes.h"

#include "base/command.h"
#include "schema/boot.h"

void pr_notes_damage(const char *path, const struct pr_seg_damage *d)
{
	char frames[64] = "an unknown number of frames";

	if (d->frames_known)
		snprintf(frames, sizeof(frames), "%llu frames", (unsigned long long)d->frames);
	if (d->missing && d->frames_known && !d->frames) {
		pr_note("%s: at byte %llu: %s", path, (unsigned long long)d->from, d->why);
		return;
	}
	if (d->missing) {
		pr_note("%s: at byte %llu: %s; %s lost", path, (unsigned long long)d->from, d->why, frames);
		return;
	}
	pr_note("%s: bytes %llu to %llu are damaged: %s; %s lost", path, (unsigned long long)d->from,
		(unsigned long long)d->to, d->why, frames);
}

static int on_damage(void *ctx, const struct pr_seg_damage *d)
{
	pr_notes_damage(pr_seg_reader_name(pr_trace_segment(ctx)), d);
	return PR_OK;
}

void pr_notes_attach(struct pr_trace *t)
{
	pr_trace_set_events(t, &(struct pr_trace_events){.on_damage = on_damage, .ctx = t});
}

void pr_notes_index(const struct pr_errinfo *why)
{
	pr_note("%s; not used, and built from the frames instead: 'procrec reindex' makes a new one", why->msg);
}

void pr_notes_boot(struct pr_trace *t, const char *path, const char *how)
{
	const struct pr_seg_header *h = pr_seg_reader_header(pr_trace_segment(t));
	struct pr_buf id = PR_BUF_INIT;
	struct pr_trace_state st;
	struct pr_boots boots;
	size_t i = 0;

	pr_trace_get_state(t, &st);
	if (!st.left_out || st.boot_meant || pr_boots_load(&boots, path, NULL))
		return;
	while (i < boots.n && !pr_recording_same_stream(&boots.v[i].first, h))
		i++;
	pr_boot_id_tell(&id, h->boot_id);
	pr_buf_u8(&id, 0);
	if (i < boots.n && boots.n > 1 && !pr_buf_failed(&id))
		pr_note("%s: this is of boot %s, number %zu of %zu. %s", path, (const char *)id.data, i + 1, boots.n, how);
	pr_buf_release(&id);
	pr_boots_release(&boots);
}

int pr_notes_whole(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei)
{
	struct pr_trace_state st;

	pr_trace_get_state(t, &st);
	if (st.outlived)
		pr_note("%s: segments of a later boot follow; they are another recording", path);
	if (!st.sealed && !part && st.damages)
		pr_note("%s: the end is open: the recording was not closed (or still goes on)", path);
	else if (!st.sealed && !part)
		pr_note("%s: the end is open: the recording was not closed (or still goes on); all %llu whole frames were read%s", path,
			(unsigned long long)st.frames, st.tail_bytes ? ", the last, torn block was not" : "");
	if (st.damages)
		return pr_fail(ei, PR_EDATA, "%s: damaged at %llu place%s; the rest was read", path,
			(unsigned long long)st.damages, st.damages == 1 ? "" : "s");
	if (st.gaps)
		return pr_fail(ei, PR_EDATA, "%s: frames are missing at %llu place%s: they were lost while recording; see --gaps",
			path, (unsigned long long)st.gaps, st.gaps == 1 ? "" : "s");
	return PR_OK;
}

int pr_notes_read(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei)
{
	pr_notes_boot(t, path, PR_NOTES_BOOT);
	return pr_notes_whole(t, path, part, ei);
}

int pr_notes_end(struct pr_trace *t, const char *path, struct pr_errinfo *ei)
{
	pr_notes_boot(t, path, "'procrec dump --boot' makes a trace of another");
	return pr_notes_whole(t, path, false, ei);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/notes.h"

#include "base/command.h"

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

void pr_notes_boots(struct pr_trace *t, const char *path)
{
	struct pr_trace_state st;

	pr_trace_get_state(t, &st);
	if (st.left_out)
		pr_note("%s: %llu segment%s of other boots lie there too, as traces of their own: 'info' lists them, 'replay --boot' and 'sql --boot' ask one", path,
			(unsigned long long)st.left_out, st.left_out == 1 ? "" : "s");
}

int pr_notes_read(struct pr_trace *t, const char *path, bool part, struct pr_errinfo *ei)
{
	struct pr_trace_state st;

	pr_trace_get_state(t, &st);
	if (!part)
		pr_notes_boots(t, path);
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

int pr_notes_end(struct pr_trace *t, const char *path, struct pr_errinfo *ei)
{
	return pr_notes_read(t, path, false, ei);
}

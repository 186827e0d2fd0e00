/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "schema/segment_part.h"

#define LISTINGS_MAX 64 /* retention may be as fast as who reads */

/* "000000000042.seg" */
static bool parse_name(const char *name, uint64_t *out)
{
	uint64_t v = 0;

	if (strlen(name) != 16)
		return false;
	for (int i = 0; i < 12; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(name[i] - '0');
	}
	*out = v;
	return !strcmp(name + 12, PR_RECORDING_SUFFIX);
}

bool pr_recording_is_name(const char *name)
{
	uint64_t series;

	return parse_name(name, &series);
}

static int read_header(struct pr_recording_entry *e, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_HEADER_SIZE];
	struct pr_source *src;
	size_t n = 0;
	int err = pr_source_file(&src, e->path, ei);

	if (err)
		return err;
	err = src->ops->size(src, &e->size, ei);
	if (!err)
		err = src->ops->read_at(src, 0, p, sizeof(p), &n, ei);
	if (!err)
		err = pr_seg_header_decode(&e->header, p, n, e->path, ei);
	pr_source_close(src);
	return err;
}

static int add_entry(struct pr_recording *r, const char *name, uint64_t series, struct pr_errinfo *ei)
{
	struct pr_recording_entry *e = &r->v[r->n];
	struct pr_errinfo why;

	if (asprintf(&e->path, "%s%s%s", r->dir, r->dir[0] && r->dir[strlen(r->dir) - 1] == '/' ? "" : "/", name) < 0)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->n++;
	e->series = series;
	e->err = read_header(e, &why);
	e->gone = e->err && why.sys_errno == ENOENT;
	if (e->err)
		snprintf(e->why, sizeof(e->why), "%.*s", (int)sizeof(e->why) - 1, why.msg);
	return PR_OK;
}

int pr_recording_list(struct pr_recording *out, const char *dir, struct pr_errinfo *ei)
{
	struct pr_recording r = {0};
	struct pr_dir_names names;
	uint64_t series;
	int err = pr_dir_list(dir, PR_RECORDING_SUFFIX, &names, ei);

	if (err)
		return err;
	r.dir = strdup(dir);
	r.v = calloc(names.n + 1, sizeof(*r.v));
	if (!r.dir || !r.v)
		err = pr_fail(ei, PR_ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < names.n; i++) /* sorted: equal lengths make this the order of the numbers */
		if (parse_name(names.v[i], &series))
			err = add_entry(&r, names.v[i], series, ei);
	pr_dir_release(&names);
	if (err)
		pr_recording_release(&r);
	else
		*out = r;
	return err;
}

void pr_recording_release(struct pr_recording *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].path);
	free(r->v);
	free(r->dir);
	*r = (struct pr_recording){0};
}

bool pr_recording_same_stream(const struct pr_seg_header *a, const struct pr_seg_header *b)
{
	static const uint8_t none[PR_SEG_UUID];

	if (!memcmp(a->recording, b->recording, PR_SEG_UUID))
		return true;
	return !memcmp(a->boot_id, b->boot_id, PR_SEG_UUID) && memcmp(a->boot_id, none, PR_SEG_UUID);
}

size_t pr_recording_newest(const struct pr_recording *r)
{
	const struct pr_recording_entry *last = NULL;
	size_t from = r->n;

	for (size_t i = r->n; i-- > 0;) {
		if (r->v[i].err)
			continue;
		if (!last)
			last = &r->v[i];
		if (!pr_recording_same_stream(&r->v[i].header, &last->header))
			break;
		from = i;
	}
	return from;
}

/* Sources of the readable ones from `from` to before `to`; *out_n of them. *out_gone: one of them was deleted just now. */
static int open_sources(
	const struct pr_recording *r, size_t from, size_t to, struct pr_source **out, size_t *out_n, bool *out_gone, struct pr_errinfo *ei)
{
	struct pr_errinfo why = {0};
	int err = PR_OK;

	*out_n = 0;
	for (size_t i = from; !err && i < to; i++)
		if (!r->v[i].err)
			err = pr_source_file(&out[(*out_n)++], r->v[i].path, &why);
	if (!err)
		return PR_OK;
	for (size_t i = 0; i + 1 < *out_n; i++)
		pr_source_close(out[i]);
	*out_gone = why.sys_errno == ENOENT;
	if (why.sys_errno == EMFILE) /* all stay open while they are read */
		pr_fail(&why, err, "%s: too many open files: %zu segments are read at once; allow more (ulimit -n)", r->v[from].path, to - from);
	if (ei)
		*ei = why;
	return err;
}

/* Does it begin with a keyframe that can be read? The first of a recording does anyway: nothing came before it. */
static bool begins_whole(const struct pr_recording_entry *e)
{
	struct pr_seg_scratch scratch;
	struct pr_seg_part part;
	struct pr_seg_damage d;
	struct pr_source *src;
	bool whole = false;
	struct pr_block b;

	if (!e->header.number)
		return true;
	if (pr_seg_scratch_init(&scratch, NULL))
		return false;
	if (!pr_source_file(&src, e->path, NULL) && !pr_seg_part_open(&part, src, &scratch, NULL)) {
		int err, repeats = 0;

		while (!(err = pr_seg_part_next(&part, &b, &d, NULL)) && b.desc.flags & PR_SEG_BLOCK_REPEAT)
			repeats++;
		whole = repeats && (!err || err == PR_END);
		pr_seg_part_close(&part);
	}
	pr_seg_scratch_release(&scratch);
	return whole;
}

/* What was written to a segment was emitted before the next one was begun: so all from `since` on is behind that. */
static size_t choose(const struct pr_recording *r, size_t from, size_t to, uint64_t since)
{
	size_t best = from;

	for (size_t i = from; i < to; i++)
		if (!r->v[i].err && r->v[i].header.created_boottime && r->v[i].header.created_boottime <= since)
			best = i;
	while (best > from && (r->v[best].err || !begins_whole(&r->v[best])))
		best--;
	return best;
}

static bool any_gone(const struct pr_recording *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].gone)
			return true;
	return false;
}

/* Where the boot of `of` stands; its end where there is none of it. */
static size_t find_boot(const struct pr_recording *r, const struct pr_seg_header *of, size_t *out_to)
{
	size_t from = r->n;

	*out_to = r->n;
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].err)
			continue;
		if (!pr_recording_same_stream(&r->v[i].header, of)) {
			if (from < r->n)
				break;
			continue;
		}
		from = from < r->n ? from : i;
		*out_to = i + 1;
	}
	return from;
}

/* What can't be read between segments of another boot and those from `from` to before `to` may be of either: it counts for both. */
static void count_unreadable(const struct pr_recording *r, size_t from, size_t to, struct pr_recording_span *span)
{
	size_t lo = from, hi = to;

	while (lo && r->v[lo - 1].err)
		lo--;
	while (hi < r->n && r->v[hi].err)
		hi++;
	span->unreadable = 0;
	for (size_t i = lo; i < hi; i++)
		span->unreadable += r->v[i].err ? 1 : 0;
	span->unreadable_before = lo < from;
}

static int open_listed(struct pr_recording *r, uint64_t since, const struct pr_seg_header *of, struct pr_seg_reader **out,
	struct pr_recording_span *span, bool *out_gone, struct pr_errinfo *ei)
{
	size_t to = r->n, from = of ? find_boot(r, of, &to) : pr_recording_newest(r), first = from, n = 0;
	struct pr_source **src;
	int err;

	if (of && from == r->n)
		return pr_fail(ei, PR_EFORMAT, "%s: the segments of this boot are gone: they were deleted just now", r->dir);

	if (from == r->n)
		return r->n ? pr_fail(ei, r->v[r->n - 1].err, "%s", r->v[r->n - 1].why)
			    : pr_fail(ei, PR_EFORMAT, "%s: a directory without segments (names like 000000000042.seg)", r->dir);
	span->left_out = from + (r->n - to);
	span->before = from;
	span->last_series = r->v[r->n - 1].series;
	span->first = r->v[first].header;
	if (since)
		first = choose(r, first, to, since);
	span->skipped = first - from;
	count_unreadable(r, from, to, span);
	src = calloc(to - first, sizeof(struct pr_source *));
	err = src ? open_sources(r, first, to, src, &n, out_gone, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err)
		err = pr_seg_reader_new_list(out, src, n, r->dir, ei);
	if (!err)
		pr_seg_reader_set_unreadable(*out, first == from && span->unreadable_before, r->v[to - 1].err || (to < r->n && r->v[to].err));
	free(src);
	return err;
}

int pr_recording_open(struct pr_seg_reader **out, const char *dir, uint64_t since, const struct pr_seg_header *of,
	struct pr_recording_span *out_span, struct pr_errinfo *ei)
{
	struct pr_recording_span span = {0};
	bool gone = true;
	int err = PR_OK;

	for (int left = LISTINGS_MAX; left-- && gone;) {
		struct pr_recording r;

		err = pr_recording_list(&r, dir, ei);
		if (err)
			return err;
		gone = left && any_gone(&r);
		if (!gone)
			err = open_listed(&r, since, of, out, &span, &gone, ei);
		pr_recording_release(&r);
	}
	if (!err && out_span)
		*out_span = span;
	return err;
}

/* The lowest number above `after` that a name in the directory has; false: none. */
static bool find_next(const struct pr_dir_names *names, uint64_t after, uint64_t *out)
{
	uint64_t series;

	for (size_t i = 0; i < names->n; i++) {
		if (!parse_name(names->v[i], &series) || series <= after)
			continue;
		*out = series;
		return true;
	}
	return false;
}

/* *out NULL: it is gone again, or can't be read. */
static int open_segment(const char *dir, uint64_t series, struct pr_seg_header *out_header, struct pr_source **out, struct pr_errinfo *ei)
{
	struct pr_recording_entry e = {.series = series};

	*out = NULL;
	if (asprintf(&e.path, "%s/" PR_RECORDING_NAME, dir, (unsigned long long)series) < 0)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!read_header(&e, NULL) && !pr_source_file(out, e.path, NULL))
		*out_header = e.header;
	free(e.path);
	return PR_OK;
}

int pr_recording_next(const char *dir, uint64_t *series, struct pr_seg_header *out_header, struct pr_source **out, struct pr_errinfo *ei)
{
	struct pr_dir_names names;
	int err = pr_dir_list(dir, PR_RECORDING_SUFFIX, &names, ei);

	*out = NULL;
	if (err)
		return err;
	while (!err && !*out && find_next(&names, *series, series))
		err = open_segment(dir, *series, out_header, out, ei);
	pr_dir_release(&names);
	return err;
}

int pr_recording_next_piece(const char *path, const struct pr_seg_header *last, struct pr_source **out, struct pr_errinfo *ei)
{
	*out = NULL;
	for (int i = 1; !*out; i++) {
		struct pr_recording_entry e = {0};
		bool there;

		if (asprintf(&e.path, "%s.%d", path, i) < 0)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		there = !access(e.path, F_OK);
		/* Others may lie there, of an earlier recording under the same name. */
		if (there && !read_header(&e, NULL) && !memcmp(e.header.recording, last->recording, PR_SEG_UUID) && e.header.series > last->series &&
			pr_source_file(out, e.path, NULL))
			*out = NULL;
		free(e.path);
		if (!there)
			break;
	}
	return PR_OK;
}

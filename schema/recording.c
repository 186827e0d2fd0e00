/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/dir.h"
#include "schema/source.h"

#define SPARE_FILES 64u

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

static bool same_stream(const struct pr_seg_header *a, const struct pr_seg_header *b)
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
		if (!same_stream(&r->v[i].header, &last->header))
			break;
		from = i;
	}
	return from;
}

/* All segments stay open while they are read: where there are many, this process may need more descriptors than usual. */
static void allow_files(size_t n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= n + SPARE_FILES || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l); /* where it is not allowed, opening says so */
}

/* Sources of the readable ones from `from` on; *out_n of them. */
static int open_sources(const struct pr_recording *r, size_t from, struct pr_source **out, size_t *out_n, struct pr_errinfo *ei)
{
	int err = PR_OK;

	*out_n = 0;
	allow_files(r->n - from);
	for (size_t i = from; !err && i < r->n; i++)
		if (!r->v[i].err)
			err = pr_source_file(&out[(*out_n)++], r->v[i].path, ei);
	if (!err)
		return PR_OK;
	for (size_t i = 0; i + 1 < *out_n; i++)
		pr_source_close(out[i]);
	return err;
}

int pr_recording_open(struct pr_seg_reader **out, const char *dir, uint64_t *out_left_out, struct pr_errinfo *ei)
{
	struct pr_source **src = NULL;
	struct pr_recording r;
	size_t from = 0, n = 0;
	int err = pr_recording_list(&r, dir, ei);

	if (err)
		return err;
	from = pr_recording_newest(&r);
	if (from == r.n)
		err = r.n ? pr_fail(ei, r.v[r.n - 1].err, "%s", r.v[r.n - 1].why)
			  : pr_fail(ei, PR_EFORMAT, "%s: a directory without segments (names like 000000000042.seg)", dir);
	if (!err) {
		src = calloc(r.n - from, sizeof(struct pr_source *));
		err = src ? open_sources(&r, from, src, &n, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	if (!err)
		err = pr_seg_reader_new_list(out, src, n, dir, ei);
	if (!err && out_left_out)
		*out_left_out = from;
	free(src);
	pr_recording_release(&r);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"
#include "base/out.h"
#include "base/room.h"
#include "schema/recording.h"
#include "schema/segment_part.h"

#define TEMP_SUFFIX ".seg.part"

struct kept { /* a segment that is there and not in use */
	uint64_t series, bytes; /* with index and signature */
	uint64_t created; /* ns since 1970; 0: not known */
	uint64_t created_boot; /* ns since the boot that we run in; 0: in another one, or not known */
};

struct pr_rotate {
	struct pr_rotate_options opt; /* opt.dir is owned */
	int lock_fd, dir_fd;
	struct kept *kept; /* owned, by series */
	size_t n, cap;
	uint64_t first_series; /* of this run */
	uint64_t next_series, next_number, frames_before, deleted;
	uint64_t oldest; /* lowest series number that is left */
	uint8_t prev_link[PR_SEG_LINK];
	struct pr_seg_header cur;
	int cur_fd; /* borrowed, between begin and commit; else -1 */
	char *path, *temp; /* owned; of the current segment; temp only until it has its name */
};

static char *path_in(const char *dir, const char *name)
{
	char *p;

	return asprintf(&p, "%s/%s", dir, name) < 0 ? NULL : p;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Who may read the segments may see whether somebody writes them. A file of another name is left alone. */
static int give_lock_away(struct pr_rotate *r, struct pr_errinfo *ei)
{
	struct stat st;

	if (!r->opt.give_away || fstat(r->lock_fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return PR_OK;
	if (fchown(r->lock_fd, r->opt.uid, r->opt.gid))
		return pr_fail_errno(ei, "%s/%s: cannot give it to uid %u", r->opt.dir, PR_RECORDING_LOCK, (unsigned)r->opt.uid);
	return PR_OK;
}

static int lock(struct pr_rotate *r, struct pr_errinfo *ei)
{
	char text[64] = "";
	ssize_t n;

	r->lock_fd = openat(r->dir_fd, PR_RECORDING_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->lock_fd < 0)
		return pr_fail_errno(ei, "%s/%s: cannot open", r->opt.dir, PR_RECORDING_LOCK);
	if (!pr_file_claim(r->lock_fd)) {
		if (errno != EAGAIN)
			return pr_fail_errno(ei, "%s/%s: cannot lock", r->opt.dir, PR_RECORDING_LOCK);
		n = pread(r->lock_fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return pr_fail(ei, PR_EBUSY, "%s: another recorder (%s) writes there; stop it, or choose another directory", r->opt.dir,
			text[0] ? text : "it does not say which");
	}
	n = snprintf(text, sizeof(text), "%s\n", r->opt.holder ? r->opt.holder : "");
	if (ftruncate(r->lock_fd, 0) || pwrite(r->lock_fd, text, (size_t)n, 0) != n)
		return pr_fail_errno(ei, "%s/%s: cannot write", r->opt.dir, PR_RECORDING_LOCK);
	return give_lock_away(r, ei);
}

static const char *const beside[] = {"", ".idx", ".minisig"}; /* of a segment's files */

/* What the files of a segment take; at least `bytes`. */
static uint64_t all_bytes(const struct pr_rotate *r, uint64_t series, uint64_t bytes)
{
	uint64_t all = 0;
	char name[96];
	struct stat st;
	int n = snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)series);

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(name + n, sizeof(name) - (size_t)n, "%s", beside[i]);
		if (!fstatat(r->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
			all += (uint64_t)st.st_size;
	}
	return all > bytes ? all : bytes;
}

/* h: NULL where it can't be read. */
static bool keep(struct pr_rotate *r, uint64_t series, uint64_t bytes, const struct pr_seg_header *h)
{
	struct kept *v = pr_room(r->kept, r->n, &r->cap, sizeof(*v));
	bool same_boot = h && !memcmp(h->boot_id, r->opt.boot_id, PR_SEG_UUID);

	if (!v)
		return false;
	r->kept = v;
	v[r->n++] = (struct kept){series, all_bytes(r, series, bytes), h ? h->created_realtime : 0, same_boot ? h->created_boottime : 0};
	return true;
}

/* The last link of a segment, from its footer or by reading it. */
static int find_last_link(const char *path, uint8_t out[PR_SEG_LINK], struct pr_errinfo *ei)
{
	struct pr_seg_scratch scratch;
	struct pr_seg_part part;
	struct pr_seg_damage d;
	struct pr_source *src;
	struct pr_block b;
	int err = pr_seg_scratch_init(&scratch, ei);

	if (!err)
		err = pr_source_file(&src, path, ei);
	if (!err)
		err = pr_seg_part_open(&part, src, &scratch, ei);
	if (!err) {
		if (part.sealed)
			memcpy(out, part.footer.link, PR_SEG_LINK);
		else
			while (!(err = pr_seg_part_next(&part, &b, &d, ei)) || err == PR_EDATA)
				;
		if (!part.sealed)
			memcpy(out, part.link, PR_SEG_LINK);
		pr_seg_part_close(&part);
	}
	pr_seg_scratch_release(&scratch);
	return err == PR_END ? PR_OK : err;
}

static bool is_part(const char *name)
{
	char whole[64];
	size_t n = strlen(name), cut = strlen(TEMP_SUFFIX) - strlen(".seg");

	if (n <= cut || n - cut >= sizeof(whole))
		return false;
	memcpy(whole, name, n - cut);
	whole[n - cut] = '\0';
	return pr_recording_is_name(whole);
}

/* What a recorder that was killed had begun: no frame is in it. */
static int remove_parts(struct pr_rotate *r, struct pr_errinfo *ei)
{
	struct pr_dir_names names;
	int err = pr_dir_list(r->opt.dir, TEMP_SUFFIX, &names, ei);

	if (err)
		return err;
	for (size_t i = 0; i < names.n; i++)
		if (is_part(names.v[i]))
			unlinkat(r->dir_fd, names.v[i], 0);
	pr_dir_release(&names);
	return PR_OK;
}

/*
 * What the newest segment says was deleted by then. The files that are there are no witness of that: somebody may have removed some, or a
 * recorder was killed before it had removed all that its segment tells of.
 */
static uint64_t told_oldest(const struct pr_recording *rec)
{
	for (size_t i = rec->n; i--;)
		if (!rec->v[i].err && rec->v[i].header.oldest <= rec->v[i].series)
			return rec->v[i].header.oldest;
	return rec->n ? rec->v[0].series : 0;
}

static int find_old(struct pr_rotate *r, struct pr_errinfo *ei)
{
	struct pr_recording rec;
	int err = pr_recording_list(&rec, r->opt.dir, ei);

	if (err)
		return err;
	for (size_t i = 0; !err && i < rec.n; i++)
		if (!keep(r, rec.v[i].series, rec.v[i].size, rec.v[i].err ? NULL : &rec.v[i].header))
			err = pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err && rec.n) {
		const struct pr_recording_entry *last = &rec.v[rec.n - 1];

		r->next_series = last->series + 1;
		r->oldest = told_oldest(&rec);
		if (!last->err)
			err = find_last_link(last->path, r->prev_link, ei);
	}
	r->first_series = r->next_series;
	pr_recording_release(&rec);
	return err;
}

static int open_dir(struct pr_rotate *r, struct pr_errinfo *ei)
{
	bool made = !mkdir(r->opt.dir, 0700);

	if (!made && errno != EEXIST)
		return pr_fail_errno(ei, "%s: cannot make the directory", r->opt.dir);
	r->dir_fd = open(r->opt.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir_fd < 0)
		return pr_fail_errno(ei, "%s: cannot open the directory", r->opt.dir);
	if (made && pr_file_commit_name(r->opt.dir))
		return pr_fail_errno(ei, "%s: cannot commit its name to the disk", r->opt.dir);
	if (made && r->opt.give_away && fchown(r->dir_fd, r->opt.uid, r->opt.gid))
		return pr_fail_errno(ei, "%s: cannot give it to uid %u", r->opt.dir, (unsigned)r->opt.uid);
	return PR_OK;
}

int pr_rotate_open(struct pr_rotate **out, const struct pr_rotate_options *opt, struct pr_errinfo *ei)
{
	struct pr_rotate *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	r->opt = *opt;
	r->lock_fd = r->dir_fd = r->cur_fd = -1;
	r->opt.dir = strdup(opt->dir);
	err = r->opt.dir ? open_dir(r, ei) : pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err)
		err = lock(r, ei);
	if (!err)
		err = remove_parts(r, ei);
	if (!err)
		err = find_old(r, ei);
	if (err) {
		pr_rotate_close(r);
		return err;
	}
	*out = r;
	return PR_OK;
}

static void drop_temp(struct pr_rotate *r)
{
	if (r->temp)
		unlink(r->temp);
	free(r->temp);
	r->temp = NULL;
	r->cur_fd = -1;
}

void pr_rotate_close(struct pr_rotate *r)
{
	if (!r)
		return;
	drop_temp(r);
	if (r->lock_fd >= 0)
		close(r->lock_fd); /* the file stays: removing it would let two recorders lock two files of this name */
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	free((char *)r->opt.dir);
	free(r->path);
	free(r->kept);
	free(r);
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */

/*
 * Whether the i-th ended longer ago than keep_ns: when the next one that is known was begun. By the clock of the boot too, where both are of
 * it: the other one may be set.
 */
static bool is_old(const struct pr_rotate *r, size_t i, uint64_t realtime, uint64_t boottime)
{
	const struct kept *next = NULL;

	for (size_t k = i + 1; !next && k < r->n; k++)
		next = r->kept[k].created ? &r->kept[k] : NULL;
	if (!r->opt.keep_ns || !next || next->created >= realtime || realtime - next->created <= r->opt.keep_ns)
		return false;
	return !next->created_boot || (boottime > next->created_boot && boottime - next->created_boot > r->opt.keep_ns);
}

/* The lowest series number that is to stay when a segment is begun now. */
static uint64_t plan(const struct pr_rotate *r, uint64_t realtime, uint64_t boottime)
{
	uint64_t largest = r->opt.max_bytes, bytes = 0, oldest = r->oldest;
	size_t i;

	for (i = 0; i < r->n; i++) {
		bytes += r->kept[i].bytes;
		if (r->kept[i].bytes > largest)
			largest = r->kept[i].bytes;
	}
	bytes += largest; /* as the one that is begun may become */
	for (i = 0; i < r->n; i++) {
		bool told = r->kept[i].series < r->oldest; /* that it is deleted */
		bool much = r->opt.keep_bytes && bytes > r->opt.keep_bytes;

		if (!told && !much && !is_old(r, i, realtime, boottime))
			break;
		bytes -= r->kept[i].bytes;
		if (!told)
			oldest = r->kept[i].series + 1;
	}
	return oldest;
}

bool pr_rotate_is_there(const struct pr_rotate *r, bool *out_deleted)
{
	struct stat ours, named;

	*out_deleted = false;
	if (fstat(r->dir_fd, &ours))
		return true;
	*out_deleted = !ours.st_nlink;
	if (*out_deleted)
		return false;
	if (stat(r->opt.dir, &named))
		return errno != ENOENT && errno != ENOTDIR;
	return named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

/* err, or why it can be no other: the directory went. */
static int check_there(const struct pr_rotate *r, int err, struct pr_errinfo *ei)
{
	bool deleted;

	if (pr_rotate_is_there(r, &deleted))
		return err;
	return pr_fail(ei, PR_EIO, "%s: the directory %s; no segment can be begun in it", r->opt.dir,
		deleted ? "was deleted" : "is not there any more (moved or replaced)");
}

int pr_rotate_begin(struct pr_rotate *r, uint64_t realtime, uint64_t boottime, struct pr_seg_header *out, int *out_fd,
	struct pr_errinfo *ei)
{
	char name[64];
	int err;

	drop_temp(r);
	if (check_there(r, PR_OK, ei))
		return PR_EIO;
	free(r->path);
	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)r->next_series);
	r->path = path_in(r->opt.dir, name);
	snprintf(name, sizeof(name), "%012llu" TEMP_SUFFIX, (unsigned long long)r->next_series);
	r->temp = path_in(r->opt.dir, name);
	if (!r->path || !r->temp) {
		free(r->temp);
		r->temp = NULL;
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	}
	r->cur = (struct pr_seg_header){.kind = PR_SEG_RECORDED,
		.number = r->next_number,
		.series = r->next_series,
		.oldest = plan(r, realtime, boottime),
		.frames_before = r->frames_before,
		.created_realtime = realtime,
		.created_boottime = boottime};
	randombytes_buf(r->cur.uuid, PR_SEG_UUID);
	memcpy(r->cur.recording, r->opt.recording, PR_SEG_UUID);
	memcpy(r->cur.boot_id, r->opt.boot_id, PR_SEG_UUID);
	memcpy(r->cur.prev_link, r->prev_link, PR_SEG_LINK);
	err = pr_file_create(r->temp, true, out_fd, ei);
	if (err) {
		free(r->temp);
		r->temp = NULL;
		return check_there(r, err, ei);
	}
	r->cur_fd = *out_fd;
	r->next_number++; /* used up in any case: its signing key may have been used */
	if (r->opt.give_away && fchown(r->cur_fd, r->opt.uid, r->opt.gid))
		return pr_fail_errno(ei, "%s: cannot give it to uid %u", r->temp, (unsigned)r->opt.uid);
	*out = r->cur;
	return PR_OK;
}

static int delete_segment(struct pr_rotate *r, uint64_t series, struct pr_errinfo *ei)
{
	char name[64], full[96];

	snprintf(name, sizeof(name), PR_RECORDING_NAME, (unsigned long long)series);
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(full, sizeof(full), "%s%s", name, beside[i]);
		if (unlinkat(r->dir_fd, full, 0) && errno != ENOENT)
			return pr_fail_errno(ei, "%s/%s: cannot delete the old segment", r->opt.dir, full);
	}
	return PR_OK;
}

static int delete_first(struct pr_rotate *r, struct pr_errinfo *ei)
{
	int err = delete_segment(r, r->kept[0].series, ei);

	if (err)
		return err;
	if (r->oldest <= r->kept[0].series)
		r->oldest = r->kept[0].series + 1;
	r->deleted++;
	r->n--;
	memmove(r->kept, r->kept + 1, r->n * sizeof(*r->kept));
	return PR_OK;
}

void pr_rotate_discard(struct pr_rotate *r)
{
	drop_temp(r);
	for (uint64_t i = r->first_series; !r->deleted && i < r->next_series; i++)
		delete_segment(r, i, NULL);
}

int pr_rotate_commit(struct pr_rotate *r, struct pr_errinfo *ei)
{
	int err = PR_OK;

	if (!r->temp)
		return pr_fail(ei, PR_EUSAGE, "no segment was begun");
	if (pr_file_commit(r->cur_fd))
		return pr_fail_errno(ei, "%s: cannot sync", r->temp);
	if (rename(r->temp, r->path))
		return check_there(r, pr_fail_errno(ei, "%s: cannot rename it to %s", r->temp, r->path), ei);
	free(r->temp);
	r->temp = NULL;
	r->cur_fd = -1;
	r->next_series++;
	if (fsync(r->dir_fd) && errno != EINVAL)
		return pr_fail_errno(ei, "%s: cannot sync the directory", r->opt.dir);
	while (!err && r->n && r->kept[0].series < r->cur.oldest)
		err = delete_first(r, ei);
	return err;
}

void pr_rotate_end(struct pr_rotate *r, const struct pr_seg_progress *p)
{
	if (r->temp) { /* never got its name */
		drop_temp(r);
		return;
	}
	/* The next one takes its name from it: it takes no room for nothing, and until then tells of what was deleted for it. */
	if (pr_seg_is_empty(p)) {
		r->next_series = r->cur.series;
		return;
	}
	memcpy(r->prev_link, p->link, PR_SEG_LINK);
	r->frames_before += p->frames - p->repeat_frames;
	keep(r, r->cur.series, p->file_bytes, &r->cur); /* out of memory: it is then never deleted */
}

/* Where the state of all processes is larger than max_bytes, each block would begin a segment, and most of the recording be that state. */
static bool is_full(const struct pr_rotate *r, const struct pr_seg_progress *p)
{
	if (!r->opt.max_bytes || p->file_bytes < r->opt.max_bytes)
		return false;
	return p->file_bytes / 2 >= p->repeat_bytes || (r->opt.keep_bytes && p->file_bytes >= r->opt.keep_bytes / 2);
}

bool pr_rotate_due(const struct pr_rotate *r, const struct pr_seg_progress *p, uint64_t boottime)
{
	if (!p->blocks)
		return false;
	if (is_full(r, p))
		return true;
	return r->opt.max_ns && boottime - r->cur.created_boottime >= r->opt.max_ns;
}

int pr_rotate_make_room(struct pr_rotate *r, struct pr_errinfo *ei)
{
	return r->n ? delete_first(r, ei) : pr_fail(ei, PR_ENOENT, "there is no older segment to delete");
}

const char *pr_rotate_path(const struct pr_rotate *r)
{
	return r->path;
}

uint64_t pr_rotate_deleted(const struct pr_rotate *r)
{
	return r->deleted;
}

uint64_t pr_rotate_oldest(const struct pr_rotate *r)
{
	return r->oldest;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/boot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "schema/build.h"
#include "schema/source.h"

#define NUMBER_DIGITS 3
#define ID_DIGITS_MIN 4
#define ID_DIGITS (2 * PR_SEG_UUID)

/* ---- ids --------------------------------------------------------------------------------------------------------- */

bool pr_boot_id_is_stated(const uint8_t id[PR_SEG_UUID])
{
	static const uint8_t none[PR_SEG_UUID];

	return memcmp(id, none, PR_SEG_UUID) != 0;
}

static int digit(uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* The digits of text as half-bytes; dashes are passed over. -1: there are others, or more than an id has. */
static int digits_of(const uint8_t *p, size_t n, uint8_t out[ID_DIGITS])
{
	int k = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '-')
			continue;
		if (k == ID_DIGITS || digit(p[i]) < 0)
			return -1;
		out[k++] = (uint8_t)digit(p[i]);
	}
	return k;
}

bool pr_boot_id_parse(const void *text, size_t n, uint8_t out[PR_SEG_UUID])
{
	uint8_t d[ID_DIGITS];

	if (digits_of(text, n, d) != ID_DIGITS)
		return false;
	for (size_t i = 0; i < PR_SEG_UUID; i++)
		out[i] = (uint8_t)(d[2 * i] << 4 | d[2 * i + 1]);
	return true;
}

void pr_boot_id_put(struct pr_buf *b, const uint8_t id[PR_SEG_UUID])
{
	static const uint8_t parts[] = {4, 2, 2, 2, 6};

	for (size_t i = 0, at = 0; i < sizeof(parts); at += parts[i++]) {
		if (i)
			pr_buf_u8(b, '-');
		pr_hex(b, id + at, parts[i]);
	}
}

void pr_boot_id_tell(struct pr_buf *b, const uint8_t id[PR_SEG_UUID])
{
	if (pr_boot_id_is_stated(id))
		pr_boot_id_put(b, id);
	else
		pr_buf_str(b, "(id not recorded)");
}

bool pr_boot_id_of_frame(const uint8_t *frame, size_t size, uint8_t out[PR_SEG_UUID])
{
	struct pr_cursor c = pr_cursor_make(frame, size);
	struct pr_item_view item;

	if (size < PR_COMMON_SIZE || frame[0] != PR_OP_HOST)
		return false;
	pr_cursor_skip(&c, PR_COMMON_SIZE);
	while (pr_item_next(&c, &item))
		if (item.type == PR_ITEM_BOOT_ID && !item.desc && pr_boot_id_parse(item.p, item.len, out))
			return true;
	return false;
}

bool pr_boot_id_changes(uint8_t boot[PR_SEG_UUID], const uint8_t *frame, size_t size)
{
	uint8_t id[PR_SEG_UUID];
	bool changes;

	if (!pr_boot_id_of_frame(frame, size, id))
		return false;
	changes = pr_boot_id_is_stated(boot) && memcmp(boot, id, PR_SEG_UUID);
	memcpy(boot, id, PR_SEG_UUID);
	return changes;
}

/* ---- boots ------------------------------------------------------------------------------------------------------- */

static int add(struct pr_boots *b, const struct pr_seg_header *h, struct pr_errinfo *ei)
{
	struct pr_boot *p;

	if (b->n && pr_recording_same_stream(&b->v[b->n - 1].first, h)) {
		b->v[b->n - 1].segments++;
		return PR_OK;
	}
	p = realloc(b->v, (b->n + 1) * sizeof(*p));
	if (!p)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	b->v = p;
	b->v[b->n++] = (struct pr_boot){.first = *h, .segments = 1};
	return PR_OK;
}

static int load_dir(struct pr_boots *b, const char *path, struct pr_errinfo *ei)
{
	struct pr_recording r;
	int err = pr_recording_list(&r, path, ei);

	if (err)
		return err;
	for (size_t i = 0; !err && i < r.n; i++)
		if (!r.v[i].err)
			err = add(b, &r.v[i].header, ei);
	pr_recording_release(&r);
	return err;
}

static int load_file(struct pr_boots *b, const char *path, struct pr_errinfo *ei)
{
	uint8_t p[PR_SEG_HEADER_SIZE];
	struct pr_seg_header h;
	struct pr_source *src;
	size_t n = 0;
	int err = pr_source_file(&src, path, ei);

	if (err)
		return err;
	err = src->ops->read_at(src, 0, p, sizeof(p), &n, ei);
	if (!err)
		err = pr_seg_header_decode(&h, p, n, path, ei);
	pr_source_close(src);
	return err ? err : add(b, &h, ei);
}

int pr_boots_load(struct pr_boots *out, const char *path, struct pr_errinfo *ei)
{
	struct pr_boots b = {0};
	struct stat st;
	int err = !stat(path, &st) && S_ISDIR(st.st_mode) ? load_dir(&b, path, ei) : load_file(&b, path, ei);

	if (err)
		pr_boots_release(&b);
	else
		*out = b;
	return err;
}

void pr_boots_release(struct pr_boots *b)
{
	free(b->v);
	*b = (struct pr_boots){0};
}

static bool begins_with(const uint8_t id[PR_SEG_UUID], const uint8_t *d, int n)
{
	for (int i = 0; i < n; i++)
		if ((i % 2 ? id[i / 2] & 15 : id[i / 2] >> 4) != d[i])
			return false;
	return pr_boot_id_is_stated(id);
}

static int find_id(const struct pr_boots *b, const char *path, const char *text, size_t *out, struct pr_errinfo *ei)
{
	uint8_t d[ID_DIGITS];
	int n = digits_of((const uint8_t *)text, strlen(text), d), found = 0;

	if (n < ID_DIGITS_MIN)
		return pr_fail(ei, PR_EUSAGE, "--boot: '%s' is no boot: give 0 for the newest, -1 for the one before, 1 for the oldest, or the beginning of its id",
			text);
	for (size_t i = 0; i < b->n; i++) {
		if (!begins_with(b->v[i].first.boot_id, d, n))
			continue;
		*out = i;
		found++;
	}
	if (found == 1)
		return PR_OK;
	return pr_fail(ei, PR_EUSAGE, "--boot: %s: %s boot id that begins with '%s': 'procrec info' shows them", path,
		found ? "there is more than one" : "there is no", text);
}

int pr_boots_find(const struct pr_boots *b, const char *path, const char *text, size_t *out, struct pr_errinfo *ei)
{
	bool back = text[0] == '-';
	uint64_t v;

	if (strlen(text) > (size_t)back + NUMBER_DIGITS || !pr_parse_u64(text + back, false, &v))
		return find_id(b, path, text, out, ei);
	if (back || !v) { /* from the newest back */
		if (v < b->n) {
			*out = b->n - 1 - (size_t)v;
			return PR_OK;
		}
	} else if (v <= b->n) {
		*out = (size_t)v - 1;
		return PR_OK;
	}
	return pr_fail(ei, PR_EUSAGE, "--boot: %s: there is no boot %s, only %zu: 'procrec info' shows them", path, text, b->n);
}

int pr_boot_choose(const char *path, const char *text, struct pr_seg_header *room, const struct pr_seg_header **out_of, struct pr_errinfo *ei)
{
	struct pr_boots b;
	size_t i;
	int err;

	*out_of = NULL;
	if (!text)
		return PR_OK;
	err = pr_boots_load(&b, path, ei);
	if (err)
		return err;
	err = pr_boots_find(&b, path, text, &i, ei);
	if (!err) {
		*room = b.v[i].first;
		*out_of = room;
	}
	pr_boots_release(&b);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strings.c: what follows the fixed part of an execve frame, cut up by its flags: filename, arguments, cwd. And the items of
 * procrec's own frames. Every slice lies inside the frame that pr_decode checked.
 */
#include "replay/decode/decode.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/text.h"
#include "schema/build.h"

#define DESC_SIZE sizeof(struct pr_data_desc)
#define NO_CWD (PR_EXEC_NO_CWD_SUPPORT | PR_EXEC_ERROR_CWD | PR_EXEC_ROOT_CWD)

static const uint8_t root_cwd[] = {'/'};

static struct pr_desc get_desc(const uint8_t *p)
{
	return (struct pr_desc){
		.error = (int32_t)pr_get_u32(p + __builtin_offsetof(struct pr_data_desc, error)),
		.leftover = pr_get_u32(p + __builtin_offsetof(struct pr_data_desc, leftover)),
		.size = pr_get_u32(p + __builtin_offsetof(struct pr_data_desc, size)),
		.id_pid = pr_get_u64(p + __builtin_offsetof(struct pr_data_desc, id.pid)),
		.id_time = pr_get_u64(p + __builtin_offsetof(struct pr_data_desc, id.time)),
	};
}

static struct pr_slice skip(struct pr_slice s, size_t n)
{
	return (struct pr_slice){s.p + n, s.n - n};
}

/* Takes the filename off the front of `left`; false when nothing more is to be read. */
static bool split_filename(uint32_t flags, struct pr_slice *left, struct pr_exec_strings *out)
{
	const uint8_t *nul;

	if (flags & PR_EXEC_DATA_FILENAME) {
		if (left->n < DESC_SIZE) {
			out->enomem = PR_ENOMEM_ALL;
			return false;
		}
		out->filename_data = true;
		out->filename_desc = get_desc(left->p);
		*left = skip(*left, DESC_SIZE);
	} else if (!(flags & PR_EXEC_ERROR_FILENAME) && left->n) {
		nul = memchr(left->p, 0, left->n);
		out->filename = (struct pr_slice){left->p, nul ? (size_t)(nul - left->p) : left->n};
		*left = skip(*left, out->filename.n + (nul ? 1 : 0));
	}
	return true;
}

/* Cuts arguments from cwd, or says that both are "enomem". */
static void split_args(uint32_t flags, struct pr_slice left, struct pr_exec_strings *out)
{
	const uint8_t *nul;

	if (flags & PR_EXEC_DATA_ARGS) {
		if (left.n < DESC_SIZE) {
			out->enomem = PR_ENOMEM_ARGS;
			return;
		}
		out->args_data = true;
		out->args_desc = get_desc(left.p);
		out->cwd = skip(left, DESC_SIZE);
		return;
	}
	if (flags & NO_CWD) {
		out->args = left;
		return;
	}
	nul = left.n ? memrchr(left.p, 0, left.n) : NULL;
	if (nul) {
		out->args = (struct pr_slice){left.p, (size_t)(nul - left.p)};
		left = skip(left, out->args.n + 1);
	}
	out->cwd = left;
}

/* White space as the reference's: no locale. */
static bool is_white(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct pr_slice trim(struct pr_slice s)
{
	while (s.n && is_white(s.p[0]))
		s = skip(s, 1);
	while (s.n && is_white(s.p[s.n - 1]))
		s.n--;
	return s;
}

void pr_execve_strings(const struct pr_execve *e, struct pr_exec_strings *out)
{
	struct pr_slice left = e->strings;

	out->enomem = PR_ENOMEM_NONE;
	out->filename_data = out->args_data = false;
	out->filename = out->args = out->cwd = (struct pr_slice){NULL, 0};
	if (e->oversized) {
		out->enomem = PR_ENOMEM_ALL;
		return;
	}
	if (!split_filename(e->flags, &left, out))
		return;
	split_args(e->flags, left, out);
	if (e->flags & PR_EXEC_ROOT_CWD)
		out->cwd = (struct pr_slice){root_cwd, sizeof(root_cwd)};
	else if (e->flags & PR_EXEC_PROCFS)
		out->cwd = trim(out->cwd);
}

bool pr_own_item_next(struct pr_slice *left, struct pr_own_item *out)
{
	struct pr_cursor c = pr_cursor_make(left->p, left->n);
	struct pr_item_view v;

	if (!pr_item_next(&c, &v) || (v.desc && v.len != DESC_SIZE)) {
		*left = skip(*left, left->n); /* cannot be after pr_decode; a caller with bytes of its own stays safe */
		return false;
	}
	out->type = v.type;
	out->cut = v.cut;
	out->is_desc = v.desc;
	out->bytes = (struct pr_slice){v.p, v.len};
	if (out->is_desc)
		out->desc = get_desc(v.p);
	*left = skip(*left, sizeof(struct pr_item) + v.len);
	return true;
}

bool pr_own_item_number(const struct pr_own_item *it, uint64_t *out)
{
	char text[21] = ""; /* 2^64 has 20 digits */

	if (it->is_desc || it->bytes.n >= sizeof(text))
		return false;
	memcpy(text, it->bytes.p, it->bytes.n);
	return !memchr(text, '\0', it->bytes.n) && pr_parse_u64(text, false, out);
}

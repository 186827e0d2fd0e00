/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c: names, times and lists as all formats write them. */
#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/export/export.h"

struct pr_slice pr_export_binary(struct pr_export *x, const struct pr_image *im)
{
	return pr_life_binary(im, &x->scratch);
}

struct pr_slice pr_export_name(struct pr_export *x, const struct pr_image *im)
{
	struct pr_slice s = pr_export_binary(x, im);

	if (!s.n && im && im->has_argv0)
		s = pr_image_argv0(im);
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' && i < s.n)
			return (struct pr_slice){s.p + i, s.n - i};
	return s.n ? s : (struct pr_slice){(const uint8_t *)"?", 1};
}

struct pr_slice pr_export_command(struct pr_export *x, const struct pr_image *im)
{
	struct pr_slice s = pr_export_binary(x, im);

	pr_buf_clear(&x->text);
	if (!s.n && im && im->has_argv0)
		s = pr_image_argv0(im);
	pr_buf_append(&x->text, s.p, s.n);
	if (im && !im->enomem) {
		s = pr_image_arguments(im, &x->scratch);
		if (s.n)
			pr_buf_u8(&x->text, ' ');
		pr_buf_append(&x->text, s.p, s.n);
	}
	return (struct pr_slice){x->text.data, x->text.len};
}

uint64_t pr_export_clip(const struct pr_export *x, uint64_t ktime)
{
	return ktime < x->walk.start_ktime && x->walk.start_ktime != UINT64_MAX ? x->walk.start_ktime : ktime;
}

int64_t pr_export_real(const struct pr_export *x, uint64_t ktime)
{
	int64_t realtime;

	return pr_timeline_real(&x->walk.session.timeline, ktime, &realtime) ? realtime : (int64_t)ktime;
}

void pr_export_json_id(struct pr_export *x, struct pr_json *j, const char *key, struct pr_id id)
{
	pr_json_key(j, key);
	pr_buf_u8(j->out, '"');
	pr_text_exec_id(j->out, pr_walk_host(&x->walk), id);
	pr_buf_u8(j->out, '"');
}

void pr_export_json_time(struct pr_export *x, struct pr_json *j, const char *key, uint64_t ktime)
{
	pr_json_key(j, key);
	pr_buf_u8(j->out, '"');
	pr_time_utc(j->out, pr_export_real(x, ktime));
	pr_buf_u8(j->out, '"');
}

static void b64_or_null(struct pr_json *j, bool known, struct pr_slice s)
{
	if (known && !pr_utf8_valid(s.p, s.n))
		pr_json_b64_element(j, s.p, s.n);
	else
		pr_json_null(j, NULL);
}

size_t pr_export_json_argv(struct pr_export *x, struct pr_json *j, const char *key, const char *key_b64, const struct pr_image *im, bool path_first)
{
	struct pr_slice first = im->has_argv0 ? pr_image_argv0(im) : pr_export_binary(x, im), arg;
	bool exact = true, known = im->has_argv0 || path_first;
	size_t pos = 0, n = 1;

	pr_json_array(j, key);
	if (known)
		exact &= pr_json_bytes_element(j, first.p, first.n);
	else
		pr_json_null(j, NULL);
	for (; !im->enomem && pr_image_next_arg(im, &pos, &arg); n++)
		exact &= pr_json_bytes_element(j, arg.p, arg.n);
	pr_json_array_end(j);
	if (exact || !key_b64)
		return n;
	pr_json_array(j, key_b64);
	b64_or_null(j, known, first);
	for (pos = 0; !im->enomem && pr_image_next_arg(im, &pos, &arg);)
		b64_or_null(j, true, arg);
	pr_json_array_end(j);
	return n;
}

void pr_export_json_exit(struct pr_json *j, const char *key, uint32_t status)
{
	pr_json_object(j, key);
	pr_json_u64(j, "code", pr_status_code(status));
	pr_json_u64(j, "signal", pr_status_signal(status));
	pr_json_bool(j, "core", pr_status_core(status));
	pr_json_u64(j, "status", status);
	pr_json_object_end(j);
}

unsigned pr_export_exit_code(uint32_t status)
{
	return pr_status_signal(status) ? 128 + pr_status_signal(status) : pr_status_code(status);
}

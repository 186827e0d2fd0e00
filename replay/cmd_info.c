/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_info.c: what a trace is: its header, its size, whether it was closed, and what it says of its host. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "base/text.h"
#include "replay/commands.h"
#include "replay/notes.h"
#include "replay/render/process.h"
#include "replay/timeline.h"
#include "schema/boot.h"
#include "schema/build.h"
#include "schema/trace.h"

/* The facts stand in the keyframe, at the front. */
#define FACT_FRAMES_MAX 65536u
#define ORIGIN_BYTES_MAX (1u << 20) /* of a crafted trace more is not shown */

static const struct {
	uint16_t type;
	const char *key, *label;
} facts[] = {
	{PR_ITEM_HOSTNAME, "hostname", "host"},
	{PR_ITEM_BOOT_ID, "boot_id", "boot id"},
	{PR_ITEM_MACHINE_ID, "machine_id", "machine id"},
	{PR_ITEM_KERNEL, "kernel", "kernel"},
	{PR_ITEM_KERNEL_VERSION, "kernel_version", "kernel version"},
	{PR_ITEM_ARCH, "arch", "architecture"},
	{PR_ITEM_OS, "os", "system"},
	{PR_ITEM_CPUS, "cpus", "cpus"},
	{PR_ITEM_PID_MAX, "pid_max", "pid_max"},
	{PR_ITEM_VERSION, "recorder_version", "recorded by"},
	{PR_ITEM_SCOPE, "scope", "scope"},
	{PR_ITEM_ROOT_PID, "root_pid", "root pid"},
	{PR_ITEM_REDACT_RULES, "redact_rules", "redacted by"},
	{PR_ITEM_REDACT_KEY, "redact_key", "redaction key"},
};
#define N_FACTS (sizeof(facts) / sizeof(facts[0]))

struct info {
	struct pr_buf fact[N_FACTS];
	bool have[N_FACTS];
	uint64_t blocks, frames, envelopes, raw_bytes, file_bytes;
	uint64_t ktime_min, ktime_max;
	const struct pr_seg_header *header;
	struct pr_trace_state st;
	struct pr_boots boots; /* of a directory; of a file: one */
	struct pr_buf origin; /* ORIGIN frames, one behind the other: of a piece, and of the one that it was cut out of */
};

static void take_items(struct info *in, const struct pr_frame *f)
{
	struct pr_cursor c = pr_cursor_make(f->data, f->size);
	struct pr_item_view item;

	pr_cursor_skip(&c, PR_COMMON_SIZE);
	while (pr_item_next(&c, &item)) {
		for (size_t i = 0; i < N_FACTS; i++) {
			if (facts[i].type != item.type || item.desc || in->have[i])
				continue;
			pr_buf_append(&in->fact[i], item.p, item.len);
			in->have[i] = true;
		}
	}
}

static bool is_origin(const struct info *in, const struct pr_frame *f)
{
	return f->op == PR_OP_ORIGIN && f->env_flags & PR_ENV_META && !(f->env_flags & PR_ENV_RAW) && f->size >= sizeof(struct pr_origin) &&
	       pr_get_u32(f->data + offsetof(struct pr_msg_common, size)) == f->size && in->origin.len < ORIGIN_BYTES_MAX;
}

static int read_facts(struct info *in, struct pr_trace *t, struct pr_errinfo *ei)
{
	struct pr_frame f;
	int err = PR_OK;

	for (uint32_t i = 0; i < FACT_FRAMES_MAX && !err; i++) {
		err = pr_trace_next(t, &f, ei);
		if (!err && (f.op == PR_OP_HOST || f.op == PR_OP_RECORDER))
			take_items(in, &f);
		if (!err && is_origin(in, &f))
			pr_buf_append(&in->origin, f.data, f.size);
		if (!err && (f.op == PR_OP_EXECVE || f.op == PR_OP_CLONE || f.op == PR_OP_EXIT))
			break;
	}
	return err == PR_END ? PR_OK : err;
}

/* Totals from the footer; of an open or damaged segment, by going through its blocks. */
static int read_totals(struct info *in, struct pr_trace *t, struct pr_errinfo *ei)
{
	struct pr_seg_reader *r = pr_trace_segment(t);
	const struct pr_seg_footer *f = pr_seg_reader_footer(r);
	struct pr_seg_damage d;
	struct pr_block b;
	int err;

	in->header = pr_seg_reader_header(r);
	in->ktime_min = UINT64_MAX;
	if (f) {
		in->blocks = f->blocks;
		in->frames = f->frames;
		in->envelopes = f->envelopes;
		in->raw_bytes = f->raw_bytes;
		in->file_bytes = f->file_size;
		in->ktime_min = f->ktime_min;
		in->ktime_max = f->ktime_max;
		return PR_OK;
	}
	in->file_bytes = PR_SEG_HEADER_SIZE;
	pr_seg_reader_rewind(r);
	while ((err = pr_seg_reader_next(r, &b, &d, ei)) == PR_OK || err == PR_EDATA) {
		if (err == PR_EDATA) {
			pr_notes_damage(pr_seg_reader_name(r), &d);
			in->st.damages++;
			continue;
		}
		in->blocks++;
		in->frames = b.desc.first_frame + b.desc.frames;
		in->envelopes += b.desc.envelopes;
		in->raw_bytes += b.desc.raw_size;
		in->file_bytes = b.offset + PR_SEG_BLOCK_SIZE + b.desc.comp_size;
		in->ktime_min = b.desc.ktime_min < in->ktime_min ? b.desc.ktime_min : in->ktime_min;
		in->ktime_max = b.desc.ktime_max > in->ktime_max ? b.desc.ktime_max : in->ktime_max;
	}
	return err == PR_END ? PR_OK : err;
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {"unknown", "recorded", "packed", "derived"};

	return names[kind < sizeof(names) / sizeof(names[0]) ? kind : 0];
}

static void json_hex(struct pr_json *j, const char *key, const uint8_t *p, size_t n)
{
	struct pr_buf hex = PR_BUF_INIT;

	pr_hex(&hex, p, n);
	pr_json_bytes(j, key, hex.data, hex.len);
	pr_buf_release(&hex);
}

/* ---- what a piece was cut out of ----------------------------------------------------------------------------------- */

/* Fields of a struct pr_origin_segment at p. */
#define SEG(field) (p + offsetof(struct pr_origin_segment, field))

static void show_segment(struct pr_buf *b, const uint8_t *p)
{
	pr_buf_printf(b, "  segment %" PRIu64 " ", pr_get_u64(SEG(series)));
	pr_hex(b, SEG(uuid), PR_SEG_UUID);
	pr_buf_printf(b, ", blocks %" PRIu64 " to %" PRIu64 ", %s\n    from link ", pr_get_u64(SEG(first_block)), pr_get_u64(SEG(last_block)),
		pr_get_u32(SEG(flags)) & PR_ORIGIN_SEALED ? "sealed" : "open");
	pr_hex(b, SEG(before), PR_SEG_LINK);
	pr_buf_str(b, "\n    to link   ");
	pr_hex(b, SEG(link), PR_SEG_LINK);
	pr_buf_u8(b, '\n');
}

static void json_segment(struct pr_json *j, const uint8_t *p)
{
	pr_json_object(j, NULL);
	json_hex(j, "uuid", SEG(uuid), PR_SEG_UUID);
	json_hex(j, "recording", SEG(recording), PR_SEG_UUID);
	pr_json_u64(j, "series", pr_get_u64(SEG(series)));
	pr_json_u64(j, "number", pr_get_u64(SEG(number)));
	pr_json_u64(j, "first_block", pr_get_u64(SEG(first_block)));
	pr_json_u64(j, "last_block", pr_get_u64(SEG(last_block)));
	json_hex(j, "link_before", SEG(before), PR_SEG_LINK);
	json_hex(j, "link", SEG(link), PR_SEG_LINK);
	pr_json_bool(j, "sealed", pr_get_u32(SEG(flags)) & PR_ORIGIN_SEALED);
	pr_json_object_end(j);
}

/* The next SEGMENT item that is whole; NULL: none. */
static const uint8_t *next_segment(struct pr_cursor *c)
{
	struct pr_item_view item;

	while (pr_item_next(c, &item))
		if (item.type == PR_ITEM_SEGMENT && !item.desc && item.len >= sizeof(struct pr_origin_segment))
			return item.p;
	return NULL;
}

static void print_origins(const struct info *in, struct pr_buf *b, struct pr_json *j)
{
	for (size_t at = 0; at < in->origin.len;) {
		const uint8_t *p = in->origin.data + at, *seg;
		uint32_t size = pr_get_u32(p + offsetof(struct pr_msg_common, size));
		struct pr_cursor c = pr_cursor_make(p, size);

		pr_cursor_skip(&c, sizeof(struct pr_origin));
		if (j) {
			pr_json_object(j, NULL);
			pr_json_u64(j, "from_ktime", pr_get_u64(p + offsetof(struct pr_origin, from)));
			pr_json_u64(j, "to_ktime", pr_get_u64(p + offsetof(struct pr_origin, to)));
			pr_json_array(j, "segments");
		} else {
			pr_buf_printf(b, "cut out of       ktime %" PRIu64 " to %" PRIu64 " ns\n", pr_get_u64(p + offsetof(struct pr_origin, from)),
				pr_get_u64(p + offsetof(struct pr_origin, to)));
		}
		while ((seg = next_segment(&c))) {
			if (j)
				json_segment(j, seg);
			else
				show_segment(b, seg);
		}
		if (j) {
			pr_json_array_end(j);
			pr_json_object_end(j);
		}
		at += size;
	}
}

static void label(struct pr_buf *b, const struct pr_style *style, const char *text)
{
	size_t at = b->len;

	pr_buf_printf(b, "%-16s", text);
	pr_paint(b, style, PR_ROLE_MINOR, at);
}

static void print_boots(const struct info *in, const struct pr_style *style, struct pr_buf *b)
{
	for (size_t i = 0; i < in->boots.n; i++) {
		const struct pr_boot *boot = &in->boots.v[i];

		label(b, style, i ? "" : "boots");
		pr_buf_printf(b, "%zu: ", i + 1);
		pr_boot_id_tell(b, boot->first.boot_id);
		pr_buf_printf(b, ", %" PRIu64 " segment%s", boot->segments, boot->segments == 1 ? "" : "s");
		if (boot->first.created_realtime) {
			pr_buf_str(b, ", from ");
			pr_time_utc(b, (int64_t)boot->first.created_realtime);
		}
		pr_buf_str(b, i + 1 == in->boots.n ? "; all the rest is of this one\n" : "\n");
	}
}

static void json_boots(const struct info *in, struct pr_json *j)
{
	pr_json_array(j, "boots");
	for (size_t i = 0; i < in->boots.n; i++) {
		const struct pr_boot *boot = &in->boots.v[i];

		pr_json_object(j, NULL);
		pr_json_u64(j, "number", i + 1);
		pr_render_boot_json(j, boot->first.boot_id);
		pr_json_u64(j, "segments", boot->segments);
		pr_json_u64(j, "created", boot->first.created_realtime);
		pr_json_object_end(j);
	}
	pr_json_array_end(j);
}

static void print_text(const struct info *in, const char *path, const struct pr_style *style, struct pr_buf *b)
{
	label(b, style, "trace");
	pr_text_escape(b, path, strlen(path));
	pr_buf_u8(b, '\n');
	label(b, style, "format");
	pr_buf_printf(b, "procrec segment, version %u, %s\n", in->header->version, kind_name(in->header->kind));
	label(b, style, "uuid");
	pr_hex(b, in->header->uuid, PR_SEG_UUID);
	pr_buf_u8(b, '\n');
	if (in->boots.n > 1)
		print_boots(in, style, b);
	if (in->st.segments > 1) {
		label(b, style, "segments");
		pr_buf_printf(b, "%" PRIu64 "\n", in->st.segments);
	}
	label(b, style, "end");
	pr_paint_str(b, style, in->st.sealed ? PR_ROLE_GOOD : PR_ROLE_WARNING, in->st.sealed ? "sealed" : "open");
	pr_buf_u8(b, '\n');
	label(b, style, "frames");
	pr_buf_printf(b, "%" PRIu64 " in %" PRIu64 " blocks\n", in->frames, in->blocks);
	label(b, style, "size");
	pr_text_size(b, in->file_bytes);
	pr_buf_str(b, ", of ");
	pr_text_size(b, in->raw_bytes);
	if (in->raw_bytes && in->file_bytes)
		pr_buf_printf(b, " raw (%" PRIu64 ".%" PRIu64 " to 1)", in->raw_bytes / in->file_bytes,
			in->raw_bytes * 10 / in->file_bytes % 10);
	pr_buf_u8(b, '\n');
	if (in->ktime_min <= in->ktime_max) {
		label(b, style, "ktime");
		pr_buf_printf(b, "%" PRIu64 " to %" PRIu64 " ns (%" PRIu64 ".%03" PRIu64 " s)\n", in->ktime_min, in->ktime_max,
			(in->ktime_max - in->ktime_min) / 1000000000, (in->ktime_max - in->ktime_min) / 1000000 % 1000);
	}
	for (size_t i = 0; i < N_FACTS; i++) {
		if (!in->have[i])
			continue;
		label(b, style, facts[i].label);
		pr_text_escape(b, in->fact[i].data, in->fact[i].len);
		pr_buf_u8(b, '\n');
	}
	print_origins(in, b, NULL);
}

static void print_json(const struct info *in, struct pr_buf *b)
{
	struct pr_json j = pr_json_make(b);

	pr_json_object(&j, NULL);
	pr_json_str(&j, "type", "info");
	pr_json_u64(&j, "version", in->header->version);
	pr_json_str(&j, "kind", kind_name(in->header->kind));
	json_hex(&j, "uuid", in->header->uuid, PR_SEG_UUID);
	json_hex(&j, "recording", in->header->recording, PR_SEG_UUID);
	pr_json_u64(&j, "segments", in->st.segments);
	pr_json_bool(&j, "sealed", in->st.sealed);
	pr_json_u64(&j, "frames", in->frames);
	pr_json_u64(&j, "blocks", in->blocks);
	pr_json_u64(&j, "bytes", in->file_bytes);
	pr_json_u64(&j, "raw_bytes", in->raw_bytes);
	if (in->ktime_min <= in->ktime_max) {
		pr_json_u64(&j, "ktime_min", in->ktime_min);
		pr_json_u64(&j, "ktime_max", in->ktime_max);
	}
	for (size_t i = 0; i < N_FACTS; i++)
		if (in->have[i])
			pr_json_bytes(&j, facts[i].key, in->fact[i].data, in->fact[i].len);
	if (in->boots.n > 1)
		json_boots(in, &j);
	if (in->origin.len) {
		pr_json_array(&j, "origin");
		print_origins(in, b, &j);
		pr_json_array_end(&j);
	}
	pr_json_object_end(&j);
	pr_json_newline(&j);
}

static int show(struct pr_term *term, const char *path, bool json, struct pr_errinfo *ei)
{
	struct info in = {0};
	struct pr_trace *t;
	struct pr_out out;
	int err, err_out;

	err = pr_trace_open(&t, path, ei);
	if (err)
		return err;
	pr_trace_get_state(t, &in.st);
	pr_seg_reader_set_meter(pr_trace_segment(t), pr_term_meter(term, "reading", path));
	err = pr_boots_load(&in.boots, path, ei);
	if (!err)
		err = read_facts(&in, t, ei);
	if (!err)
		err = read_totals(&in, t, ei);
	pr_term_out(term, &out);
	if (!err) {
		if (json)
			print_json(&in, &out.buf);
		else
			print_text(&in, path, &term->style, &out.buf);
	}
	err_out = pr_out_close(&out, err ? NULL : ei);
	err = err ? err : err_out;
	if (!err && in.st.unreadable)
		err = pr_fail(ei, PR_EDATA, "%s: %" PRIu64 " segment%s can't be read, and what %s is missing in all of this: 'procrec verify' tells which",
			path, in.st.unreadable, in.st.unreadable == 1 ? "" : "s", in.st.unreadable == 1 ? "it holds" : "they hold");
	else if (!err && in.st.damages)
		err = pr_fail(ei, PR_EDATA, "%s: damaged at %" PRIu64 " place%s", path, in.st.damages, in.st.damages == 1 ? "" : "s");
	for (size_t i = 0; i < N_FACTS; i++)
		pr_buf_release(&in.fact[i]);
	pr_buf_release(&in.origin);
	pr_boots_release(&in.boots);
	pr_trace_close(t);
	return err;
}

int pr_cmd_info(struct pr_term *term, int argc, char **argv)
{
	bool json = false;
	const struct pr_option options[] = {
		{0, "json", PR_OPT_FLAG, &json, NULL, "one JSON object", NULL},
		PR_TERM_COLOR(term),
		PR_TERM_PAGER(term),
		PR_TERM_QUIET(term),
		{0},
	};
	const struct pr_usage usage = {"info", "TRACE [--json]", "Tells what a trace is: format, size, host, whether it was closed.",
		options, 1, 1, false};
	struct pr_errinfo ei;
	int n, err;

	err = pr_term_parse(term, &usage, argc, argv, &n, &ei);
	if (!err)
		err = show(term, argv[0], json, &ei);
	return pr_report(err, &ei);
}

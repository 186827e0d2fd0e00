/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ecs.c: NDJSON in the Elastic Common Schema, one line an event, in the order of the trace.
 *
 * process.entity_id names the process from its clone to its exit, over all its execs, so that its events are found together and
 * children by process.parent.entity_id. What ECS has no field for stands under `procrec`, with the ids of the images (exec_id), as
 * `procrec replay --json` has them.
 */
#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/export/export.h"

static void put_image(struct pr_export *x, struct pr_json *j, const struct pr_image *im)
{
	struct pr_slice s = pr_export_name(x, im);

	pr_json_bytes(j, "name", s.p, s.n);
	if (!im)
		return;
	s = pr_export_binary(x, im);
	pr_json_bytes(j, "executable", s.p, s.n);
	pr_json_u64(j, "args_count", pr_export_json_argv(x, j, "args", "args_b64", im, true));
	s = pr_export_command(x, im);
	pr_json_bytes(j, "command_line", s.p, s.n);
	s = pr_image_cwd(im);
	if (s.n)
		pr_json_bytes(j, "working_directory", s.p, s.n);
}

static void put_pid(struct pr_json *j, const char *key, uint64_t pid)
{
	if (!pid)
		return;
	pr_json_object(j, key);
	pr_json_u64(j, "pid", pid);
	pr_json_object_end(j);
}

static void put_parent(struct pr_export *x, struct pr_json *j, const struct pr_life *l)
{
	if (!l->creator)
		return;
	pr_json_object(j, "parent");
	pr_export_json_id(x, j, "entity_id", l->creator->first);
	pr_json_u64(j, "pid", l->creator_id.pid);
	if (l->creator_image)
		put_image(x, j, l->creator_image);
	pr_json_object_end(j);
}

static void put_process(struct pr_export *x, struct pr_json *j, const struct pr_life *l)
{
	pr_json_object(j, "process");
	pr_export_json_id(x, j, "entity_id", l->first);
	pr_json_u64(j, "pid", l->first.pid);
	put_image(x, j, l->now.image);
	pr_export_json_time(x, j, "start", l->first.ktime);
	if (l->is_over) {
		pr_export_json_time(x, j, "end", l->end_ktime);
		pr_json_u64(j, "exit_code", pr_export_exit_code(l->status));
	}
	put_pid(j, "session_leader", l->now.sid);
	put_pid(j, "group_leader", l->now.pgid);
	if (l->now.tty) {
		pr_json_object(j, "tty");
		pr_json_object(j, "char_device");
		pr_json_u64(j, "major", l->now.tty >> 20);
		pr_json_u64(j, "minor", l->now.tty & 0xfffff);
		pr_json_object_end(j);
		pr_json_object_end(j);
	}
	put_parent(x, j, l);
	pr_json_object_end(j);
}

static void put_user(struct pr_json *j, const struct pr_image *im)
{
	struct pr_slice s = pr_image_user(im);

	pr_json_object(j, "user");
	pr_json_key(j, "id");
	pr_buf_printf(j->out, "\"%u\"", im->uid);
	if (s.n)
		pr_json_bytes(j, "name", s.p, s.n);
	pr_json_object_end(j);
}

static void put_own(struct pr_export *x, struct pr_json *j, const struct pr_life *l)
{
	pr_json_object(j, "procrec");
	pr_export_json_id(x, j, "exec_id", l->now.id);
	if (l->now.parent.pid)
		pr_export_json_id(x, j, "parent_exec_id", l->now.parent);
	pr_json_u64(j, "ktime", l->now.id.ktime);
	pr_json_str(j, "how", pr_life_how(&l->now));
	pr_json_str(j, "certainty", pr_life_certainty_name(l->now.certainty));
	if (l->is_over && l->end == PR_LIFE_EXIT)
		pr_export_json_exit(j, "exit", l->status);
	pr_json_object_end(j);
}

static int event(struct pr_export *x, const struct pr_life *l, uint64_t when, const char *type, const char *action)
{
	struct pr_json j = pr_json_make(&x->out.buf);
	struct pr_slice host = pr_walk_host(&x->walk);

	pr_json_object(&j, NULL);
	pr_export_json_time(x, &j, "@timestamp", when);
	pr_json_object(&j, "ecs");
	pr_json_str(&j, "version", "8.11.0");
	pr_json_object_end(&j);
	pr_json_object(&j, "event");
	pr_json_str(&j, "kind", "event");
	pr_json_array(&j, "category");
	pr_json_str(&j, NULL, "process");
	pr_json_array_end(&j);
	pr_json_array(&j, "type");
	pr_json_str(&j, NULL, type);
	pr_json_array_end(&j);
	pr_json_str(&j, "action", action);
	pr_json_str(&j, "module", "procrec");
	pr_json_str(&j, "dataset", "procrec.process");
	pr_json_u64(&j, "sequence", x->n);
	pr_json_object_end(&j);
	if (host.n) {
		pr_json_object(&j, "host");
		pr_json_bytes(&j, "name", host.p, host.n);
		pr_json_bytes(&j, "hostname", host.p, host.n);
		pr_json_object_end(&j);
	}
	put_process(x, &j, l);
	if (l->now.image)
		put_user(&j, l->now.image);
	put_own(x, &j, l);
	pr_json_object_end(&j);
	pr_json_newline(&j);
	return pr_export_written(x);
}

static int begin(void *ctx, struct pr_life *l, uint64_t when)
{
	if (l->now.start == PR_LIFE_CLONE)
		return event(ctx, l, when, "start", "fork");
	if (l->now.start == PR_LIFE_SNAPSHOT)
		return event(ctx, l, when, "info", "already_running");
	return PR_OK; /* its exec or exit follows */
}

static int exec(void *ctx, struct pr_life *l, uint64_t when)
{
	return event(ctx, l, when, "start", "exec");
}

static int end(void *ctx, struct pr_life *l, uint64_t when)
{
	return event(ctx, l, when, "end", "end");
}

const struct pr_export_format pr_export_ecs = {
	.name = "ecs",
	.about = "events in the Elastic Common Schema, one JSON object a line",
	.needs_clock = true,
	.sink = {.begin = begin, .exec = exec, .end = end},
};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ocsf.c: NDJSON in the Open Cybersecurity Schema Framework, class Process Activity (1007), one line an event, in the order of
 * the trace: Launch for what was cloned (launch type Fork) and for each exec (launch type Exec), Terminate for exits; what was
 * alive when the recording began is an activity of its own name.
 *
 * process.uid names the process from its clone to its exit; the ids of its images (exec_id) stand under `unmapped`.
 */
#include "base/text.h"
#include "replay/decode/text.h"
#include "replay/export/export.h"

#define ANCESTRY_MAX 64u

enum { LAUNCH = 1, TERMINATE = 2, OTHER = 99 };

static void put_ms(struct pr_export *x, struct pr_json *j, const char *key, uint64_t ktime)
{
	int64_t ns = pr_export_real(x, ktime);

	pr_json_s64(j, key, ns / 1000000 - (ns % 1000000 < 0));
}

/* What an entity has: for process, parent_process, actor and each of the ancestry. */
static void put_entity(struct pr_export *x, struct pr_json *j, struct pr_id first, uint32_t pid, const struct pr_image *im)
{
	struct pr_slice s = pr_export_name(x, im);

	pr_json_u64(j, "pid", pid);
	pr_export_json_id(x, j, "uid", first);
	pr_json_bytes(j, "name", s.p, s.n);
	if (!im)
		return;
	s = pr_export_command(x, im);
	pr_json_bytes(j, "cmd_line", s.p, s.n);
	put_ms(x, j, "created_time", first.ktime);
}

static void put_file_and_user(struct pr_export *x, struct pr_json *j, const struct pr_image *im)
{
	struct pr_slice s = pr_export_name(x, im);

	pr_json_object(j, "file");
	pr_json_bytes(j, "name", s.p, s.n);
	s = pr_export_binary(x, im);
	pr_json_bytes(j, "path", s.p, s.n);
	pr_json_u64(j, "type_id", 1);
	pr_json_str(j, "type", "Regular File");
	pr_json_object_end(j);
	pr_json_object(j, "user");
	pr_json_key(j, "uid");
	pr_buf_printf(j->out, "\"%u\"", im->uid);
	s = pr_image_user(im);
	if (s.n)
		pr_json_bytes(j, "name", s.p, s.n);
	pr_json_object_end(j);
}

static void put_creator(struct pr_export *x, struct pr_json *j, const char *key, const struct pr_life *l)
{
	pr_json_object(j, key);
	put_entity(x, j, l->creator->first, l->creator_id.pid, l->creator_image);
	if (l->creator_image)
		put_file_and_user(x, j, l->creator_image);
	pr_json_object_end(j);
}

static void put_ancestry(struct pr_export *x, struct pr_json *j, const struct pr_life *l)
{
	pr_json_array(j, "ancestry");
	for (unsigned n = 0; l->creator && n < ANCESTRY_MAX; n++, l = l->creator) {
		pr_json_object(j, NULL);
		put_entity(x, j, l->creator->first, l->creator_id.pid, l->creator_image);
		pr_json_object_end(j);
	}
	pr_json_array_end(j);
}

static void put_process(struct pr_export *x, struct pr_json *j, const struct pr_life *l, bool whole)
{
	const struct pr_image *im = l->now.image;
	struct pr_slice s;

	pr_json_object(j, "process");
	put_entity(x, j, l->first, l->first.pid, im);
	if (im) {
		put_file_and_user(x, j, im);
		s = pr_image_cwd(im);
		if (s.n)
			pr_json_bytes(j, "working_directory", s.p, s.n);
	}
	if (l->is_over)
		put_ms(x, j, "terminated_time", l->end_ktime);
	if (whole && l->creator) {
		put_creator(x, j, "parent_process", l);
		put_ancestry(x, j, l);
	}
	pr_json_object_end(j);
}

/* A process is launched by its creator; it terminates, execs and is found by itself. */
static void put_actor(struct pr_export *x, struct pr_json *j, const struct pr_life *l, bool by_creator)
{
	pr_json_object(j, "actor");
	if (by_creator && l->creator)
		put_creator(x, j, "process", l);
	else
		put_process(x, j, l, false);
	pr_json_object_end(j);
}

static void put_metadata(struct pr_export *x, struct pr_json *j)
{
	struct pr_slice host = pr_walk_host(&x->walk);

	pr_json_object(j, "metadata");
	pr_json_str(j, "version", "1.8.0");
	pr_json_object(j, "product");
	pr_json_str(j, "name", "procrec");
	pr_json_str(j, "vendor_name", "procrec");
	pr_json_str(j, "version", PR_VERSION);
	pr_json_object_end(j);
	pr_json_u64(j, "sequence", x->n);
	pr_json_object_end(j);
	pr_json_object(j, "device");
	pr_json_u64(j, "type_id", 0);
	pr_json_str(j, "type", "Unknown");
	pr_json_bytes(j, "hostname", host.p, host.n);
	pr_json_object_end(j);
}

static void put_unmapped(struct pr_export *x, struct pr_json *j, const struct pr_life *l)
{
	pr_json_object(j, "unmapped");
	pr_export_json_id(x, j, "exec_id", l->now.id);
	if (l->now.parent.pid)
		pr_export_json_id(x, j, "parent_exec_id", l->now.parent);
	pr_json_u64(j, "ktime", l->now.id.ktime);
	pr_json_str(j, "how", pr_life_how(&l->now));
	pr_json_str(j, "certainty", pr_life_certainty_name(l->now.certainty));
	if (l->now.image)
		pr_export_json_argv(x, j, "argv", "argv_b64", l->now.image, false);
	if (l->is_over && l->end == PR_LIFE_EXIT)
		pr_export_json_exit(j, "exit", l->status);
	pr_json_object_end(j);
}

struct activity {
	unsigned id;
	const char *name, *launch;
	unsigned launch_id;
};

static int event(struct pr_export *x, const struct pr_life *l, uint64_t when, const struct activity *a)
{
	struct pr_json j = pr_json_make(&x->out.buf);

	pr_json_object(&j, NULL);
	pr_json_u64(&j, "activity_id", a->id);
	pr_json_str(&j, "activity_name", a->name);
	pr_json_u64(&j, "category_uid", 1);
	pr_json_str(&j, "category_name", "System Activity");
	pr_json_u64(&j, "class_uid", 1007);
	pr_json_str(&j, "class_name", "Process Activity");
	pr_json_u64(&j, "type_uid", 100700 + a->id);
	pr_json_u64(&j, "severity_id", 1);
	pr_json_str(&j, "severity", "Informational");
	put_ms(x, &j, "time", when);
	if (a->launch) {
		pr_json_u64(&j, "launch_type_id", a->launch_id);
		pr_json_str(&j, "launch_type", a->launch);
	}
	if (a->id == TERMINATE)
		pr_json_u64(&j, "exit_code", pr_export_exit_code(l->status));
	put_metadata(x, &j);
	put_actor(x, &j, l, a->launch_id == 2);
	put_process(x, &j, l, true);
	put_unmapped(x, &j, l);
	pr_json_object_end(&j);
	pr_json_newline(&j);
	return pr_export_written(x);
}

static int begin(void *ctx, struct pr_life *l, uint64_t when)
{
	static const struct activity forked = {LAUNCH, "Launch", "Fork", 2}, found = {OTHER, "Already Running", NULL, 0};

	if (l->now.start == PR_LIFE_CLONE)
		return event(ctx, l, when, &forked);
	if (l->now.start == PR_LIFE_SNAPSHOT)
		return event(ctx, l, when, &found);
	return PR_OK; /* its exec or exit follows */
}

static int exec(void *ctx, struct pr_life *l, uint64_t when)
{
	static const struct activity execed = {LAUNCH, "Launch", "Exec", 3};

	return event(ctx, l, when, &execed);
}

static int end(void *ctx, struct pr_life *l, uint64_t when)
{
	static const struct activity exited = {TERMINATE, "Terminate", NULL, 0};

	return event(ctx, l, when, &exited);
}

const struct pr_export_format pr_export_ocsf = {
	.name = "ocsf",
	.about = "events of OCSF's Process Activity, one JSON object a line",
	.needs_clock = true,
	.sink = {.begin = begin, .exec = exec, .end = end},
};

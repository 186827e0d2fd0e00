/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export.h: the formats of `procrec export`. Each is an entry of a table: what it does with the lives of a walk. A format
 * writes while the trace is read; it keeps nothing but what its own header says.
 */
#ifndef PROCREC_REPLAY_EXPORT_EXPORT_H
#define PROCREC_REPLAY_EXPORT_EXPORT_H

#include "base/json.h"
#include "base/out.h"
#include "replay/export/walk.h"

struct pr_export {
	struct pr_walk walk;
	struct pr_out out;
	struct pr_buf scratch, text; /* of the helpers below */
	struct pr_map pids; /* chrome: how many processes had the pid so far */
	const char *path; /* of the trace; borrowed */
	uint64_t n; /* records written so far */
	uint64_t gaps;
};

struct pr_export_format {
	const char *name, *about;
	bool needs_clock; /* its times are dates: a trace without clock readings is worth a note */
	int (*open)(struct pr_export *x); /* before the first record; may be NULL */
	int (*close)(struct pr_export *x); /* behind the last; may be NULL */
	struct pr_walk_sink sink; /* with ctx, which the command sets to the struct pr_export */
};

extern const struct pr_export_format pr_export_chrome, pr_export_perfetto, pr_export_folded, pr_export_dot, pr_export_csv,
	pr_export_ecs, pr_export_ocsf;

/* ---- what formats have in common: text.c --------------------------------------------------------------------------- */

/* The base name of what ran, raw bytes; "?" where no frame tells. Valid until the next call. */
struct pr_slice pr_export_name(struct pr_export *x, const struct pr_image *im);
/* Its path; empty where no frame tells. Valid until the next call. */
struct pr_slice pr_export_binary(struct pr_export *x, const struct pr_image *im);
/* Path and arguments in one line, as `binary` and `arguments` show them. Valid until the next call. */
struct pr_slice pr_export_command(struct pr_export *x, const struct pr_image *im);

/* A moment within the trace: lives that began before it count from its start. */
uint64_t pr_export_clip(const struct pr_export *x, uint64_t ktime);
/* ns since 1970 UTC; where the trace has no clock readings, ktime itself. */
int64_t pr_export_real(const struct pr_export *x, uint64_t ktime);

/* "key":"exec id" */
void pr_export_json_id(struct pr_export *x, struct pr_json *j, const char *key, struct pr_id id);
/* "key":"...Z" by pr_export_real */
void pr_export_json_time(struct pr_export *x, struct pr_json *j, const char *key, uint64_t ktime);
/*
 * The exact list of arguments, and key_b64 beside it where one is not valid UTF-8. Element 0: argv[0] where it is known, else
 * the path (`path_first`) or null. key_b64 NULL: the list alone. Returns how many.
 */
size_t pr_export_json_argv(struct pr_export *x, struct pr_json *j, const char *key, const char *key_b64, const struct pr_image *im, bool path_first);
/* code, signal, core, status */
void pr_export_json_exit(struct pr_json *j, const char *key, uint32_t status);

/* As shells say it: the code, or 128 and the signal. */
unsigned pr_export_exit_code(uint32_t status);

static inline int pr_export_written(struct pr_export *x)
{
	x->n++;
	return pr_out_check(&x->out) ? PR_OK : PR_END; /* pr_out_close says why */
}

#endif

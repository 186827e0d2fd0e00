/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lineage.h: who started whom. Forgets nothing that was recorded, and never shows a guess as a fact.
 *
 * Stands on the index: the one beside the trace, where it is usable, else one that the same code builds in private. Rows that are
 * shown are checked against the frames that they point to; when one does not fit, the index is not to be trusted: PR_EDATA,
 * and the caller asks again with `no_index`.
 */
#ifndef PROCREC_REPLAY_QUERY_LINEAGE_H
#define PROCREC_REPLAY_QUERY_LINEAGE_H

#include "replay/query/details.h"
#include "replay/query/fetch.h"
#include "replay/timeline.h"
#include "schema/index.h"

enum pr_certainty { PR_CERTAIN_OBSERVED, PR_CERTAIN_SNAPSHOT, PR_CERTAIN_INFERRED, PR_CERTAIN_UNKNOWN };

/* A process as a place in a lineage. */
struct pr_link {
	struct pr_proc proc; /* where `known` is false: only the key holds */
	bool known; /* the trace has frames of it */
	enum pr_certainty certainty; /* of the way from it to its parent */
	bool has_parent; /* there is one, and it is `parent` */
	struct pr_proc_key parent;
	bool gap; /* lost frames may hide or change its end */
};

struct pr_lineage {
	struct pr_trace *trace; /* owned */
	struct pr_index *index; /* owned */
	bool is_private; /* built from the frames */
	bool has_note; /* the index beside the trace was not used: */
	struct pr_errinfo note; /* why */
	struct pr_timeline timeline;
	struct pr_fetch frames;
	struct pr_details details;
	struct pr_gap *gaps; /* owned */
	size_t n_gaps, cap_gaps;
};

struct pr_lineage_options {
	bool no_index; /* answer from the frames alone */
	bool has_until_frame;
	uint64_t until_frame; /* with has_until_frame: of the frames 0 to until_frame - 1 alone, as if no others had been recorded */
	const struct pr_seg_header *boot; /* of a directory: the boot that this segment is of; NULL: the newest */
	const struct pr_meter *meter; /* told while an index is built; NULL: nobody */
};

/* On failure nothing is left to close. The lineage must not be moved. */
int pr_lineage_open(struct pr_lineage *l, const char *path, const struct pr_lineage_options *o, struct pr_errinfo *ei);
void pr_lineage_close(struct pr_lineage *l);

/* Other processes that had the pid as well. */
#define PR_INSTANCES_SHOWN 8
struct pr_instances {
	uint64_t n; /* processes (not images) that had the pid up to the time */
	struct pr_proc_key others[PR_INSTANCES_SHOWN]; /* first identities of the latest ones that are not meant */
	size_t n_others;
	bool gap; /* a lost frame may hide a newer one */
};

/* The newest identity of the pid that began at or before `at` (UINT64_MAX: at all). PR_ENOENT. */
int pr_lineage_find(struct pr_lineage *l, uint32_t pid, uint64_t at, struct pr_link *out, struct pr_instances *out_all, struct pr_errinfo *ei);

/* The identity by its key; not known where the trace has no frame of it. */
int pr_lineage_get(struct pr_lineage *l, struct pr_proc_key key, uint64_t at, struct pr_link *out, struct pr_errinfo *ei);

/* From a link to that of its parent. PR_END: there is none. */
int pr_lineage_up(struct pr_lineage *l, const struct pr_link *from, uint64_t at, struct pr_link *out, struct pr_errinfo *ei);

/* A row that is about to be shown, against its frames. PR_EDATA. Does nothing for a private index. */
int pr_lineage_verify(struct pr_lineage *l, const struct pr_proc *p, struct pr_errinfo *ei);

struct pr_links {
	struct pr_link *v; /* owned */
	size_t n, cap;
};
void pr_links_release(struct pr_links *v);

/*
 * Children by creation time: identities whose parent key is `key`. A cloned identity that became an image by its first
 * exec is one child, the image; it stands for itself only where it created processes before.
 */
int pr_lineage_children(struct pr_lineage *l, struct pr_proc_key key, uint64_t at, struct pr_links *out, struct pr_errinfo *ei);

/* Everything that lived at T (UINT64_MAX: whose end was not seen), in the order of (pid, ktime). */
int pr_lineage_alive(struct pr_lineage *l, uint64_t t, struct pr_links *out, struct pr_errinfo *ei);

/* Lost frames that may have been emitted in from..to, of a stream in `streams` (bits 1 << enum pr_stream), or of any. */
bool pr_lineage_gap_in(const struct pr_lineage *l, uint64_t from, uint64_t to, unsigned streams);

const char *pr_certainty_name(enum pr_certainty c);
/* "exec", "clone", "clone+exec", "snapshot", "unknown" */
const char *pr_link_how(const struct pr_link *l);

#endif

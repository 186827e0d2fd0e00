/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Index and lineage of a hostile recording: the input is the raw bytes of a block. The index is built in private and as a
 * file; both must hold the same rows, and no question may take for ever.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "replay/query/lineage.h"
#include "tests/fuzz/fuzz.h"

#define KEYS_MAX 24 /* that are asked about */
#define STEPS_MAX 64 /* of a chain: it may be a circle */

static char path[] = "/tmp/procrec-fuzz-lineage.XXXXXX", index_path[sizeof(path) + 4];

struct rows {
	struct pr_proc_key key[KEYS_MAX];
	size_t n, total;
	uint64_t sum; /* over all of them */
};

static void clean_up(void)
{
	unlink(path);
	unlink(index_path);
}

static void mix(struct rows *r, uint64_t v)
{
	r->sum = (r->sum ^ v) * 0xa0761d6478bd642fu;
	r->sum ^= r->sum >> 29;
}

static int add(void *ctx, const struct pr_proc *p)
{
	struct rows *r = ctx;
	const uint64_t v[] = {p->key.pid, p->key.ktime, p->has_parent, p->parent.pid, p->parent.ktime, p->start, p->first_exec,
		p->inferred, p->conflict, p->end, p->end_ktime, p->status, p->has_seq, p->seq, p->has_clone_seq, p->clone_seq,
		p->has_end_seq, p->end_seq, p->lead, p->has_pre, p->pre_ktime};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		mix(r, v[i]);
	if (r->n < KEYS_MAX)
		r->key[r->n++] = p->key;
	r->total++;
	return PR_OK;
}

static void ask(struct pr_lineage *l, struct pr_proc_key key)
{
	struct pr_instances all;
	struct pr_links kids = {0};
	struct pr_link at, up;

	if (!pr_lineage_find(l, key.pid, UINT64_MAX, &at, &all, NULL))
		FUZZ_ASSERT(at.proc.key.pid == key.pid && all.n_others <= PR_INSTANCES_SHOWN);
	FUZZ_ASSERT(!pr_lineage_get(l, key, UINT64_MAX, &at, NULL));
	for (int i = 0; i < STEPS_MAX; i++) {
		FUZZ_ASSERT(at.known || (at.certainty != PR_CERTAIN_OBSERVED && at.certainty != PR_CERTAIN_SNAPSHOT));
		if (pr_lineage_up(l, &at, UINT64_MAX, &up, NULL))
			break;
		at = up;
	}
	FUZZ_ASSERT(!pr_lineage_children(l, key, UINT64_MAX, &kids, NULL));
	pr_links_release(&kids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct pr_buf seg = fuzz_segment(data, size);
	struct rows own = {.n = 0}, filed = {.n = 0};
	struct pr_links alive = {0};
	struct pr_lineage l;
	struct pr_trace *t;

	if (fd < 0) {
		fd = mkstemp(path);
		snprintf(index_path, sizeof(index_path), "%s.idx", path);
		atexit(clean_up);
	}
	unlink(index_path);
	FUZZ_ASSERT(!ftruncate(fd, 0) && lseek(fd, 0, SEEK_SET) == 0 && !pr_write_all(fd, seg.data, seg.len));
	pr_buf_release(&seg);
	if (pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = true}, NULL))
		return 0;
	FUZZ_ASSERT(l.is_private && !pr_index_each(l.index, add, &own, NULL));
	for (size_t i = 0; i < own.n; i++)
		ask(&l, own.key[i]);
	FUZZ_ASSERT(!pr_lineage_alive(&l, own.n ? own.key[own.n / 2].ktime : 1, &alive, NULL));
	pr_links_release(&alive);
	pr_lineage_close(&l);

	FUZZ_ASSERT(!pr_trace_open(&t, path, NULL));
	FUZZ_ASSERT(!pr_index_rebuild(index_path, t, NULL, NULL));
	pr_trace_close(t);
	FUZZ_ASSERT(!pr_lineage_open(&l, path, &(struct pr_lineage_options){.no_index = false}, NULL));
	FUZZ_ASSERT(!l.is_private && !pr_index_each(l.index, add, &filed, NULL));
	FUZZ_ASSERT(own.total == filed.total && own.sum == filed.sum);
	for (size_t i = 0; i < own.n; i++)
		ask(&l, own.key[i]);
	pr_lineage_close(&l);
	return 0;
}

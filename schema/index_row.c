/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/index_row.h"

static void set(struct pr_row *w, int col, bool known, int64_t v)
{
	w->v[col] = known ? v : 0;
	w->null[col] = !known;
}

void pr_row_of_facts(struct pr_row *w, const struct pr_facts *f)
{
	/* The clone frame comes from the kernel: it tells the parent better than a snapshot does. */
	bool by_clone = f->c && !f->embedded && f->x != PR_START_EXEC;
	bool inferred = by_clone ? f->c_inferred : f->x_inferred;
	int start = f->x ? f->x : by_clone ? PR_START_CLONE : PR_START_UNSEEN;
	uint64_t seq = f->x ? f->x_seq : f->c_seq;

	set(w, C_PID, true, f->pid);
	set(w, C_KT, true, f->kt);
	set(w, C_PPID, f->x || by_clone, by_clone ? f->c_ppid : f->x_ppid);
	set(w, C_PD, f->x || by_clone, pr_minus(f->kt, by_clone ? f->c_pkt : f->x_pkt));
	set(w, C_BITS, true, start | f->first_exec << 2 | inferred << 3 | f->e << 4 | f->conflict << 6 | (f->far ? PR_ROW_FAR : 0));
	set(w, C_STATUS, f->e == PR_ENDED_EXIT, f->e_status);
	set(w, C_DUR, f->e, pr_minus(f->e_kt, f->kt));
	set(w, C_SEQ, start, (int64_t)seq);
	set(w, C_ESEQ, f->e, pr_minus((int64_t)f->e_seq, start ? (int64_t)seq : 0));
	set(w, C_LEAD, true, f->x ? f->x_lead : 0);
	set(w, C_PRE, f->embedded, f->pre);
	set(w, C_CSEQ, f->x && f->c, pr_minus((int64_t)f->x_seq, (int64_t)f->c_seq));
}

static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void clone_facts(const struct pr_row *w, uint64_t seq, struct pr_facts *f)
{
	f->c = 1;
	f->c_ppid = (uint32_t)w->v[C_PPID];
	f->c_pkt = pr_minus(w->v[C_KT], w->v[C_PD]);
	f->c_seq = seq;
	f->c_inferred = w->v[C_BITS] & 8;
}

int pr_row_to_facts(const struct pr_row *w, struct pr_facts out[2])
{
	int64_t bits = w->v[C_BITS];
	int start = bits & 3;
	struct pr_facts f = {.pid = (uint32_t)w->v[C_PID],
		.kt = w->v[C_KT],
		.first_exec = bits & 4,
		.conflict = bits & 64,
		.far = bits & PR_ROW_FAR,
		.e = (uint8_t)((bits >> 4 & 3) % 3)};

	if (start == PR_START_EXEC || start == PR_START_SNAPSHOT) {
		f.x = (uint8_t)start;
		f.x_ppid = (uint32_t)w->v[C_PPID];
		f.x_pkt = pr_minus(f.kt, w->v[C_PD]);
		f.x_seq = (uint64_t)w->v[C_SEQ];
		f.x_lead = f.x_own_lead = (uint32_t)w->v[C_LEAD];
		f.x_inferred = bits & 8;
	}
	if (f.e) {
		f.e_kt = plus(f.kt, w->v[C_DUR]);
		f.e_seq = (uint64_t)plus(w->v[C_ESEQ], start ? w->v[C_SEQ] : 0);
		f.e_status = (uint32_t)w->v[C_STATUS];
	}
	if (start == PR_START_CLONE)
		clone_facts(w, (uint64_t)w->v[C_SEQ], &f);
	else if (f.x && !w->null[C_CSEQ])
		clone_facts(w, (uint64_t)pr_minus(w->v[C_SEQ], w->v[C_CSEQ]), &f);
	if (w->null[C_PRE] || !f.x) {
		out[0] = f;
		return 1;
	}
	f.pre = w->v[C_PRE];
	out[1] = pr_facts_extract(&f);
	out[0] = f;
	return 2;
}

void pr_row_to_proc(const struct pr_row *w, uint64_t base, struct pr_proc *out)
{
	const int64_t *v = w->v;
	uint64_t kt = (uint64_t)v[C_KT] + base;

	*out = (struct pr_proc){
		.key = {(uint32_t)v[C_PID], kt},
		.parent = {(uint32_t)v[C_PPID], kt - (uint64_t)v[C_PD]},
		.has_parent = !w->null[C_PPID],
		.start = v[C_BITS] & 3,
		.first_exec = v[C_BITS] & 4,
		.inferred = v[C_BITS] & 8,
		.end = (v[C_BITS] >> 4 & 3) % 3,
		.conflict = v[C_BITS] & 64,
		.status = (uint32_t)v[C_STATUS],
		.end_ktime = kt + (uint64_t)v[C_DUR],
		.has_seq = !w->null[C_SEQ],
		.seq = (uint64_t)v[C_SEQ],
		.has_end_seq = !w->null[C_ESEQ],
		.end_seq = (uint64_t)v[C_SEQ] + (uint64_t)v[C_ESEQ],
		.lead = (uint64_t)v[C_LEAD],
		.has_pre = !w->null[C_PRE],
		.pre_ktime = kt - (uint64_t)v[C_PRE],
		.has_clone_seq = !w->null[C_CSEQ],
		.clone_seq = (uint64_t)v[C_SEQ] - (uint64_t)v[C_CSEQ],
	};
	if (out->start == PR_START_CLONE) {
		out->has_clone_seq = true;
		out->clone_seq = out->seq;
	}
}

struct pr_proc pr_proc_embedded(const struct pr_proc *im)
{
	return (struct pr_proc){
		.key = {im->key.pid, im->pre_ktime},
		.parent = im->parent,
		.has_parent = im->has_parent,
		.start = PR_START_CLONE,
		.inferred = im->inferred,
		.end = PR_ENDED_EXEC,
		.end_ktime = im->key.ktime,
		.has_seq = im->has_clone_seq,
		.seq = im->clone_seq,
		.has_clone_seq = im->has_clone_seq,
		.clone_seq = im->clone_seq,
		.has_end_seq = im->has_seq,
		.end_seq = im->seq,
		.embedded = true,
	};
}

void pr_fact_bind(sqlite3_stmt *st, const struct pr_facts *f, bool own)
{
	const int64_t v[] = {own, f->pid, f->kt, f->x, f->x_ppid, f->x_pkt, (int64_t)f->x_seq, own ? f->x_own_lead : f->x_lead, f->c, f->c_ppid,
		f->c_pkt, (int64_t)f->c_seq, f->e, f->e_kt, (int64_t)f->e_seq, f->e_status, f->pre,
		f->first_exec | f->x_inferred << 1 | f->c_inferred << 2 | f->conflict << 3 | f->far << 4};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		sqlite3_bind_int64(st, (int)i + 1, v[i]);
}

void pr_fact_read(sqlite3_stmt *st, struct pr_facts *f)
{
	int64_t flags = sqlite3_column_int64(st, 16);

	*f = (struct pr_facts){
		.pid = (uint32_t)sqlite3_column_int64(st, 0),
		.kt = sqlite3_column_int64(st, 1),
		.x = (uint8_t)(sqlite3_column_int64(st, 2) & 3),
		.x_ppid = (uint32_t)sqlite3_column_int64(st, 3),
		.x_pkt = sqlite3_column_int64(st, 4),
		.x_seq = (uint64_t)sqlite3_column_int64(st, 5),
		.x_lead = (uint32_t)sqlite3_column_int64(st, 6),
		.c = sqlite3_column_int64(st, 7) != 0,
		.c_ppid = (uint32_t)sqlite3_column_int64(st, 8),
		.c_pkt = sqlite3_column_int64(st, 9),
		.c_seq = (uint64_t)sqlite3_column_int64(st, 10),
		.e = (uint8_t)((uint64_t)sqlite3_column_int64(st, 11) % 3),
		.e_kt = sqlite3_column_int64(st, 12),
		.e_seq = (uint64_t)sqlite3_column_int64(st, 13),
		.e_status = (uint32_t)sqlite3_column_int64(st, 14),
		.pre = sqlite3_column_int64(st, 15),
		.first_exec = flags & 1,
		.x_inferred = flags & 2,
		.c_inferred = flags & 4,
		.conflict = flags & 8,
		.far = flags & 16,
	};
}

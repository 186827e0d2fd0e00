/* SPDX-License-Identifier: BSD-2-Clause */
/* livetab_priv.h: what the table of living processes holds. For livetab*.c only. */
#ifndef PROCREC_SCHEMA_LIVETAB_PRIV_H
#define PROCREC_SCHEMA_LIVETAB_PRIV_H

#include "schema/livetab.h"

struct live { /* an identity */
	uint32_t pid, parent_pid;
	uint64_t ktime, parent_ktime;
	bool lives, needed;
	bool snapshot; /* its frame is an execve, told as PROCFS */
	size_t len; /* of bytes */
	uint8_t *bytes; /* owned: data, info and main frame, with their envelopes */
	uint32_t end_how, end_status; /* where it does not live: enum pr_ended_how; 0: it is not known how it ended */
	uint64_t end; /* when */
	bool has_reparent;
	uint8_t reparent[PR_ENVELOPE_SIZE + sizeof(struct pr_reparent)]; /* the last one */
};

struct kept {
	struct pr_buf buf; /* whole envelopes */
};

struct stream { /* of a CPU */
	uint64_t next, got;
};

/* Forgets what does not live and nothing that lives descends from. */
void pr_livetab_sweep(struct pr_livetab *t);

#endif

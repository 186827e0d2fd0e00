/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* maps.h: the values of those BPF maps that user space reads or writes too. Native byte order, never stored. */
#ifndef PROCREC_BPF_MAPS_H
#define PROCREC_BPF_MAPS_H

#include "schema/frame.h"

/* Map `counts`: per-CPU array, one entry per instance of the programs. A stream's pair is written by its own program
 * only; see emit.bpf.h. */
struct pr_bpf_stream {
	pr_u64 next;
	pr_u64 lost;
};
struct pr_bpf_counts {
	struct pr_bpf_stream stream[PR_STREAM_COUNT];
	pr_u64 map_full;                 /* processes that the map `live` could not hold */
	pr_u64 args_cut;                 /* strings of which not every byte went out */
	pr_u64 reparent_cut;             /* exits with more children than were walked */
	pr_u64 woken_ns;                 /* when this CPU last woke the reader */
	pr_u64 rescued[PR_STREAM_COUNT]; /* second instances: events that the first had not seen */
	pr_u32 cpu_base;                 /* added to the CPU's number in envelopes */
	pr_u32 pad;
};

/* Map `live`: hash, key tgid. */
#define PR_LIVE_EXECED 0x1u  /* had execed when it was met; since then, ktime tells: it is not the start any more */
#define PR_LIVE_TRACKED 0x2u /* belongs to the recorded tree */
#define PR_LIVE_WALKED 0x4u  /* the creator is not known: `parent` is the kernel parent at the time it was met */
#define PR_LIVE_TOLD 0x8u    /* with WALKED: that it was there is told already, so `claims` need not be asked */
#define PR_LIVE_SPLIT 0x10u  /* a thread that had children ended before others did: they may hang on any thread, or on the new parent already */
#define PR_LIVE_REAPER 0x20u /* orphans were promised to it, which may not have come yet */
#define PR_LIVE_SCANNED 0x40u /* a scan told of the image that it is now; no frame in the ring does */

struct pr_bpf_live {
	pr_u64 ktime;         /* identity now is (tgid, ktime) */
	pr_u64 start;         /* start_boottime: tells a reused pid, and an entry whose exit was missed */
	struct pr_key parent; /* the creator's identity as of the clone */
	pr_u32 flags;         /* PR_LIVE_* */
	pr_u32 scan;          /* number of the scan (snapshot) that wrote it last; 0: none */
	pr_u32 exec_id;       /* the task's self_exec_id at the last exec that was seen; 0: none */
	pr_u32 ppid;          /* the kernel parent that was last told of: at the clone, then at each reparenting */
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.h: the kernel side as the recorder sees it: load, attach, snapshot, read the ring, count, detach.
 *
 * Order of use:
 *
 *   pr_capture_open      load programs and maps (nothing is emitted yet)
 *   pr_capture_attach    from here on every exec, clone and exit is in the ring or counted
 *   pr_capture_track     only with only_tree: name the root, while it is still held back
 *   pr_capture_snapshot  the processes that were alive before
 *   loop: pr_capture_wait / pr_capture_read / (write to disk) / pr_capture_commit
 *   pr_capture_detach    no further frames; then one last read until nothing comes
 *   pr_capture_counters  final figures
 *   pr_capture_close
 *
 * Ring bytes are handed out without a copy and stay in the ring until they are committed, so that a recorder
 * which is killed between read and commit leaves them for the next one (pin_dir).
 *
 * All functions are to be called from one thread, except where said. They return 0 or a negative enum pr_err and fill
 * *ei.
 */
#ifndef PROCREC_RECORDER_CAPTURE_H
#define PROCREC_RECORDER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/snapshot.h"
#include "schema/frame.h"

#define PR_CAPTURE_RING_DEFAULT (16u << 20)
#define PR_CAPTURE_RING_MIN (64u << 10)
#define PR_CAPTURE_RING_MAX (1u << 30)

struct pr_capture;

struct pr_capture_options {
	uint64_t ring_bytes;  /* power of two, a multiple of the page size; 0: PR_CAPTURE_RING_DEFAULT */
	bool only_tree;       /* emit frames of the tree below pr_capture_track()'s root alone */
	bool failed_exec;     /* also record execs that return an error; costs a little on every system call */
	bool raw_tracepoints; /* use the untyped twins even where the kernel has BTF-typed tracepoints (tests) */
	const char *pin_dir;  /* folder in a bpffs, created if missing: ring, maps and links are pinned there; NULL:
				 nothing is */
	const char *log_path; /* where the verifier's log goes when it refuses a program; NULL:
				 /tmp/procrec-verifier-PID.log */
};

/*
 * Loads programs and maps. PR_EPERM: rights are missing (the message names the capability). PR_EUSAGE: ring_bytes
 * unusable. PR_EBUSY: pin_dir holds a capture already. PR_EPERM too: the kernel lacks what is needed, or its verifier
 * refused a program (the message names the file with its log).
 */
int pr_capture_open(const struct pr_capture_options *opt, struct pr_capture **out_cap, struct pr_errinfo *ei);

/* Takes up a capture that was pinned in pin_dir and is still attached. PR_ENOENT: there is none, or it is not whole. */
int pr_capture_resume(const char *pin_dir, struct pr_capture **out_cap, struct pr_errinfo *ei);

/* Whether pin_dir holds a pinned capture: 1 yes, 0 no. */
int pr_capture_is_pinned(const char *pin_dir);

/*
 * Detaches and removes what is pinned in pin_dir, whoever left it there. PR_ENOENT: nothing is, and nothing was removed: neither anything outside
 * of a bpffs, nor an empty folder.
 */
int pr_capture_unpin(const char *pin_dir, struct pr_errinfo *ei);

/* Attaches every program. On failure nothing stays attached. */
int pr_capture_attach(struct pr_capture *cap, struct pr_errinfo *ei);

/*
 * With only_tree: the process `tgid` and all that it creates from now on are recorded. It must be held back (blocked,
 * not execed) until this and pr_capture_snapshot() have returned, or it may get away.
 */
int pr_capture_track(struct pr_capture *cap, uint32_t tgid, struct pr_errinfo *ei);

/*
 * Called for each process that was alive at attach and that no frame has told of: `snap` and its cgroup path
 * (snap->cgroup_len bytes, not terminated) are valid during the call only. Return 0 to go on, else the scan ends with
 * that value.
 */
typedef int (*pr_capture_snap_fn)(void *arg, const struct pr_snap *snap, const char *cgroup);

enum pr_snapshot_mode {
	PR_SNAPSHOT_NEW = 0, /* processes that the kernel-side map does not hold yet; they are put into it */
	PR_SNAPSHOT_AGAIN, /* these, and those that a scan before told of and that have not execed since: its recorder may not have written them */
};

/*
 * Runs the scan. Ring records and the snapshot are not ordered among each other: a frame that refers to a process of
 * the snapshot may be read from the ring before; so write the snapshot first, then begin with pr_capture_read(). A
 * process that ends during the scan may have its exit in the ring and its record here; never its start in both.
 */
int pr_capture_snapshot(
	struct pr_capture *cap, enum pr_snapshot_mode mode, pr_capture_snap_fn fn, void *arg, struct pr_errinfo *ei);

/* The identity that the process has now. PR_ENOENT: the kernel-side map does not hold it (it ended, or there was no
 * room). */
int pr_capture_identity(struct pr_capture *cap, uint32_t tgid, struct pr_key *out_key);

/*
 * The caller created the process `tgid`, which is blocked and was met by pr_capture_snapshot(): its kernel parent is
 * its creator for certain, and its frames need not call it a guess.
 */
int pr_capture_vouch(struct pr_capture *cap, uint32_t tgid, struct pr_errinfo *ei);

/*
 * One ring record: one or more [envelope][frame] pairs back to back (`len` bytes in all, 8-byte aligned start), to be
 * stored as they are. Frames of one record belong together. The bytes stay valid until they are committed. Return 0 to
 * go on; 1: stop after this record (it counts as read); a negative value: stop, this record is not read, and
 * pr_capture_read() returns the value.
 */
typedef int (*pr_capture_record_fn)(void *arg, const void *bytes, size_t len);

/* Hands out the records that are ready, oldest first; *out_records (may be NULL) gets their number. Never blocks. */
int pr_capture_read(
	struct pr_capture *cap, pr_capture_record_fn fn, void *arg, size_t *out_records, struct pr_errinfo *ei);

/* The position up to which was read; a value for pr_capture_commit(), which gives the ring bytes below it back to the
 * kernel. Never goes back. */
uint64_t pr_capture_position(const struct pr_capture *cap);
void pr_capture_commit(struct pr_capture *cap, uint64_t position);

/* Bytes that are in the ring and not committed yet. */
size_t pr_capture_pending(const struct pr_capture *cap);

/*
 * The kernel never wakes the reader per frame, only when the ring is half full: so sleep with a time-out (100 ms or so)
 * and read then. Returns 1: woken (half full), 0: time-out or signal. Negative: error.
 */
int pr_capture_wait(struct pr_capture *cap, int timeout_ms, struct pr_errinfo *ei);

/* For poll(2)/epoll(7) loops with other descriptors: readable when the ring is half full, until pr_capture_read() is
 * called. Owned by cap. */
int pr_capture_fd(const struct pr_capture *cap);

/* Stops all emission. What was emitted before stays readable. Doing it twice is harmless. */
int pr_capture_detach(struct pr_capture *cap, struct pr_errinfo *ei);

struct pr_capture_stream {
	uint64_t next; /* next sequence number */
	uint64_t lost; /* of the numbers given out, those whose frame is not in the ring */
};

struct pr_capture_counters {
	uint32_t
		cpus; /* rows of `streams`: possible CPUs, then once more the same for the programs' second instances */
	uint32_t pad;
	struct pr_capture_stream (
		*streams)[PR_STREAM_COUNT]; /* streams[cpu][stream]; owned by cap, valid until the next call */
	uint64_t missed[PR_STREAM_COUNT];   /* events that the stream's programs did not see, as the kernel skipped them
					       (PR_LOSS_RECURSION) */
	uint64_t map_full;                  /* processes that the kernel-side map could not hold (PR_LOSS_MAP_FULL) */
	uint64_t args_cut;                  /* argument lists or paths of which not all went out */
	uint64_t reparent_cut; /* orphans for which no reparent frame was made: more than one exit could list */
};

/*
 * Sums of the kernel's counters, cumulative since pr_capture_open(). A frame is counted before it is in the ring, so
 * while programs run `next` may be ahead of what can be read; after pr_capture_detach() and a complete read they agree:
 * next == read + lost for each (cpu, stream).
 */
int pr_capture_counters(struct pr_capture *cap, struct pr_capture_counters *out, struct pr_errinfo *ei);

/* "BTF tracepoints" or "raw tracepoints", with ", twice" where each program has a second instance: for summaries and
 * doctor. Static. */
const char *pr_capture_flavour(const struct pr_capture *cap);
uint64_t pr_capture_ring_bytes(const struct pr_capture *cap);

/*
 * Releases everything; NULL is allowed. A pinned capture stays attached and goes on emitting (for pr_capture_resume());
 * to end one, call pr_capture_unpin() too.
 */
void pr_capture_close(struct pr_capture *cap);

#endif

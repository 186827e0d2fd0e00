/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h: the frames that the recorder itself puts into a trace, under PR_STREAM_USER envelopes.
 *
 * A struct pr_frames collects [envelope][frame] pairs in its buffer and numbers them; the owner takes the buffer's bytes
 * away and clears it whenever it likes. Running out of memory latches in the buffer (pr_buf_failed).
 */
#ifndef PROCREC_RECORDER_FRAMES_H
#define PROCREC_RECORDER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "schema/frame.h"

struct pr_frames {
	struct pr_buf buf; /* owned */
	uint64_t seq; /* next sequence number of (PR_CPU_NONE, PR_STREAM_USER) */
	size_t at; /* where the envelope of the open frame begins */
};

void pr_frames_init(struct pr_frames *f);
void pr_frames_release(struct pr_frames *f);

/* Opens a frame: its envelope and common header. Append the rest to f->buf, then close it: the sizes are filled in. */
void pr_frames_begin(struct pr_frames *f, enum pr_op op, uint64_t ktime);
void pr_frames_end(struct pr_frames *f);

/* One item of the open frame. Longer than 65535 bytes: cut at the end, and marked PR_ITEM_CUT. */
void pr_frames_item(struct pr_frames *f, unsigned type, const void *p, size_t n);
void pr_frames_item_str(struct pr_frames *f, unsigned type, const char *s);
void pr_frames_item_u64(struct pr_frames *f, unsigned type, uint64_t v);

/* One reading of the three clocks, the tightest of a few; returns its CLOCK_BOOTTIME. */
uint64_t pr_frames_clock(struct pr_frames *f);

void pr_frames_user(struct pr_frames *f, uint64_t ktime, uint32_t uid, const char *name);
void pr_frames_keyframe(struct pr_frames *f, uint64_t ktime, bool end, uint32_t processes);
void pr_frames_loss(struct pr_frames *f, uint64_t ktime, enum pr_loss_reason reason, enum pr_stream stream, uint64_t count,
	uint64_t since);

/* Facts of this host, from uname, /proc and /etc; what cannot be read is left out. */
void pr_frames_host(struct pr_frames *f, uint64_t ktime);

/* The bytes in data frames of 32 KiB under the id (pid_tgid, time). */
void pr_frames_data(struct pr_frames *f, uint64_t ktime, uint32_t pid, uint64_t id_time, const void *p, size_t n);
/* The 32 bytes that refer to them. */
void pr_frames_desc(struct pr_frames *f, uint32_t pid, uint64_t id_time, size_t sent, size_t size);

/* The boot id of this kernel as 16 bytes; 0 where it is not to be had. */
void pr_boot_id(uint8_t out[16]);

/* CLOCK_BOOTTIME now, ns. */
uint64_t pr_boottime_ns(void);

#endif

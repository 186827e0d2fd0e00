/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/intake.h"

#include <string.h>

#include "base/cursor.h"

#define CLOCK_EVERY_NS (10u * 1000000000ull)
#define SLICE_BYTES (256u << 10) /* read from the ring before its room is given back to the kernel */

struct slice {
	struct pr_intake *in;
	size_t bytes;
};

void pr_intake_init(struct pr_intake *in, struct pr_capture *cap, struct pr_spool *spool, const struct pr_resume *resume)
{
	memset(in, 0, sizeof(*in));
	in->cap = cap;
	in->spool = spool;
	pr_frames_init(&in->frames);
	pr_users_init(&in->users);
	in->resume = resume;
	if (!resume)
		return;
	in->frames.seq = resume->user_next;
	memcpy(in->got, resume->got, sizeof(in->got));
	memcpy(in->missed, resume->missed, sizeof(in->missed));
	in->map_full = resume->map_full;
}

void pr_intake_release(struct pr_intake *in)
{
	pr_frames_release(&in->frames);
	pr_users_release(&in->users);
}

static int put_frames(struct pr_intake *in, bool wait, struct pr_errinfo *ei)
{
	struct pr_buf *b = &in->frames.buf;
	int err;

	if (pr_buf_failed(b))
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!b->len)
		return PR_OK;
	err = pr_spool_put(in->spool, b->data, b->len, wait, ei);
	if (!err)
		pr_buf_clear(b);
	return err;
}

int pr_intake_put_frames(struct pr_intake *in, struct pr_errinfo *ei)
{
	return put_frames(in, true, ei);
}

/* The name stands before the first frame that needs it. */
static void meet_user(struct pr_intake *in, uint32_t uid)
{
	char name[PR_USER_NAME_MAX];

	if (pr_users_first(&in->users, uid) && pr_users_name(uid, name))
		pr_frames_user(&in->frames, pr_boottime_ns(), uid, name);
}

static void look_at_users(struct pr_intake *in, const uint8_t *p, size_t len)
{
	const size_t uid_at = PR_ENVELOPE_SIZE + PR_EXECVE_FIXED + offsetof(struct pr_process, uid);
	size_t off = 0, size;

	for (; len - off >= PR_ENVELOPE_SIZE + PR_COMMON_SIZE; off += PR_ENVELOPE_SIZE + size) {
		size = pr_get_u32(p + off + offsetof(struct pr_envelope, size));
		if (size > len - off - PR_ENVELOPE_SIZE)
			break;
		if (p[off + PR_ENVELOPE_SIZE] == PR_OP_EXECVE && size >= sizeof(struct pr_msg_execve))
			meet_user(in, pr_get_u32(p + off + uid_at));
	}
}

static void count(struct pr_session_stats *st, uint8_t op)
{
	switch (op) {
	case PR_OP_EXECVE:
		st->execs++;
		break;
	case PR_OP_CLONE:
		st->clones++;
		break;
	case PR_OP_EXIT:
		st->exits++;
		break;
	case PR_OP_EXEC_FAIL:
		st->fails++;
		break;
	default:
		st->others++;
	}
	st->frames++;
}

static void count_record(struct pr_intake *in, const uint8_t *p, size_t len)
{
	size_t off = 0, size;

	for (; len - off >= PR_ENVELOPE_SIZE + PR_COMMON_SIZE; off += PR_ENVELOPE_SIZE + size) {
		size = pr_get_u32(p + off + offsetof(struct pr_envelope, size));
		if (size > len - off - PR_ENVELOPE_SIZE)
			break;
		count(&in->stats, p[off + PR_ENVELOPE_SIZE]);
		in->got[p[off + offsetof(struct pr_envelope, stream)] % PR_STREAM_COUNT]++;
	}
}

/* The first `known` bytes are no news. */
static int put_record(struct pr_intake *in, const uint8_t *bytes, size_t len, size_t known)
{
	size_t from = in->pass_known ? 0 : known;
	int err;

	if (from == len)
		return PR_OK;
	look_at_users(in, bytes + known, len - known);
	err = put_frames(in, in->wait, in->ei);
	if (!err)
		err = pr_spool_put(in->spool, bytes + from, len - from, in->wait, in->ei);
	if (!err)
		count_record(in, bytes + known, len - known);
	return err;
}

/* Frames that the recorder before had written, but not taken off the ring, stand at the front of a record, if anywhere. */
static size_t known_bytes(const struct pr_intake *in, const uint8_t *p, size_t len)
{
	size_t off = 0;

	while (in->resume && len - off >= PR_ENVELOPE_SIZE && pr_resume_has(in->resume, p + off))
		off += PR_ENVELOPE_SIZE + pr_get_u32(p + off + offsetof(struct pr_envelope, size));
	return off < len ? off : len;
}

static int on_record(void *arg, const void *bytes, size_t len)
{
	struct slice *sl = arg;
	struct pr_intake *in = sl->in;
	int err = put_record(in, bytes, len, known_bytes(in, bytes, len));

	if (err)
		return err;
	sl->bytes += len;
	return sl->bytes >= SLICE_BYTES;
}

static int read_slices(struct pr_intake *in, uint64_t now, bool *out_got, struct pr_errinfo *ei)
{
	struct slice sl;
	size_t records;
	int err = PR_OK;

	*out_got = false;
	in->ei = ei;
	do {
		sl = (struct slice){in, 0};
		/* Before the first events after a pause, not during it: an idle machine writes nothing. */
		if (now - in->clock_ns >= CLOCK_EVERY_NS && pr_capture_pending(in->cap))
			in->clock_ns = pr_frames_clock(&in->frames);
		err = pr_capture_read(in->cap, on_record, &sl, &records, ei);
		if (sl.bytes && !in->hold)
			pr_capture_commit(in->cap, pr_capture_position(in->cap));
		*out_got |= sl.bytes > 0;
	} while (!err && sl.bytes >= SLICE_BYTES);
	return err;
}

int pr_intake_read(struct pr_intake *in, uint64_t now, bool *out_got, struct pr_errinfo *ei)
{
	int err;

	in->wait = false;
	err = read_slices(in, now, out_got, ei);
	if (err != PR_EBUSY)
		return err;
	in->held_up = true;
	return PR_OK;
}

int pr_intake_drain(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei)
{
	bool got;

	in->wait = true;
	return read_slices(in, now, &got, ei);
}

int pr_intake_tick(struct pr_intake *in, struct pr_errinfo *ei)
{
	in->ticked = pr_capture_position(in->cap);
	return pr_spool_tick(in->spool, in->ticked, ei);
}

void pr_intake_release_ring(struct pr_intake *in)
{
	uint64_t position = pr_spool_written(in->spool);

	if (!in->hold)
		return;
	/* What was left out as known needs no tick. */
	if (!pr_spool_pending(in->spool) && position == in->ticked)
		position = pr_capture_position(in->cap);
	if (position > in->committed)
		pr_capture_commit(in->cap, position);
	if (position > in->committed)
		in->committed = position;
}

static void take_counters(struct pr_intake *in, const struct pr_capture_counters *c)
{
	struct pr_session_stats *st = &in->stats;
	uint64_t lost = 0;

	memset(st->lost, 0, sizeof(st->lost));
	for (uint32_t cpu = 0; cpu < c->cpus; cpu++)
		for (int i = 0; i < PR_STREAM_COUNT; i++)
			st->lost[i] += c->streams[cpu][i].lost;
	for (int i = 0; i < PR_STREAM_COUNT; i++)
		lost += st->lost[i];
	if (in->held_up)
		st->held_up += lost - in->lost;
	in->held_up = false;
	in->lost = lost;
	memcpy(st->missed, c->missed, sizeof(st->missed));
	st->map_full = c->map_full;
	st->args_cut = c->args_cut;
	st->reparent_cut = c->reparent_cut;
}

int pr_intake_losses(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei)
{
	struct pr_capture_counters c;
	int err = pr_capture_counters(in->cap, &c, ei);

	if (err)
		return err;
	take_counters(in, &c);
	for (int i = 0; i < PR_STREAM_COUNT; i++) {
		if (c.missed[i] > in->missed[i])
			pr_frames_loss(&in->frames, now, PR_LOSS_RECURSION, i, c.missed[i] - in->missed[i],
				in->loss_since_ns);
		in->missed[i] = c.missed[i];
	}
	if (c.map_full > in->map_full)
		pr_frames_loss(&in->frames, now, PR_LOSS_MAP_FULL, PR_STREAM_CLONE, c.map_full - in->map_full,
			in->loss_since_ns);
	in->map_full = c.map_full;
	in->loss_since_ns = now;
	err = put_frames(in, false, ei);
	return err == PR_EBUSY ? PR_OK : err; /* they stay in the buffer, and go first when there is room */
}

void pr_intake_settle(struct pr_intake *in, const struct pr_capture_counters *c)
{
	uint64_t next;

	for (int i = 0; i < PR_STREAM_COUNT; i++) {
		next = 0;
		for (uint32_t cpu = 0; cpu < c->cpus; cpu++)
			next += c->streams[cpu][i].next;
		if (next >= in->got[i])
			in->stats.lost[i] = next - in->got[i];
	}
}

void pr_intake_unwritten(struct pr_intake *in, const struct pr_capture_counters *c, const struct pr_sink_state *there)
{
	struct pr_session_stats *st = &in->stats;
	uint64_t own = in->frames.seq, lost = 0;

	take_counters(in, c);
	memcpy(in->got, there->written, sizeof(in->got));
	pr_intake_settle(in, c);
	if (own > there->written[PR_STREAM_USER])
		st->lost[PR_STREAM_USER] = own - there->written[PR_STREAM_USER];
	for (int i = 0; i < PR_STREAM_COUNT; i++)
		lost += st->lost[i];
	st->unwritten = lost - in->lost;
	st->execs = there->execs;
	st->clones = there->clones;
	st->exits = there->exits;
	st->fails = there->fails;
	st->others = there->others;
	st->frames = st->execs + st->clones + st->exits + st->fails + st->others;
}

int pr_intake_final(struct pr_intake *in, uint64_t now, struct pr_errinfo *ei)
{
	struct pr_capture_counters c;
	struct pr_buf *b = &in->frames.buf;
	int err = pr_intake_losses(in, now, ei);

	if (!err)
		err = pr_capture_counters(in->cap, &c, ei);
	if (err)
		return err;
	pr_intake_settle(in, &c);
	pr_frames_begin(&in->frames, PR_OP_STREAM_STATE, now);
	pr_buf_u32(b, 1);
	pr_buf_u32(b, 0);
	for (uint32_t cpu = 0; cpu < c.cpus; cpu++) {
		for (uint8_t i = 0; i < PR_STREAM_COUNT; i++) {
			if (!c.streams[cpu][i].next)
				continue;
			pr_buf_u16(b, (uint16_t)cpu);
			pr_buf_u8(b, i);
			pr_buf_append(b, (const uint8_t[5]){0}, 5);
			pr_buf_u64(b, c.streams[cpu][i].next);
			pr_buf_u64(b, c.streams[cpu][i].lost);
		}
	}
	pr_frames_end(&in->frames);
	return put_frames(in, true, ei);
}

void pr_intake_stats(struct pr_intake *in, uint64_t elapsed_ns, struct pr_session_stats *out)
{
	*out = in->stats;
	out->elapsed_ns = elapsed_ns;
	out->ring_bytes = pr_capture_ring_bytes(in->cap);
	out->ring_pending = pr_capture_pending(in->cap);
	pr_spool_get_state(in->spool, &out->spool);
}

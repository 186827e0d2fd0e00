/* SPDX-License-Identifier: BSD-2-Clause */
/* frame_iter.c: the envelopes of one block, one by one, out of untrusted bytes. */
#include "base/bytes.h"
#include "schema/segment.h"

void pr_frame_iter_init(struct pr_frame_iter *it, const struct pr_block *b)
{
	*it = (struct pr_frame_iter){
		.raw = b->raw, .size = b->desc.raw_size, .block = b->desc.number, .next_seq = b->desc.first_frame};
}

static bool counted(uint8_t env_flags)
{
	return !(env_flags & (PR_ENV_META | PR_ENV_CONT));
}

bool pr_frame_iter_next(struct pr_frame_iter *it, struct pr_frame *out)
{
	uint32_t left = it->size - it->off;
	const uint8_t *e = it->raw + it->off;
	uint32_t size;

	if (!left)
		return false;
	size = left < PR_ENVELOPE_SIZE ? 0 : pr_get_u32(e + 4);
	if (left < PR_ENVELOPE_SIZE || size > left - PR_ENVELOPE_SIZE) {
		it->damaged = true;
		return false;
	}
	*out = (struct pr_frame){
		.seq = it->next_seq,
		.cpu = pr_get_u16(e),
		.stream = e[2],
		.env_flags = e[3],
		.env_seq = pr_get_u64(e + 8),
		.data = e + PR_ENVELOPE_SIZE,
		.size = size,
		.block = it->block,
		.raw_off = it->off,
	};
	/* What the frame says of itself holds only where it agrees with the envelope. */
	if (size < PR_COMMON_SIZE || pr_get_u32(out->data + 4) != size)
		out->env_flags |= PR_ENV_RAW;
	if (!(out->env_flags & PR_ENV_RAW)) {
		out->op = out->data[0];
		out->ktime = pr_get_u64(out->data + 8);
	}
	if (counted(e[3]))
		it->next_seq++;
	it->off += PR_ENVELOPE_SIZE + size;
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/build.h"

size_t pr_frame_begin(struct pr_buf *b, uint8_t op, uint64_t ktime)
{
	size_t at = b->len;

	pr_buf_u8(b, op);
	pr_buf_append(b, "\0\0\0", 3);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, ktime);
	return at;
}

void pr_frame_end(struct pr_buf *b, size_t at)
{
	if (!pr_buf_failed(b))
		pr_put_u32(b->data + at + 4, (uint32_t)(b->len - at));
}

size_t pr_enveloped_begin(struct pr_buf *b, const struct pr_envelope *env, uint8_t op, uint64_t ktime)
{
	size_t at = b->len;

	pr_buf_u16(b, env->cpu);
	pr_buf_u8(b, env->stream);
	pr_buf_u8(b, env->flags);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, env->seq);
	pr_frame_begin(b, op, ktime);
	return at;
}

void pr_enveloped_end(struct pr_buf *b, size_t at)
{
	pr_frame_end(b, at + PR_ENVELOPE_SIZE);
	if (!pr_buf_failed(b))
		pr_put_u32(b->data + at + 4, (uint32_t)(b->len - at - PR_ENVELOPE_SIZE));
}

void pr_put_key(struct pr_buf *b, uint32_t pid, uint64_t ktime)
{
	pr_buf_u32(b, pid);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, ktime);
}

void pr_put_item(struct pr_buf *b, uint16_t type, const void *p, size_t n)
{
	if (n > UINT16_MAX) {
		n = UINT16_MAX;
		type |= PR_ITEM_CUT;
	}
	pr_buf_u16(b, type);
	pr_buf_u16(b, (uint16_t)n);
	pr_buf_append(b, p, n);
}

bool pr_item_next(struct pr_cursor *c, struct pr_item_view *out)
{
	uint16_t type;

	if (c->failed || !pr_cursor_left(c))
		return false;
	type = pr_cursor_u16(c);
	out->len = pr_cursor_u16(c);
	out->p = pr_cursor_bytes(c, out->len);
	out->type = type & (uint16_t)~(PR_ITEM_DESC | PR_ITEM_CUT);
	out->desc = type & PR_ITEM_DESC;
	out->cut = type & PR_ITEM_CUT;
	return !c->failed;
}

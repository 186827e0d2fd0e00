/* SPDX-License-Identifier: BSD-2-Clause */
/* terminated.h: text for regexec with REG_STARTEND: its length is known, and yet some tools that watch regexec look for a NUL behind it. */
#ifndef PROCREC_REDACT_TERMINATED_H
#define PROCREC_REDACT_TERMINATED_H

#include "base/buf.h"
#include "replay/decode/decode.h"

/* What is in b, with a NUL behind it that does not count; empty where b has failed. Valid until b changes. */
static inline struct pr_slice pr_terminated(struct pr_buf *b)
{
	pr_buf_u8(b, 0);
	if (pr_buf_failed(b))
		return (struct pr_slice){(const uint8_t *)"", 0};
	b->len--;
	return (struct pr_slice){b->data, b->len};
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* text.h: decoded fields as the text that the reference shows. Appends raw bytes: escaping is the renderer's. */
#ifndef PROCREC_REPLAY_DECODE_TEXT_H
#define PROCREC_REPLAY_DECODE_TEXT_H

#include "base/buf.h"
#include "replay/decode/decode.h"

#define PR_ENOMEM_TEXT "enomem"

/* The argument rule: split at NUL, joined by spaces, quoted where a field has white space. Lossy. */
void pr_text_arguments(struct pr_buf *b, const uint8_t *p, size_t n);

/* filename, under cwd where it is relative; "enomem" when it is empty. */
void pr_text_binary(struct pr_buf *b, struct pr_slice filename, struct pr_slice cwd);

/* The names of the bits, joined by one space. Bits above the 41 known ones print nothing. */
void pr_text_caps(struct pr_buf *b, uint64_t bits);

/* base64("HOST:KTIME:PID") */
void pr_text_exec_id(struct pr_buf *b, struct pr_slice host, struct pr_id id);

/* "SIGKILL" of 9, Linux numbers; NULL: none known. */
const char *pr_signal_name(unsigned number);

/* The parts of a wait status. */
static inline unsigned pr_status_code(uint32_t status)
{
	return status >> 8 & 0xff;
}

static inline unsigned pr_status_signal(uint32_t status)
{
	return status & 0x7f;
}

static inline bool pr_status_core(uint32_t status)
{
	return status & 0x80;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* table.h: every frame of schema/frame.h as a table of fields, for the text form's printer and parser. Internal to asm/. */
#ifndef PROCREC_REPLAY_ASM_TABLE_H
#define PROCREC_REPLAY_ASM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pr_asm_kind {
	PR_AK_END, /* ends a table */
	PR_AK_DEC, /* unsigned, `width` bytes at `off` */
	PR_AK_HEX,
	PR_AK_SIGNED,
	PR_AK_OPT, /* u32; all ones is `unset` */
	PR_AK_FLAGS, /* names joined by |, the rest in hex */
	PR_AK_ENUM, /* a name, or a number */
	PR_AK_WAIT, /* wait status: exit:3, signal:9, signal:11+core, or a number */
	PR_AK_KEY, /* pid@ktime: u32 at off, u64 at off2 */
	PR_AK_ID, /* tgid:tid@time: two u64 at off */
	PR_AK_CAPS, /* permitted/effective/inheritable: three u64 at off */
	PR_AK_CHARS, /* a string in `width` bytes, padded with NUL */
};

enum pr_asm_default {
	PR_AD_CONST, /* `def` */
	PR_AD_LIKE, /* the bytes at offset `def` */
	PR_AD_LENGTH, /* length of the frame - def */
	PR_AD_ALWAYS, /* 0, and printed even then */
};

struct pr_asm_name {
	const char *name; /* NULL ends */
	uint64_t value;
};

struct pr_asm_field {
	const char *name;
	enum pr_asm_kind kind;
	uint16_t off, off2;
	uint8_t width;
	uint8_t line; /* canonical text: 0 beside the op, others on a line of their own per number */
	enum pr_asm_default dflt;
	uint64_t def;
	const struct pr_asm_name *names;
};
#define PR_ASM_FIELDS_MAX 64

/* What follows the fixed fields. */
enum pr_asm_tail {
	PR_AT_TRAIL, /* nothing; more bytes are `trail=HEX` */
	PR_AT_STRINGS, /* execve: filename=, args=, cwd=, or strings= */
	PR_AT_BYTES, /* data: bytes= */
	PR_AT_NAME, /* user: name= */
	PR_AT_ITEMS, /* argv0=, hostname=, ..., item:N=, trail= */
	PR_AT_ROWS, /* row=CPU/STREAM/NEXT/LOST, trail= */
	PR_AT_BODY, /* body=HEX */
	PR_AT_HEX, /* the whole frame: hex= or bytes= */
};

struct pr_asm_op {
	const char *name;
	uint8_t op;
	uint8_t stream; /* default stream of a frame that has a CPU */
	uint16_t fixed; /* bytes of the fixed fields, common header included; 0 for `raw` */
	enum pr_asm_tail tail;
	const struct pr_asm_field *fields;
};

extern const struct pr_asm_field pr_asm_common[]; /* fields of the common header but `time` */
extern const struct pr_asm_field pr_asm_desc[]; /* data_event_desc */
extern const struct pr_asm_op pr_asm_raw; /* bytes without a header that could be read */
extern const struct pr_asm_op pr_asm_generic; /* a common header and a body, whatever the op */
extern const struct pr_asm_name pr_asm_streams[], pr_asm_env_flags[], pr_asm_items[], pr_asm_ops_names[];

/* NULL when there is none. */
const struct pr_asm_op *pr_asm_op_by_number(uint8_t op);
const struct pr_asm_op *pr_asm_op_by_name(const char *name);
const struct pr_asm_field *pr_asm_field_by_name(const struct pr_asm_field *table, const char *name);
const char *pr_asm_name_of(const struct pr_asm_name *table, uint64_t value);
bool pr_asm_value_of(const struct pr_asm_name *table, const char *name, uint64_t *out_value);

/* The most similar op, or field or tail field of op, for messages; NULL. */
const char *pr_asm_near_op(const char *name);
const char *pr_asm_near_field(const struct pr_asm_op *op, const char *name);

/* Numbers of 1, 2, 4 or 8 bytes. */
uint64_t pr_asm_get(const uint8_t *p, unsigned width);
void pr_asm_put(uint8_t *p, unsigned width, uint64_t v);

/* True when the field of a frame of `len` bytes holds its default. */
bool pr_asm_is_default(const struct pr_asm_field *f, const uint8_t *frame, size_t len);
/* Writes the default. */
void pr_asm_set_default(const struct pr_asm_field *f, uint8_t *frame, size_t len);

#endif

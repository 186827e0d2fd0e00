/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h: a streaming JSON writer that cannot forget a comma.
 *
 * Compact output (no spaces), keys in the order of the calls, one value per call. Strings are bytes from anywhere: what
 * is not valid UTF-8 becomes U+FFFD in the plain key and stands exactly, in base64, under KEY_b64 beside it. Valid
 * characters stand as they are, except the ones that JSON or a terminal must not see raw (pr_text_unsafe): these are \uNNNN.
 */
#ifndef PROCREC_BASE_JSON_H
#define PROCREC_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct pr_json {
	struct pr_buf *out; /* borrowed */
	bool comma; /* the next key or value needs one in front */
};

static inline struct pr_json pr_json_make(struct pr_buf *out)
{
	return (struct pr_json){out, false};
}

/* key NULL: an element of an array, or the outermost value. */
void pr_json_object(struct pr_json *j, const char *key);
void pr_json_object_end(struct pr_json *j);
void pr_json_array(struct pr_json *j, const char *key);
void pr_json_array_end(struct pr_json *j);

/* The comma and the key alone: the caller appends a value that needs no escaping, valid JSON by itself. */
void pr_json_key(struct pr_json *j, const char *key);
void pr_json_u64(struct pr_json *j, const char *key, uint64_t v);
void pr_json_s64(struct pr_json *j, const char *key, int64_t v);
void pr_json_bool(struct pr_json *j, const char *key, bool v);
void pr_json_null(struct pr_json *j, const char *key);
/* A NUL-terminated string of our own. */
void pr_json_str(struct pr_json *j, const char *key, const char *s);
/* Untrusted bytes; adds KEY_b64 when they are not valid UTF-8 (key must not be NULL). */
void pr_json_bytes(struct pr_json *j, const char *key, const void *p, size_t n);
/*
 * An element of an array of untrusted bytes. Returns false when it was not valid UTF-8: the caller then adds an array
 * KEY_b64 beside, of the same length, with null where the plain element is exact (see pr_json_b64_element).
 */
bool pr_json_bytes_element(struct pr_json *j, const void *p, size_t n);
void pr_json_b64_element(struct pr_json *j, const void *p, size_t n);

/* Ends the line: '\n', and the writer is ready for the next one. */
void pr_json_newline(struct pr_json *j);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h: what an execve brought with it, copied once out of its frame and its data, and never changed afterwards.
 *
 * Entries hold counted references: a clone shows its parent's text by sharing its image. The bytes are raw; text is made
 * of them when it is printed.
 */
#ifndef PROCREC_REPLAY_CACHE_IMAGE_H
#define PROCREC_REPLAY_CACHE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "replay/decode/decode.h"
#include "replay/names.h"

struct pr_image {
	uint32_t refs; /* of the cache: 0, and it costs the cache nothing more */
	uint32_t pins; /* of those who still read it: with neither, its memory goes */
	uint32_t uid;
	uint64_t permitted, effective, inheritable;
	struct pr_name *user; /* counted; NULL: unknown */
	size_t size; /* of the whole allocation */
	uint32_t filename_len, args_len, cwd_len, argv0_len;
	uint8_t enomem; /* enum pr_enomem */
	bool has_argv0;
	bool one_empty_arg; /* where args is empty it stands for one argument that is empty */
	uint8_t bytes[]; /* filename, args, cwd, argv[0], back to back */
};

/* What a new image is made of; all borrowed. */
struct pr_image_parts {
	uint32_t uid;
	uint64_t permitted, effective, inheritable;
	struct pr_name *user; /* a reference is taken */
	enum pr_enomem enomem;
	struct pr_slice filename, args, cwd, argv0;
	bool has_argv0, one_empty_arg;
};

/* With one reference, or NULL when memory runs out. */
struct pr_image *pr_image_new(const struct pr_image_parts *parts);

static inline struct pr_image *pr_image_ref(struct pr_image *im)
{
	im->refs++;
	return im;
}

/* The bytes that the cache holds less by this: 0 while others hold it. Pins do not count: a limit is met at the same frame with and without. */
size_t pr_image_unref(struct pr_image *im);

static inline void pr_image_pin(struct pr_image *im)
{
	im->pins++;
}
void pr_image_unpin(struct pr_image *im);

static inline struct pr_slice pr_image_filename(const struct pr_image *im)
{
	return (struct pr_slice){im->bytes, im->filename_len};
}

static inline struct pr_slice pr_image_args(const struct pr_image *im)
{
	return (struct pr_slice){im->bytes + im->filename_len, im->args_len};
}

static inline struct pr_slice pr_image_raw_cwd(const struct pr_image *im)
{
	return (struct pr_slice){im->bytes + im->filename_len + im->args_len, im->cwd_len};
}

static inline struct pr_slice pr_image_argv0(const struct pr_image *im)
{
	return (struct pr_slice){im->bytes + im->filename_len + im->args_len + im->cwd_len, im->argv0_len};
}

static inline struct pr_slice pr_image_user(const struct pr_image *im)
{
	return im->user ? (struct pr_slice){im->user->bytes, im->user->len} : (struct pr_slice){NULL, 0};
}

/*
 * binary, arguments and cwd as the reference shows them: raw bytes, not escaped. Where the image holds the very bytes they are
 * returned as a slice of it; else they are put into *scratch, which is cleared first.
 */
struct pr_slice pr_image_binary(const struct pr_image *im, struct pr_buf *scratch);
struct pr_slice pr_image_arguments(const struct pr_image *im, struct pr_buf *scratch);
struct pr_slice pr_image_cwd(const struct pr_image *im);

/* The exact arguments from argv[1] on: start with *pos = 0; false at the end. */
bool pr_image_next_arg(const struct pr_image *im, size_t *pos, struct pr_slice *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/cache/image.h"

#include <stdlib.h>
#include <string.h>

#include "replay/decode/text.h"

static const struct pr_slice enomem = {(const uint8_t *)PR_ENOMEM_TEXT, sizeof(PR_ENOMEM_TEXT) - 1};

static uint8_t *put(uint8_t *p, struct pr_slice s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

struct pr_image *pr_image_new(const struct pr_image_parts *parts)
{
	size_t size = sizeof(struct pr_image) + parts->filename.n + parts->args.n + parts->cwd.n + parts->argv0.n;
	struct pr_image *im = malloc(size);
	uint8_t *p;

	if (!im)
		return NULL;
	*im = (struct pr_image){
		.refs = 1,
		.uid = parts->uid,
		.permitted = parts->permitted,
		.effective = parts->effective,
		.inheritable = parts->inheritable,
		.user = pr_name_ref(parts->user),
		.size = size,
		.filename_len = (uint32_t)parts->filename.n,
		.args_len = (uint32_t)parts->args.n,
		.cwd_len = (uint32_t)parts->cwd.n,
		.argv0_len = (uint32_t)parts->argv0.n,
		.enomem = (uint8_t)parts->enomem,
		.has_argv0 = parts->has_argv0,
		.one_empty_arg = parts->one_empty_arg,
	};
	p = put(im->bytes, parts->filename);
	p = put(p, parts->args);
	p = put(p, parts->cwd);
	put(p, parts->argv0);
	return im;
}

static void free_image(struct pr_image *im)
{
	pr_name_unref(im->user);
	free(im);
}

size_t pr_image_unref(struct pr_image *im)
{
	size_t size = im->size;

	if (--im->refs)
		return 0;
	if (!im->pins)
		free_image(im);
	return size;
}

void pr_image_unpin(struct pr_image *im)
{
	if (!--im->pins && !im->refs)
		free_image(im);
}

struct pr_slice pr_image_binary(const struct pr_image *im, struct pr_buf *scratch)
{
	struct pr_slice filename = pr_image_filename(im), cwd = pr_image_raw_cwd(im);

	if (im->enomem == PR_ENOMEM_ARGS || (filename.n && (filename.p[0] == '/' || !cwd.n)))
		return filename;
	pr_buf_clear(scratch);
	pr_text_binary(scratch, filename, cwd);
	return (struct pr_slice){scratch->data, scratch->len};
}

struct pr_slice pr_image_arguments(const struct pr_image *im, struct pr_buf *scratch)
{
	struct pr_slice args = pr_image_args(im);

	if (im->enomem)
		return enomem;
	pr_buf_clear(scratch);
	pr_text_arguments(scratch, args.p, args.n);
	return (struct pr_slice){scratch->data, scratch->len};
}

struct pr_slice pr_image_cwd(const struct pr_image *im)
{
	return im->enomem ? enomem : pr_image_raw_cwd(im);
}

bool pr_image_next_arg(const struct pr_image *im, size_t *pos, struct pr_slice *out)
{
	struct pr_slice args = pr_image_args(im);
	const uint8_t *nul;

	if (!args.n) {
		*out = args;
		return im->one_empty_arg && (*pos)++ == 0;
	}
	if (*pos > args.n)
		return false;
	nul = memchr(args.p + *pos, 0, args.n - *pos);
	*out = (struct pr_slice){args.p + *pos, nul ? (size_t)(nul - args.p) - *pos : args.n - *pos};
	*pos += out->n + 1;
	return true;
}

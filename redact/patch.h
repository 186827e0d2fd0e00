/* SPDX-License-Identifier: BSD-2-Clause */
/* patch.h: parts of a run of bytes replaced by others, of other lengths. */
#ifndef PROCREC_REDACT_PATCH_H
#define PROCREC_REDACT_PATCH_H

#include "base/buf.h"
#include "replay/decode/decode.h"

struct pr_patch {
	size_t from, to; /* of the old bytes; equal: nothing is replaced */
	struct pr_buf *with; /* borrowed */
};

/* For a slice of `all`; where it is empty, one that replaces nothing. */
struct pr_patch pr_patch_slice(struct pr_slice all, struct pr_slice s, struct pr_buf *with);

/* Appends `all` with the n patches, which are in order, to *out. */
void pr_patch_put(struct pr_buf *out, struct pr_slice all, const struct pr_patch *v, size_t n);

/* Cuts *give, which is with one of the patches, so that the whole becomes no longer than max; true when something was cut. */
bool pr_patch_fit(size_t all, const struct pr_patch *v, size_t n, size_t max, struct pr_buf *give);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "redact/patch.h"

struct pr_patch pr_patch_slice(struct pr_slice all, struct pr_slice s, struct pr_buf *with)
{
	size_t at = s.n ? (size_t)(s.p - all.p) : 0;

	return (struct pr_patch){at, at + s.n, with};
}

void pr_patch_put(struct pr_buf *out, struct pr_slice all, const struct pr_patch *v, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].to == v[i].from)
			continue;
		pr_buf_append(out, all.p + at, v[i].from - at);
		pr_buf_append(out, v[i].with->data, v[i].with->len);
		at = v[i].to;
	}
	pr_buf_append(out, all.p + at, all.n - at);
}

bool pr_patch_fit(size_t all, const struct pr_patch *v, size_t n, size_t max, struct pr_buf *give)
{
	size_t size = all;

	for (size_t i = 0; i < n; i++)
		if (v[i].to > v[i].from)
			size += v[i].with->len - (v[i].to - v[i].from);
	if (size <= max)
		return false;
	size -= max;
	give->len -= size < give->len ? size : give->len;
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The segment reader on damaged files. An odd first byte: with the checksums made right, so that the damage gets further. */
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void read_frames(const struct pr_block *b)
{
	struct pr_frame_iter it;
	struct pr_frame f;

	pr_frame_iter_init(&it, b);
	while (pr_frame_iter_next(&it, &f))
		fuzz_touch(f.data, f.size);
}

static void read_all(struct pr_seg_reader *r, size_t size)
{
	struct pr_block b;
	struct pr_seg_damage d = {0};
	uint64_t last = 0;
	size_t steps = 0;
	int err;

	do {
		err = pr_seg_reader_next(r, &b, &d, NULL);
		if (!err) {
			FUZZ_ASSERT(b.offset >= last && b.offset < size);
			last = b.offset;
			read_frames(&b);
		} else if (err == PR_EDATA) {
			FUZZ_ASSERT(d.from <= d.to && d.to <= size && d.why);
		}
		FUZZ_ASSERT(++steps < size + 100); /* it gets on */
	} while (!err || err == PR_EDATA);
	FUZZ_ASSERT(err == PR_END || err == PR_ENOMEM);
	FUZZ_ASSERT(pr_seg_reader_tail(r) <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pr_seg_reader *r;
	struct pr_block b;
	uint8_t *copy;

	if (size < 1)
		return 0;
	copy = malloc(size); /* exactly as long: a read behind the end is seen */
	FUZZ_ASSERT(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		fuzz_repair(copy, size - 1);
	if (!pr_seg_reader_new(&r, pr_source_memory(copy, size - 1), NULL)) {
		read_all(r, size - 1);
		pr_seg_reader_rewind(r);
		read_all(r, size - 1);
		for (size_t at = 0; at < size; at += size / 7 + 1)
			if (!pr_seg_reader_at(r, at, &b, NULL))
				read_frames(&b);
		pr_seg_reader_free(r);
	}
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* verify and repair on damaged files, signed ones too. An odd first byte: with the checksums made right. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schema/repair.h"
#include "schema/verify.h"
#include "tests/fuzz/fuzz.h"

static void on_problem(void *ctx, const char *name, uint64_t from, uint64_t to, uint64_t frames, const char *why)
{
	(void)frames;
	FUZZ_ASSERT(name && why && from <= to);
	++*(uint64_t *)ctx;
}

static void verify(const uint8_t *p, size_t n)
{
	uint64_t problems = 0;
	struct pr_verify_options opt = {.on_problem = on_problem, .ctx = &problems};
	struct pr_verified v;

	if (pr_verify_segment(pr_source_memory(p, n), &opt, &v, NULL))
		return;
	FUZZ_ASSERT(v.problems == problems);
	FUZZ_ASSERT(v.signed_frames <= v.frames && v.signed_blocks <= v.blocks && v.tail_bytes <= n);
}

/* What repair gives is whole, whatever it was made of. */
static void repair(const uint8_t *p, size_t n)
{
	uint64_t problems = 0;
	struct pr_verify_options opt = {.on_problem = on_problem, .ctx = &problems};
	struct pr_seg_reader *r;
	struct pr_repaired res;
	struct pr_verified v;
	bool header_lost;
	uint8_t *copy;
	off_t size;
	int fd;

	if (pr_repair_open(&r, pr_source_memory(p, n), &header_lost, NULL))
		return;
	fd = memfd_create("copy", MFD_CLOEXEC);
	FUZZ_ASSERT(fd >= 0);
	FUZZ_ASSERT(!pr_repair_copy(r, header_lost, fd, NULL, NULL, &res, NULL));
	pr_seg_reader_free(r);
	size = lseek(fd, 0, SEEK_END);
	copy = malloc((size_t)size);
	FUZZ_ASSERT(copy && pread(fd, copy, (size_t)size, 0) == size);
	close(fd);
	FUZZ_ASSERT(!pr_verify_segment(pr_source_memory(copy, (size_t)size), &opt, &v, NULL));
	FUZZ_ASSERT(v.sealed && v.frames == res.frames);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size < 1)
		return 0;
	copy = malloc(size); /* exactly as long: a read behind the end is seen */
	FUZZ_ASSERT(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		fuzz_repair(copy, size - 1);
	verify(copy, size - 1);
	repair(copy, size - 1);
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index opener: a crafted index beside a small trace. It is refused, or it answers; what it answers is bounded.
 * An odd first byte: the checksums of its pages are made right, as somebody who crafts an index would.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/out.h"
#include "replay/asm/asm.h"
#include "schema/index.h"
#include "schema/index_vfs.h"
#include "tests/fuzz/fuzz.h"

#define ANSWERS_MAX 100000

static const char text[] = "meta host hostname=\"h\"\nexecve pid=1@1 parent=0@1 flags=PROCFS filename=\"/sbin/init\"\n"
			   "clone pid=2@20 parent=1@1\nexecve pid=2@21 parent=1@1 cleanup=2@20 flags=EXECVE|CLONE filename=\"/bin/sh\"\n"
			   "clone pid=3@30 parent=2@21\nexit pid=3@30 time=40 code=exit:1\nexit pid=2@21 time=50 code=exit:0\n";

static int put(void *ctx, const struct pr_envelope *env, const uint8_t *frame, struct pr_errinfo *ei)
{
	struct pr_buf *b = ctx;

	(void)ei;
	pr_buf_append(b, env, sizeof(*env)); /* little-endian hosts only */
	pr_buf_append(b, frame, env->size);
	return PR_OK;
}

/* As in schema/index_vfs.c. */
static void repair(uint8_t *p, size_t n)
{
	for (size_t page = 0; (page + 1) * PR_INDEX_PAGE <= n; page++, p += PR_INDEX_PAGE) {
		uint64_t a = page * 0x9e3779b97f4a7c15u + 1, b = 0x70726f63u;
		size_t i;

		for (i = 0; i < PR_INDEX_PAGE - PR_INDEX_RESERVE; i += 8) {
			a = (a ^ pr_get_u64(p + i)) * 0xa0761d6478bd642fu;
			a ^= a >> 32;
			b += a;
		}
		pr_put_u64(p + i, (a ^ b) | 1);
	}
}

static int count(void *ctx, const struct pr_proc *im)
{
	size_t *n = ctx;

	(void)im;
	return ++*n > ANSWERS_MAX ? PR_ELIMIT : PR_OK;
}

static int count_gap(void *ctx, const struct pr_gap *g)
{
	(void)g;
	return count(ctx, NULL);
}

static void ask(struct pr_index *ix)
{
	struct pr_proc_key key = {3, 30};
	struct pr_index_block b;
	struct pr_buf name = PR_BUF_INIT;
	struct pr_proc im;
	size_t n = 0;

	for (int depth = 0; depth < 100 && !pr_index_get(ix, key, &im, NULL); depth++)
		key = im.parent; /* a chain may be a cycle */
	pr_index_pid(ix, 2, UINT64_MAX, count, &n, NULL);
	pr_index_children(ix, (struct pr_proc_key){2, 21}, count, &n, NULL);
	pr_index_long_at(ix, 35, count, &n, NULL);
	pr_index_each(ix, count, &n, NULL);
	pr_index_gaps(ix, count_gap, &n, NULL);
	pr_index_block(ix, 3, &b, NULL);
	pr_index_name(ix, true, 0, 5, &name, NULL);
	pr_buf_release(&name);
}

static char path[] = "/tmp/procrec-fuzz-index.XXXXXX";

static void clean_up(void)
{
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct pr_buf raw = PR_BUF_INIT, keep;
	struct pr_index *ix = NULL;
	struct pr_trace *t;
	uint8_t *copy;

	if (size < 1)
		return 0;
	if (fd < 0) {
		fd = mkstemp(path);
		atexit(clean_up);
	}
	copy = malloc(size);
	FUZZ_ASSERT(fd >= 0 && copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		repair(copy, size - 1);
	FUZZ_ASSERT(!ftruncate(fd, 0) && lseek(fd, 0, SEEK_SET) == 0 && !pr_write_all(fd, copy, size - 1));
	FUZZ_ASSERT(!pr_asm_text("trace", text, sizeof(text) - 1, put, &raw, NULL));
	t = fuzz_trace(raw.data, raw.len, &keep);
	FUZZ_ASSERT(t);
	if (getenv("FUZZ_MAKE_INDEX")) { /* for the corpus: the honest index of that trace */
		FUZZ_ASSERT(!pr_index_rebuild(getenv("FUZZ_MAKE_INDEX"), t, NULL, NULL));
		pr_trace_rewind(t);
	}
	if (!pr_index_open(&ix, path, t, NULL))
		ask(ix);
	pr_index_close(ix);
	pr_trace_close(t);
	pr_buf_release(&keep);
	pr_buf_release(&raw);
	free(copy);
	return 0;
}

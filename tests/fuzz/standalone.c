/* SPDX-License-Identifier: BSD-2-Clause */
/* standalone.c: runs a fuzz target over files and folders of inputs, and over each input damaged a little, without libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define MUTATIONS 20 /* of each input */

static unsigned long runs;

static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	FUZZ_ASSERT(copy);
	if (n)
		memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	runs++;
}

static void run_mutated(uint8_t *p, size_t n)
{
	uint64_t state = 0x9e3779b97f4a7c15u ^ n;

	run(p, n);
	for (int i = 0; i < MUTATIONS && n; i++) {
		size_t at;
		uint8_t old;

		state = state * 6364136223846793005u + 1442695040888963407u;
		at = (size_t)(state >> 16) % n;
		old = p[at];
		p[at] = (uint8_t)(i % 3 ? old ^ 1u << (state >> 8 & 7) : state >> 56);
		run(p, i % 4 ? n : at + 1);
		p[at] = old;
	}
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct pr_buf b = PR_BUF_INIT;
	uint8_t chunk[4096];
	size_t k;

	if (!f) {
		perror(path);
		return 1;
	}
	while ((k = fread(chunk, 1, sizeof(chunk), f)) > 0)
		pr_buf_append(&b, chunk, k);
	fclose(f);
	run_mutated(b.data, b.len);
	pr_buf_release(&b);
	return 0;
}

static int run_path(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char file[4096];
	int bad = 0;

	if (!d)
		return run_file(path);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		bad |= run_file(file);
	}
	closedir(d);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	run((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		bad |= run_path(argv[i]);
	printf("%lu inputs\n", runs);
	return bad;
}

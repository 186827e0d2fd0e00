/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_in(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}

static bool add(struct pr_dir_names *l, size_t *cap, const char *name)
{
	if (l->n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		char **v = realloc(l->v, more * sizeof(*v));

		if (!v)
			return false;
		l->v = v;
		*cap = more;
	}
	l->v[l->n] = strdup(name);
	return l->v[l->n] && ++l->n;
}

int pr_dir_list(const char *path, const char *suffix, struct pr_dir_names *out, struct pr_errinfo *ei)
{
	struct pr_dir_names l = {0};
	DIR *d = opendir(path);
	struct dirent *e;
	size_t cap = 0;
	int err = PR_OK;

	if (!d)
		return pr_fail_errno(ei, "%s: cannot open the directory", path);
	for (errno = 0; !err && (e = readdir(d)); errno = 0)
		if (ends_in(e->d_name, suffix) && !add(&l, &cap, e->d_name))
			err = pr_fail(ei, PR_ENOMEM, "out of memory");
	if (!err && errno)
		err = pr_fail_errno(ei, "%s: cannot read the directory", path);
	closedir(d);
	if (err) {
		pr_dir_release(&l);
		return err;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_bytes);
	*out = l;
	return PR_OK;
}

void pr_dir_release(struct pr_dir_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct pr_dir_names){0};
}

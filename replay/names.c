/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/names.h"

#include <stdlib.h>
#include <string.h>

struct pr_name *pr_name_ref(struct pr_name *n)
{
	if (n)
		n->refs++;
	return n;
}

void pr_name_unref(struct pr_name *n)
{
	if (n && --n->refs == 0)
		free(n);
}

void pr_names_init(struct pr_names *n)
{
	*n = (struct pr_names){PR_MAP_INIT, NULL, 0};
}

void pr_names_release(struct pr_names *n)
{
	size_t pos = 0;
	struct pr_map_slot *s;

	while ((s = pr_map_each(&n->users, &pos)))
		pr_name_unref(s->v.p);
	pr_map_release(&n->users);
	pr_name_unref(n->host);
	pr_names_init(n);
}

static int too_much(struct pr_errinfo *ei)
{
	return pr_fail(ei, PR_ELIMIT, "the trace holds more than %u bytes of user and host names: it is not an honest one",
		PR_NAMES_BYTES_MAX);
}

/* Puts a new name in the place of *slot. */
static int replace(struct pr_names *n, struct pr_name **slot, const void *p, size_t len, struct pr_errinfo *ei)
{
	uint64_t old = *slot ? (*slot)->len : 0;
	struct pr_name *name;

	if (n->bytes - old + len > PR_NAMES_BYTES_MAX)
		return too_much(ei);
	name = malloc(sizeof(*name) + len);
	if (!name)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	name->refs = 1;
	name->len = (uint32_t)len;
	if (len)
		memcpy(name->bytes, p, len);
	n->bytes = n->bytes - old + len;
	pr_name_unref(*slot);
	*slot = name;
	return PR_OK;
}

int pr_names_set_user(struct pr_names *n, uint32_t uid, const void *p, size_t len, struct pr_errinfo *ei)
{
	struct pr_map_slot *s = pr_map_get(&n->users, uid, 0);
	struct pr_name *name = s ? s->v.p : NULL;
	int err;

	if (!s && n->bytes + len + sizeof(*s) > PR_NAMES_BYTES_MAX)
		return too_much(ei);
	if (!s) {
		s = pr_map_put(&n->users, uid, 0, NULL);
		if (!s)
			return pr_fail(ei, PR_ENOMEM, "out of memory");
		n->bytes += sizeof(*s); /* many empty names are bounded too */
	}
	err = replace(n, &name, p, len, ei);
	if (err == PR_OK)
		s->v.p = name;
	return err;
}

int pr_names_set_host(struct pr_names *n, const void *p, size_t len, struct pr_errinfo *ei)
{
	return replace(n, &n->host, p, len, ei);
}

struct pr_name *pr_names_user(const struct pr_names *n, uint32_t uid)
{
	struct pr_map_slot *s = pr_map_get(&n->users, uid, 0);

	return s ? s->v.p : NULL;
}

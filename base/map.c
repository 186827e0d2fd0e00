/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define MAP_MIN 16
#define MAP_HUGE ((size_t)2 << 20)

static uint64_t secret[2];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
	/* Without the system call the maps still work, only without protection against crafted keys. */
	if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) != (ssize_t)sizeof(secret)) {
		secret[0] = 0x9e3779b97f4a7c15u;
		secret[1] = 0xd1b54a32d192ed03u;
	}
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static size_t hash(uint64_t k0, uint64_t k1)
{
	return (size_t)fold(fold(k0 ^ secret[0], 0xa0761d6478bd642fu) ^ k1, secret[1] | 1);
}

void pr_map_release(struct pr_map *m)
{
	free(m->slots);
	*m = PR_MAP_INIT;
}

static struct pr_map_slot *probe(const struct pr_map *m, uint64_t k0, uint64_t k1)
{
	size_t i = hash(k0, k1) & m->mask;

	while (m->slots[i].used && (m->slots[i].k0 != k0 || m->slots[i].k1 != k1))
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

struct pr_map_slot *pr_map_get(const struct pr_map *m, uint64_t k0, uint64_t k1)
{
	struct pr_map_slot *s;

	if (!m->slots)
		return NULL;
	s = probe(m, k0, k1);
	return s->used ? s : NULL;
}

void pr_map_prefetch(const struct pr_map *m, uint64_t k0, uint64_t k1)
{
	if (m->slots)
		__builtin_prefetch(&m->slots[hash(k0, k1) & m->mask]);
}

/*
 * cap empty slots. A large table is used all over, in no order: it is written once, so that no page is first met by a look-up (which
 * costs a second fault when it is filled), and asks for huge pages, where the machine has them to give.
 */
static struct pr_map_slot *new_slots(size_t cap)
{
	struct pr_map_slot *s;
	size_t size;

	if (cap > SIZE_MAX / sizeof(*s))
		return NULL;
	size = cap * sizeof(*s);
	if (size < MAP_HUGE)
		s = malloc(size);
	else
		s = aligned_alloc(MAP_HUGE, size); /* both are powers of two */
	if (!s)
		return NULL;
	if (size >= MAP_HUGE)
		madvise(s, size, MADV_HUGEPAGE); /* a wish: without it the table is as good */
	return memset(s, 0, size);
}

static bool grow(struct pr_map *m)
{
	size_t cap = m->slots ? (m->mask + 1) * 2 : MAP_MIN;
	struct pr_map bigger = {new_slots(cap), cap - 1, m->len};

	if (!bigger.slots)
		return false;
	pthread_once(&secret_once, draw_secret);
	for (size_t i = 0; m->slots && i <= m->mask; i++)
		if (m->slots[i].used)
			*probe(&bigger, m->slots[i].k0, m->slots[i].k1) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

struct pr_map_slot *pr_map_put(struct pr_map *m, uint64_t k0, uint64_t k1, bool *out_new)
{
	struct pr_map_slot *s = m->slots ? probe(m, k0, k1) : NULL;

	if (out_new)
		*out_new = !s || !s->used;
	if (s && s->used)
		return s;
	if (!s || m->len * 4 >= (m->mask + 1) * 3) { /* at most 3/4 full */
		if (!grow(m))
			return NULL;
		s = probe(m, k0, k1);
	}
	*s = (struct pr_map_slot){.k0 = k0, .k1 = k1, .used = true};
	m->len++;
	return s;
}

bool pr_map_del(struct pr_map *m, uint64_t k0, uint64_t k1)
{
	struct pr_map_slot *s = pr_map_get(m, k0, k1);
	size_t hole, i;

	if (!s)
		return false;
	hole = (size_t)(s - m->slots);
	for (i = (hole + 1) & m->mask; m->slots[i].used; i = (i + 1) & m->mask) {
		size_t home = hash(m->slots[i].k0, m->slots[i].k1) & m->mask;

		/* Moves back only what may stand in the hole: its home is not between the hole (exclusive) and i. */
		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].used = false;
	m->len--;
	return true;
}

struct pr_map_slot *pr_map_each(const struct pr_map *m, size_t *pos)
{
	while (m->slots && *pos <= m->mask) {
		struct pr_map_slot *s = &m->slots[(*pos)++];

		if (s->used)
			return s;
	}
	return NULL;
}

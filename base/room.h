/* SPDX-License-Identifier: BSD-2-Clause */
/* room.h: room for one more in an array that grows. */
#ifndef PROCREC_BASE_ROOM_H
#define PROCREC_BASE_ROOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define PR_ROOM_MAX (UINT32_MAX / 2) /* elements: numbers of them fit into 32 bits, and one is left for none */

/*
 * v has n elements of `each` bytes and room for *cap (NULL, 0, 0 at first). Returns the array, which may have moved, with room for one more;
 * NULL: out of memory, or it has PR_ROOM_MAX elements, and v is as it was.
 */
static inline void *pr_room(void *v, size_t n, size_t *cap, size_t each)
{
	size_t more = *cap ? *cap * 2 : 4; /* few: there may be an array for each level of a deep tree */
	void *p;

	if (n < *cap)
		return v;
	if (n >= PR_ROOM_MAX)
		return NULL;
	p = realloc(v, more * each);
	if (p)
		*cap = more;
	return p;
}

#endif

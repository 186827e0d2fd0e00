/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * freeze.h: the segments that a directory holds now, as a set that its retention does not touch: hard links in a folder of it.
 *
 * The set is a directory of segments itself, for all that reads one. It costs no room as long as the segments are there, too; when
 * retention deletes those, their room is not freed.
 */
#ifndef PROCREC_SCHEMA_FREEZE_H
#define PROCREC_SCHEMA_FREEZE_H

#include <stdint.h>

#include "base/err.h"

#define PR_FREEZE_NAME "frozen-%06llu"

struct pr_frozen_set {
	uint64_t number; /* of its name */
	uint64_t segments, bytes; /* bytes of the segments alone */
};

/*
 * May another set be made? PR_EBUSY with the reason: there are `limit` of them already, or the disk has less room than the segments take:
 * with them kept, a new history would not fit. Nothing is changed.
 */
int pr_freeze_check(const char *dir, uint64_t limit, struct pr_errinfo *ei);

/*
 * Links all segments with what lies beside them (index, signature) into DIR/frozen-NNNNNN, the next number, but the one named `but` (its
 * series number; UINT64_MAX: none). `why`, a line for people, goes to a file of that name there. The set gets its name when
 * it is whole and committed. PR_ENOENT: there is no segment. The caller holds the directory's lock.
 */
int pr_freeze(const char *dir, uint64_t but, const char *why, struct pr_frozen_set *out, struct pr_errinfo *ei);

#endif

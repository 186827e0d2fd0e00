/* SPDX-License-Identifier: BSD-2-Clause */
/* select.h: the processes of a subtree and their ancestors, by all their identities. Inside of extract/. */
#ifndef PROCREC_REPLAY_EXTRACT_SELECT_H
#define PROCREC_REPLAY_EXTRACT_SELECT_H

#include "base/map.h"
#include "replay/extract/extract.h"

/* Fills ids with (pid, ktime) of what is kept. PR_ENOENT. */
int pr_select(const struct pr_extract_options *opt, struct pr_map *ids, struct pr_extracted *out, struct pr_errinfo *ei);

#endif

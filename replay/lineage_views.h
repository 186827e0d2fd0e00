/* SPDX-License-Identifier: BSD-2-Clause */
/* lineage_views.h: the views that answer questions about lineage, for the table of cmd_replay.c. */
#ifndef PROCREC_REPLAY_LINEAGE_VIEWS_H
#define PROCREC_REPLAY_LINEAGE_VIEWS_H

#include "replay/views.h"

/* struct pr_view initialisers, each ending in a comma */
#define PR_LINEAGE_VIEWS

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* boot_option.h: the option --boot of commands that read one boot of a directory. */
#ifndef PROCREC_REPLAY_BOOT_OPTION_H
#define PROCREC_REPLAY_BOOT_OPTION_H

#include "base/opts.h"

/* Entry of a struct pr_option table; boot: const char **, NULL at first. For pr_boot_choose; without it pr_notes_boot tells which was taken. */
#define PR_BOOT_OPTION(boot) \
	{0, "boot", PR_OPT_STR, boot, "BOOT", "of a directory: 0 the newest boot, -1 the one before, 1 the oldest, or an id", NULL}

#endif

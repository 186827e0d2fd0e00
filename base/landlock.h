/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * landlock.h: which files a process may still open while it parses untrusted bytes: those beneath the folders that its command line names.
 */
#ifndef PROCREC_BASE_LANDLOCK_H
#define PROCREC_BASE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Confines this process, and there is no way back. Each of argv's n words may be a path or hold one (--name=PATH, -nPATH): what lies beneath
 * its folder, or beneath itself where it is a folder, may be read, and with `writes` also be made, written and removed; with symbolic links
 * followed, those in such a folder too, and the index beside it (FOLDER.idx; with `writes`, all that lies there, since the index is made under
 * another name first). Beyond that only what every process reads: time zones, terminals, its own state in /proc. Descriptors that are open stay
 * so.
 * False where the kernel lacks Landlock (before 5.13, or it is off), or the build has sanitizers: nothing is then changed.
 */
bool pr_landlock_enter(char *const *argv, size_t n, bool writes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.h: what a process may still do while it parses untrusted bytes.
 *
 * Reading and writing files, memory, the clock, threads: yes. Starting programs or processes, the network, other processes, rights,
 * the kernel's own interfaces: no; such a call fails with EPERM. No new privileges either. There is no way back.
 */
#ifndef PROCREC_BASE_SANDBOX_H
#define PROCREC_BASE_SANDBOX_H

#include <stdbool.h>

/*
 * Confines this process. False where the system cannot, or the build has sanitizers, which need more: the caller goes on
 * unconfined, since every read is bounded anyway; this is the second line.
 */
bool pr_sandbox_enter(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* signing.h: the key that `record --sign` was given, the signer that it makes, and the signature beside the closed trace. */
#ifndef PROCREC_RECORDER_SIGNING_H
#define PROCREC_RECORDER_SIGNING_H

#include <stdbool.h>

#include "base/err.h"
#include "schema/sign.h"

/* Whether the secret key at `path` needs a password. */
int pr_signing_key_sealed(const char *path, bool *out, struct pr_errinfo *ei);

/*
 * Reads the secret key at `path`. The caller wipes *out with pr_secret_key_wipe. PR_EPERM: it needs a password, and that is NULL or not
 * the right one.
 */
int pr_signing_read_key(struct pr_secret_key *out, const char *path, const char *password, struct pr_errinfo *ei);

/* For struct pr_seg_options. */
void pr_signing_now(void *ctx, uint64_t *out_realtime, uint64_t *out_boottime);

/*
 * Writes `trace`.minisig for a trace of that digest, by the key at key_path, which is read again for this alone. PR_EIO or PR_EPERM
 * where the key or the folder can't be got at any more: the trace is signed without it.
 */
int pr_signing_detached(const char *trace, const char *key_path, const uint8_t digest[64], struct pr_errinfo *ei);

#endif

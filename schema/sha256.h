/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sha256.h: SHA-256 of up to two pieces of memory. By nettle, which uses the CPU's own instructions where it has them:
 * several times as fast as libsodium, which the signatures come from, and as quick to start.
 */
#ifndef PROCREC_SCHEMA_SHA256_H
#define PROCREC_SCHEMA_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define PR_SHA256_SIZE 32

/* The hash of the na bytes at a and the nb bytes at b, one after the other. */
void pr_sha256(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb);

#endif

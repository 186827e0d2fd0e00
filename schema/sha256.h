/* SPDX-License-Identifier: BSD-2-Clause */
/* sha256.h: SHA-256 of up to two pieces of memory: by the CPU's own instructions where it has them, else by libsodium. */
#ifndef PROCREC_SCHEMA_SHA256_H
#define PROCREC_SCHEMA_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define PR_SHA256_SIZE 32

/* The hash of the na bytes at a and the nb bytes at b, one after the other. */
void pr_sha256(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb);

/* By libsodium, whatever the CPU can: for tests. */
void pr_sha256_portable(uint8_t out[PR_SHA256_SIZE], const void *a, size_t na, const void *b, size_t nb);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* sanitizer.h: PR_WITH_SANITIZER is 1 in builds whose run-time library needs files and calls of its own, which no sandbox would let it have. */
#ifndef PROCREC_BASE_SANITIZER_H
#define PROCREC_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PR_WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define PR_WITH_SANITIZER 1
#endif
#endif
#ifndef PR_WITH_SANITIZER
#define PR_WITH_SANITIZER 0
#endif

#endif

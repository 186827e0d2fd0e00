/* SPDX-License-Identifier: BSD-2-Clause */
/* meter.h: who wants to know how far a long piece of work has come. What works calls it now and then; it changes no result. */
#ifndef PROCREC_BASE_METER_H
#define PROCREC_BASE_METER_H

#include <stddef.h>
#include <stdint.h>

struct pr_meter {
	void (*at)(void *ctx, uint64_t done, uint64_t total); /* total 0: not known */
	void *ctx;
};

/* m NULL: nobody wants to know. */
static inline void pr_meter_at(const struct pr_meter *m, uint64_t done, uint64_t total)
{
	if (m)
		m->at(m->ctx, done, total);
}

#endif

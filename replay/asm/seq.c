/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/asm/asm.h"

static uint64_t key_of(uint16_t cpu, uint8_t stream)
{
	return (uint64_t)cpu << 8 | stream;
}

void pr_asm_seq_release(struct pr_asm_seq *s)
{
	pr_map_release(&s->next);
}

uint64_t pr_asm_seq_next(const struct pr_asm_seq *s, const struct pr_envelope *env)
{
	const struct pr_map_slot *slot;

	if (env->flags & PR_ENV_META)
		return 0;
	slot = pr_map_get(&s->next, key_of(env->cpu, env->stream), 0);
	return slot ? slot->v.u : 0;
}

int pr_asm_seq_advance(struct pr_asm_seq *s, const struct pr_envelope *env)
{
	struct pr_map_slot *slot;

	if (env->flags & (PR_ENV_META | PR_ENV_CONT))
		return PR_OK;
	slot = pr_map_put(&s->next, key_of(env->cpu, env->stream), 0, NULL);
	if (!slot)
		return PR_ENOMEM;
	slot->v.u = env->seq + 1;
	return PR_OK;
}

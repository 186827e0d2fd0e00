/* SPDX-License-Identifier: BSD-2-Clause */
/* scene.h: frames of made-up machines, for benchmarks: what one happening gives is handed over at once, as a ring record is. */
#ifndef PROCREC_TESTS_SCENE_H
#define PROCREC_TESTS_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/frames.h"

#define SCENE_LIVE 16 /* processes of the load that live at a time */

enum scene_kind {
	SCENE_BUILD, /* make runs compilers: clone, exec, exit, a new make every 2000 */
	SCENE_SERVERS, /* services run short helpers under many uids, with arguments that differ; some of them live long */
	SCENE_FORKS /* workers that are cloned and end, without an exec */
};

/* bytes: envelopes with their frames, borrowed during the call. */
typedef void scene_fn(void *arg, const void *bytes, size_t n, uint32_t frames);

struct scene {
	struct frames f;
	enum scene_kind kind;
	uint64_t now, rnd, steps;
	uint32_t pid, pid_max, pending; /* frames in f */
	struct frame_key root; /* what the load's processes descend from: the make, or the service */
	struct {
		struct frame_key key;
		bool used;
	} live[SCENE_LIVE];
	scene_fn *fn;
	void *arg;
};

bool scene_kind_parse(const char *name, enum scene_kind *out);

/* Hands over what was there before: host, clock, init and 300 daemons. */
void scene_init(struct scene *s, enum scene_kind kind, uint32_t pid_max, scene_fn *fn, void *arg);

/* One process starts; often one ends. */
void scene_step(struct scene *s);

void scene_release(struct scene *s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer.c: what the recorder's way to the disk has promised, against what is there after the writer was ended with no warning.
 *
 *   writer write KIND TARGET STATE [KEY]   writes made-up frames until it is killed; STATE holds how many of them were promised
 *   writer check KIND TARGET STATE         compares: every promised frame is there, and all that is there is what was written
 *   writer kills ROUNDS SEED               in the current folder: writes, kills, compares, ROUNDS times
 *
 * KIND: file (one segment, synced every few ms), block (synced at each block), plain (never synced: what it promises survives a kill, not
 * a power cut), dir (a rotation, signed where there is a KEY). The frames of a round are those of tests/bench/scene.c, always the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "recorder/signing.h"
#include "recorder/spool.h"
#include "schema/recording.h"
#include "schema/trace.h"
#include "tests/bench/scene.h"

#define STEPS 40 /* processes between two orders to sync */
#define LIFE_US 30000 /* of a writer in `kills`, at most */

struct state { /* in a shared mapping: what stands there outlives the writer */
	uint64_t put, promised; /* frames */
};

static const char *const kinds[] = {"file", "block", "plain", "dir"};
enum kind { KIND_FILE, KIND_BLOCK, KIND_PLAIN, KIND_DIR, KINDS };

static void die(const char *what, const char *why)
{
	fprintf(stderr, "writer: %s: %s\n", what, why);
	exit(2);
}

static enum kind kind_of(const char *name)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (!strcmp(name, kinds[i]))
			return (enum kind)i;
	die(name, "no such kind");
	return KINDS;
}

static struct state *map_state(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *p = fd < 0 || ftruncate(fd, sizeof(struct state)) ? MAP_FAILED : mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die(path, strerror(errno));
	close(fd);
	return p;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct writer {
	struct pr_spool *spool;
	struct state *state;
};

static void on_written(void *arg, const void *p, size_t n, uint32_t frames)
{
	struct writer *w = arg;
	struct pr_errinfo ei;

	w->state->put += frames;
	if (pr_spool_put(w->spool, p, n, true, &ei))
		die("put", ei.msg);
}

static void write_for_ever(enum kind kind, const char *target, struct state *state, const char *key)
{
	struct pr_spool_options opt = {.path = target,
		.index = true,
		.rotate = kind == KIND_DIR,
		.max_bytes = kind == KIND_DIR ? 64 << 10 : 0,
		.sync = kind == KIND_BLOCK ? PR_SYNC_BLOCK : kind == KIND_PLAIN ? PR_SYNC_NONE : PR_SYNC_SPAN,
		.plain = kind == KIND_PLAIN};
	struct writer w = {.state = state};
	struct pr_secret_key secret;
	struct pr_errinfo ei;
	struct scene s;

	if (key) {
		if (pr_signing_read_key(&secret, key, NULL, &ei))
			die(key, ei.msg);
		opt.sign = &secret;
	}
	if (pr_spool_open(&w.spool, &opt, &ei))
		die(target, ei.msg);
	scene_init(&s, SCENE_BUILD, 4194303, on_written, &w);
	for (;;) {
		for (unsigned i = 0; i < STEPS; i++)
			scene_step(&s);
		if (pr_spool_tick(w.spool, state->put, &ei))
			die("tick", ei.msg);
		usleep(200);
		state->promised = pr_spool_written(w.spool);
	}
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

struct check {
	struct pr_trace *trace;
	uint64_t same;
	bool ended, differs;
};

/* The next frame that is no repetition; false: there is none. */
static bool next_frame(struct check *c, struct pr_frame *f)
{
	struct pr_errinfo ei;
	int err;

	do
		err = pr_trace_next(c->trace, f, &ei);
	while (!err && f->env_flags & PR_ENV_REPEAT);
	c->ended = err;
	if (err && err != PR_END)
		c->differs = true;
	return !err;
}

static bool is_same(const struct pr_frame *f, const uint8_t *want, size_t left)
{
	return left >= PR_ENVELOPE_SIZE + f->size && f->cpu == pr_get_u16(want) && f->stream == want[2] && f->env_seq == pr_get_u64(want + 8) &&
	       f->size == pr_get_u32(want + 4) && !memcmp(f->data, want + PR_ENVELOPE_SIZE, f->size);
}

static void on_expected(void *arg, const void *p, size_t n, uint32_t frames)
{
	struct check *c = arg;
	const uint8_t *at = p, *end = at + n;
	struct pr_frame f;

	(void)frames;
	while (at < end && !c->differs && next_frame(c, &f)) {
		c->differs = !is_same(&f, at, (size_t)(end - at));
		at += PR_ENVELOPE_SIZE + f.size;
		c->same += !c->differs;
	}
}

/* 0: as promised. *out_frames: how many are there. */
static int compare(const char *target, uint64_t promised, uint64_t put, uint64_t *out_frames)
{
	struct check c = {0};
	struct pr_trace_state st = {0};
	struct pr_errinfo ei;
	struct scene s;
	int err = pr_trace_open(&c.trace, target, &ei);

	*out_frames = 0;
	if (err && !promised)
		return 0; /* ended before it began */
	if (err) {
		printf("%s: %llu frames were promised: %s\n", target, (unsigned long long)promised, ei.msg);
		return 1;
	}
	scene_init(&s, SCENE_BUILD, 4194303, on_expected, &c);
	while (!c.ended && !c.differs)
		scene_step(&s);
	scene_release(&s);
	pr_trace_get_state(c.trace, &st);
	pr_trace_close(c.trace);
	*out_frames = c.same;
	if (!c.differs && !st.damages && c.same >= promised && c.same <= put)
		return 0;
	printf("%s: %llu frames put, %llu promised, %llu there as they were put%s, %llu damaged places\n", target, (unsigned long long)put,
		(unsigned long long)promised, (unsigned long long)c.same, c.differs ? ", then others" : "", (unsigned long long)st.damages);
	return 1;
}

/* ---- kill -9 ----------------------------------------------------------------------------------------------------- */

static void remove_target(enum kind kind, const char *target)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s %s.idx %s.[0-9]*", target, target, target);
	if (system(command))
		die(target, kinds[kind]);
}

static int kill_one(unsigned round, struct state *state, uint64_t *out_frames)
{
	enum kind kind = (enum kind)(round % KINDS);
	const char *target = kind == KIND_DIR ? "rec" : "t.seg";
	int status, bad;
	pid_t pid;

	*state = (struct state){0};
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (!pid)
		write_for_ever(kind, target, state, NULL);
	usleep((useconds_t)(rand() % LIFE_US));
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		die("writer", "ended by itself");
	bad = compare(target, state->promised, state->put, out_frames);
	if (!bad)
		remove_target(kind, target);
	return bad;
}

static int kill_many(unsigned rounds, unsigned seed)
{
	struct state *state = map_state("state");
	uint64_t promised = 0, there = 0, frames;
	unsigned begun = 0;

	srand(seed);
	for (unsigned i = 0; i < rounds; i++) {
		if (kill_one(i, state, &frames)) {
			printf("round %u of seed %u, a %s\n", i, seed, kinds[i % KINDS]);
			return 1;
		}
		begun += state->promised > 0;
		promised += state->promised;
		there += frames;
	}
	printf("%u kills, %u of them after a promise: %llu frames promised, %llu there, 0 missing\n", rounds, begun,
		(unsigned long long)promised, (unsigned long long)there);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t frames;
	struct state *state;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "kills"))
		return kill_many((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc < 5) {
		fprintf(stderr, "usage: writer write|check KIND TARGET STATE [KEY]; writer kills ROUNDS SEED\n");
		return 2;
	}
	state = map_state(argv[4]);
	if (!strcmp(argv[1], "write"))
		write_for_ever(kind_of(argv[2]), argv[3], state, argc > 5 ? argv[5] : NULL);
	if (compare(argv[3], state->promised, state->put, &frames))
		return 1;
	printf("%llu %llu\n", (unsigned long long)state->promised, (unsigned long long)frames);
	return 0;
}

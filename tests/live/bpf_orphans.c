/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_orphans.c: cases of reparenting. The truth is what getppid() says to the orphans themselves, once everybody who
 * was to end has been waited for.
 *
 * A case is a row of numbers: a reaper, below it maybe a second one and a process in between, then the father: so many
 * threads with so many children each, which all end at once. With `race` those in between end at the same moment.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

#define THREADS_MAX 16
#define ORPHANS_MAX 1024
#define ROUNDS 8
#define FILES 300
#define MEMORY (32u << 20)

enum ending { EACH_BY_ITSELF, AS_A_GROUP, LEADER_FIRST };

struct family {
	int threads;   /* of the father, its leader among them */
	int children;  /* of each thread */
	int reapers;   /* subreapers above the father */
	bool between;  /* a process that is no reaper stands above the father */
	bool race;     /* all but the topmost reaper end with the father */
	bool large;    /* the father's memory takes its last thread a while to give back; those above it end in the midst of that */
	enum ending how;
	int rounds;
};

static struct shared {
	pthread_barrier_t all; /* those that end at once */
	atomic_int n;
	uint32_t chain[8]; /* the father, and those between it and the topmost reaper */
	struct {
		uint32_t pid, ppid;
	} orphan[ORPHANS_MAX];
} volatile * sh;

static const struct family *fam;
static int go[2]; /* a byte for each orphan: it may look who its parent is */

/* All that take part go on at the same moment, as near as can be. */
static void meet(void)
{
	pthread_barrier_wait((pthread_barrier_t *)&sh->all);
}

/* With LEADER_FIRST the leader has gone when the others meet. */
static int racers(void)
{
	return fam->threads - (fam->how == LEADER_FIRST) + (fam->race ? (fam->reapers > 1 ? fam->reapers - 1 : 0) + fam->between : 0);
}

static void orphan(int i)
{
	char byte;

	if (read(go[0], &byte, 1) == 1)
		sh->orphan[i].ppid = (uint32_t)getppid();
	_exit(0);
}

/* Files of this thread alone, to be closed at its end: they keep it between the tracepoint and the giving away. */
static void take_files(void)
{
	int i;

	if (unshare(CLONE_FILES))
		return;
	for (i = 0; i < FILES && open("/dev/null", O_RDONLY) >= 0; i++)
		;
}

static void *thread_of_father(void *arg)
{
	int i, at;
	pid_t pid;
	char *memory;

	for (i = 0; i < fam->children; i++) {
		at = atomic_fetch_add(&sh->n, 1);
		pid = fork();
		if (!pid)
			orphan(at);
		sh->orphan[at].pid = (uint32_t)pid;
	}
	if (!fam->large)
		take_files();
	if (arg && fam->large) {
		memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory != MAP_FAILED)
			memset(memory, 1, MEMORY);
	}
	if (arg && fam->how == LEADER_FIRST)
		syscall(SYS_exit, 0);
	meet();
	if (fam->how == AS_A_GROUP)
		_exit(0);
	syscall(SYS_exit, 0);
	return NULL;
}

static int father(void)
{
	pthread_t t;
	int i;

	for (i = 1; i < fam->threads; i++)
		if (pthread_create(&t, NULL, thread_of_father, NULL))
			_exit(9);
	thread_of_father(&t);
	return 0;
}

/* A process of the chain; `level` counts down to the father. With `race` it ends with it, else when it has waited. */
static int ancestor(int level)
{
	bool reaper = level > fam->between;
	pid_t pid;

	sh->chain[level] = (uint32_t)getpid();
	if (!level)
		return father();
	if (reaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		_exit(ancestor(level - 1));
	if (fam->race) {
		if (fam->large)
			take_files();
		meet();
		if (fam->large)
			usleep((useconds_t)(getpid() % 16) * 250);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* The topmost: lets the orphans look when all others are gone, and waits for everybody. */
static int act_family(void *arg)
{
	int levels = (fam->reapers ? fam->reapers - 1 : 0) + fam->between, i;
	pid_t pid;

	(void)arg;
	if (fam->reapers)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		_exit(ancestor(levels));
	waitpid(pid, NULL, 0);
	/* With `race` all between come here in the end, as nobody else waits; only then are all given to whom they stay with. */
	for (i = 0; fam->race && i <= levels; i++)
		while (!sh->chain[i] || (sh->chain[i] != (uint32_t)pid && waitpid((pid_t)sh->chain[i], NULL, 0) < 0))
			usleep(1000);
	for (i = 0; i < atomic_load(&sh->n); i++)
		if (write(go[1], "", 1) != 1)
			return 1;
	while (wait(NULL) > 0)
		;
	return 0;
}

/*
 * What was told of an orphan: a chain from the father to whom it says itself that it ended up with. Where the machine forks much, its pid
 * is another's soon: the chain is of one identity, the first that left the father.
 */
static void check_orphan(const struct frames *f, int i)
{
	uint32_t at = sh->chain[0], pid = sh->orphan[i].pid;
	struct pr_key key = {0};
	const struct frame *fr;
	struct pr_reparent m;
	size_t n;

	for (n = 0; (fr = frames_find(f, PR_OP_REPARENT, pid, n)); n++) {
		memcpy(&m, fr->b.p, sizeof(m));
		if (key.pid ? m.key.ktime != key.ktime : m.old_parent.pid != at)
			continue;
		key = m.key;
		CHECK(m.old_parent.pid == at && m.new_parent.pid != at);
		at = m.new_parent.pid;
	}
	if (at != sh->orphan[i].ppid)
		printf("    orphan %u of %u: told parent %u, is %u\n", pid, sh->chain[0], at, sh->orphan[i].ppid);
	CHECK(key.pid && at == sh->orphan[i].ppid);
}

static void run_family(const struct family *what)
{
	const char *word = getenv("BPF_ROUNDS"); /* more of them, for a long run */
	int round, i, waits, status, rounds = word && what->rounds == ROUNDS ? atoi(word) : what->rounds;
	pthread_barrierattr_t shared;

	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	fam = what;
	if (!sh)
		sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (round = 0; round < rounds; round++) {
		struct frames f = {0};

		memset((void *)sh, 0, sizeof(*sh));
		CHECK(!pthread_barrier_init((pthread_barrier_t *)&sh->all, &shared, (unsigned)racers()));
		CHECK(!pipe(go));
		run_actor(&f, act_family, NULL, &status);
		CHECK(status == 0 && sh->n == fam->threads * fam->children);
		for (i = 0; i < sh->n; i++) /* those of the machine's first process are nobody's to wait for */
			for (waits = 0; !sh->orphan[i].ppid && waits < 60000; waits++)
				usleep(1000);
		frames_take(&f);
		for (i = 0; i < sh->n; i++)
			check_orphan(&f, i);
		frames_clear(&f);
		close(go[0]);
		close(go[1]);
	}
}

static void run_all(const struct family *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_family(v + i);
}

#define RUN(...)                                                       \
	do {                                                           \
		static const struct family v[] = {__VA_ARGS__};        \
		run_all(v, sizeof(v) / sizeof(*v));                    \
	} while (0)

static void case_one_thread(void)
{
	RUN({.threads = 1, .children = 1, .rounds = 3}, {.threads = 1, .children = 1, .reapers = 1, .rounds = 3},
		{.threads = 1, .children = 300, .reapers = 1, .rounds = 1},
		{.threads = 1, .children = 2, .reapers = 2, .between = true, .rounds = 3});
}

static void case_threads(void)
{
	RUN({.threads = 4, .children = 2, .reapers = 1, .how = EACH_BY_ITSELF, .rounds = ROUNDS},
		{.threads = 4, .children = 2, .how = EACH_BY_ITSELF, .rounds = ROUNDS},
		{.threads = 8, .children = 4, .reapers = 2, .how = AS_A_GROUP, .rounds = ROUNDS},
		{.threads = 3, .children = 3, .reapers = 2, .between = true, .how = LEADER_FIRST, .rounds = ROUNDS});
}

static void case_reaper_ends_too(void)
{
	RUN({.threads = 1, .children = 2, .reapers = 2, .race = true, .rounds = ROUNDS},
		{.threads = 4, .children = 2, .reapers = 2, .race = true, .how = EACH_BY_ITSELF, .rounds = ROUNDS},
		{.threads = 4, .children = 2, .reapers = 2, .race = true, .large = true, .how = EACH_BY_ITSELF, .rounds = 3 * ROUNDS},
		{.threads = 4, .children = 2, .reapers = 4, .race = true, .how = AS_A_GROUP, .rounds = ROUNDS},
		{.threads = 2, .children = 2, .reapers = 3, .between = true, .race = true, .how = LEADER_FIRST, .rounds = ROUNDS});
}

const struct bpf_case orphan_cases[] = {
	{"orphans: of one thread", case_one_thread},
	{"orphans: of threads that end at once", case_threads},
	{"orphans: whose new parent ends too", case_reaper_ends_too},
	{NULL, NULL},
};

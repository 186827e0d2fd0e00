/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workload: creates processes in every way that there is, and logs what it did: the ground truth of the live tests.
 *
 *   workload run LOG COUNT [PARALLEL]    about COUNT processes, up to PARALLEL families at a time
 *   workload storm WORKERS MS [orphans]  forks, execs and exits as fast as it can; prints how many of each there were
 *   workload ACTION LOG ...              what the run's processes exec; not to be called by hand
 *
 * LOG gets one line per fact, each by one write(2) in append mode, so that lines of all processes stand whole:
 *   F PID CREATOR                        a process begins as a copy of CREATOR
 *   X PID CWD ARGV0 ARGV1...             an image begins (hexadecimal; "-" for an empty string)
 *   W PID STATUS                         waitpid() said so
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES (256u << 10)

static const char *log_path, *self;
extern char **environ;

static void die(const char *what)
{
	perror(what);
	_exit(99);
}

static void log_bytes(const char *p, size_t n)
{
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		die("log");
	close(fd);
}

static void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void log_line(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_bytes(line, (size_t)n);
}

static size_t put_hex(char *out, const char *s)
{
	size_t n = 0;

	out[n++] = ' ';
	if (!*s)
		out[n++] = '-';
	for (; *s; s++)
		n += (size_t)sprintf(out + n, "%02x", (unsigned char)*s);
	return n;
}

static void log_image(int argc, char **argv)
{
	char *line = malloc(LINE_MAX_BYTES), cwd[4096];
	size_t n = (size_t)sprintf(line, "X %d", getpid());

	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "?");
	n += put_hex(line + n, cwd);
	for (int i = 0; i < argc && n + 2 * strlen(argv[i]) + 8 < LINE_MAX_BYTES; i++)
		n += put_hex(line + n, argv[i]);
	line[n++] = '\n';
	log_bytes(line, n);
	free(line);
}

/* ---- ways to begin ------------------------------------------------------------------------------------------------ */

static pid_t fork_logged(void)
{
	pid_t creator = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		log_line("F %d %d\n", getpid(), creator);
	return pid;
}

static void exec_self(const char *action, const char *arg, const char *extra)
{
	char *argv[] = {(char *)"workload", (char *)action, (char *)log_path, (char *)arg, (char *)extra, NULL};

	execv(self, argv);
	die("execv");
}

static void leaf(unsigned i)
{
	char code[16];

	snprintf(code, sizeof(code), "%u", i % 256);
	exec_self("leaf", code, "one more\tthing");
}

static void by_fork(unsigned i)
{
	if (!fork_logged())
		leaf(i);
}

/* The child of vfork may only exec: its F line is written by the parent, who is held until then. */
static void by_vfork(unsigned i)
{
	char code[16];
	char *argv[] = {(char *)"", (char *)"leaf", (char *)log_path, code, (char *)"", NULL};
	pid_t pid;

	snprintf(code, sizeof(code), "%u", i % 256);
	pid = vfork();
	if (pid < 0)
		die("vfork");
	if (!pid) {
		execv(self, argv);
		_exit(98);
	}
	log_line("F %d %d\n", pid, getpid());
}

static void by_spawn(unsigned i)
{
	char code[16];
	char *argv[] = {(char *)"/not/the/file", (char *)"leaf", (char *)log_path, code, (char *)"\xff\xfe \"q\" \\ \n", NULL};
	pid_t pid;

	snprintf(code, sizeof(code), "%u", i % 256);
	errno = posix_spawn(&pid, self, NULL, NULL, argv, environ);
	if (errno)
		die("posix_spawn");
	log_line("F %d %d\n", pid, getpid());
}

static void by_chain(unsigned i)
{
	char code[16];

	snprintf(code, sizeof(code), "%u", i % 256);
	if (!fork_logged())
		exec_self("chain", code, "3");
}

static void by_fexecve(unsigned i)
{
	char code[16];
	char *argv[] = {(char *)"fd", (char *)"leaf", (char *)log_path, code, NULL};
	int fd;

	if (fork_logged())
		return;
	snprintf(code, sizeof(code), "%u", i % 256);
	fd = open(self, O_PATH | O_CLOEXEC);
	syscall(SYS_execveat, fd, "", argv, environ, 0x1000 /* AT_EMPTY_PATH */);
	die("execveat");
}

static void by_relative(unsigned i)
{
	char dir[4096], code[16], *slash;
	char *argv[] = {(char *)"rel", (char *)"leaf", (char *)log_path, code, NULL};

	if (fork_logged())
		return;
	snprintf(code, sizeof(code), "%u", i % 256);
	snprintf(dir, sizeof(dir), "%s", self);
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (chdir(dir))
		die("chdir");
	snprintf(dir, sizeof(dir), "./%s", strrchr(self, '/') + 1);
	execv(dir, argv);
	die("execv");
}

static void by_long_args(unsigned i)
{
	char code[16], *big = malloc(40001);
	char *argv[] = {(char *)"long", (char *)"leaf", (char *)log_path, code, (char *)"", big, (char *)"", NULL};

	if (fork_logged()) {
		free(big);
		return;
	}
	snprintf(code, sizeof(code), "%u", i % 256);
	memset(big, 'a' + (int)(i % 26), 900 + i * 37 % 39000);
	big[900 + i * 37 % 39000] = '\0';
	if (i % 3 == 0 && chdir("/usr/share/"))
		die("chdir");
	execv(self, argv);
	die("execv");
}

static void by_thread_exec(unsigned i)
{
	char code[16];

	snprintf(code, sizeof(code), "%u", i % 256);
	if (!fork_logged())
		exec_self("thread-exec", code, NULL);
}

/* ---- ways to live and end ----------------------------------------------------------------------------------------- */

static void no_exec(unsigned i)
{
	if (!fork_logged())
		_exit((int)(i % 256));
}

static void by_signal(unsigned i)
{
	static const int sig[] = {SIGKILL, SIGTERM, SIGUSR1, SIGABRT, SIGSEGV, SIGQUIT, SIGPIPE, SIGALRM};

	if (fork_logged())
		return;
	signal(sig[i % 8], SIG_DFL);
	kill(getpid(), sig[i % 8]);
	pause();
}

static void *spin(void *arg)
{
	sched_yield();
	return arg;
}

static void threads(unsigned i)
{
	pthread_t t[3];

	if (fork_logged())
		return;
	for (int k = 0; k < 3; k++)
		pthread_create(&t[k], NULL, spin, NULL);
	if (i % 2)
		for (int k = 0; k < 3; k++)
			pthread_join(t[k], NULL);
	_exit((int)(i % 256)); /* threads that still run go with it */
}

static void *outlive(void *arg)
{
	usleep(2000);
	return arg;
}

static void leader_first(unsigned i)
{
	pthread_t t;

	(void)i;
	if (fork_logged())
		return;
	pthread_create(&t, NULL, outlive, NULL);
	pthread_exit(NULL); /* the leader goes; the process ends with the thread */
}

/* A child that ends at once, and its child, which root's subreaper inherits: the creator is not the one that waits. */
static void orphan(unsigned i)
{
	if (fork_logged())
		return;
	if (!fork_logged()) {
		usleep(1000);
		if (i % 2)
			leaf(i);
		_exit((int)(i % 256));
	}
	_exit(1);
}

static void tree(unsigned i)
{
	int status;
	pid_t pid;

	if (fork_logged())
		return;
	pid = fork_logged();
	if (!pid)
		leaf(i);
	if (waitpid(pid, &status, 0) == pid)
		log_line("W %d %d\n", pid, status);
	_exit(0);
}

static const struct way {
	void (*run)(unsigned i);
	unsigned processes;
} ways[] = {
	{by_fork, 1}, {by_vfork, 1}, {by_spawn, 1}, {by_chain, 1}, {by_fexecve, 1}, {by_relative, 1}, {by_long_args, 1},
	{by_thread_exec, 1}, {no_exec, 1}, {by_signal, 1}, {threads, 1}, {leader_first, 1}, {orphan, 2}, {tree, 2},
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

static void reap(unsigned *alive, unsigned limit)
{
	int status;
	pid_t pid;

	while (*alive > limit) {
		pid = wait(&status);
		if (pid < 0)
			die("wait");
		log_line("W %d %d\n", pid, status);
		--*alive;
	}
}

static int run(unsigned count, unsigned parallel)
{
	struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
	unsigned made = 0, alive = 0, i;

	setrlimit(RLIMIT_CORE, &core);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; made < count; i++) {
		const struct way *w = &ways[i % N_WAYS];

		w->run(i / N_WAYS + i);
		made += w->processes;
		alive += w->run == orphan ? 2 : 1;
		reap(&alive, parallel);
	}
	reap(&alive, 0);
	return 0;
}

/* ---- a storm ------------------------------------------------------------------------------------------------------ */

struct totals {
	unsigned long forks, execs;
};

static unsigned long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long)ts.tv_sec * 1000 + (unsigned long)ts.tv_nsec / 1000000;
}

static pid_t fork_counted(struct totals *t)
{
	pid_t pid = fork();

	if (pid > 0)
		__atomic_fetch_add(&t->forks, 1, __ATOMIC_SEQ_CST);
	return pid;
}

static void storm_exec(struct totals *t)
{
	char *argv[] = {(char *)"storm", (char *)"nothing", (char *)"-", NULL};

	__atomic_fetch_add(&t->execs, 1, __ATOMIC_SEQ_CST);
	execv(self, argv);
	die("execv");
}

static void storm_child(struct totals *t, unsigned long i, int orphans)
{
	if (i % 3 == 0)
		storm_exec(t);
	if (i % 3 == 1 && orphans && fork_counted(t) == 0) {
		if (i % 2)
			storm_exec(t);
		_exit(0);
	}
	_exit(0);
}

static void storm_worker(struct totals *t, unsigned long end, int orphans)
{
	for (unsigned long i = 0; now_ms() < end; i++) {
		pid_t pid = fork_counted(t);

		if (!pid)
			storm_child(t, i, orphans);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	_exit(0);
}

static int storm(unsigned workers, unsigned ms, int orphans)
{
	struct totals *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long end = now_ms() + ms;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (unsigned i = 0; i < workers; i++)
		if (!fork_counted(t))
			storm_worker(t, end, orphans);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("forks %lu execs %lu\n", t->forks, t->execs);
	return 0;
}

static void *exec_from_thread(void *arg)
{
	exec_self("leaf", arg, "by a thread");
	return NULL;
}

static int thread_exec(char *code)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_from_thread, code);
	pause();
	return 97;
}

int main(int argc, char **argv)
{
	static char path[4096];
	char left[16];

	if (argc < 3) {
		fprintf(stderr, "usage: workload run LOG COUNT [PARALLEL]\n");
		return 2;
	}
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		die("readlink");
	self = path;
	log_path = argv[2];
	if (!strcmp(argv[1], "nothing"))
		return 0;
	if (!strcmp(argv[1], "storm") && argc > 3)
		return storm((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), argc > 4);
	log_image(argc, argv);
	if (!strcmp(argv[1], "run"))
		return run((unsigned)atoi(argv[3]), argc > 4 ? (unsigned)atoi(argv[4]) : 4);
	if (!strcmp(argv[1], "leaf"))
		return atoi(argv[3]);
	if (!strcmp(argv[1], "thread-exec"))
		return thread_exec(argv[3]);
	if (!strcmp(argv[1], "chain")) {
		if (!strcmp(argv[4], "0"))
			return atoi(argv[3]);
		snprintf(left, sizeof(left), "%d", atoi(argv[4]) - 1);
		exec_self("chain", argv[3], left);
	}
	return 2;
}

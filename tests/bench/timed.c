/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed.c: runs a command and writes "WALL_NS CPU_NS MAXRSS_BYTES" to a file: timed FILE COMMAND...
 *
 * Its exit status is the command's. Small and static: the peak memory that Linux reports of a command begins with that of the
 * process that started it, so it is not to be a Python.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000u;
}

int main(int argc, char **argv)
{
	struct rusage u;
	uint64_t start = now_ns();
	int status;
	pid_t pid;
	FILE *f;

	if (argc < 3) {
		fprintf(stderr, "usage: timed FILE COMMAND...\n");
		return 2;
	}
	pid = vfork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid) {
		perror("timed");
		return 126;
	}
	f = fopen(argv[1], "w");
	if (!f || fprintf(f, "%llu %llu %llu\n", (unsigned long long)(now_ns() - start), (unsigned long long)(ns(&u.ru_utime) + ns(&u.ru_stime)),
		(unsigned long long)u.ru_maxrss * 1024u) < 0 || fclose(f)) {
		perror(argv[1]);
		return 126;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

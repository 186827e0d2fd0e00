/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn_load.c: the load that recorders are measured under: spawn_load fork|vfork N [PROGRAM]
 *
 * One process after the other: fork (or vfork), exec of a tiny program, wait. Linked statically, so that loading costs little and
 * what a recorder adds shows. Prints "ELAPSED_NS CPU_NS": wall time, and user and system time of itself and its children.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t cpu_ns(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000u +
		((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000u;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void spawn(int by_vfork, char *const argv[])
{
	pid_t pid = by_vfork ? vfork() : fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid) {
		execve(argv[0], argv, (char *const[]){NULL});
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the program that is spawned");
}

int main(int argc, char **argv)
{
	char dash[] = "-", *child[] = {argc > 3 ? argv[3] : argv[0], dash, NULL};
	uint64_t n, start;

	if (argc == 2 && !strcmp(argv[1], "-"))
		return 0;
	n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	if (!n || (strcmp(argv[1], "fork") && strcmp(argv[1], "vfork"))) {
		fprintf(stderr, "usage: spawn_load fork|vfork N [PROGRAM]\n");
		return 2;
	}
	start = now_ns();
	for (uint64_t i = 0; i < n; i++)
		spawn(argv[1][0] == 'v', child);
	printf("%llu %llu\n", (unsigned long long)(now_ns() - start), (unsigned long long)(cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)));
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_cases [-w] [WORD]: runs the cases whose name holds WORD; -w on plain tracepoints. One line each; exit status 1
 * when one failed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/live/bpf_cases.h"

char scratch[] = "/tmp/bpf_cases.XXXXXX";
char self_path[4096];
struct pr_capture *the_capture;
bool old_argc0;

static struct {
	const char *name;
	int checks, bad, failed_cases, cases;
} now;

static struct {
	uint32_t pid[65536];
	size_t n, twice;
} scan;

void check_that(bool ok, const char *what, const char *file, int line)
{
	now.checks++;
	if (ok)
		return;
	if (now.bad++ < 10)
		printf("    %s:%d: not so: %s\n", file, line, what);
}

static int on_snap(void *arg, const struct pr_snap *s, const char *cgroup)
{
	size_t i;

	(void)arg;
	(void)cgroup;
	for (i = 0; i < scan.n; i++)
		scan.twice += scan.pid[i] == s->key.pid;
	if (scan.n < 65536)
		scan.pid[scan.n++] = s->key.pid;
	return 0;
}

/* Ended, or past the point where its end is told. */
static bool is_zombie(uint32_t pid)
{
	unsigned int flags = 0;
	char path[64], line[512] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "r");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	p = strrchr(line, ')');
	return !p || p[2] == 'Z' || p[2] == 'X' || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %u", &flags) != 1 ||
	       (flags & 4) /* PF_EXITING */;
}

/* Every process that /proc shows was in the scan, or a frame told of it; none was twice in the scan. */
static void check_scan(void)
{
	static uint32_t there[65536];
	struct frames f = {0};
	size_t i, j, n = 0;
	struct dirent *e;
	DIR *d = opendir("/proc");

	now.name = "alive before the start, each once";
	CHECK(d && scan.twice == 0);
	while (d && (e = readdir(d)) && n < 65536) {
		there[n] = (uint32_t)strtoul(e->d_name, NULL, 10);
		n += there[n] && !is_zombie(there[n]);
	}
	if (d)
		closedir(d);
	frames_take(&f);
	for (i = 0; i < n; i++) {
		for (j = 0; j < scan.n && scan.pid[j] != there[i]; j++)
			;
		if (j == scan.n && !frames_find(&f, PR_OP_CLONE, there[i], 0) &&
			!frames_find(&f, PR_OP_EXECVE, there[i], 0))
			printf("    process %u was missed\n", there[i]), CHECK(false);
	}
	frames_clear(&f);
}

static void verdict(void)
{
	printf("%s %s (%d checks)\n", now.bad ? "FAILED" : "ok    ", now.name, now.checks);
	now.failed_cases += now.bad != 0;
	now.cases++;
	now.checks = now.bad = 0;
}

static void run_table(const struct bpf_case *table, const char *word)
{
	for (; table->name; table++) {
		if (word && !strstr(table->name, word))
			continue;
		now.name = table->name;
		table->run();
		verdict();
	}
}

static void check_counters(void)
{
	struct pr_capture_counters c;
	struct pr_errinfo ei;
	uint32_t cpu, s;

	now.name = "counters";
	CHECK(!pr_capture_detach(the_capture, &ei));
	CHECK(!pr_capture_counters(the_capture, &c, &ei));
	for (cpu = 0; cpu < c.cpus; cpu++)
		for (s = 0; s < PR_STREAM_COUNT; s++)
			CHECK(c.streams[cpu][s].lost == 0);
	CHECK(c.map_full == 0 && c.args_cut == 0 && c.reparent_cut == 0);
	for (s = 0; s < PR_STREAM_COUNT; s++)
		if (c.missed[s])
			printf("    note: stream %u: the kernel skipped %llu runs\n", s,
				(unsigned long long)c.missed[s]);
	verdict();
}

static bool make_scratch(void)
{
	return mkdtemp(scratch) && !chmod(scratch, 0755);
}

static void remove_scratch(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", scratch);
	if (system(cmd))
		fprintf(stderr, "bpf_cases: cannot remove %s\n", scratch);
}

int main(int argc, char **argv)
{
	struct pr_capture_options opt = {.failed_exec = true, .ring_bytes = 64u << 20};
	const char *exit_now = getenv("BPF_CASES_EXIT");
	struct pr_errinfo ei;
	struct utsname u;
	int major = 0, minor = 0;

	if (exit_now)
		return atoi(exit_now);
	if (argc > 1 && !strcmp(argv[1], "-w")) {
		opt.raw_tracepoints = true;
		argc--, argv++;
	}
	if (readlink("/proc/self/exe", self_path, sizeof(self_path) - 1) < 0)
		return 4;
	if (!uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2)
		old_argc0 = major < 5 || (major == 5 && minor < 18);
	if (pr_capture_open(&opt, &the_capture, &ei) || pr_capture_attach(the_capture, &ei) ||
		pr_capture_snapshot(the_capture, PR_SNAPSHOT_NEW, on_snap, NULL, &ei)) {
		fprintf(stderr, "bpf_cases: %s\n", ei.msg);
		return 4;
	}
	if (!make_scratch()) {
		perror("bpf_cases: a folder on /tmp");
		return 4;
	}
	check_scan();
	verdict();
	run_table(exec_cases, argc > 1 ? argv[1] : NULL);
	run_table(image_cases, argc > 1 ? argv[1] : NULL);
	run_table(fork_cases, argc > 1 ? argv[1] : NULL);
	run_table(orphan_cases, argc > 1 ? argv[1] : NULL);
	check_counters();
	remove_scratch();
	printf("%d cases, %d failed, %s, %s\n", now.cases, now.failed_cases, pr_capture_flavour(the_capture),
		u.release);
	pr_capture_close(the_capture);
	return now.failed_cases ? 1 : 0;
}

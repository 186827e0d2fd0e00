/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c: opens, loads, attaches and ends the BPF side; see capture.h for the order of use. The ring is read by
 * capture_ring.c, what stays in bpffs is kept by capture_pin.c.
 */
#include "recorder/capture.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "recorder/capture_int.h"

#define LOG_BYTES (1u << 20)
#define LOG_REASON                                                                                                     \
	4 /* the verifier's verdict and its figures, without the trace, which kernels before 6.4 cut at its end: where \
	     the verdict stands */

static uint32_t read_number(const char *path, uint32_t otherwise)
{
	unsigned long v = 0;
	FILE *f = fopen(path, "re");
	int n = f ? fscanf(f, "%lu", &v) : 0;

	if (f)
		fclose(f);
	return n == 1 && v > 0 && v < UINT32_MAX ? (uint32_t)v : otherwise;
}

/*
 * How many processes can be alive: pid_max, or the kernel's limit on tasks where that is lower. The map takes memory
 * for those that live, and 16 bytes of table for each that could; the limit on tasks follows the machine's memory,
 * pid_max does not.
 */
static uint32_t processes_max(void)
{
	uint32_t pids = read_number("/proc/sys/kernel/pid_max", 4194304);
	uint32_t tasks = read_number("/proc/sys/kernel/threads-max", pids);

	return pids < tasks ? pids : tasks;
}

static int check_ring(uint64_t bytes, struct pr_errinfo *ei)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bytes & (bytes - 1) || bytes % page)
		return pr_fail(ei, PR_EUSAGE,
			"a ring of %llu bytes: the size must be a power of two and a multiple of %llu",
			(unsigned long long)bytes, (unsigned long long)page);
	if (bytes < PR_CAPTURE_RING_MIN || bytes > PR_CAPTURE_RING_MAX)
		return pr_fail(ei, PR_EUSAGE, "a ring of %llu bytes is too %s: the size must be from %u to %u",
			(unsigned long long)bytes, bytes < PR_CAPTURE_RING_MIN ? "small" : "large", PR_CAPTURE_RING_MIN,
			PR_CAPTURE_RING_MAX);
	return 0;
}

static void choose_programs(struct pr_capture *cap, const struct pr_capture_options *opt)
{
	struct procrec_bpf *s = cap->skel;
	struct bpf_program *const btf[PR_CAPTURE_PROGRAMS] = {s->progs.exit_btf, s->progs.exit_btf_second,
		s->progs.exec_btf, s->progs.exec_btf_second, s->progs.clone_btf, s->progs.clone_btf_second,
		s->progs.fail_raw};
	struct bpf_program *const raw[PR_CAPTURE_PROGRAMS] = {s->progs.exit_raw, s->progs.exit_raw_second,
		s->progs.exec_raw, s->progs.exec_raw_second, s->progs.clone_raw, s->progs.clone_raw_second,
		s->progs.fail_raw};
	int i;

	for (i = 0; i < PR_CAPTURE_PROGRAMS; i++) {
		bool second = i == PR_CAPTURE_EXIT2 || i == PR_CAPTURE_EXEC2 || i == PR_CAPTURE_CLONE2;
		bool wanted = i == PR_CAPTURE_FAIL ? opt->failed_exec : cap->second || !second;

		cap->prog[i] = !wanted ? NULL : cap->btf ? btf[i] : raw[i];
		bpf_program__set_autoload(btf[i], cap->prog[i] == btf[i]);
		bpf_program__set_autoload(raw[i], cap->prog[i] == raw[i]);
	}
}

static int configure(struct pr_capture *cap, const struct pr_capture_options *opt, struct pr_errinfo *ei)
{
	struct procrec_bpf *s = cap->skel;
	int err = 0;

	choose_programs(cap, opt);
	s->rodata->ring_bytes = cap->ring_bytes;
	s->rodata->only_tree = opt->only_tree;
	s->rodata->snap_slot = 2 * cap->cpus;
	s->rodata->has_group_dead = cap->group_dead;
	s->rodata->cpus = cap->cpus;
	err |= bpf_map__set_max_entries(s->maps.ring, (uint32_t)cap->ring_bytes);
	err |= bpf_map__set_max_entries(s->maps.live, processes_max());
	err |= bpf_map__set_max_entries(s->maps.claims, 2 * processes_max());
	err |= bpf_map__set_max_entries(s->maps.scratch, 2 * cap->cpus + 1);
	err |= bpf_map__set_max_entries(s->maps.exit_scratch, 2 * cap->cpus);
	err |= bpf_map__set_max_entries(s->maps.orphan_scratch, 2 * cap->cpus);
	err |= bpf_map__set_max_entries(s->maps.fail_scratch, opt->failed_exec ? cap->cpus : 1);
	return err ? pr_fail(ei, PR_EPERM, "cannot set the sizes of the BPF maps") : 0;
}

/* The verifier's words go to a file: they are long, and needed for a report. */
static int explain_refusal(const char *log, const char *path, int err, struct pr_errinfo *ei)
{
	char own[64];
	int fd;

	if (!*log)
		return pr_fail(ei, err == ENOMEM ? PR_ENOMEM : PR_EPERM, "cannot load the BPF programs: %s%s",
			strerror(err), err == ENOMEM ? "; try a smaller ring" : "");
	if (!path) {
		snprintf(own, sizeof(own), "/tmp/procrec-verifier-%d.log", (int)getpid());
		path = own;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, log, strlen(log)) < 0) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return pr_fail(ei, PR_EPERM,
			"this kernel's verifier refused a BPF program (%s); its log could not be saved to %s: %s",
			strerror(err), path, strerror(saved));
	}
	close(fd);
	return pr_fail(ei, PR_EPERM,
		"this kernel's verifier refused a BPF program (%s); its log is in %s, please report it", strerror(err),
		path);
}

static int load(struct pr_capture *cap, const struct pr_capture_options *opt, struct pr_errinfo *ei)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts);
	char *log = calloc(1, LOG_BYTES);
	int err, rc;

	if (!log)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	open_opts.kernel_log_buf = log;
	open_opts.kernel_log_size = LOG_BYTES;
	open_opts.kernel_log_level = LOG_REASON;
	cap->skel = procrec_bpf__open_opts(&open_opts);
	if (!cap->skel) {
		rc = pr_fail(ei, PR_ENOMEM, "cannot open the BPF object: %s", strerror(errno));
		goto out;
	}
	rc = configure(cap, opt, ei);
	if (rc)
		goto out;
	err = procrec_bpf__load(cap->skel);
	if (err)
		rc = explain_refusal(log, opt->log_path, -err, ei);
out:
	free(log);
	return rc;
}

/* What open and resume share: everything that hangs on the loaded maps. */
int pr_capture_start(struct pr_capture *cap, struct pr_errinfo *ei)
{
	size_t row = (sizeof(struct pr_bpf_counts) + 7) & ~(size_t)7;

	cap->counts = calloc(cap->cpus, row);
	cap->streams = calloc(2 * (size_t)cap->cpus, sizeof(*cap->streams));
	if (!cap->counts || !cap->streams)
		return pr_fail(ei, PR_ENOMEM, "out of memory");
	return pr_ring_init(&cap->ring, bpf_map__fd(cap->skel->maps.ring), cap->ring_bytes, ei);
}

struct pr_capture *pr_capture_alloc(struct pr_errinfo *ei)
{
	struct pr_capture *cap = calloc(1, sizeof(*cap));
	int cpus = libbpf_num_possible_cpus();

	if (!cap || cpus <= 0) {
		free(cap);
		pr_fail(ei, PR_ENOMEM, cap ? "cannot tell the number of CPUs" : "out of memory");
		return NULL;
	}
	cap->cpus = (uint32_t)cpus;
	cap->ring.epoll_fd = -1;
	return cap;
}

int pr_capture_open(const struct pr_capture_options *opt, struct pr_capture **out_cap, struct pr_errinfo *ei)
{
	uint64_t ring_bytes = opt->ring_bytes ? opt->ring_bytes : PR_CAPTURE_RING_DEFAULT;
	struct pr_capture *cap;
	struct pr_probe probe;
	int rc = check_ring(ring_bytes, ei);

	if (rc)
		return rc;
	pr_probe_run(&probe);
	rc = pr_probe_error(&probe, ei);
	if (!rc && opt->pin_dir)
		rc = pr_pin_prepare(opt->pin_dir, ei);
	if (rc)
		return rc;
	cap = pr_capture_alloc(ei);
	if (!cap)
		return PR_ENOMEM;
	cap->ring_bytes = ring_bytes;
	cap->btf = probe.btf_tracepoints && !opt->raw_tracepoints;
	cap->group_dead = probe.exit_group_dead;
	cap->second = probe.exit_group_dead; /* older ones do not preempt programs, and lack what the second exit
						program needs */
	cap->pin_dir = opt->pin_dir ? strdup(opt->pin_dir) : NULL;
	rc = opt->pin_dir && !cap->pin_dir ? pr_fail(ei, PR_ENOMEM, "out of memory") : load(cap, opt, ei);
	if (!rc)
		rc = pr_capture_start(cap, ei);
	if (rc) {
		pr_capture_close(cap);
		return rc;
	}
	*out_cap = cap;
	return 0;
}

int pr_capture_attach(struct pr_capture *cap, struct pr_errinfo *ei)
{
	struct timespec now;
	int i, rc = 0;

	for (i = 0; i < PR_CAPTURE_PROGRAMS; i++) {
		if (!cap->prog[i])
			continue;
		cap->link[i] = bpf_program__attach(cap->prog[i]);
		if (!cap->link[i]) {
			rc = pr_fail(ei, PR_EPERM, "cannot attach %s: %s", bpf_program__section_name(cap->prog[i]),
				strerror(errno));
			goto undo;
		}
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	cap->skel->bss->attached_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (cap->pin_dir)
		rc = pr_pin_save(cap, ei);
	if (!rc)
		return 0;
undo:
	for (i = PR_CAPTURE_PROGRAMS - 1; i >= 0; i--) {
		bpf_link__destroy(cap->link[i]);
		cap->link[i] = NULL;
	}
	return rc;
}

int pr_capture_track(struct pr_capture *cap, uint32_t tgid, struct pr_errinfo *ei)
{
	int fd = bpf_map__fd(cap->skel->maps.live);
	struct pr_bpf_live v;

	cap->skel->bss->root_tgid = tgid; /* for the iterator, if it has not come by yet */
	if (bpf_map_lookup_elem(fd, &tgid, &v))
		return 0;
	v.flags |= PR_LIVE_TRACKED;
	if (bpf_map_update_elem(fd, &tgid, &v, BPF_EXIST))
		return pr_fail(ei, PR_ENOENT, "process %u ended before it could be followed", tgid);
	return 0;
}

int pr_capture_read(
	struct pr_capture *cap, pr_capture_record_fn fn, void *arg, size_t *out_records, struct pr_errinfo *ei)
{
	(void)ei;
	return pr_ring_read(&cap->ring, fn, arg, out_records);
}

uint64_t pr_capture_position(const struct pr_capture *cap)
{
	return cap->ring.read;
}

void pr_capture_commit(struct pr_capture *cap, uint64_t position)
{
	pr_ring_commit(&cap->ring, position);
}

size_t pr_capture_pending(const struct pr_capture *cap)
{
	return pr_ring_pending(&cap->ring);
}

int pr_capture_wait(struct pr_capture *cap, int timeout_ms, struct pr_errinfo *ei)
{
	return pr_ring_wait(&cap->ring, timeout_ms, ei);
}

int pr_capture_fd(const struct pr_capture *cap)
{
	return cap->ring.epoll_fd;
}

/*
 * First the switch that every program looks at, then a grace period: each program run that did not see it has ended
 * after that, and what it emitted is in the ring. Only then the links go, so that all programs stop at one instant.
 */
int pr_capture_detach(struct pr_capture *cap, struct pr_errinfo *ei)
{
	int i;

	(void)ei;
	cap->skel->bss->stopped = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(200000); /* not there with nohz_full: wait long enough instead */
	for (i = PR_CAPTURE_PROGRAMS - 1; i >= 0; i--) {
		bpf_link__destroy(cap->link[i]);
		cap->link[i] = NULL;
	}
	if (cap->pin_dir)
		pr_pin_remove_links(cap->pin_dir);
	return 0;
}

static uint64_t recursion_misses(const struct pr_capture *cap, int which)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = cap->prog_fd[which] > 0 ? cap->prog_fd[which]
		 : cap->prog[which]      ? bpf_program__fd(cap->prog[which])
					 : -1;

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) ? info.recursion_misses : 0;
}

static int add_counters(struct pr_capture *cap, uint32_t instance, struct pr_capture_counters *out, uint64_t *rescued,
	struct pr_errinfo *ei)
{
	uint32_t cpu, i;

	if (bpf_map_lookup_elem(bpf_map__fd(cap->skel->maps.counts), &instance, cap->counts))
		return pr_fail_errno(ei, "cannot read the BPF counters");
	for (cpu = 0; cpu < cap->cpus; cpu++) {
		const struct pr_bpf_counts *c = &cap->counts[cpu];

		for (i = 0; i < PR_STREAM_COUNT; i++) {
			cap->streams[instance * cap->cpus + cpu][i] =
				(struct pr_capture_stream){c->stream[i].next, c->stream[i].lost};
			rescued[i] += c->rescued[i];
		}
		out->map_full += c->map_full;
		out->args_cut += c->args_cut;
		out->reparent_cut += c->reparent_cut;
	}
	return 0;
}

/*
 * With two instances an event is lost only if the kernel skipped both: those that the first was skipped for, without
 * those that the second found undone, and at most as many as the second was skipped for. (An upper bound: skipped runs
 * for threads are among them.)
 */
static uint64_t missed(const struct pr_capture *cap, int first, int second, uint64_t rescued)
{
	uint64_t a = recursion_misses(cap, first), b = recursion_misses(cap, second);
	bool twice = cap->prog_fd[second] > 0 || cap->prog[second];

	a = a > rescued ? a - rescued : 0;
	return twice && b < a ? b : a;
}

int pr_capture_counters(struct pr_capture *cap, struct pr_capture_counters *out, struct pr_errinfo *ei)
{
	uint64_t rescued[PR_STREAM_COUNT] = {0};
	uint32_t instance;

	memset(out, 0, sizeof(*out));
	out->cpus = 2 * cap->cpus;
	out->streams = cap->streams;
	for (instance = 0; instance < 2; instance++)
		if (add_counters(cap, instance, out, rescued, ei))
			return PR_EIO;
	out->missed[PR_STREAM_EXIT] = missed(cap, PR_CAPTURE_EXIT, PR_CAPTURE_EXIT2, rescued[PR_STREAM_EXIT]);
	out->missed[PR_STREAM_EXEC] = missed(cap, PR_CAPTURE_EXEC, PR_CAPTURE_EXEC2, rescued[PR_STREAM_EXEC]);
	out->missed[PR_STREAM_CLONE] = missed(cap, PR_CAPTURE_CLONE, PR_CAPTURE_CLONE2, rescued[PR_STREAM_CLONE]);
	out->missed[PR_STREAM_FAIL] = recursion_misses(cap, PR_CAPTURE_FAIL);
	return 0;
}

const char *pr_capture_flavour(const struct pr_capture *cap)
{
	return cap->btf      ? cap->second ? "BTF tracepoints, twice" : "BTF tracepoints"
	       : cap->second ? "raw tracepoints, twice"
			     : "raw tracepoints";
}

uint64_t pr_capture_ring_bytes(const struct pr_capture *cap)
{
	return cap->ring_bytes;
}

void pr_capture_close(struct pr_capture *cap)
{
	int i;

	if (!cap)
		return;
	for (i = PR_CAPTURE_PROGRAMS - 1; i >= 0; i--) {
		bpf_link__destroy(cap->link[i]); /* a pinned link lives on in bpffs */
		if (cap->prog_fd[i] > 0)
			close(cap->prog_fd[i]);
	}
	pr_ring_release(&cap->ring);
	procrec_bpf__destroy(cap->skel);
	free(cap->counts);
	free(cap->streams);
	free(cap->pin_dir);
	free(cap);
}

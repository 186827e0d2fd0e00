/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_dump: prints what the kernel side emits, frame by frame, for the life of a command. For live tests and for
 * looking.
 *
 *   bpf_dump [-r RING_KIB] [-t] [-f] [-w] [-q] [-s MS] -- CMD...
 *
 * -t only CMD's tree, -f failed execs, -w plain tracepoints, -q counts only, -s sleep so long before the first read.
 * Lines: kind, then name=value; bytes as C-escaped strings. The last lines give the counters and check emitted == read
 * + lost for each (cpu, stream).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/capture.h"

#define CPUS_MAX 1024

struct tally {
	int quiet;
	uint64_t next[CPUS_MAX][PR_STREAM_COUNT];
	uint64_t read[CPUS_MAX][PR_STREAM_COUNT];
	uint64_t gaps[PR_STREAM_COUNT];
	uint64_t frames, bytes, snaps, disorder;
};

static void put(const char *name, const uint8_t *p, size_t n)
{
	size_t i, shown = n > 6000 ? 6000 : n;

	printf(" %s=\"", name);
	for (i = 0; i < shown; i++) {
		if (isprint(p[i]) && p[i] != '"' && p[i] != '\\')
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
	}
	printf(shown < n ? "\"..." : "\"");
}

static void put_key(const char *name, struct pr_key k)
{
	printf(" %s=%u@%llu", name, k.pid, (unsigned long long)k.ktime);
}

static void put_desc(const char *name, const uint8_t *p)
{
	struct pr_data_desc d;

	memcpy(&d, p, sizeof(d));
	printf(" %s=desc(size %u leftover %u id %llx/%llu error %d)", name, d.size, d.leftover,
		(unsigned long long)d.id.pid, (unsigned long long)d.id.time, d.error);
}

static void put_items(const uint8_t *p, const uint8_t *end)
{
	static const char *const names[] = {
		"?", "argv0", "interp", "exe", "cwd", "cgroup", "tty", "filename", "args", "comm"};
	struct pr_item it;
	char name[32];

	while (p + sizeof(it) <= end) {
		memcpy(&it, p, sizeof(it));
		p += sizeof(it);
		snprintf(name, sizeof(name), "%s%s", (it.type & 0x3fff) < 10 ? names[it.type & 0x3fff] : "?",
			it.type & PR_ITEM_CUT ? "(cut)" : "");
		if (it.type & PR_ITEM_DESC)
			put_desc(name, p);
		else
			put(name, p, it.len);
		p += it.len;
	}
	if (p != end)
		printf(" BAD_ITEMS");
}

static void put_execve(const uint8_t *p, size_t size)
{
	struct pr_msg_execve m;

	memcpy(&m, p, sizeof(m));
	printf("execve pid=%u ktime=%llu uid=%u auid=%u flags=%#x secure=%#x nspid=%u ino=%llu nlink=%u", m.process.pid,
		(unsigned long long)m.process.ktime, m.process.uid, m.process.auid, m.process.flags,
		m.process.secureexec, m.process.nspid, (unsigned long long)m.process.i_ino, m.process.i_nlink);
	put_key("parent", m.parent);
	put_key("cleanup", m.cleanup);
	printf(" uids=%u,%u,%u,%u gids=%u,%u,%u,%u caps=%llx,%llx,%llx ns=%u,%u,%u,%u,%u,%u,%u,%u,%u,%u "
	       "userns=%d,%u,%u,%u cgrpid=%llu docker=%.128s",
		m.creds.uid, m.creds.euid, m.creds.suid, m.creds.fsuid, m.creds.gid, m.creds.egid, m.creds.sgid,
		m.creds.fsgid, (unsigned long long)m.creds.permitted, (unsigned long long)m.creds.effective,
		(unsigned long long)m.creds.inheritable, m.ns.uts, m.ns.ipc, m.ns.mnt, m.ns.pid, m.ns.pid_for_children,
		m.ns.net, m.ns.time, m.ns.time_for_children, m.ns.cgroup, m.ns.user, m.creds.user_ns_level,
		m.creds.user_ns_uid, m.creds.user_ns_gid, m.creds.user_ns_inum, (unsigned long long)m.kube.cgrpid,
		m.kube.docker_id);
	if (m.process.size + PR_EXECVE_FIXED != size || m.process.size > PR_PROCESS_SIZE_MAX)
		printf(" BAD_SIZE");
	put("strings", p + sizeof(m), size - sizeof(m));
}

static void put_frame(const uint8_t *p, size_t size)
{
	const struct pr_msg_common *c = (const void *)p;

	switch (c->op) {
	case PR_OP_EXECVE:
		put_execve(p, size);
		break;
	case PR_OP_EXEC_INFO: {
		struct pr_exec_info m;

		memcpy(&m, p, sizeof(m));
		printf("exec_info argc=%d args_bytes=%u envc=%d tid=%u sid=%u pgid=%u tty=%#x ppid=%u", (int)m.argc,
			m.args_bytes, (int)m.envc, m.tid, m.sid, m.pgid, m.tty, m.ppid);
		put_key("key", m.key);
		put_items(p + sizeof(m), p + size);
		break;
	}
	case PR_OP_CLONE_INFO: {
		struct pr_clone_info m;

		memcpy(&m, p, sizeof(m));
		printf("clone_info flags=%#llx creator_tid=%u ppid=%u sid=%u pgid=%u",
			(unsigned long long)m.clone_flags, m.creator_tid, m.ppid, m.sid, m.pgid);
		put_key("key", m.key);
		break;
	}
	case PR_OP_CLONE: {
		struct pr_msg_clone m;

		memcpy(&m, p, sizeof(m));
		printf("clone pid=%u tid=%u nspid=%u flags=%#x ktime=%llu", m.tgid, m.tid, m.nspid, m.flags,
			(unsigned long long)m.ktime);
		put_key("parent", m.parent);
		break;
	}
	case PR_OP_EXIT: {
		struct pr_msg_exit m;

		memcpy(&m, p, sizeof(m));
		printf("exit pid=%u code=%#x tid=%u", m.current.pid, m.code, m.tid);
		put_key("key", m.current);
		break;
	}
	case PR_OP_EXIT_INFO: {
		struct pr_exit_info m;

		memcpy(&m, p, sizeof(m));
		printf("exit_info ppid=%u start=%llu", m.ppid, (unsigned long long)m.start);
		put_key("key", m.key);
		break;
	}
	case PR_OP_REPARENT: {
		struct pr_reparent m;

		memcpy(&m, p, sizeof(m));
		printf("reparent");
		put_key("key", m.key);
		put_key("old", m.old_parent);
		put_key("new", m.new_parent);
		break;
	}
	case PR_OP_EXEC_FAIL: {
		struct pr_exec_fail m;

		memcpy(&m, p, sizeof(m));
		printf("exec_fail tid=%u error=%d", m.tid, m.error);
		put_key("key", m.key);
		put_items(p + sizeof(m), p + size);
		break;
	}
	case PR_OP_DATA: {
		struct pr_msg_data m;

		memcpy(&m, p, sizeof(m));
		printf("data id=%llx/%llu bytes=%zu", (unsigned long long)m.id.pid, (unsigned long long)m.id.time,
			size - sizeof(m));
		break;
	}
	default:
		printf("BAD_OP %u", c->op);
	}
	putchar('\n');
}

static int on_record(void *arg, const void *bytes, size_t len)
{
	struct tally *t = arg;
	const uint8_t *p = bytes, *end = p + len;
	struct pr_envelope e;

	t->bytes += len;
	while (p + sizeof(e) <= end) {
		memcpy(&e, p, sizeof(e));
		p += sizeof(e);
		if (e.cpu >= CPUS_MAX || e.stream >= PR_STREAM_COUNT || p + e.size > end || memcmp(p + 4, &e.size, 4)) {
			printf("BAD_RECORD\n");
			return 0;
		}
		if (e.seq < t->next[e.cpu][e.stream])
			t->disorder++;
		t->gaps[e.stream] += e.seq - t->next[e.cpu][e.stream];
		t->next[e.cpu][e.stream] = e.seq + 1;
		t->read[e.cpu][e.stream]++;
		t->frames++;
		if (!t->quiet)
			put_frame(p, e.size);
		p += e.size;
	}
	if (p != end)
		printf("BAD_RECORD_END\n");
	return 0;
}

static int on_snap(void *arg, const struct pr_snap *s, const char *cgroup)
{
	struct tally *t = arg;

	t->snaps++;
	if (t->quiet)
		return 0;
	printf("snap flags=%#x nspid=%u auid=%u ppid=%u sid=%u pgid=%u tty=%#x ino=%llu nlink=%u uids=%u,%u comm=%s "
	       "docker=%s",
		s->flags, s->nspid, s->auid, s->ppid, s->sid, s->pgid, s->tty, (unsigned long long)s->i_ino, s->i_nlink,
		s->creds.uid, s->creds.euid, s->comm, s->docker_id);
	put_key("key", s->key);
	put_key("parent", s->parent);
	put("cgroup", (const uint8_t *)cgroup, s->cgroup_len);
	putchar('\n');
	return 0;
}

static int summary(struct pr_capture *cap, struct tally *t)
{
	struct pr_capture_counters c;
	struct pr_errinfo ei;
	uint64_t next[PR_STREAM_COUNT] = {0}, lost[PR_STREAM_COUNT] = {0}, got[PR_STREAM_COUNT] = {0}, bad = 0;
	uint32_t cpu, s;

	if (pr_capture_counters(cap, &c, &ei)) {
		printf("counters: %s\n", ei.msg);
		return 1;
	}
	for (cpu = 0; cpu < c.cpus; cpu++)
		for (s = 0; s < PR_STREAM_COUNT; s++) {
			next[s] += c.streams[cpu][s].next;
			lost[s] += c.streams[cpu][s].lost;
			got[s] += t->read[cpu][s];
			bad += c.streams[cpu][s].next != t->read[cpu][s] + c.streams[cpu][s].lost;
		}
	for (s = 0; s < PR_STREAM_COUNT; s++)
		if (next[s])
			printf("stream %u: emitted=%llu read=%llu lost=%llu gaps=%llu missed=%llu\n", s,
				(unsigned long long)next[s], (unsigned long long)got[s], (unsigned long long)lost[s],
				(unsigned long long)t->gaps[s], (unsigned long long)c.missed[s]);
	printf("total frames=%llu bytes=%llu snaps=%llu map_full=%llu args_cut=%llu reparent_cut=%llu disorder=%llu "
	       "flavour=%s equation=%s\n",
		(unsigned long long)t->frames, (unsigned long long)t->bytes, (unsigned long long)t->snaps,
		(unsigned long long)c.map_full, (unsigned long long)c.args_cut, (unsigned long long)c.reparent_cut,
		(unsigned long long)t->disorder, pr_capture_flavour(cap), bad ? "BAD" : "ok");
	return bad != 0;
}

static pid_t start_held(char **argv, int *go)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			_exit(126);
		close(fds[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

int main(int argc, char **argv)
{
	struct pr_capture_options opt = {0};
	static struct tally t;
	struct pr_capture *cap = NULL;
	struct pr_errinfo ei;
	size_t n;
	int o, go = -1, status = 0, sleep_ms = 0;
	pid_t pid;

	while ((o = getopt(argc, argv, "+r:tfwqs:")) > 0) {
		opt.ring_bytes = o == 'r' ? strtoull(optarg, NULL, 10) << 10 : opt.ring_bytes;
		sleep_ms = o == 's' ? atoi(optarg) : sleep_ms;
		opt.only_tree |= o == 't';
		opt.failed_exec |= o == 'f';
		opt.raw_tracepoints |= o == 'w';
		t.quiet |= o == 'q';
	}
	pid = start_held(argv + optind, &go);
	if (pr_capture_open(&opt, &cap, &ei) || pr_capture_attach(cap, &ei) ||
		(opt.only_tree && pr_capture_track(cap, (uint32_t)pid, &ei)) ||
		pr_capture_snapshot(cap, PR_SNAPSHOT_NEW, on_snap, &t, &ei)) {
		fprintf(stderr, "bpf_dump: %s\n", ei.msg);
		return 4;
	}
	if (write(go, "x", 1) != 1)
		return 4;
	if (sleep_ms)
		usleep((useconds_t)sleep_ms * 1000);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		pr_capture_wait(cap, 50, &ei);
		pr_capture_read(cap, on_record, &t, &n, &ei);
		pr_capture_commit(cap, pr_capture_position(cap));
	}
	pr_capture_detach(cap, &ei);
	do {
		pr_capture_read(cap, on_record, &t, &n, &ei);
		pr_capture_commit(cap, pr_capture_position(cap));
	} while (n);
	o = summary(cap, &t);
	pr_capture_close(cap);
	return o;
}

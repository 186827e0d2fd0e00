/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_pin KILLS: a small recorder over a pinned capture is killed with SIGKILL again and again while processes come and
 * go. In the end its file holds every frame that was emitted, once.
 *
 * The recorder writes records as they are, makes them durable, then commits. After a kill the file may hold a torn
 * record at its end (cut off) and records that were not committed (met again, known by their sequence numbers).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/capture.h"

#define OUT_BYTES (1u << 20)

static char pins[128], file[128], mount_dir[64] = "/tmp/bpf_pin.XXXXXX";

struct sink {
	uint64_t next[256][PR_STREAM_COUNT];
	uint64_t frames, again, holes;
	uint8_t *out;
	size_t n;
};

/* Takes one envelope into account; false: it was there before. */
static bool take(struct sink *s, const struct pr_envelope *e)
{
	uint64_t *next = &s->next[e->cpu & 255][e->stream % PR_STREAM_COUNT];

	if (e->seq < *next) {
		s->again++;
		return false;
	}
	s->holes += e->seq - *next;
	*next = e->seq + 1;
	s->frames++;
	return true;
}

static int on_record(void *arg, const void *bytes, size_t len)
{
	struct sink *s = arg;
	const uint8_t *p = bytes, *end = p + len;
	struct pr_envelope e;

	if (s->n + len > OUT_BYTES)
		return -1;
	while (p < end) {
		memcpy(&e, p, sizeof(e));
		if (take(s, &e)) {
			memcpy(s->out + s->n, p, sizeof(e) + e.size);
			s->n += sizeof(e) + e.size;
		}
		p += sizeof(e) + e.size;
	}
	return 0;
}

/* What the file holds; cuts a torn end off. Returns the number of frames. */
static uint64_t reread(struct sink *s, int fd)
{
	off_t end = lseek(fd, 0, SEEK_END), at = 0;
	struct pr_envelope e;

	memset(s->next, 0, sizeof(s->next));
	s->frames = s->again = s->holes = 0;
	while (pread(fd, &e, sizeof(e), at) == (ssize_t)sizeof(e) && at + (off_t)sizeof(e) + (off_t)e.size <= end) {
		take(s, &e);
		at += (off_t)sizeof(e) + (off_t)e.size;
	}
	if (at != end && ftruncate(fd, at))
		return 0;
	lseek(fd, 0, SEEK_END);
	return s->frames;
}

static int verdict(struct pr_capture *cap, struct sink *s, int fd, int kills)
{
	struct pr_capture_counters c;
	struct pr_errinfo ei;
	uint64_t next = 0, lost = 0;
	uint32_t cpu, i;
	bool bad;

	reread(s, fd);
	if (pr_capture_counters(cap, &c, &ei)) {
		fprintf(stderr, "bpf_pin: %s\n", ei.msg);
		return 4;
	}
	for (cpu = 0; cpu < c.cpus; cpu++)
		for (i = 0; i < PR_STREAM_COUNT; i++) {
			next += c.streams[cpu][i].next;
			lost += c.streams[cpu][i].lost;
		}
	bad = !next || s->again || s->holes != lost || s->frames + lost != next;
	printf("%d kills: emitted %llu, lost %llu, in the file %llu, twice %llu, missing %llu: %s\n", kills,
		(unsigned long long)next, (unsigned long long)lost, (unsigned long long)s->frames,
		(unsigned long long)s->again, (unsigned long long)s->holes, bad ? "BAD" : "exact");
	return bad;
}

/* drain: 0, or the number of kills: end the capture, take the rest, and say whether all is there. */
static int record(int drain)
{
	struct pr_capture_options opt = {.pin_dir = pins, .ring_bytes = 8u << 20};
	struct pr_capture *cap;
	struct sink *s = calloc(1, sizeof(*s));
	struct pr_errinfo ei;
	size_t n;
	int fd = open(file, O_RDWR | O_CREAT, 0600), rc;

	s->out = malloc(OUT_BYTES);
	reread(s, fd);
	rc = pr_capture_is_pinned(pins) ? pr_capture_resume(pins, &cap, &ei) : pr_capture_open(&opt, &cap, &ei) ?: pr_capture_attach(cap, &ei);
	if (rc) {
		fprintf(stderr, "bpf_pin: %s\n", ei.msg);
		return 4;
	}
	if (drain)
		pr_capture_detach(cap, &ei);
	for (;;) {
		s->n = 0;
		rc = pr_capture_read(cap, on_record, s, &n, &ei);
		if (s->n && (write(fd, s->out, s->n) != (ssize_t)s->n || fdatasync(fd)))
			return 4;
		pr_capture_commit(cap, pr_capture_position(cap));
		if (drain && !n && !rc)
			break;
		if (!n)
			pr_capture_wait(cap, 2, &ei);
	}
	rc = verdict(cap, s, fd, drain);
	pr_capture_close(cap);
	return rc;
}

static void spawn_until_killed(void)
{
	pid_t pid;

	for (;;) {
		pid = fork();
		if (!pid) {
			execl("/bin/true", "true", "with", "arguments", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(record(0));
	return pid;
}

int main(int argc, char **argv)
{
	int kills = argc > 1 ? atoi(argv[1]) : 20, i, status, rc = 0;
	struct pr_errinfo ei;
	pid_t rec, load[2];

	if (!mkdtemp(mount_dir) || mount("bpf", mount_dir, "bpf", 0, NULL)) {
		perror("bpf_pin: cannot mount a bpffs");
		return 77;
	}
	snprintf(pins, sizeof(pins), "%s/procrec", mount_dir);
	snprintf(file, sizeof(file), "%s.frames", mount_dir);
	rec = start();
	for (i = 0; i < 600 && !pr_capture_is_pinned(pins); i++) /* loading takes long on an emulated machine */
		usleep(100000);
	for (i = 0; i < 2; i++) {
		load[i] = fork();
		if (!load[i])
			spawn_until_killed();
	}
	for (i = 0; i < kills && !rc; i++) {
		usleep((useconds_t)(20000 + rand() % 150000));
		kill(rec, SIGKILL);
		waitpid(rec, &status, 0);
		rc = WIFSIGNALED(status) ? 0 : 4;
		rec = start();
	}
	for (i = 0; i < 2; i++) {
		kill(load[i], SIGKILL);
		waitpid(load[i], NULL, 0);
	}
	kill(rec, SIGKILL);
	waitpid(rec, &status, 0);
	rc = rc ? rc : record(kills + 1);
	if (pr_capture_unpin(pins, &ei))
		fprintf(stderr, "bpf_pin: %s\n", ei.msg), rc = 4;
	umount(mount_dir);
	rmdir(mount_dir);
	unlink(file);
	return rc;
}

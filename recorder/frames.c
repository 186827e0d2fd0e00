/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder/frames.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define CLOCK_TRIES 5

void pr_frames_init(struct pr_frames *f)
{
	memset(f, 0, sizeof(*f));
}

void pr_frames_release(struct pr_frames *f)
{
	pr_buf_release(&f->buf);
}

void pr_frames_begin(struct pr_frames *f, enum pr_op op, uint64_t ktime)
{
	struct pr_buf *b = &f->buf;

	f->at = b->len;
	pr_buf_u16(b, PR_CPU_NONE);
	pr_buf_u8(b, PR_STREAM_USER);
	pr_buf_u8(b, 0);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, f->seq++);
	pr_buf_u8(b, (uint8_t)op);
	pr_buf_u8(b, 0);
	pr_buf_u16(b, 0);
	pr_buf_u32(b, 0);
	pr_buf_u64(b, ktime);
}

void pr_frames_end(struct pr_frames *f)
{
	uint32_t size;

	if (pr_buf_failed(&f->buf))
		return;
	size = (uint32_t)(f->buf.len - f->at - PR_ENVELOPE_SIZE);
	pr_put_u32(f->buf.data + f->at + offsetof(struct pr_envelope, size), size);
	pr_put_u32(f->buf.data + f->at + PR_ENVELOPE_SIZE + offsetof(struct pr_msg_common, size), size);
}

void pr_frames_item(struct pr_frames *f, unsigned type, const void *p, size_t n)
{
	if (n > UINT16_MAX) {
		n = UINT16_MAX;
		type |= PR_ITEM_CUT;
	}
	pr_buf_u16(&f->buf, (uint16_t)type);
	pr_buf_u16(&f->buf, (uint16_t)n);
	pr_buf_append(&f->buf, p, n);
}

void pr_frames_item_str(struct pr_frames *f, unsigned type, const char *s)
{
	pr_frames_item(f, type, s, strlen(s));
}

void pr_frames_item_u64(struct pr_frames *f, unsigned type, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	pr_frames_item_str(f, type, text);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t pr_boottime_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

uint64_t pr_frames_clock(struct pr_frames *f)
{
	uint64_t boot = 0, mono = 0, real = 0, best = UINT64_MAX;

	/* We may be interrupted between two readings; the shortest of a few tries was not. */
	for (int i = 0; i < CLOCK_TRIES; i++) {
		uint64_t b = now_ns(CLOCK_BOOTTIME), r = now_ns(CLOCK_REALTIME), m = now_ns(CLOCK_MONOTONIC);
		uint64_t took = now_ns(CLOCK_BOOTTIME) - b;

		if (took >= best)
			continue;
		best = took;
		boot = b;
		real = r;
		mono = m;
	}
	pr_frames_begin(f, PR_OP_CLOCK, boot);
	pr_buf_u64(&f->buf, mono);
	pr_buf_u64(&f->buf, real);
	pr_buf_u64(&f->buf, best);
	pr_frames_end(f);
	return boot;
}

void pr_frames_user(struct pr_frames *f, uint64_t ktime, uint32_t uid, const char *name)
{
	pr_frames_begin(f, PR_OP_USER_NAME, ktime);
	pr_buf_u32(&f->buf, uid);
	pr_buf_u32(&f->buf, 0);
	pr_buf_str(&f->buf, name);
	pr_frames_end(f);
}

void pr_frames_keyframe(struct pr_frames *f, uint64_t ktime, bool end, uint32_t processes)
{
	pr_frames_begin(f, PR_OP_KEYFRAME, ktime);
	pr_buf_u32(&f->buf, end);
	pr_buf_u32(&f->buf, processes);
	pr_frames_end(f);
}

void pr_frames_loss(struct pr_frames *f, uint64_t ktime, enum pr_loss_reason reason, enum pr_stream stream, uint64_t count,
	uint64_t since)
{
	pr_frames_begin(f, PR_OP_LOSS, ktime);
	pr_buf_u32(&f->buf, reason);
	pr_buf_u32(&f->buf, stream);
	pr_buf_u64(&f->buf, count);
	pr_buf_u64(&f->buf, since);
	pr_frames_end(f);
}

/* The first line of a small file. */
static bool first_line(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return true;
}

static void item_file(struct pr_frames *f, unsigned type, const char *path)
{
	char line[256];

	if (first_line(path, line, sizeof(line)))
		pr_frames_item_str(f, type, line);
}

static void item_os(struct pr_frames *f)
{
	static const char key[] = "PRETTY_NAME=";
	FILE *in = fopen("/etc/os-release", "re");
	char line[512], *v;
	size_t n;

	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, key, sizeof(key) - 1))
			continue;
		v = line + sizeof(key) - 1;
		v[strcspn(v, "\n")] = '\0';
		n = strlen(v);
		if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v) {
			v[n - 1] = '\0';
			v++;
		}
		pr_frames_item_str(f, PR_ITEM_OS, v);
		break;
	}
	if (in)
		fclose(in);
}

/* btime of /proc/stat: seconds since 1970. */
static void item_boot_time(struct pr_frames *f)
{
	FILE *in = fopen("/proc/stat", "re");
	char line[512];
	uint64_t v;

	while (in && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "btime ", 6) && pr_parse_u64(line + 6, false, &v))
			pr_frames_item_u64(f, PR_ITEM_BOOT_TIME, v);
	}
	if (in)
		fclose(in);
}

void pr_frames_host(struct pr_frames *f, uint64_t ktime)
{
	struct utsname u;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	pr_frames_begin(f, PR_OP_HOST, ktime);
	if (!uname(&u)) {
		pr_frames_item_str(f, PR_ITEM_HOSTNAME, u.nodename);
		pr_frames_item_str(f, PR_ITEM_KERNEL, u.release);
		pr_frames_item_str(f, PR_ITEM_KERNEL_VERSION, u.version);
		pr_frames_item_str(f, PR_ITEM_ARCH, u.machine);
	}
	item_file(f, PR_ITEM_BOOT_ID, "/proc/sys/kernel/random/boot_id");
	item_file(f, PR_ITEM_MACHINE_ID, "/etc/machine-id");
	item_file(f, PR_ITEM_PID_MAX, "/proc/sys/kernel/pid_max");
	item_os(f);
	if (cpus > 0)
		pr_frames_item_u64(f, PR_ITEM_CPUS, (uint64_t)cpus);
	item_boot_time(f);
	pr_frames_end(f);
}

void pr_boot_id(uint8_t out[16])
{
	char text[256] = "";
	unsigned v;
	const char *p = text;

	memset(out, 0, 16);
	if (!first_line("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		return;
	for (int i = 0; i < 16; i++, p += 2) {
		p += *p == '-';
		if (sscanf(p, "%2x", &v) != 1)
			return;
		out[i] = (uint8_t)v;
	}
}

void pr_frames_data(struct pr_frames *f, uint64_t ktime, uint32_t pid, uint64_t id_time, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t part;

	do {
		part = n < PR_DATA_PAYLOAD_MAX ? n : PR_DATA_PAYLOAD_MAX;
		pr_frames_begin(f, PR_OP_DATA, ktime);
		pr_buf_u64(&f->buf, (uint64_t)pid << 32 | pid);
		pr_buf_u64(&f->buf, id_time);
		pr_buf_append(&f->buf, at, part);
		pr_frames_end(f);
		at += part;
		n -= part;
	} while (n);
}

void pr_frames_desc(struct pr_frames *f, uint32_t pid, uint64_t id_time, size_t sent, size_t size)
{
	struct pr_buf *b = &f->buf;

	pr_buf_u32(b, 0);
	pr_buf_u32(b, 0);
	pr_buf_u32(b, (uint32_t)(size - sent));
	pr_buf_u32(b, (uint32_t)size);
	pr_buf_u64(b, (uint64_t)pid << 32 | pid);
	pr_buf_u64(b, id_time);
}

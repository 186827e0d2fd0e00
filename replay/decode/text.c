/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c: decoded fields as the text that the reference shows. */
#include "replay/decode/text.h"

#include <string.h>

#include "base/text.h"

static bool has_white(const uint8_t *p, size_t n)
{
	return n && (memchr(p, ' ', n) || memchr(p, '\t', n) || memchr(p, '\n', n));
}

static void quote(struct pr_buf *b, const uint8_t *p, size_t n)
{
	pr_buf_u8(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\t') {
			pr_buf_append(b, p[i] == '\n' ? "\\n" : "\\t", 2);
			continue;
		}
		if (p[i] == '"' || p[i] == '\\')
			pr_buf_u8(b, '\\');
		pr_buf_u8(b, p[i]);
	}
	pr_buf_u8(b, '"');
}

/* Nothing to quote: each NUL becomes a space. */
static void join_plain(struct pr_buf *b, const uint8_t *p, size_t n)
{
	uint8_t *o = pr_buf_grow(b, n);

	for (size_t i = 0; o && i < n; i++)
		o[i] = p[i] ? p[i] : ' ';
}

void pr_text_arguments(struct pr_buf *b, const uint8_t *p, size_t n)
{
	const uint8_t *nul;
	size_t len;

	if (!has_white(p, n)) {
		join_plain(b, p, n);
		return;
	}
	for (;;) {
		nul = n ? memchr(p, 0, n) : NULL;
		len = nul ? (size_t)(nul - p) : n;
		if (has_white(p, len))
			quote(b, p, len);
		else
			pr_buf_append(b, p, len);
		if (!nul)
			return;
		pr_buf_u8(b, ' ');
		p += len + 1;
		n -= len + 1;
	}
}

void pr_text_binary(struct pr_buf *b, struct pr_slice filename, struct pr_slice cwd)
{
	if (!filename.n) {
		pr_buf_str(b, PR_ENOMEM_TEXT);
		return;
	}
	if (filename.p[0] != '/' && cwd.n) {
		pr_buf_append(b, cwd.p, cwd.n);
		if (cwd.p[cwd.n - 1] != '/')
			pr_buf_u8(b, '/');
	}
	pr_buf_append(b, filename.p, filename.n);
}

/* Bit 1 stands without prefix: the reference prints it so. */
static const char *const cap_names[] = {"CAP_CHOWN", "DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
	"CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
	"CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"};
#define N_CAPS (sizeof(cap_names) / sizeof(cap_names[0]))
_Static_assert(N_CAPS == 41, "capability names");

void pr_text_caps(struct pr_buf *b, uint64_t bits)
{
	bool first = true;

	bits &= ((uint64_t)1 << N_CAPS) - 1;
	for (; bits; bits &= bits - 1) {
		if (!first)
			pr_buf_u8(b, ' ');
		first = false;
		pr_buf_str(b, cap_names[__builtin_ctzll(bits)]);
	}
}

static size_t put_dec(char *end, uint64_t v)
{
	char *p = end;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return (size_t)(end - p);
}

void pr_text_exec_id(struct pr_buf *b, struct pr_slice host, struct pr_id id)
{
	char small[128], tail[40], *end = tail + sizeof(tail);
	struct pr_buf large = PR_BUF_INIT;
	size_t n = put_dec(end, id.pid);

	*(end - ++n) = ':';
	n += put_dec(end - n, id.ktime);
	*(end - ++n) = ':';
	if (host.n + n <= sizeof(small)) {
		if (host.n)
			memcpy(small, host.p, host.n);
		memcpy(small + host.n, end - n, n);
		pr_base64(b, small, host.n + n);
		return;
	}
	pr_buf_append(&large, host.p, host.n);
	pr_buf_append(&large, end - n, n);
	if (pr_buf_failed(&large))
		b->failed = true;
	else
		pr_base64(b, large.data, large.len);
	pr_buf_release(&large);
}

const char *pr_signal_name(unsigned number)
{
	static const char *const names[] = {NULL, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
		"SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT",
		"SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",
		"SIGIO", "SIGPWR", "SIGSYS"};

	return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

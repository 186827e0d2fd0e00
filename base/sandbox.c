/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "base/sanitizer.h"

/* By name: a call that an architecture lacks is passed over. */
static const char *const allowed[] = {
	/* files */
	"open", "openat", "close", "read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "lseek", "_llseek",
	"stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "getdents", "getdents64", "fcntl", "fcntl64", "flock",
	"ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync", "fadvise64", "fadvise64_64", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "mkdir", "mkdirat", "rmdir", "fchmod", "fchown", "fchown32", "dup", "dup2", "dup3", "umask", "ioctl", "memfd_create",
	"copy_file_range", "sendfile", "sendfile64",
	/* memory */
	"mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "brk", "mlock", "munlock", "mlock2",
	/* waiting and time */
	"futex", "futex_time64", "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "nanosleep",
	"clock_nanosleep", "clock_nanosleep_time64", "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "sched_yield",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	/* itself */
	"exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "tgkill", "restart_syscall",
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32",
	"wait4", "waitid", "waitpid", "getrandom", "uname", "sysinfo", "getrusage", "sched_getaffinity", "set_robust_list", "set_tid_address", "rseq", "ugetrlimit", "getrlimit",
};

/*
 * Threads of this process, no others: clone tells them apart by its flags. clone3 has these in memory, where a filter can't look:
 * it is not there, so that the C library falls back to clone.
 */
static bool allow_threads(scmp_filter_ctx ctx)
{
	int nr = seccomp_syscall_resolve_name("clone3");
#ifdef __s390__
	const struct scmp_arg_cmp thread = SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
#else
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
#endif

	if (nr >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0))
		return false;
	return !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
}

static bool load_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool ok = ctx != NULL;

	for (size_t i = 0; ok && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int nr = seccomp_syscall_resolve_name(allowed[i]);

		if (nr >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0))
			ok = false;
	}
	/* Limits may be asked for, of itself alone, and not set. */
	ok = ok && !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
	ok = ok && allow_threads(ctx);
	ok = ok && !seccomp_load(ctx);
	seccomp_release(ctx);
	return ok;
}

bool pr_sandbox_enter(void)
{
	if (PR_WITH_SANITIZER || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	return load_filter();
}

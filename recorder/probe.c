/* SPDX-License-Identifier: BSD-2-Clause */
/* probe.c: see probe.h. One small function per item; the table at the end is the order in which doctor prints them. */
#include "recorder/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#define BTF_PATH "/sys/kernel/btf/vmlinux"

static bool has_cap(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t v = CAP_CLEAR;

	return caps && !cap_get_flag(caps, cap, CAP_EFFECTIVE, &v) && v == CAP_SET;
}

static void report(struct pr_probe_item *it, enum pr_probe_state state, const char *detail, const char *advice)
{
	it->state = state;
	snprintf(it->detail, sizeof(it->detail), "%s", detail);
	snprintf(it->advice, sizeof(it->advice), "%s", advice);
}

bool pr_probe_rights(void)
{
	cap_t caps = cap_get_proc();
	bool ok = has_cap(caps, CAP_SYS_ADMIN) || (has_cap(caps, CAP_BPF) && has_cap(caps, CAP_PERFMON));

	cap_free(caps);
	return ok;
}

static void probe_rights(struct pr_probe *p, struct pr_probe_item *it)
{
	cap_t caps = cap_get_proc();
	bool bpf = has_cap(caps, CAP_BPF), perfmon = has_cap(caps, CAP_PERFMON), admin = has_cap(caps, CAP_SYS_ADMIN);

	(void)p;
	if (admin || (bpf && perfmon))
		report(it, PR_PROBE_OK, admin ? "CAP_SYS_ADMIN" : "CAP_BPF and CAP_PERFMON", "");
	else
		report(it, PR_PROBE_MISSING,
			bpf       ? "CAP_PERFMON is missing"
			: perfmon ? "CAP_BPF is missing"
				  : "CAP_BPF and CAP_PERFMON are missing",
			"run it as root, or give the program cap_bpf,cap_perfmon");
	cap_free(caps);
}

static void probe_reading(struct pr_probe *p, struct pr_probe_item *it)
{
	cap_t caps = cap_get_proc();

	(void)p;
	if (has_cap(caps, CAP_SYS_PTRACE))
		report(it, PR_PROBE_OK, "CAP_SYS_PTRACE", "");
	else
		report(it, PR_PROBE_WARN,
			"without CAP_SYS_PTRACE the executable and cwd of other users' processes that are alive at the "
			"start stay unknown",
			"run it as root, or give the program cap_sys_ptrace too");
	cap_free(caps);
}

/* How many arguments a tracepoint passes, by its type `void (*btf_trace_NAME)(void *, ...)`; -1: there is none. */
static int tracepoint_args(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	t = t ? btf__type_by_id(btf, t->type) : NULL;
	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

static void probe_btf(struct pr_probe *p, struct pr_probe_item *it)
{
	static const char *const tracepoints[] = {
		"btf_trace_sched_process_exec", "btf_trace_task_newtask", "btf_trace_sched_process_exit"};
	struct btf *btf;
	size_t i, found = 0;

	if (access(BTF_PATH, R_OK)) {
		report(it, PR_PROBE_MISSING, BTF_PATH " cannot be read",
			"use a kernel that is built with CONFIG_DEBUG_INFO_BTF=y (Debian 11 and newer have it)");
		return;
	}
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		report(it, PR_PROBE_MISSING, BTF_PATH " is not valid BTF", "report this with the kernel's version");
		return;
	}
	for (i = 0; i < sizeof(tracepoints) / sizeof(*tracepoints); i++)
		found += btf__find_by_name_kind(btf, tracepoints[i], BTF_KIND_TYPEDEF) > 0;
	p->btf_tracepoints = found == i;
	p->exit_group_dead = tracepoint_args(btf, "btf_trace_sched_process_exit") >= 2;
	p->task_iterator = btf__find_by_name_kind(btf, "bpf_iter__task", BTF_KIND_STRUCT) > 0;
	btf__free(btf);
	report(it, PR_PROBE_OK,
		p->btf_tracepoints ? "with typed tracepoints" : "without typed tracepoints: the plain ones are used",
		"");
}

static void probe_iterator(struct pr_probe *p, struct pr_probe_item *it)
{
	if (p->task_iterator)
		report(it, PR_PROBE_OK, "yes", "");
	else
		report(it, PR_PROBE_MISSING, "the kernel has no BPF task iterator", "use Linux 5.10 or newer");
}

static void probe_ring(struct pr_probe *p, struct pr_probe_item *it)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int fd;

	(void)p;
	if (!pr_probe_rights()) {
		report(it, PR_PROBE_WARN, "cannot be tried without rights", "");
		return;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "procrec_probe", 0, 0, (unsigned int)sysconf(_SC_PAGESIZE), &opts);
	if (fd >= 0) {
		close(fd);
		report(it, PR_PROBE_OK, "yes", "");
	} else if (errno == EPERM) {
		report(it, PR_PROBE_MISSING, "bpf(2) is refused",
			"a container's seccomp profile or a security module forbids it: run on the host");
	} else {
		report(it, PR_PROBE_MISSING,
			errno == ENOSYS ? "the kernel has no bpf(2)" : "the kernel has no BPF ring buffer",
			"use Linux 5.10 or newer");
	}
}

static void probe_lockdown(struct pr_probe *p, struct pr_probe_item *it)
{
	char line[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	(void)p;
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	if (strstr(line, "[confidentiality]"))
		report(it, PR_PROBE_MISSING,
			"the kernel is locked down for confidentiality, so BPF may not read kernel memory",
			"boot without lockdown=confidentiality");
	else
		report(it, PR_PROBE_OK, strstr(line, "[integrity]") ? "integrity, which allows it" : "none", "");
}

static void probe_bpffs(struct pr_probe *p, struct pr_probe_item *it)
{
	struct statfs st;

	(void)p;
	if (!statfs("/sys/fs/bpf", &st) && (unsigned long)st.f_type == BPF_FS_MAGIC)
		report(it, PR_PROBE_OK, "/sys/fs/bpf", "");
	else
		report(it, PR_PROBE_WARN,
			"no bpffs at /sys/fs/bpf: a recording cannot be resumed after a crash of the recorder",
			"mount -t bpf bpf /sys/fs/bpf");
}

static void probe_kernel(struct pr_probe *p, struct pr_probe_item *it)
{
	struct utsname u;
	char text[sizeof(it->detail)];

	(void)p;
	if (uname(&u))
		memset(&u, 0, sizeof(u));
	snprintf(text, sizeof(text), "%.60s %.60s", u.release, u.machine);
	report(it, PR_PROBE_OK, text, "");
}

void pr_probe_run(struct pr_probe *out)
{
	static const struct {
		const char *name;
		void (*run)(struct pr_probe *p, struct pr_probe_item *it);
	} table[] = {
		{"kernel", probe_kernel},
		{"rights", probe_rights},
		{"reading other processes", probe_reading},
		{"kernel types (BTF)", probe_btf},
		{"ring buffer", probe_ring},
		{"task iterator", probe_iterator},
		{"lockdown", probe_lockdown},
		{"bpffs", probe_bpffs},
	};
	size_t i;

	memset(out, 0, sizeof(*out));
	libbpf_set_print(NULL);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		out->items[i].name = table[i].name;
		table[i].run(out, &out->items[i]);
	}
	out->n_items = i;
}

int pr_probe_error(const struct pr_probe *probe, struct pr_errinfo *ei)
{
	size_t i;

	for (i = 0; i < probe->n_items; i++) {
		const struct pr_probe_item *it = &probe->items[i];

		if (it->state == PR_PROBE_MISSING)
			return pr_fail(ei, PR_EPERM, "this machine cannot record: %s: %s; %s", it->name, it->detail,
				it->advice);
	}
	return 0;
}

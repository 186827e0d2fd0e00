/* SPDX-License-Identifier: BSD-2-Clause */
/* capture_live.c: looks into the kernel-side map of live processes, for what user space knows or must know better. */
#include <bpf/bpf.h>

#include "recorder/capture_int.h"

int pr_capture_identity(struct pr_capture *cap, uint32_t tgid, struct pr_key *out_key)
{
	struct pr_bpf_live v;

	if (bpf_map_lookup_elem(bpf_map__fd(cap->skel->maps.live), &tgid, &v))
		return PR_ENOENT;
	*out_key = (struct pr_key){.pid = tgid, .ktime = v.ktime};
	return PR_OK;
}

int pr_capture_vouch(struct pr_capture *cap, uint32_t tgid, struct pr_errinfo *ei)
{
	int fd = bpf_map__fd(cap->skel->maps.live);
	struct pr_bpf_live v;

	if (bpf_map_lookup_elem(fd, &tgid, &v))
		return pr_fail(ei, PR_ENOENT, "process %u ended before it could be followed", tgid);
	v.flags &= ~PR_LIVE_WALKED;
	if (bpf_map_update_elem(fd, &tgid, &v, BPF_EXIST))
		return pr_fail(ei, PR_ENOENT, "process %u ended before it could be followed", tgid);
	return PR_OK;
}

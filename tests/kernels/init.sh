#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-2-Clause
# The guest of kernels.sh: runs the checks, says what came out, powers off.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TZ=UTC LC_ALL=C
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; mount -t cgroup2 c /sys/fs/cgroup; mount -t bpf b /sys/fs/bpf
mount -t securityfs s /sys/kernel/security 2>/dev/null
bad=0

check() { # NAME COMMAND...
	name=$1; shift
	if "$@" >/tmp/out 2>&1; then
		echo "GUEST: ok $name: $(tail -n 1 /tmp/out)"
	else
		echo "GUEST: not ok $name ($?)"; cat /tmp/out; bad=1
	fi
}

recording() {
	/t/procrec record -o /tmp/t.seg -- /t/workload run /tmp/truth 200 4 && : || return 1
	/t/procrec verify /tmp/t.seg >/dev/null && /t/procrec replay /tmp/t.seg --stats
}

echo "GUEST: $(uname -r)"
: >/tmp/truth
cd /t || exit 1
check doctor /t/procrec doctor
check cases /t/bpf_cases
check cases-plain /t/bpf_cases -w
check kills /t/bpf_pin 10
check recording recording
[ $bad = 0 ] && echo "GUEST: all passed"
sync; echo o >/proc/sysrq-trigger; poweroff -f

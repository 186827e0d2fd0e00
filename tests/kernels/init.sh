#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-2-Clause
# The guest of kernels.sh: runs the checks, says what came out, powers off. `checks` on the kernel's command line names them; the
# recordings that the host is to look at go out as a tar file by the second serial port. /init NAME: that check alone.
export PATH=/bin HOME=/root TZ=UTC LC_ALL=C
bad=0

uptime_s() { cut -d' ' -f1 /proc/uptime; }

# In a session of its own, which ends with it or at its limit, so that one that hangs is told apart and takes no other along.
check() { # NAME
	echo "GUEST: begin $1 ($(uptime_s) s)"
	setsid timeout -s KILL "${limit:-480}" /init "$1" >/tmp/out 2>&1 & job=$!
	wait $job; status=$?
	if [ $status = 0 ]; then
		echo "GUEST: ok $1 ($(uptime_s) s): $(tail -n 1 /tmp/out)"
	else
		echo "GUEST: not ok $1 ($status, $(uptime_s) s)"; tail -n 60 /tmp/out; bad=1
		tail -n 12 /tmp/procrec-verifier-* 2>/dev/null && rm -f /tmp/procrec-verifier-*
		[ $status != 137 ] || { echo "after its ${limit:-480} s:"; ps -o pid,ppid,stat,args | grep -v '\['; }
	fi
	kill -9 -- -$job 2>/dev/null
}

doctor() { /t/procrec doctor; }
cases() { /t/bpf_cases; }
plain() { /t/bpf_cases -w; }
kills() { /t/bpf_pin 10; }

# What the workload says of itself is the truth; here it is looked at that the trace is whole.
recording() {
	mkdir -p /tmp/hand
	: >/tmp/hand/truth
	/t/procrec record --plain -o /tmp/hand/t.seg -- /t/workload run /tmp/hand/truth "${processes:-300}" 4 || return 1
	/t/procrec verify /tmp/hand/t.seg >/dev/null && /t/procrec replay /tmp/hand/t.seg --stats
}

# Exit status 1 says that something was lost, as is to be; the host checks that it is counted. A slow machine needs longer to fill a ring.
loss() {
	mkdir -p /tmp/hand
	for seconds in 5 15 45; do
		/t/procrec record --plain --force --only-tree --ring 64K --read-delay ${seconds}s -o /tmp/hand/loss.seg -- /t/workload storm 3 $((seconds * 2500)) \
			>/tmp/hand/loss.out 2>/tmp/hand/loss.err
		echo $? >/tmp/hand/loss.status
		[ "$(cat /tmp/hand/loss.status)" = 0 ] || break
	done
	cat /tmp/hand/loss.err
	[ "$(cat /tmp/hand/loss.status)" -le 1 ]
}

hand_out() {
	stty -F /dev/ttyS1 raw && tar -C /tmp/hand -czf - . >/dev/ttyS1
}

[ $$ = 1 ] || { cd /t && "$1"; exit; }
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; mount -t cgroup2 c /sys/fs/cgroup; mount -t bpf b /sys/fs/bpf
mount -t securityfs s /sys/kernel/security 2>/dev/null
echo "GUEST: $(uname -r)"
for one in $(echo "${checks:-doctor,cases,plain,kills,recording,loss}" | tr , ' '); do check "$one"; done
[ -d /tmp/hand ] && check hand_out
[ $bad = 0 ] && echo "GUEST: all passed"
sync; echo o >/proc/sysrq-trigger; poweroff -f

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kernels.sh [SERIES...]: the kernel side, the recorder and replay on other kernels, each booted in qemu (software emulation, no KVM).
#
# SERIES: 5.10 6.1 6.12 6.18 newest (default: all). Kernels are Debian's, looked up and fetched once into $KERNELS. Needs root for apt, a mirror,
# qemu-system-x86_64, busybox-static, cpio, zstd. What cannot be had is skipped, and says why. Ends with
# "kernels: N passed, N failed, N skipped"; the console of each guest is left in $OUT/kernels-SERIES.log.
set -u
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
. tests/kernels/guest.sh
passed=0 failed=0 skipped=0

verdict() { # ok|not ok|skip SERIES TEXT
	case $1 in ok) passed=$((passed + 1));; skip) skipped=$((skipped + 1));; *) failed=$((failed + 1));; esac
	echo "$1 kernel $2: $3"
}

run() { # SERIES
	local package kernel log=$OUT/kernels-$1.log start=$SECONDS
	package=$(package_of "$1")
	[ -n "$package" ] || { verdict skip "$1" "the mirror has no such kernel"; return; }
	fetch "$package" || { verdict skip "$1" "cannot fetch $package"; return; }
	kernel=$(kernel_of "$package")
	[ -n "$kernel" ] || { verdict skip "$1" "no kernel in $package"; return; }
	guest_boot "$kernel" "$work/root.gz" "$log"
	if grep -q '^GUEST: all passed' "$log"; then
		verdict ok "$1" "$package, $(grep -c '^GUEST: ok' "$log") checks, $((SECONDS - start)) s"
	else
		grep -aE '^GUEST: not ok|not so:|FAILED|panic|refused' "$log" | head -10
		verdict "not ok" "$1" "$package; see $log"
	fi
}

for tool in qemu-system-x86_64 cpio busybox apt-get dpkg; do
	command -v $tool >/dev/null || { echo "skip kernels: there is no $tool (apt-get install qemu-system-x86 busybox-static cpio zstd)"
		echo "kernels: 0 passed, 0 failed, 1 skipped"; exit 0; }
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir -p "$KERNELS" && apt_options || { echo "skip kernels: no Debian mirror in apt's sources"; echo "kernels: 0 passed, 0 failed, 1 skipped"; exit 0; }
guest_files "$work/root" tests/kernels/init.sh "$OUT/procrec" "$OUT"/tests/live/{bpf_cases,bpf_pin,workload} && guest_pack "$work/root" || { echo "cannot build the guest's files"; exit 2; }
for series in "${@:-5.10 6.1 6.12 6.18 newest}"; do for one in $series; do run "$one"; done; done
echo "kernels: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

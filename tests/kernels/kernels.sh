#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kernels.sh [-q] [SERIES...]: the kernel side, the recorder and replay on other kernels, each booted in qemu (software emulation, no KVM).
#
# SERIES: 5.10 6.1 6.12 6.18 newest (default: all). -q: few checks, in guests that run at once, with the kernels for cloud machines, which
# are a third of the size (default: 5.10 6.1). Kernels are Debian's, looked up and fetched once into $KERNELS. Needs root for
# apt, a mirror, qemu-system-x86_64, busybox-static, cpio, zstd. What cannot be had is skipped, and says why. Ends with
# "kernels: N passed, N failed, N skipped"; the console of each guest is left in $OUT/kernels-SERIES.log.
set -u
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build} PYTHON=${PYTHON:-python3} LIMIT=${LIMIT:-1800}
. tests/kernels/guest.sh
quick=
[ "${1-}" = -q ] && { quick=1; shift; }

skip_all() { echo "skip kernels: $1"; echo "kernels: 0 passed, 0 failed, 1 skipped"; exit 0; }

# What the guest recorded, against what its workload says of itself.
compare() { # SERIES FILE
	PYTHONDONTWRITEBYTECODE=1 "$PYTHON" tests/kernels/compare.py "$2" >"$work/compare-$1" 2>&1
}

run() { # SERIES: says "ok|not ok|skip kernel SERIES: ..."
	local package kernel status log=$OUT/kernels-$1.log hand=$work/hand-$1 start=$SECONDS
	package=$(package_of "$1" "${quick:+cloud-}")
	[ -n "$package" ] || { echo "skip kernel $1: the mirror has no such kernel"; return; }
	kernel=$(fetch_kernel "$package") || { echo "skip kernel $1: cannot fetch $package"; return; }
	APPEND="${quick:+checks=doctor,cases,recording processes=100 }BPF_ROUNDS=2" guest_boot "$kernel" "$work/root.gz" "$log" -serial "file:$hand"
	status=$?
	if ! grep -q '^GUEST: all passed' "$log"; then
		grep -aE '^GUEST: not ok|not so:|FAILED|panic|refused' "$log" | head -10
		[ $status != 124 ] || echo "cut off after $LIMIT s; the last word: $(grep -a '^GUEST: ' "$log" | tail -n 1)"
		grep -qa '^GUEST: ' "$log" || { echo "the guest did not come up:"; tail -n 3 "$log"; }
		echo "not ok kernel $1: $package; see $log"
	elif ! compare "$1" "$hand"; then
		tail -n 5 "$work/compare-$1"
		echo "not ok kernel $1: $package: what it recorded is not what happened"
	else
		echo "ok kernel $1: $package, $(grep -c '^GUEST: ok' "$log") checks, $((SECONDS - start)) s; $(cat "$work/compare-$1")"
	fi
}

[ -n "$quick" ] && { scripts/deps.sh kernels || { sleep 5; scripts/deps.sh kernels; }; }
for tool in qemu-system-x86_64 cpio busybox zstd apt-get dpkg; do
	command -v $tool >/dev/null || skip_all "there is no $tool (apt-get install qemu-system-x86 busybox-static cpio zstd)"
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
series=$*
[ -n "$series" ] || series=${quick:+5.10 6.1}
[ -n "$series" ] || series="5.10 6.1 6.12 6.18 newest"
mkdir -p "$KERNELS" && apt_options "${quick:+security}" || skip_all "Debian's mirror cannot be reached, or apt's sources name none"
guest_files "$work/root" tests/kernels/init.sh "$OUT/procrec" "$OUT"/tests/live/{bpf_cases,bpf_pin,workload} && guest_pack "$work/root" ||
	{ echo "cannot build the guest's files"; exit 2; }
for one in $series; do
	if [ -n "$quick" ]; then run "$one" >"$work/said-$one" & else run "$one" | tee "$work/said-$one"; fi
done
wait
[ -n "$quick" ] && for one in $series; do cat "$work/said-$one"; done
passed=$(cat "$work"/said-* | grep -c '^ok kernel') failed=$(cat "$work"/said-* | grep -c '^not ok kernel')
skipped=$(cat "$work"/said-* | grep -c '^skip kernel')
echo "kernels: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

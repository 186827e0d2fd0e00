#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# arch.sh [ARCH...]: the offline commands on other machines: built with Debian's cross compilers, run under qemu-user, and put through the unit and
# golden tests: the same bytes on a big-endian machine (s390x), on arm64, on a 32-bit one (armhf) as here.
#
# ARCH: s390x arm64 armhf (default: s390x arm64). The libraries of each are fetched once into $SYSROOTS. Needs root for apt, a mirror, qemu-user, gcc for
# that machine; what is missing is said, and that machine skipped. Ends with "arch: N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build} SYSROOTS=${SYSROOTS:-/var/tmp/procrec-sysroots}
libraries='liblz4-dev libsqlite3-dev libsodium-dev nettle-dev libseccomp-dev zlib1g-dev libcmocka-dev'
libraries="$libraries libc-bin" # for its locale: the tables have the machine's byte order
passed=0 failed=0 skipped=0

describe() { # ARCH: gcc's and qemu's names of it
	case $1 in
	s390x) triple=s390x-linux-gnu emulator=qemu-s390x ;;
	arm64) triple=aarch64-linux-gnu emulator=qemu-aarch64 ;;
	armhf) triple=arm-linux-gnueabihf emulator=qemu-arm ;;
	*) echo "arch.sh: unknown machine '$1'" >&2; exit 2 ;;
	esac
}

# A private apt state of that machine, without anything installed, so that all that the libraries hang on comes along; the machine's own is
# not touched.
fetch() { # ARCH
	local root=$SYSROOTS/$1 state=$SYSROOTS/$1.apt
	[ "$(cat "$root/libraries" 2>/dev/null)" = "$libraries" ] && return
	mkdir -p "$state"/{lists/partial,cache/archives/partial} && : >"$state/status" || return 1
	local apt=(-o APT::Architecture="$1" -o APT::Architectures="$1" -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::State::lists="$state/lists"
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User=root -o APT::Install-Recommends=0)
	# shellcheck disable=SC2086
	apt-get "${apt[@]}" update -qq >"$state/log" 2>&1 && apt-get "${apt[@]}" install -y --download-only $libraries >>"$state/log" 2>&1 || return 1
	rm -rf "$root.part" && mkdir -p "$root.part/usr/lib" && ln -s usr/lib "$root.part/lib" && ln -s usr/lib64 "$root.part/lib64" || return 1
	rm -f "$state"/cache/archives/{libc6-dev,linux-libc-dev}_* # the cross compiler has its own, which name no absolute paths
	for deb in "$state"/cache/archives/*.deb; do
		dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root.part" || return 1
	done
	echo "$libraries" >"$root.part/libraries"
	rm -rf "$state" "$root" && mv "$root.part" "$root"
}

verdict() { # ok|not ok|skip ARCH TEXT
	case $1 in ok) passed=$((passed + 1)) ;; skip) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
	echo "$1 arch $2: $3"
}

build() { # TRIPLE ROOT OUT
	local search="$2/usr/lib/$1"
	make --no-print-directory -j2 O="$3" BPF=0 CC="$1-gcc" AR="$1-ar" CFLAGS_EXTRA="-isystem $2/usr/include -isystem $2/usr/include/$1" \
		LDFLAGS_EXTRA="-L$search -Wl,-rpath-link,$search" "$3/procrec" unit-programs
}

run() { # ARCH
	local out=$OUT/arch/$1 root=$SYSROOTS/$1 log=$OUT/arch/$1.log start=$SECONDS bad=0
	describe "$1"
	command -v "$triple-gcc" >/dev/null || { verdict skip "$1" "there is no $triple-gcc (apt-get install gcc-$triple)"; return; }
	command -v "$emulator" >/dev/null || { verdict skip "$1" "there is no $emulator (apt-get install qemu-user)"; return; }
	fetch "$1" || { verdict skip "$1" "cannot fetch its libraries; see $SYSROOTS/$1.apt/log"; return; }
	mkdir -p "$out"
	build "$triple" "$root" "$out" >"$log" 2>&1 || { tail -n 20 "$log"; verdict "not ok" "$1" "does not build; see $log"; return; }
	export WRAP="$emulator -L $root"
	tests/run-unit.sh $(for t in tests/unit/test_*.c; do echo "$out/tests/unit/$(basename "$t" .c)"; done) >>"$log" 2>&1 || bad=1
	PROCREC=$out/procrec tests/golden/run.sh >>"$log" 2>&1 || bad=1
	if [ $bad -eq 0 ]; then
		verdict ok "$1" "$(grep -E '^(unit|golden): ' "$log" | tr '\n' ' ')$((SECONDS - start)) s"
	else
		grep -vE '^  (ok|CC|AR|LINK|GEN) ' "$log" | tail -n 60
		verdict "not ok" "$1" "see $log"
	fi
}

for machine in "${@:-s390x arm64}"; do for one in $machine; do run "$one"; done; done
echo "arch: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

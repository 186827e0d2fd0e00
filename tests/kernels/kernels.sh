#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kernels.sh [SERIES...]: the kernel side, the recorder and replay on other kernels, each booted in qemu (software emulation, no KVM).
#
# SERIES: 5.10 6.1 6.12 6.18 newest (default: all). Kernels are Debian's, looked up and fetched once into $KERNELS. Needs root for apt, a mirror,
# qemu-system-x86_64, busybox-static, cpio, zstd. What cannot be had is skipped, and says why. Ends with
# "kernels: N passed, N failed, N skipped"; the console of each guest is left in $OUT/kernels-SERIES.log.
set -u
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build} KERNELS=${KERNELS:-/var/tmp/procrec-kernels}
passed=0 failed=0 skipped=0

apt_options() { # a private apt state that knows several Debian releases; the machine's own is not touched
	local a=$KERNELS/apt url key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' suite
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
	url=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | sed 's,/debian/* *$,,')
	[ -n "$url" ] || return 1
	for suite in bullseye bookworm bookworm-backports trixie trixie-backports; do echo "deb $key $url/debian $suite main"; done >"$a/sources"
	for suite in bullseye bookworm trixie; do echo "deb $key $url/debian-security $suite-security main"; done >>"$a/sources"
	APT=(-o Dir::Etc::sourcelist="$a/sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$a/lists"
		-o Dir::Cache="$a/cache" -o APT::Sandbox::User=root)
	[ -n "$(find "$a/lists" -name '*Packages*' -mmin -1440 2>/dev/null | head -1)" ] || apt-get "${APT[@]}" update -qq >/dev/null 2>&1
}

package_of() { # SERIES: the newest kernel package of it
	local all pattern=${1//./\\.}
	[ "$1" = newest ] && pattern='[0-9.]*'
	all=$(apt-cache "${APT[@]}" search --names-only '^linux-image-[0-9].*[0-9]-amd64$' | cut -d' ' -f1 | grep -vE 'dbg|unsigned|-rt-|cloud')
	grep -E "^linux-image-${pattern}[.+-]" <<<"$all" | sort -V | tail -1
}

fetch() { # PACKAGE: unpacked below $KERNELS/PACKAGE, whole or not at all
	local d=$KERNELS/$1 part
	[ -d "$d" ] && return
	rm -rf "$d.part" && mkdir -p "$d.part/deb" || return 1
	(cd "$d.part/deb" && apt-get "${APT[@]}" download "$1" >/dev/null 2>&1) || return 1
	# From 7.x on the image package only names another that has the kernel.
	for part in $(dpkg -I "$d.part"/deb/*.deb | grep -oE 'linux-binary-[^ ,]+'); do
		(cd "$d.part/deb" && apt-get "${APT[@]}" download "$part" >/dev/null 2>&1) || return 1
	done
	for part in "$d.part"/deb/*.deb; do dpkg -x "$part" "$d.part" || return 1; done
	rm -rf "$d.part/deb" && mv "$d.part" "$d"
}

initramfs() { # DIRECTORY: the guest's files, packed into DIRECTORY.gz
	local root=$1 lib f
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,lib,run,t,root} && ln -s lib "$root/lib64" || return 1
	cp /bin/busybox "$root/bin/busybox" && cp tests/kernels/init.sh "$root/init" && chmod 755 "$root/init" || return 1
	for f in /lib/*-linux-gnu/libgcc_s.so.1; do # pthread_exit wants it, and ldd does not tell
		mkdir -p "$root$(dirname "$f")" && cp -L "$f" "$root$(dirname "$f")/" || return 1
	done
	for f in "$OUT/procrec" "$OUT"/tests/live/{bpf_cases,bpf_pin,workload}; do
		cp "$f" "$root/t/" || return 1
		ldd "$f" | grep -oE '/[^ ]+' | while read -r lib; do
			mkdir -p "$root$(dirname "$lib")" && cp -Ln "$lib" "$root$(dirname "$lib")/" 2>/dev/null
		done
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet) | gzip -1 >"$root.gz"
}

boot() { # KERNEL INITRAMFS LOG
	timeout --foreground -k 5 "${LIMIT:-600}" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 -kernel "$1" -initrd "$2" \
		-append 'console=ttyS0 quiet panic=-1 oops=panic' -nic none -display none -monitor none -serial stdio -no-reboot \
		</dev/null 2>&1 | tr -d '\r' >"$3"
}

verdict() { # ok|not ok|skip SERIES TEXT
	case $1 in ok) passed=$((passed + 1));; skip) skipped=$((skipped + 1));; *) failed=$((failed + 1));; esac
	echo "$1 kernel $2: $3"
}

run() { # SERIES
	local package kernel log=$OUT/kernels-$1.log start=$SECONDS
	package=$(package_of "$1")
	[ -n "$package" ] || { verdict skip "$1" "the mirror has no such kernel"; return; }
	fetch "$package" || { verdict skip "$1" "cannot fetch $package"; return; }
	kernel=$(ls "$KERNELS/$package"/boot/vmlinuz-* "$KERNELS/$package"/usr/lib/modules/*/vmlinuz 2>/dev/null | head -1)
	[ -n "$kernel" ] || { verdict skip "$1" "no kernel in $package"; return; }
	boot "$kernel" "$work/root.gz" "$log"
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
initramfs "$work/root" || { echo "cannot build the guest's files"; exit 2; }
for series in "${@:-5.10 6.1 6.12 6.18 newest}"; do for one in $series; do run "$one"; done; done
echo "kernels: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

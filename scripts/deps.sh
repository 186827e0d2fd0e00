#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deps.sh build|test|kernels...: installs the Debian packages that are missing for building procrec, for its tests, for those in other kernels. Says what
# it does; does nothing (and needs no root) when all are there.
set -eu
build='gcc make clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev liblz4-dev libsqlite3-dev libsodium-dev nettle-dev libcap-dev libseccomp-dev'
test='libcmocka-dev python3 lz4 sqlite3 minisign mandoc universal-ctags git graphviz less zsh fish'
kernels='qemu-system-x86 busybox-static cpio zstd'
want=
for set_ in "$@"; do
	case $set_ in
	build) want="$want $build" ;;
	test) want="$want $test" ;;
	kernels) want="$want $kernels" ;;
	*) echo "deps.sh: unknown set '$set_': build, test or kernels" >&2; exit 2 ;;
	esac
done

missing=
for p in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps.sh: these packages are missing; install them as root: apt-get install$missing" >&2
	exit 4
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { apt-get -o DPkg::Lock::Timeout=300 update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "deps.sh: apt-get could not install:$missing" >&2
	exit 4
fi

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# power.sh [ROUNDS] [SERIES]: cuts the power of a disk on which recorders write (dm-flakey, writes that are dropped and not told of), in a guest
# of qemu; then lets it fail with EIO. What was committed must be there byte for byte, verify and replay must pass, and a
# rotation must go on. Needs root, a Debian mirror, qemu-system-x86_64, busybox-static, cpio, kmod, dmsetup, mkfs.ext4; what is
# missing is said, and the test skipped. Ends with "power: N passed, N failed, N skipped"; the guest's console is left in $OUT/power.log.
set -u
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
. tests/kernels/guest.sh
rounds=${1:-20} series=${2:-6.1} log=$OUT/power.log

skip() { echo "skip power: $1"; echo "power: 0 passed, 0 failed, 1 skipped"; exit 0; }

for tool in qemu-system-x86_64 cpio busybox depmod dmsetup mkfs.ext4 e2fsck apt-get; do
	command -v $tool >/dev/null || skip "there is no $tool (apt-get install qemu-system-x86 busybox-static cpio kmod dmsetup e2fsprogs)"
done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir -p "$KERNELS" && apt_options || skip "no Debian mirror in apt's sources"
package=$(package_of "$series")
[ -n "$package" ] && fetch "$package" || skip "cannot fetch a kernel of the series $series"

"$OUT/procrec" keygen "$work/k" >/dev/null 2>&1 || exit 2
truncate -s 256M "$work/disk" && mkfs.ext4 -q -F "$work/disk" || exit 2
guest_files "$work/root" tests/power/init.sh "$OUT/procrec" "$OUT/tests/live/workload" "$OUT"/tests/power/{writer,committed.so} "$(command -v dmsetup)" "$(command -v e2fsck)" \
	"$work/k.key" "$work/k.pub" && guest_modules "$work/root" "$package" virtio_pci virtio_blk ext4 dm-flakey && guest_pack "$work/root" ||
	{ echo "cannot build the guest's files"; exit 2; }
LIMIT=$((300 + rounds * 10)) APPEND=rounds=$rounds guest_boot "$(kernel_of "$package")" "$work/root.gz" "$log" -drive "file=$work/disk,if=virtio,format=raw"
grep -a '^GUEST: [0-9]* power cuts' "$log"
if grep -qa '^GUEST: all passed' "$log"; then
	echo "power: 1 passed, 0 failed"
else
	grep -aE '^GUEST: not ok|panic|insmod|cannot' "$log" | head -20
	echo "not ok power: see $log"
	echo "power: 0 passed, 1 failed"
	exit 1
fi

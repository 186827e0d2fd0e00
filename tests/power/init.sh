#!/bin/busybox sh
# shellcheck shell=dash disable=SC3028
# SPDX-License-Identifier: BSD-2-Clause
# The guest of power.sh: $rounds power cuts of a writer's disk, some of a whole recorder's, then disks that answer with EIO; says what came out, powers off.
/bin/busybox --install -s /bin
export PATH=/bin:/t HOME=/root TZ=UTC LC_ALL=C
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
while read -r m; do insmod "/lib/$m" || echo "GUEST: cannot load $m"; done </modules
rounds=$(sed 's/.*rounds=\([0-9]*\).*/\1/' /proc/cmdline)
size=$(blockdev --getsz /dev/vda) bad=0 cut_off=0 bytes=0 frames=0 extra=0

# A disk as it is; one that loses every write from now on and says nothing; one that fails.
as_it_is="0 $size linear /dev/vda 0"
forgetful="0 $size flakey /dev/vda 0 0 600 1 drop_writes"
broken="0 $size error"

suspend() { dmsetup suspend --noudevsync --nolockfs --noflush d; }
table() { dmsetup load d --table "$1" && dmsetup resume --noudevsync d; }
millis() { echo $((($(od -An -N2 -tu2 /dev/urandom) % ($2 - $1)) + $1)); }
random_sleep() { usleep "$(millis "$1" "$2")000"; }
wait_until() { i=0; while [ $i -lt 300 ] && ! "$@"; do i=$((i + 1)); usleep 20000; done; } # or for long enough: a cut may come at any time

fail() { # TEXT
	echo "GUEST: not ok round $round $kind: $1"; bad=$((bad + 1))
	[ $# -lt 2 ] || head -n 20 "$2"
}

mount_disk() {
	mount -t ext4 /dev/mapper/d /m || { fail "the disk cannot be mounted"; poweroff -f; }
}

unmount_disk() {
	i=0; while ! umount /m 2>/dev/null && [ $i -lt 50 ]; do i=$((i + 1)); usleep 100000; done
	! grep -q ' /m ' /proc/mounts || { fail "the disk cannot be unmounted"; umount -l /m; }
}

# From here on the disk has forgotten what it had not promised.
power_back() {
	unmount_disk
	suspend; table "$as_it_is"
	mount_disk
}

choose_target() {
	mount_disk
	rm -rf /m/* /tmp/committed /tmp/cut /tmp/state*; mkdir /tmp/committed
	case $kind in dir) target=/m/rec;; *) target=/m/t.seg;; esac
}

# ---- the way to the disk alone: writer.c compares every frame ---------------------------------------------------------

promised() { [ "$(od -An -j8 -N8 -tu8 /tmp/state 2>/dev/null | tr -d ' ')" -gt 0 ] 2>/dev/null; }

# Before the first promise there is little to be lost: most cuts come a random time after it, each fifth one anywhere.
writer_round() {
	choose_target
	if [ $kind = dir ]; then set -- /t/k.key; else set --; fi
	writer write $kind $target /tmp/state "$@" >/tmp/log 2>&1 & writer=$!
	if [ $((round % 5)) -eq 0 ]; then random_sleep 20 1500; else wait_until promised; random_sleep 1 700; fi
	kill -0 $writer 2>/dev/null || fail "the writer ended by itself" /tmp/log
	suspend; usleep 20000; cp /tmp/state /tmp/state.cut # what was promised before the cut
	table "$forgetful"
	random_sleep 20 200
	kill -9 $writer; wait $writer 2>/dev/null
	power_back
	dd if=/tmp/state of=/tmp/state.cut bs=8 count=1 conv=notrunc 2>/dev/null # frames put count until the kill
	if writer check $kind $target /tmp/state.cut >/tmp/out 2>&1; then
		read -r promised there </tmp/out
		frames=$((frames + promised)) extra=$((extra + there - promised)) cut_off=$((cut_off + (promised > 0)))
	else
		fail "frames are missing" /tmp/out
	fi
	umount /m
}

# ---- the whole recorder ----------------------------------------------------------------------------------------------

committed() { [ -n "$(find /tmp/committed -type f -size +0c)" ]; }

start_recorder() { # and something to record
	case $kind in
	file) set -- --sync 20ms;;
	block) set -- --sync block --plain;;
	dir) set -- --sync 20ms --max-segment 32K --sign /t/k.key; target=$target/;;
	esac
	: >/tmp/log
	LD_PRELOAD=/t/committed.so COMMITTED=/tmp/committed procrec record -o $target "$@" >/tmp/log 2>&1 & recorder=$!
	workload storm 2 60000 >/dev/null 2>&1 & storm=$!
	i=0; while [ $i -lt 3000 ] && ! grep -q 'recording into' /tmp/log; do i=$((i + 1)); usleep 100000; done
	[ $i -lt 3000 ] || fail "the recorder does not start" /tmp/log
	wait_until committed
	random_sleep 50 1500
}

kept() { # what the disk had promised is there, byte for byte
	for copy in /tmp/cut/*; do
		[ -s "$copy" ] || continue
		n=$(stat -c %s "$copy") path=/m/${copy##*/}
		[ $kind = dir ] && path=/m/rec/${copy##*/}
		head -c "$n" "$path" 2>/dev/null | cmp -s - "$copy" || fail "of $n bytes of $path that were committed some are not there"
		bytes=$((bytes + n))
	done
}

reads_back() {
	[ -e "$target" ] || [ -n "$(ls /tmp/cut)" ] || return # nothing was promised
	set -- "$target"
	[ $kind = dir ] && set -- "$target" --pubkey /t/k.pub
	procrec verify "$@" >/tmp/out 2>&1 || fail "verify: status $?" /tmp/out
	procrec replay $target --stats >/tmp/out 2>&1 || fail "replay: status $?" /tmp/out
}

recorder_round() {
	choose_target; start_recorder
	suspend; usleep 50000; cp -r /tmp/committed /tmp/cut
	table "$forgetful"
	random_sleep 50 300
	kill -9 $recorder $storm; wait $recorder $storm 2>/dev/null
	power_back; kept; reads_back
	if [ $kind = dir ]; then
		procrec record -o $target --sign /t/k.key -- true >/tmp/out 2>&1 || fail "the next recorder: status $?" /tmp/out
		procrec verify $target --pubkey /t/k.pub >/tmp/out 2>&1 || fail "verify with the next one: status $?" /tmp/out
	fi
	umount /m
}

broken_round() {
	choose_target; start_recorder
	suspend; usleep 50000; cp -r /tmp/committed /tmp/cut
	table "$broken"
	sleep 2
	kill -INT $recorder
	i=0; while kill -0 $recorder 2>/dev/null && [ $i -lt 60 ]; do i=$((i + 1)); sleep 1; done
	[ $i -lt 60 ] || { fail "the recorder does not end" /tmp/log; kill -9 $recorder; }
	wait $recorder; status=$?
	kill -9 $storm; wait $storm 2>/dev/null
	[ $status -ne 0 ] || fail "status 0 of a recording that could not be written" /tmp/log
	grep -q 'lost' /tmp/log || fail "no word of what was lost" /tmp/log
	unmount_disk
	suspend; table "$as_it_is"
	e2fsck -fy /dev/mapper/d >/tmp/fsck 2>&1
	mount_disk
	! grep -q ' /m .*ro,' /proc/mounts || fail "the disk is read-only after e2fsck" /tmp/fsck
	kept; reads_back
	umount /m
}

mkdir -p /m /dev/mapper
dmsetup create d --noudevsync --table "$as_it_is" && dmsetup mknodes >/dev/null 2>&1 || { echo "GUEST: not ok: no device mapper"; poweroff -f; }
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	case $((round % 3)) in 0) kind=file;; 1) kind=dir;; 2) kind=block;; esac
	writer_round
	[ $((round % 10)) -ne 0 ] || echo "GUEST: $round rounds, $cut_off of them tested a promise, $bad bad"
done
[ $((cut_off * 2)) -gt "$rounds" ] || fail "only $cut_off of $rounds power cuts came after a promise: too few test something"
for kind in file block dir; do recorder_round; broken_round; done
echo "GUEST: $rounds power cuts, $cut_off of them tested a promise: $frames frames promised, all there, and $extra more; 3 of a whole recorder and 3 broken" \
	"disks: $bytes bytes committed; $bad failures"
[ $bad = 0 ] && echo "GUEST: all passed"
sync; echo o >/proc/sysrq-trigger; poweroff -f

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run-unit.sh PROGRAM...: runs cmocka programs, JOBS at once (as many as there are CPUs); prints what fails; ends with
# "unit: N passed, N failed". WRAP: words in front of each, such as an emulator.
jobs=${JOBS:-$(nproc)} passed=0 failed=0

run() {
	CMOCKA_MESSAGE_OUTPUT=STDOUT LC_ALL=C TZ=UTC $WRAP "$1" >"$1.log" 2>&1
	echo $? >"$1.status"
}

tell() {
	local log=$1.log n f
	n=$(grep -c '^\[       OK \]' "$log")
	passed=$((passed + n))
	if [ "$(cat "$1.status")" = 0 ]; then
		printf '  %-8s %s (%s)\n' ok "${1##*/}" "$n"
		return
	fi
	f=$(grep '^\[  FAILED  \] [a-z]' "$log" | sort -u | wc -l)
	[ "$f" -gt 0 ] || f=1
	failed=$((failed + f))
	printf '  %-8s %s\n' FAILED "${1##*/}"
	grep -v '^\[ RUN\|^\[       OK' "$log" | tail -n 60
}

rm -f "${@/%/.status}"
for t; do
	[ "$(jobs -rp | wc -l)" -lt "$jobs" ] || wait -n
	run "$t" &
done
wait
for t; do tell "$t"; done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

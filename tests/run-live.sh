#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run-live.sh [WORD...]: runs the live tests whose names hold one of the words, or all; ends with "live: N passed, N failed, N skipped".
# Needs root and a kernel that can record: without them everything is skipped, and says why.
cd "$(dirname "$0")/live" || exit 2
: "${PROCREC:=../../build/procrec}" "${PYTHON:=python3}"
PROCREC=$(realpath "$PROCREC") # tests change folders
export PROCREC PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 TZ=UTC

skip_all() {
	echo "skip live tests: $1"
	echo "live: 0 passed, 0 failed, 1 skipped"
	exit 0
}

[ "$(id -u)" -eq 0 ] || skip_all "they need root"
command -v lz4 >/dev/null || skip_all "they need lz4(1)"
reason=$("$PROCREC" doctor) || skip_all "this machine cannot record: $(printf '%s\n' "$reason" | grep '^missing' | head -1)"

log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for t in test_*.py; do
	"$PYTHON" "$t" "$@" || [ $? -eq 1 ] || echo "not ok $t: it broke off"
done | tee "$log"
passed=$(grep -c '^ok ' "$log") failed=$(grep -c '^not ok ' "$log") skipped=$(grep -c '^skip ' "$log")
echo "live: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# query.sh BUILD N: makes a trace of a build of N processes and of one with a tenth, indexes them, asks them; prints figures
# beside their goals. CPU time of the program, not wall time: the best of seven runs.
build=$1 n=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/procrec-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C TIMEFORMAT='%R %U %S'

best() { # best COMMAND...: wall and CPU time of the fastest of seven runs, in ms
	for _ in 1 2 3 4 5 6 7; do
		{ time "$@" >/dev/null 2>&1; } 2>&1
	done | awk '{ c = $2 + $3; if (NR == 1 || $1 < w) w = $1; if (NR == 1 || c < b) b = c } END { printf "%.0f %.0f", w * 1000, b * 1000 }'
}

for k in $((n / 10)) "$n"; do
	t=$dir/$k.seg
	"$build/tests/bench/gen_trace" "$t" "$k" || exit 1
	printf '%d processes, trace of %d MB\n' "$k" "$(($(stat -c %s "$t") / 1000000))"
	read -r wall user sys <<<"$({ time "$build/procrec" reindex -q "$t"; } 2>&1)"
	awk -v k="$k" -v w="$wall" -v u="$user" -v s="$sys" -v b="$(stat -c %s "$t.idx")" 'BEGIN {
		printf "  reindex            %8.0f processes/s of CPU, %.0f of wall time   (goal: 150000)\n", k / (u + s), k / w
		printf "  index              %8.1f bytes a process                        (goal: 80)\n", b / k }'
	pid=$((k * 9 / 10 + 2000))
	read -r w c <<<"$(best "$build/procrec" replay "$t" --ancestry $pid)"
	printf '  --ancestry         %8d ms, %d of CPU                           (goal: 10)\n' "$w" "$c"
	read -r w c <<<"$(best "$build/procrec" replay "$t" --tree --at +20s)"
	printf '  --tree --at        %8d ms, %d of CPU                           (goal: 50)\n' "$w" "$c"
	read -r w c <<<"$(best "$build/procrec" sql "$t" "SELECT * FROM processes WHERE pid = $pid")"
	printf '  sql, one process   %8d ms, %d of CPU                           (goal: 10)\n' "$w" "$c"
done

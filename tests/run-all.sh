#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run-all.sh TARGET...: makes each check, one after the other, all of them even if one fails, and adds up their closing lines
# "NAME: N passed, N failed[, N skipped]". A check that ends without such a line counts as one failure.
make=${MAKE:-make}
passed=0 failed=0 skipped=0 start=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target; do
	began=$SECONDS
	echo "== $target"
	$make --no-print-directory "$target" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	sums=$(grep -E '^[a-z][a-z0-9-]*: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" |
		awk '{p += $2; f += $4; s += $6} END {print p + 0, f + 0, s + 0, NR}')
	read -r p f s n <<<"$sums"
	if [ "$n" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; }; then
		echo "$target: ended with status $status without saying what failed"
		f=$((f + 1))
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	echo "== $target: $((SECONDS - began)) s"
done
echo "$((SECONDS - start)) s in all"
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

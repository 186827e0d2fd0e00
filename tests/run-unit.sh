#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run-unit.sh PROGRAM...: runs cmocka programs; prints what fails; ends with "unit: N passed, N failed".
# WRAP: words in front of each, such as an emulator.
passed=0 failed=0
for t; do
	log=$t.log
	if CMOCKA_MESSAGE_OUTPUT=STDOUT LC_ALL=C TZ=UTC $WRAP "$t" >"$log" 2>&1; then
		n=$(grep -c '^\[       OK \]' "$log")
		passed=$((passed + n))
		printf '  %-8s %s (%s)\n' ok "${t##*/}" "$n"
	else
		n=$(grep -c '^\[       OK \]' "$log")
		f=$(grep '^\[  FAILED  \] [a-z]' "$log" | sort -u | wc -l)
		[ "$f" -gt 0 ] || f=1
		passed=$((passed + n)) failed=$((failed + f))
		printf '  %-8s %s\n' FAILED "${t##*/}"
		grep -v '^\[ RUN\|^\[       OK' "$log" | tail -n 60
	fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

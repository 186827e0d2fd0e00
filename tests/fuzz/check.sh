#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check.sh FOLDER TARGET...: runs each target over its corpus; ends with "fuzz: N passed, N failed".
bin=$1
shift
here=$(dirname "$0")
passed=0 failed=0
for t; do
	if said=$("$bin/$t" "$here/corpus/$t" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED fuzz target %s:\n%s\n' "$t" "$said" | tail -n 40
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ]

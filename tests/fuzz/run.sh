#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh SECONDS TARGET...: runs libFuzzer targets of build-fuzz one after the other; a line each: executions, findings.
# New inputs are kept in build-fuzz/corpus; findings lie in build-fuzz/TARGET-*.
seconds=$1
shift
cd "$(dirname "$0")/../.." || exit 2
bad=0
for t; do
	mkdir -p "build-fuzz/corpus/$t"
	log=build-fuzz/$t.log
	build-fuzz/tests/fuzz/"$t" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/$t-" "build-fuzz/corpus/$t" "tests/fuzz/corpus/$t" >"$log" 2>&1
	status=$?
	printf '%-10s %12s executions  %s\n' "$t" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$([ $status -eq 0 ] && echo 'no finding' || echo "FINDING, see $log")"
	[ $status -eq 0 ] || bad=1
done
exit $bad

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs.sh PROCREC: every command and every option that the program knows has its place in the manual, and the pages are sound.
procrec=$1
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0

for command in $("$procrec" --commands); do
	page=man/procrec-$command.1 problems=
	if [ ! -e "$page" ]; then
		problems="  no $page"
	else
		for option in $("$procrec" "$command" --completion-helper | cut -f1 | sed 's/^--//; s/=$//' | grep -vx help); do
			grep -qE "Fl -$option( |\$)" "$page" || problems="$problems  --$option is not in $page"$'\n'
		done
		grep -q "^\.Nm procrec-$command" "$page" || problems="$problems  $page does not name $command"$'\n'
		grep -q "Xr procrec-$command 1\|Cm .*$command" man/procrec.1 || problems="$problems  $command is not in man/procrec.1"$'\n'
	fi
	if [ -z "$problems" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'docs: %s:\n%s\n' "$command" "$problems"; fi
done
for page in man/*.[1-8]; do
	if out=$(mandoc -T lint -W warning "$page" 2>&1); then passed=$((passed + 1)); else failed=$((failed + 1)); printf '%s\n' "$out"; fi
done
echo "docs: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [--update] [--keep] [CASE...]: the golden suite.
#
# Each line of tests/golden/cases is "name | fixture | command". The command runs in a scratch folder that holds the fixture
# as $T, with procrec first in PATH; its stdout, stderr and exit status are compared byte for byte with
# expect/NAME.out, .err and .exit. A file that is not there stands for nothing printed, and for exit status 0.
# A command @SET stands for several, see sets().
#   --update     writes what was seen instead of comparing
#   --keep       keeps the scratch folder and says where it is
#   CASE         names or patterns of cases; also from the variable CASE
#   FIRST=1      ends with the first case that fails
#   PROCREC      the program (build/procrec); WRAP: words in front of it, such as an emulator
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
update= keep=
while [ $# -gt 0 ]; do
	case $1 in
	--update) update=1 ;;
	--keep) keep=1 ;;
	-*) sed -n '3,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
	*) CASE="$CASE $1" ;;
	esac
	shift
done
program=$(realpath "${PROCREC:-$root/build/procrec}") || exit 2
unset "${!PROCREC_@}"
export LC_ALL=C TZ=UTC TERM=dumb COLUMNS=80
umask 022

scratch=$(mktemp -d "${TMPDIR:-/tmp}/procrec-golden.XXXXXX") || exit 2
[ "$keep" ] || trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/traces" "$scratch/got"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$WRAP" "$program" >"$scratch/bin/procrec"
chmod +x "$scratch/bin/procrec"
export PATH="$scratch/bin:$PATH"

# The views that most fixtures go through: "suffix command" lines.
sets() {
	case $1 in
	@replay) cat <<-'END'
		events procrec replay $T
		events-json procrec replay $T --json
		cache procrec replay $T --cache
		cache-json procrec replay $T --cache --json
	END
		;;
	@all) cat <<-'END'
		disasm procrec disasm --number $T
		events procrec replay $T
		events-json procrec replay $T --json
		cache procrec replay $T --cache
		cache-json procrec replay $T --cache --json
		stats procrec replay $T --stats
		stats-json procrec replay $T --stats --json
		info procrec info $T | grep -v "^size"
	END
		;;
	@v1) cat <<-'END'
		events procrec replay $T
		events-json procrec replay $T --json | sha256sum
		cache-json procrec replay $T --cache --json | sha256sum
		stats procrec replay $T --stats
		info procrec info $T
		verify procrec verify $T
		frames procrec disasm $T | sha256sum
	END
		;;
	@corrupt) cat <<-'END'
		events procrec replay $T | grep -v '^2023.*code'
		verify procrec verify $T
		info procrec info $T
		unpack procrec unpack $T >raw; s=$?; sha256sum raw; exit $s
		tree procrec replay $T --tree | head -n 4
		gaps procrec replay $T --gaps
	END
		;;
	*) echo "run.sh: there is no set $1" >&2; exit 2 ;;
	esac
}

# Of a trace that a case makes the links of the chain are left out: they hang on how liblz4 compressed it, which differs by machine and version.
verify_made() {
	local said status
	said=$(procrec verify "$@")
	status=$?
	printf '%s\n' "${said%%, chain ends in *}"
	return $status
}

# Of the trace $T, before and after a reboot: a folder "boots" with the same pids and times in two boots, the second in two segments.
two_boots() {
	mkdir boots
	cp "$T" boots/000000000000.seg
	procrec disasm "$T" | sed 's/4f0f7a3e/b007b007/; s/realtime=17000/realtime=17001/; s,/usr/bin/make,/usr/bin/ninja,; s/filename=".\/gen.sh"/filename=".\/configure"/' |
		procrec asm - -o boots/000000000001.seg
	printf '%s\n' 'host time=4000000000' '	boot_id="b007b007-6d1c-4b52-9a51-0c6a0f6f4f11"' 'clone cpu=0 pid=300@4000000000 parent=100@500000000' |
		procrec asm - -o boots/000000000002.seg
}

# What each command says of directory $1, of whose segments one can't be read, and its exit status; with indexes and without the same.
unreadable() {
	procrec replay $1 --gaps; echo "gaps $?"
	procrec replay $1 >/dev/null; echo "replay $?"
	procrec info $1 >/dev/null; echo "info $?"
	procrec replay $1 --tree --json >a; echo "tree $?"
	procrec reindex -q $1; procrec replay $1 --tree --json | cmp a -
	for s in $1/*.seg; do procrec reindex -q $s 2>/dev/null; done
	procrec replay $1 --tree --json | cmp a - && rm $1.idx && procrec replay $1 --tree --json | cmp a -
	procrec repair $1 -o repaired.seg | cut -d\; -f 2; echo "repair ${PIPESTATUS[0]}"
	procrec dump $1 -o dumped.seg >/dev/null; echo "dump $?"
	procrec extract $1 --redact -o extracted.seg >/dev/null; echo "extract $?"
	for t in repaired dumped extracted; do procrec replay $t.seg --gaps; done
}

# Builds or finds the trace of a fixture; prints its path.
trace_of() {
	local f=$root/fixtures/$1 made=$scratch/traces/$1.seg
	case $1 in
	*/*) echo "$f"; return ;;
	esac
	if [ ! -e "$made" ]; then
		if [ -e "$root/fixtures/src/$1.sh" ]; then
			"$root/fixtures/src/$1.sh" | procrec asm - -o "$made"
		else
			(cd "$root/fixtures/src" && procrec asm "$1.frames" -o "$made")
		fi || return 1
	fi
	echo "$made"
}

passed=0 failed=0 updated=0
compare() { # compare NAME SUFFIX: prints the difference
	local got=$scratch/got/$1.$2 want=$here/expect/$1.$2
	[ -s "$got" ] || [ -e "$want" ] || return 0
	[ -e "$want" ] || want=/dev/null
	diff -u --label "expect/$1.$2" --label "got" "$want" "$got" && return
	return 1
}

store() { # store NAME SUFFIX
	local got=$scratch/got/$1.$2 want=$here/expect/$1.$2
	if [ ! -s "$got" ]; then
		[ -e "$want" ] && rm -f "$want" && updated=$((updated + 1))
	elif ! cmp -s "$got" "$want"; then
		cp "$got" "$want"
		updated=$((updated + 1))
	fi
}

selected() {
	local c
	[ -n "${CASE// /}" ] || return 0
	for c in $CASE; do
		# shellcheck disable=SC2254
		case $1 in $c) return 0 ;; esac
	done
	return 1
}

run_case() { # run_case NAME FIXTURE COMMAND
	local name=$1 fixture=$2 command=$3 dir=$scratch/work.$1 status bad='' s
	seen="$seen$name "
	selected "$name" || return
	mkdir "$dir"
	T=
	if [ "$fixture" != - ]; then
		local path
		path=$(trace_of "$fixture") || { echo "FAILED $name: its fixture can't be built"; failed=$((failed + 1)); return; }
		T=${path##*/}
		cp "$path" "$dir/$T"
	fi
	(cd "$dir" && export GOLDEN_CASE="$name" && eval "$command") >"$scratch/got/$name.out" 2>"$scratch/got/$name.err" </dev/null
	status=$?
	: >"$scratch/got/$name.exit"
	[ $status -eq 0 ] || echo $status >"$scratch/got/$name.exit"
	if [ "$update" ]; then
		for s in out err exit; do store "$name" $s; done
	else
		for s in out err exit; do compare "$name" $s || bad=1; done
	fi
	[ "$keep" ] || rm -rf "$dir"
	if [ "$bad" ]; then
		failed=$((failed + 1))
		echo "FAILED $name: $command"
		[ -z "$FIRST" ] || exit 1
	else
		passed=$((passed + 1))
	fi
}

seen=' '
while IFS='|' read -r name fixture command; do
	read -r name <<<"$name"
	read -r fixture <<<"$fixture"
	read -r command <<<"$command"
	case $name in '' | '#'*) continue ;; esac
	if [ "${command#@}" != "$command" ]; then
		while read -r suffix one; do
			run_case "$name.$suffix" "$fixture" "$one"
		done < <(sets "$command")
	else
		run_case "$name" "$fixture" "$command"
	fi
done <"$here/cases"

# What no case stands for would rot.
if [ -z "${CASE// /}" ]; then
	for f in "$here"/expect/*; do
		[ -e "$f" ] || continue
		name=${f##*/}
		name=${name%.*}
		case $seen in *" $name "*) continue ;; esac
		if [ "$update" ]; then
			rm -f "$f"
		else
			echo "FAILED: expect/${f##*/} belongs to no case; --update removes it"
			failed=$((failed + 1))
		fi
	done
fi
[ "$keep" ] && echo "kept: $scratch"
[ "$update" ] && echo "golden: $updated files changed; look at 'git diff $(realpath --relative-to="$PWD" "$here")/expect'"
echo "golden: $passed passed, $failed failed"
[ $failed -eq 0 ]

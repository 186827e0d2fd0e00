#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check.sh CC CPPFLAGS WARN BPF: rules of the tree that a compiler does not hold by itself.
#   arrows    which folder may include which (one way, no cycles)
#   headers   each header compiles alone
#   calls     nothing in replay/ or schema/ calls what would make an answer depend on the machine
#   sizes     no .c over 600 lines, no function over 70
#   licence   each source names its licence
cd "$(dirname "$0")/../.." || exit 2
cc=$1 cppflags=$2 warn=$3 bpf=$4
passed=0 failed=0

verdict() { # verdict NAME PROBLEMS
	if [ -z "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'lint: %s:\n%s\n' "$1" "$2"
	fi
}

# folder: folders or files that it may include besides itself; tests/ may include anything. The longest folder that is listed counts.
# replay/decode stands below everything else in replay/: redact/ is used by both halves, and knows of replay/ the layout of frames alone.
arrows='
base:
schema: base
bpf: schema/frame.h
replay/decode: schema base
redact: replay/decode schema base
replay: redact schema base
recorder: redact schema base bpf/snapshot.h bpf/maps.h bpf/procrec.skel.h replay/cache
cli: recorder replay base
ext: replay base
'
allowed_from() { # allowed_from FOLDER INCLUDED
	local to
	for to in $(printf '%s\n' "$arrows" | sed -n "s|^$1: *||p") "$1"; do
		case $2 in "$to" | "$to"/*) return 0 ;; esac
	done
	return 1
}
problems=$(git ls-files '*.c' '*.h' | grep -v '^tests/' | xargs grep -HoE '^#include "[^"]+"' |
	sed 's/:#include "/ /; s/"$//' | while read -r file included; do
	from=${file%/*}
	while ! printf '%s\n' "$arrows" | grep -q "^$from:"; do
		case $from in */*) from=${from%/*} ;; *) break ;; esac
	done
	allowed_from "$from" "$included" || echo "  $file includes $included"
done)
verdict 'arrows between folders' "$problems"

recorder_headers='recorder/*.h'
[ "$bpf" = 1 ] || recorder_headers=recorder/commands.h # the others may want libbpf's headers, which BPF=0 does without
problems=$(git ls-files 'base/*.h' 'schema/*.h' 'redact/*.h' 'replay/*.h' "$recorder_headers" 'cli/*.h' 'ext/*.h' | while read -r header; do
	# shellcheck disable=SC2086
	$cc -std=gnu11 $cppflags $warn -Wno-unused-function -fsyntax-only -x c "$header" 2>&1 | head -3 | sed 's/^/  /'
done)
verdict 'headers compile alone' "$problems"

# Only commands, and base/, may know the clock, the environment or the user database.
ban='time|gettimeofday|clock_gettime|localtime|localtime_r|getenv|setlocale|getpwuid|getpwnam|gethostname|uname|random|rand|getpid|readdir|scandir'
problems=$(git ls-files 'replay/*.c' 'redact/*.c' 'schema/*.c' | grep -v '/cmd_' | xargs grep -nE "(^|[^a-zA-Z0-9_>.])($ban)\(" | sed 's/^/  /')
verdict 'answers depend on the recording alone' "$problems"

problems=$(git ls-files '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 600 {print "  " $2 ": " $1 " lines"}')
verdict 'files of at most 600 lines' "$problems"

if command -v ctags >/dev/null 2>&1; then
	problems=$(git ls-files '*.c' 'bpf/*.h' | grep -v '^tests/' |
		xargs ctags -x --c-kinds=f --_xformat='%N %F %n %e' 2>/dev/null |
		awk '$4 != "-" && $4 - $3 + 1 > 70 {print "  " $2 ": " $1 " has " $4 - $3 + 1 " lines"}')
	verdict 'functions of at most 70 lines' "$problems"
fi

problems=$(git ls-files '*.c' '*.h' '*.sh' '*.py' '*.mk' | while read -r f; do
	head -3 "$f" | grep -q 'SPDX-License-Identifier' || echo "  $f"
done)
verdict 'licence named in each source' "$problems"

echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh PROCREC: records a real compile (procrec's own offline half) and asks who started its last compiler process.
set -eu
procrec=$(readlink -f "$1")
dir=${procrec%/*}/demo
trace=$dir/trace.seg

mkdir -p "$dir"
rm -rf "$dir/compile"
echo "recording: make -j2 BPF=0 O=$dir/compile"
"$procrec" record --force -o "$trace" -- make -s -j2 BPF=0 O="$dir/compile" >"$dir/compile.log"

# One line an event: TIME PID PARENT EVENT BINARY ARGUMENTS
pid=$("$procrec" replay "$trace" | awk '$4 == "execve" && $5 ~ /\/cc1$/ && /demo\/compile/ {pid = $2} END {print pid}')
echo
echo "who started compiler process $pid:   procrec replay $trace --ancestry $pid"
"$procrec" replay "$trace" --ancestry "$pid" | cut -c 1-"${COLUMNS:-140}"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# kills.sh WRITER [KILLS]: writers of segments and rotations, killed at random moments; ends with "kills: N passed, N failed".
writer=$(realpath "$1") kills=${2:-200} seed=${SEED:-$(date +%s)}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
if "$writer" kills "$kills" "$seed"; then
	echo "kills: 1 passed, 0 failed"
else
	echo "not ok kills: seed $seed"
	echo "kills: 0 passed, 1 failed"
	exit 1
fi

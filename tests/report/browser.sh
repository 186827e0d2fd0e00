#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# browser.sh: makes pages and looks at them with Debian's Chromium, driven by playwright-core, which is installed from the npm
# registry into $OUT; so is speedscope, which opens what `export` writes for such viewers. Where either can't be had the test is skipped and says so.
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${PROCREC:?}") out=$(realpath "${OUT:?}")
skip() { echo "skipped: $1"; echo 'report-browser: 0 passed, 0 failed, 1 skipped'; exit 0; }

command -v node >/dev/null || skip 'no node'
if ! command -v chromium >/dev/null; then
	[ "$(id -u)" -eq 0 ] || skip 'no chromium; apt-get install chromium as root'
	{ apt-get -o DPkg::Lock::Timeout=300 update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium; } \
		>"$out/apt.log" 2>&1 || skip 'chromium cannot be installed'
fi
if [ ! -e "$out/node_modules/playwright-core" ] || [ ! -e "$out/node_modules/speedscope" ]; then
	npm install --silent --no-fund --no-audit --prefix "$out" playwright-core@1.65.1 speedscope@1.25.0 >"$out/npm.log" 2>&1 ||
		skip 'playwright-core and speedscope cannot be installed'
fi

pages=$out/pages
rm -rf "$pages"
mkdir -p "$pages"
page() { # page NAME FOLDER
	(cd "$2" && "$program" asm "$1.frames" -o "$pages/$1.seg") && "$program" report "$pages/$1.seg" -o "$pages/$1.html" 2>/dev/null
}
page hostile-page "$here"
page command "$here"
for shape in deep wide; do
	python3 "$here/shapes.py" $shape 30000 >"$pages/$shape.raw" && "$program" pack "$pages/$shape.raw" -o "$pages/$shape.seg" >/dev/null 2>&1 &&
		"$program" report "$pages/$shape.seg" -o "$pages/$shape.html" 2>/dev/null
done
for format in perfetto folded; do
	(cd "$here" && "$program" asm command.frames -o "$pages/consumer.seg" --force) && "$program" export "$pages/consumer.seg" -f $format -o "$pages/consumer.$format"
done
"$out/gen_trace" "$pages/reuse.seg" 2000 2100 && "$program" export "$pages/reuse.seg" -f perfetto -o "$pages/reuse.perfetto"
for name in own-frames gaps empty hostile-strings lineage; do page "$name" "$here/../../fixtures/src"; done
"$out/gen_trace" "$pages/big.seg" 100000 && "$program" report "$pages/big.seg" -o "$pages/big.html" 2>/dev/null
NODE_PATH=$out/node_modules exec node "$here/browser.cjs" "$pages"

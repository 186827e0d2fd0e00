#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make-corpus.sh: makes the seeds in corpus/ out of the fixtures (needs build/procrec, build/tests/fuzz and lz4).
cd "$(dirname "$0")/../.." || exit 1
corpus=tests/fuzz/corpus tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rm -rf $corpus
mkdir -p $corpus/{segment,rearrange,trace,decode,cache,asm,roundtrip,index,lineage}
for f in fixtures/v1/*.seg fixtures/corrupt/{truncated-in-payload,block-deleted,unknown-required-feature}.seg; do
	n=$(basename "$f" .seg)
	[ "$(stat -c %s "$f")" -lt 5000 ] || continue
	{ printf '\1'; cat "$f"; } >"$corpus/segment/$n"
done
{ printf '\0'; cat fixtures/corrupt/payload-bit-flipped.seg; } >$corpus/segment/payload-bit-flipped
for f in fixtures/src/*.frames; do
	n=$(basename "$f" .frames)
	build/procrec asm "$f" -o "$tmp/t" --force
	lz4 -dcq "$tmp/t" >"$tmp/raw"
	cp "$f" "$corpus/asm/$n"
	size=$(stat -c %s "$tmp/raw")
	[ "$size" -gt 0 ] && [ "$size" -lt 8192 ] || continue
	cp "$tmp/raw" "$corpus/trace/$n"
	cp "$tmp/raw" "$corpus/roundtrip/$n"
	cp "$tmp/raw" "$corpus/lineage/$n"
	{ printf '\1'; cat "$tmp/raw"; } >"$corpus/cache/$n"
done
for n in own-frames malformed-frames lineage; do
	build/procrec asm fixtures/src/$n.frames -o "$tmp/t" --force
	size=$(lz4 -dcq "$tmp/t" | wc -c)
	build/procrec asm fixtures/src/$n.frames -o "$tmp/r" --rearranged --force
	{ printf "\\x$(printf %02x $((size & 255)))\\x$(printf %02x $((size >> 8 & 255)))\\x$(printf %02x $((size >> 16)))"
	  lz4 -dcq "$tmp/r"; } >"$corpus/rearrange/$n"
done
/usr/bin/python3 - "$corpus" <<'END'
import os, struct, sys
corpus = sys.argv[1]
seen = {}
for name in ("own-frames", "malformed-frames", "hostile-items", "hostile-strings", "known-long-arguments", "odd-last-nul-separates",
             "odd-descriptor-too-short"):
    b = open(f"{corpus}/trace/{name}", "rb").read()
    at = 0
    while at < len(b):
        size = struct.unpack_from("<I", b, at + 4)[0]
        frame = b[at + 16:at + 16 + size]
        at += 16 + size
        key = (frame[:1], len(frame), name)
        if key not in seen and len(seen) < 60:
            seen[key] = True
            open(f"{corpus}/decode/{name}-{len(seen)}", "wb").write(frame)
END
# The honest index of the target's trace, plain and with checksums to be made right.
printf x >"$tmp/x"
FUZZ_MAKE_INDEX=$tmp/idx build/tests/fuzz/index "$tmp/x" >/dev/null
{ printf '\0'; cat "$tmp/idx"; } >$corpus/index/honest
{ printf '\1'; cat "$tmp/idx"; } >$corpus/index/crafted
du -sh --apparent-size $corpus

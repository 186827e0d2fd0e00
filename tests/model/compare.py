#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare.py: the model against procrec, on random streams, line by line.

For each seed: gen -> `procrec pack` -> `replay --json`, `replay --cache --json` (at the end and at an earlier frame),
`audit --json` and `unpack`; then the same bytes through the model. Reports the first difference of each stream with the frame that caused it, and shrinks the stream to
the fewest frames that still differ. Exit status: 0 all alike, 1 differences, 2 usage or a procrec that does not run.

  compare.py --seeds 2000                    what `make check-model` runs
  compare.py --seeds 200 --frames 5000       a million frames, streams of several blocks
  compare.py --first 17 --seeds 1 --keep /tmp/x
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import gen
from model import COMMON, Model, split_frames

# A sanitizer's own exit status is 1, which for procrec means "malformed frames": set it apart.
ENV = dict(os.environ, LC_ALL="C", ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="exitcode=99:print_stacktrace=1", LSAN_OPTIONS="exitcode=99")
VIEWS = {"ev": "replay {b}.seg --json", "ca": "replay {b}.seg --cache --json", "un": "replay {b}.seg --cache --json --until-frame {n}",
         "au": "audit {b}.seg --json"}
NAMES = {"ev": "events", "ca": "cache", "un": "cache at an earlier frame", "au": "findings of the auditor"}
# The findings that follow from the rules alone; the others are the auditor's judgement.
FINDINGS = re.compile(rb'"kind":"(?:below_zero|held_back|evicted_referenced|add_dropped|clone_dropped|cleared|data_never_taken|data_missing|'
                      rb'data_mismatch|malformed)"')
WHY = re.compile(rb',"why":"(?:[^"\\]|\\.)*"')


def answer(view, text):
    """What procrec printed, as far as the model answers it too: of the auditor's lines only some, in no order."""
    if view != "au":
        return text
    return b"".join(sorted(WHY.sub(b"", line) for line in text.splitlines(True) if FINDINGS.search(line)))


def until_of(raw):
    """The point in the stream (a number of frames) at which the cache is compared as well."""
    return len(raw) % 251


def commands(procrec, settings, until, base):
    """Shell lines for one stream. Their exit statuses end up in BASE.rc: pack, unpack, and one for each view."""
    pack, replay, alone = [" ".join(shlex.quote(os.fsdecode(o)) for o in opts) for opts in gen.options(settings)]
    lines = ["{p} pack {b}.raw -o {b}.seg {o}", "{p} unpack {b}.seg >{b}.back"]
    lines += ["{p} %s {r} %s >{b}.%s" % (command, "" if v == "au" else alone, v) for v, command in VIEWS.items()]
    return "".join((line + " 2>>{b}.err; echo $? >>{b}.rc\n").format(p=shlex.quote(procrec), b=base, o=pack, r=replay, n=until)
                   for line in lines)


def slurp(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def model_of(raw, settings):
    m, lines, until, at_until = Model(settings), [], until_of(raw), None
    frames = list(split_frames(raw))
    m.find_first_clock(frames)
    for i, (frame, framed) in enumerate(frames):
        if i == until:
            at_until = m.cache_lines()
        line = m.apply(frame, framed)
        if line is not None:
            lines.append(line)
    cache = m.cache_lines()
    return m, {"ev": lines, "ca": cache, "un": at_until or cache, "au": sorted(m.audit_lines())}


def procrec_of(procrec, jobs):
    """jobs: [(raw, settings)]. Yields (statuses, unpacked, {view: bytes}, stderr) of each; one shell for all."""
    tmp = tempfile.mkdtemp(prefix="procrec-model-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        script = []
        for i, (raw, settings) in enumerate(jobs):
            with open("%s/%d.raw" % (tmp, i), "wb") as f:
                f.write(raw)
            script.append(commands(procrec, settings, until_of(raw), str(i)))
        shell = subprocess.Popen(["sh", "-s"], stdin=subprocess.PIPE, cwd=tmp, env=ENV)
        shell.stdin.write("".join(script).encode("utf-8", "surrogateescape"))
        shell.stdin.close()
        yield None  # running: the caller may work meanwhile
        shell.wait()
        for i in range(len(jobs)):
            base = "%s/%d" % (tmp, i)
            statuses = slurp(base + ".rc").split()
            yield statuses, slurp(base + ".back"), {v: slurp("%s.%s" % (base, v)) for v in VIEWS}, slurp(base + ".err")
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def first_difference(want, got):
    for i, (a, b) in enumerate(zip(want, got)):
        if a != b:
            return i, a, b
    n = min(len(want), len(got))
    return (n, want[n] if n < len(want) else "(no line)", got[n] if n < len(got) else "(no line)")


def judge(raw, model_lines, result):
    """None, or (what, index of the line, the model's line, procrec's line)."""
    statuses, unpacked, views, err = result
    if len(statuses) != 2 + len(VIEWS) or not set(statuses) <= {b"0", b"1"}:  # 1: done, but something in the stream was malformed
        return "exit status", 0, "0 or 1 each time", (b" ".join(statuses) + b": " + err[:400]).decode("utf-8", "replace")
    if unpacked != raw:
        at = next((i for i, (a, b) in enumerate(zip(unpacked, raw)) if a != b), min(len(raw), len(unpacked)))
        return "unpack", 0, "%d bytes" % len(raw), "%d bytes, first difference at %d" % (len(unpacked), at)
    for view in VIEWS:
        want = "".join(line + "\n" for line in model_lines[view]).encode()
        have = answer(view, views[view])
        if want != have:
            got = have.decode("utf-8", "replace").split("\n")
            return (NAMES[view],) + first_difference(model_lines[view], got[:-1] if got[-1] == "" else got)
    return None


def one(procrec, raw, settings):
    run = procrec_of(procrec, [(raw, settings)])
    next(run)
    lines = model_of(raw, settings)[1]
    verdict = judge(raw, lines, next(run))
    run.close()
    return verdict


def shrink(procrec, raw, settings, budget=400):
    """The fewest frames that still differ in the same kind of output, found by leaving out ever smaller pieces."""
    frames = [f for f, _ in split_frames(raw)]
    kind = (one(procrec, raw, settings) or [None])[0]
    piece = len(frames) // 2
    while piece and budget > 0:
        i, gone = 0, False
        while i < len(frames) and budget > 0:
            rest = frames[:i] + frames[i + piece:]
            budget -= 1
            verdict = one(procrec, b"".join(rest), settings)
            if verdict and verdict[0] == kind:
                frames, gone = rest, True
            else:
                i += piece
        if not gone or piece > 1:
            piece //= 2
    return frames


def clip(a, b):
    """Both lines from a little before the first difference on."""
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    start = max(0, at - 60)
    lead = "…" if start else ""
    return lead + a[start:at + 200], lead + b[start:at + 200]


def describe(frames):
    out = []
    for i, f in enumerate(frames):
        if len(f) >= 16:
            op, size, ktime = COMMON.unpack_from(f)
            out.append("    frame %d: op %d size %d (%d bytes) ktime %d  %s" % (i, op, size, len(f), ktime, f[16:].lstrip(b"\0").hex()[-160:]))
        else:
            out.append("    frame %d: %d bytes  %s" % (i, len(f), f.hex()))
    return "\n".join(out)


def batch(args):
    """Worker: a list of seeds. Returns (frames, events, entries, [(seed, verdict)])."""
    procrec, seeds, count = args
    jobs = [(gen.stream(seed, count), gen.settings_of(seed)) for seed in seeds]
    run = procrec_of(procrec, jobs)
    next(run)
    models = [model_of(raw, settings) for raw, settings in jobs]
    frames = events = entries = 0
    bad = []
    for seed, (raw, _), (m, lines), result in zip(seeds, jobs, models, run):
        frames += m.frames
        events += len(lines["ev"])
        entries += len(m.cache.map)
        verdict = judge(raw, lines, result)
        if verdict:
            bad.append((seed, verdict))
    run.close()
    return frames, events, entries, bad


def report(a, seed, verdict):
    what, line, want, got = verdict
    raw, settings = gen.stream(seed, a.frames), gen.settings_of(seed)
    pack, replay, alone = [b" ".join(o).decode("utf-8", "replace") for o in gen.options(settings)]
    want, got = clip(want, got)
    print("seed %d: %s differ at line %d\n  model:   %s\n  procrec: %s" % (seed, what, line + 1, want, got))
    print("  pack %s; replay %s %s (--until-frame %d)" % (pack, replay, alone, until_of(raw)))
    frames = shrink(a.procrec, raw, settings) if a.shrink and seed >= 0 else []
    if frames:
        small = one(a.procrec, b"".join(frames), settings)
        print("  shrunk to %d frames:\n%s" % (len(frames), describe(frames[-12:])))
        if small:
            print("  model:   %s\n  procrec: %s" % clip(small[2], small[3]))
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        for name, data in (("seed-%d.raw" % seed, raw), ("seed-%d-small.raw" % seed, b"".join(frames))):
            with open(os.path.join(a.keep, name), "wb") as f:
                f.write(data)
        print("  kept in %s" % a.keep)
    sys.stdout.flush()


def main():
    p = argparse.ArgumentParser(description="Compare procrec with the model on random streams.")
    p.add_argument("--procrec", default="build/procrec")
    p.add_argument("--seeds", type=int, default=2000)
    p.add_argument("--first", type=int, default=0, help="the first seed")
    p.add_argument("--frames", type=int, default=250, help="frames in each stream")
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument("--batch", type=int, default=0, help="streams for each worker call (default: by size)")
    p.add_argument("--keep", metavar="DIR", help="keep the streams that differ, whole and shrunk")
    p.add_argument("--no-shrink", dest="shrink", action="store_false")
    p.add_argument("--max-reports", type=int, default=5)
    a = p.parse_args()
    if not shutil.which(a.procrec):
        print("compare.py: no procrec at %s: build it, or name it with --procrec" % a.procrec, file=sys.stderr)
        return 2
    a.procrec = os.path.abspath(shutil.which(a.procrec))
    size = a.batch or max(1, min(50, 20000 // a.frames))
    seeds = list(range(a.first, a.first + a.seeds))
    work = [(a.procrec, seeds[i:i + size], a.frames) for i in range(0, len(seeds), size)]
    if a.first == 0:
        work += [(a.procrec, [seed], a.frames) for seed in range(gen.LIMITS, 0)]
    start = time.monotonic()
    frames = events = entries = differ = 0
    with ProcessPoolExecutor(a.jobs) as pool:
        for f, e, n, bad in pool.map(batch, work):
            frames, events, entries = frames + f, events + e, entries + n
            for seed, verdict in bad:
                differ += 1
                if differ <= a.max_reports:
                    report(a, seed, verdict)
    streams = sum(len(w[1]) for w in work)
    print("%d frames, %d events, %d cache entries compared in %.1f s" % (frames, events, entries, time.monotonic() - start))
    print("check-model: %d passed, %d failed" % (streams - differ, differ))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-2-Clause
"""
However many threads read a trace, the answer is the same: stdout, stderr and exit status, of whole traces and of damaged ones.

test_jobs.py PROCREC GEN_TRACE [few]: all fixtures, all seeds of the fuzzers, and traces of many blocks, damaged in many ways.
"""

import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

PROCREC, GEN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FEW = sys.argv[3:] == ["few"]
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOBS = ("2", "5") if FEW else ("2", "4")

VIEWS = {
    "events": ["replay", "T"],
    "events-json": ["replay", "T", "--json"],
    "cache": ["replay", "T", "--cache", "--json"],
    "stats": ["stats", "T", "--json"],
    "frames": ["replay", "T", "--frames"],
    "verify": ["verify", "T"],
}
# What ends early, leaves out, or fails on the way.
SELECTIONS = {
    "until-frame": ["replay", "T", "--until-frame", "20001"],
    "since": ["replay", "T", "--json", "--since", "+2s", "--until", "+3s"],
    "where": ["replay", "T", "--where", "pid % 7 = 0"],
    "where-fails": ["replay", "T", "--json", "--where", "CASE WHEN seq = 30000 THEN abs(-9223372036854775807 - 1) ELSE 1 END"],
    "clone-limit": ["replay", "T", "--cache-max-clone-entries", "320"],
    "memory-limit": ["replay", "T", "--json", "--cache-max-bytes", "150K"],
    "full-disk": ["sh", "-c", '"$0" replay "$1" --json "$2" "$3" >/dev/full', PROCREC, "T"],
}


def run(argv, trace, jobs):
    argv = [trace if a == "T" else a for a in argv] + ["--jobs", jobs]
    p = subprocess.run(argv if argv[0] == "sh" else [PROCREC, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=dict(os.environ, LC_ALL="C"), timeout=600, check=False)
    return p.stdout, p.stderr, p.returncode


def reindexed(trace, jobs):
    """The index that `reindex` makes, and what it says."""
    p = subprocess.run([PROCREC, "reindex", trace, "--jobs", jobs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    try:
        with open(trace + ".idx", "rb") as f:
            index = f.read()
        os.unlink(trace + ".idx")
    except FileNotFoundError:
        index = b""
    return p.stdout + index, p.stderr, p.returncode


def compare(name, give):
    """Problems of one command on one trace."""
    want = give("1")
    return [f"{name}: --jobs {j} gives {what}" for j in JOBS for what, a, b in zip(("another output", "other messages", "another status"), want, give(j)) if a != b]


def many_blocks(folder):
    """Traces of some 60 blocks: as written, and damaged by a list of random changes that is the same every time."""
    whole = os.path.join(folder, "whole.seg")
    subprocess.run([GEN, whole, "10000"], stdout=subprocess.DEVNULL, check=True)
    with open(whole, "rb") as f:
        data = f.read()
    heads = find_all(data, b"PRECBLK1")
    assert len(heads) > 20, "blocks enough that many are read ahead"
    rnd = random.Random(1)
    yield whole
    for n in range(4 if FEW else 12):
        bad = bytearray(data)
        kind = n % 6
        if kind == 0:  # bytes anywhere
            for _ in range(1 + n // 6):
                bad[rnd.randrange(168, len(bad))] ^= 1 << rnd.randrange(8)
        elif kind == 1:  # a descriptor
            bad[rnd.choice(heads) + rnd.randrange(100)] ^= 0x55
        elif kind == 2:  # a block is gone
            i = rnd.randrange(len(heads) - 1)
            del bad[heads[i] - 8:heads[i + 1] - 8]
        elif kind == 3:  # two blocks are swapped
            i = rnd.randrange(len(heads) - 2)
            a, b, c = (heads[i + k] - 8 for k in range(3))
            bad[a:c] = data[b:c] + data[a:b]
        elif kind == 4:  # the end is torn off
            del bad[rnd.randrange(len(bad) // 2, len(bad)):]
        else:  # garbage in between
            i = rnd.choice(heads) - 8
            bad[i:i] = rnd.randbytes(1 + rnd.randrange(5000))
        path = os.path.join(folder, f"damaged-{n}.seg")
        with open(path, "wb") as f:
            f.write(bad)
        yield path


def find_all(data, what):
    found, at = [], data.find(what)
    while at >= 0:
        found.append(at)
        at = data.find(what, at + 1)
    return found


def small_traces(folder):
    """Fixtures and seeds, copied: none of them has an index beside it."""
    files = sorted(glob.glob(os.path.join(TREE, "fixtures", "*", "*.seg")) + [
        p for p in glob.glob(os.path.join(TREE, "tests", "fuzz", "corpus", "*", "*")) if open(p, "rb").read(16)[8:] == b"PRECSEG1"])
    for n, path in enumerate(files[::7] if FEW else files):
        copy = os.path.join(folder, f"{n}-{os.path.basename(path)}")
        shutil.copy(path, copy)
        yield copy


def main():
    passed, problems = 0, []
    with tempfile.TemporaryDirectory(prefix="procrec-jobs-") as folder:
        cases = [(t, VIEWS) for t in small_traces(folder)]
        for trace in many_blocks(folder):
            cases.append((trace, {**VIEWS, **SELECTIONS} if trace.endswith("whole.seg") else VIEWS))
        for trace, views in cases:
            for view, argv in views.items():
                found = compare(f"{os.path.basename(trace)}: {view}", lambda j, a=argv, t=trace: run(a, t, j))
                problems += found
                passed += not found
            found = compare(f"{os.path.basename(trace)}: reindex", lambda j, t=trace: reindexed(t, j))
            problems += found
            passed += not found
    for p in problems:
        print(f"jobs: {p}")
    print(f"jobs: {passed} passed, {len(problems)} failed")
    return 1 if problems or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
